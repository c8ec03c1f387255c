//! Reading headers and decoding: the format is told by the content, and its decoder does the rest.

use super::decoded::Decoded;
use super::error::{CodecError, damaged, malformed};
use super::extra::{Extra, Part};
#[cfg(not(feature = "raw"))]
use super::foreign;
use super::format::Format;
use super::header::{Header, Limits, check_limits};
use super::loss::Loss;
#[cfg(feature = "raw")]
use super::raw;
use super::{bmp, frames, heif, jpeg, jxl, png, simple, sniff, tga, tiff};
use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

/// Reads a file's header. The reader must stand at the file's start; where it stands afterwards is open.
///
/// # Errors
/// As [`decode`], save for damage that only shows in the pixel data.
pub fn probe<R: BufRead + Seek>(reader: R, path_hint: &Path) -> Result<Header, CodecError> {
    probe_picture(reader, path_hint, 0)
}

/// As [`probe`], of one of the file's pictures: page or frame, numbered from 0.
///
/// # Errors
/// As [`probe`]; also when there is no picture of that number.
pub fn probe_picture<R: BufRead + Seek>(
    mut reader: R,
    path_hint: &Path,
    picture: u32,
) -> Result<Header, CodecError> {
    let head = sniff::peek(&mut reader)?;
    let format = match Format::sniff(&head, path_hint)? {
        Format::Tiff if tiff::is_raw(&mut reader, path_hint)? => Format::Raw,
        format => format,
    };
    let mut header = match format {
        Format::Jpeg => jpeg::probe(&mut reader),
        Format::Png => png::probe(&mut reader),
        Format::Tiff => tiff::probe(&mut reader, picture),
        Format::Bmp => bmp::probe(&mut reader),
        Format::Tga => tga::probe(&mut reader),
        Format::JpegXl => jxl::probe(&mut reader),
        Format::Avif | Format::Heic => heif::probe(&mut reader, format),
        #[cfg(feature = "raw")]
        Format::Raw => raw::probe(&mut reader),
        #[cfg(not(feature = "raw"))]
        Format::Raw => Err(foreign::raw_not_built()),
        _ => simple::probe(&mut reader, format),
    }?;
    frames::count(&mut reader, &mut header)?;
    if header.width == 0 || header.height == 0 {
        return Err(malformed(format, "width or height is 0"));
    }
    if picture >= header.pictures {
        return Err(malformed(format, format_args!("it has no picture {}", u64::from(picture) + 1)));
    }
    Ok(Header { picture, ..header })
}

/// The headers of all pages of a file. Frames of an animation are all of one size: the first stands for them.
/// Pages whose headers can't be read are left out, save for the first.
///
/// # Errors
/// As [`probe`], of the first; `Damaged` where the file ends before its last page.
pub fn probe_pages<R: BufRead + Seek>(mut reader: R, path_hint: &Path) -> Result<Vec<Header>, CodecError> {
    let first = probe(&mut reader, path_hint)?;
    // The one format of pages.
    let is_tiff = first.format == Format::Tiff;
    let mut headers = vec![first];
    if is_tiff {
        headers.extend(tiff::probe_further(reader)?);
    }
    Ok(headers)
}

/// Decodes a file's first picture.
///
/// Up to 8 bits a sample become `U8`, more become `U16`. Gray stays one channel; palettes become colour.
/// `path_hint` (the file's name) tells TGA, which has no signature, and serves a note on misnamed files.
///
/// # Errors
/// `Unsupported` for what is no image or of a kind that is not read, `Damaged` for truncated files and wrong
/// checksums, `Malformed` for what breaks the rules otherwise (a picture that is only partly there is never
/// returned), `TooLarge` when `limits` are exceeded.
pub fn decode(bytes: &[u8], path_hint: &Path, limits: &Limits) -> Result<Decoded, CodecError> {
    let header = probe(Cursor::new(bytes), path_hint)?;
    decode_probed(bytes, &header, path_hint, limits)
}

/// As [`decode`], for bytes whose header [`probe`] has read.
///
/// # Errors
/// As [`decode`].
pub fn decode_probed(
    bytes: &[u8],
    header: &Header,
    path_hint: &Path,
    limits: &Limits,
) -> Result<Decoded, CodecError> {
    decode_by(header, path_hint, limits, || match header.format {
        Format::Jpeg => jpeg::decode(bytes, limits.strict),
        Format::Png => png::decode(bytes, header),
        Format::Tiff => tiff::decode(bytes, header),
        Format::Bmp => bmp::decode(bytes, header),
        Format::Tga => tga::decode(bytes),
        Format::JpegXl => jxl::decode(bytes, header),
        Format::Avif | Format::Heic => heif::decode(bytes, header.format),
        #[cfg(feature = "raw")]
        Format::Raw => raw::decode(bytes, header),
        #[cfg(not(feature = "raw"))]
        Format::Raw => Err(foreign::raw_not_built()),
        _ => simple::decode(bytes, header),
    })
}

/// Decodes by `decoder` what `header` is about, and puts down what is told of any file.
pub(super) fn decode_by(
    header: &Header,
    path_hint: &Path,
    limits: &Limits,
    decoder: impl FnOnce() -> Result<Decoded, CodecError>,
) -> Result<Decoded, CodecError> {
    check_limits(header, limits)?;
    let mut decoded = decoder()?;
    // Nobody who uses the picture gets these, whatever is made of it.
    let (unread, extras) = std::mem::take(&mut decoded.meta.extras)
        .into_iter()
        .partition(|extra| matches!(extra.loss, Loss::Pages | Loss::Frames));
    decoded.meta.extras = extras;
    let mut unread: Vec<Extra> = unread;
    if header.animated && header.pictures > 1 {
        // One wording, and one way of counting, for all formats.
        unread.retain(|extra| extra.loss != Loss::Frames);
        let what = format!("the first of {} is kept", header.pictures);
        unread.push(Extra { loss: Loss::Frames, what, part: Part::Gone });
    }
    decoded.source.notes.extend(unread.into_iter().map(|extra| extra.loss.note(extra.what)));
    if let (true, Some(what)) = (limits.strict, decoded.faults.first()) {
        return Err(damaged(header.format, format_args!("{what} (read all the same without `strict`)")));
    }
    decoded.source.notes.append(&mut decoded.faults);
    if let Some(extension) = path_hint.extension().and_then(|e| e.to_str())
        && Format::from_extension(extension).is_some_and(|named| named != header.format)
    {
        decoded.source.notes.push(format!("named .{extension} but is {}", header.format.name()));
    }
    Ok(decoded)
}
