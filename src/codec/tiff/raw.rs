//! Camera RAW that is laid out as TIFF: told by its directories, not by its name.

use std::io::{Read, Seek};
use std::path::Path;

use super::super::{CodecError, Format, foreign, malformed};
use super::directory::File;
use super::tag;
use pictures::pictures;

mod pictures;
#[cfg(feature = "raw")]
mod survey;

#[cfg(feature = "raw")]
pub(in crate::codec) use survey::{Survey, describe, survey};

/// What the first bytes of Canon's (CR2) and Phase One's files have behind the header.
const MARKS: [&[u8]; 3] = [b"CR\x02", b"IIII", b"MMMM"];

/// Photometric interpretations of what a sensor saw: behind colour filters, or without such.
const SENSOR: [u64; 2] = [32803, 34892];

/// True for camera RAW. The content decides; the ending only where a camera made the file and no directory says
/// which picture is the sensor's, since its first one would be a preview. The reader is at its start afterwards.
///
/// # Errors
/// When the file can't be read; what is no TIFF file is no camera RAW either.
pub(in crate::codec) fn is_raw<R: Read + Seek>(reader: &mut R, path_hint: &Path) -> Result<bool, CodecError> {
    let found = File::open(&mut *reader).and_then(|(mut file, first)| told(&mut file, first, path_hint));
    reader.rewind().map_err(|e| malformed(Format::Tiff, format!("it can't be read: {e}")))?;
    Ok(found.unwrap_or(false))
}

fn told<R: Read + Seek>(file: &mut File<R>, first: u64, path_hint: &Path) -> Result<bool, CodecError> {
    // BigTIFF has the place of its first directory there.
    let mark = if file.big() { None } else { file.bytes(8, 4)? };
    if mark.is_some_and(|mark| MARKS.iter().any(|start| mark.starts_with(start))) {
        return Ok(true);
    }
    let Some(main) = file.directory(first)? else { return Ok(false) };
    if main.find(tag::DNG_VERSION).is_some() || main.find(tag::LEAF).is_some() {
        return Ok(true);
    }
    for directory in pictures(file, main.clone())? {
        if let Ok(Some(photometric)) = file.number(&directory, tag::PHOTOMETRIC)
            && SENSOR.contains(&photometric)
        {
            return Ok(true);
        }
    }
    let ending = path_hint.extension().and_then(|ending| ending.to_str());
    let by_camera = main.find(tag::MAKE).is_some() || main.find(tag::SUB_IFDS).is_some();
    Ok(by_camera && ending.is_some_and(foreign::is_raw_ending))
}
