//! EXIF blocks (a TIFF header with its directories): reading and patching single fields in place, and
//! taking a block apart into fields for containers that store them otherwise.
//!
//! Patching in place keeps everything else byte for byte, among it maker notes, whose inner offsets break
//! when they move. Damaged blocks are left as they are.

use super::meta::{Density, DensityUnit};

/// Tag of the orientation.
pub(super) const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011A;
const Y_RESOLUTION: u16 = 0x011B;
const RESOLUTION_UNIT: u16 = 0x0128;
/// Pointer to the Exif directory.
pub(super) const EXIF_IFD: u16 = 0x8769;
/// Pointer to the GPS directory.
pub(super) const GPS_IFD: u16 = 0x8825;
const INTEROP_IFD: u16 = 0xA005;
const PIXEL_X_DIMENSION: u16 = 0xA002;
const PIXEL_Y_DIMENSION: u16 = 0xA003;

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// Main-directory tags that describe the picture rather than the layout of the file it stands in.
pub(super) const DESCRIPTIVE: [u16; 21] = [
    0x010D,
    0x010E,
    0x010F,
    0x0110,
    ORIENTATION,
    0x011D,
    0x0131,
    0x0132,
    0x013B,
    0x013C,
    0x4746,
    0x4749,
    0x8298,
    0x882B,
    0x9003,
    0x9C9B,
    0x9C9C,
    0x9C9D,
    0x9C9E,
    0x9C9F,
    0xC4A5,
];

/// Most bytes that the fields of one block may take together; more is damage or abuse.
const MAX_FIELD_BYTES: usize = 8 << 20;

/// One field of a directory, its values in little-endian order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) tag: u16,
    /// TIFF field type, 1..=12.
    pub(super) kind: u16,
    pub(super) data: Vec<u8>,
}

impl Field {
    /// Bytes of one number: half a value for fractions.
    pub(super) fn word(&self) -> usize {
        word_bytes(self.kind)
    }
}

/// The fields of an EXIF block or a TIFF file's first directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub(super) main: Vec<Field>,
    pub(super) exif: Vec<Field>,
    pub(super) gps: Vec<Field>,
}

impl Fields {
    /// The descriptive fields of an EXIF block or a (classic) TIFF file; `None` when it can't be read.
    pub(super) fn parse(bytes: &[u8]) -> Option<Fields> {
        let block = Block::new(bytes)?;
        let mut budget = MAX_FIELD_BYTES;
        let main_at = block.u32(4)?;
        let sub = |tag| block.find(main_at, tag).and_then(|at| block.u32(at + 8));
        let mut fields = Fields {
            main: block.fields(main_at, &mut budget, |tag| DESCRIPTIVE.contains(&tag))?,
            ..Fields::default()
        };
        if let Some(at) = sub(EXIF_IFD) {
            fields.exif = block.fields(at, &mut budget, |tag| tag != INTEROP_IFD).unwrap_or_default();
        }
        if let Some(at) = sub(GPS_IFD) {
            fields.gps = block.fields(at, &mut budget, |_| true).unwrap_or_default();
        }
        Some(fields)
    }

    /// True when there is nothing but perhaps an orientation of 1.
    pub(super) fn is_empty(&self) -> bool {
        let telling = |f: &Field| f.tag != ORIENTATION || f.data.first() != Some(&1);
        !self.main.iter().any(telling) && self.exif.is_empty() && self.gps.is_empty()
    }

    /// The fields as an EXIF block in little-endian order.
    pub(super) fn to_block(&self) -> Vec<u8> {
        let mut block = b"II*\0\x08\0\0\0".to_vec();
        let mut main = self.main.clone();
        let subs = [(EXIF_IFD, &self.exif), (GPS_IFD, &self.gps)];
        for (tag, _) in subs.iter().filter(|(_, fields)| !fields.is_empty()) {
            main.push(Field { tag: *tag, kind: LONG, data: vec![0; 4] });
        }
        write_directory(&mut block, &mut main);
        for (tag, fields) in subs.into_iter().filter(|(_, fields)| !fields.is_empty()) {
            let at = block.len() as u32;
            patch(&mut block, |b| Some((b.find(8, tag)? + 8, at.to_le_bytes().to_vec())));
            write_directory(&mut block, &mut fields.clone());
        }
        block
    }
}

/// Appends a directory and its values; offsets count from the start of `block`.
fn write_directory(block: &mut Vec<u8>, fields: &mut [Field]) {
    fields.sort_by_key(|field| field.tag);
    let mut values_at = block.len() + 2 + 12 * fields.len() + 4;
    let mut values = Vec::new();
    block.extend((fields.len() as u16).to_le_bytes());
    for field in fields.iter() {
        let count = (field.data.len() / kind_bytes(field.kind).unwrap_or(1)) as u32;
        block.extend(field.tag.to_le_bytes());
        block.extend(field.kind.to_le_bytes());
        block.extend(count.to_le_bytes());
        if field.data.len() <= 4 {
            block.extend(field.data.iter().copied().chain([0; 4]).take(4));
        } else {
            block.extend((values_at as u32).to_le_bytes());
            values.extend_from_slice(&field.data);
            values.extend(std::iter::repeat_n(0, field.data.len() % 2));
            values_at += field.data.len().next_multiple_of(2);
        }
    }
    block.extend([0; 4]);
    block.extend(values);
}

/// The block without the `Exif\0\0` that JPEG puts before it and some writers elsewhere.
pub(super) fn strip_prefix(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes)
}

/// The orientation tag, when there is a valid one.
pub(super) fn orientation(bytes: &[u8]) -> Option<u8> {
    let block = Block::new(bytes)?;
    let at = block.find(block.u32(4)?, ORIENTATION)?;
    let value = match block.u16(at + 2)? {
        1 => u32::from(*bytes.get(at + 8)?),
        SHORT => u32::from(block.u16(at + 8)?),
        LONG => block.u32(at + 8)?,
        _ => return None,
    };
    u8::try_from(value).ok().filter(|v| (1..=8).contains(v))
}

/// The resolution tags.
pub(super) fn density(bytes: &[u8]) -> Option<Density> {
    let block = Block::new(bytes)?;
    let main = block.u32(4)?;
    let ratio = |tag| {
        let at = block.u32(block.find(main, tag)? + 8)? as usize;
        let value = f64::from(block.u32(at)?) / f64::from(block.u32(at.checked_add(4)?)?);
        (value.is_finite() && value > 0.0).then_some(value)
    };
    let unit = match block.find(main, RESOLUTION_UNIT).and_then(|at| block.u16(at + 8)) {
        Some(1) => DensityUnit::Aspect,
        Some(3) => DensityUnit::PerCentimetre,
        _ => DensityUnit::PerInch,
    };
    Some(Density { x: ratio(X_RESOLUTION)?, y: ratio(Y_RESOLUTION)?, unit })
}

/// Sets the orientation tag, adding it where it is missing.
pub(super) fn set_orientation(bytes: &mut Vec<u8>, orientation: u8) {
    let short = |little: bool| {
        let value = u16::from(orientation);
        let [a, b] = if little { value.to_le_bytes() } else { value.to_be_bytes() };
        [a, b, 0, 0]
    };
    let done = patch(bytes, |block| {
        let at = block.find(block.u32(4)?, ORIENTATION)?;
        let mut new = block.header_of_entry(SHORT, 1).to_vec();
        new.extend(short(block.little));
        Some((at + 2, new))
    });
    if !done && orientation != 1 {
        insert_orientation(bytes, short);
    }
}

/// Sets a main-directory field that holds one SHORT; false when it is missing.
pub(super) fn set_short(bytes: &mut [u8], tag: u16, value: u16) -> bool {
    patch(bytes, |block| {
        let at = block.find(block.u32(4)?, tag)?;
        Some((at + 8, (if block.little { value.to_le_bytes() } else { value.to_be_bytes() }).to_vec()))
    })
}

/// Copies the main directory to the end of the block with an orientation entry in its place by tag.
fn insert_orientation(bytes: &mut Vec<u8>, short: impl Fn(bool) -> [u8; 4]) {
    let Some((directory, offset)) = Block::new(bytes).and_then(|block| {
        let main = block.u32(4)? as usize;
        let count = block.u16(main)?;
        let end = main + 2 + 12 * usize::from(count);
        let entries = bytes.get(main + 2..end)?;
        let before =
            entries.chunks_exact(12).take_while(|e| block.order16(e) < Some(ORIENTATION)).count() * 12;
        let number = |v: u16| if block.little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut directory = number(count.checked_add(1)?).to_vec();
        directory.extend_from_slice(entries.get(..before)?);
        directory.extend(number(ORIENTATION));
        directory.extend(block.header_of_entry(SHORT, 1));
        directory.extend(short(block.little));
        directory.extend_from_slice(entries.get(before..)?);
        directory.extend_from_slice(bytes.get(end..end + 4)?);
        let offset = u32::try_from(bytes.len().next_multiple_of(2)).ok()?;
        Some((directory, if block.little { offset.to_le_bytes() } else { offset.to_be_bytes() }))
    }) else {
        return;
    };
    bytes.extend(std::iter::repeat_n(0, bytes.len() % 2));
    bytes.extend(directory);
    patch(bytes, |_| Some((4, offset.to_vec())));
}

/// Sets PixelXDimension and PixelYDimension where they are present.
pub(super) fn set_size(bytes: &mut [u8], width: u32, height: u32) {
    for (tag, value) in [(PIXEL_X_DIMENSION, width), (PIXEL_Y_DIMENSION, height)] {
        patch(bytes, |block| {
            let exif = block.u32(block.find(block.u32(4)?, EXIF_IFD)? + 8)?;
            let at = block.find(exif, tag)?;
            let mut new = block.header_of_entry(LONG, 1).to_vec();
            new.extend(if block.little { value.to_le_bytes() } else { value.to_be_bytes() });
            Some((at + 2, new))
        });
    }
}

/// Unlinks the directory of the embedded thumbnail, which shows the picture as it was.
pub(super) fn unlink_thumbnail(bytes: &mut [u8]) {
    patch(bytes, |block| {
        let main = block.u32(4)?;
        let next = main as usize + 2 + 12 * usize::from(block.u16(main as usize)?);
        Some((next, vec![0; 4]))
    });
}

/// Overwrites bytes at a place that `place` looks up; false when there is no such place.
fn patch(bytes: &mut [u8], place: impl Fn(&Block) -> Option<(usize, Vec<u8>)>) -> bool {
    let Some((at, new)) = Block::new(bytes).and_then(|block| place(&block)) else { return false };
    match bytes.get_mut(at..).and_then(|tail| tail.get_mut(..new.len())) {
        Some(old) => {
            old.copy_from_slice(&new);
            true
        }
        None => false,
    }
}

fn kind_bytes(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    })
}

fn word_bytes(kind: u16) -> usize {
    if kind == 5 || kind == 10 { 4 } else { kind_bytes(kind).unwrap_or(1) }
}

/// Bounds-checked reading of a block in its byte order.
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) little: bool,
}

impl<'a> Block<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Block<'a>> {
        let little = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Block { bytes, little })
    }

    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.order16(self.bytes.get(at..)?)
    }

    fn order16(&self, bytes: &[u8]) -> Option<u16> {
        let raw = *bytes.first_chunk::<2>()?;
        Some(if self.little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        let raw = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    /// Offset of the entry of `tag` in the directory at `directory`.
    pub(super) fn find(&self, directory: u32, tag: u16) -> Option<usize> {
        let directory = directory as usize;
        let count = usize::from(self.u16(directory)?);
        (0..count).map(|i| directory + 2 + 12 * i).find(|&at| self.u16(at) == Some(tag))
    }

    /// Type and count of an entry, as they stand after its tag.
    fn header_of_entry(&self, kind: u16, count: u32) -> [u8; 6] {
        let (kind, count) = if self.little {
            (kind.to_le_bytes(), count.to_le_bytes())
        } else {
            (kind.to_be_bytes(), count.to_be_bytes())
        };
        [kind[0], kind[1], count[0], count[1], count[2], count[3]]
    }

    /// The wanted fields of a directory; unreadable ones and those beyond the budget (bytes) are skipped.
    fn fields(&self, directory: u32, budget: &mut usize, wanted: impl Fn(u16) -> bool) -> Option<Vec<Field>> {
        let directory = directory as usize;
        let count = usize::from(self.u16(directory)?);
        let entries = (0..count).map(|i| directory + 2 + 12 * i);
        let wanted = entries.filter(|&at| self.u16(at).is_some_and(&wanted));
        Some(wanted.filter_map(|at| self.field(at, budget)).collect())
    }

    fn field(&self, at: usize, budget: &mut usize) -> Option<Field> {
        let (tag, kind) = (self.u16(at)?, self.u16(at + 2)?);
        let unit = kind_bytes(kind)?;
        let bytes = usize::try_from(self.u32(at + 4)?).ok()?.checked_mul(unit)?;
        // Asked before the copy: many entries may point to the same bytes.
        let left = budget.checked_sub(bytes.checked_add(16)?)?;
        let from = if bytes <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
        let mut data = self.bytes.get(from..)?.get(..bytes)?.to_vec();
        if !self.little {
            data.chunks_exact_mut(word_bytes(kind)).for_each(<[u8]>::reverse);
        }
        *budget = left;
        Some(Field { tag, kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A big-endian block: Make, Orientation 6, Exif directory with a size in SHORTs, linked thumbnail.
    fn big_endian() -> Vec<u8> {
        let mut b = b"MM\0*\0\0\0\x08".to_vec();
        b.extend([0, 3]);
        b.extend(*b"\x01\x0f\0\x02\0\0\0\x04abc\0");
        b.extend(*b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
        b.extend(*b"\x87\x69\0\x04\0\0\0\x01\0\0\0\x32");
        b.extend([0, 0, 0, 99]);
        assert_eq!(b.len(), 50);
        b.extend([0, 2]);
        b.extend(*b"\xa0\x02\0\x03\0\0\0\x01\0\x64\0\0");
        b.extend(*b"\xa0\x03\0\x03\0\0\0\x01\0\x32\0\0");
        b.extend([0; 4]);
        b
    }

    #[test]
    fn fields_are_patched_in_place() {
        let mut block = big_endian();
        assert_eq!(orientation(&block), Some(6));
        set_orientation(&mut block, 1);
        set_size(&mut block, 70_000, 300);
        unlink_thumbnail(&mut block);
        assert_eq!(block.len(), big_endian().len());
        assert_eq!(orientation(&block), Some(1));
        let fields = Fields::parse(&block).unwrap();
        let values: Vec<&[u8]> = fields.exif.iter().map(|f| f.data.as_slice()).collect();
        assert_eq!(values, [70_000u32.to_le_bytes(), 300u32.to_le_bytes()]);
        assert_eq!(&block[46..50], [0; 4]);
    }

    #[test]
    fn a_missing_orientation_is_added_in_tag_order() {
        let fields = Fields {
            main: vec![
                Field { tag: 0x010F, kind: 2, data: b"maker\0".to_vec() },
                Field { tag: 0x0131, kind: 2, data: b"software\0".to_vec() },
            ],
            ..Fields::default()
        };
        let mut block = fields.to_block();
        set_orientation(&mut block, 1);
        assert_eq!(orientation(&block), None);
        set_orientation(&mut block, 8);
        assert_eq!(orientation(&block), Some(8));
        let tags: Vec<u16> = Fields::parse(&block).unwrap().main.iter().map(|f| f.tag).collect();
        assert_eq!(tags, [0x010F, ORIENTATION, 0x0131]);
    }

    #[test]
    fn fields_survive_writing_and_parsing() {
        let fields = Fields::parse(&big_endian()).unwrap();
        assert_eq!(fields.main.len(), 2);
        assert_eq!(Fields::parse(&fields.to_block()).unwrap(), fields);
    }

    #[test]
    fn many_entries_for_the_same_bytes_stay_within_the_budget() {
        let mut block = b"II*\0\x08\0\0\0\xff\xff".to_vec();
        for _ in 0..u16::MAX {
            block.extend(*b"\x0f\x01\x02\0\0\0\x30\0\0\0\0\0");
        }
        block.resize(4 << 20, 0);
        let start = std::time::Instant::now();
        let fields = Fields::parse(&block).unwrap();
        assert!(start.elapsed().as_secs() < 5);
        let bytes: usize = fields.main.iter().map(|field| field.data.len()).sum();
        assert!(bytes > 0 && bytes <= MAX_FIELD_BYTES);
    }

    #[test]
    fn damaged_blocks_are_left_alone() {
        for cut in 0..big_endian().len() {
            let mut block = big_endian()[..cut].to_vec();
            orientation(&block);
            density(&block);
            set_orientation(&mut block, 3);
            set_size(&mut block, 1, 1);
            unlink_thumbnail(&mut block);
            Fields::parse(&block);
        }
        let mut garbage = b"not exif".to_vec();
        set_orientation(&mut garbage, 3);
        assert_eq!(garbage, b"not exif");
    }
}
