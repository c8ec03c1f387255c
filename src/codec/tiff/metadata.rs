//! What a directory says beside the picture. What becomes of each tag, `exif` knows; what can't be taken along
//! is put down as seen, so that no tag is lost without a word.

use std::io::{Read, Seek};

use super::super::density::{Density, DensityUnit};
use super::super::exif::{self, Field, Fields};
use super::super::photoshop::{as_resource, without_thumbnails};
use super::super::{CodecError, Loss, Metadata};
use super::directory::{Directory, Entry, File};
use super::layout::{Colour, Layout};
use super::tag;

/// Most bytes that the fields of EXIF may take together, as in EXIF blocks.
const MAX_FIELD_BYTES: u64 = 8 << 20;

/// Reads all that a directory says beside the picture. `classic` holds the file's bytes where it is no BigTIFF:
/// such a file is an EXIF block itself.
pub(super) fn read<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    layout: &Layout,
    classic: Option<&[u8]>,
) -> Result<Metadata, CodecError> {
    let mut meta = Metadata::default();
    let mut fields = match (classic, u32::try_from(directory.at)) {
        (Some(bytes), Ok(at)) => Fields::parse_at(bytes, at).unwrap_or_default(),
        _ => fields(file, directory)?,
    };
    let (usual, telling): (Vec<u16>, Vec<u16>) = directory
        .entries
        .iter()
        .map(|entry| entry.tag)
        .partition(|&tag| is_usual(file, directory, layout, tag));
    let [usual, telling] = [usual, telling].map(|tags| exif::lost_of(tags.into_iter()));
    fields.lost.retain(|lost| !usual.contains(lost) || telling.contains(lost));
    unused(file, directory, layout, &mut meta);
    let unread = [(tag::EXIF, fields.exif.is_empty(), "EXIF"), (tag::GPS, fields.gps.is_empty(), "GPS")];
    let mut blob = |tag| match directory.find(tag).map(|entry| file.values(entry)).transpose() {
        Ok(found) => Ok(found.flatten().filter(|bytes| !bytes.is_empty())),
        Err(e) => Err(e),
    };
    meta.icc = blob(tag::ICC)?;
    meta.xmp = blob(tag::XMP)?;
    let (mut resources, whole) =
        blob(tag::PHOTOSHOP)?.map_or_else(|| (Vec::new(), true), |all| without_thumbnails(&all));
    if !whole {
        meta.saw(Loss::Metadata, "Photoshop resources that can't be read");
    }
    if !resources.windows(6).any(|window| window == b"8BIM\x04\x04") {
        // Bare records, though often declared as 32-bit numbers.
        resources.extend(blob(tag::IPTC)?.iter().flat_map(|records| as_resource(records)));
    }
    meta.iptc = Some(resources).filter(|resources| !resources.is_empty());
    let (by_itself, srgb) = (meta.icc.is_none(), says_srgb(file, directory)?);
    let primaries = |field: &Field| matches!(field.tag, tag::WHITE_POINT | tag::PRIMARIES);
    if fields.main.iter().any(primaries) && by_itself && !srgb {
        meta.saw(Loss::Colour, "white point and primaries");
    }
    fields.main.retain(|field| !primaries(field));
    meta.adopt_fields(fields);
    let orientation = file.number(directory, tag::ORIENTATION).ok().flatten();
    if let Some(orientation @ 1..=8) = orientation
        && meta.orientation != orientation as u8
    {
        meta.set_orientation(orientation as u8);
    }
    meta.says_upright = orientation == Some(1) && meta.exif.is_none();
    meta.density = density(file, directory)?;
    let blobs = [(tag::ICC, meta.icc.is_none(), "ICC profile"), (tag::XMP, meta.xmp.is_none(), "XMP")];
    for (tag, empty, name) in blobs.into_iter().chain(unread) {
        if empty && directory.find(tag).is_some() {
            let loss = if tag == tag::ICC { Loss::Colour } else { Loss::Metadata };
            meta.saw(loss, format!("{name}; it can't be read"));
        }
    }
    Ok(meta)
}

/// True for a tag whose values are those that are meant without it.
fn is_usual<R: Read + Seek>(file: &mut File<R>, directory: &Directory, layout: &Layout, tag: u16) -> bool {
    let most = if layout.float { 1 } else { (1 << layout.bits.min(16)) - 1 };
    let usual: &[u64] = match tag {
        // No dithering; a fax without faults.
        263 => &[1],
        326..=328 => &[0],
        280 | 340 => &[0],
        281 | 341 => &[most],
        // Cyan, magenta, yellow and black.
        332 => &[1],
        334 => &[4],
        336 => &[0, most],
        _ => return false,
    };
    let values = match directory.find(tag).map(|entry| entry.kind) {
        Some(11 | 12) => file.fractions(directory, tag).unwrap_or_default(),
        _ => {
            let numbers = file.numbers(directory, tag, 16).ok().flatten().unwrap_or_default();
            numbers.into_iter().map(|number| number as f64).collect()
        }
    };
    // One for all samples, or one for each.
    !values.is_empty()
        && values.chunks(usual.len()).all(|part| part.iter().zip(usual).all(|(a, b)| *a == *b as f64))
}

/// Tells of tags on colours that go with other kinds of pictures than this.
fn unused<R: Read + Seek>(file: &mut File<R>, directory: &Directory, layout: &Layout, meta: &mut Metadata) {
    if layout.colour != Colour::Palette && directory.find(tag::COLOR_MAP).is_some() {
        meta.saw(Loss::Data, "colour map that its picture does not use");
    }
    let range = file.fractions(directory, tag::REFERENCE_BLACK_WHITE).unwrap_or_default();
    let most = f64::from((1u32 << layout.bits.min(16)) - 1);
    let is_full = range.chunks(2).all(|pair| pair == [0.0, most]);
    if !matches!(layout.colour, Colour::Ycc { .. }) && !is_full {
        meta.saw(Loss::Colour, "reference black and white");
    }
}

/// True when the white point and the primaries, as far as they are given, are those of sRGB.
fn says_srgb<R: Read + Seek>(file: &mut File<R>, directory: &Directory) -> Result<bool, CodecError> {
    let near = |given: &[f64], wanted: &[f64]| given.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 0.002);
    let white = file.fractions(directory, tag::WHITE_POINT)?;
    let primaries = file.fractions(directory, tag::PRIMARIES)?;
    Ok(near(&white, &[0.3127, 0.3290]) && near(&primaries, &[0.64, 0.33, 0.30, 0.60, 0.15, 0.06]))
}

fn density<R: Read + Seek>(file: &mut File<R>, directory: &Directory) -> Result<Option<Density>, CodecError> {
    let mut ratio = |tag| {
        let value = file.fractions(directory, tag)?.first().copied();
        Ok::<_, CodecError>(value.filter(|value| value.is_finite() && *value > 0.0))
    };
    let (x, y) = (ratio(tag::X_RESOLUTION)?, ratio(tag::Y_RESOLUTION)?);
    let unit = match file.number(directory, tag::RESOLUTION_UNIT).ok().flatten() {
        Some(1) => DensityUnit::Aspect,
        Some(3) => DensityUnit::PerCentimetre,
        _ => DensityUnit::PerInch,
    };
    // One of the two stands for both, as libtiff has it.
    Ok(x.or(y).zip(y.or(x)).map(|(x, y)| Density { x, y, unit }))
}

/// The fields of a BigTIFF's directory, with those of the directories that it points to.
fn fields<R: Read + Seek>(file: &mut File<R>, directory: &Directory) -> Result<Fields, CodecError> {
    let mut budget = MAX_FIELD_BYTES;
    let mut fields = Fields { big_endian: !file.little(), ..Fields::default() };
    let tags: Vec<(u16, u16)> = directory.entries.iter().map(|entry| (entry.tag, entry.kind)).collect();
    let (kept, lost) = exif::sorted_out(&tags);
    fields.main = wanted(file, directory, &mut budget, |tag| kept.contains(&tag))?;
    fields.lost = lost;
    let mut exif_directory = None;
    for (tag, into) in [(tag::EXIF, &mut fields.exif), (tag::GPS, &mut fields.gps)] {
        if let Some(at) = file.number(directory, tag).ok().flatten()
            && let Some(below) = file.directory(at)?
        {
            *into = wanted(file, &below, &mut budget, |tag| tag != exif::INTEROP_IFD)?;
            if tag == tag::EXIF {
                exif_directory = Some(below);
            }
        }
    }
    if let Some(above) = exif_directory
        && let Some(at) = file.number(&above, exif::INTEROP_IFD).ok().flatten()
        && let Some(below) = file.directory(at)?
    {
        fields.interop = wanted(file, &below, &mut budget, |_| true)?;
    }
    Ok(fields)
}

fn wanted<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    budget: &mut u64,
    wanted: impl Fn(u16) -> bool,
) -> Result<Vec<Field>, CodecError> {
    let mut fields = Vec::new();
    for entry in directory.entries.iter().filter(|entry| wanted(entry.tag) && (1..=12).contains(&entry.kind))
    {
        // Asked before the copy: many entries may point to the same bytes.
        let Some(left) = file.bytes_of(entry).and_then(|bytes| budget.checked_sub(bytes.checked_add(16)?))
        else {
            continue;
        };
        fields.extend(field(file, entry)?);
        *budget = left;
    }
    Ok(fields)
}

fn field<R: Read + Seek>(file: &mut File<R>, entry: &Entry) -> Result<Option<Field>, CodecError> {
    let Some(data) = file.values(entry)? else { return Ok(None) };
    let mut field = Field { tag: entry.tag, kind: entry.kind, data };
    if !file.little() {
        let word = field.word();
        field.data.chunks_exact_mut(word).for_each(<[u8]>::reverse);
    }
    Ok(Some(field))
}
