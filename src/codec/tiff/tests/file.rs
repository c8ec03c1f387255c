//! TIFF files for tests, tag by tag.

use std::io::Write;

/// A directory with its strips or tiles.
#[derive(Clone)]
pub(super) struct Tiff {
    big_endian: bool,
    tiled: bool,
    entries: Vec<(u16, u16, Vec<u64>)>,
    chunks: Vec<Vec<u8>>,
    without: Vec<u16>,
}

impl Tiff {
    /// An uncompressed picture in strips; photometric interpretation, and the bits of each sample.
    pub(super) fn new(width: u32, height: u32, photometric: u64, bits: &[u16]) -> Tiff {
        let bits: Vec<u64> = bits.iter().map(|&bits| bits.into()).collect();
        let tiff = Tiff { big_endian: false, tiled: false, entries: vec![], chunks: vec![], without: vec![] };
        let samples = bits.len() as u64;
        tiff.with(256, 4, &[width.into()])
            .with(257, 4, &[height.into()])
            .with(258, 3, &bits)
            .with(262, 3, &[photometric])
            .with(277, 3, &[samples])
    }

    /// Sets a tag: its field type and values, fractions as two each.
    pub(super) fn with(mut self, tag: u16, kind: u16, values: &[u64]) -> Tiff {
        self.entries.retain(|entry| entry.0 != tag);
        self.entries.push((tag, kind, values.to_vec()));
        self
    }

    pub(super) fn without(mut self, tag: u16) -> Tiff {
        self.without.push(tag);
        self
    }

    pub(super) fn big_endian(mut self) -> Tiff {
        self.big_endian = true;
        self
    }

    pub(super) fn tiled(mut self) -> Tiff {
        self.tiled = true;
        self
    }

    /// The next strip or tile.
    pub(super) fn chunk(mut self, data: Vec<u8>) -> Tiff {
        self.chunks.push(data);
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        pages(std::slice::from_ref(self))
    }

    pub(super) fn big_tiff(&self) -> Vec<u8> {
        written(std::slice::from_ref(self), true)
    }
}

/// A file of several directories.
pub(super) fn pages(tiffs: &[Tiff]) -> Vec<u8> {
    written(tiffs, false)
}

fn written(tiffs: &[Tiff], big: bool) -> Vec<u8> {
    let big_endian = tiffs[0].big_endian;
    let number = |value: u64, bytes: usize| {
        let mut raw = value.to_le_bytes()[..bytes].to_vec();
        if big_endian {
            raw.reverse();
        }
        raw
    };
    let word = if big { 8 } else { 4 };
    let mut out = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    out.extend(number(if big { 43 } else { 42 }, 2));
    if big {
        out.extend(number(8, 2));
        out.extend(number(0, 2));
    }
    let mut link = out.len();
    out.extend(number(0, word));
    for tiff in tiffs {
        let mut offsets = Vec::new();
        for chunk in &tiff.chunks {
            offsets.push(out.len() as u64);
            out.extend_from_slice(chunk);
            out.extend(std::iter::repeat_n(0, out.len() % 2));
        }
        let lengths: Vec<u64> = tiff.chunks.iter().map(|chunk| chunk.len() as u64).collect();
        let (at, len) = if tiff.tiled { (324, 325) } else { (273, 279) };
        let mut entries = tiff.entries.clone();
        entries.extend([(at, 4, offsets), (len, 4, lengths)]);
        entries.retain(|entry| !tiff.without.contains(&entry.0) && !entry.2.is_empty());
        entries.sort();
        let here = number(out.len() as u64, word);
        out[link..link + word].copy_from_slice(&here);
        out.extend(number(entries.len() as u64, if big { 8 } else { 2 }));
        let mut behind = out.len() + entries.len() * (4 + 2 * word) + word;
        let mut values = Vec::new();
        for (tag, kind, numbers) in entries {
            let size = [0, 1, 1, 2, 4, 4, 1, 1, 2, 4, 4, 4, 8][usize::from(kind)];
            let raw: Vec<u8> = numbers.iter().flat_map(|&value| number(value, size)).collect();
            out.extend(number(tag.into(), 2));
            out.extend(number(kind.into(), 2));
            out.extend(number(numbers.len() as u64 / if kind == 5 { 2 } else { 1 }, word));
            if raw.len() <= word {
                out.extend(raw.iter().copied().chain([0; 8]).take(word));
            } else {
                out.extend(number(behind as u64, word));
                behind += raw.len();
                values.extend(raw);
            }
        }
        link = out.len();
        out.extend(number(0, word));
        out.extend(values);
    }
    out
}

pub(super) fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}
