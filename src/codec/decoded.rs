//! A decoded file: its pixels, what stands beside them, and how it was stored.

use super::format::Format;
use super::header::Header;
use super::meta::Metadata;
use crate::image::Image;
use crate::image::orient::upright;

/// A decoded file.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The pixels, in stored order (not turned by the orientation tag).
    pub image: Image,
    /// What the file carries beside pixels.
    pub meta: Metadata,
    /// How the file was stored.
    pub source: Source,
    /// Faults of the file that were read around without losing pixels, such as a missing end marker.
    pub faults: Vec<String>,
}

impl Decoded {
    /// The same with the pixels turned upright, as people see the picture, and the orientation tag in step.
    #[must_use]
    pub fn upright(self) -> Decoded {
        let turned = self.meta.orientation;
        if turned == 1 {
            return self;
        }
        let mut meta = self.meta;
        meta.set_orientation(1);
        meta.moved();
        Decoded { image: upright(self.image, turned), meta, ..self }
    }
}

/// Where an image came from: what encoding "as it was" needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The format, from the content.
    pub format: Format,
    /// Width in pixels as stored.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// Bits of one sample in the file.
    pub bit_depth: u8,
    /// Channels of the file, alpha included; CMYK counts as 4.
    pub channels: u8,
    /// False when the file's compression loses information (JPEG, lossy WebP).
    pub lossless: bool,
    /// Chroma subsampling of a JPEG of three components.
    pub subsampling: Option<Subsampling>,
    /// Estimated quality (1..=100) of a JPEG, from its luma quantisation table.
    pub quality: Option<u8>,
    /// True for a progressive JPEG.
    pub progressive: bool,
    /// What the user should know about how the file was read, such as "first of 12 frames".
    pub notes: Vec<String>,
}

/// Chroma subsampling of a JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsampling {
    /// 4:4:4, no subsampling.
    S444,
    /// 4:2:2, half the width.
    S422,
    /// 4:4:0, half the height.
    S440,
    /// 4:2:0, half the width and height.
    S420,
    /// 4:1:1, a quarter of the width.
    S411,
}

impl Source {
    /// A lossless file of which nothing more is known.
    pub(crate) fn new(format: Format, (width, height): (u32, u32), bit_depth: u8, channels: u8) -> Source {
        Source {
            format,
            width,
            height,
            bit_depth,
            channels,
            lossless: true,
            subsampling: None,
            quality: None,
            progressive: false,
            notes: Vec::new(),
        }
    }

    /// As [`Source::new`], of what the header says.
    pub(crate) fn of(header: &Header) -> Source {
        Source::new(header.format, (header.width, header.height), header.bit_depth, header.channels)
    }
}
