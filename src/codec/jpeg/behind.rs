//! What stands behind the end of a JPEG's picture: gain maps, previews, films, cameras' and programs' own data.
//!
//! Most of it is found from the file's end, or by its length, and may be put behind a new picture as it is.
//! What holds offsets from the file's start, or shows the old picture, may not.

use super::multi_picture::Entry;
use crate::codec::extra::{Behind, Extra, Part};
use crate::codec::{Loss, xmp};

/// What the segments say of what stands behind the picture.
#[derive(Debug, Default)]
pub(super) struct Claims<'a> {
    /// The pictures of the multi-picture list with their offsets from the file's start, the first left out.
    pub(super) pictures: Vec<Entry>,
    pub(super) xmp: Option<&'a [u8]>,
}

/// A stretch behind the picture, from the picture's end.
#[derive(Debug)]
struct Piece {
    start: usize,
    end: usize,
    loss: Loss,
    what: String,
    /// The multi-picture list's word on it.
    attribute: Option<u32>,
    /// It may stand behind another picture.
    movable: bool,
    /// It is found by its distance from the file's end.
    from_end: bool,
}

/// Takes apart what stands in `file` from `end` on, where the picture ends.
pub(super) fn extras(file: &[u8], end: usize, claims: &Claims) -> Vec<Extra> {
    let behind = file.get(end..).unwrap_or_default();
    if behind.iter().all(|&b| is_padding(b)) {
        return Vec::new();
    }
    let mut pieces = footers(behind, end);
    // The container's words are plainer than the list's, which calls a gain map just a picture.
    if let Some(packet) = claims.xmp {
        contained(&mut pieces, behind, packet);
    }
    listed(&mut pieces, behind, end, claims);
    pieces.sort_by_key(|piece| piece.start);
    unknown(&mut pieces, behind);
    // Only what stands directly behind the picture, nothing missing before it, is still where its readers look.
    let carried = pieces.iter().take_while(|piece| piece.movable).count();
    let whole = carried == pieces.len();
    let mut at = 0;
    let mut extras = Vec::new();
    for (i, piece) in pieces.into_iter().enumerate() {
        // With what filled the gap before it, which lengths count in.
        let bytes = behind.get(at..piece.end).unwrap_or_default();
        let before = piece.start.saturating_sub(at);
        at = piece.end;
        let part = if i < carried && (whole || !piece.from_end) {
            Part::Behind(Behind { bytes: bytes.to_vec(), before, attribute: piece.attribute })
        } else {
            Part::Gone
        };
        extras.push(Extra { loss: piece.loss, what: piece.what, part });
    }
    extras
}

fn is_padding(byte: u8) -> bool {
    matches!(byte, 0 | b'\n' | b'\r' | b' ' | 0xFF)
}

/// Blocks that are told by their last bytes, peeled off from the end.
fn footers(behind: &[u8], before: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = behind;
    loop {
        let padding = rest.iter().rev().take_while(|&&b| is_padding(b)).count();
        let trimmed = rest.get(..rest.len() - padding).unwrap_or_default();
        // Footers end the file; padding between them is no one's.
        let Some(mut piece) = [rest, trimmed].into_iter().find_map(|rest| footer(rest, before)) else {
            return pieces;
        };
        // Padding behind the last one is kept with it, since distances from the end count it.
        if pieces.is_empty() {
            piece.end = behind.len();
        }
        rest = rest.get(..piece.start).unwrap_or_default();
        pieces.push(piece);
    }
}

/// The block at the end of `bytes`, which `before` bytes of the file precede.
fn footer(bytes: &[u8], before: usize) -> Option<Piece> {
    let end = bytes.len();
    let piece = |start: usize, loss, what: &str, movable| Piece {
        start,
        end,
        loss,
        what: format!("{what} ({} bytes)", end - start),
        attribute: None,
        movable,
        from_end: true,
    };
    if bytes.ends_with(b"SEFT") {
        let start = samsung(bytes).or_else(|| bytes.starts_with(b"MotionPhoto_Data").then_some(0))?;
        let film = find(bytes.get(start..)?, b"ftyp").is_some();
        let (loss, what) = if film {
            (Loss::Video, "film of a Samsung motion photo")
        } else {
            (Loss::Data, "Samsung trailer")
        };
        return Some(piece(start, loss, what, true));
    }
    let tail = bytes.last_chunk::<12>()?;
    if tail.ends_with(b"cbipcbbl") {
        let size = u32::from_be_bytes(*tail.first_chunk()?) as usize;
        return Some(piece(
            end.checked_sub(size.checked_add(12)?)?,
            Loss::Metadata,
            "PhotoMechanic trailer",
            true,
        ));
    }
    if tail.starts_with(b"AXS!") || tail.starts_with(b"AXS*") {
        // It counts from the start of the file.
        let at = u32::from_be_bytes(*tail.last_chunk()?) as usize;
        let little = u32::from_le_bytes(*tail.last_chunk()?) as usize;
        let at = if tail.starts_with(b"AXS!") { at } else { little };
        let start = at.checked_sub(before).filter(|start| *start < end).unwrap_or(0);
        return Some(piece(start, Loss::Metadata, "AFCP trailer", false));
    }
    let tail = bytes.last_chunk::<10>()?;
    if tail.ends_with(b"\xa1\xb2\xc3\xd4") {
        // It may hold a thumbnail of the old picture.
        let size = u32::from_be_bytes(*tail.get(2..6)?.first_chunk()?) as usize;
        return Some(piece(end.checked_sub(size.max(10))?, Loss::Metadata, "FotoStation trailer", false));
    }
    let vrd = bytes.get(end.checked_sub(64)?..)?;
    if vrd.starts_with(b"CANON OPTIONAL DATA\0") {
        let size = u32::from_be_bytes(*vrd.get(20..24)?.first_chunk()?) as usize;
        let start = end.checked_sub(size.checked_add(0x5C)?)?;
        return Some(piece(start, Loss::Metadata, "Canon VRD trailer", true));
    }
    None
}

/// Where the blocks begin to which a Samsung directory at the end points.
fn samsung(bytes: &[u8]) -> Option<usize> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
    let length = word(bytes.len().checked_sub(8)?)?;
    let directory = bytes.len().checked_sub(8)?.checked_sub(length)?;
    bytes.get(directory..)?.strip_prefix(b"SEFH")?;
    let count = word(directory + 8)?;
    let entries = (0..count.min(length / 12)).map(|i| directory + 12 + 12 * i);
    let starts: Option<Vec<usize>> = entries.map(|at| directory.checked_sub(word(at + 4)?)).collect();
    starts?.into_iter().min()
}

/// The pictures of the multi-picture list.
fn listed(pieces: &mut Vec<Piece>, behind: &[u8], before: usize, claims: &Claims) {
    for picture in &claims.pictures {
        let Some(start) = (picture.offset as usize).checked_sub(before) else { continue };
        let Some(end) = start.checked_add(picture.size as usize) else { continue };
        let Some(bytes) = behind.get(start..end).filter(|bytes| bytes.starts_with(b"\xff\xd8")) else {
            continue;
        };
        let gain_map = is_gain_map(bytes);
        let (loss, what) =
            if gain_map { (Loss::GainMap, "gain map") } else { (Loss::Pictures, picture.kind()) };
        let what = format!("{what} ({} bytes)", bytes.len());
        let attribute = Some(picture.attribute);
        if let Some(known) = pieces.iter_mut().find(|piece| piece.start == start) {
            known.attribute = attribute;
            continue;
        }
        add(pieces, Piece { start, end, loss, what, attribute, movable: gain_map, from_end: false });
    }
}

/// True for the JPEG of a gain map: Adobe's and Google's, ISO 21496-1, Apple's.
fn is_gain_map(jpeg: &[u8]) -> bool {
    let head = jpeg.get(..jpeg.len().min(128 << 10)).unwrap_or_default();
    let marks: [&[u8]; 3] = [b"hdr-gain-map", b"iso:ts:21496", b"hdrgainmap"];
    marks.into_iter().any(|mark| find(head, mark).is_some())
}

/// What XMP says: items one behind the other with their lengths, or a film so many bytes before the end.
fn contained(pieces: &mut Vec<Piece>, behind: &[u8], packet: &[u8]) {
    let items = xmp::container_items(packet);
    let lengths: usize = items.iter().map(|item| item.length).sum();
    if !items.is_empty() && lengths <= behind.len() {
        let mut start = items.iter().map(|item| item.padding).next().unwrap_or(0);
        for item in items.iter().filter(|item| item.length > 0) {
            let Some(end) = start.checked_add(item.length).filter(|&end| end <= behind.len()) else { return };
            let (loss, what, movable) = match item.semantic.as_str() {
                "GainMap" => (Loss::GainMap, "gain map", true),
                "MotionPhoto" => (Loss::Video, "film of a motion photo", true),
                "Depth" => (Loss::Pictures, "depth map", false),
                _ => (Loss::Pictures, "picture", false),
            };
            let what = format!("{what} ({} bytes)", item.length);
            let from_end = item.semantic == "MotionPhoto";
            add(pieces, Piece { start, end, loss, what, attribute: None, movable, from_end });
            start = end + item.padding;
        }
    }
    if let Some(start) =
        xmp::number(packet, "MicroVideoOffset").and_then(|back| behind.len().checked_sub(back))
    {
        let (end, loss) = (behind.len(), Loss::Video);
        let what = format!("film of a motion photo ({} bytes)", end - start);
        add(pieces, Piece { start, end, loss, what, attribute: None, movable: true, from_end: true });
    }
}

/// Adds a piece where nothing is yet.
fn add(pieces: &mut Vec<Piece>, piece: Piece) {
    let free = piece.start < piece.end && pieces.iter().all(|p| p.end <= piece.start || piece.end <= p.start);
    if free {
        pieces.push(piece);
    }
}

/// Puts down what lies between the pieces and behind the last one, unless it is padding.
fn unknown(pieces: &mut Vec<Piece>, behind: &[u8]) {
    let mut at = 0;
    let mut gaps = Vec::new();
    let ends = std::iter::once((behind.len(), behind.len()));
    for (start, end) in pieces.iter().map(|piece| (piece.start, piece.end)).chain(ends) {
        let gap = behind.get(at..start).unwrap_or_default();
        if !gap.iter().all(|&b| is_padding(b)) {
            let what = format!("{} bytes behind the picture", gap.len());
            let (loss, attribute) = (Loss::Data, None);
            gaps.push(Piece {
                start: at,
                end: start,
                loss,
                what,
                attribute,
                movable: false,
                from_end: false,
            });
        }
        at = end;
    }
    pieces.extend(gaps);
    pieces.sort_by_key(|piece| piece.start);
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
