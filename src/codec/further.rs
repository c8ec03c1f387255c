//! The pictures of a file behind its first: pages as they stand, frames of animations as whole canvases.

use super::decode::{decode_by, decode_probed};
use super::decoded::Decoded;
use super::error::{CodecError, damaged, malformed};
use super::format::Format;
use super::header::{Header, Limits};
use super::{apng, gif, jxl, pack, simple, tiff, webp_frames};
use crate::image::{Image, Samples};
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, Frames, ImageDecoder};
use std::borrow::Cow;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

/// A file's bytes, shared by what reads from them.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The pictures of a file behind its first, decoded one after another; `header` is that of the first.
///
/// Frames of an animation are whole canvases, as a player shows them, with the metadata of the file.
///
/// # Errors
/// As [`super::decode()`], for each; the first error is the last item.
pub fn further(
    bytes: Arc<Vec<u8>>,
    header: &Header,
    path_hint: PathBuf,
    limits: Limits,
) -> Result<Box<dyn Iterator<Item = Result<Decoded, CodecError>>>, CodecError> {
    let bytes = Shared(bytes);
    if !header.animated {
        if header.pictures == 1 {
            return Ok(Box::new(std::iter::empty()));
        }
        let chain = tiff::chain(bytes.as_ref())?;
        let page = move |picture| {
            let header = tiff::probe_page(bytes.as_ref(), &chain, picture)?;
            let decoder = || tiff::decode_page(bytes.as_ref(), &chain, &header);
            decode_by(&header, &path_hint, &limits, decoder)
        };
        return Ok(Box::new((1..header.pictures).map(page)));
    }
    let mut first = decode_probed(bytes.as_ref(), header, &path_hint, &limits)?;
    first.source.notes.clear();
    let mut images = images(bytes, header)?.skip(1);
    let format = header.format;
    let frame = move |_| {
        let image = images.next().unwrap_or_else(|| Err(damaged(format, "frames are missing")))?;
        Ok(Decoded { image, ..first.clone() })
    };
    Ok(Box::new((1..header.pictures).map(frame)))
}

/// All frames of an animation.
fn images(
    bytes: Shared,
    header: &Header,
) -> Result<Box<dyn Iterator<Item = Result<Image, CodecError>>>, CodecError> {
    let format = header.format;
    let fail = move |e| simple::decode_error(format, e);
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(header.decode_bytes);
    let frames: Frames<'static> = match format {
        Format::Gif => {
            let bytes = match gif::with_canvas(bytes.as_ref(), header.width, header.height) {
                Cow::Owned(mended) => Shared(Arc::new(mended)),
                Cow::Borrowed(_) => bytes,
            };
            let mut decoder = GifDecoder::new(Cursor::new(bytes)).map_err(fail)?;
            decoder.set_limits(limits).map_err(fail)?;
            decoder.into_frames()
        }
        Format::WebP => return Ok(Box::new(webp_frames::frames(bytes.as_ref(), header)?)),
        Format::JpegXl => return Ok(Box::new(jxl::frames(bytes.as_ref(), header)?)),
        _ => {
            let bytes = apng::recounted(bytes.as_ref()).map_or(bytes, |mended| Shared(Arc::new(mended)));
            return Ok(Box::new(apng::frames(Cursor::new(bytes), header)?));
        }
    };
    Ok(Box::new(frames.map(move |frame| {
        let buffer = frame.map_err(fail)?.into_buffer();
        let (width, height) = (buffer.width() as usize, buffer.height() as usize);
        pack::from_interleaved(width, height, 4, Samples::U8(buffer.into_raw()))
            .ok_or_else(|| malformed(format, "the decoder returned the wrong number of samples"))
    })))
}

#[cfg(test)]
mod tests;
