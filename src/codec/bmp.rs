//! Windows and OS/2 bitmaps: headers, colours, resolution, profile. Read by us since libraries read no more than
//! the pixels.
//!
//! Sources: Microsoft's documentation of `BITMAPV5HEADER`, and the cases of bmpsuite.

mod header;
mod pixels;
mod write;

use std::borrow::Cow;
use std::io::{BufRead, Read, Seek};

use super::density::{Density, DensityUnit};
use super::malformed;
use super::{CodecError, Colour, Decoded, Format, Header, Loss, Metadata, Source};
use header::{Bitmap, FILE_HEADER, u32_at};
pub(super) use write::encode;

/// Most bytes of headers and palette.
const MAX_HEAD: u64 = 64 << 10;

/// The file, with the header put before it that bitmaps from a clipboard lack.
fn with_file_header(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.starts_with(b"BM") {
        return Cow::Borrowed(bytes);
    }
    let header = [b"BM".as_slice(), &[0; FILE_HEADER - 2]].concat();
    Cow::Owned([&header, bytes].concat())
}

/// Reads headers and palette.
pub(super) fn probe<R: BufRead + Seek>(reader: R) -> Result<Header, CodecError> {
    let mut head = Vec::new();
    let read = reader.take(MAX_HEAD).read_to_end(&mut head);
    read.map_err(|e| malformed(Format::Bmp, format_args!("it can't be read: {e}")))?;
    let bitmap = Bitmap::of(&with_file_header(&head))?;
    let pixels = u64::from(bitmap.width) * u64::from(bitmap.height);
    let sample = if bitmap.depth() > 8 { 2 } else { 1 };
    Ok(Header {
        format: Format::Bmp,
        width: bitmap.width,
        height: bitmap.height,
        channels: bitmap.channels(),
        bit_depth: bitmap.depth(),
        // The picture, indices of run lengths, and a profile.
        decode_bytes: pixels.saturating_mul(4 * sample + 1).saturating_add(8 << 20),
        picture: 0,
        pictures: 1,
        animated: false,
    })
}

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, CodecError> {
    let bytes = &*with_file_header(bytes);
    let bitmap = Bitmap::of(bytes)?;
    if (bitmap.width, bitmap.height) != (header.width, header.height) {
        return Err(malformed(Format::Bmp, "its headers contradict each other"));
    }
    let mut faults = Vec::new();
    let (mut image, end) = pixels::decode(&bitmap, bytes, &mut faults)?;
    let mut meta = metadata(&bitmap, bytes, end);
    if image.alpha.as_ref().is_some_and(|alpha| (0..alpha.len()).all(|i| alpha.get(i) == 0.0)) {
        // Programs state alpha and leave it empty; nobody keeps a picture that can't be seen.
        image.alpha = None;
        meta.saw(Loss::Layers, "transparency that is full everywhere; taken for unused");
    }
    let source = Source::new(
        Format::Bmp,
        (bitmap.width, bitmap.height),
        bitmap.depth(),
        image.channels as u8 + u8::from(image.alpha.is_some()),
    );
    Ok(Decoded { image, meta, source, faults })
}

/// Everything beside the pixels, which end at `end`.
fn metadata(bitmap: &Bitmap, bytes: &[u8], end: usize) -> Metadata {
    let mut meta = Metadata::default();
    let word = |at: usize| u32_at(bytes, FILE_HEADER + at).filter(|_| bitmap.header_bytes >= at + 4);
    let density = |at: usize| word(at).map(u32::cast_signed).filter(|&v| v > 0).map(|v| f64::from(v) / 100.0);
    if let (Some(x), Some(y)) = (density(24), density(28)) {
        meta.density = Some(Density { x, y, unit: DensityUnit::PerCentimetre });
    }
    let mut profile = 0..0;
    if bitmap.header_bytes >= 108 {
        match word(56).map(u32::to_be_bytes).as_ref() {
            Some(b"\0\0\0\0") => calibrated(&mut meta, word),
            Some(b"sRGB") => {
                let srgb = Some(match word(108) {
                    Some(1) => 2,
                    Some(2) => 1,
                    Some(8) => 3,
                    _ => 0,
                });
                meta.colour = Some(Colour { srgb, ..Colour::default() });
            }
            Some(kind @ (b"LINK" | b"MBED")) => {
                let at = FILE_HEADER + word(112).unwrap_or_default() as usize;
                profile = at..at + word(116).unwrap_or_default() as usize;
                match bytes.get(profile.clone()) {
                    _ if kind == b"LINK" => {
                        meta.saw(Loss::Colour, "ICC profile; the file only names where it lies");
                    }
                    Some(icc) if icc.len() > 128 => meta.icc = Some(icc.to_vec()),
                    _ => meta.saw(Loss::Colour, "ICC profile; it is not where the file says"),
                }
            }
            _ => {}
        }
    }
    let told = |from: usize, to: usize| {
        let range = from.min(bytes.len())..to.min(bytes.len()).max(from.min(bytes.len()));
        bytes.get(range).is_some_and(|gap| gap.iter().any(|&b| b != 0))
    };
    // A profile may stand before or behind the pixels.
    let before = if profile.start < bitmap.pixels_at { profile.clone() } else { 0..0 };
    if told(bitmap.head_end.max(before.end), bitmap.pixels_at) {
        meta.saw(Loss::Data, "bytes between its header and its pixels");
    }
    let after = profile.end.max(end);
    if told(after, bytes.len()) {
        meta.saw(Loss::Data, format!("{} bytes behind its pixels", bytes.len() - after));
    }
    meta
}

/// Primaries and gamma of a header that states them.
fn calibrated(meta: &mut Metadata, word: impl Fn(usize) -> Option<u32>) {
    let fields: Vec<f64> = (0..9).filter_map(|i| word(60 + 4 * i)).map(f64::from).collect();
    let sums: Vec<f64> = fields.chunks_exact(3).map(|xyz| xyz.iter().sum()).collect();
    if sums.len() != 3 || sums.contains(&0.0) {
        return;
    }
    let white: Vec<f64> = (0..3).map(|i| fields[i] + fields[3 + i] + fields[6 + i]).collect();
    let whole: f64 = white.iter().sum();
    let part = |v: f64, sum: f64| (v / sum * 100_000.0).round() as u32;
    let mut points = [part(white[0], whole), part(white[1], whole), 0, 0, 0, 0, 0, 0];
    for i in 0..3 {
        points[2 + 2 * i] = part(fields[3 * i], sums[i]);
        points[3 + 2 * i] = part(fields[3 * i + 1], sums[i]);
    }
    let gammas = [96, 100, 104].map(|at| word(at).unwrap_or_default());
    if gammas.iter().any(|&gamma| gamma != gammas[0]) {
        return meta.saw(Loss::Colour, "gamma; it differs from channel to channel");
    }
    // 16.16 bits, from value to light.
    let gamma = Some(gammas[0]).filter(|&gamma| gamma > 0);
    let gamma = gamma.map(|gamma| (100_000.0 * 65_536.0 / f64::from(gamma)).round() as u32);
    meta.colour = Some(Colour { gamma, chromaticities: Some(points), ..Colour::default() });
}
