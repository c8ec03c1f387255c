//! A TIFF file as it grows: values and directories, classic or BigTIFF, in either byte order.

use crate::codec::exif::Field;

pub(super) const SHORT: u16 = 3;
pub(super) const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const LONG8: u16 = 16;

/// One entry of a directory to be.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) tag: u16,
    kind: u16,
    count: u64,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// In the file's byte order.
    Here(Vec<u8>),
    /// As they or their offset stand in an entry of the block that the file begins with.
    Copied([u8; 4]),
}

impl Entry {
    /// An entry whose values are bytes.
    pub(super) fn bytes(tag: u16, kind: u16, bytes: Vec<u8>) -> Entry {
        Entry { tag, kind, count: bytes.len() as u64, values: Values::Here(bytes) }
    }

    /// A copy of an entry of the block at the beginning, where all its offsets are true.
    pub(super) fn copied(tag: u16, kind: u16, count: u32, slot: [u8; 4]) -> Entry {
        Entry { tag, kind, count: u64::from(count), values: Values::Copied(slot) }
    }
}

/// The file.
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) little: bool,
    pub(super) big: bool,
}

impl File {
    /// A file with nothing but its header.
    pub(super) fn new(little: bool, big: bool) -> File {
        let mut file = File { bytes: if little { b"II" } else { b"MM" }.to_vec(), little, big };
        let version = file.short(if big { 43 } else { 42 });
        file.bytes.extend(version);
        if big {
            let offsets = [file.short(8), file.short(0)].concat();
            file.bytes.extend(offsets);
        }
        file.bytes.resize(if big { 16 } else { 8 }, 0);
        file
    }

    /// A file that begins with an EXIF block, byte for byte.
    pub(super) fn from_block(bytes: Vec<u8>) -> File {
        File { little: bytes.starts_with(b"II"), bytes, big: false }
    }

    fn number(&self, value: u64, bytes: usize) -> Vec<u8> {
        if self.little {
            value.to_le_bytes()[..bytes].to_vec()
        } else {
            value.to_be_bytes()[8 - bytes..].to_vec()
        }
    }

    fn short(&self, value: u16) -> Vec<u8> {
        self.number(u64::from(value), 2)
    }

    /// An offset, or a count of values.
    fn word(&self, value: u64) -> Vec<u8> {
        self.number(value, if self.big { 8 } else { 4 })
    }

    pub(super) fn shorts(&self, tag: u16, values: &[u16]) -> Entry {
        let bytes = values.iter().flat_map(|&value| self.short(value)).collect();
        Entry { tag, kind: SHORT, count: values.len() as u64, values: Values::Here(bytes) }
    }

    pub(super) fn long(&self, tag: u16, value: u32) -> Entry {
        Entry { tag, kind: LONG, count: 1, values: Values::Here(self.number(u64::from(value), 4)) }
    }

    /// Offsets or lengths.
    pub(super) fn words(&self, tag: u16, values: &[u64]) -> Entry {
        let bytes = values.iter().flat_map(|&value| self.word(value)).collect();
        let kind = if self.big { LONG8 } else { LONG };
        Entry { tag, kind, count: values.len() as u64, values: Values::Here(bytes) }
    }

    pub(super) fn rational(&self, tag: u16, above: u32, below: u32) -> Entry {
        let bytes = [above, below].iter().flat_map(|&value| self.number(u64::from(value), 4)).collect();
        Entry { tag, kind: RATIONAL, count: 1, values: Values::Here(bytes) }
    }

    pub(super) fn field(&self, field: &Field) -> Entry {
        let bytes = field.in_order(self.little);
        let count = (bytes.len() / field.value_bytes()) as u64;
        Entry { tag: field.tag, kind: field.kind, count, values: Values::Here(bytes) }
    }

    /// Fills up to the next even offset, where what follows may stand.
    pub(super) fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(2), 0);
    }

    /// Adds a directory behind its values; gives its offset.
    pub(super) fn directory(&mut self, mut entries: Vec<Entry>) -> u64 {
        entries.sort_by_key(|entry| entry.tag);
        let mut directory =
            if self.big { self.word(entries.len() as u64) } else { self.short(entries.len() as u16) };
        let held = if self.big { 8 } else { 4 };
        for Entry { tag, kind, count, values } in entries {
            directory.extend([self.short(tag), self.short(kind), self.word(count)].concat());
            let mut slot = match values {
                Values::Copied(slot) => slot.to_vec(),
                Values::Here(bytes) if bytes.len() <= held => bytes,
                Values::Here(bytes) => {
                    self.align();
                    let at = self.bytes.len() as u64;
                    self.bytes.extend(bytes);
                    self.word(at)
                }
            };
            slot.resize(held, 0);
            directory.extend(slot);
        }
        self.align();
        let at = self.bytes.len() as u64;
        self.bytes.extend(directory);
        self.bytes.resize(self.bytes.len() + held, 0);
        at
    }

    /// The file, whose first directory stands at `first`.
    pub(super) fn finish(mut self, first: u64) -> Vec<u8> {
        let word = self.word(first);
        let at = if self.big { 8 } else { 4 };
        if let Some(place) = self.bytes.get_mut(at..at + word.len()) {
            place.copy_from_slice(&word);
        }
        self.bytes
    }
}
