//! Windows and OS/2 bitmaps: headers, colours, resolution, profile. Read by us since libraries read no more than
//! the pixels.
//!
//! Sources: Microsoft's documentation of `BITMAPV5HEADER`, and the cases of bmpsuite.

mod pixels;
mod write;

use std::borrow::Cow;
use std::io::{BufRead, Read, Seek};

use super::meta::{Density, DensityUnit};
use super::{CodecError, Colour, Decoded, Format, Header, Loss, Metadata, Source};
use super::{malformed, unsupported};
pub(super) use write::encode;

/// Bytes of the file's own header, before that of the bitmap.
const FILE_HEADER: usize = 14;

/// Most bytes of headers and palette.
const MAX_HEAD: u64 = 64 << 10;

/// Longest side; more is a damaged header.
const MAX_SIDE: u32 = 1 << 20;

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    /// Run lengths of indices of 4 or 8 bits.
    Runs,
}

/// Bits of a channel within a pixel of 16 or 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mask {
    shift: u32,
    bits: u32,
}

impl Mask {
    fn new(mask: u32) -> Option<Mask> {
        let shift = mask.checked_shr(mask.trailing_zeros()).unwrap_or(0);
        let bits = shift.trailing_ones();
        // One stretch of bits.
        (shift.count_ones() == bits).then_some(Mask { shift: mask.trailing_zeros() % 32, bits })
    }
}

/// What the headers say.
#[derive(Clone, Debug)]
struct Bitmap {
    width: u32,
    height: u32,
    /// The first row is the topmost.
    top_down: bool,
    bits: u16,
    packing: Packing,
    /// Of red, green, blue and alpha, for 16 and 32 bits.
    masks: [Mask; 4],
    /// Red, green and blue of each index.
    palette: Vec<[u8; 3]>,
    /// Where pixels begin.
    pixels_at: usize,
    /// Where headers and palette end.
    head_end: usize,
    /// Bytes of the bitmap's header.
    header_bytes: usize,
    /// Bytes of packed pixels, as stated.
    packed_bytes: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&b| u16::from_le_bytes(b))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|&b| u32::from_le_bytes(b))
}

impl Bitmap {
    fn of(bytes: &[u8]) -> Result<Bitmap, CodecError> {
        let refuse = |what: String| unsupported(Format::Bmp, what);
        let bad = |what: &str| malformed(Format::Bmp, what);
        let word = |at: usize| u32_at(bytes, FILE_HEADER + at).ok_or_else(|| bad("its header is cut short"));
        let half = |at: usize| u16_at(bytes, FILE_HEADER + at).ok_or_else(|| bad("its header is cut short"));
        let size = word(0)?;
        let core = size == 12;
        // Version 2 of OS/2 may be cut anywhere from 16 bytes on.
        let os2 = matches!(size, 16..=39 | 64);
        if !core && !os2 && !matches!(size, 40 | 52 | 56 | 108 | 124) {
            return Err(refuse(format!("a header of {size} bytes, of which no kind is known")));
        }
        let (width, height, bits) = if core {
            (i32::from(half(4)?), i32::from(half(6)?), half(10)?)
        } else {
            (word(4)?.cast_signed(), word(8)?.cast_signed(), half(14)?)
        };
        let field = |at: usize| if size as usize >= at + 4 { word(at) } else { Ok(0) };
        let compression = if core { 0 } else { field(16)? };
        let (width, top_down, height) = (width.max(0).cast_unsigned(), height < 0, height.unsigned_abs());
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(bad("its header states an impossible size"));
        }
        let packing = match (compression, bits) {
            (0, 1 | 2 | 4 | 8 | 16 | 24 | 32) => Packing::Plain,
            (0, 64) => return Err(refuse("64 bits a pixel (linear, with a range beyond white)".to_owned())),
            (1, 8) | (2, 4) => Packing::Runs,
            (3, 16 | 32) | (6, 16 | 32) if !os2 => Packing::Plain,
            (3, 1) if os2 => return Err(refuse("Huffman coding (OS/2)".to_owned())),
            (4, 24) if os2 => return Err(refuse("run lengths of 24 bits (OS/2)".to_owned())),
            (4, _) => return Err(refuse("a JPEG inside; it is for printers only".to_owned())),
            (5, _) => return Err(refuse("a PNG inside; it is for printers only".to_owned())),
            (11..=13, _) => return Err(refuse("CMYK".to_owned())),
            _ => {
                return Err(bad(&format!("no file has {bits} bits a pixel with compression {compression}")));
            }
        };
        if packing == Packing::Runs && top_down {
            return Err(bad("run lengths can't go from top to bottom"));
        }
        let by_masks = matches!(compression, 3 | 6);
        let header_end = FILE_HEADER + size as usize;
        let behind = match (by_masks, size, compression) {
            (true, 40, 6) => 16,
            (true, 40, _) => 12,
            _ => 0,
        };
        let mut masks = match bits {
            16 => [0x7C00, 0x03E0, 0x001F, 0],
            _ => [0xFF_0000, 0xFF00, 0xFF, 0],
        };
        if by_masks {
            masks = [word(40)?, word(44)?, word(48)?, 0];
        }
        let states_alpha = by_masks && behind == 16 || size >= 56 && (by_masks || bits == 32);
        if states_alpha {
            masks[3] = word(52)?;
        }
        let masks: Vec<Mask> = masks.into_iter().filter_map(Mask::new).collect();
        let masks: [Mask; 4] =
            masks.try_into().map_err(|_| bad("the bits of a channel don't stand side by side"))?;
        let pixels_at = u32_at(bytes, 10).ok_or_else(|| bad("its header is cut short"))? as usize;
        let palette_at = header_end + behind;
        let entry = if core { 3 } else { 4 };
        let stated = field(32)? as usize;
        let usual = if bits <= 8 { 1usize << bits } else { 0 };
        // Some writers state none, or more than there is room for; few use more than there are indices.
        let room = pixels_at.saturating_sub(palette_at) / entry;
        let entries = match stated {
            0 if pixels_at == 0 => usual,
            0 => usual.min(room),
            stated => stated.min(room.max(usual)),
        };
        let palette_end = palette_at + entries * entry;
        let palette = if bits <= 8 {
            let entries = bytes.get(palette_at..palette_end).unwrap_or_default().chunks_exact(entry);
            entries.take(usual).filter_map(|e| e.first_chunk()).map(|&[b, g, r]| [r, g, b]).collect()
        } else {
            Vec::new()
        };
        if bits <= 8 && palette.is_empty() {
            return Err(bad("its palette is missing"));
        }
        Ok(Bitmap {
            width,
            height,
            top_down,
            bits,
            packing,
            masks,
            palette,
            pixels_at: pixels_at.max(palette_end),
            head_end: palette_end,
            header_bytes: size as usize,
            packed_bytes: if core { 0 } else { field(20)? as usize },
        })
    }

    /// Bytes from row to row.
    fn stride(&self) -> usize {
        (self.width as usize * usize::from(self.bits)).div_ceil(32) * 4
    }

    /// All its colours are gray.
    fn is_gray(&self) -> bool {
        self.bits <= 8 && self.palette.iter().all(|[r, g, b]| r == g && g == b)
    }

    fn has_alpha(&self) -> bool {
        matches!(self.bits, 16 | 32) && self.masks[3].bits > 0
    }

    /// Bits of the finest channel, at most 16.
    fn depth(&self) -> u8 {
        match self.bits {
            16 | 32 => self.masks.iter().map(|mask| mask.bits.min(16) as u8).max().unwrap_or(8).max(1),
            _ => 8,
        }
    }

    fn channels(&self) -> u8 {
        let colours = if self.is_gray() { 1 } else { 3 };
        colours + u8::from(self.has_alpha())
    }
}

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
