//! What the directories of camera RAW say, read before its decoder sees the file: that decoder takes memory for
//! whatever they state.

use std::collections::HashSet;
use std::io::{Cursor, Read, Seek};

use super::super::super::exif::{Block, EXIF_IFD, Fate, Fields, fate};
use super::super::super::photoshop::as_resource;
use super::super::super::{CodecError, Format, Loss, Metadata, malformed};
use super::super::directory::{Directory, Entry, File};
use super::super::tag;
use super::pictures::pictures;

/// Most directories of a chain.
const MAX_CHAIN: usize = 64;

/// What values of one tag may claim, however large the file is.
const HARMLESS: u64 = 64 << 20;

/// Tags that point to directories.
const POINTERS: [u16; 3] = [tag::SUB_IFDS, tag::EXIF, tag::GPS];

/// Field types of such pointers.
const LONG: u16 = 4;
const IFD: u16 = 13;

/// A tag that nobody reads.
const NOTHING: u16 = 0xFFFF;

/// Compression of pictures that a DNG's decoder takes for the sensor's: none, JPEG, Deflate, lossy JPEG, JPEG XL.
const CODED: [u64; 5] = [1, 7, 8, 34892, 52546];

/// Lists of corrections that a DNG asks for.
const OPCODES: [u16; 3] = [51008, 51009, 51022];

/// What the directories say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::codec) struct Survey {
    /// The sensor's picture, where the file is a DNG.
    pub(in crate::codec) dng: Option<Sensor>,
    /// Pictures beside that of the sensor.
    pub(in crate::codec) others: usize,
    /// True when the file asks for corrections of lens or sensor.
    pub(in crate::codec) corrections: bool,
    /// What has to be put into the file before its decoder sees it: places, and two bytes for each. It takes a colour
    /// profile for a directory, and pointers that say of themselves that they are such (type IFD) for single bytes.
    pub(in crate::codec) repairs: Vec<(usize, [u8; 2])>,
}

/// Sizes of a sensor's picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::codec) struct Sensor {
    /// Width and height of the part that is shown.
    pub(in crate::codec) shown: (u32, u32),
    /// Samples that are decoded, those of tiles that overhang included.
    pub(in crate::codec) samples: u64,
    /// Samples a pixel.
    pub(in crate::codec) channels: u8,
}

fn bad(what: &str) -> CodecError {
    malformed(Format::Raw, what)
}

/// Reads what the directories say, and refuses what would lead the decoder astray: chains that lead back, and values
/// that claim more than the file has.
pub(in crate::codec) fn survey<R: Read + Seek>(reader: R) -> Result<Survey, CodecError> {
    let (mut file, first) = File::open(reader)?;
    let (mut seen, mut at) = (HashSet::new(), first);
    let (mut main, mut repairs) = (None, Vec::new());
    while at != 0 {
        if !seen.insert(at) || seen.len() > MAX_CHAIN {
            return Err(bad("its list of directories has no end"));
        }
        let Some(directory) = file.directory(at)? else { break };
        check(&mut file, &directory)?;
        repairs.extend(repairs_of(&file, &directory));
        at = directory.next;
        main.get_or_insert(directory);
    }
    let main = main.ok_or_else(|| bad("it has no directory"))?;
    let is_dng = main.find(tag::DNG_VERSION).is_some();
    let all = pictures(&mut file, main)?;
    let with_pixels = |directory: &&Directory| {
        [tag::STRIP_OFFSETS, tag::TILE_OFFSETS, tag::OLD_JPEG_STREAM]
            .iter()
            .any(|&tag| directory.find(tag).is_some())
    };
    let others = all.iter().filter(with_pixels).count().saturating_sub(1);
    let mut found = Survey { others, repairs, ..Survey::default() };
    for directory in all.iter().filter(|_| is_dng) {
        found.corrections |= OPCODES.iter().any(|&tag| directory.find(tag).is_some());
        if found.dng.is_none() {
            found.dng = sensor(&mut file, directory)?;
        }
    }
    if is_dng && found.dng.is_none() {
        return Err(bad("none of its directories is that of a sensor's picture"));
    }
    Ok(found)
}

fn repairs_of<R: Read + Seek>(file: &File<R>, directory: &Directory) -> Vec<(usize, [u8; 2])> {
    let short = |value: u16| if file.little() { value.to_le_bytes() } else { value.to_be_bytes() };
    let repair = |(index, entry): (usize, &Entry)| {
        let place = usize::try_from(directory.at).ok()?.checked_add(2 + 12 * index)?;
        match (entry.tag, entry.kind) {
            (tag, LONG) if POINTERS.contains(&tag) => None,
            (tag, IFD) if POINTERS.contains(&tag) => Some((place + 2, short(LONG))),
            // Of no type that leads anywhere.
            (tag, _) if tag == tag::ICC || POINTERS.contains(&tag) => Some((place, short(NOTHING))),
            _ => None,
        }
    };
    directory.entries.iter().enumerate().filter_map(repair).collect()
}

fn check<R: Read + Seek>(file: &mut File<R>, directory: &Directory) -> Result<(), CodecError> {
    let most = file.len().max(HARMLESS);
    let fits = |file: &File<R>, directory: &Directory| {
        directory.entries.iter().all(|entry| file.bytes_of(entry).is_none_or(|bytes| bytes <= most))
    };
    let mut sound = fits(file, directory);
    for tag in POINTERS {
        for at in pointers(file, directory, tag) {
            sound &= file.directory(at)?.is_none_or(|below| fits(file, &below));
        }
    }
    if sound { Ok(()) } else { Err(bad("the values of a tag are more than the whole file")) }
}

/// Where the directories stand that the decoder follows a tag to.
fn pointers<R: Read + Seek>(file: &mut File<R>, directory: &Directory, tag: u16) -> Vec<u64> {
    let leads = directory.find(tag).is_some_and(|entry| matches!(entry.kind, LONG | IFD));
    let all = leads.then(|| file.numbers(directory, tag, u64::MAX).ok().flatten()).flatten();
    all.unwrap_or_default()
}

/// The sensor's picture that a directory of a DNG describes, if it does.
fn sensor<R: Read + Seek>(file: &mut File<R>, directory: &Directory) -> Result<Option<Sensor>, CodecError> {
    let mut number = |tag| file.number(directory, tag);
    let reduced = number(tag::NEW_SUBFILE_TYPE)?.unwrap_or(0) & 1 != 0;
    if reduced || !number(tag::COMPRESSION)?.is_some_and(|compression| CODED.contains(&compression)) {
        return Ok(None);
    }
    let mut side = |tag| match number(tag)?.map(u32::try_from) {
        Some(Ok(side)) if side > 0 => Ok(side),
        _ => Err(bad("it doesn't say the size of its picture")),
    };
    let (width, height) = (side(tag::WIDTH)?, side(tag::HEIGHT)?);
    let (mut across, mut down) = (u64::from(width), u64::from(height));
    if directory.find(tag::TILE_WIDTH).is_some() {
        let tile = (side(tag::TILE_WIDTH)?, side(tag::TILE_HEIGHT)?);
        across = across.next_multiple_of(tile.0.into());
        down = down.next_multiple_of(tile.1.into());
    }
    let channels = number(tag::SAMPLES)?.unwrap_or(1);
    let channels = u8::try_from(channels).ok().filter(|channels| (1..=4).contains(channels));
    let channels = channels.ok_or_else(|| bad("it has more than four samples a pixel"))?;
    let samples = across.saturating_mul(down).saturating_mul(channels.into());
    let within = |side: f64, most: u32| (side >= 1.0 && side <= f64::from(most)).then_some(side as u32);
    let crop = file.fractions(directory, tag::DEFAULT_CROP_SIZE)?;
    let area = file.fractions(directory, tag::ACTIVE_AREA)?;
    let shown = match (crop.as_slice(), area.as_slice()) {
        (&[across, down], _) => within(across, width).zip(within(down, height)),
        (_, &[top, left, bottom, right]) => within(right - left, width).zip(within(bottom - top, height)),
        _ => Some((width, height)),
    };
    let shown = shown.ok_or_else(|| bad("the part of its picture that is to be shown lies outside"))?;
    Ok(Some(Sensor { shown, samples, channels }))
}

/// What the main directory says beside pictures; `None` when that says nothing of the exposure, so that the maker has
/// it elsewhere.
pub(in crate::codec) fn describe(bytes: &[u8]) -> Option<Metadata> {
    let block = Block::new(bytes)?;
    let main = block.main()?;
    block.find(main, EXIF_IFD).or(block.find(main, tag::DNG_VERSION))?;
    let mut fields = Fields::parse(bytes)?;
    let mut meta = Metadata::default();
    // What the decoder used up, and tags that only this maker's files have.
    let before = fields.main.len();
    fields.main.retain(|field| {
        fate(field.tag) == Fate::Kept && !matches!(field.tag, tag::CFA_REPEAT | tag::CFA_PATTERN)
    });
    let dropped = before - fields.main.len();
    if dropped > 0 {
        let s = if dropped == 1 { "" } else { "s" };
        fields.lost.push((Loss::Metadata, format!("{dropped} tag{s} of a camera's raw file")));
    }
    // Told by their number instead.
    fields.lost.retain(|(loss, _)| *loss != Loss::Pictures);
    meta.adopt_fields(fields);
    let (mut file, first) = File::open(Cursor::new(bytes)).ok()?;
    let directory = file.directory(first).ok()??;
    let mut blob = |tag| {
        let values = directory.find(tag).and_then(|entry| file.values(entry).ok().flatten());
        values.filter(|bytes| !bytes.is_empty())
    };
    meta.xmp = blob(tag::XMP);
    meta.iptc = blob(tag::IPTC).map(|records| as_resource(&records)).filter(|resource| !resource.is_empty());
    Some(meta)
}
