//! What a directory says beside the picture. Every tag is the layout's, or descriptive, or carried; the rest
//! is put down as seen, so that no tag is lost without a word.

use std::io::{Read, Seek};

use super::super::exif::{DESCRIPTIVE, Field, Fields};
use super::super::meta::{Density, DensityUnit, as_resource, without_thumbnails};
use super::super::{CodecError, Loss, Metadata};
use super::directory::{Directory, Entry, File};
use super::tag;

/// Most bytes that the fields of EXIF may take together, as in EXIF blocks.
const MAX_FIELD_BYTES: u64 = 8 << 20;
const INTEROPERABILITY: u16 = 0xA005;

/// Tags that are about how the file is laid out or printed, and mean nothing in another file.
const LAYOUT: [u16; 60] = [
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 292,
    293, 297, 317, 320, 321, 322, 323, 324, 325, 326, 327, 328, 332, 333, 334, 336, 337, 338, 339, 340, 341,
    342, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559, 32996, 59932,
];

/// Tags that are carried as parts of their own.
const CARRIED: [u16; 9] = [
    tag::X_RESOLUTION,
    tag::Y_RESOLUTION,
    tag::RESOLUTION_UNIT,
    tag::XMP,
    tag::IPTC,
    tag::PHOTOSHOP,
    tag::EXIF,
    tag::ICC,
    tag::GPS,
];

/// Tags that are noted under a common name.
const GROUPS: [(&[u16], Loss, &str); 12] = [
    (&[33550, 33920, 33922, 34264, 34735, 34736, 34737, 42112, 42113], Loss::Metadata, "GeoTIFF tags"),
    (&[tag::PHOTOSHOP_LAYERS], Loss::Layers, "Photoshop layers"),
    (&[tag::SUB_IFDS], Loss::Pictures, "pictures in directories below the page's (SubIFDs)"),
    (&[tag::TRANSFER_FUNCTION], Loss::Colour, "transfer function"),
    (&[tag::WHITE_POINT, tag::PRIMARIES], Loss::Colour, "white point and primaries"),
    (&[290, 291], Loss::Colour, "gray response curve"),
    (&[286, 287], Loss::Metadata, "position on the page"),
    (&[343, 344, 345, 346], Loss::Layers, "clipping path"),
    (&[50838, 50839], Loss::Metadata, "ImageJ data"),
    (&[33628, 33629, 33630, 33631], Loss::Pictures, "MetaMorph stack"),
    (&[34412], Loss::Metadata, "Zeiss LSM data"),
    (&[32932], Loss::Layers, "Wang annotations"),
];

/// Reads all that a directory says beside the picture. `first` holds the file's bytes where the directory is
/// the first of a classic TIFF: such a file is an EXIF block itself.
pub(super) fn read<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    first: Option<&[u8]>,
) -> Result<Metadata, CodecError> {
    let mut meta = Metadata::default();
    let fields = match first {
        Some(bytes) => Fields::parse(bytes).unwrap_or_default(),
        None => fields(file, directory)?,
    };
    if !fields.is_empty() {
        meta.adopt_exif(&fields.to_block());
    }
    let orientation = file.number(directory, tag::ORIENTATION).ok().flatten();
    if let Some(orientation @ 1..=8) = orientation
        && meta.orientation != orientation as u8
    {
        meta.set_orientation(orientation as u8);
    }
    meta.density = density(file, directory)?;
    let mut blob = |tag| match directory.find(tag).map(|entry| file.values(entry)).transpose() {
        Ok(found) => Ok(found.flatten().filter(|bytes| !bytes.is_empty())),
        Err(e) => Err(e),
    };
    meta.icc = blob(tag::ICC)?;
    meta.xmp = blob(tag::XMP)?;
    let mut resources = blob(tag::PHOTOSHOP)?.map(|all| without_thumbnails(&all)).unwrap_or_default();
    if !resources.windows(6).any(|window| window == b"8BIM\x04\x04") {
        // Bare records, though often declared as 32-bit numbers.
        resources.extend(blob(tag::IPTC)?.iter().flat_map(|records| as_resource(records)));
    }
    meta.iptc = Some(resources).filter(|resources| !resources.is_empty());
    for (tag, empty, name) in [
        (tag::ICC, meta.icc.is_none(), "ICC profile"),
        (tag::XMP, meta.xmp.is_none(), "XMP"),
        (tag::EXIF, fields.exif.is_empty(), "EXIF"),
        (tag::GPS, fields.gps.is_empty(), "GPS"),
    ] {
        if empty && directory.find(tag).is_some() {
            let loss = if tag == tag::ICC { Loss::Colour } else { Loss::Metadata };
            meta.saw(loss, format!("{name}; it can't be read"));
        }
    }
    others(directory, &mut meta);
    Ok(meta)
}

/// Puts down the tags that nobody carries.
fn others(directory: &Directory, meta: &mut Metadata) {
    let has = |tags: &[u16]| directory.entries.iter().any(|entry| tags.contains(&entry.tag));
    for (tags, loss, name) in GROUPS {
        // A profile says it better.
        if has(tags) && !(loss == Loss::Colour && meta.icc.is_some()) {
            meta.saw(loss, name);
        }
    }
    let known = |tag: u16| {
        [&LAYOUT[..], &CARRIED, &DESCRIPTIVE].iter().any(|tags| tags.contains(&tag))
            || GROUPS.iter().any(|(tags, ..)| tags.contains(&tag))
    };
    let mut rest: Vec<u16> =
        directory.entries.iter().map(|entry| entry.tag).filter(|&tag| !known(tag)).collect();
    rest.sort_unstable();
    rest.dedup();
    if let [one] = rest.as_slice() {
        meta.saw(Loss::Metadata, format!("tag {one}"));
    } else if !rest.is_empty() {
        let named: Vec<String> = rest.iter().take(8).map(u16::to_string).collect();
        let more = rest.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        meta.saw(Loss::Metadata, format!("tags {}{more}", named.join(", ")));
    }
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
    Ok(x.zip(y).map(|(x, y)| Density { x, y, unit }))
}

/// The descriptive fields of any directory, with those of the directories that it points to.
fn fields<R: Read + Seek>(file: &mut File<R>, directory: &Directory) -> Result<Fields, CodecError> {
    let mut budget = MAX_FIELD_BYTES;
    let mut fields = Fields {
        main: wanted(file, directory, &mut budget, |tag| DESCRIPTIVE.contains(&tag))?,
        ..Fields::default()
    };
    for (tag, into) in [(tag::EXIF, &mut fields.exif), (tag::GPS, &mut fields.gps)] {
        if let Some(at) = file.number(directory, tag).ok().flatten()
            && let Some(below) = file.directory(at)?
        {
            *into = wanted(file, &below, &mut budget, |tag| tag != INTEROPERABILITY)?;
        }
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
