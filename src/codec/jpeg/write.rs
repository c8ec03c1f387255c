//! Encoding as the source was encoded, and putting the segments and what stands behind the picture around it.

use jpeg_encoder::{ChromaSubsamplingMethod, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};

use super::multi_picture::{self as mpf, Entry};
use super::rows::Rows;
use super::signatures::{EXIF, EXTENDED_XMP, ICC, PHOTOSHOP, SEGMENT, XMP};
use crate::codec::extra::{Behind, Part, Text};
use crate::codec::{CodecError, EncodeOptions, Format, Loss, Source, Subsampling, cannot_encode, pack};
use crate::codec::{Density, DensityUnit, Metadata};
use crate::image::{Image, Samples};

/// Encodes as the source was encoded where it is a JPEG; 4:2:0 below quality 95 and 4:4:4 from there
/// otherwise.
pub(in crate::codec) fn encode(
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
    let converted;
    let samples = if let Samples::U8(samples) = &image.samples {
        samples
    } else {
        converted = pack::to_u8(&image.samples);
        &converted
    };
    let rows = Rows { size: (width, height), channels: image.channels, samples };
    encoder.encode_image(rows).map_err(fail)?;
    Ok(assembled(out, meta, notes))
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
    // What is held in whole dots a metre was dots an inch in most cases.
    let off =
        |density: Density| (density.x - density.x.round()).abs() + (density.y - density.y.round()).abs();
    let inches = density.in_unit(DensityUnit::PerInch);
    let density = if off(inches) < off(density) || off(density) > 0.1 { inches } else { density };
    let unit = match density.unit {
        DensityUnit::PerInch => PixelDensityUnit::Inches,
        DensityUnit::PerCentimetre => PixelDensityUnit::Centimeters,
        DensityUnit::Aspect => PixelDensityUnit::PixelAspectRatio,
    };
    PixelDensity { density: (round(density.x), round(density.y)), unit }
}

/// A file with what it carries beside the picture. The JFIF segment stays first.
fn assembled(coded: Vec<u8>, meta: &mut Metadata, notes: &mut Vec<String>) -> Vec<u8> {
    let mut segments = Segments { bytes: Vec::new(), notes };
    if let Some(block) = meta.exif.take() {
        segments.parts(1, EXIF, &block);
    }
    if let Some(packet) = meta.xmp.take() {
        segments.one(1, XMP, &packet, Loss::Metadata, "XMP");
    }
    let mut behind: Vec<Behind> = Vec::new();
    for extra in std::mem::take(&mut meta.extras) {
        match extra.part {
            Part::ExtendedXmp(id, packet) => segments.extended_xmp(&id, &packet),
            Part::Segments(parts) => {
                parts.iter().for_each(|(number, payload)| {
                    segments.one(*number, b"", payload, extra.loss, &extra.what);
                });
            }
            Part::Behind(behind_it) => behind.push(behind_it),
            Part::Gone | Part::Chunk { .. } => meta.extras.push(extra),
        }
    }
    if let Some(resources) = meta.iptc.take() {
        segments.parts(13, PHOTOSHOP, &resources);
    }
    if let Some(icc) = meta.icc.take() {
        segments.profile(&icc);
    }
    for text in std::mem::take(&mut meta.texts) {
        segments.comment(text);
    }
    let segments = segments.bytes;
    let jfif = match coded.get(2..6) {
        Some(&[0xFF, 0xE0, a, b]) => 2 + usize::from(u16::from_be_bytes([a, b])),
        _ => 0,
    };
    let (first, rest) = coded.split_at((2 + jfif).min(coded.len()));
    let list = picture_list(first.len(), first.len() + segments.len() + rest.len(), &behind);
    let behind: Vec<u8> = behind.into_iter().flat_map(|behind| behind.bytes).collect();
    [first, &list, &segments, rest, &behind].concat()
}

/// The multi-picture segment with its marker, standing at `at`, for a file whose picture would end at `end`
/// without it; empty when no listed picture stands behind.
fn picture_list(at: usize, end: usize, behind: &[Behind]) -> Vec<u8> {
    let listed = behind.iter().filter(|behind| behind.attribute.is_some()).count();
    if listed == 0 {
        return Vec::new();
    }
    let bytes = 4 + mpf::segment_bytes(1 + listed);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    // Offsets count from the header, which follows the marker, the length and four letters.
    let header = at + 4 + mpf::PREFIX.len();
    let mut place = end + bytes;
    // The first picture is the main one ("baseline MP primary image").
    let mut entries = vec![Entry { attribute: 0x0003_0000, size: number(place), offset: 0 }];
    for part in behind {
        if let Some(attribute) = part.attribute {
            let size = number(part.bytes.len() - part.before.min(part.bytes.len()));
            entries.push(Entry { attribute, size, offset: number(place + part.before - header) });
        }
        place += part.bytes.len();
    }
    let length = u16::try_from(bytes - 2).unwrap_or(u16::MAX).to_be_bytes();
    [&[0xFF, 0xE2], length.as_slice(), &mpf::segment(&entries)].concat()
}

/// Segments as they are written one behind the other.
struct Segments<'a> {
    bytes: Vec<u8>,
    notes: &'a mut Vec<String>,
}

impl Segments<'_> {
    /// A segment with that marker; false when it would be too long.
    fn push(&mut self, marker: u8, prefix: &[u8], data: &[u8]) -> bool {
        let Ok(length) = u16::try_from(prefix.len() + data.len() + 2) else { return false };
        self.bytes.extend([0xFF, marker]);
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend_from_slice(prefix);
        self.bytes.extend_from_slice(data);
        true
    }

    fn one(&mut self, number: u8, prefix: &[u8], data: &[u8], loss: Loss, what: &str) {
        if !self.push(0xE0 + number, prefix, data) {
            self.notes.push(loss.note(format_args!("{what}; jpeg holds at most 64 kB of it")));
        }
    }

    /// Data of any length in as many segments as it takes.
    fn parts(&mut self, number: u8, prefix: &[u8], data: &[u8]) {
        for part in data.chunks(SEGMENT - prefix.len()) {
            self.push(0xE0 + number, prefix, part);
        }
    }

    fn extended_xmp(&mut self, id: &str, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_be_bytes();
        // As much as Adobe's own programs put in one.
        for (part, offset) in packet.chunks(65_400).zip((0u32..).step_by(65_400)) {
            let prefix = [EXTENDED_XMP, id.as_bytes(), &length, &offset.to_be_bytes()].concat();
            self.push(0xE1, &prefix, part);
        }
    }

    fn profile(&mut self, icc: &[u8]) {
        let parts = icc.chunks(SEGMENT - ICC.len() - 2);
        let Ok(count) = u8::try_from(parts.len()) else {
            self.notes.push(Loss::Colour.note("ICC profile; jpeg holds at most 16 MB of it"));
            return;
        };
        for (part, number) in parts.zip(1..=count) {
            self.push(0xE2, &[ICC, &[number, count]].concat(), part);
        }
    }

    fn comment(&mut self, text: Text) {
        let Text { keyword, bytes, .. } = text;
        let comment = if keyword == "Comment" { bytes } else { [keyword.as_bytes(), b": ", &bytes].concat() };
        if !self.push(0xFE, b"", &comment) {
            self.notes.push(
                Loss::Metadata.note(format_args!("text \"{keyword}\"; jpeg holds at most 64 kB of it")),
            );
        }
    }
}
