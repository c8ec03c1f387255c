//! From planes of luma and chroma, as video codecs give them, to gray or RGB. ITU-T H.273.

use crate::image::{Image, Samples};

/// Planes of a coded picture.
pub(super) struct Planes {
    /// Luma, then the two of chroma; these are empty where there is none.
    pub(super) planes: [Vec<u16>; 3],
    /// Samples of a row: of luma and of chroma.
    pub(super) strides: [usize; 2],
    /// Chroma has half the columns; half the rows.
    pub(super) halves: (bool, bool),
    /// Bits of luma samples and of chroma samples, 8 to 16.
    pub(super) bits: [u8; 2],
}

/// What the samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// Matrix coefficients of H.273; 0 for planes that are green, blue and red.
    pub(super) matrix: u16,
    /// Samples use the whole range, not that of television.
    pub(super) full_range: bool,
}

impl Coding {
    /// Shares of red and blue in luma; none for matrices that are not read.
    pub(super) fn shares(self) -> Option<(f32, f32)> {
        match self.matrix {
            1 => Some((0.2126, 0.0722)),
            4 => Some((0.30, 0.11)),
            // Unspecified is BT.601, as everywhere.
            0 | 2 | 5 | 6 => Some((0.299, 0.114)),
            7 => Some((0.212, 0.087)),
            9 => Some((0.2627, 0.0593)),
            _ => None,
        }
    }
}

/// A row's neighbours in chroma, with the weight of the second: chroma stands in the middle of its pixels.
fn between(at: usize, halved: bool, last: usize) -> (usize, usize, f32) {
    match (halved, at % 2) {
        (false, _) => (at.min(last), at.min(last), 0.0),
        (true, 0) => ((at / 2).saturating_sub(1).min(last), (at / 2).min(last), 0.75),
        (true, _) => ((at / 2).min(last), (at / 2 + 1).min(last), 0.25),
    }
}

/// The top left part of the planes as a picture: gray where there is no chroma, or where `gray`; 8 bits where the
/// planes have 8, else 16.
///
/// `None` when the planes are smaller, or the matrix is not read.
pub(super) fn picture(
    planes: &Planes,
    coding: Coding,
    width: usize,
    height: usize,
    gray: bool,
) -> Option<Image> {
    let (kr, kb) = coding.shares()?;
    let [luma, cb, cr] = &planes.planes;
    let [stride, chroma_stride] = planes.strides;
    let gray = gray || cb.is_empty();
    let channels = if gray { 1 } else { 3 };
    // From codes to 0..1 and -0.5..0.5.
    let scale = |bits: u8, television: f32, offset: f32| {
        let most = ((1u32 << bits) - 1) as f32;
        let unit = (1u32 << bits.saturating_sub(8)) as f32;
        if coding.full_range { (1.0 / most, 0.0) } else { (1.0 / (television * unit), offset * unit) }
    };
    let (luma_scale, black) = scale(planes.bits[0], 219.0, 16.0);
    let (chroma_scale, _) = scale(planes.bits[1], 224.0, 0.0);
    let middle = (1u32 << (planes.bits[1].max(1) - 1)) as f32;
    let wide = planes.bits[0].max(planes.bits[1]) > 8;
    let most: f32 = if wide { 65_535.0 } else { 255.0 };
    let halve = |side: usize, halved: bool| if halved { side.div_ceil(2) } else { side };
    let (last_x, last_y) =
        (halve(width, planes.halves.0).checked_sub(1)?, halve(height, planes.halves.1).checked_sub(1)?);
    let columns: Vec<_> = (0..width).map(|x| between(x, planes.halves.0, last_x)).collect();
    let mut values: Vec<f32> = vec![0.0; width * channels];
    let (mut narrow, mut sixteen) = (Vec::new(), Vec::new());
    let mut blended = [vec![0.0f32; last_x + 1], vec![0.0f32; last_x + 1]];
    for y in 0..height {
        let row = luma.get(y * stride..)?.get(..width)?;
        if gray {
            for (value, code) in values.iter_mut().zip(row) {
                *value = (f32::from(*code) - black) * luma_scale;
            }
        } else {
            let (above, below, weight) = between(y, planes.halves.1, last_y);
            for (blended, plane) in blended.iter_mut().zip([cb, cr]) {
                let line = |row: usize| plane.get(row * chroma_stride..)?.get(..=last_x);
                for ((value, a), b) in blended.iter_mut().zip(line(above)?).zip(line(below)?) {
                    *value = f32::from(*a) + (f32::from(*b) - f32::from(*a)) * weight;
                }
            }
            let [cb, cr] = &blended;
            let at = |line: &[f32], (left, right, weight): (usize, usize, f32)| {
                line[left] + (line[right] - line[left]) * weight
            };
            for ((pixel, code), column) in values.chunks_exact_mut(3).zip(row).zip(&columns) {
                let luma = (f32::from(*code) - black) * luma_scale;
                let (cb, cr) = (at(cb, *column), at(cr, *column));
                let [r, g, b] = if coding.matrix == 0 {
                    [(cr - black) * luma_scale, luma, (cb - black) * luma_scale]
                } else {
                    let r = luma + 2.0 * (1.0 - kr) * (cr - middle) * chroma_scale;
                    let b = luma + 2.0 * (1.0 - kb) * (cb - middle) * chroma_scale;
                    [r, (luma - kr * r - kb * b) / (1.0 - kr - kb), b]
                };
                pixel.copy_from_slice(&[r, g, b]);
            }
        }
        let rounded = values.iter().map(|value| (value * most + 0.5).clamp(0.0, most));
        if wide {
            sixteen.extend(rounded.map(|value| value as u16));
        } else {
            narrow.extend(rounded.map(|value| value as u8));
        }
    }
    let samples = if wide { Samples::U16(sixteen) } else { Samples::U8(narrow) };
    Some(Image { width, height, channels, samples, alpha: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planes(luma: u16, cb: u16, cr: u16, bits: u8) -> Planes {
        Planes {
            planes: [vec![luma; 6], vec![cb; 2], vec![cr; 2]],
            strides: [3, 2],
            halves: (true, true),
            bits: [bits, bits],
        }
    }

    fn first(planes: &Planes, matrix: u16, full_range: bool) -> Samples {
        picture(planes, Coding { matrix, full_range }, 1, 1, false).unwrap().samples
    }

    #[test]
    fn codes_mean_what_the_standard_says() {
        assert_eq!(first(&planes(16, 128, 128, 8), 1, false), Samples::U8(vec![0; 3]));
        assert_eq!(first(&planes(235, 128, 128, 8), 1, false), Samples::U8(vec![255; 3]));
        assert_eq!(first(&planes(940, 512, 512, 10), 9, false), Samples::U16(vec![65_535; 3]));
        assert_eq!(first(&planes(1023, 512, 512, 10), 9, true), Samples::U16(vec![65_535; 3]));
        // Red in BT.601, full range.
        let Samples::U8(red) = first(&planes(76, 85, 255, 8), 6, true) else { panic!() };
        assert!(red[0] >= 253 && red[1] <= 2 && red[2] <= 2, "{red:?}");
        // Planes of green, blue and red.
        assert_eq!(first(&planes(1, 2, 3, 8), 0, true), Samples::U8(vec![3, 1, 2]));
        assert!(picture(&planes(1, 2, 3, 8), Coding { matrix: 8, full_range: true }, 1, 1, false).is_none());
    }

    #[test]
    fn chroma_stands_between_its_pixels() {
        let planes = Planes {
            planes: [vec![128; 4], vec![128; 2], vec![128, 228]],
            strides: [4, 2],
            halves: (true, false),
            bits: [8, 8],
        };
        let image = picture(&planes, Coding { matrix: 6, full_range: true }, 4, 1, false).unwrap();
        let red: Vec<i32> = (0..4).map(|x| (image.at(x, 0, 0) * 255.0).round() as i32 - 128).collect();
        // 1.402 times 0, 25, 75 and 100.
        assert_eq!(red, [0, 35, 105, 127]);
    }
}
