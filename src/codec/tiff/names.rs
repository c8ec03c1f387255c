//! Names for what a TIFF file's numbers stand for.

use super::layout::{Colour, Method};

/// A compression that is not read.
pub(super) fn compression(number: u64) -> String {
    let name = match number {
        9 | 10 | 34661 => "JBIG",
        32766 => "NeXT",
        32809 => "ThunderScan",
        32895..=32898 => "IT8",
        32908 | 32909 => "Pixar",
        32947 => "Kodak DCS",
        33003 | 33005 | 34712 => "JPEG 2000",
        33007 => "Alternative JPEG",
        34676 | 34677 => "SGI LogLuv",
        34887 => "LERC",
        34892 => "lossy DNG JPEG",
        34925 => "LZMA",
        50002 | 52546 => "JPEG XL",
        _ => return format!("unknown compression {number}"),
    };
    format!("{name} compression ({number})")
}

/// A photometric interpretation that is not read.
pub(super) fn photometric(number: u64) -> String {
    let name = match number {
        4 => "a transparency mask",
        10 => "ITU L*a*b* colours",
        32844 | 32845 => "LogLuv colours",
        34892 => "linear raw samples",
        51177 => "a depth map",
        _ => return format!("unknown photometric interpretation {number}"),
    };
    format!("{name} (photometric interpretation {number})")
}

/// A compression that is read.
pub(super) fn compression_of(method: Method) -> &'static str {
    match method {
        Method::None => "no compression",
        Method::Rle { .. } => "CCITT RLE compression",
        Method::Group3 { .. } => "Group 3 compression",
        Method::Group4 => "Group 4 compression",
        Method::Lzw => "LZW compression",
        Method::Deflate => "Deflate compression",
        Method::PackBits => "PackBits compression",
        Method::Zstandard => "Zstandard compression",
        Method::WebP => "WebP compression",
        Method::Jpeg { .. } => "JPEG compression",
        Method::OldJpeg => "old-style JPEG compression",
    }
}

/// A colour model that is read.
pub(super) fn colour_of(colour: Colour) -> &'static str {
    match colour {
        Colour::Gray { .. } => "gray",
        Colour::Rgb => "RGB",
        Colour::Palette => "a palette",
        Colour::Cmyk => "CMYK",
        Colour::Ycc { .. } => "YCbCr",
        Colour::Lab { .. } => "CIE L*a*b*",
    }
}
