//! Where a file's last part ends: all that its directories name, so that what stands behind it can be told.

use std::collections::HashSet;
use std::io::{Read, Seek};

use super::super::CodecError;
use super::super::exif::INTEROP_IFD;
use super::chunks::Chunks;
use super::directory::{Directory, File};
use super::layout::{Layout, Method};
use super::tag;

/// Most directories that are looked at, and most places that they may list.
const MAX_DIRECTORIES: usize = 65_536;
const MAX_PLACES: u64 = 4 << 20;

/// Tags of places, each with that of their lengths.
const STRETCHES: [(u16, u16); 4] = [
    (tag::STRIP_OFFSETS, tag::STRIP_BYTES),
    (tag::TILE_OFFSETS, tag::TILE_BYTES),
    (tag::OLD_JPEG_STREAM, tag::OLD_JPEG_BYTES),
    (tag::FREE_OFFSETS, tag::FREE_BYTES),
];

/// The end of the last byte that the directories at `places`, those below them, or their values name; `None` where a
/// length is given nowhere, or there is too much to look at.
///
/// # Errors
/// When the file can't be read.
pub(super) fn end<R: Read + Seek>(file: &mut File<R>, places: &[u64]) -> Result<Option<u64>, CodecError> {
    let (mut seen, mut left) = (HashSet::new(), MAX_PLACES);
    let mut waiting: Vec<u64> = places.iter().rev().copied().collect();
    let mut end = 0;
    while let Some(at) = waiting.pop() {
        if !seen.insert(at) {
            continue;
        }
        if seen.len() > MAX_DIRECTORIES {
            return Ok(None);
        }
        let Some(directory) = file.directory(at)? else { continue };
        end = end.max(file.described(&directory));
        for tag in [tag::SUB_IFDS, tag::EXIF, tag::GPS, INTEROP_IFD] {
            waiting.extend(file.numbers(&directory, tag, 256).ok().flatten().unwrap_or_default());
        }
        let Some(last) = stretches(file, &directory, &mut left)? else { return Ok(None) };
        end = end.max(last);
    }
    Ok(Some(end))
}

/// The end of the last strip, tile or other stretch of a directory.
fn stretches<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    left: &mut u64,
) -> Result<Option<u64>, CodecError> {
    let mut chunks = None;
    if let Ok(layout) = Layout::read(file, directory) {
        if layout.method == Method::OldJpeg {
            return Ok(None);
        }
        chunks = Chunks::read(file, directory, &layout).ok();
    }
    // Lengths may be wrong or missing, which is read around.
    let mut end = chunks.as_ref().map_or(0, Chunks::end);
    for (places, lengths) in STRETCHES {
        let Some(entry) = directory.find(places) else { continue };
        let Some(rest) = left.checked_sub(entry.count) else { return Ok(None) };
        *left = rest;
        let most = entry.count;
        let places = file.numbers(directory, places, most).ok().flatten().unwrap_or_default();
        let lengths = file.numbers(directory, lengths, most).ok().flatten().unwrap_or_default();
        if lengths.len() < places.len() && chunks.is_none() {
            return Ok(None);
        }
        let ends = places.iter().zip(lengths).map(|(at, length)| at.saturating_add(length));
        end = ends.max().unwrap_or(0).max(end);
    }
    Ok(Some(end))
}
