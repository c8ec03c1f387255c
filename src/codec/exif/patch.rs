//! Changing single fields of a block in place, so that everything else stays byte for byte, among it maker
//! notes, whose inner offsets break when they move. What can't be read is left as it is.

use std::ops::Range;

use super::block::{Block, Entry};
use super::numbers::{EXIF_IFD, ORIENTATION, SHORT};

const STRIP_OFFSETS: u16 = 273;
const STRIP_BYTES: u16 = 279;
const JPEG_OFFSET: u16 = 513;
const JPEG_BYTES: u16 = 514;

const IMAGE_WIDTH: u16 = 0x0100;
const IMAGE_LENGTH: u16 = 0x0101;
const PIXEL_X_DIMENSION: u16 = 0xA002;
const PIXEL_Y_DIMENSION: u16 = 0xA003;
const RELATED_WIDTH: u16 = 0x1001;
const RELATED_LENGTH: u16 = 0x1002;
const FOCAL_PLANE_X: u16 = 0xA20E;
const FOCAL_PLANE_Y: u16 = 0xA20F;
const SUBJECT_AREA: u16 = 0x9214;
const SUBJECT_LOCATION: u16 = 0xA214;

/// Overwrites bytes at a place that `place` looks up; false when there is no such place.
fn patch(bytes: &mut [u8], place: impl FnOnce(&Block) -> Option<(usize, Vec<u8>)>) -> bool {
    let Some((at, new)) = Block::new(bytes).and_then(|block| place(&block)) else { return false };
    match bytes.get_mut(at..).and_then(|tail| tail.get_mut(..new.len())) {
        Some(old) => {
            old.copy_from_slice(&new);
            true
        }
        None => false,
    }
}

/// An entry's bytes after its tag, for one SHORT where that holds the value and it was one, else one LONG.
fn whole_number(block: &Block, was: u16, value: u32) -> Vec<u8> {
    let short = u16::try_from(value).ok().filter(|_| was == SHORT);
    let kind = if short.is_some() { SHORT } else { super::numbers::LONG };
    let mut new = block.short(kind).to_vec();
    new.extend(block.long(1));
    match short {
        Some(value) => new.extend(block.short(value).into_iter().chain([0, 0])),
        None => new.extend(block.long(value)),
    }
    new
}

/// Sets the orientation tag, adding it where it is missing.
pub(in crate::codec) fn set_orientation(bytes: &mut Vec<u8>, orientation: u8) {
    let value = u32::from(orientation);
    let done = patch(bytes, |block| {
        let at = block.find(block.main()?, ORIENTATION)?;
        Some((at + 2, whole_number(block, SHORT, value)))
    });
    if !done && orientation != 1 {
        insert_orientation(bytes, value);
    }
}

/// Copies the main directory to the end of the block with an orientation entry in its place by tag.
fn insert_orientation(bytes: &mut Vec<u8>, value: u32) {
    let Some((directory, offset)) = Block::new(bytes).and_then(|block| {
        let extent = block.extent(block.main()?)?;
        let count = block.u16(extent.start)?.checked_add(1)?;
        let (from, to) = (extent.start + 2, extent.end - 4);
        let after = (from..to).step_by(12).find(|&at| block.u16(at) >= Some(ORIENTATION)).unwrap_or(to);
        let mut directory = block.short(count).to_vec();
        directory.extend_from_slice(bytes.get(from..after)?);
        directory.extend(block.short(ORIENTATION));
        directory.extend(whole_number(&block, SHORT, value));
        directory.extend_from_slice(bytes.get(after..extent.end)?);
        let offset = u32::try_from(bytes.len().next_multiple_of(2)).ok()?;
        Some((directory, block.long(offset)))
    }) else {
        return;
    };
    bytes.extend(std::iter::repeat_n(0, bytes.len() % 2));
    bytes.extend(directory);
    patch(bytes, |_| Some((4, offset.to_vec())));
}

/// Sets the picture's size wherever it is stated: in the main directory, as PixelXDimension and
/// PixelYDimension, and among the Interoperability fields.
pub(in crate::codec) fn set_size(bytes: &mut [u8], width: u32, height: u32) {
    for (directory, across, down) in [
        (0, IMAGE_WIDTH, IMAGE_LENGTH),
        (1, PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION),
        (3, RELATED_WIDTH, RELATED_LENGTH),
    ] {
        for (tag, value) in [(across, width), (down, height)] {
            patch(bytes, |block| {
                let at = block.find((*block.directories().get(directory)?)?, tag)?;
                let entry = block.entry(at).filter(Entry::is_inside)?;
                block.number(&entry)?;
                Some((at + 2, whole_number(block, entry.kind, value)))
            });
        }
    }
}

/// Brings fields that count in pixels in step with a picture that shows the same in `by` times as many pixels
/// across and down: the subject's place, and the pixels that a stretch of the sensor has.
pub(in crate::codec) fn scale(bytes: &mut [u8], by: (f64, f64)) {
    for tag in [SUBJECT_AREA, SUBJECT_LOCATION] {
        patch(bytes, |block| {
            let entry = block.entry(block.find(block.below(block.main()?, EXIF_IFD)?, tag)?)?;
            let numbers = entry.values.clone().step_by(2).map(|at| block.u16(at));
            let numbers: Vec<u16> = numbers.collect::<Option<_>>().filter(|_| entry.kind == SHORT)?;
            // A point; a circle's diameter; a rectangle's width and height.
            let factors = match numbers.len() {
                3 => [by.0, by.1, (by.0 * by.1).sqrt(), 1.0],
                _ => [by.0, by.1, by.0, by.1],
            };
            let scaled =
                numbers.iter().zip(factors).map(|(&number, by)| (f64::from(number) * by).round() as u16);
            Some((entry.values.start, scaled.flat_map(|number| block.short(number)).collect()))
        });
    }
    for (tag, by) in [(FOCAL_PLANE_X, by.0), (FOCAL_PLANE_Y, by.1)] {
        patch(bytes, |block| {
            let entry = block.entry(block.find(block.below(block.main()?, EXIF_IFD)?, tag)?)?;
            let at = entry.values.start;
            let (above, below) = (block.u32(at)?, block.u32(at + 4)?);
            if entry.kind != 5 || entry.count != 1 || below == 0 {
                return None;
            }
            let (above, below) = fraction(f64::from(above) * by / f64::from(below));
            Some((at, [block.long(above), block.long(below)].concat()))
        });
    }
}

/// A fraction for a number that is not negative, exact to at least five digits within a fraction's range.
fn fraction(value: f64) -> (u32, u32) {
    let most = f64::from(u32::MAX);
    let below = [1u32, 1000, 1_000_000].into_iter();
    let fits = |below: &u32| value * f64::from(*below) <= most;
    let below = below
        .take_while(fits)
        .find(|&b| (value * f64::from(b)).fract() == 0.0)
        .unwrap_or_else(|| [1_000_000, 1000].into_iter().find(fits).unwrap_or(1));
    ((value * f64::from(below)).round().min(most) as u32, below)
}

/// Takes out the subject's place, which is not known once the picture's corners have moved.
pub(in crate::codec) fn forget_subject(bytes: &mut [u8]) {
    for tag in [SUBJECT_AREA, SUBJECT_LOCATION] {
        patch(bytes, |block| {
            let extent = block.extent(block.below(block.main()?, EXIF_IFD)?)?;
            let at = block.find(extent.start as u32, tag)?;
            let mut new = block.short(block.u16(extent.start)?.checked_sub(1)?).to_vec();
            new.extend_from_slice(block.bytes.get(extent.start + 2..at)?);
            new.extend_from_slice(block.bytes.get(at + 12..extent.end)?);
            new.extend([0; 12]);
            Some((extent.start, new))
        });
    }
}

/// Unlinks the directory of the embedded thumbnail, which shows the picture as it was, and blanks its bytes
/// where nothing else stands in them.
pub(in crate::codec) fn unlink_thumbnail(bytes: &mut [u8]) {
    let Some((next, shown)) = Block::new(bytes).and_then(|block| {
        let main = block.extent(block.main()?)?;
        Some((main.end - 4, thumbnail(&block, main.end - 4).unwrap_or_default()))
    }) else {
        return;
    };
    for range in shown {
        if let Some(old) = bytes.get_mut(range) {
            old.fill(0);
        }
    }
    patch(bytes, |_| Some((next, vec![0; 4])));
}

/// Where the bytes of the thumbnail stand whose directory is linked at `next`, unless other values share them.
fn thumbnail(block: &Block, next: usize) -> Option<Vec<Range<usize>>> {
    let directory = block.u32(next).filter(|&at| at != 0)?;
    let mut shown = Vec::new();
    if let Some((at, len)) =
        block.number_of(directory, JPEG_OFFSET).zip(block.number_of(directory, JPEG_BYTES))
    {
        shown.push((at, len));
    }
    if let Some((places, lengths)) =
        block.numbers_of(directory, STRIP_OFFSETS).zip(block.numbers_of(directory, STRIP_BYTES))
    {
        shown.extend(places.zip(lengths));
    }
    let used = used(block);
    let free = |range: &Range<usize>| {
        let apart = |other: &Range<usize>| other.end <= range.start || range.end <= other.start;
        range.start >= 8 && used.iter().all(apart)
    };
    let ranges = shown.into_iter().map(|(at, len)| at as usize..(at as usize).saturating_add(len as usize));
    // Some writers count beyond the end of the block.
    let ranges = ranges.map(|range| range.start..range.end.min(block.bytes.len()));
    Some(ranges.filter(|range| range.start < range.end && free(range)).collect())
}

/// Where the directories beside the thumbnail's and their values stand.
fn used(block: &Block) -> Vec<Range<usize>> {
    let directories = block.directories().into_iter().flatten();
    let ranges = directories.flat_map(|at| {
        let values = block.entries(at).filter_map(Result::ok).map(|entry| entry.values);
        block.extent(at).into_iter().chain(values)
    });
    ranges.collect()
}
