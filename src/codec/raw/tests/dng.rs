//! Small DNGs of a known scene.

/// A field: tag, type, values (numerators and denominators for fractions).
pub type Field = (u16, u16, Vec<i64>);

/// A DNG: a preview in the main directory, the sensor's picture below it.
#[derive(Clone)]
pub struct Dng {
    pub width: usize,
    pub height: usize,
    /// Colours of the filter, row by row: 0 red, 1 green, 2 blue.
    pub pattern: [i64; 4],
    pub black: i64,
    pub white: i64,
    /// What the sensor gives of each colour, 0 to 1, at a place (x, y).
    pub scene: fn(usize, usize) -> [f64; 3],
    /// Values of the camera for a neutral colour.
    pub neutral: [f64; 3],
    /// From XYZ to the camera's colours under daylight, row by row.
    pub matrix: [f64; 9],
    /// Further fields of the main directory, the sensor's and the Exif directory.
    pub main: Vec<Field>,
    pub raw: Vec<Field>,
    pub exif: Vec<Field>,
    pub gps: Vec<Field>,
    pub big_endian: bool,
    /// Samples a pixel: 1 behind filters, 3 where each pixel has all colours.
    pub channels: usize,
}

/// From XYZ to linear sRGB: the matrix of a camera that sees as sRGB does.
pub const SRGB: [f64; 9] =
    [3.2404542, -1.5371385, -0.4985314, -0.969266, 1.8760108, 0.041556, 0.0556434, -0.2040259, 1.0572252];

impl Default for Dng {
    fn default() -> Dng {
        Dng {
            width: 32,
            height: 24,
            pattern: [0, 1, 1, 2],
            black: 512,
            white: 15_872,
            scene: |_, _| [0.25, 0.5, 0.3],
            neutral: [0.5, 1.0, 0.6],
            matrix: SRGB,
            main: Vec::new(),
            raw: Vec::new(),
            exif: vec![ascii(36867, "2024:05:06 07:08:09"), (33434, 5, vec![1, 250]), (34855, 3, vec![400])],
            gps: Vec::new(),
            big_endian: false,
            channels: 1,
        }
    }
}

pub fn ascii(tag: u16, text: &str) -> Field {
    (tag, 2, text.bytes().chain([0]).map(i64::from).collect())
}

fn fractions(values: &[f64]) -> Vec<i64> {
    values.iter().flat_map(|value| [(value * 1e7).round() as i64, 10_000_000]).collect()
}

impl Dng {
    fn number(&self, value: i64, bytes: usize) -> Vec<u8> {
        let mut raw = value.to_le_bytes()[..bytes].to_vec();
        if self.big_endian {
            raw.reverse();
        }
        raw
    }

    fn samples(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for y in 0..self.height {
            for x in 0..self.width {
                let colours = (self.scene)(x, y);
                let value = |light: f64| {
                    let value = self.black as f64 + light * (self.white - self.black) as f64;
                    self.number((value.round() as i64).clamp(0, 65_535), 2)
                };
                match self.channels {
                    1 => out.extend(value(colours[self.pattern[y % 2 * 2 + x % 2] as usize])),
                    _ => out.extend(colours.into_iter().flat_map(value)),
                }
            }
        }
        out
    }

    /// Appends a directory and its values; later fields go before earlier ones of the same tag.
    fn directory(&self, out: &mut Vec<u8>, fields: Vec<Field>) -> i64 {
        let mut all: Vec<Field> = Vec::new();
        for field in fields {
            all.retain(|known| known.0 != field.0);
            all.push(field);
        }
        all.retain(|field| !field.2.is_empty());
        all.sort();
        out.extend(std::iter::repeat_n(0, out.len() % 2));
        let at = out.len();
        let mut behind = at + 2 + 12 * all.len() + 4;
        let (mut entries, mut values) = (self.number(all.len() as i64, 2), Vec::new());
        for (tag, kind, numbers) in all {
            let size = [0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4][usize::from(kind)];
            let raw: Vec<u8> = numbers.iter().flat_map(|&value| self.number(value, size)).collect();
            entries.extend(self.number(tag.into(), 2));
            entries.extend(self.number(kind.into(), 2));
            entries.extend(self.number(numbers.len() as i64 / if matches!(kind, 5 | 10) { 2 } else { 1 }, 4));
            if raw.len() <= 4 {
                entries.extend(raw.iter().copied().chain([0; 4]).take(4));
            } else {
                entries.extend(self.number(behind as i64, 4));
                behind += raw.len().next_multiple_of(2);
                values.extend(&raw);
                values.extend(std::iter::repeat_n(0, raw.len() % 2));
            }
        }
        out.extend(entries);
        out.extend([0; 4]);
        out.extend(values);
        at as i64
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = if self.big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        out.extend([0; 4]);
        let preview = out.len() as i64;
        out.extend([200; 4 * 3 * 3]);
        let pixels = out.len() as i64;
        let samples = self.samples();
        out.extend(&samples);
        let (width, height) = (self.width as i64, self.height as i64);
        let photometric = if self.channels == 1 { 32803 } else { 34892 };
        let mut raw: Vec<Field> = vec![
            (254, 4, vec![0]),
            (256, 4, vec![width]),
            (257, 4, vec![height]),
            (258, 3, vec![16; self.channels]),
            (259, 3, vec![1]),
            (262, 3, vec![photometric]),
            (273, 4, vec![pixels]),
            (277, 3, vec![self.channels as i64]),
            (278, 4, vec![height]),
            (279, 4, vec![samples.len() as i64]),
            (50714, 3, vec![self.black; self.channels]),
            (50717, 3, vec![self.white; self.channels]),
        ];
        if self.channels == 1 {
            raw.extend([(33421, 3, vec![2, 2]), (33422, 1, self.pattern.to_vec())]);
        }
        raw.extend(self.raw.clone());
        let raw_at = self.directory(&mut out, raw);
        let exif_at = self.directory(&mut out, self.exif.clone());
        let gps_at = self.directory(&mut out, self.gps.clone());
        let mut main: Vec<Field> = vec![
            (254, 4, vec![1]),
            (256, 4, vec![4]),
            (257, 4, vec![3]),
            (258, 3, vec![8; 3]),
            (259, 3, vec![1]),
            (262, 3, vec![2]),
            ascii(271, "Lamp"),
            ascii(272, "Red One"),
            (273, 4, vec![preview]),
            (274, 3, vec![1]),
            (277, 3, vec![3]),
            (278, 4, vec![3]),
            (279, 4, vec![36]),
            (330, 4, vec![raw_at]),
            (34665, 4, vec![exif_at]),
            (34853, 4, if self.gps.is_empty() { Vec::new() } else { vec![gps_at] }),
            (50706, 1, vec![1, 4, 0, 0]),
            ascii(50708, "Lamp Red One"),
            (50721, 10, fractions(&self.matrix)),
            (50728, 5, fractions(&self.neutral)),
            (50778, 3, vec![21]),
        ];
        main.extend(self.main.clone());
        let main_at = self.directory(&mut out, main);
        let link = self.number(main_at, 4);
        out[4..8].copy_from_slice(&link);
        out
    }
}
