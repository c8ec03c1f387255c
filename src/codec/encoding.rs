//! How to encode, and what comes of it.

use super::format::Format;

/// How to encode.
#[derive(Clone, Copy, Debug)]
pub struct EncodeOptions {
    /// The format to write.
    pub format: Format,
    /// 1..=100 for JPEG and lossy WebP; `None` takes the source's (JPEG only), else 92.
    pub quality: Option<u8>,
    /// Write EXIF, ICC, XMP, IPTC, texts and density. Without, only the ICC profile (part of what the
    /// pixel values mean) or what says the same is written, and the pixels are turned upright.
    pub keep_metadata: bool,
    /// Effort for PNG, TIFF and lossless WebP.
    pub compression: Compression,
    /// Spread the rounding of samples of more than 8 bits to 8 by a fixed pattern, so that smooth gradients
    /// don't break into bands.
    pub dither: bool,
}

/// How hard a lossless encoder works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Several times faster, somewhat larger files.
    #[default]
    Fast,
    /// Smaller files, slower.
    Small,
}

impl EncodeOptions {
    /// Everything kept, quality from the source, fast compression.
    pub fn new(format: Format) -> EncodeOptions {
        EncodeOptions {
            format,
            quality: None,
            keep_metadata: true,
            compression: Compression::Fast,
            dither: false,
        }
    }
}

/// An encoded file.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// What was lost in encoding, as [`encode_losses`](super::encode_losses) says and metadata that did not fit.
    pub notes: Vec<String>,
}
