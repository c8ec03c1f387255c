//! Frames of an animated WebP as whole canvases, put together as libwebp does it.
//!
//! The `image` crate disregards that a frame may ask to be cleared, and rounds otherwise. Each frame is made a
//! file of its own for it; laying them over one another is done here.

use std::io::Cursor;

use image::DynamicImage;
use image::codecs::webp::WebPDecoder;

use super::{CodecError, Format, Header, malformed, pack, simple, webp};
use crate::image::{Image, Samples};

/// One frame of the file.
struct Frame {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// Its place is cleared before the next.
    cleared: bool,
    /// It is laid over what is there; else it replaces it.
    blended: bool,
    /// A file with the frame alone.
    file: Vec<u8>,
}

/// The frames' canvases, one after another.
pub(super) fn frames(
    bytes: &[u8],
    header: &Header,
) -> Result<impl Iterator<Item = Result<Image, CodecError>> + use<>, CodecError> {
    let bad = || malformed(Format::WebP, "a frame is damaged");
    let (across, down) = (header.width as usize, header.height as usize);
    let body = bytes.get(12..).unwrap_or_default();
    let frames: Option<Vec<Frame>> =
        webp::chunks(body).filter(|(kind, _)| kind == b"ANMF").map(|(_, data)| frame(data)).collect();
    let frames = frames.ok_or_else(bad)?;
    if frames.iter().any(|f| f.x + f.width > across || f.y + f.height > down) {
        return Err(malformed(Format::WebP, "a frame lies outside the picture"));
    }
    let mut canvas = vec![0; across * down * 4];
    let mut before: Option<(usize, usize, usize, usize)> = None;
    let max_bytes = header.decode_bytes;
    Ok(frames.into_iter().map(move |frame| {
        if let Some((x, y, width, height)) = before.take() {
            for row in y..y + height {
                canvas[(row * across + x) * 4..(row * across + x + width) * 4].fill(0);
            }
        }
        let pixels = decoded(&frame, max_bytes)?;
        for (row, line) in pixels.chunks_exact(frame.width * 4).enumerate() {
            let start = ((frame.y + row) * across + frame.x) * 4;
            let to = &mut canvas[start..start + line.len()];
            for (below, above) in to.as_chunks_mut::<4>().0.iter_mut().zip(line.as_chunks::<4>().0) {
                *below = if frame.blended { over(*above, *below) } else { *above };
            }
        }
        before = frame.cleared.then_some((frame.x, frame.y, frame.width, frame.height));
        pack::from_interleaved(across, down, 4, Samples::U8(canvas.clone())).ok_or_else(bad)
    }))
}

/// Reads a frame's chunk.
fn frame(data: &[u8]) -> Option<Frame> {
    let number = |at: usize| {
        let &[a, b, c] = data.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes([a, b, c, 0]) as usize)
    };
    let (x, y, width, height) = (2 * number(0)?, 2 * number(3)?, number(6)? + 1, number(9)? + 1);
    let flags = *data.get(15)?;
    let parts: Vec<([u8; 4], &[u8])> = webp::chunks(data.get(16..)?)
        .filter(|(kind, _)| matches!(kind, b"ALPH" | b"VP8 " | b"VP8L"))
        .collect();
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    if parts.iter().any(|(kind, _)| kind == b"ALPH") {
        webp::push_chunk(&mut file, b"VP8X", &[&[0x10, 0, 0, 0], data.get(6..12)?].concat())?;
    }
    for (kind, data) in &parts {
        webp::push_chunk(&mut file, kind, data)?;
    }
    let file = webp::sized(file)?;
    Some(Frame { x, y, width, height, cleared: flags & 1 != 0, blended: flags & 2 == 0, file })
}

/// The frame's own pixels, RGBA.
fn decoded(frame: &Frame, max_bytes: u64) -> Result<Vec<u8>, CodecError> {
    let fail = |e| simple::decode_error(Format::WebP, e);
    let mut decoder = WebPDecoder::new(Cursor::new(&frame.file)).map_err(fail)?;
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(max_bytes);
    image::ImageDecoder::set_limits(&mut decoder, limits).map_err(fail)?;
    if image::ImageDecoder::dimensions(&decoder) != (frame.width as u32, frame.height as u32) {
        return Err(malformed(Format::WebP, "a frame's size contradicts its header"));
    }
    Ok(DynamicImage::from_decoder(decoder).map_err(fail)?.into_rgba8().into_raw())
}

/// A pixel over another, in the integers of libwebp.
fn over(above: [u8; 4], below: [u8; 4]) -> [u8; 4] {
    let alpha = u32::from(above[3]);
    if alpha == 255 {
        return above;
    }
    if alpha == 0 {
        return below;
    }
    let rest = (u32::from(below[3]) * (256 - alpha)) >> 8;
    let all = alpha + rest;
    let scale = (1 << 24) / all;
    let mix = |a: u8, b: u8| (((u32::from(a) * alpha + u32::from(b) * rest) * scale) >> 24) as u8;
    [mix(above[0], below[0]), mix(above[1], below[1]), mix(above[2], below[2]), all as u8]
}

#[cfg(test)]
mod tests {
    use super::over;

    #[test]
    fn pixels_lie_over_one_another() {
        assert_eq!(over([1, 2, 3, 255], [9; 4]), [1, 2, 3, 255]);
        assert_eq!(over([1, 2, 3, 0], [9; 4]), [9; 4]);
        assert_eq!(over([200, 0, 0, 128], [0, 100, 0, 255]), [100, 49, 0, 255]);
        assert_eq!(over([200, 0, 0, 128], [0, 0, 0, 0]), [200, 0, 0, 128]);
    }
}
