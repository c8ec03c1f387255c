//! What the segments of a JPEG carry beside the picture.

use super::behind::{self, Claims};
use super::multi_picture as mpf;
use super::signatures::{EXIF, EXTENDED_XMP, ICC, PHOTOSHOP, XMP};
use crate::codec::extra::{Extra, Part, Text, TextEncoding};
use crate::codec::jpeg_layout::{Layout, Segment};
use crate::codec::photoshop::without_thumbnails;
use crate::codec::{Density, DensityUnit, Metadata};
use crate::codec::{Loss, xmp};
use std::collections::BTreeMap;

/// Marks the segment that says how a gain map (ISO 21496-1) is to be read.
const GAIN_MAP: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0";

/// What a segment is taken for.
enum Fate {
    /// Read for what is in it.
    Read,
    /// Says how this file is coded, or shows the old picture small: the new file has its own or none.
    OfThisFile,
    /// Kept as it is.
    Keep(&'static str),
    /// Would no longer be true.
    Drop(Loss, &'static str),
}

/// Segments by number and first bytes; all others are kept under the name of their number.
const KNOWN: [(u8, &[u8], Fate); 25] = [
    (0, b"JFIF\0", Fate::Read),
    (0, b"JFXX\0", Fate::OfThisFile),
    (0, b"AVI1", Fate::Drop(Loss::Data, "mark of a frame of a film (AVI1)")),
    (1, EXIF, Fate::Read),
    (1, XMP, Fate::Read),
    (1, EXTENDED_XMP, Fate::Read),
    (1, b"FLIR\0", Fate::Keep("FLIR thermal data")),
    (2, ICC, Fate::Read),
    (2, mpf::PREFIX, Fate::Read),
    (2, GAIN_MAP, Fate::Read),
    (2, b"FPXR\0", Fate::Keep("FlashPix data")),
    (3, b"Meta", Fate::Keep("Kodak metadata")),
    (3, b"META", Fate::Keep("Kodak metadata")),
    (3, b"_JPSJPS_", Fate::Keep("stereo description")),
    (6, b"GoPro\0", Fate::Keep("GoPro metadata")),
    (10, b"UNICODE\0", Fate::Keep("comment")),
    (11, b"HDR_RI", Fate::Drop(Loss::GainMap, "JPEG-HDR ratio image")),
    (11, b"JP", Fate::Drop(Loss::Metadata, "JUMBF, such as C2PA: its hashes are of the old file")),
    (12, b"Ducky", Fate::Keep("Photoshop quality and comments")),
    (12, b"[picture info]", Fate::Keep("picture info")),
    (13, PHOTOSHOP, Fate::Read),
    (13, b"Adobe_CM", Fate::Keep("Adobe_CM")),
    (14, b"Adobe", Fate::OfThisFile),
    (8, b"SPIFF\0", Fate::Drop(Loss::Metadata, "SPIFF header")),
    (4, b"SCALADO\0", Fate::Keep("Scalado data")),
];

/// Everything that the segments, and what stands behind the picture, carry.
pub(super) fn metadata(file: &[u8], layout: &Layout) -> Metadata {
    let mut meta = Metadata::default();
    let mut parts = Parts::default();
    for segment in &layout.app {
        let known =
            KNOWN.iter().find(|(n, prefix, _)| *n == segment.number && segment.payload.starts_with(prefix));
        match known {
            Some((_, prefix, Fate::Read)) => parts.read(segment, prefix.len(), &mut meta),
            Some((_, _, Fate::OfThisFile)) => {}
            Some((_, _, Fate::Keep(name))) => parts.keep(segment, name.to_string()),
            Some((_, _, Fate::Drop(loss, what))) => parts.drop(*loss, what),
            None => parts.keep(segment, name(segment)),
        }
    }
    for comment in &layout.comments {
        meta.texts.push(Text::new("Comment", comment.to_vec(), TextEncoding::Unknown));
    }
    if layout.late > 0 {
        meta.saw(Loss::Data, format!("{} segments behind the picture's data", layout.late));
    }
    let claims = Claims { pictures: std::mem::take(&mut parts.pictures), xmp: meta.xmp.as_deref() };
    let extras = behind::extras(file, layout.end, &claims);
    parts.finish(&mut meta);
    meta.extras.extend(extras);
    meta
}

/// What an unknown segment calls itself, as far as that can be printed.
fn name(segment: &Segment) -> String {
    let word: String =
        segment.payload.iter().take(24).map(|&b| char::from(b)).take_while(char::is_ascii_graphic).collect();
    if word.len() < 3 { "data".to_owned() } else { format!("data called {word}") }
}

/// Parts of an extended XMP packet.
#[derive(Default)]
struct Extended<'a> {
    /// Bytes of the whole.
    length: usize,
    /// Offsets and data.
    parts: Vec<(usize, &'a [u8])>,
}

/// What is gathered over several segments.
#[derive(Default)]
struct Parts<'a> {
    exif: Vec<u8>,
    icc: Vec<([u8; 2], &'a [u8])>,
    resources: Vec<u8>,
    /// Extended XMP by its 32 digits.
    extended: BTreeMap<&'a [u8], Extended<'a>>,
    kept: BTreeMap<(u8, String), Vec<Vec<u8>>>,
    dropped: BTreeMap<Loss, &'static str>,
    gain_map: Vec<Vec<u8>>,
    pictures: Vec<mpf::Entry>,
}

impl<'a> Parts<'a> {
    fn keep(&mut self, segment: &Segment, name: String) {
        self.kept.entry((segment.number, name)).or_default().push(segment.payload.to_vec());
    }

    fn drop(&mut self, loss: Loss, what: &'static str) {
        self.dropped.insert(loss, what);
    }

    fn read(&mut self, segment: &Segment<'a>, prefix: usize, meta: &mut Metadata) {
        let body = segment.payload.get(prefix..).unwrap_or_default();
        match (segment.number, segment.payload.get(..prefix).unwrap_or_default()) {
            (0, _) => meta.density = meta.density.or(density(body)),
            // A segment that has no header of its own goes on where the one before ended.
            (1, EXIF) if self.exif.is_empty() || has_header(body) => {
                if self.exif.is_empty() {
                    self.exif = body.to_vec();
                } else if self.exif != body {
                    self.drop(Loss::Metadata, "a second EXIF block");
                }
            }
            (1, EXIF) => self.exif.extend_from_slice(body),
            (1, XMP) if meta.xmp.is_none() => meta.xmp = Some(body.to_vec()),
            (1, XMP) => self.drop(Loss::Metadata, "a second XMP packet"),
            (1, _) => {
                let Some((id, rest)) = body.split_at_checked(32) else { return };
                let word = |at: usize| {
                    rest.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_be_bytes(*b) as usize)
                };
                let (Some(length), Some(offset), Some(data)) = (word(0), word(4), rest.get(8..)) else {
                    return;
                };
                let extended = self.extended.entry(id).or_insert(Extended { length, parts: Vec::new() });
                extended.parts.push((offset, data));
            }
            (2, ICC) => {
                if let [sequence, count, part @ ..] = body {
                    self.icc.push(([*sequence, *count], part));
                }
            }
            (2, GAIN_MAP) => self.gain_map.push(segment.payload.to_vec()),
            (2, _) => {
                let base = u32::try_from(segment.at + prefix).unwrap_or(u32::MAX);
                let further = mpf::entries(body).unwrap_or_default().into_iter().skip(1);
                let absolute = |entry: mpf::Entry| {
                    Some(mpf::Entry {
                        offset: entry.offset.checked_add(base).filter(|_| entry.offset > 0)?,
                        ..entry
                    })
                };
                self.pictures.extend(further.filter_map(absolute));
            }
            _ => self.resources.extend_from_slice(body),
        }
    }

    fn finish(self, meta: &mut Metadata) {
        if !self.exif.is_empty() {
            meta.adopt_exif(&self.exif);
        }
        if !self.icc.is_empty() {
            meta.icc = joined_profile(&self.icc);
            if meta.icc.is_none() {
                meta.saw(Loss::Colour, "ICC profile; parts of it are missing");
            }
        }
        let (resources, whole) = without_thumbnails(&self.resources);
        meta.iptc = Some(resources).filter(|kept| !kept.is_empty());
        if !whole {
            meta.saw(Loss::Metadata, "Photoshop resources that can't be read");
        }
        if !self.extended.is_empty() {
            // The packet names the one that belongs to it.
            let id = meta.xmp.as_deref().and_then(|packet| xmp::text(packet, "HasExtendedXMP"));
            let parts = id.and_then(|id| self.extended.get(id.as_bytes()).map(|parts| (id, parts)));
            match parts.and_then(|(id, parts)| Some((id.to_owned(), joined_packet(parts)?))) {
                Some((id, packet)) => meta.extras.push(Extra {
                    loss: Loss::Metadata,
                    what: format!("XMP beyond 64 kB ({} bytes)", packet.len()),
                    part: Part::ExtendedXmp(id, packet),
                }),
                None => meta.saw(Loss::Metadata, "XMP beyond 64 kB; parts of it are missing"),
            }
        }
        if !self.gain_map.is_empty() {
            let segments = self.gain_map.into_iter().map(|payload| (2, payload)).collect();
            let what = "how the gain map is to be read".to_owned();
            meta.extras.push(Extra { loss: Loss::GainMap, what, part: Part::Segments(segments) });
        }
        for ((number, name), payloads) in self.kept {
            let bytes: usize = payloads.iter().map(Vec::len).sum();
            let what = format!("{name} (APP{number}, {bytes} bytes)");
            let segments = payloads.into_iter().map(|payload| (number, payload)).collect();
            meta.extras.push(Extra { loss: Loss::Data, what, part: Part::Segments(segments) });
        }
        for (loss, what) in self.dropped {
            meta.saw(loss, what);
        }
    }
}

/// True for the beginning of an EXIF block.
fn has_header(block: &[u8]) -> bool {
    block.starts_with(b"II*\0") || block.starts_with(b"MM\0*")
}

/// The density of a JFIF segment, after its first five bytes.
fn density(body: &[u8]) -> Option<Density> {
    let &[_, _, unit, x1, x2, y1, y2] = body.first_chunk()?;
    let (x, y) = (u16::from_be_bytes([x1, x2]), u16::from_be_bytes([y1, y2]));
    let unit = match unit {
        1 => DensityUnit::PerInch,
        2 => DensityUnit::PerCentimetre,
        _ => DensityUnit::Aspect,
    };
    (x > 0 && y > 0).then_some(Density { x: f64::from(x), y: f64::from(y), unit })
}

/// A profile of its parts, each with its number and the count of all. They may stand in any order, be numbered
/// from 0 and be there twice; numbers that tell nothing are made up for by the length that a profile begins with.
fn joined_profile(parts: &[([u8; 2], &[u8])]) -> Option<Vec<u8>> {
    let mut ordered = parts.to_vec();
    ordered.sort_by_key(|(numbers, _)| *numbers);
    ordered.dedup();
    let numbered =
        ordered.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a[0].checked_add(1) == Some(b[0])));
    let first = ordered.first().map_or(0, |(numbers, _)| numbers[0]);
    let counted = ordered.iter().all(|(numbers, _)| usize::from(numbers[1]) == ordered.len());
    let join = |parts: &[([u8; 2], &[u8])]| -> Vec<u8> {
        parts.iter().flat_map(|(_, part)| part.iter().copied()).collect()
    };
    let is_whole = |profile: &Vec<u8>| {
        let stated = profile.first_chunk().map(|size| u32::from_be_bytes(*size) as usize);
        stated.is_some_and(|stated| stated >= 128 && profile.len() >= stated)
    };
    if numbered && first <= 1 && counted {
        return Some(join(&ordered));
    }
    Some(if numbered { join(&ordered) } else { join(parts) }).filter(is_whole)
}

/// Extended XMP of its parts, which must leave no gap.
fn joined_packet(extended: &Extended) -> Option<Vec<u8>> {
    let mut parts = extended.parts.clone();
    parts.sort();
    parts.dedup();
    let mut packet = Vec::new();
    for (offset, data) in parts {
        if offset != packet.len() {
            return None;
        }
        packet.extend_from_slice(data);
    }
    (packet.len() == extended.length).then_some(packet)
}
