//! TIFF decoding: 1 to 16 bits, gray, RGB, alpha, palette, CMYK and YCbCr, strips, tiles and planes.

use std::io::{BufRead, Cursor, Seek, SeekFrom};

use tiff::ColorType;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::{SampleFormat, Tag};

use super::jpeg_layout::{self, Until};
use super::meta::{as_resource, without_thumbnails};
use super::{CodecError, Decoded, Format, Header, Loss, Metadata, Source};
use super::{cmyk, exif, malformed, pack, unsupported};
use crate::image::{Image, Samples};

/// `PhotometricInterpretation` of palettes and of gray whose 0 is black.
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;
pub(super) const XMP: Tag = Tag::Unknown(700);
pub(super) const PHOTOSHOP: Tag = Tag::Unknown(34377);
const IPTC: Tag = Tag::Unknown(33723);
/// `Compression` of strips and tiles that are JPEG streams.
const JPEG: u16 = 7;
const YCC_COEFFICIENTS: Tag = Tag::Unknown(529);
const DNG_VERSION: Tag = Tag::Unknown(50706);

fn error(e: tiff::TiffError) -> CodecError {
    match e {
        tiff::TiffError::UnsupportedError(e) => unsupported(Format::Tiff, e),
        e => malformed(Format::Tiff, e),
    }
}

/// What the samples of a file are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Gray,
    Rgb,
    Palette,
    Cmyk,
    Ycc,
}

/// The layout of a file's first image.
#[derive(Clone, Copy, Debug)]
struct Shape {
    width: u32,
    height: u32,
    kind: Kind,
    bits: u8,
    /// Samples a pixel as the decoder returns them.
    samples: usize,
    /// The last of them is alpha.
    alpha: bool,
}

fn open<R: BufRead + Seek>(reader: R, max_bytes: u64) -> Result<Decoder<R>, CodecError> {
    let bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = bytes;
    limits.intermediate_buffer_size = bytes;
    limits.ifd_value_size = bytes.min(64 << 20);
    Ok(Decoder::new(reader).map_err(error)?.with_limits(limits))
}

fn shape<R: BufRead + Seek>(decoder: &mut Decoder<R>) -> Result<Shape, CodecError> {
    let (width, height) = decoder.dimensions().map_err(error)?;
    let number = |decoder: &mut Decoder<R>, tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten();
    if number(decoder, DNG_VERSION).is_some()
        || number(decoder, Tag::NewSubfileType).is_some_and(|t| t & 1 == 1)
    {
        return Err(unsupported(Format::Tiff, "camera raw file; develop it to png or tiff first"));
    }
    let formats = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(error)?.unwrap_or_default();
    if formats.iter().any(|&format| SampleFormat::from_u16_exhaustive(format) != SampleFormat::Uint) {
        return Err(unsupported(
            Format::Tiff,
            "float or signed samples; convert it to 16-bit integers first",
        ));
    }
    let photometric = number(decoder, Tag::PhotometricInterpretation);
    if photometric == Some(u32::from(PALETTE)) {
        let bits =
            decoder.find_tag_unsigned_vec::<u16>(Tag::BitsPerSample).map_err(error)?.unwrap_or_default();
        let &[bits @ (1 | 2 | 4 | 8)] = bits.as_slice() else {
            return Err(unsupported(Format::Tiff, "a palette with other than 1, 2, 4 or 8 bits"));
        };
        return Ok(Shape { width, height, kind: Kind::Palette, bits: bits as u8, samples: 1, alpha: false });
    }
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(error)?.unwrap_or_default();
    let colour = decoder.colortype().map_err(error)?;
    let (kind, samples, alpha) = match colour {
        ColorType::Gray(_) => (Kind::Gray, 1, false),
        ColorType::GrayA(_) => (Kind::Gray, 2, true),
        ColorType::RGB(_) => (Kind::Rgb, 3, false),
        ColorType::RGBA(_) => (Kind::Rgb, 4, true),
        ColorType::CMYK(_) => (Kind::Cmyk, 4, false),
        ColorType::YCbCr(8) => (Kind::Ycc, 3, false),
        ColorType::Multiband { num_samples: 2, .. }
            if photometric == Some(u32::from(BLACK_IS_ZERO)) && matches!(extra.as_slice(), [1 | 2]) =>
        {
            (Kind::Gray, 2, true)
        }
        other => return Err(unsupported(Format::Tiff, format!("colour type {other:?}"))),
    };
    let bits = colour.bit_depth();
    match bits {
        8 | 16 => {}
        1 | 2 | 4 if samples == 1 => {}
        _ => {
            return Err(unsupported(
                Format::Tiff,
                format!("{bits}-bit samples; convert it to 8 or 16 bits first"),
            ));
        }
    }
    Ok(Shape { width, height, kind, bits, samples, alpha })
}

/// Reads the first directory.
pub(super) fn probe<R: BufRead + Seek>(mut reader: R) -> Result<Header, CodecError> {
    let bad = |e: std::io::Error| malformed(Format::Tiff, format!("it can't be read: {e}"));
    let file_bytes = reader.seek(SeekFrom::End(0)).map_err(bad)?;
    reader.seek(SeekFrom::Start(0)).map_err(bad)?;
    let mut decoder = open(reader, 64 << 20)?;
    let shape = shape(&mut decoder)?;
    let pixels = u64::from(shape.width) * u64::from(shape.height);
    let channels = if shape.kind == Kind::Palette { 3 } else { shape.samples };
    let bytes = pixels.saturating_mul(channels as u64 * if shape.bits > 8 { 2 } else { 1 });
    // One strip may hold everything; planes, unpacked samples and alpha are copies.
    let mut decode_bytes = bytes.saturating_mul(3).saturating_add(8 << 20);
    if shape.kind == Kind::Palette {
        // The file with another tag.
        decode_bytes = decode_bytes.saturating_add(file_bytes);
    } else if compression(&mut decoder)? == JPEG {
        // A progressive strip's coefficients, and its data with the tables.
        decode_bytes = decode_bytes.saturating_add(bytes.saturating_mul(3)).saturating_add(2 * file_bytes);
    }
    let bit_depth = if shape.kind == Kind::Palette { 8 } else { shape.bits };
    let (width, height) = (shape.width, shape.height);
    Ok(Header {
        format: Format::Tiff,
        width,
        height,
        channels: channels as u8,
        bit_depth,
        decode_bytes,
        picture: 0,
        pictures: 1,
        animated: false,
    })
}

/// Decodes the first image.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, CodecError> {
    let mut decoder = open(Cursor::new(bytes), header.decode_bytes)?;
    let shape = shape(&mut decoder)?;
    check_chunks(&mut decoder, bytes, shape)?;
    let mut notes = Vec::new();
    let mut meta = metadata(&mut decoder, bytes);
    if decoder.more_images() {
        meta.saw(Loss::Pages, "the first of several is kept");
    }
    if bytes.get(2..4).is_some_and(|version| version.contains(&43)) {
        meta.saw(Loss::Metadata, "EXIF and resolution of a BigTIFF");
    }
    let samples = if shape.kind == Kind::Palette {
        let map = decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap).map_err(error)?.unwrap_or_default();
        let gray = as_gray(bytes).ok_or_else(|| unsupported(Format::Tiff, "a palette in a BigTIFF"))?;
        let indices = read(&mut open(Cursor::new(&gray), header.decode_bytes)?, shape)?;
        Samples::U8(look_up(&indices, &map, shape.bits)?)
    } else {
        let samples = read(&mut decoder, shape)?;
        to_image_colour(samples, shape, &mut decoder, &mut meta, &mut notes)
    };
    let per_pixel = match shape.kind {
        Kind::Gray | Kind::Rgb => shape.samples,
        Kind::Palette | Kind::Cmyk | Kind::Ycc => 3,
    };
    let (width, height) = (shape.width as usize, shape.height as usize);
    let mut image = pack::from_interleaved(width, height, per_pixel, samples)
        .ok_or_else(|| malformed(Format::Tiff, "the decoder returned the wrong number of samples"))?;
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
    if shape.alpha && extra.is_some_and(|extra| extra.first() == Some(&1)) {
        unmultiply(&mut image);
        notes.push("colours were multiplied by alpha; divided".to_owned());
    }
    let source = Source {
        format: Format::Tiff,
        width: shape.width,
        height: shape.height,
        bit_depth: if shape.kind == Kind::Palette { 8 } else { shape.bits },
        channels: if shape.kind == Kind::Palette { 3 } else { shape.samples as u8 },
        lossless: true,
        subsampling: None,
        quality: None,
        progressive: false,
        notes,
    };
    Ok(Decoded { image, meta, source, faults: Vec::new() })
}

fn compression<R: BufRead + Seek>(decoder: &mut Decoder<R>) -> Result<u16, CodecError> {
    Ok(decoder.find_tag_unsigned::<u16>(Tag::Compression).map_err(error)?.unwrap_or(1))
}

/// Strips and tiles must lie inside the file: some decompressors take missing data for blank.
fn check_chunks<R: BufRead + Seek>(
    decoder: &mut Decoder<R>,
    bytes: &[u8],
    shape: Shape,
) -> Result<(), CodecError> {
    let compression = compression(decoder)?;
    for (offsets, lengths) in
        [(Tag::StripOffsets, Tag::StripByteCounts), (Tag::TileOffsets, Tag::TileByteCounts)]
    {
        let offsets = decoder.find_tag_unsigned_vec::<u64>(offsets).map_err(error)?.unwrap_or_default();
        let lengths = decoder.find_tag_unsigned_vec::<u64>(lengths).map_err(error)?.unwrap_or_default();
        let beyond = |(&offset, &length): (&u64, &u64)| offset.saturating_add(length) > bytes.len() as u64;
        if compression != 1 && offsets.iter().zip(&lengths).any(beyond) {
            return Err(malformed(Format::Tiff, "it is cut short: picture data lies beyond its end"));
        }
        if compression == JPEG {
            let chunks = offsets.iter().zip(&lengths).map(|(&at, &length)| {
                let from = usize::try_from(at).ok()?;
                bytes.get(from..from.checked_add(usize::try_from(length).ok()?)?)
            });
            check_jpegs(decoder, shape, chunks)?;
        }
    }
    Ok(())
}

/// Strips and tiles that are JPEG streams must be whole and of the size that the header says: the decoder
/// fills what is missing with gray, and allocates what each stream asks for.
fn check_jpegs<'a, R: BufRead + Seek>(
    decoder: &mut Decoder<R>,
    shape: Shape,
    chunks: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<(), CodecError> {
    let mut number = |tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten().filter(|&n| n > 0);
    let tile = number(Tag::TileWidth).zip(number(Tag::TileLength));
    let rows = number(Tag::RowsPerStrip).unwrap_or(shape.height).min(shape.height);
    let strips = shape.height.div_ceil(rows.max(1)) as usize;
    let tables = decoder.find_tag(Tag::JPEGTables).map_err(error)?;
    let tables = tables.map(|value| value.into_u8_vec()).transpose().map_err(error)?;
    let tables = match tables.as_deref() {
        Some([0xFF, 0xD8, tables @ .., 0xFF, 0xD9]) => tables,
        Some(_) => return Err(malformed(Format::Tiff, "its JPEG tables are damaged")),
        None => &[],
    };
    for (i, chunk) in chunks.enumerate() {
        let wrong = |what: &str| malformed(Format::Tiff, format!("JPEG strip or tile {i}: {what}"));
        let stream = chunk.and_then(|chunk| chunk.strip_prefix(&[0xFF, 0xD8]));
        let stream = [&[0xFF, 0xD8], tables, stream.ok_or_else(|| wrong("it is not there"))?].concat();
        let layout = jpeg_layout::read(&stream, Until::Frame)?.ok_or_else(|| wrong("it is cut short"))?;
        let size = (u32::from(layout.frame.width), u32::from(layout.frame.height));
        let fits = match tile {
            Some(tile) => size == tile,
            None => {
                let above = rows.saturating_mul((i % strips.max(1)) as u32);
                size.0 == shape.width
                    && (rows.min(shape.height.saturating_sub(above))..=rows).contains(&size.1)
            }
        };
        if !fits || layout.frame.components.len() > shape.samples {
            return Err(wrong("its size contradicts the file's header"));
        }
        match jpeg_layout::read(&stream, Until::CheckedEnd) {
            Ok(_) => {}
            Err(CodecError::Malformed { what, .. }) => return Err(wrong(&what)),
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// Samples interleaved, one a byte up to 8 bits (not scaled), 16-bit else.
fn read<R: BufRead + Seek>(decoder: &mut Decoder<R>, shape: Shape) -> Result<Samples, CodecError> {
    let wrong = || malformed(Format::Tiff, "its samples don't fit its header");
    let mut buffer = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut buffer).map_err(error)?;
    if buffer.as_buffer(0).as_bytes().len() < layout.complete_len {
        return Err(wrong());
    }
    let width = shape.width as usize;
    let planes = layout.planes.max(1);
    let per_plane = if planes > 1 { 1 } else { shape.samples };
    let samples = match buffer {
        DecodingResult::U8(v) if shape.bits < 8 => {
            Samples::U8(unpack(&v, width * per_plane, usize::from(shape.bits)))
        }
        DecodingResult::U8(v) if shape.bits == 8 => Samples::U8(v),
        DecodingResult::U16(v) if shape.bits == 16 => Samples::U16(v),
        _ => return Err(wrong()),
    };
    if planes == 1 {
        return Ok(samples);
    }
    if planes < shape.samples {
        return Err(wrong());
    }
    let pixels = width * shape.height as usize;
    Ok(match samples {
        Samples::U8(v) => Samples::U8(weave(&v, pixels, shape.samples)),
        Samples::U16(v) => Samples::U16(weave(&v, pixels, shape.samples)),
        Samples::F32(_) => return Err(wrong()),
    })
}

/// Samples of 1, 2 or 4 bits, rows padded to bytes, one a byte.
fn unpack(packed: &[u8], row: usize, bits: usize) -> Vec<u8> {
    let mask = (1u8 << bits) - 1;
    let value = |line: &[u8], i: usize| {
        let bit = i * bits;
        line.get(bit / 8).map_or(0, |byte| byte >> (8 - bits - bit % 8) & mask)
    };
    let lines = packed.chunks_exact((row * bits).div_ceil(8).max(1));
    lines.flat_map(|line| (0..row).map(move |i| value(line, i))).collect()
}

fn weave<T: Copy>(planes: &[T], pixels: usize, samples: usize) -> Vec<T> {
    let at = |i: usize, plane: usize| planes.get(plane * pixels + i).copied();
    (0..pixels).flat_map(|i| (0..samples).filter_map(move |plane| at(i, plane))).collect()
}

/// Scales gray of few bits and converts CMYK and YCbCr; CMYK's profile is used up.
fn to_image_colour<R: BufRead + Seek>(
    samples: Samples,
    shape: Shape,
    decoder: &mut Decoder<R>,
    meta: &mut Metadata,
    notes: &mut Vec<String>,
) -> Samples {
    match (shape.kind, samples) {
        (Kind::Gray, Samples::U8(mut gray)) if shape.bits < 8 => {
            let factor = 255 / ((1u8 << shape.bits) - 1);
            gray.iter_mut().for_each(|v| *v = v.saturating_mul(factor));
            Samples::U8(gray)
        }
        (Kind::Cmyk, samples) => {
            if samples.depth().bits() > 8 {
                notes.push("16-bit CMYK reduced to 8 bits".to_owned());
            }
            Samples::U8(cmyk::to_rgb(&pack::to_u8(&samples), meta.icc.take().as_deref(), notes))
        }
        (Kind::Ycc, Samples::U8(mut ycc)) => {
            let weights = match decoder.get_tag_f32_vec(YCC_COEFFICIENTS).as_deref() {
                Ok(&[r, g, b]) if g > 0.0 => [r, g, b],
                _ => cmyk::BT601,
            };
            for pixel in ycc.as_chunks_mut::<3>().0 {
                *pixel = cmyk::ycc_to_rgb(*pixel, weights);
            }
            Samples::U8(ycc)
        }
        (_, samples) => samples,
    }
}

/// The file with its palette declared gray, which the decoder reads as indices.
fn as_gray(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut gray = bytes.to_vec();
    exif::set_short(&mut gray, Tag::PhotometricInterpretation.to_u16(), BLACK_IS_ZERO).then_some(gray)
}

fn look_up(indices: &Samples, map: &[u16], bits: u8) -> Result<Vec<u8>, CodecError> {
    let colours = 1usize << bits;
    let (Samples::U8(indices), true) = (indices, map.len() == 3 * colours) else {
        return Err(malformed(Format::Tiff, "its palette has the wrong size"));
    };
    // Some writers store 8-bit colours where 16-bit ones belong.
    let shift = if map.iter().all(|&v| v < 256) { 0 } else { 8 };
    let colour = |i: u8, c: usize| map.get(c * colours + usize::from(i)).map_or(0, |v| (v >> shift) as u8);
    Ok(indices.iter().flat_map(|&i| [0, 1, 2].map(|c| colour(i, c))).collect())
}

/// Divides colours by alpha.
fn unmultiply(image: &mut Image) {
    let Some(alpha) = &image.alpha else { return };
    let divide = |v: u32, a: u32, max: u32| (v * max + a / 2).checked_div(a).unwrap_or(0).min(max);
    match (&mut image.samples, alpha) {
        (Samples::U8(colour), Samples::U8(alpha)) => {
            for (pixel, &a) in colour.chunks_exact_mut(image.channels).zip(alpha) {
                pixel.iter_mut().for_each(|v| *v = divide(u32::from(*v), u32::from(a), 255) as u8);
            }
        }
        (Samples::U16(colour), Samples::U16(alpha)) => {
            for (pixel, &a) in colour.chunks_exact_mut(image.channels).zip(alpha) {
                pixel.iter_mut().for_each(|v| *v = divide(u32::from(*v), u32::from(a), 65535) as u16);
            }
        }
        _ => {}
    }
}

fn metadata<R: BufRead + Seek>(decoder: &mut Decoder<R>, bytes: &[u8]) -> Metadata {
    let mut meta = Metadata::default();
    meta.adopt_fields(exif::Fields::parse(bytes).unwrap_or_default());
    if let Ok(Some(orientation)) = decoder.find_tag_unsigned::<u8>(Tag::Orientation)
        && meta.orientation != orientation
    {
        meta.set_orientation(orientation);
    }
    meta.density = exif::density(bytes);
    let mut blob = |tag| decoder.get_tag_u8_vec(tag).ok().filter(|bytes| !bytes.is_empty());
    meta.icc = blob(Tag::IccProfile);
    meta.xmp = blob(XMP);
    meta.iptc = blob(PHOTOSHOP).map(|all| without_thumbnails(&all)).filter(|kept| !kept.is_empty());
    if meta.iptc.is_none() {
        let little = bytes.first() == Some(&b'I');
        let words =
            |v: Vec<u32>| v.into_iter().flat_map(|w| if little { w.to_le_bytes() } else { w.to_be_bytes() });
        // Often declared as 32-bit numbers, though it is bytes.
        let declared = decoder.find_tag(IPTC).ok().flatten();
        let records = declared.and_then(|value| match value {
            Value::Unsigned(_) => value.into_u32_vec().ok().map(|v| words(v).collect()),
            Value::List(list) if matches!(list.first(), Some(Value::Unsigned(_))) => {
                Value::List(list).into_u32_vec().ok().map(|v| words(v).collect())
            }
            value => value.into_u8_vec().ok(),
        });
        meta.iptc =
            records.filter(|records: &Vec<u8>| !records.is_empty()).map(|records| as_resource(&records));
    }
    meta
}
