//! What an EXIF block says of how a picture was taken, as typed values.
//!
//! Tags and units are those of CIPA DC-008 (Exif 3.0). Values that say nothing are absent: dates of zeros,
//! fractions over 0, "unknown" written as 0 or as the largest number, texts of blanks.

use super::Metadata;
use super::exif::{Block, EXIF_IFD, GPS_IFD, orientation, strip_prefix};

const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;
const EXPOSURE_TIME: u16 = 0x829A;
const F_NUMBER: u16 = 0x829D;
const SENSITIVITY: u16 = 0x8827;
const SENSITIVITY_TYPE: u16 = 0x8830;
const STANDARD_OUTPUT: u16 = 0x8831;
const EXPOSURE_INDEX: u16 = 0x8832;
const ISO_SPEED: u16 = 0x8833;
const DATE_TIME_ORIGINAL: u16 = 0x9003;
const FRACTION_ORIGINAL: u16 = 0x9291;
const FOCAL_LENGTH: u16 = 0x920A;
const LENS_MODEL: u16 = 0xA434;

/// Tags of a zone, each with the tag of the time that it belongs to: taken, digitized, changed.
const ZONES: [(u16, u16); 3] = [(0x9011, DATE_TIME_ORIGINAL), (0x9012, 0x9004), (0x9010, 0x0132)];

/// What an EXIF block says of how a picture was taken.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ExifData {
    /// When it was taken, by the camera's clock: microseconds from 1970-01-01 00:00 by that clock. From
    /// DateTimeOriginal and SubSecTimeOriginal alone: other dates are of scanning or editing.
    pub taken: Option<i64>,
    /// Minutes that the clock was ahead of UTC. A zone written for another date of the block counts where
    /// that date is the same.
    pub offset: Option<i16>,
    /// Maker of the camera.
    pub make: Option<String>,
    /// Model of the camera.
    pub model: Option<String>,
    /// Model of the lens, from LensModel; maker notes are not read.
    pub lens: Option<String>,
    /// ISO sensitivity. Where the 16-bit field is full, that which SensitivityType names.
    pub iso: Option<i64>,
    /// Exposure time in seconds.
    pub exposure_time: Option<f64>,
    /// F number.
    pub f_number: Option<f64>,
    /// Focal length of the lens in millimetres, as it is, not as on 35 mm film.
    pub focal_length: Option<f64>,
    /// Latitude and longitude in degrees of WGS84, north and east positive. Absent where the block names
    /// another datum, and at exactly (0, 0), which is what writers without a position write.
    pub position: Option<(f64, f64)>,
    /// Altitude in metres, below sea level negative.
    pub altitude: Option<f64>,
    /// The orientation tag, 1..=8.
    pub orientation: Option<u8>,
}

impl ExifData {
    /// What the EXIF block of a file says, if it has one.
    pub fn of(meta: &Metadata) -> ExifData {
        let orientation = meta.says_upright.then_some(1);
        let nothing = || ExifData { orientation, ..ExifData::default() };
        meta.exif.as_deref().map_or_else(nothing, ExifData::read)
    }

    /// Reads an EXIF block, with or without `Exif\0\0` before it; of damaged ones what can be read.
    pub fn read(block: &[u8]) -> ExifData {
        let block = strip_prefix(block);
        Reader::new(block).map_or_else(ExifData::default, |reader| ExifData {
            orientation: orientation(block),
            ..reader.data()
        })
    }

    /// When it was taken in microseconds from 1970-01-01 00:00 UTC, where the zone is known.
    pub fn taken_utc(&self) -> Option<i64> {
        let utc = self.taken?.checked_sub(i64::from(self.offset?) * 60_000_000)?;
        // The years 1 to 9999, beyond which calendars of other programs don't reach.
        (-62_135_596_800_000_000..=253_402_300_799_999_999).contains(&utc).then_some(utc)
    }
}

/// A block with the places of its directories.
struct Reader<'a> {
    block: Block<'a>,
    main: u32,
    exif: Option<u32>,
    gps: Option<u32>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Reader<'a>> {
        let block = Block::new(bytes)?;
        let main = block.u32(4)?;
        let below = |tag| block.u32(block.find(main, tag)? + 8);
        let (exif, gps) = (below(EXIF_IFD), below(GPS_IFD));
        Some(Reader { block, main, exif, gps })
    }

    fn data(&self) -> ExifData {
        let taken = self.text(DATE_TIME_ORIGINAL).and_then(|text| moment(&text));
        let (taken, inside) = taken.map_or((None, None), |(taken, zone)| (Some(taken), zone));
        let fraction = self.text(FRACTION_ORIGINAL).map_or(0, |digits| microseconds(&digits));
        ExifData {
            // Some writers put the fraction into the date itself.
            taken: taken.map(|taken| if taken % 1_000_000 == 0 { taken + fraction } else { taken }),
            offset: inside.or_else(|| self.zone()),
            make: self.text(MAKE),
            model: self.text(MODEL),
            lens: self.text(LENS_MODEL),
            iso: self.iso(),
            exposure_time: self.positive(EXPOSURE_TIME),
            f_number: self.positive(F_NUMBER),
            focal_length: self.positive(FOCAL_LENGTH),
            position: self.position(),
            altitude: self.altitude(),
            orientation: None,
        }
    }

    /// The zone of the time at which the picture was taken.
    fn zone(&self) -> Option<i16> {
        let taken = self.text(DATE_TIME_ORIGINAL)?;
        ZONES
            .iter()
            .filter(|(_, date)| self.text(*date).as_ref() == Some(&taken))
            .find_map(|(zone, _)| offset(&self.text(*zone)?))
    }

    fn iso(&self) -> Option<i64> {
        let number = |tag| self.number(tag, 0).filter(|n| (1.0..4e9).contains(n)).map(|n| n as i64);
        let short = number(SENSITIVITY);
        if short.is_some_and(|iso| iso < 65535) {
            return short;
        }
        let named: &[u16] = match number(SENSITIVITY_TYPE)? {
            1 => &[STANDARD_OUTPUT],
            2 => &[EXPOSURE_INDEX],
            3 => &[ISO_SPEED],
            4 => &[STANDARD_OUTPUT, EXPOSURE_INDEX],
            5 => &[STANDARD_OUTPUT, ISO_SPEED],
            6 => &[EXPOSURE_INDEX, ISO_SPEED],
            7 => &[STANDARD_OUTPUT, EXPOSURE_INDEX, ISO_SPEED],
            _ => &[],
        };
        named.iter().find_map(|tag| number(*tag))
    }

    fn position(&self) -> Option<(f64, f64)> {
        let datum = self.gps_text(0x12).unwrap_or_default().to_ascii_uppercase();
        let datum: String = datum.chars().filter(char::is_ascii_alphanumeric).collect();
        if !(datum.is_empty() || datum.starts_with("WGS84") || datum.starts_with("WGS1984")) {
            return None;
        }
        let latitude = self.degrees(0x01, 0x02, ['N', 'S'])?;
        let longitude = self.degrees(0x03, 0x04, ['E', 'W'])?;
        let there = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        (there && (latitude, longitude) != (0.0, 0.0)).then_some((latitude, longitude))
    }

    /// Degrees, minutes and seconds with a side, of which the second one is negative.
    fn degrees(&self, side: u16, tag: u16, sides: [char; 2]) -> Option<f64> {
        let side = self.gps_text(side)?.chars().next()?.to_ascii_uppercase();
        let sign = if side == sides[0] { 1.0 } else { -1.0 };
        let number = |index| self.values(self.gps?, tag)?.number(index);
        // Decimal minutes leave the seconds empty.
        let (degrees, minutes, seconds) = (number(0)?, number(1)?, number(2).unwrap_or(0.0));
        let sound = sides.contains(&side) && degrees >= 0.0;
        let within = |n: f64| (0.0..=60.0).contains(&n);
        (sound && within(minutes) && within(seconds))
            .then(|| sign * (degrees + minutes / 60.0 + seconds / 3600.0))
    }

    fn altitude(&self) -> Option<f64> {
        let number = |tag| self.values(self.gps?, tag)?.number(0);
        // 1 and 3: below the sea's level and the ellipsoid's. Without the field: above.
        let below = number(0x05).is_some_and(|side| side == 1.0 || side == 3.0);
        let metres = number(0x06).filter(|metres| metres.abs() < 1e6)?;
        // No minus sign before zero.
        Some(if below { 0.0 - metres } else { metres })
    }

    /// A tag of the Exif directory, or of the main one, where TIFF/EP and others have it.
    fn find(&self, tag: u16) -> Option<Values<'_>> {
        self.exif.and_then(|exif| self.values(exif, tag)).or_else(|| self.values(self.main, tag))
    }

    fn text(&self, tag: u16) -> Option<String> {
        self.find(tag)?.text()
    }

    fn gps_text(&self, tag: u16) -> Option<String> {
        self.values(self.gps?, tag)?.text()
    }

    fn number(&self, tag: u16, index: usize) -> Option<f64> {
        self.find(tag)?.number(index)
    }

    fn positive(&self, tag: u16) -> Option<f64> {
        self.number(tag, 0).filter(|n| *n > 0.0)
    }

    fn values(&self, directory: u32, tag: u16) -> Option<Values<'_>> {
        let at = self.block.find(directory, tag)?;
        let kind = self.block.u16(at + 2)?;
        let width = match kind {
            1 | 2 | 6 | 7 | UTF8 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            5 | 10 | 12 => 8,
            _ => return None,
        };
        let length = usize::try_from(self.block.u32(at + 4)?).ok()?.checked_mul(width)?;
        let from = if length <= 4 { at + 8 } else { self.block.u32(at + 8)? as usize };
        let bytes = self.block.bytes.get(from..)?.get(..length)?;
        Some(Values { bytes, kind, width, little: self.block.little })
    }
}

/// Type of texts that are in UTF-8, new in Exif 3.0.
const UTF8: u16 = 129;

/// The values of one field.
struct Values<'a> {
    bytes: &'a [u8],
    kind: u16,
    width: usize,
    little: bool,
}

impl Values<'_> {
    /// One of them; none for fractions over 0 and where a word is full, which says "unknown" or "infinite".
    fn number(&self, index: usize) -> Option<f64> {
        let bytes = self.bytes.chunks_exact(self.width).nth(index)?;
        let word = |bytes: &[u8]| {
            let one = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
            if self.little { bytes.iter().rev().fold(0, one) } else { bytes.iter().fold(0, one) }
        };
        let signed = |bytes: &[u8]| f64::from(word(bytes) as u32 as i32);
        let whole = |bytes: &[u8]| Some(word(bytes)).filter(|v| *v < 0xFFFF_FFFF).map(|v| v as f64);
        let value = match self.kind {
            1 | 3 | 7 => Some(word(bytes) as f64),
            4 => whole(bytes),
            5 => Some(whole(bytes.get(..4)?)? / whole(bytes.get(4..)?)?),
            6 => Some(f64::from(word(bytes) as u8 as i8)),
            8 => Some(f64::from(word(bytes) as u16 as i16)),
            9 => Some(signed(bytes)),
            10 => Some(signed(bytes.get(..4)?) / signed(bytes.get(4..)?)),
            11 => Some(f64::from(f32::from_bits(word(bytes) as u32))),
            12 => Some(f64::from_bits(word(bytes))),
            _ => None,
        };
        value.filter(|value| value.is_finite())
    }

    /// Up to the first NUL, without blanks around and control characters within; none where no letter or
    /// digit is left. What is not UTF-8 is read as Latin-1.
    fn text(&self) -> Option<String> {
        if !matches!(self.kind, 1 | 2 | 7 | UTF8) {
            return None;
        }
        let bytes = self.bytes.split(|byte| *byte == 0).next()?;
        let latin = || bytes.iter().map(|byte| char::from(*byte)).collect();
        let text = std::str::from_utf8(bytes).map_or_else(|_| latin(), str::to_string);
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim();
        text.chars().any(char::is_alphanumeric).then(|| text.to_string())
    }
}

/// `2024:02:29 23:59:58` in microseconds from 1970-01-01 00:00, and the zone where it follows. Other marks
/// between the numbers and a fraction of the second, as some programs write them, are read too.
fn moment(text: &str) -> Option<(i64, Option<i16>)> {
    let (date, rest) = text.as_bytes().split_at_checked(19)?;
    let rest = std::str::from_utf8(rest).ok()?;
    let number = |from: usize, to: usize| {
        let digits = date.get(from..to)?;
        let value =
            |value, digit: &u8| Some(value * 10 + i64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?));
        digits.iter().try_fold(0, value)
    };
    let marks = [(4, ":-/."), (7, ":-/."), (10, " T"), (13, ":"), (16, ":")];
    if !marks.iter().all(|(at, allowed)| date.get(*at).is_some_and(|mark| allowed.as_bytes().contains(mark)))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let sound = year > 0 && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let seconds = ((days_from_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    sound.then(|| (seconds * 1_000_000 + microseconds(fraction), offset(zone)))
}

/// Days from 1970-01-01 in the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Digits behind a decimal point, as microseconds; 0 for what is no number.
fn microseconds(digits: &str) -> i64 {
    let digits = digits.trim();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    digits.bytes().chain([b'0'; 6]).take(6).fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
}

/// `+01:00`, `-0330` or `Z` in minutes.
fn offset(text: &str) -> Option<i16> {
    let text = text.trim();
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let number =
        |from, to| digits.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok();
    let (hours, minutes): (i16, i16) = (number(0, 2)?, number(2, 4)?);
    (digits.len() == 4 && hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests;
