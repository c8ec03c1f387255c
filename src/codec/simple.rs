//! The formats that need no more than the `image` crate offers, and WebP's pixels.

use std::borrow::Cow;
use std::io::{BufRead, Cursor, Seek};

use image::codecs::ico::IcoEncoder;
use image::codecs::qoi::QoiEncoder;
use image::codecs::tga::TgaEncoder;
use image::{ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader};

use super::{CodecError, Colour, Decoded, Format, Header, Loss, Metadata, Source};
use super::{cannot_encode, damaged, gif, malformed, pack, pnm, unsupported, webp};
use crate::image::{Image, Samples};

/// Bytes a pixel of eight-bit RGBA: the pixels, their copy with alpha apart, and a canvas with planes.
pub(super) const RGBA_BYTES: u64 = 2 * 4 + 8;

/// Bytes of tables, whatever the picture.
pub(super) const TABLES: u64 = 4 << 20;

fn image_format(format: Format) -> Result<ImageFormat, CodecError> {
    Ok(match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Tiff => ImageFormat::Tiff,
        Format::WebP => ImageFormat::WebP,
        Format::Bmp => ImageFormat::Bmp,
        Format::Gif => ImageFormat::Gif,
        Format::Pnm => ImageFormat::Pnm,
        Format::Qoi => ImageFormat::Qoi,
        Format::Tga => ImageFormat::Tga,
        Format::Ico => ImageFormat::Ico,
        Format::Farbfeld => ImageFormat::Farbfeld,
        Format::JpegXl | Format::Avif | Format::Heic | Format::Raw => {
            return Err(malformed(format, "not a simple format"));
        }
    })
}

fn open<'a, R: BufRead + Seek + 'a>(
    reader: R,
    format: Format,
    max_bytes: u64,
) -> Result<impl ImageDecoder + use<'a, R>, CodecError> {
    let mut reader = ImageReader::with_format(reader, image_format(format)?);
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(max_bytes);
    reader.limits(limits);
    reader.into_decoder().map_err(|e| decode_error(format, e))
}

pub(super) fn decode_error(format: Format, error: ImageError) -> CodecError {
    match error {
        ImageError::Unsupported(e) => unsupported(format, e),
        ImageError::Limits(e) => CodecError::Unsupported {
            format: format.name(),
            what: format!("{e}: its header asks for too much memory"),
        },
        e if ends_early(&e) => damaged(format, "it is cut short: it ends within its pixels or headers"),
        e => malformed(format, e),
    }
}

/// The file ended where more was to be read.
fn ends_early(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.kind() == std::io::ErrorKind::UnexpectedEof
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reads the header.
pub(super) fn probe<R: BufRead + Seek>(reader: R, format: Format) -> Result<Header, CodecError> {
    let decoder = open(reader, format, 64 << 20)?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    // The pixels, their copy as 16-bit numbers or with alpha apart, and a canvas of RGBA with planes.
    let bytes_per_pixel = 2 * u64::from(colour.bytes_per_pixel()) + 8;
    Ok(Header {
        format,
        width,
        height,
        channels: colour.channel_count(),
        bit_depth: bit_depth(decoder.original_color_type()),
        decode_bytes: pixels.saturating_mul(bytes_per_pixel).saturating_add(TABLES),
        picture: 0,
        pictures: 1,
        animated: false,
    })
}

fn bit_depth(colour: ExtendedColorType) -> u8 {
    (colour.bits_per_pixel() / u16::from(colour.channel_count()).max(1)).clamp(1, 64) as u8
}

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, CodecError> {
    let format = header.format;
    let mut meta = Metadata::default();
    let (mut lossless, mut frames, mut faults) = (true, 0, Vec::new());
    match format {
        Format::WebP => {
            let contents = webp::contents(bytes)?;
            (meta, lossless, frames) = (contents.meta, contents.lossless, contents.frames);
            faults = contents.faults;
        }
        Format::Gif => {
            let contents = gif::contents(bytes)?;
            (meta, frames, faults) = (contents.meta, contents.frames, contents.faults);
        }
        Format::Ico => frames = bytes.get(4).map_or(0, |&n| usize::from(n)),
        Format::Pnm => meta = pnm::metadata(bytes),
        // Its header tells sRGB, which is usual, from values that are proportional to light.
        Format::Qoi if bytes.get(13) == Some(&1) => {
            meta.colour = Some(Colour { gamma: Some(100_000), ..Colour::default() });
        }
        _ => {}
    }
    let bytes = match format {
        Format::Gif => gif::with_canvas(bytes, header.width, header.height),
        _ => Cow::Borrowed(bytes),
    };
    let mut decoder = open(Cursor::new(bytes.as_ref()), format, header.decode_bytes)?;
    if !matches!(format, Format::WebP | Format::Gif) {
        meta.icc = decoder.icc_profile().ok().flatten();
    }
    let colour = decoder.color_type();
    let size = usize::try_from(decoder.total_bytes()).map_err(|e| malformed(format, e))?;
    if decoder.dimensions() != (header.width, header.height) || decoder.total_bytes() > header.decode_bytes {
        return Err(malformed(format, "its headers contradict each other"));
    }
    let mut pixels = vec![0; size];
    decoder.read_image(&mut pixels).map_err(|e| decode_error(format, e))?;
    let per_pixel = usize::from(colour.channel_count());
    let samples = match usize::from(colour.bytes_per_pixel()) / per_pixel.max(1) {
        1 => Samples::U8(pixels),
        2 => pack::u16_samples(pixels, u16::from_ne_bytes),
        _ => return Err(unsupported(format, "float samples; convert it to 16-bit tiff first")),
    };
    let image = pack::from_interleaved(header.width as usize, header.height as usize, per_pixel, samples)
        .ok_or_else(|| malformed(format, "the decoder returned the wrong number of samples"))?;
    if frames > 1 {
        match format {
            Format::Ico => meta.saw(Loss::Pictures, format!("the largest of {frames} is kept")),
            _ => meta.saw(Loss::Frames, format!("the first of {frames} is kept")),
        }
    }
    let source = Source { lossless, ..Source::of(header) };
    Ok(Decoded { image, meta, source, faults })
}

/// Encodes in a format with little or no metadata.
pub(super) fn encode(image: &Image, meta: &mut Metadata, format: Format) -> Result<Vec<u8>, CodecError> {
    let fail = |e: ImageError| cannot_encode(format, e);
    let (Ok(width), Ok(height)) = (u32::try_from(image.width), u32::try_from(image.height)) else {
        return Err(cannot_encode(format, "sides beyond 4294967295 pixels"));
    };
    let max_side = match format {
        Format::Gif | Format::Tga => 65_535,
        Format::Ico => 256,
        _ => u32::MAX,
    };
    if width.max(height) > max_side {
        return Err(cannot_encode(format, format!("sides beyond {max_side} pixels; write png or tiff")));
    }
    let mut out = Vec::new();
    match format {
        Format::Pnm => return Ok(pnm::encode(image, meta)),
        Format::Farbfeld => return Ok(farbfeld(image)),
        Format::Tga => {
            // Its run-length packets cross lines, which other readers refuse.
            let (pixels, colour) = eight_bit(image, image.channels == 1);
            TgaEncoder::new(&mut out)
                .disable_rle()
                .write_image(&pixels, width, height, colour)
                .map_err(fail)?;
        }
        Format::Qoi => {
            let (pixels, colour) = eight_bit(image, false);
            QoiEncoder::new(&mut out).write_image(&pixels, width, height, colour).map_err(fail)?;
        }
        Format::Ico => {
            // Icons hold nothing but RGBA.
            let opaque = || Samples::U8(vec![u8::MAX; image.width * image.height]);
            let alpha = Some(image.alpha.clone().unwrap_or_else(opaque));
            let (pixels, colour) = eight_bit(&Image { alpha, ..image.clone() }, false);
            IcoEncoder::new(&mut out).write_image(&pixels, width, height, colour).map_err(fail)?;
        }
        Format::Gif => {
            out = gif::with_metadata(gif::encode(image)?, meta);
        }
        Format::Png
        | Format::Jpeg
        | Format::Tiff
        | Format::WebP
        | Format::Bmp
        | Format::JpegXl
        | Format::Avif
        | Format::Heic
        | Format::Raw => {
            return Err(cannot_encode(format, "not a simple format"));
        }
    }
    Ok(out)
}

/// Interleaved bytes, gray where `as_gray`, with their colour type.
fn eight_bit(image: &Image, as_gray: bool) -> (Vec<u8>, ExtendedColorType) {
    let (pixels, per_pixel) =
        if as_gray { pack::interleaved_u8(image) } else { pack::interleaved_rgb_u8(image) };
    let colour = match per_pixel {
        1 => ExtendedColorType::L8,
        2 => ExtendedColorType::La8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    (pixels, colour)
}

/// Always 16-bit RGBA.
fn farbfeld(image: &Image) -> Vec<u8> {
    let mut rgba = image.clone();
    let pixels = image.width * image.height;
    rgba.alpha.get_or_insert_with(|| Samples::U16(vec![u16::MAX; pixels]));
    if image.channels == 1 {
        rgba.channels = 3;
        rgba.samples = Samples::U16(pack::triple(&pack::to_u16(&image.samples)));
    }
    let mut out = b"farbfeld".to_vec();
    out.extend((image.width as u32).to_be_bytes());
    out.extend((image.height as u32).to_be_bytes());
    out.extend(pack::be_bytes(&pack::interleaved_u16(&rgba).0));
    out
}
