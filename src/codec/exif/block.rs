//! Bounds-checked reading of an EXIF block or a classic TIFF file, in its byte order.

use std::ops::Range;

use super::numbers::{EXIF_IFD, GPS_IFD, INTEROP_IFD, SHORT};

/// Bytes of one value of a field type.
pub(in crate::codec) fn kind_bytes(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    })
}

/// Bytes of one number of a field type: half a value for fractions.
pub(super) fn word_bytes(kind: u16) -> usize {
    if kind == 5 || kind == 10 { 4 } else { kind_bytes(kind).unwrap_or(1) }
}

/// A block and its byte order.
#[derive(Clone, Copy)]
pub(in crate::codec) struct Block<'a> {
    pub(in crate::codec) bytes: &'a [u8],
    pub(in crate::codec) little: bool,
}

/// One entry of a directory. Its values lie inside the block, or there would be none.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::codec) struct Entry {
    /// Where its 12 bytes stand.
    pub(in crate::codec) at: usize,
    pub(in crate::codec) tag: u16,
    pub(in crate::codec) kind: u16,
    pub(in crate::codec) count: u32,
    /// Where its values stand, in the entry itself or elsewhere.
    pub(in crate::codec) values: Range<usize>,
}

impl Entry {
    /// True when the values fit into the entry.
    pub(super) fn is_inside(&self) -> bool {
        self.values.start == self.at + 8
    }
}

impl<'a> Block<'a> {
    pub(in crate::codec) fn new(bytes: &'a [u8]) -> Option<Block<'a>> {
        let little = match bytes.get(..4)? {
            // The others are those of camera RAW by Panasonic and Olympus.
            b"II*\0" | b"IIU\0" | b"IIRO" | b"IIRS" => true,
            b"MM\0*" | b"MMOR" => false,
            _ => return None,
        };
        Some(Block { bytes, little })
    }

    pub(in crate::codec) fn u16(&self, at: usize) -> Option<u16> {
        let raw = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.little { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) })
    }

    pub(in crate::codec) fn u32(&self, at: usize) -> Option<u32> {
        let raw = *self.bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) })
    }

    /// A number in the block's byte order.
    pub(super) fn short(&self, value: u16) -> [u8; 2] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// As [`Block::short`].
    pub(super) fn long(&self, value: u32) -> [u8; 4] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// Where the main directory stands.
    pub(in crate::codec) fn main(&self) -> Option<u32> {
        self.u32(4)
    }

    /// Where the directory stands that an entry of another points to.
    pub(in crate::codec) fn below(&self, directory: u32, tag: u16) -> Option<u32> {
        self.u32(self.find(directory, tag)? + 8)
    }

    /// The directories beside the thumbnail's: main, Exif, GPS, Interoperability, as far as there are such.
    pub(in crate::codec) fn directories(&self) -> [Option<u32>; 4] {
        self.directories_of(self.main())
    }

    /// As [`Block::directories`], of another page's main directory.
    pub(super) fn directories_of(&self, main: Option<u32>) -> [Option<u32>; 4] {
        let below = |at: Option<u32>, tag| self.below(at?, tag);
        let exif = below(main, EXIF_IFD);
        [main, exif, below(main, GPS_IFD), below(exif, INTEROP_IFD)]
    }

    /// Offset of the entry of `tag` in the directory at `directory`.
    pub(in crate::codec) fn find(&self, directory: u32, tag: u16) -> Option<usize> {
        let directory = directory as usize;
        let count = usize::from(self.u16(directory)?);
        (0..count).map(|i| directory + 2 + 12 * i).find(|&at| self.u16(at) == Some(tag))
    }

    /// Bytes of the directory at `directory`, with the pointer to the next one; `None` when they are not all
    /// in the block.
    pub(super) fn extent(&self, directory: u32) -> Option<Range<usize>> {
        let from = directory as usize;
        let to = from + 2 + 12 * usize::from(self.u16(from)?) + 4;
        self.bytes.get(from..to).map(|_| from..to)
    }

    /// Entries of a directory as far as they are in the block: each one, or the place and tag of one that
    /// can't be read.
    pub(in crate::codec) fn entries(&self, directory: u32) -> impl Iterator<Item = Result<Entry, u16>> {
        let directory = directory as usize;
        let count = usize::from(self.u16(directory).unwrap_or(0));
        let places = (0..count).map(move |i| directory + 2 + 12 * i);
        places.map_while(|at| self.u16(at).map(|tag| self.entry(at).ok_or(tag)))
    }

    /// The entry at a place, if its values lie inside the block.
    pub(super) fn entry(&self, at: usize) -> Option<Entry> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
        let bytes = usize::try_from(count).ok()?.checked_mul(kind_bytes(kind)?)?;
        let from = if bytes <= 4 { at + 8 } else { self.u32(at + 8)? as usize };
        self.u32(at + 8)?;
        let values = from..from.checked_add(bytes)?;
        self.bytes.get(values.clone())?;
        Some(Entry { at, tag, kind, count, values })
    }

    /// The first number of an entry of whole numbers.
    pub(super) fn number(&self, entry: &Entry) -> Option<u32> {
        let at = entry.values.start;
        match (entry.count, entry.kind) {
            (0, _) => None,
            (_, 1 | 6) => self.bytes.get(at).copied().map(u32::from),
            (_, 3 | 8) => self.u16(at).map(u32::from),
            (_, 4 | 9 | 13) => self.u32(at),
            _ => None,
        }
    }

    /// As [`Block::number`], of a tag of a directory.
    pub(in crate::codec) fn number_of(&self, directory: u32, tag: u16) -> Option<u32> {
        self.number(&self.entry(self.find(directory, tag)?)?)
    }

    /// The whole numbers, of two or four bytes, of a tag of a directory.
    pub(super) fn numbers_of(&self, directory: u32, tag: u16) -> Option<impl Iterator<Item = u32>> {
        let entry = self.entry(self.find(directory, tag)?)?;
        let short = entry.kind == SHORT;
        let number = move |at| if short { self.u16(at).map(u32::from) } else { self.u32(at) };
        Some(entry.values.step_by(if short { 2 } else { 4 }).filter_map(number))
    }

    /// True when all directories and all their values lie inside the block, so that it can be the beginning
    /// of a larger file.
    pub(in crate::codec) fn is_whole(&self) -> bool {
        let [main, below @ ..] = self.directories();
        let whole = |at: u32| self.extent(at).is_some() && self.entries(at).all(|entry| entry.is_ok());
        main.is_some_and(whole) && below.into_iter().flatten().all(whole)
    }
}
