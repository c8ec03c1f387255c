//! Directories of a TIFF file, classic and BigTIFF: their entries, the values behind them, and the chain
//! that they form.
//!
//! Nothing is trusted: every value must lie inside the file before memory is taken for it, and walking the
//! chain has a budget.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};

use super::super::{CodecError, Format, damaged, malformed, unsupported};
use super::tag;

/// Most directories that are looked at, and most entries in all of them.
const MAX_DIRECTORIES: usize = 65_536;
const MAX_ENTRIES: usize = 4 << 20;

/// A file whose directories are read where they stand.
pub(super) struct File<R> {
    reader: R,
    len: u64,
    little: bool,
    big: bool,
}

/// One entry: a tag and where its values are.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) tag: u16,
    /// Field type: 1 to 18 where it is a known one.
    pub(super) kind: u16,
    pub(super) count: u64,
    /// The values where they fit, else their offset, in the file's byte order.
    slot: [u8; 8],
}

/// One directory.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// Where it stands.
    pub(super) at: u64,
    pub(super) entries: Vec<Entry>,
    pub(super) next: u64,
}

impl Directory {
    /// The first entry with a tag.
    pub(super) fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

/// Bytes of one value of a field type.
fn unit(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}

fn bad(e: std::io::Error) -> CodecError {
    malformed(Format::Tiff, format!("it can't be read: {e}"))
}

impl<R: Read + Seek> File<R> {
    /// Reads the header; with the offset of the first directory.
    pub(super) fn open(mut reader: R) -> Result<(File<R>, u64), CodecError> {
        let len = reader.seek(SeekFrom::End(0)).map_err(bad)?;
        let mut file = File { reader, len, little: true, big: false };
        let cut = || damaged(Format::Tiff, "it is cut short: it ends within its header");
        let head = file.bytes(0, 8)?.ok_or_else(cut)?;
        (file.little, file.big) = match head.get(..4) {
            // The others are those of Panasonic and Olympus.
            Some(b"II*\0" | b"IIU\0" | b"IIRO" | b"IIRS") => (true, false),
            Some(b"MM\0*" | b"MMOR") => (false, false),
            Some(b"II+\0") => (true, true),
            Some(b"MM\0+") => (false, true),
            _ => return Err(malformed(Format::Tiff, "its first bytes are not those of a TIFF file")),
        };
        if !file.big {
            let first = file.integer(head.get(4..).unwrap_or_default());
            return Ok((file, first));
        }
        if file.integer(head.get(4..6).unwrap_or_default()) != 8 {
            return Err(unsupported(Format::Tiff, "BigTIFF whose offsets are not of 8 bytes"));
        }
        let first = file.bytes(8, 8)?.ok_or_else(cut)?;
        let first = file.integer(&first);
        Ok((file, first))
    }

    /// The same file, read through this one.
    pub(super) fn again(&mut self) -> File<&mut R> {
        File { reader: &mut self.reader, len: self.len, little: self.little, big: self.big }
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// True when the least byte of a number comes first.
    pub(super) fn little(&self) -> bool {
        self.little
    }

    /// True for BigTIFF.
    pub(super) fn big(&self) -> bool {
        self.big
    }

    /// The bytes at a place; `None` when they are not all inside the file.
    pub(super) fn bytes(&mut self, at: u64, len: u64) -> Result<Option<Vec<u8>>, CodecError> {
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let Ok(len) = usize::try_from(len) else { return Ok(None) };
        self.reader.seek(SeekFrom::Start(at)).map_err(bad)?;
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes).map_err(bad)?;
        Ok(Some(bytes))
    }

    /// Up to 8 bytes as a number.
    pub(super) fn integer(&self, bytes: &[u8]) -> u64 {
        let digit = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        if self.little { bytes.iter().rev().fold(0, digit) } else { bytes.iter().fold(0, digit) }
    }

    /// The directory at a place; `None` when it is not all inside the file.
    pub(super) fn directory(&mut self, at: u64) -> Result<Option<Directory>, CodecError> {
        Ok(self.entries(at, |_| true)?.map(|(directory, _)| directory))
    }

    /// As [`File::directory`], with the wanted tags only, and the number of all.
    fn entries(
        &mut self,
        at: u64,
        wanted: impl Fn(u16) -> bool,
    ) -> Result<Option<(Directory, usize)>, CodecError> {
        let (count_len, entry_len, word) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let Some(count) = self.bytes(at, count_len)? else { return Ok(None) };
        let count = self.integer(&count);
        if count > u64::from(u16::MAX) {
            return Ok(None);
        }
        let Some(raw) = self.bytes(at + count_len, count * entry_len)? else { return Ok(None) };
        // Some files end with the last entry.
        let next = self.bytes(at + count_len + count * entry_len, word)?.unwrap_or_default();
        let next = self.integer(&next);
        let word = word as usize;
        let entries = raw.chunks_exact(entry_len as usize).filter_map(|raw| {
            let part = |from, len| raw.get(from..from + len).unwrap_or_default();
            let tag = self.integer(part(0, 2)) as u16;
            wanted(tag).then(|| {
                let mut slot = [0; 8];
                slot.iter_mut().zip(part(4 + word, word)).for_each(|(to, from)| *to = *from);
                let (kind, count) = (self.integer(part(2, 2)) as u16, self.integer(part(4, word)));
                Entry { tag, kind, count, slot }
            })
        });
        Ok(Some((Directory { at, entries: entries.collect(), next }, count as usize)))
    }

    /// Length in bytes and place of an entry's values.
    fn place(&self, entry: &Entry) -> Option<(u64, Option<u64>)> {
        let word = if self.big { 8 } else { 4 };
        let bytes = unit(entry.kind)?.checked_mul(entry.count)?;
        let outside = bytes > word;
        Some((bytes, outside.then(|| self.integer(entry.slot.get(..word as usize).unwrap_or_default()))))
    }

    /// True when some of these bytes are the directory's or its values', so that they are no picture.
    pub(super) fn is_described(&self, directory: &Directory, from: u64, len: u64) -> bool {
        let end = from.saturating_add(len);
        let meets = |at: u64, bytes: u64| at < end && at.saturating_add(bytes) > from;
        let (head, entry) = if self.big { (16, 20) } else { (6, 12) };
        meets(directory.at, head + entry * directory.entries.len() as u64)
            || directory.entries.iter().any(|entry| match self.place(entry) {
                Some((bytes, Some(at))) => meets(at, bytes),
                _ => false,
            })
    }

    /// Where a directory, or the last of its values, ends.
    pub(super) fn described(&self, directory: &Directory) -> u64 {
        let (head, entry) = if self.big { (16, 20) } else { (6, 12) };
        let own = (directory.at + head + entry * directory.entries.len() as u64).min(self.len);
        let values = directory.entries.iter().filter_map(|entry| match self.place(entry)? {
            (bytes, Some(at)) => at.checked_add(bytes).filter(|&end| end <= self.len),
            _ => None,
        });
        values.fold(own, u64::max)
    }

    /// Bytes of an entry's values.
    pub(super) fn bytes_of(&self, entry: &Entry) -> Option<u64> {
        self.place(entry).map(|(bytes, _)| bytes)
    }

    /// An entry's first `most` values as they stand; `None` when their type is unknown or they are not all
    /// inside the file.
    fn first(&mut self, entry: &Entry, most: u64) -> Result<Option<Vec<u8>>, CodecError> {
        let wanted = unit(entry.kind).unwrap_or(0).saturating_mul(most);
        match self.place(entry) {
            None => Ok(None),
            Some((bytes, None)) => Ok(entry.slot.get(..bytes.min(wanted) as usize).map(<[u8]>::to_vec)),
            Some((bytes, Some(at))) => self.bytes(at, bytes.min(wanted)),
        }
    }

    /// An entry's values as they stand.
    pub(super) fn values(&mut self, entry: &Entry) -> Result<Option<Vec<u8>>, CodecError> {
        self.first(entry, u64::MAX)
    }

    /// Up to `most` of a tag's unsigned numbers; `None` when the directory doesn't have it.
    pub(super) fn numbers(
        &mut self,
        directory: &Directory,
        tag: u16,
        most: u64,
    ) -> Result<Option<Vec<u64>>, CodecError> {
        let Some(entry) = directory.find(tag) else { return Ok(None) };
        let size = match entry.kind {
            1 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 13 => 4,
            16..=18 => 8,
            kind => {
                let what = format!("tag {tag} has type {kind}, which is no whole number");
                return Err(malformed(Format::Tiff, what));
            }
        };
        let Some(raw) = self.first(entry, most)? else {
            let what = format!("it is cut short: the values of tag {tag} lie beyond its end");
            return Err(damaged(Format::Tiff, what));
        };
        Ok(Some(raw.chunks_exact(size).map(|value| self.integer(value)).collect()))
    }

    /// The first of a tag's numbers.
    pub(super) fn number(&mut self, directory: &Directory, tag: u16) -> Result<Option<u64>, CodecError> {
        Ok(self.numbers(directory, tag, 1)?.and_then(|numbers| numbers.first().copied()))
    }

    /// Up to 16 of a tag's fractions, whole or floating-point numbers; empty when they can't be read.
    pub(super) fn fractions(&mut self, directory: &Directory, tag: u16) -> Result<Vec<f64>, CodecError> {
        let Some(entry) = directory.find(tag) else { return Ok(Vec::new()) };
        let (kind, raw) = (entry.kind, self.first(entry, 16)?.unwrap_or_default());
        let size = unit(kind).unwrap_or(1) as usize;
        let value = |raw: &[u8]| {
            let number = self.integer(raw);
            let (first, second) = raw.split_at(raw.len() / 2);
            match kind {
                5 => self.integer(first) as f64 / self.integer(second) as f64,
                10 => f64::from(self.integer(first) as i32) / f64::from(self.integer(second) as i32),
                11 => f64::from(f32::from_bits(number as u32)),
                12 => f64::from_bits(number),
                _ => number as f64,
            }
        };
        Ok(raw.chunks_exact(size).map(value).collect())
    }
}

/// The directories that follow each other from the first on.
#[derive(Debug, Default)]
pub(in crate::codec) struct Chain {
    /// Where all of them stand.
    pub(super) all: Vec<u64>,
    /// Where those of full pictures stand.
    pub(super) pages: Vec<u64>,
    /// Pictures that are another one in a lower resolution.
    pub(super) reduced: usize,
    /// Transparency masks of other pictures.
    pub(super) masks: usize,
    /// What is wrong with the chain behind the last directory that can be read.
    pub(super) fault: Option<String>,
    /// Further pages would lie beyond the file's end.
    pub(super) cut: bool,
}

impl Chain {
    /// Follows the chain. Where all pictures say that they are reduced, they are pages.
    pub(super) fn walk<R: Read + Seek>(file: &mut File<R>, first: u64) -> Result<Chain, CodecError> {
        let mut chain = Chain::default();
        let (mut seen, mut entries, mut at) = (HashSet::new(), 0, first);
        let mut reduced = Vec::new();
        while at != 0 {
            if !seen.insert(at) {
                chain.fault = Some("its list of pages leads back to an earlier one".to_owned());
                break;
            }
            if seen.len() > MAX_DIRECTORIES || entries > MAX_ENTRIES {
                return Err(malformed(Format::Tiff, "it has too many directories"));
            }
            let kinds = |tag| matches!(tag, tag::NEW_SUBFILE_TYPE | tag::SUBFILE_TYPE);
            let Some((directory, count)) = file.entries(at, kinds)? else {
                if seen.len() == 1 {
                    return Err(damaged(
                        Format::Tiff,
                        "it is cut short: its first directory is not all inside the file",
                    ));
                }
                chain.fault = Some("its list of pages leads out of the file".to_owned());
                chain.cut = true;
                break;
            };
            entries += count;
            chain.all.push(at);
            let number = |file: &mut File<R>, tag| file.number(&directory, tag).ok().flatten();
            let new = number(file, tag::NEW_SUBFILE_TYPE);
            let old = number(file, tag::SUBFILE_TYPE);
            match (new, old) {
                (Some(bits), _) if bits & 4 != 0 => chain.masks += 1,
                (Some(bits), _) if bits & 1 != 0 => reduced.push(at),
                (None, Some(2)) => reduced.push(at),
                _ => chain.pages.push(at),
            }
            at = directory.next;
        }
        if chain.pages.is_empty() {
            chain.pages = reduced;
        } else {
            chain.reduced = reduced.len();
        }
        if chain.pages.is_empty() {
            return Err(malformed(Format::Tiff, "it has no picture"));
        }
        Ok(chain)
    }
}
