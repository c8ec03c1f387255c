//! Encoding: metadata and pixels are brought to what the format holds, and its encoder does the rest.

use super::decoded::Source;
use super::encoding::{EncodeOptions, Encoded};
use super::error::{CodecError, cannot_encode};
use super::format::Format;
use super::loss::Loss;
use super::meta::Metadata;
use super::{bmp, colour, jpeg, pack, png, simple, tiff_write, webp};
use crate::image::Image;

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
