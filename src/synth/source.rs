//! What a source of synthetic pictures is, and what it makes.

use crate::image::Image;

/// What the pictures of every source have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Width and height, pixels, [`SIZES`].
    pub size: u16,
    /// Share of the pictures that have text and line art in them, 0 to 1.
    pub marks: f64,
}

/// Sizes that a picture may have.
pub const SIZES: std::ops::RangeInclusive<u16> = 16..=4096;

impl Default for Params {
    /// 256x256 pixels, every fourth with text or line art.
    fn default() -> Params {
        Params { size: 256, marks: 0.25 }
    }
}

/// A registered source.
#[derive(Debug)]
pub struct Synth {
    /// Word for `input.synth`, and folder of the items' names.
    pub name: &'static str,
    /// One sentence for `safelight list` and the reference.
    pub doc: &'static str,
    /// Counts up when the same parameters and seed give other bytes than before.
    pub version: u32,
    /// The picture of a seed: 8-bit RGB (sRGB), opaque.
    pub render: fn(&Params, u64) -> Image,
    /// Bytes that rendering takes at most, the picture included.
    pub bytes: fn(&Params) -> u64,
}
