//! PNG, with every bit depth, palettes and metadata chunks.

mod chunks;
mod texts;
mod write;

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};

use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Reader, Transformations};

use super::density::{Density, DensityUnit};
use super::extra::{self, Extra, Part};
use super::{CodecError, Colour, Decoded, Format, Header, Loss, Metadata, Source};
use super::{damaged, malformed, pack, unsupported};
use crate::image::Samples;
use chunks::{Chunk, Fate, Layout};
use texts::{MAX_TEXT, Texts};
pub(super) use write::encode;

/// Most bytes of chunks before the pixels, the profile unfolded: a profile beyond it is left out.
const MAX_METADATA: u64 = 64 << 20;

fn open<R: BufRead + Seek>(reader: R, max_bytes: u64) -> Result<Reader<R>, DecodingError> {
    let bytes = usize::try_from(max_bytes.min(MAX_METADATA)).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(reader, png::Limits { bytes });
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.ignore_checksums(false);
    decoder.read_info()
}

/// What is wrong with a file that could not be read: damaged where that is proven.
fn verdict(bytes: &[u8], error: &DecodingError) -> CodecError {
    let layout = Layout::of(bytes);
    if layout.chunks.first().is_some_and(|chunk| chunk.name == *b"CgBI") {
        let what = "Apple's own form of it (CgBI), made for apps; convert it with Xcode's pngcrush, option \
                    -revert-iphone-optimizations";
        return unsupported(Format::Png, what);
    }
    if let Some(what) = layout.damage() {
        return damaged(Format::Png, what);
    }
    let unknown =
        |chunk: &&Chunk| chunk.name[0].is_ascii_uppercase() && chunks::fate(&chunk.name) != Fate::Layout;
    if let Some(chunk) = layout.chunks.iter().find(unknown) {
        return unsupported(Format::Png, format_args!("a chunk that must be understood ({})", chunk.name()));
    }
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            malformed(Format::Png, "its pixel data end too early")
        }
        error => malformed(Format::Png, error),
    }
}

/// Reads up to the first pixel data.
pub(super) fn probe<R: BufRead + Seek>(mut reader: R) -> Result<Header, CodecError> {
    let bad = |e: std::io::Error| malformed(Format::Png, format!("it can't be read: {e}"));
    let file_bytes = reader.seek(SeekFrom::End(0)).map_err(bad)?;
    reader.seek(SeekFrom::Start(0)).map_err(bad)?;
    let mut head = Vec::with_capacity(START as usize);
    reader.by_ref().take(START).read_to_end(&mut head).map_err(bad)?;
    if let Some(plain) = plain(&head) {
        return Ok(plain.header(file_bytes));
    }
    reader.seek(SeekFrom::Start(0)).map_err(bad)?;
    let error = match open(&mut reader, MAX_METADATA) {
        Ok(opened) => return Ok(Start::of(&opened).header(file_bytes)),
        Err(error) => error,
    };
    // What can't be read is looked at whole, but for the largest: they may end where reading did.
    let mut bytes = Vec::new();
    reader.seek(SeekFrom::Start(0)).map_err(bad)?;
    reader.take(MAX_METADATA).read_to_end(&mut bytes).map_err(bad)?;
    if bytes.len() as u64 == MAX_METADATA {
        return Err(malformed(Format::Png, error));
    }
    let bare = Layout::of(&bytes).bare().ok_or_else(|| verdict(&bytes, &error))?;
    let opened = open(Cursor::new(bare), MAX_METADATA).map_err(|_| verdict(&bytes, &error))?;
    Ok(Start::of(&opened).header(file_bytes))
}

/// Bytes of a file up to where the name of the second chunk ends.
const START: u64 = 41;
/// Pixels that no limit of the decoder hinders.
const FEW: u64 = 1 << 20;

/// What of a file's start is asked for.
struct Start {
    width: u32,
    height: u32,
    /// Channels and their bits as decoded.
    channels: u8,
    decoded_bits: u8,
    /// Bits as stored.
    bits: u8,
    /// Bytes of the profile.
    profile: u64,
}

impl Start {
    fn of<R: BufRead + Seek>(opened: &Reader<R>) -> Start {
        let (colour, depth) = opened.output_color_type();
        let info = opened.info();
        Start {
            width: info.width,
            height: info.height,
            channels: colour.samples() as u8,
            decoded_bits: depth as u8,
            bits: bit_depth(info),
            profile: info.icc_profile.as_ref().map_or(0, |icc| icc.len() as u64),
        }
    }

    fn header(&self, file_bytes: u64) -> Header {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let bytes = pixels.saturating_mul(u64::from(self.channels) * u64::from(self.decoded_bits) / 8);
        // Where the file has faults, a copy of it without them.
        let metadata = 2 * (file_bytes.min(MAX_METADATA) + self.profile) + MAX_TEXT as u64 + file_bytes;
        Header {
            format: Format::Png,
            width: self.width,
            height: self.height,
            channels: self.channels,
            bit_depth: self.bits,
            // The bytes read, and their copy as 16-bit numbers or with alpha apart; rows and metadata.
            decode_bytes: bytes
                .saturating_mul(2)
                .saturating_add(metadata + (1 << 20) + u64::from(self.width) * 32),
            picture: 0,
            pictures: 1,
            animated: false,
        }
    }
}

/// The start of a small file without a palette in which nothing stands between header and pixels: to prepare the decoder
/// for it would take longer than all else.
fn plain(head: &[u8]) -> Option<Start> {
    let layout = Layout::of(head);
    let [start] = layout.chunks[..] else { return None };
    let (b"IHDR", &[a, b, c, d, e, f, g, h, bits, colour, 0, 0, 0 | 1]) = (&start.name, start.data) else {
        return None;
    };
    let (width, height) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let few = (1..=FEW).contains(&(u64::from(width) * u64::from(height)));
    let channels = match (colour, bits) {
        (0, 1 | 2 | 4 | 8 | 16) => 1,
        (2, 8 | 16) => 3,
        (4, 8 | 16) => 2,
        (6, 8 | 16) => 4,
        _ => return None,
    };
    let bare = few && head.starts_with(b"\x89PNG\r\n\x1a\n") && head.ends_with(b"IDAT") && start.is_intact();
    bare.then_some(Start { width, height, channels, decoded_bits: bits.max(8), bits, profile: 0 })
}

/// Bits of a sample; a palette's colours have 8.
fn bit_depth(info: &Info) -> u8 {
    if info.color_type == ColorType::Indexed { 8 } else { info.bit_depth as u8 }
}

/// A reader at its file's end, and the bytes of the first picture.
type Picture<'a> = (Reader<Cursor<&'a [u8]>>, Vec<u8>);

/// The reader at the file's end, and the bytes of the first picture.
fn picture<'a>(bytes: &'a [u8], header: &Header) -> Result<Picture<'a>, DecodingError> {
    let mut reader = open(Cursor::new(bytes), header.decode_bytes)?;
    let size = reader.output_buffer_size().ok_or(DecodingError::LimitsExceeded)?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels)?;
    reader.finish()?;
    Ok((reader, pixels))
}

/// Decodes a whole file, its chunks after the pixels included.
pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Decoded, CodecError> {
    let layout = Layout::of(bytes);
    let mut faults = Vec::new();
    let bare;
    let (reader, pixels) = match picture(bytes, header) {
        Ok(read) => read,
        Err(error) => {
            bare = layout.bare().ok_or_else(|| verdict(bytes, &error))?;
            let read = picture(&bare, header).map_err(|_| verdict(bytes, &error))?;
            let broken = || format!("a chunk beside its picture breaks the rules ({error})");
            faults.push(layout.unfinished().unwrap_or_else(broken));
            read
        }
    };
    if let Some(chunk) = layout.chunks.iter().find(|chunk| chunk.name == *b"tRNS" && !chunk.is_intact()) {
        let what = format_args!("the checksum of its transparency ({}) is wrong", chunk.name());
        return Err(damaged(Format::Png, what));
    }
    let (colour, depth) = reader.output_color_type();
    let info = reader.info();
    let samples = if depth == BitDepth::Sixteen {
        pack::u16_samples(pixels, u16::from_be_bytes)
    } else {
        Samples::U8(pixels)
    };
    let image = pack::from_interleaved(info.width as usize, info.height as usize, colour.samples(), samples)
        .ok_or_else(|| malformed(Format::Png, "the decoder returned the wrong number of samples"))?;
    let meta = metadata(&layout, info, &mut faults);
    let source = Source::new(Format::Png, (info.width, info.height), bit_depth(info), colour.samples() as u8);
    Ok(Decoded { image, meta, source, faults })
}

/// Everything beside the pixels.
fn metadata(layout: &Layout, info: &Info, faults: &mut Vec<String>) -> Metadata {
    let mut meta = Metadata { icc: info.icc_profile.as_deref().map(<[u8]>::to_vec), ..Metadata::default() };
    match layout.frames() {
        (None, 0) => {}
        // Nobody shows them.
        (None, found) => meta.saw(Loss::Frames, format!("{found} that no header (acTL) announces")),
        (Some(stated), found) if stated != found => {
            faults.push(format!("it says that it has {stated} frames where it has {found}"));
        }
        (Some(_), found) if found > 1 => meta.saw(Loss::Frames, format!("the first of {found} is kept")),
        _ => {}
    }
    let mut colour = Colour::default();
    let mut texts = Texts::default();
    let mut behind = false;
    for chunk in &layout.chunks {
        behind |= chunk.name == *b"IDAT";
        let fate = chunks::fate(&chunk.name);
        if fate == Fate::Layout {
            continue;
        }
        if !chunk.is_intact() {
            let what = format!("the checksum of a chunk ({}) is wrong: it is left out", chunk.name());
            meta.saw(Loss::Data, format!("{} chunk; its checksum is wrong", chunk.name()));
            faults.push(what);
            continue;
        }
        match fate {
            Fate::Layout => {}
            Fate::Carried(loss, what) => {
                let part = Part::Chunk { name: chunk.name, data: chunk.data.to_vec(), behind };
                meta.extras.push(Extra { loss, what: format!("{} ({what})", chunk.name()), part });
            }
            Fate::Dropped(loss, what) => meta.saw(loss, format!("{} ({what})", chunk.name())),
            Fate::Read => match &chunk.name {
                b"eXIf" if meta.exif.is_none() => meta.adopt_exif(chunk.data),
                b"eXIf" => meta.saw(Loss::Metadata, "a second eXIf"),
                b"tEXt" | b"zTXt" | b"iTXt" => texts.read(chunk, &mut meta),
                b"iCCP" if meta.icc.is_none() => {
                    meta.saw(Loss::Colour, "ICC profile (iCCP); it can't be unfolded");
                }
                b"pHYs" => meta.density = density(chunk.data),
                b"bKGD" => meta.extras.extend(background(chunk.data, info)),
                _ => read_colour(&mut colour, chunk),
            },
        }
    }
    meta.colour = Some(colour).filter(|colour| !colour.is_empty());
    texts.finish(&mut meta);
    meta.extras.extend(extra::trailer(layout.trailer));
    meta
}

fn read_colour(colour: &mut Colour, chunk: &Chunk) {
    let data = chunk.data;
    match &chunk.name {
        b"cICP" => colour.cicp = data.first_chunk().copied(),
        b"sRGB" => colour.srgb = data.first().copied(),
        b"gAMA" => colour.gamma = data.first_chunk().map(|&b| u32::from_be_bytes(b)),
        b"cHRM" => {
            let words: Vec<u32> = data.as_chunks::<4>().0.iter().map(|&b| u32::from_be_bytes(b)).collect();
            colour.chromaticities = words.first_chunk().copied();
        }
        b"mDCV" => colour.mastering = data.first_chunk().copied(),
        b"cLLI" => colour.light_level = data.first_chunk().copied(),
        _ => {}
    }
}

fn density(data: &[u8]) -> Option<Density> {
    let (x, rest) = data.split_first_chunk::<4>()?;
    let (y, rest) = rest.split_first_chunk::<4>()?;
    let (x, y) = (f64::from(u32::from_be_bytes(*x)), f64::from(u32::from_be_bytes(*y)));
    if x == 0.0 || y == 0.0 {
        return None;
    }
    Some(match rest.first()? {
        1 => Density { x: x / 100.0, y: y / 100.0, unit: DensityUnit::PerCentimetre },
        _ => Density { x, y, unit: DensityUnit::Aspect },
    })
}

/// The background as three 16-bit samples of full range.
fn background(data: &[u8], info: &Info) -> Option<Extra> {
    let word = |i: usize| Some(u32::from(u16::from_be_bytes(*data.get(2 * i..)?.first_chunk::<2>()?)));
    let most = (1u32 << info.bit_depth as u8) - 1;
    let full = |value: u32| (value.min(most) * 65_535 / most) as u16;
    let samples = match info.color_type {
        ColorType::Indexed => {
            let at = 3 * usize::from(*data.first()?);
            let colour = info.palette.as_deref()?.get(at..at + 3)?;
            [0, 1, 2].map(|i| u16::from(colour[i]) * 257)
        }
        ColorType::Grayscale | ColorType::GrayscaleAlpha => [full(word(0)?); 3],
        ColorType::Rgb | ColorType::Rgba => [full(word(0)?), full(word(1)?), full(word(2)?)],
    };
    let part = Part::Chunk { name: *b"bKGD", data: pack::be_bytes(&samples), behind: false };
    Some(Extra { loss: Loss::Data, what: "bKGD (background colour)".to_owned(), part })
}
