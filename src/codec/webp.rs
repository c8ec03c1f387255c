//! WebP containers: metadata chunks read and written; pixels go through libwebp on the way out.

use webp::{Encoder, PixelLayout, WebPConfig};

use super::extra::trailer;
use super::{CodecError, Compression, EncodeOptions, Format, Metadata, Source};
use super::{Loss, cannot_encode, damaged, malformed, pack};
use crate::image::Image;

/// Longest side the format allows.
const MAX_SIDE: usize = 16_383;

/// What stands in a container beside pixels.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) meta: Metadata,
    pub(super) lossless: bool,
    /// Frames of an animation; 0 for a still picture.
    pub(super) frames: usize,
    pub(super) faults: Vec<String>,
}

/// Walks the chunks of a file.
///
/// # Errors
/// `Damaged` when the file ends within a chunk, `Malformed` when it has no picture.
pub(super) fn contents(bytes: &[u8]) -> Result<Contents, CodecError> {
    let cut = || damaged(Format::WebP, "it is cut short: it ends before its last chunk does");
    let size = bytes.get(4..).and_then(|b| b.first_chunk::<4>()).ok_or_else(cut)?;
    let end = u32::from_le_bytes(*size) as usize + 8;
    let body = bytes.get(12..end.clamp(12, bytes.len().max(12))).ok_or_else(cut)?;
    let mut contents = Contents::default();
    let rest = rest(body);
    if !rest.is_empty() && end > bytes.len() {
        return Err(cut());
    }
    // The last chunk may lack the byte that fills it up.
    if end > bytes.len() + 1 {
        let what =
            "its header says that it is longer; its chunks are whole, whether others followed can't be told";
        contents.faults.push(what.to_owned());
    }
    if rest.iter().any(|&b| b != 0) {
        let name = rest.first_chunk::<4>().map(|name| name.escape_ascii().to_string()).unwrap_or_default();
        let what = format!("its last chunk ({name}) is longer than its header says");
        contents.meta.saw(Loss::Data, format!("{} bytes that are no whole chunk ({name})", rest.len()));
        contents.faults.push(what);
    }
    let (mut picture, mut exif) = (false, false);
    for (kind, data) in chunks(body) {
        match &kind {
            b"ICCP" => contents.meta.icc = Some(data.to_vec()),
            b"EXIF" if exif => contents.meta.saw(Loss::Metadata, "a second EXIF block"),
            b"EXIF" => {
                exif = true;
                contents.meta.adopt_exif(data);
            }
            b"XMP " if contents.meta.xmp.is_some() => {
                contents.meta.saw(Loss::Metadata, "a second XMP packet")
            }
            b"XMP " => contents.meta.xmp = Some(data.to_vec()),
            b"VP8L" | b"VP8 " => {
                contents.lossless = kind == *b"VP8L";
                picture = true;
            }
            b"ANMF" => {
                if contents.frames == 0 {
                    contents.lossless =
                        chunks(data.get(16..).unwrap_or_default()).any(|(k, _)| k == *b"VP8L");
                }
                contents.frames += 1;
                picture = true;
            }
            // Alpha, and what the file says of its own layout.
            b"ALPH" | b"VP8X" | b"ANIM" => {}
            kind => {
                let name = kind.escape_ascii();
                contents.meta.saw(Loss::Data, format!("{name} chunk ({} bytes)", data.len()));
            }
        }
    }
    contents.meta.extras.extend(trailer(bytes.get(end..).unwrap_or_default()));
    if picture { Ok(contents) } else { Err(malformed(Format::WebP, "it has no picture")) }
}

/// The chunks that stand in `body` in full.
pub(super) fn chunks(mut body: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, data, rest) = chunk(body)?;
        body = rest;
        Some((kind, data))
    })
}

/// The first chunk of `body`, if it is whole, and what follows it.
fn chunk(body: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let kind = *body.first_chunk::<4>()?;
    let size = u32::from_le_bytes(*body.get(4..)?.first_chunk::<4>()?) as usize;
    let data = body.get(8..)?.get(..size)?;
    Some((kind, data, body.get(8 + size.next_multiple_of(2)..).unwrap_or_default()))
}

/// What stands behind the last whole chunk.
fn rest(mut body: &[u8]) -> &[u8] {
    while let Some((.., rest)) = chunk(body) {
        body = rest;
    }
    body
}

/// Lossy at the asked quality when the source is lossy (JPEG, lossy WebP); lossless otherwise.
pub(super) fn encode(
    image: &Image,
    meta: &mut Metadata,
    source: Option<&Source>,
    options: &EncodeOptions,
) -> Result<Vec<u8>, CodecError> {
    if image.width > MAX_SIDE || image.height > MAX_SIDE {
        return Err(cannot_encode(Format::WebP, "sides beyond 16383 pixels; write png or tiff"));
    }
    let lossless = source.is_none_or(|source| source.lossless);
    let (pixels, per_pixel) = pack::interleaved_rgb_u8(image);
    let layout = if per_pixel == 4 { PixelLayout::Rgba } else { PixelLayout::Rgb };
    let mut config =
        WebPConfig::new().map_err(|()| cannot_encode(Format::WebP, "libwebp gave no settings"))?;
    config.lossless = i32::from(lossless);
    // In lossless mode, quality is effort. `exact` keeps colours under full transparency.
    config.quality = match (lossless, options.compression) {
        (true, Compression::Fast) => 20.0,
        (true, Compression::Small) => 90.0,
        (false, _) => f32::from(options.quality.unwrap_or(92).clamp(1, 100)),
    };
    config.method = if lossless && options.compression == Compression::Fast { 1 } else { 4 };
    config.exact = i32::from(lossless);
    let encoded = Encoder::new(&pixels, layout, image.width as u32, image.height as u32)
        .encode_advanced(&config)
        .map_err(|e| cannot_encode(Format::WebP, format!("{e:?}")))?;
    let (icc, exif, xmp) = (meta.icc.take(), meta.exif.take(), meta.xmp.take());
    let taken = Metadata { icc, exif, xmp, ..Metadata::default() };
    with_metadata(&encoded, image, &taken)
        .ok_or_else(|| cannot_encode(Format::WebP, "libwebp returned no usable file"))
}

/// Appends a chunk with its padding.
pub(super) fn push_chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) -> Option<()> {
    out.extend_from_slice(kind);
    out.extend(u32::try_from(data.len()).ok()?.to_le_bytes());
    out.extend_from_slice(data);
    out.extend(std::iter::repeat_n(0, data.len() % 2));
    Some(())
}

/// The file with its size in its header.
pub(super) fn sized(mut file: Vec<u8>) -> Option<Vec<u8>> {
    let size = u32::try_from(file.len().checked_sub(8)?).ok()?.to_le_bytes();
    file.get_mut(4..8)?.copy_from_slice(&size);
    Some(file)
}

/// Rebuilds a file as an extended one with metadata chunks, when there is metadata.
fn with_metadata(encoded: &[u8], image: &Image, meta: &Metadata) -> Option<Vec<u8>> {
    if meta.icc.is_none() && meta.exif.is_none() && meta.xmp.is_none() {
        return Some(encoded.to_vec());
    }
    let flag = |there: bool, bit: u8| if there { bit } else { 0 };
    let flags = flag(meta.icc.is_some(), 0x20)
        | flag(image.alpha.is_some(), 0x10)
        | flag(meta.exif.is_some(), 0x08)
        | flag(meta.xmp.is_some(), 0x04);
    let side = |length: usize| u32::try_from(length.checked_sub(1)?).ok().map(u32::to_le_bytes);
    let (width, height) = (side(image.width)?, side(image.height)?);
    let extended = [flags, 0, 0, 0, width[0], width[1], width[2], height[0], height[1], height[2]];

    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    let mut push = |kind: &[u8; 4], data: &[u8]| push_chunk(&mut out, kind, data);
    push(b"VP8X", &extended)?;
    if let Some(icc) = &meta.icc {
        push(b"ICCP", icc)?;
    }
    for (kind, data) in chunks(encoded.get(12..)?).filter(|(kind, _)| kind != b"VP8X") {
        push(&kind, data)?;
    }
    if let Some(block) = &meta.exif {
        push(b"EXIF", block)?;
    }
    if let Some(packet) = &meta.xmp {
        push(b"XMP ", packet)?;
    }
    sized(out)
}
