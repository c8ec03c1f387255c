//! Where the strips or tiles of a picture are. All of them must lie inside the file: what is missing there is
//! proof that the file was cut short.

use std::io::{Read, Seek};

use super::super::{CodecError, Format, damaged, malformed, unsupported};
use super::directory::{Directory, File};
use super::layout::{Layout, Method};
use super::tag;

/// The strips or tiles of a picture, row by row and then plane by plane.
#[derive(Debug)]
pub(super) struct Chunks {
    places: Vec<(usize, usize)>,
    name: &'static str,
}

impl Chunks {
    /// Finds them.
    pub(super) fn read<R: Read + Seek>(
        file: &mut File<R>,
        directory: &Directory,
        layout: &Layout,
    ) -> Result<Chunks, CodecError> {
        let name = if layout.tiled { "tile" } else { "strip" };
        let (across, down, planes) = layout.chunks();
        let count = across.saturating_mul(down).saturating_mul(planes);
        let mut either = |tags: [u16; 2]| {
            let tag = tags.into_iter().find(|&tag| directory.find(tag).is_some());
            tag.map(|tag| file.numbers(directory, tag, count)).transpose().map(Option::flatten)
        };
        let (strips, tiles) = if layout.tiled { (1, 0) } else { (0, 1) };
        let order = |pair: [u16; 2]| [pair[strips], pair[tiles]];
        let offsets = either(order([tag::STRIP_OFFSETS, tag::TILE_OFFSETS]))?.unwrap_or_default();
        let lengths = either(order([tag::STRIP_BYTES, tag::TILE_BYTES]))?;
        if (offsets.len() as u64) < count {
            let what = format!("it lists {} {name}s where its picture has {count}", offsets.len());
            return Err(malformed(Format::Tiff, what));
        }
        let lengths = lengths.unwrap_or_default();
        let mut chunks = Chunks { places: Vec::with_capacity(offsets.len()), name };
        for (i, &from) in offsets.iter().enumerate() {
            let len = chunk_len(file.len(), layout, &offsets, i, lengths.get(i).copied());
            if len == 0 || from == 0 {
                let what = format!("{} left out of the file, as sparse files have it", chunks.name(i));
                return Err(unsupported(Format::Tiff, what));
            }
            if from.checked_add(len).is_none_or(|end| end > file.len()) {
                let what = format!("it is cut short: {} lies beyond its end", chunks.name(i));
                return Err(damaged(Format::Tiff, what));
            }
            let place = usize::try_from(from).ok().zip(usize::try_from(len).ok());
            chunks.places.push(place.ok_or_else(|| malformed(Format::Tiff, "it is too large"))?);
        }
        Ok(chunks)
    }

    /// What a chunk is called in messages, such as `strip 3 of 20`.
    pub(super) fn name(&self, i: usize) -> String {
        format!("{} {} of {}", self.name, i + 1, self.places.capacity().max(self.places.len()))
    }

    /// The bytes of a chunk.
    pub(super) fn bytes<'a>(&self, bytes: &'a [u8], i: usize) -> Result<&'a [u8], CodecError> {
        let found = self.places.get(i).and_then(|&(from, len)| bytes.get(from..from.checked_add(len)?));
        found.ok_or_else(|| malformed(Format::Tiff, format!("{} is not there", self.name(i))))
    }
}

/// Bytes of a chunk's data.
///
/// What is not compressed has the length that it must have: some writers count too much, and some wrongly
/// where there is one strip only. Compressed data whose length is not given goes on to the next chunk.
fn chunk_len(file_len: u64, layout: &Layout, offsets: &[u64], i: usize, stated: Option<u64>) -> u64 {
    let from = offsets.get(i).copied().unwrap_or(0);
    if layout.method == Method::None {
        let (across, down, _) = layout.chunks();
        let row = i as u64 / across % down;
        let left = u64::from(layout.height).saturating_sub(row * u64::from(layout.chunk.1));
        let rows = if layout.tiled { layout.chunk.1 } else { layout.chunk.1.min(left as u32) };
        let (_, need) = layout.chunk_bytes(rows);
        return match stated {
            Some(stated) if stated < need && offsets.len() > 1 => stated,
            _ => need,
        };
    }
    match stated {
        Some(stated) if stated > 0 => stated,
        _ if offsets.len() == 1 || stated.is_none() => {
            let next = offsets.iter().copied().filter(|&next| next > from).min().unwrap_or(file_len);
            next.min(file_len).saturating_sub(from)
        }
        _ => 0,
    }
}
