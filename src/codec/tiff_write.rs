//! TIFF encoding: 8 and 16 bits, gray or RGB, with alpha, profile and every field that describes the picture.
//!
//! A file begins with the EXIF block as it is, byte for byte, in the block's byte order: only its pointer to the
//! main directory leads to a new one behind the picture. So every offset in the block stays true, also those
//! inside maker notes, which nobody can correct.

mod directory;
mod strips;

use flate2::Compression as Level;

use super::density::{Density, DensityUnit};
use super::exif::{self, Block, Fate, Fields};
use super::{CodecError, Compression, EncodeOptions, Format, Loss, Metadata, TextEncoding, cannot_encode};
use crate::image::{Depth, Image};
use directory::{Entry, File};

/// From this many bytes of pixels and of what goes with them on, 64-bit offsets are needed.
const BIG: usize = 3_900_000_000;

const ASCII: u16 = 2;
const BYTE: u16 = 1;
const UNDEFINED: u16 = 7;

const IMAGE_DESCRIPTION: u16 = 270;
const XMP: u16 = 700;
const IPTC: u16 = 33723;
const PHOTOSHOP: u16 = 34377;
const ICC: u16 = 34675;

/// Encodes 8-bit images in 8 bits, all others in 16, deflate-compressed.
pub(super) fn encode(
    image: &Image,
    meta: &mut Metadata,
    options: &EncodeOptions,
) -> Result<Vec<u8>, CodecError> {
    let big = strips::row_bytes(image).saturating_mul(image.height).saturating_add(meta.bytes()) >= BIG;
    write(image, meta, options, big)
}

fn write(
    image: &Image,
    meta: &mut Metadata,
    options: &EncodeOptions,
    big: bool,
) -> Result<Vec<u8>, CodecError> {
    let side = |side: usize| {
        u32::try_from(side).map_err(|_| cannot_encode(Format::Tiff, "sides beyond 4294967295 pixels"))
    };
    let (width, height) = (side(image.width)?, side(image.height)?);
    let level = match options.compression {
        Compression::Fast => Level::new(1),
        Compression::Small => Level::new(6),
    };
    let resolution = meta.take_resolution();
    let (mut file, mut entries) = if big { from_fields(meta) } else { from_block(meta, resolution) };
    let strips = strips::write(&mut file.bytes, image, file.little, level)
        .map_err(|e| cannot_encode(Format::Tiff, e))?;
    let per_pixel = strips::per_pixel(image);
    let bits = if image.depth() == Depth::U8 { 8 } else { 16 };
    entries.extend([
        file.long(256, width),
        file.long(257, height),
        file.shorts(258, &vec![bits; per_pixel]),
        file.shorts(259, &[8]), // Deflate, as Adobe numbered it.
        file.shorts(262, &[if image.channels == 1 { 1 } else { 2 }]),
        file.words(273, &strips.offsets),
        file.shorts(exif::ORIENTATION, &[u16::from(meta.orientation)]),
        file.shorts(277, &[per_pixel as u16]),
        file.long(278, side(strips.rows)?),
        file.words(279, &strips.lengths),
        file.shorts(284, &[1]),
        file.shorts(317, &[2]),
        file.shorts(339, &vec![1; per_pixel]),
    ]);
    // Alpha with which the colours are not multiplied.
    entries.extend(image.alpha.is_some().then(|| file.shorts(338, &[2])));
    let has = |entries: &[Entry], tag| entries.iter().any(|entry| entry.tag == tag);
    if let Some(density) = resolution.filter(|_| !has(&entries, exif::X_RESOLUTION)) {
        entries.extend(resolution_entries(&file, density));
    }
    for (tag, kind, bytes) in [
        (ICC, UNDEFINED, meta.icc.take()),
        (XMP, BYTE, meta.xmp.take()),
        (PHOTOSHOP, UNDEFINED, meta.iptc.take()),
    ] {
        entries.extend(bytes.map(|bytes| Entry::bytes(tag, kind, bytes)));
    }
    let mut texts = std::mem::take(&mut meta.texts);
    texts.retain(|text| {
        let tag = match text.keyword.as_str() {
            "Comment" | "Description" => IMAGE_DESCRIPTION,
            "Author" => 315,
            "Copyright" => 33432,
            "Software" => 305,
            _ => return true,
        };
        let plain = match text.encoding {
            TextEncoding::Latin1 => text.bytes.is_ascii(),
            TextEncoding::Utf8 | TextEncoding::Unknown => std::str::from_utf8(&text.bytes).is_ok(),
        };
        let plain = plain && text.language.is_empty() && text.translated.is_empty();
        let fits = plain && !text.bytes.is_empty() && !text.bytes.contains(&0) && !has(&entries, tag);
        if fits {
            let ended = text.bytes.iter().copied().chain([0]).collect();
            entries.push(Entry::bytes(tag, ASCII, ended));
        }
        !fits
    });
    meta.texts = texts;
    let main = file.directory(entries);
    Ok(file.finish(main))
}

/// A file that begins with the EXIF block, and the entries of the block's main directory that describe the
/// picture, which stay true since nothing moves.
fn from_block(meta: &mut Metadata, resolution: Option<Density>) -> (File, Vec<Entry>) {
    let Some(bytes) = meta.exif.take().and_then(|bytes| whole(bytes, meta)) else {
        return (File::new(true, false), Vec::new());
    };
    let Some((block, main)) = Block::new(&bytes).and_then(|block| Some((block, block.main()?))) else {
        return (File::new(true, false), Vec::new());
    };
    let own_resolution = resolution.is_some() && exif::density(&bytes) == resolution;
    let mut entries: Vec<Entry> = Vec::new();
    for entry in block.entries(main).filter_map(Result::ok) {
        let copied = match (entry.tag, exif::fate(entry.tag)) {
            (exif::ORIENTATION, _) => false,
            (exif::X_RESOLUTION | exif::Y_RESOLUTION | exif::RESOLUTION_UNIT, _) => own_resolution,
            (XMP, _) => meta.xmp.is_none(),
            (PHOTOSHOP | IPTC, _) => meta.iptc.is_none(),
            (ICC, _) => {
                if meta.icc.as_deref() != bytes.get(entry.values.clone()) {
                    meta.saw(Loss::Colour, "ICC profile inside EXIF, which is not the picture's");
                }
                false
            }
            (_, Fate::Kept | Fate::Unknown) => true,
            (_, Fate::Directory) => entry.count == 1,
            _ => false,
        };
        let slot = bytes.get(entry.at + 8..).and_then(|slot| slot.first_chunk::<4>());
        if let Some(slot) = slot.filter(|_| copied && entries.iter().all(|known| known.tag != entry.tag)) {
            entries.push(Entry::copied(entry.tag, entry.kind, entry.count, *slot));
        }
    }
    meta.saw_all(exif::lost_of(block.entries(main).filter_map(Result::ok).map(|entry| entry.tag)));
    let mut file = File::from_block(bytes);
    file.align();
    (file, entries)
}

/// The block where all of it lies inside; else what can be read of it.
fn whole(bytes: Vec<u8>, meta: &mut Metadata) -> Option<Vec<u8>> {
    if Block::new(&bytes).is_some_and(|block| block.is_whole()) {
        return Some(bytes);
    }
    let Some(fields) = Fields::parse(&bytes) else {
        meta.saw(Loss::Metadata, "EXIF; it is damaged");
        return None;
    };
    let (bytes, lost) = fields.into_block();
    meta.saw_all(lost);
    Some(bytes)
}

/// A BigTIFF, whose directories are of another form: all fields anew.
fn from_fields(meta: &mut Metadata) -> (File, Vec<Entry>) {
    let block = meta.exif.take();
    let mut fields = block.as_deref().and_then(Fields::parse).unwrap_or_else(|| {
        if block.is_some() {
            meta.saw(Loss::Metadata, "EXIF; it is damaged");
        }
        Fields::default()
    });
    fields.free_note();
    let mut file = File::new(!fields.big_endian || block.is_none(), true);
    let mut directory = |fields: &[exif::Field], below: Option<(u16, u64)>| {
        if fields.is_empty() && below.is_none() {
            return None;
        }
        let mut entries: Vec<Entry> = fields.iter().map(|field| file.field(field)).collect();
        entries.extend(below.map(|(tag, at)| file.words(tag, &[at])));
        Some(file.directory(entries))
    };
    let interop = directory(&fields.interop, None).map(|at| (exif::INTEROP_IFD, at));
    let exif = directory(&fields.exif, interop).map(|at| (exif::EXIF_IFD, at));
    let gps = directory(&fields.gps, None).map(|at| (exif::GPS_IFD, at));
    let main = fields.main.iter().filter(|field| field.tag != exif::ORIENTATION);
    let mut entries: Vec<Entry> = main.map(|field| file.field(field)).collect();
    entries.extend([exif, gps].into_iter().flatten().map(|(tag, at)| file.words(tag, &[at])));
    meta.saw_all(fields.lost);
    (file, entries)
}

fn resolution_entries(file: &File, Density { x, y, unit }: Density) -> [Entry; 3] {
    let ratio = |tag, v: f64| {
        let below = if v.fract() == 0.0 { 1 } else { 1000 };
        file.rational(tag, (v * f64::from(below)).round().clamp(1.0, 4e9) as u32, below)
    };
    let unit = match unit {
        DensityUnit::Aspect => 1,
        DensityUnit::PerInch => 2,
        DensityUnit::PerCentimetre => 3,
    };
    [ratio(exif::X_RESOLUTION, x), ratio(exif::Y_RESOLUTION, y), file.shorts(exif::RESOLUTION_UNIT, &[unit])]
}

#[cfg(test)]
mod tests;
