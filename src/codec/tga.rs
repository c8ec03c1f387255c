//! TGA, read by us: libraries take any fourth byte for alpha and know neither 15 and 16 bits nor what version 2.0
//! puts behind the pixels.
//!
//! Source: Truevision TGA File Format Specification, version 2.0.

use std::io::{BufRead, Read, Seek};

use super::density::{Density, DensityUnit};
use super::{CodecError, Decoded, Format, Header, Loss, Metadata, Source, Text, TextEncoding};
use super::{damaged, malformed, pack, unsupported};
use crate::image::{Image, Samples};

const HEADER: usize = 18;

/// Bytes of the footer of version 2.0.
const FOOTER: usize = 26;

/// What the header says.
#[derive(Clone, Copy, Debug)]
struct Layout {
    /// Bytes of the text behind the header.
    text: usize,
    has_map: bool,
    /// 1 palette, 2 colour, 3 gray.
    kind: u8,
    runs: bool,
    map_first: usize,
    map_length: usize,
    map_bits: u8,
    width: usize,
    height: usize,
    bits: u8,
    /// Bits of a pixel that are alpha.
    alpha_bits: u8,
    right_to_left: bool,
    top_down: bool,
}

impl Layout {
    fn of(bytes: &[u8]) -> Result<Layout, CodecError> {
        let Some(h) = bytes.first_chunk::<HEADER>() else {
            return Err(damaged(Format::Tga, "it is cut short: it ends within its header"));
        };
        let word = |at: usize| usize::from(h[at]) | usize::from(h[at + 1]) << 8;
        let layout = Layout {
            text: usize::from(h[0]),
            has_map: h[1] == 1,
            kind: h[2] & 7,
            runs: h[2] & 8 != 0,
            map_first: word(3),
            map_length: word(5),
            map_bits: h[7],
            width: word(12),
            height: word(14),
            bits: h[16],
            alpha_bits: h[17] & 15,
            right_to_left: h[17] & 0x10 != 0,
            top_down: h[17] & 0x20 != 0,
        };
        let known = match (layout.kind, layout.bits) {
            _ if h[2] > 11 => false,
            (1, 8 | 16) => layout.has_map && matches!(layout.map_bits, 15 | 16 | 24 | 32),
            (2, 15 | 16 | 24 | 32) | (3, 8 | 16) => true,
            _ => false,
        };
        if !known || h[1] > 1 {
            let (kind, bits) = (h[2], h[16]);
            return Err(unsupported(Format::Tga, format_args!("kind {kind} with {bits} bits a pixel")));
        }
        if layout.width == 0 || layout.height == 0 {
            return Err(malformed(Format::Tga, "width or height is 0"));
        }
        Ok(layout)
    }

    /// Samples of a pixel as read, alpha included.
    fn channels(&self) -> usize {
        let bits = if self.kind == 1 { self.map_bits } else { self.bits };
        match (self.kind, bits) {
            (3, 8) => 1,
            (3, _) => 2,
            (_, 32) => 3 + usize::from(self.alpha_bits > 0 || self.kind == 1),
            // One bit; most writers that state none leave it unset.
            (_, 16) => 3 + usize::from(self.alpha_bits > 0),
            _ => 3,
        }
    }

    fn map_entry(&self) -> usize {
        usize::from(self.map_bits).div_ceil(8)
    }

    /// Where pixels begin.
    fn pixels_at(&self) -> usize {
        HEADER + self.text + if self.has_map { self.map_length * self.map_entry() } else { 0 }
    }
}

/// Red, green, blue and alpha of a stored colour of 2 to 4 bytes.
fn colour(stored: &[u8], bits: u8) -> [u8; 4] {
    match *stored {
        [low, high] => {
            let value = u32::from(low) | u32::from(high) << 8;
            let five = |shift: u32| ((value >> shift & 31) * 255 + 15) / 31;
            let alpha = if bits == 15 || value & 0x8000 != 0 { 255 } else { 0 };
            [five(10) as u8, five(5) as u8, five(0) as u8, alpha]
        }
        [b, g, r] => [r, g, b, 255],
        [b, g, r, a] => [r, g, b, a],
        _ => [0; 4],
    }
}

/// Reads the header.
pub(super) fn probe<R: BufRead + Seek>(reader: R) -> Result<Header, CodecError> {
    let mut head = Vec::new();
    let read = reader.take(HEADER as u64).read_to_end(&mut head);
    read.map_err(|e| malformed(Format::Tga, format_args!("it can't be read: {e}")))?;
    let layout = Layout::of(&head)?;
    let pixels = (layout.width * layout.height) as u64;
    Ok(Header {
        format: Format::Tga,
        width: layout.width as u32,
        height: layout.height as u32,
        channels: layout.channels() as u8,
        bit_depth: 8,
        // Pixels unpacked, in order, and as samples.
        decode_bytes: pixels * 14 + (4 << 20),
        picture: 0,
        pictures: 1,
        animated: false,
    })
}

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, CodecError> {
    let layout = Layout::of(bytes)?;
    let cut = || damaged(Format::Tga, "it is cut short: it ends within its pixels");
    let map: Vec<[u8; 4]> = if layout.has_map {
        let map = bytes.get(HEADER + layout.text..layout.pixels_at()).ok_or_else(cut)?;
        map.chunks_exact(layout.map_entry().max(1)).map(|entry| colour(entry, layout.map_bits)).collect()
    } else {
        Vec::new()
    };
    let data = bytes.get(layout.pixels_at()..).ok_or_else(cut)?;
    let size = usize::from(layout.bits).div_ceil(8);
    let count = layout.width * layout.height;
    let (stored, used) = if layout.runs {
        unpacked(data, size, count).ok_or_else(cut)?
    } else {
        (data.get(..count * size).ok_or_else(cut)?.to_vec(), count * size)
    };
    let channels = layout.channels();
    let mut samples = Vec::with_capacity(count * channels);
    let mut faults = Vec::new();
    let (mut outside, mut dropped) = (0usize, (u8::MAX, 0u8));
    for y in 0..layout.height {
        let y = if layout.top_down { y } else { layout.height - 1 - y };
        for x in 0..layout.width {
            let x = if layout.right_to_left { layout.width - 1 - x } else { x };
            let at = (y * layout.width + x) * size;
            let pixel = stored.get(at..at + size).unwrap_or_default();
            match layout.kind {
                3 => samples.extend_from_slice(pixel),
                1 => {
                    let index = pixel.iter().rev().fold(0, |index, &byte| index << 8 | usize::from(byte));
                    let entry = index.checked_sub(layout.map_first).and_then(|index| map.get(index));
                    outside += usize::from(entry.is_none());
                    samples.extend(&entry.copied().unwrap_or([0, 0, 0, 255])[..channels]);
                }
                _ => {
                    let rgba = colour(pixel, layout.bits);
                    dropped = (dropped.0.min(rgba[3]), dropped.1.max(rgba[3]));
                    samples.extend(&rgba[..channels]);
                }
            }
        }
    }
    if outside > 0 {
        faults.push(format!("{outside} pixels have a colour that its palette lacks: they are black"));
    }
    let mut image = pack::from_interleaved(layout.width, layout.height, channels, Samples::U8(samples))
        .ok_or_else(|| malformed(Format::Tga, "its rows have the wrong length"))?;
    let mut meta = metadata(&layout, bytes, layout.pixels_at() + used, &mut image);
    if layout.kind == 2 && channels == 3 && layout.bits == 32 && dropped.0 != dropped.1 {
        meta.saw(Loss::Layers, "a fourth channel that the header does not call alpha");
    }
    let source = Source::new(
        Format::Tga,
        (layout.width as u32, layout.height as u32),
        8,
        image.channels as u8 + u8::from(image.alpha.is_some()),
    );
    Ok(Decoded { image, meta, source, faults })
}

/// Pixels of run lengths, and the bytes these take; packets may cross lines. `None` when they end too early.
fn unpacked(data: &[u8], size: usize, count: usize) -> Option<(Vec<u8>, usize)> {
    let whole = count * size;
    let mut out = Vec::with_capacity(whole);
    let mut at = 0;
    while out.len() < whole {
        let packet = *data.get(at)?;
        let length = (usize::from(packet & 0x7F) + 1) * size;
        at += 1;
        if packet & 0x80 == 0 {
            out.extend_from_slice(data.get(at..at + length)?);
            at += length;
        } else {
            let pixel = data.get(at..at + size)?;
            (0..length / size).for_each(|_| out.extend_from_slice(pixel));
            at += size;
        }
    }
    out.truncate(whole);
    Some((out, at))
}

/// Everything beside the pixels, which end at `end`. Alpha that the file calls unused goes, and colours that were
/// multiplied by it are divided again.
fn metadata(layout: &Layout, bytes: &[u8], end: usize, image: &mut Image) -> Metadata {
    let mut meta = Metadata::default();
    let text = |meta: &mut Metadata, keyword: &str, field: &[u8]| {
        let field = field.split(|&b| b == 0).next().unwrap_or_default().trim_ascii_end();
        if !field.is_empty() {
            meta.texts.push(Text::new(keyword, field.to_vec(), TextEncoding::Unknown));
        }
    };
    text(&mut meta, "Comment", bytes.get(HEADER..HEADER + layout.text).unwrap_or_default());
    let footer_at = bytes.len().saturating_sub(FOOTER);
    let footer = bytes.get(footer_at..).filter(|footer| footer.get(8..24) == Some(b"TRUEVISION-XFILE"));
    let Some(footer) = footer.filter(|_| footer_at >= end) else {
        let behind = bytes.get(end..).unwrap_or_default();
        if behind.iter().any(|&b| b != 0) {
            meta.saw(Loss::Data, format!("{} bytes behind its pixels", behind.len()));
        }
        return meta;
    };
    let long = |bytes: &[u8], at: usize| bytes.get(at..)?.first_chunk().map(|&b| u32::from_le_bytes(b));
    if long(footer, 4).is_some_and(|at| at != 0) {
        meta.saw(Loss::Data, "developer area");
    }
    let at = long(footer, 0).unwrap_or_default() as usize;
    let Some(area) = bytes.get(at..at + 495).filter(|_| at != 0) else { return meta };
    let half = |at: usize| area.get(at..)?.first_chunk().map(|&b| u16::from_le_bytes(b));
    text(&mut meta, "Author", &area[2..43]);
    area[43..367].chunks_exact(81).for_each(|line| text(&mut meta, "Comment", line));
    let date: Vec<u16> = (0..6).filter_map(|i| half(367 + 2 * i)).collect();
    if let &[month, day, year, hour, minute, second] = date.as_slice()
        && year != 0
    {
        let stamp = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        text(&mut meta, "Creation Time", stamp.as_bytes());
    }
    text(&mut meta, "Title", &area[379..420]);
    text(&mut meta, "Software", &area[426..467]);
    if let (Some(x), Some(y)) = (half(474), half(476))
        && x != 0
        && y != 0
        && x != y
    {
        meta.density = Some(Density { x: f64::from(y), y: f64::from(x), unit: DensityUnit::Aspect });
    }
    if let (Some(n), Some(d)) = (half(478), half(480))
        && d != 0
        && n != d
        && n != 0
    {
        let gamma = f64::from(n) / f64::from(d);
        meta.saw(Loss::Colour, format!("gamma {gamma:.2}; programs disagree on what it means in a tga"));
    }
    if long(area, 482).is_some_and(|at| at != 0) {
        meta.saw(Loss::Colour, "colour correction table");
    }
    if long(area, 486).is_some_and(|at| at != 0) {
        meta.saw(Loss::Pictures, "postage stamp");
    }
    match area[494] {
        0..=2 if image.alpha.is_some() && area[494] != 0 => {
            image.alpha = None;
            meta.saw(Loss::Layers, "a fourth channel that the file calls unused");
        }
        4 => {
            if let (Samples::U8(colours), Some(Samples::U8(alpha))) = (&mut image.samples, &image.alpha) {
                pack::unmultiply(colours, alpha, image.channels, 255, |value| value as u8);
            }
        }
        _ => {}
    }
    meta
}
