use super::*;
use crate::codec::{Limits, decode};
use std::path::Path;

const TEXT: u16 = 2;
const SHORT: u16 = 3;
const RATIONAL: u16 = 5;

/// A field: tag, type, and its values as words of the type (two a fraction).
type Entry = (u16, u16, Vec<u64>);

fn text(tag: u16, text: &str) -> Entry {
    (tag, TEXT, text.bytes().chain([0]).map(u64::from).collect())
}

fn fractions(tag: u16, words: &[u64]) -> Entry {
    (tag, RATIONAL, words.to_vec())
}

/// A block in this byte order with the main, the Exif and the GPS directory.
fn block(little: bool, directories: [Vec<Entry>; 3]) -> Vec<u8> {
    let order = |value: u64, width: usize| {
        let bytes = value.to_le_bytes()[..width].to_vec();
        if little { bytes } else { bytes.into_iter().rev().collect() }
    };
    let mut out = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    out.extend(order(8, 4));
    let [mut main, exif, gps] = directories;
    let (exif_at, gps_at) = (4096u64, 8192u64);
    main.extend([(EXIF_IFD, 4, vec![exif_at]), (GPS_IFD, 4, vec![gps_at])]);
    for (entries, at) in [(main, 8), (exif, exif_at), (gps, gps_at)] {
        out.resize(at as usize, 0);
        out.extend(order(entries.len() as u64, 2));
        let mut values = Vec::new();
        let values_at = out.len() + 12 * entries.len() + 4;
        for (tag, kind, words) in entries {
            let (width, per_value) = match kind {
                SHORT | 8 => (2, 1),
                4 | 9 | 11 => (4, 1),
                RATIONAL | 10 => (4, 2),
                _ => (1, 1),
            };
            let data: Vec<u8> = words.iter().flat_map(|word| order(*word, width)).collect();
            out.extend([order(tag.into(), 2), order(kind.into(), 2)].concat());
            out.extend(order((words.len() / per_value) as u64, 4));
            if data.len() <= 4 {
                out.extend(data.iter().copied().chain([0; 4]).take(4));
            } else {
                out.extend(order((values_at + values.len()) as u64, 4));
                values.extend(data);
            }
        }
        out.extend([0; 4]);
        out.extend(values);
    }
    out
}

fn read(directories: [Vec<Entry>; 3]) -> ExifData {
    let both = [true, false].map(|little| ExifData::read(&block(little, directories.clone())));
    assert_eq!(both[0], both[1]);
    both[0].clone()
}

fn taken(entries: Vec<Entry>) -> (Option<i64>, Option<i64>) {
    let data = read([vec![], entries, vec![]]);
    (data.taken, data.taken_utc())
}

/// 2024-02-29 23:59:58 in microseconds.
const LEAP_DAY: i64 = 1_709_251_198_000_000;
const HOUR: i64 = 3_600_000_000;

#[test]
fn a_camera_s_fields_are_typed() {
    let data = read([
        vec![text(MAKE, "Canon  "), text(MODEL, "EOS R5"), (0x0112, SHORT, vec![6])],
        vec![
            text(DATE_TIME_ORIGINAL, "2024:02:29 23:59:58"),
            text(FRACTION_ORIGINAL, "12"),
            text(0x9011, "-03:30"),
            text(LENS_MODEL, "RF50mm F1.2 L USM"),
            (SENSITIVITY, SHORT, vec![400]),
            fractions(EXPOSURE_TIME, &[1, 8000]),
            fractions(F_NUMBER, &[12, 10]),
            fractions(FOCAL_LENGTH, &[50, 1]),
        ],
        vec![
            text(1, "S"),
            fractions(2, &[33, 1, 51, 1, 3555, 100]),
            text(3, "E"),
            fractions(4, &[151, 1, 12, 1, 40, 1]),
            (5, 1, vec![1]),
            fractions(6, &[125, 10]),
            text(0x12, "WGS-84"),
        ],
    ]);
    assert_eq!(
        (data.make.as_deref(), data.model.as_deref(), data.lens.as_deref()),
        (Some("Canon"), Some("EOS R5"), Some("RF50mm F1.2 L USM"))
    );
    assert_eq!((data.taken, data.offset), (Some(LEAP_DAY + 120_000), Some(-210)));
    assert_eq!(data.taken_utc(), Some(LEAP_DAY + 120_000 + 7 * HOUR / 2));
    assert_eq!((data.iso, data.orientation), (Some(400), Some(6)));
    assert_eq!(
        (data.exposure_time, data.f_number, data.focal_length),
        (Some(1.0 / 8000.0), Some(1.2), Some(50.0))
    );
    let (latitude, longitude) = data.position.unwrap();
    assert!((latitude + 33.859_875).abs() < 1e-12 && (longitude - 151.211_111_111).abs() < 1e-8);
    assert_eq!(data.altitude, Some(-12.5));
}

#[test]
fn dates_are_those_of_the_calendar() {
    let date = |t: &str| taken(vec![text(DATE_TIME_ORIGINAL, t)]).0;
    assert_eq!(date("1970:01:01 00:00:00"), Some(0));
    assert_eq!(date("1969:12:31 23:59:59"), Some(-1_000_000));
    assert_eq!(date("2024:02:29 23:59:58"), Some(LEAP_DAY));
    for other in ["2024-02-29T23:59:58", "2024/02/29 23:59:58", "2024.02.29 23:59:58 "] {
        assert_eq!(date(other), Some(LEAP_DAY), "{other}");
    }
    assert_eq!(date("2024-02-29 23:59:58.25"), Some(LEAP_DAY + 250_000));
    let nonsense = [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2023:02:29 10:00:00",
        "1900:02:29 10:00:00",
        "2024:13:01 00:00:00",
        "2024:00:10 00:00:00",
        "2024:04:31 00:00:00",
        "2024:04:30 24:00:00",
        "2024:04:30 23:60:00",
        "2024:04:30",
        "2024:04:30   :  :  ",
        "20240430 235958",
        "2024:04:30 -1:00:00",
        "29.02.2024 23:59:58",
        "",
    ];
    for text in nonsense {
        assert_eq!(date(text), None, "{text}");
    }
}

#[test]
fn utc_is_known_only_with_the_zone_of_that_time() {
    let original = || text(DATE_TIME_ORIGINAL, "2024:02:29 23:59:58");
    assert_eq!(taken(vec![original()]), (Some(LEAP_DAY), None));
    for (zone, utc) in [("+01:00", -HOUR), ("-0800", 8 * HOUR), ("Z", 0), ("+14:00", -14 * HOUR)] {
        assert_eq!(taken(vec![original(), text(0x9011, zone)]).1, Some(LEAP_DAY + utc), "{zone}");
    }
    for zone in ["   :  ", "+15:00", "+01:60", "01:00", "+1", "+aa:bb", "CET"] {
        assert_eq!(taken(vec![original(), text(0x9011, zone)]), (Some(LEAP_DAY), None), "{zone}");
    }
    // The zone of the last change is that of the shot only where nothing was changed since.
    let changed = |date: &str| {
        let zone = vec![original(), text(0x9010, "+01:00")];
        read([vec![text(0x0132, date)], zone, vec![]]).taken_utc()
    };
    assert_eq!(changed("2024:02:29 23:59:58"), Some(LEAP_DAY - HOUR));
    assert_eq!(changed("2025:01:01 00:00:00"), None);
    // Dates of scanning and of changes are no dates of taking.
    let other = vec![text(0x9004, "2024:02:29 23:59:58"), text(0x9012, "+01:00")];
    assert_eq!(taken(other), (None, None));
}

#[test]
fn fractions_of_a_second_are_decimals() {
    let fraction = |digits: &str| {
        let entries = vec![text(DATE_TIME_ORIGINAL, "1970:01:01 00:00:00"), text(FRACTION_ORIGINAL, digits)];
        taken(entries).0
    };
    for (digits, want) in
        [("5", 500_000), ("05", 50_000), ("123456789", 123_456), ("70  ", 700_000), ("x", 0)]
    {
        assert_eq!(fraction(digits), Some(want), "{digits}");
    }
}

#[test]
fn a_full_iso_field_defers_to_the_named_one() {
    let iso = |entries: Vec<Entry>| read([vec![], entries, vec![]]).iso;
    let full = || (SENSITIVITY, SHORT, vec![65535]);
    let long = |tag, value| (tag, 4, vec![value]);
    let kind = |value| (SENSITIVITY_TYPE, SHORT, vec![value]);
    assert_eq!(iso(vec![full()]), None);
    assert_eq!(iso(vec![full(), kind(2), long(EXPOSURE_INDEX, 102_400)]), Some(102_400));
    assert_eq!(iso(vec![full(), kind(1), long(EXPOSURE_INDEX, 102_400)]), None);
    assert_eq!(iso(vec![full(), kind(7), long(STANDARD_OUTPUT, 0), long(ISO_SPEED, 80_000)]), Some(80_000));
    assert_eq!(iso(vec![(SENSITIVITY, SHORT, vec![200, 0])]), Some(200));
    assert_eq!(iso(vec![(SENSITIVITY, SHORT, vec![0])]), None);
}

#[test]
fn values_that_say_nothing_are_absent() {
    let data = read([
        vec![text(MAKE, "   \n"), text(MODEL, "----")],
        vec![
            fractions(EXPOSURE_TIME, &[1, 0]),
            fractions(F_NUMBER, &[0, 10]),
            fractions(FOCAL_LENGTH, &[0xFFFF_FFFF, 1]),
            (LENS_MODEL, SHORT, vec![7, 7]),
        ],
        vec![],
    ]);
    assert_eq!(data, ExifData::default());
}

#[test]
fn texts_are_cleaned() {
    let make = |bytes: &[u8], kind: u16| {
        let words = bytes.iter().map(|b| u64::from(*b)).collect();
        read([vec![(MAKE, kind, words)], vec![], vec![]]).make
    };
    assert_eq!(make(b"  Nikon\t\r\n \0\0rest", TEXT).as_deref(), Some("Nikon"));
    assert_eq!(make(b"no end", TEXT).as_deref(), Some("no end"));
    assert_eq!(make("Šköda".as_bytes(), 129).as_deref(), Some("Šköda"));
    assert_eq!(make(b"caf\xe9", TEXT).as_deref(), Some("café"));
    assert_eq!(make(b"\0\0\0\0\0", TEXT), None);
}

#[test]
fn positions_need_both_sides_and_the_right_datum() {
    let north = || fractions(2, &[48, 1, 5123, 100, 0, 0]);
    let east = || fractions(4, &[11, 1, 30, 1, 0, 1]);
    let gps = |entries: Vec<Entry>| read([vec![], vec![], entries]).position;
    let all = |datum: &str| vec![text(1, "N"), north(), text(3, "w"), east(), text(0x12, datum)];
    let (latitude, longitude) = gps(all("WGS 84")).unwrap();
    assert!((latitude - (48.0 + 51.23 / 60.0)).abs() < 1e-12 && longitude == -11.5);
    assert_eq!(gps(all("TOKYO")), None);
    assert!(gps(all("")).is_some());
    assert_eq!(gps(vec![north(), text(3, "E"), east()]), None);
    assert_eq!(gps(vec![text(1, "N"), north()]), None);
    assert_eq!(gps(vec![text(1, "E"), north(), text(3, "E"), east()]), None);
    let at = |words: &[u64]| gps(vec![text(1, "N"), fractions(2, words), text(3, "E"), east()]);
    assert_eq!(at(&[0, 0, 0, 0, 0, 0]), None);
    assert_eq!(at(&[91, 1, 0, 1, 0, 1]), None);
    assert_eq!(at(&[48, 1, 61, 1, 0, 1]), None);
    assert_eq!(at(&[48, 1]), None);
    let nowhere = || [0, 1, 0, 1, 0, 1];
    assert_eq!(
        gps(vec![text(1, "N"), fractions(2, &nowhere()), text(3, "E"), fractions(4, &nowhere())]),
        None
    );
}

#[test]
fn altitudes_have_their_side() {
    let altitude = |entries: Vec<Entry>| read([vec![], vec![], entries]).altitude;
    assert_eq!(altitude(vec![fractions(6, &[25, 2])]), Some(12.5));
    assert_eq!(altitude(vec![(5, 1, vec![0]), fractions(6, &[25, 2])]), Some(12.5));
    assert_eq!(altitude(vec![(5, 1, vec![1]), fractions(6, &[25, 2])]), Some(-12.5));
    assert_eq!(
        altitude(vec![(5, 1, vec![1]), fractions(6, &[0, 1])]).map(f64::to_bits),
        Some(0.0f64.to_bits())
    );
    assert_eq!(altitude(vec![fractions(6, &[25, 0])]), None);
}

#[test]
fn damaged_blocks_give_what_can_be_read() {
    let whole = block(
        false,
        [
            vec![text(MAKE, "Nikon Corporation")],
            vec![text(DATE_TIME_ORIGINAL, "2024:02:29 23:59:58")],
            vec![text(1, "N"), fractions(2, &[1, 1, 2, 1, 3, 1]), text(3, "E"), fractions(4, &[1; 6])],
        ],
    );
    for cut in 0..whole.len() {
        ExifData::read(&whole[..cut]);
        let mut flipped = whole.clone();
        flipped[cut] ^= 0x81;
        ExifData::read(&flipped);
    }
    assert_eq!(ExifData::read(&whole[..4096]).make.as_deref(), Some("Nikon Corporation"));
    assert_eq!(ExifData::read(b"Exif\0\0nonsense"), ExifData::default());
    assert_eq!(ExifData::read(b""), ExifData::default());
}

/// Values as exiftool 12.57 prints them (`-n`).
#[test]
fn cameras_files_read_as_exiftool_does() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cases/makernote-tiff");
    let read = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).ok()?;
        let limits = Limits { max_pixels: 1 << 24, max_bytes: 1 << 28, strict: false };
        Some(ExifData::read(&decode(&bytes, Path::new(name), &limits).unwrap().meta.exif.unwrap()))
    };
    let (Some(canon), Some(olympus)) = (read("Canon.jpg"), read("Olympus.jpg")) else {
        println!("skipped: ../shared/data/cases is not there");
        return;
    };
    let want = ExifData {
        taken: Some(1_070_520_412_000_000),
        make: Some("Canon".into()),
        model: Some("Canon EOS DIGITAL REBEL".into()),
        iso: Some(100),
        exposure_time: Some(4.0),
        f_number: Some(14.0),
        focal_length: Some(34.0),
        orientation: Some(1),
        ..ExifData::default()
    };
    assert_eq!(canon, want);
    let want = ExifData {
        taken: Some(944_498_320_000_000),
        make: Some("OLYMPUS OPTICAL CO.,LTD".into()),
        model: Some("C2000Z".into()),
        iso: Some(100),
        exposure_time: Some(1.0 / 30.0),
        f_number: Some(2.0),
        focal_length: Some(7.0),
        orientation: Some(1),
        ..ExifData::default()
    };
    assert_eq!(olympus, want);
}
