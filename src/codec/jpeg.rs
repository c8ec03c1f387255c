//! JPEG: decoding with the colour conversions of CMYK files, and what is common to reading and writing.

mod behind;
mod multi_picture;
mod rows;
mod segments;
mod signatures;
mod write;

use std::io::{BufRead, Read, Seek, SeekFrom};

use jpeg_decoder::ColorTransform;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::jpeg_frame::Frame;
use super::jpeg_layout::{self as layout, Until};
use super::{CodecError, Decoded, Format, Header, Source, Subsampling, cmyk, damaged, malformed, pack};
use crate::image::Samples;

pub(super) use write::encode;

/// Reads up to the frame header, however much metadata stands before it.
pub(super) fn probe<R: BufRead + Seek>(mut reader: R) -> Result<Header, CodecError> {
    let bad = |e: std::io::Error| malformed(Format::Jpeg, format!("it can't be read: {e}"));
    let file_bytes = reader.seek(SeekFrom::End(0)).map_err(bad)?;
    reader.seek(SeekFrom::Start(0)).map_err(bad)?;
    let mut bytes = Vec::new();
    let mut goal = 64 << 10;
    loop {
        let read = reader.by_ref().take(goal - bytes.len() as u64).read_to_end(&mut bytes).map_err(bad)?;
        if let Some(layout) = layout::read(&bytes, Until::Frame)? {
            return Ok(header(&layout.frame, file_bytes));
        }
        if read == 0 {
            return Err(damaged(Format::Jpeg, "it is cut short: data ends before the frame header"));
        }
        goal *= 8;
    }
}

fn header(frame: &Frame, file_bytes: u64) -> Header {
    let channels = frame.components.len() as u8;
    // Components are padded to whole blocks of up to 32 pixels, and to the largest sampling of any.
    let padded = |side: u16| u64::from(side).next_multiple_of(32);
    let samples = padded(frame.width) * padded(frame.height) * u64::from(channels);
    let result = samples + if channels == 4 { samples } else { 0 };
    // Progressive and component-by-component files keep all coefficients as 16-bit numbers.
    let decode_bytes = result + 3 * samples + 2 * file_bytes + (1 << 20);
    Header {
        format: Format::Jpeg,
        width: u32::from(frame.width),
        height: u32::from(frame.height),
        channels,
        bit_depth: 8,
        decode_bytes,
        picture: 0,
        pictures: 1,
        animated: false,
    }
}

/// Decodes a whole file; a `strict` reader wants to know of all that can be proven.
pub(super) fn decode(bytes: &[u8], strict: bool) -> Result<Decoded, CodecError> {
    let layout = layout::read(bytes, if strict { Until::DoubtedEnd } else { Until::End })?
        .ok_or_else(|| damaged(Format::Jpeg, "it is cut short: data ends before the frame header"))?;
    let mut notes = Vec::new();
    let mut meta = segments::metadata(bytes, &layout);
    let mut faults = Vec::new();
    if layout.unended {
        faults.push("its end marker is missing; the picture is whole".to_owned());
    }
    faults.extend(layout.doubts.iter().map(|what| (*what).to_owned()));
    let frame = layout.frame.clone();
    let (adobe, rgb) = (layout.adobe, layout.is_rgb());
    let source_quality = layout.luma_table.as_deref().and_then(quality);

    let count = frame.components.len();
    let raw = match count {
        1 => ColorSpace::Luma,
        3 => ColorSpace::RGB,
        _ => ColorSpace::CMYK,
    };
    let by_component = layout.is_by_component();
    let sound = samples_as_usual(&frame);
    let mut stream = layout.into_stream();
    let mut pixels = if by_component || !sound {
        // zune-jpeg gets these wrong or refuses them; the other decoder fills what is missing, so that all is checked.
        if !by_component {
            layout::read(bytes, Until::CheckedEnd)?;
            stream.extend([0xFF, 0xD9]);
        }
        read_by_component(&stream, &frame, rgb)?
    } else {
        read_pixels(stream, &frame, raw)?
    };
    if count == 4 {
        to_ink(&mut pixels, adobe);
        pixels = cmyk::to_rgb(&pixels, meta.icc.take().as_deref(), &mut notes);
    }
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let image = pack::from_interleaved(width, height, count.min(3), Samples::U8(pixels))
        .ok_or_else(|| malformed(Format::Jpeg, "the decoder returned the wrong number of samples"))?;
    let source = Source {
        format: Format::Jpeg,
        width: u32::from(frame.width),
        height: u32::from(frame.height),
        bit_depth: 8,
        channels: count as u8,
        lossless: false,
        subsampling: if rgb { Some(Subsampling::S444) } else { subsampling(&frame) },
        quality: source_quality,
        progressive: frame.progressive,
        notes,
    };
    Ok(Decoded { image, meta, source, faults })
}

/// True where luma has the most detail, by a factor that is a power of two, or stands alone.
fn samples_as_usual(frame: &Frame) -> bool {
    let [first, rest @ ..] = frame.components.as_slice() else { return true };
    let two = |n: u8| n.is_power_of_two();
    let all = two(first.h) && two(first.v) && rest.iter().all(|c| two(c.h) && two(c.v));
    all && rest.iter().all(|c| c.h <= first.h && c.v <= first.v)
}

fn read_pixels(stream: Vec<u8>, frame: &Frame, colour: ColorSpace) -> Result<Vec<u8>, CodecError> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(layout::MAX_SCANS)
        .jpeg_set_out_colorspace(colour);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(stream), options);
    decoder.decode_headers().map_err(|e| malformed(Format::Jpeg, e))?;
    let len = usize::from(frame.width) * usize::from(frame.height) * frame.components.len();
    if decoder.output_buffer_size() != Some(len) {
        return Err(malformed(Format::Jpeg, "its headers contradict each other"));
    }
    let mut pixels = vec![0; len];
    decoder.decode_into(&mut pixels).map_err(|e| malformed(Format::Jpeg, e))?;
    Ok(pixels)
}

/// Pixels of a sequential file with a scan for each component, whose subsampled components zune-jpeg gets
/// wrong.
fn read_by_component(stream: &[u8], frame: &Frame, rgb: bool) -> Result<Vec<u8>, CodecError> {
    let mut decoder = jpeg_decoder::Decoder::new(stream);
    decoder.set_color_transform(match frame.components.len() {
        3 if !rgb => ColorTransform::YCbCr,
        1 => ColorTransform::Grayscale,
        _ => ColorTransform::None,
    });
    decoder.decode().map_err(|e| malformed(Format::Jpeg, e))
}

/// Undoes the YCC part and Adobe's inversion, such that 255 is full ink.
fn to_ink(cmyk: &mut [u8], adobe: Option<u8>) {
    if adobe == Some(2) {
        cmyk.chunks_exact_mut(4).for_each(ycck_to_cmyk);
    }
    if adobe.is_some() {
        cmyk.iter_mut().for_each(|v| *v = 255 - *v);
    }
}

/// As libjpeg does it: the first three become inverted RGB, black stays.
fn ycck_to_cmyk(pixel: &mut [u8]) {
    if let [a, b, c, _] = pixel {
        let rgb = cmyk::ycc_to_rgb([*a, *b, *c], cmyk::BT601);
        [*a, *b, *c] = rgb.map(|v| 255 - v);
    }
}

fn subsampling(frame: &Frame) -> Option<Subsampling> {
    let [y, cb, cr] = frame.components.as_slice() else { return None };
    if (cb.h, cb.v) != (cr.h, cr.v) || !y.h.is_multiple_of(cb.h) || !y.v.is_multiple_of(cb.v) {
        return None;
    }
    match (y.h / cb.h, y.v / cb.v) {
        (1, 1) => Some(Subsampling::S444),
        (2, 1) => Some(Subsampling::S422),
        (1, 2) => Some(Subsampling::S440),
        (2, 2) => Some(Subsampling::S420),
        (4, 1) => Some(Subsampling::S411),
        _ => None,
    }
}

/// Quality on the scale of the JPEG standard's example tables, as most encoders use it.
fn quality(table: &[u16]) -> Option<u8> {
    // The standard's luma table sums to 3688 and is scaled by 5000 / q below 50, by 200 - 2 q above.
    let sum: f64 = table.iter().map(|&v| f64::from(v)).sum();
    let scale = sum / 36.88;
    let quality = if scale > 100.0 { 5000.0 / scale } else { (200.0 - scale) / 2.0 };
    quality.is_finite().then(|| quality.round().clamp(1.0, 100.0) as u8)
}
