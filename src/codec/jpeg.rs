//! JPEG: decoding with the colour conversions of CMYK files, encoding as the source was encoded.

use std::io::{BufRead, Read, Seek, SeekFrom};

use jpeg_decoder::ColorTransform;
use jpeg_encoder::{
    ChromaSubsamplingMethod, ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor,
};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::jpeg_layout::{self as layout, Frame, Layout, Until};
use super::meta::{Density, DensityUnit, without_thumbnails};
use super::{CodecError, Decoded, EncodeOptions, Format, Header, Loss, Metadata, Source, Subsampling};
use super::{Text, TextEncoding, cannot_encode, cmyk, malformed, pack};
use crate::image::{Image, Samples};

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";

/// Most bytes of payload in one segment.
const SEGMENT: usize = 65_533;

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
            return Err(malformed(Format::Jpeg, "it is cut short: data ends before the frame header"));
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

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, CodecError> {
    let layout = layout::read(bytes, Until::End)?
        .ok_or_else(|| malformed(Format::Jpeg, "it is cut short: data ends before the frame header"))?;
    let mut notes = Vec::new();
    let mut meta = metadata(&layout);
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
    let stream = layout.into_stream();
    let mut pixels = if by_component {
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
    Ok(Decoded { image, meta, source, faults: Vec::new() })
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

fn metadata(layout: &Layout) -> Metadata {
    let mut meta = Metadata::default();
    let mut extended = false;
    let mut icc: Vec<(u8, &[u8])> = Vec::new();
    let mut resources = Vec::new();
    for &(number, payload) in &layout.app {
        if let (0, Some(&[_, _, unit, x1, x2, y1, y2])) =
            (number, payload.strip_prefix(b"JFIF\0").and_then(|p| p.first_chunk::<7>()))
        {
            let (x, y) = (u16::from_be_bytes([x1, x2]), u16::from_be_bytes([y1, y2]));
            let unit = match unit {
                1 => DensityUnit::PerInch,
                2 => DensityUnit::PerCentimetre,
                _ => DensityUnit::Aspect,
            };
            if x > 0 && y > 0 {
                meta.density = Some(Density { x: f64::from(x), y: f64::from(y), unit });
            }
        } else if let (1, None, Some(block)) = (number, &meta.exif, payload.strip_prefix(EXIF)) {
            meta.adopt_exif(block);
        } else if let (1, None, Some(packet)) = (number, &meta.xmp, payload.strip_prefix(XMP)) {
            meta.xmp = Some(packet.to_vec());
        } else if number == 1 && payload.starts_with(b"http://ns.adobe.com/xmp/extension/\0") {
            extended = true;
        } else if let (2, Some(&[sequence, _, ref part @ ..])) = (number, payload.strip_prefix(ICC)) {
            icc.push((sequence, part));
        } else if let (13, Some(part)) = (number, payload.strip_prefix(PHOTOSHOP)) {
            resources.extend_from_slice(part);
        }
    }
    icc.sort_by_key(|(sequence, _)| *sequence);
    if !icc.is_empty() && icc.iter().zip(1..).all(|((sequence, _), want)| *sequence == want) {
        meta.icc = Some(icc.iter().flat_map(|(_, part)| part.iter().copied()).collect());
    } else if !icc.is_empty() {
        meta.saw(Loss::Colour, "ICC profile; parts of it are missing");
    }
    if extended {
        meta.saw(Loss::Metadata, "XMP beyond 64 kB");
    }
    meta.iptc = Some(without_thumbnails(&resources)).filter(|kept| !kept.is_empty());
    for comment in &layout.comments {
        meta.texts.push(Text {
            keyword: "Comment".to_owned(),
            bytes: comment.to_vec(),
            encoding: TextEncoding::Unknown,
        });
    }
    meta
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

/// Encodes as the source was encoded where it is a JPEG; 4:2:0 below quality 95 and 4:4:4 from there
/// otherwise.
pub(super) fn encode(
    image: &Image,
    meta: &mut Metadata,
    source: Option<&Source>,
    options: &EncodeOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, CodecError> {
    let fail = |e: jpeg_encoder::EncodingError| cannot_encode(Format::Jpeg, e);
    if image.alpha.as_ref().is_some_and(|alpha| !is_opaque(alpha)) {
        return Err(cannot_encode(
            Format::Jpeg,
            "the image has transparency, which jpeg can't hold; write png",
        ));
    }
    let (Ok(width), Ok(height)) = (u16::try_from(image.width), u16::try_from(image.height)) else {
        return Err(cannot_encode(Format::Jpeg, "sides beyond 65535 pixels; write png or tiff"));
    };
    let source = source.filter(|source| source.format == Format::Jpeg);
    let quality = options.quality.or_else(|| source?.quality).unwrap_or(92).clamp(1, 100);
    let subsampling = source.and_then(|source| source.subsampling);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(match subsampling {
        Some(Subsampling::S444) => SamplingFactor::R_4_4_4,
        Some(Subsampling::S422) => SamplingFactor::R_4_2_2,
        Some(Subsampling::S440) => SamplingFactor::R_4_4_0,
        Some(Subsampling::S420) => SamplingFactor::R_4_2_0,
        Some(Subsampling::S411) => SamplingFactor::R_4_1_1,
        None if quality >= 95 => SamplingFactor::R_4_4_4,
        None => SamplingFactor::R_4_2_0,
    });
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.set_progressive(source.is_some_and(|source| source.progressive));
    if let Some(density) = meta.density.take() {
        encoder.set_density(pixel_density(density));
    }
    let mut add = |number: u8, prefix: &[u8], data: &[u8], what: &str| {
        if prefix.len() + data.len() > SEGMENT {
            notes.push(Loss::Metadata.note(format_args!("{what}; jpeg holds at most 64 kB of it")));
            return Ok(());
        }
        encoder.add_app_segment(number, [prefix, data].concat()).map_err(fail)
    };
    if let Some(block) = meta.exif.take() {
        add(1, EXIF, &block, "EXIF")?;
    }
    if let Some(packet) = meta.xmp.take() {
        add(1, XMP, &packet, "XMP")?;
    }
    for part in meta.iptc.take().iter().flat_map(|resources| resources.chunks(SEGMENT - PHOTOSHOP.len())) {
        add(13, PHOTOSHOP, part, "IPTC")?;
    }
    if let Some(icc) = meta.icc.take()
        && let Err(e) = encoder.add_icc_profile(&icc)
    {
        notes.push(Loss::Colour.note(format_args!("ICC profile; {e}")));
    }
    let kind = if image.channels == 1 { ColorType::Luma } else { ColorType::Rgb };
    encoder.encode(&pack::to_u8(&image.samples), width, height, kind).map_err(fail)?;
    insert_comments(&mut out, std::mem::take(&mut meta.texts), notes);
    Ok(out)
}

/// True when every sample of an alpha plane is at its maximum.
fn is_opaque(alpha: &Samples) -> bool {
    match alpha {
        Samples::U8(v) => v.iter().all(|&a| a == u8::MAX),
        Samples::U16(v) => v.iter().all(|&a| a == u16::MAX),
        Samples::F32(v) => v.iter().all(|&a| a >= 1.0),
    }
}

fn pixel_density(density: Density) -> PixelDensity {
    let round = |v: f64| v.round().clamp(1.0, 65535.0) as u16;
    let unit = match density.unit {
        DensityUnit::PerInch => PixelDensityUnit::Inches,
        DensityUnit::PerCentimetre => PixelDensityUnit::Centimeters,
        DensityUnit::Aspect => PixelDensityUnit::PixelAspectRatio,
    };
    PixelDensity { density: (round(density.x), round(density.y)), unit }
}

/// Puts texts as comment segments after the JFIF segment, which must stay first.
fn insert_comments(file: &mut Vec<u8>, texts: Vec<Text>, notes: &mut Vec<String>) {
    let mut segments = Vec::new();
    for Text { keyword, bytes, .. } in texts {
        let comment = if keyword == "Comment" { bytes } else { [keyword.as_bytes(), b": ", &bytes].concat() };
        match u16::try_from(comment.len() + 2) {
            Ok(length) => {
                segments.extend([0xFF, 0xFE]);
                segments.extend(length.to_be_bytes());
                segments.extend_from_slice(&comment);
            }
            Err(_) => notes.push(
                Loss::Metadata.note(format_args!("text \"{keyword}\"; jpeg holds at most 64 kB of it")),
            ),
        }
    }
    let jfif = match file.get(2..6) {
        Some(&[0xFF, 0xE0, a, b]) => 2 + usize::from(u16::from_be_bytes([a, b])),
        _ => 0,
    };
    let at = (2 + jfif).min(file.len());
    file.splice(at..at, segments);
}
