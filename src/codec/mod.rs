//! Decoding and encoding of image files with full fidelity: bit depth, alpha, EXIF, ICC, XMP, orientation.
//!
//! Everything works on bytes in memory; reading and writing files is the caller's business. The format of
//! a file is decided by its content, never by its name alone.

mod apng;
mod av1;
mod bmp;
mod cmyk;
mod colour;
mod decode;
mod decoded;
mod density;
mod encode;
mod encoding;
mod error;
mod exif;
mod exif_data;
mod extra;
mod foreign;
mod format;
mod frames;
mod further;
mod gif;
mod header;
mod heif;
mod hevc;
mod isobox;
mod jpeg;
mod jpeg_frame;
mod jpeg_layout;
mod jpeg_scan;
mod jxl;
mod loss;
mod meta;
mod pack;
mod palette;
mod photoshop;
mod png;
mod pnm;
#[cfg(feature = "raw")]
mod raw;
mod simple;
mod sniff;
mod tga;
mod tiff;
mod tiff_write;
mod webp;
mod webp_frames;
mod xmp;
mod ycbcr;

pub use colour::Colour;
pub(crate) use colour::in_srgb;
pub use decode::{decode, decode_probed, probe, probe_pages, probe_picture};
pub use decoded::{Decoded, Source, Subsampling};
pub use density::{Density, DensityUnit};
pub use encode::{encode, encode_bytes, encode_losses};
pub use encoding::{Compression, EncodeOptions, Encoded};
pub use error::CodecError;
pub(crate) use error::{cannot_encode, damaged, malformed, unsupported};
pub use exif_data::ExifData;
pub use extra::{Behind, Extra, Part, Text, TextEncoding};
pub use format::Format;
pub use further::further;
pub use header::{Header, Limits, check_limits};
pub use loss::Loss;
pub use meta::{Metadata, icc_matches};

#[cfg(test)]
mod tests;
