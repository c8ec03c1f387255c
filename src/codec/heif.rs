//! HEIC and AVIF: the container (HEIF), tiles, turns, alpha and metadata; `hevc` and `av1` give the planes.

mod file;
mod metadata;
mod pictures;

use super::isobox::Boxes;
use super::{CodecError, Decoded, Format, Header, Source, damaged, malformed};
use file::{description, parse};
use metadata::told;
use std::io::{BufRead, Seek};

/// Boxes whose end a file must have.
const KINDS: [&[u8; 4]; 6] = [b"ftyp", b"meta", b"mdat", b"moov", b"idat", b"free"];

/// Reads the header.
pub(super) fn probe<R: BufRead + Seek>(mut reader: R, format: Format) -> Result<Header, CodecError> {
    let bytes = description(&mut reader, format)?;
    parse(format, &bytes)?.header()
}

/// Decodes the primary picture.
pub(super) fn decode(bytes: &[u8], format: Format) -> Result<Decoded, CodecError> {
    let boxes = Boxes::of(bytes);
    if let Some(name) = boxes.cut(&KINDS) {
        return Err(damaged(format, format_args!("it ends within a box ({name})")));
    }
    let file = parse(format, bytes.get(..boxes.end).unwrap_or_default())?;
    let header = file.header()?;
    let primary = file.boxes.primary_id;
    let mut image = file.picture(primary, false, 0)?;
    if let Some(alpha) = file.alpha_of(primary) {
        file.attach(&mut image, alpha)?;
    }
    if (image.width, image.height) != (header.width as usize, header.height as usize) {
        return Err(malformed(format, "its headers contradict each other"));
    }
    let source = Source { lossless: false, ..Source::of(&header) };
    let mut meta = file.metadata();
    told(&boxes, &mut meta);
    Ok(Decoded { image, meta, source, faults: Vec::new() })
}

#[cfg(test)]
mod tests;
