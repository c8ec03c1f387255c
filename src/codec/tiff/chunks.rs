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
    count: usize,
    /// What was read around.
    pub(super) fault: Option<String>,
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
        let mut either = |first: u16, second: u16| {
            let tags = if layout.tiled { [second, first] } else { [first, second] };
            let tag = tags.into_iter().find(|&tag| directory.find(tag).is_some());
            tag.map(|tag| file.numbers(directory, tag, count)).transpose().map(Option::flatten)
        };
        let offsets = either(tag::STRIP_OFFSETS, tag::TILE_OFFSETS)?.unwrap_or_default();
        let lengths = either(tag::STRIP_BYTES, tag::TILE_BYTES)?.unwrap_or_default();
        if (offsets.len() as u64) < count {
            let what = format!("it lists {} {name}s where its picture has {count}", offsets.len());
            return Err(malformed(Format::Tiff, what));
        }
        let mut sorted = Vec::new();
        if lengths.len() < offsets.len() || offsets.len() == 1 {
            sorted.clone_from(&offsets);
            sorted.sort_unstable();
        }
        let places = Vec::with_capacity(offsets.len());
        let mut chunks = Chunks { places, name, count: offsets.len(), fault: None };
        for (i, &from) in offsets.iter().enumerate() {
            let stated = lengths.get(i).copied();
            let len = if layout.method == Method::None {
                let need = need(layout, i as u64);
                match stated {
                    // Some writers count too much.
                    Some(stated) if stated >= need => need,
                    // Others count wrongly where there is one strip: libtiff takes what follows.
                    Some(stated) if offsets.len() > 1 => stated,
                    _ if file.is_described(directory, from, need) => stated.unwrap_or(0).min(need),
                    _ => {
                        let what =
                            format!("the length of {} is wrong or missing; calculated", chunks.name(i));
                        chunks.fault = Some(what);
                        need
                    }
                }
            } else {
                match stated {
                    Some(stated) if stated > 0 || offsets.len() > 1 => stated,
                    // Data whose length is not given goes on to the next.
                    _ => {
                        let next = sorted.get(sorted.partition_point(|&next| next <= from));
                        next.copied().unwrap_or(file.len()).min(file.len()).saturating_sub(from)
                    }
                }
            };
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

    /// Where the last of them ends.
    pub(super) fn end(&self) -> u64 {
        self.places.iter().map(|&(from, len)| (from + len) as u64).max().unwrap_or(0)
    }

    /// What a chunk is called in messages, such as `strip 3 of 20`.
    pub(super) fn name(&self, i: usize) -> String {
        format!("{} {} of {}", self.name, i + 1, self.count)
    }

    /// The bytes of a chunk.
    pub(super) fn bytes<'a>(&self, bytes: &'a [u8], i: usize) -> Result<&'a [u8], CodecError> {
        let found = self.places.get(i).and_then(|&(from, len)| bytes.get(from..from.checked_add(len)?));
        found.ok_or_else(|| malformed(Format::Tiff, format!("{} is not there", self.name(i))))
    }
}

/// Bytes of a chunk that is not compressed.
fn need(layout: &Layout, i: u64) -> u64 {
    let (across, down, _) = layout.chunks();
    let above = i / across % down * u64::from(layout.chunk.1);
    let left = u64::from(layout.height).saturating_sub(above);
    let rows = if layout.tiled { layout.chunk.1 } else { layout.chunk.1.min(left as u32) };
    layout.chunk_bytes(rows).1
}
