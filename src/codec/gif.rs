//! A GIF's blocks: comments, XMP and profile read and written. Its pixels are read by the `image` crate, and written in
//! colours of our choice by the `gif` crate.

use std::borrow::Cow;

use super::density::{Density, DensityUnit};
use super::extra::trailer;
use super::palette::indexed;
use super::{CodecError, Format, Loss, Metadata, Text, TextEncoding};
use super::{cannot_encode, damaged, malformed, pack};
use crate::image::Image;

/// What follows an XMP packet, so that readers which take it for blocks find its end: the numbers 255 to 0
/// behind a 1, and the end.
const XMP_TRAILER: usize = 258;

/// What stands in a file beside its pixels, and its frames.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) meta: Metadata,
    pub(super) frames: usize,
    pub(super) faults: Vec<String>,
}

/// Bytes of a colour table, by the flags before it.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where a frame's right and lower side lie, by its descriptor behind the `,`.
pub(super) fn corner(descriptor: &[u8; 9]) -> (u32, u32) {
    let &[x0, x1, y0, y1, w0, w1, h0, h1, _] = descriptor;
    let sum =
        |at: [u8; 2], side: [u8; 2]| u32::from(u16::from_le_bytes(at)) + u32::from(u16::from_le_bytes(side));
    (sum([x0, x1], [w0, w1]), sum([y0, y1], [h0, h1]))
}

/// The file with a canvas of this size, as it is where it has that.
pub(super) fn with_canvas(bytes: &[u8], width: u32, height: u32) -> Cow<'_, [u8]> {
    let (Ok(width), Ok(height)) = (u16::try_from(width), u16::try_from(height)) else { return bytes.into() };
    let [w0, w1] = width.to_le_bytes();
    let [h0, h1] = height.to_le_bytes();
    let canvas = [w0, w1, h0, h1];
    if bytes.get(6..10) == Some(&canvas) {
        return bytes.into();
    }
    let mut mended = bytes.to_vec();
    if let Some(place) = mended.get_mut(6..10) {
        place.copy_from_slice(&canvas);
    }
    mended.into()
}

/// Walks the blocks of a file, which must be there in full; the end mark may be missing.
///
/// # Errors
/// `Damaged` when the file ends within a block, `Malformed` when no block stands where one must.
pub(super) fn contents(bytes: &[u8]) -> Result<Contents, CodecError> {
    let cut = || damaged(Format::Gif, "it is cut short: it ends within a block");
    let byte = |at: usize| bytes.get(at).copied().ok_or_else(cut);
    let mut contents = Contents::default();
    let aspect = byte(12)?;
    if aspect != 0 && aspect != 49 {
        let x = 64.0;
        contents.meta.density = Some(Density { x, y: f64::from(aspect) + 15.0, unit: DensityUnit::Aspect });
    }
    let side = |at: usize| Ok::<_, CodecError>(u32::from(u16::from_le_bytes([byte(at)?, byte(at + 1)?])));
    let (mut canvas, mut beyond) = ((side(6)?, side(8)?), 0);
    let mut at = 13 + table(byte(10)?);
    loop {
        let start = at;
        let mut application = None;
        match bytes.get(at) {
            None if contents.frames > 0 && at == bytes.len() => {
                contents.faults.push("its end mark is missing".to_owned());
                contents.cropped(beyond);
                return Ok(contents);
            }
            None => return Err(cut()),
            Some(0x21) => {
                application = Some(byte(at + 1)?);
                at += 2;
            }
            Some(0x2C) => {
                let descriptor = bytes.get(at + 1..).and_then(|rest| rest.first_chunk()).ok_or_else(cut)?;
                let (right, bottom) = corner(descriptor);
                let larger = (canvas.0.max(right), canvas.1.max(bottom));
                if larger != canvas && contents.frames == 0 {
                    // As browsers do it.
                    contents.faults.push(format!(
                        "its first frame reaches beyond its canvas of {} x {}, which was made {} x {}",
                        canvas.0, canvas.1, larger.0, larger.1
                    ));
                    canvas = larger;
                } else if larger != canvas {
                    beyond += 1;
                }
                at += 11 + table(byte(at + 9)?);
                contents.frames += 1;
            }
            Some(0x3B) => {
                contents.meta.extras.extend(trailer(bytes.get(at + 1..).unwrap_or_default()));
                contents.cropped(beyond);
                return Ok(contents);
            }
            // Zeros between blocks are tolerated by every decoder.
            Some(0) => {
                at += 1;
                continue;
            }
            Some(_) => return Err(malformed(Format::Gif, "something else stands where a block must")),
        }
        let blocks = at;
        loop {
            let size = usize::from(byte(at)?);
            at += 1 + size;
            if size == 0 {
                break;
            }
        }
        if let (Some(label), Some(body)) = (application, bytes.get(blocks..at)) {
            contents.extension(label, body, start);
        }
    }
}

/// The bytes of blocks, joined.
fn joined(mut blocks: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((&size, rest)) = blocks.split_first() {
        let Some((data, rest)) = rest.split_at_checked(usize::from(size)).filter(|_| size > 0) else { break };
        out.extend_from_slice(data);
        blocks = rest;
    }
    out
}

impl Contents {
    /// Tells of frames that reach beyond the canvas.
    fn cropped(&mut self, frames: usize) {
        if frames > 0 {
            let what =
                format!("what of {frames} further frames lies beyond the canvas, where nobody shows it");
            self.meta.saw(Loss::Data, what);
        }
    }

    fn extension(&mut self, label: u8, body: &[u8], at: usize) {
        let meta = &mut self.meta;
        let name = body.get(1..12).unwrap_or_default();
        match (label, name) {
            // Delay and transparency of the frame that follows.
            (0xF9, _) => {}
            (0xFE, _) => meta.texts.push(Text::new("Comment", joined(body), TextEncoding::Unknown)),
            (0x01, _) => meta.saw(Loss::Data, "text drawn over the picture (plain text extension)"),
            // How often an animation repeats.
            (0xFF, b"NETSCAPE2.0" | b"ANIMEXTS1.0") => {}
            (0xFF, b"XMP DataXMP") => {
                let end = body.len().saturating_sub(XMP_TRAILER);
                let trailer = body.get(end..).is_some_and(|t| t.starts_with(&[1, 0xFF, 0xFE]));
                match body.get(12..end).filter(|_| trailer) {
                    Some(packet) => meta.xmp = Some(packet.to_vec()),
                    None => meta.saw(Loss::Metadata, "XMP; its end can't be told"),
                }
            }
            (0xFF, b"ICCRGBG1012") => meta.icc = Some(joined(body.get(12..).unwrap_or_default())),
            (0xFF, name) => {
                let name = name.escape_ascii();
                meta.saw(Loss::Data, format!("application extension \"{name}\" ({} bytes)", body.len()));
            }
            (label, _) => meta.saw(Loss::Data, format!("extension 0x{label:02X} at byte {at}")),
        }
    }
}

/// A file of one frame. Pixels without any alpha are hidden, all others shown.
pub(super) fn encode(image: &Image) -> Result<Vec<u8>, CodecError> {
    let fail = |e: gif::EncodingError| cannot_encode(Format::Gif, e);
    let (Ok(width), Ok(height)) = (u16::try_from(image.width), u16::try_from(image.height)) else {
        return Err(cannot_encode(Format::Gif, "sides beyond 65535 pixels; write png or tiff"));
    };
    let samples = pack::to_u8(&image.samples);
    let samples = if image.channels == 1 { pack::triple(&samples) } else { samples };
    let hidden: Option<Vec<bool>> =
        image.alpha.as_ref().map(|alpha| pack::to_u8(alpha).iter().map(|a| *a == 0).collect());
    let indexed = indexed(samples.as_chunks().0, &hidden.unwrap_or_default());
    let frame = gif::Frame {
        width,
        height,
        palette: Some(indexed.colours.concat()),
        buffer: indexed.places.into(),
        transparent: indexed.hidden,
        dispose: gif::DisposalMethod::Background,
        ..gif::Frame::default()
    };
    let mut out = Vec::new();
    let mut encoder = gif::Encoder::new(&mut out, width, height, &[]).map_err(fail)?;
    encoder.write_frame(&frame).map_err(fail)?;
    drop(encoder);
    Ok(out)
}

/// Puts comments and XMP into a file that has none.
pub(super) fn with_metadata(mut file: Vec<u8>, meta: &mut Metadata) -> Vec<u8> {
    let mut blocks = Vec::new();
    if let Some(packet) = meta.xmp.take_if(|packet| !packet.contains(&0)) {
        blocks.extend(b"\x21\xFF\x0BXMP DataXMP");
        blocks.extend(packet);
        blocks.push(1);
        blocks.extend((0..=255).rev());
        blocks.push(0);
    }
    let comments = std::mem::take(&mut meta.texts).into_iter().filter_map(|text| {
        if text.keyword == "Comment" {
            return Some(text.bytes);
        }
        meta.texts.push(text);
        None
    });
    for comment in comments {
        blocks.extend([0x21, 0xFE]);
        for part in comment.chunks(255) {
            blocks.push(part.len() as u8);
            blocks.extend_from_slice(part);
        }
        blocks.push(0);
    }
    let at = (13 + file.get(10).map_or(0, |&flags| table(flags))).min(file.len());
    if !blocks.is_empty()
        && let Some(version) = file.get_mut(3..6)
    {
        version.copy_from_slice(b"89a");
    }
    file.splice(at..at, blocks);
    file
}
