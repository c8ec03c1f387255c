//! Decoding and encoding of image files with full fidelity: bit depth, alpha, EXIF, ICC, XMP, orientation.
//!
//! Everything works on bytes in memory; reading and writing files is the caller's business. The format of
//! a file is decided by its content, never by its name alone.

mod apng;
mod av1;
mod bmp;
mod cmyk;
mod colour;
mod exif;
mod exif_data;
mod extra;
mod foreign;
mod format;
mod frames;
mod gif;
mod heif;
mod hevc;
mod isobox;
mod jpeg;
mod jpeg_layout;
mod jpeg_scan;
mod jxl;
mod loss;
mod meta;
mod pack;
mod photoshop;
mod png;
mod pnm;
#[cfg(feature = "raw")]
mod raw;
mod simple;
mod tga;
mod tiff;
mod tiff_write;
mod webp;
mod webp_frames;
mod xmp;
mod ycbcr;

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

pub use colour::Colour;
pub use exif_data::ExifData;
pub use extra::{Behind, Extra, Part, Text, TextEncoding};
pub use format::Format;
pub use frames::further;
pub use loss::Loss;
pub use meta::{Density, DensityUnit, Metadata, icc_matches};

use crate::image::Image;

/// Why a file could not be decoded, or an image not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The file is of a kind that is not read, or the image has something the format can't hold.
    #[error("unsupported {format} file: {what}")]
    Unsupported {
        /// Name of the format, or "image" when it is not known.
        format: &'static str,
        /// What is not supported and what to do about it.
        what: String,
    },
    /// The file is proven to be damaged: it ends too early, or a checksum does not fit.
    #[error("damaged {format} file: {what}; restore it from a backup, or exclude it from the input")]
    Damaged {
        /// Name of the format, or "image" when it is not known.
        format: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The file breaks its format's rules; whether it was ever otherwise can't be told.
    #[error(
        "{format} file that can't be read: {what}; save it anew with a program that opens it, or exclude it \
         from the input"
    )]
    Malformed {
        /// Name of the format, or "image" when it is not known.
        format: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The picture exceeds the limits; nothing was allocated for its pixels.
    #[error("{width} x {height} pixels {what}")]
    TooLarge {
        /// Width in the file's header.
        width: u64,
        /// Height in the file's header.
        height: u64,
        /// Which limit is exceeded and by how much, with what to do.
        what: String,
    },
    /// The image can't be written in this format.
    #[error("can't write {format}: {what}")]
    Encode {
        /// Name of the format.
        format: &'static str,
        /// What is in the way and what to do about it.
        what: String,
    },
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
    /// Upper bound of the bytes that [`decode`] allocates at once, the returned image included and the
    /// file's own bytes excluded.
    pub decode_bytes: u64,
    /// Which of the file's pictures this is about, from 0: page or frame.
    pub picture: u32,
    /// Pages or frames that can be decoded each on its own, at least 1.
    pub pictures: u32,
    /// True when they are the frames of an animation, false when they are pages.
    pub animated: bool,
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

/// How hard a lossless encoder works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Several times faster, somewhat larger files.
    #[default]
    Fast,
    /// Smaller files, slower.
    Small,
}

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
    /// What was lost in encoding, as [`encode_losses`] says and metadata that did not fit.
    pub notes: Vec<String>,
}

/// Reads a file's header. The reader must stand at the file's start; where it stands afterwards is open.
///
/// # Errors
/// As [`decode`], save for damage that only shows in the pixel data.
pub fn probe<R: BufRead + Seek>(reader: R, path_hint: &Path) -> Result<Header, CodecError> {
    probe_picture(reader, path_hint, 0)
}

/// As [`probe`], of one of the file's pictures: page or frame, numbered from 0.
///
/// # Errors
/// As [`probe`]; also when there is no picture of that number.
pub fn probe_picture<R: BufRead + Seek>(
    mut reader: R,
    path_hint: &Path,
    picture: u32,
) -> Result<Header, CodecError> {
    let head = format::peek(&mut reader)?;
    let format = match Format::sniff(&head, path_hint)? {
        Format::Tiff if tiff::is_raw(&mut reader, path_hint)? => Format::Raw,
        format => format,
    };
    let mut header = match format {
        Format::Jpeg => jpeg::probe(&mut reader),
        Format::Png => png::probe(&mut reader),
        Format::Tiff => tiff::probe(&mut reader, picture),
        Format::Bmp => bmp::probe(&mut reader),
        Format::Tga => tga::probe(&mut reader),
        Format::JpegXl => jxl::probe(&mut reader),
        Format::Avif | Format::Heic => heif::probe(&mut reader, format),
        #[cfg(feature = "raw")]
        Format::Raw => raw::probe(&mut reader),
        #[cfg(not(feature = "raw"))]
        Format::Raw => Err(foreign::raw_not_built()),
        _ => simple::probe(&mut reader, format),
    }?;
    frames::count(&mut reader, &mut header)?;
    if header.width == 0 || header.height == 0 {
        return Err(malformed(format, "width or height is 0"));
    }
    if picture >= header.pictures {
        return Err(malformed(format, format_args!("it has no picture {}", u64::from(picture) + 1)));
    }
    Ok(Header { picture, ..header })
}

/// The headers of all pages of a file. Frames of an animation are all of one size: the first stands for them.
/// Pages whose headers can't be read are left out, save for the first.
///
/// # Errors
/// As [`probe`], of the first; `Damaged` where the file ends before its last page.
pub fn probe_pages<R: BufRead + Seek>(mut reader: R, path_hint: &Path) -> Result<Vec<Header>, CodecError> {
    let first = probe(&mut reader, path_hint)?;
    // The one format of pages.
    let is_tiff = first.format == Format::Tiff;
    let mut headers = vec![first];
    if is_tiff {
        headers.extend(tiff::probe_further(reader)?);
    }
    Ok(headers)
}

/// Decodes a file's first picture.
///
/// Up to 8 bits a sample become `U8`, more become `U16`. Gray stays one channel; palettes become colour.
/// `path_hint` (the file's name) tells TGA, which has no signature, and serves a note on misnamed files.
///
/// # Errors
/// `Unsupported` for what is no image or of a kind that is not read, `Damaged` for truncated files and wrong
/// checksums, `Malformed` for what breaks the rules otherwise (a picture that is only partly there is never
/// returned), `TooLarge` when `limits` are exceeded.
pub fn decode(bytes: &[u8], path_hint: &Path, limits: &Limits) -> Result<Decoded, CodecError> {
    let header = probe(Cursor::new(bytes), path_hint)?;
    decode_probed(bytes, &header, path_hint, limits)
}

/// As [`decode`], for bytes whose header [`probe`] has read.
///
/// # Errors
/// As [`decode`].
pub fn decode_probed(
    bytes: &[u8],
    header: &Header,
    path_hint: &Path,
    limits: &Limits,
) -> Result<Decoded, CodecError> {
    decode_by(header, path_hint, limits, || match header.format {
        Format::Jpeg => jpeg::decode(bytes, limits.strict),
        Format::Png => png::decode(bytes, header),
        Format::Tiff => tiff::decode(bytes, header),
        Format::Bmp => bmp::decode(bytes, header),
        Format::Tga => tga::decode(bytes),
        Format::JpegXl => jxl::decode(bytes, header),
        Format::Avif | Format::Heic => heif::decode(bytes, header.format),
        #[cfg(feature = "raw")]
        Format::Raw => raw::decode(bytes, header),
        #[cfg(not(feature = "raw"))]
        Format::Raw => Err(foreign::raw_not_built()),
        _ => simple::decode(bytes, header),
    })
}

/// Decodes by `decoder` what `header` is about, and puts down what is told of any file.
fn decode_by(
    header: &Header,
    path_hint: &Path,
    limits: &Limits,
    decoder: impl FnOnce() -> Result<Decoded, CodecError>,
) -> Result<Decoded, CodecError> {
    check_limits(header, limits)?;
    let mut decoded = decoder()?;
    // Nobody who uses the picture gets these, whatever is made of it.
    let (unread, extras) = std::mem::take(&mut decoded.meta.extras)
        .into_iter()
        .partition(|extra| matches!(extra.loss, Loss::Pages | Loss::Frames));
    decoded.meta.extras = extras;
    let mut unread: Vec<Extra> = unread;
    if header.animated && header.pictures > 1 {
        // One wording, and one way of counting, for all formats.
        unread.retain(|extra| extra.loss != Loss::Frames);
        let what = format!("the first of {} is kept", header.pictures);
        unread.push(Extra { loss: Loss::Frames, what, part: Part::Gone });
    }
    decoded.source.notes.extend(unread.into_iter().map(|extra| extra.loss.note(extra.what)));
    if let (true, Some(what)) = (limits.strict, decoded.faults.first()) {
        return Err(damaged(header.format, format_args!("{what} (read all the same without `strict`)")));
    }
    decoded.source.notes.append(&mut decoded.faults);
    if let Some(extension) = path_hint.extension().and_then(|e| e.to_str())
        && Format::from_extension(extension).is_some_and(|named| named != header.format)
    {
        decoded.source.notes.push(format!("named .{extension} but is {}", header.format.name()));
    }
    Ok(decoded)
}

/// Encodes an image with its metadata.
///
/// EXIF size fields are patched to the image's size and an embedded EXIF thumbnail is unlinked, since it
/// shows the old pixels. Where the format can't carry the orientation tag, or metadata is not kept, the
/// pixels are turned upright instead; likewise where the format is another than the source's and is not JPEG
/// or TIFF, since viewers disregard the tag there. A profile for other channels gives way to one that shows
/// neutral values alike; what a PNG says otherwise about its colours becomes a profile in other formats; for
/// formats without profiles the values become sRGB.
/// Alpha that is opaque throughout is left out of JPEG.
///
/// # Errors
/// `Encode` when the format can't hold the image: transparency in JPEG, or sides beyond the format's maximum.
pub fn encode(
    image: &Image,
    meta: &Metadata,
    source: Option<&Source>,
    options: &EncodeOptions,
) -> Result<Encoded, CodecError> {
    let format = options.format;
    let mut notes = encode_losses(image, format);
    let mut meta = meta.clone();
    let mut upright = None;
    let converted = source.is_some_and(|source| source.format != format)
        && !matches!(format, Format::Jpeg | Format::Tiff);
    if meta.orientation != 1 && (converted || !format.carries_exif() || !options.keep_metadata) {
        upright = Some(crate::image::orient::upright(image.clone(), meta.orientation));
        meta.set_orientation(1);
        meta.moved();
    }
    let image = upright.as_ref().unwrap_or(image);
    if !options.keep_metadata {
        meta = meta.strip();
    }
    let settled = colour::settle(image, &mut meta, format, &mut notes);
    let image = settled.as_ref().unwrap_or(image);
    let dithered = (options.dither && format.max_bits() == 8).then(|| pack::dithered(image)).flatten();
    let image = dithered.as_ref().unwrap_or(image);
    meta.settle(format);
    meta.for_size(image.width, image.height);
    let bytes = match format {
        Format::Jpeg => jpeg::encode(image, &mut meta, source, options, &mut notes),
        Format::Png => png::encode(image, &mut meta, options, &mut notes),
        Format::Tiff => tiff_write::encode(image, &mut meta, options),
        Format::WebP => webp::encode(image, &mut meta, source, options),
        Format::Bmp => bmp::encode(image, &mut meta),
        Format::JpegXl | Format::Avif | Format::Heic | Format::Raw => {
            Err(cannot_encode(format, "it is only read; write png, or another format"))
        }
        _ => simple::encode(image, &mut meta, format),
    }?;
    notes.extend(meta.lost(format));
    Ok(Encoded { bytes, notes })
}

/// Upper bound of the bytes that [`encode`] allocates at once beside the image itself, the returned file
/// included and metadata excluded, for an image of these dimensions in memory.
pub fn encode_bytes(
    format: Format,
    width: u64,
    height: u64,
    channels_with_alpha: u64,
    bytes_per_sample: u64,
) -> u64 {
    let pixels = width.saturating_mul(height);
    let bytes = pixels.saturating_mul(channels_with_alpha).saturating_mul(bytes_per_sample);
    let work = match format {
        // libwebp's ARGB copy, hash chains, references and histograms.
        Format::WebP => pixels.saturating_mul(48).saturating_add(bytes.saturating_mul(2)),
        // Components, all their coefficients where progressive, and the file.
        Format::Jpeg => pixels.saturating_mul(16),
        // Interleaved copies, the compressor's output and the file as it grows.
        Format::Png | Format::Tiff => bytes.saturating_mul(6),
        // Four 16-bit samples a pixel whatever the image has, in up to four copies.
        Format::Farbfeld => pixels.saturating_mul(48),
        // Interleaved RGBA copies and the file as it grows.
        _ => bytes.saturating_mul(4).max(pixels.saturating_mul(24)),
    };
    // Turned upright, and the stretch that compressors take whatever the size.
    work.saturating_add(bytes.saturating_mul(2)).saturating_add(4 << 20)
}

/// What of the pixels would be lost by writing `image` in `format`, in words; empty when nothing is.
pub fn encode_losses(image: &Image, format: Format) -> Vec<String> {
    let mut losses = Vec::new();
    let bits = image.depth().bits();
    if bits > format.max_bits() {
        let (name, most) = (format.name(), format.max_bits());
        losses.push(Loss::Depth.note(format_args!("{name} holds {most} bits a sample: rounded from {bits}")));
    }
    if format == Format::Gif {
        losses.push(Loss::Depth.note("gif holds 256 colours and no partial transparency"));
    }
    losses
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

fn damaged(format: Format, what: impl ToString) -> CodecError {
    CodecError::Damaged { format: format.name(), what: what.to_string() }
}

fn malformed(format: Format, what: impl ToString) -> CodecError {
    CodecError::Malformed { format: format.name(), what: what.to_string() }
}

fn unsupported(format: Format, what: impl ToString) -> CodecError {
    CodecError::Unsupported { format: format.name(), what: what.to_string() }
}

fn cannot_encode(format: Format, what: impl ToString) -> CodecError {
    CodecError::Encode { format: format.name(), what: what.to_string() }
}

#[cfg(test)]
mod tests;
