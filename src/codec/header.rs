//! What a file's header says, and what may be decoded.

use super::error::CodecError;
use super::format::Format;

/// What a file's header says, without decoding pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The format, from the content.
    pub format: Format,
    /// Width in pixels as stored, at least 1.
    pub width: u32,
    /// Height in pixels as stored, at least 1.
    pub height: u32,
    /// Channels of the file, alpha included: 1 to 4 (a palette counts as 3, or 4 with transparency).
    pub channels: u8,
    /// Bits of one sample in the file: 1 to 16 (8 for palettes of colours; up to 64 in TIFF).
    pub bit_depth: u8,
    /// Upper bound of the bytes that [`decode`](super::decode) allocates at once, the returned image included and the
    /// file's own bytes excluded.
    pub decode_bytes: u64,
    /// Which of the file's pictures this is about, from 0: page or frame.
    pub picture: u32,
    /// Pages or frames that can be decoded each on its own, at least 1.
    pub pictures: u32,
    /// True when they are the frames of an animation, false when they are pages.
    pub animated: bool,
}

/// Upper bounds for decoding, checked against the header before pixels are allocated.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest accepted number of pixels (width * height).
    pub max_pixels: u64,
    /// Largest accepted [`Header::decode_bytes`].
    pub max_bytes: u64,
    /// Refuse files with faults, also those that can be read around.
    pub strict: bool,
}

/// 500 megapixels, and 8 GiB while decoding.
impl Default for Limits {
    fn default() -> Limits {
        Limits { max_pixels: 500_000_000, max_bytes: 8 << 30, strict: false }
    }
}

/// Whether a picture with this header may be decoded.
///
/// # Errors
/// `TooLarge` when it exceeds the limits.
pub fn check_limits(header: &Header, limits: &Limits) -> Result<(), CodecError> {
    let (width, height) = (u64::from(header.width), u64::from(header.height));
    let too_large = |what| Err(CodecError::TooLarge { width, height, what });
    let pixels = width.saturating_mul(height);
    if pixels > limits.max_pixels {
        return too_large(format!("are more than the {} allowed; raise limits.pixels", limits.max_pixels));
    }
    if header.decode_bytes > limits.max_bytes {
        return too_large(format!(
            "need up to {} MB to decode, more than the {} MB allowed; raise limits.memory",
            header.decode_bytes.div_ceil(1 << 20),
            limits.max_bytes >> 20
        ));
    }
    Ok(())
}
