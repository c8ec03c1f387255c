//! How many frames a file has, where it is an animation.

use super::error::{CodecError, malformed};
use super::format::Format;
use super::header::Header;
use super::{gif, simple};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// Bytes a pixel that compositing frames takes: two canvases and a frame, of four channels.
const CANVASES: u64 = 12;

/// Puts down how many frames a file has, where it is an animation.
///
/// # Errors
/// When the file can't be read.
pub(super) fn count<R: BufRead + Seek>(reader: &mut R, header: &mut Header) -> Result<(), CodecError> {
    let format = header.format;
    let mut canvas = (header.width, header.height);
    let counted = match format {
        Format::Gif => reader.rewind().and_then(|()| gif_frames(reader, &mut canvas)),
        Format::WebP => reader.seek(SeekFrom::Start(12)).and_then(|_| webp_frames(reader)),
        Format::Png => reader.seek(SeekFrom::Start(8)).and_then(|_| apng_frames(reader)),
        _ => return Ok(()),
    };
    let frames = counted.map_err(|e| malformed(format, format_args!("it can't be read: {e}")))?;
    if canvas != (header.width, header.height) {
        (header.width, header.height) = canvas;
        let pixels = u64::from(canvas.0) * u64::from(canvas.1);
        // The file with the size of its canvas mended, beside what others take.
        let file = reader.seek(SeekFrom::End(0)).unwrap_or(0);
        header.decode_bytes = (pixels * simple::RGBA_BYTES).saturating_add(simple::TABLES + file);
    }
    if frames > 1 {
        header.pictures = frames;
        header.animated = true;
        let pixels = u64::from(header.width).saturating_mul(u64::from(header.height));
        let depth = if header.bit_depth > 8 { 2 } else { 1 };
        header.decode_bytes = header.decode_bytes.saturating_add(pixels.saturating_mul(CANVASES * depth));
    }
    Ok(())
}

/// Skips bytes; false where the file ends before.
fn skip<R: BufRead>(reader: &mut R, bytes: u64) -> std::io::Result<bool> {
    Ok(std::io::copy(&mut reader.take(bytes), &mut std::io::sink())? == bytes)
}

/// The next bytes; none where the file ends before.
fn next<const N: usize>(reader: &mut impl Read) -> std::io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}

/// Frames of a GIF, as far as its blocks are there; makes the canvas as large as the first is.
fn gif_frames<R: BufRead>(reader: &mut R, canvas: &mut (u32, u32)) -> std::io::Result<u32> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3u64 << ((flags & 7) + 1) };
    let mut frames = 0;
    let Some(screen) = next::<13>(reader)? else { return Ok(0) };
    if !skip(reader, table(screen[10]))? {
        return Ok(0);
    }
    while let Some([kind]) = next(reader)? {
        match kind {
            0x21 if skip(reader, 1)? => {}
            0x2C => {
                let Some(descriptor) = next::<9>(reader)? else { break };
                if frames == 0 {
                    let (right, bottom) = gif::corner(&descriptor);
                    *canvas = (canvas.0.max(right), canvas.1.max(bottom));
                }
                if !skip(reader, table(descriptor[8]) + 1)? {
                    break;
                }
                frames += 1;
            }
            // Zeros between blocks are tolerated by every decoder.
            0 => continue,
            _ => break,
        }
        loop {
            match next(reader)? {
                Some([0]) => break,
                Some([size]) if skip(reader, size.into())? => {}
                _ => return Ok(frames),
            }
        }
    }
    Ok(frames)
}

/// Frames of a WebP; the reader stands at its first chunk.
fn webp_frames<R: BufRead + Seek>(reader: &mut R) -> std::io::Result<u32> {
    let mut frames = 0;
    while let (Some(kind), Some(size)) = (next::<4>(reader)?, next::<4>(reader)?) {
        match &kind {
            b"VP8 " | b"VP8L" => break,
            b"ANMF" => frames += 1,
            _ => {}
        }
        let size = i64::from(u32::from_le_bytes(size));
        reader.seek_relative(size + size % 2)?;
    }
    Ok(frames)
}

/// Pictures of an animated PNG; the reader stands at its first chunk.
///
/// A first picture that is no part of the animation counts too. Frames are counted that are there, where the header
/// says that there are fewer.
fn apng_frames<R: BufRead + Seek>(reader: &mut R) -> std::io::Result<u32> {
    let (mut stated, mut found, mut pixels, mut first_is_frame) = (None, 0u32, false, false);
    while let (Some(size), Some(kind)) = (next::<4>(reader)?, next::<4>(reader)?) {
        let mut size = i64::from(u32::from_be_bytes(size));
        match &kind {
            b"IDAT" if stated.is_none() => break,
            b"IDAT" => pixels = true,
            b"IEND" => break,
            b"acTL" if size >= 4 => {
                stated = next(reader)?.map(u32::from_be_bytes);
                size -= 4;
            }
            b"fcTL" => {
                first_is_frame |= !pixels;
                found = found.saturating_add(1);
            }
            _ => {}
        }
        reader.seek_relative(size + 4)?;
    }
    let frames = stated.map_or(0, |stated| stated.max(found));
    Ok(if frames == 0 || first_is_frame { frames } else { frames.saturating_add(1) })
}
