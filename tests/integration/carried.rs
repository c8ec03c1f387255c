//! JPEGs that once lost what they carry, with their right values; skipped where the shared cases are not there.

use crate::support::shared;
use safelight::codec::{Decoded, EncodeOptions, Encoded, Format, Limits, Loss, decode, encode};
use std::fs;
use std::path::{Path, PathBuf};

const LIMITS: Limits = Limits { max_pixels: 1 << 26, max_bytes: 1 << 30, strict: false };

fn case(name: &str) -> Option<(Vec<u8>, PathBuf)> {
    let path = shared("data/cases").map(|cases| cases.join(name))?;
    Some((fs::read(&path).unwrap(), path))
}

fn read(bytes: &[u8], path: &Path) -> Decoded {
    decode(bytes, path, &LIMITS).unwrap()
}

/// Read and written in a format.
fn through(bytes: &[u8], path: &Path, format: Format) -> Encoded {
    let Decoded { image, meta, source, .. } = read(bytes, path);
    encode(&image, &meta, Some(&source), &EncodeOptions::new(format)).unwrap()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The payloads of a JPEG's segments with this marker, up to the first scan.
fn segments(file: &[u8], marker: u8) -> Vec<Vec<u8>> {
    let (mut at, mut found) = (2, Vec::new());
    while let Some(&[0xFF, kind, high, low]) = file.get(at..).and_then(|rest| rest.first_chunk()) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        if kind == marker {
            found.push(file[at + 4..end].to_vec());
        }
        if kind == 0xDA {
            break;
        }
        at = end;
    }
    found
}

fn losses(file: &Encoded) -> Vec<Loss> {
    file.notes.iter().filter_map(|note| Loss::of(note)).collect()
}

#[test]
fn gain_maps_stay_behind_their_jpeg() {
    let Some((bytes, path)) = case("ultrahdr/ultrahdr.jpg") else { return };
    let gain_map = &bytes[bytes.len() - 430..];
    let file = through(&bytes, &path, Format::Jpeg);
    assert!(file.notes.is_empty() && file.bytes.ends_with(gain_map), "{:?}", file.notes);
    let list = segments(&file.bytes, 0xE2).into_iter().find(|s| s.starts_with(b"MPF\0")).unwrap();
    let number = |at: usize| u32::from_be_bytes(list[at..at + 4].try_into().unwrap()) as usize;
    // The second entry's size and offset, which counts from the list's header.
    let (size, offset) = (number(list.len() - 12), number(list.len() - 8));
    let header = file.bytes.windows(4).position(|window| window == b"MPF\0").unwrap() + 4;
    assert_eq!((size, &file.bytes[header + offset..]), (430, gain_map));
    let png = through(&bytes, &path, Format::Png);
    assert_eq!(losses(&png), [Loss::GainMap]);
    assert!(!holds(&png.bytes, b"hdrgm:Version") && !holds(&png.bytes, b"GainMap"));
}

#[test]
fn films_stay_where_their_claims_say() {
    for (name, bytes_of_film) in [("motion_google", 352), ("motion_samsung", 396)] {
        let Some((bytes, path)) = case(&format!("motion-photo/{name}.jpg")) else { return };
        let film = &bytes[bytes.len() - bytes_of_film..];
        let file = through(&bytes, &path, Format::Jpeg);
        assert!(file.notes.is_empty() && file.bytes.ends_with(film), "{name}: {:?}", file.notes);
        let png = through(&bytes, &path, Format::Png);
        assert_eq!(losses(&png), [Loss::Video], "{name}");
        assert!(!holds(&png.bytes, b"GCamera:M"), "{name}");
    }
}

#[test]
fn comments_are_the_same_bytes() {
    for name in ["com_latin1", "com_sjis"] {
        let Some((bytes, path)) = case(&format!("comment-encoding/{name}.jpg")) else { return };
        let comments = segments(&bytes, 0xFE);
        assert_eq!(comments.len(), 1);
        assert_eq!(segments(&through(&bytes, &path, Format::Jpeg).bytes, 0xFE), comments, "{name}");
    }
}

#[test]
fn profiles_in_odd_parts_are_kept() {
    let names = ["icc_dup", "icc_split_reversed", "icc_zero_based"];
    let profiles: Vec<_> = names
        .iter()
        .filter_map(|name| case(&format!("icc-duplicate/{name}.jpg")))
        .map(|(bytes, path)| read(&bytes, &path).meta.icc.unwrap())
        .collect();
    for profile in &profiles {
        assert_eq!(u32::from_be_bytes(profile[..4].try_into().unwrap()) as usize, profile.len());
        assert_eq!(profile, &profiles[0]);
    }
}

#[test]
fn blocks_over_several_segments_are_joined() {
    let Some((bytes, path)) = case("xmp-exif-segments/xmp_extended.jpg") else { return };
    let joined = through(&bytes, &path, Format::Png);
    assert!(joined.notes.is_empty() && !holds(&joined.bytes, b"HasExtendedXMP"), "{:?}", joined.notes);
    assert!(holds(&joined.bytes, b"photoshop:History") && holds(&joined.bytes, b"image/jpeg"));
    let same = through(&bytes, &path, Format::Jpeg);
    assert!(same.notes.is_empty() && holds(&same.bytes, b"HasExtendedXMP"));
    assert!(holds(&same.bytes, b"11EB7752EC72D7EBA385A1A4517CDB85"));
    let Some((bytes, path)) = case("xmp-exif-segments/multiple_exif.jpg") else { return };
    let exif = read(&bytes, &path).meta.exif.unwrap();
    assert!(holds(&exif, b"firstsecond\0"));
}

#[test]
fn every_segment_and_trailer_is_kept_or_noted() {
    let kept: [(&str, &[u8]); 3] =
        [("FLIR", b"FLIR\0"), ("PhotoMechanic", b"cbipcbbl"), ("app_other", b"SAMSUNGqqqq")];
    for (name, part) in kept {
        let Some((bytes, path)) = case(&format!("other-segments/{name}.jpg")) else { return };
        assert!(holds(&through(&bytes, &path, Format::Jpeg).bytes, part), "{name}");
        let png = through(&bytes, &path, Format::Png);
        assert!(!holds(&png.bytes, part) && !losses(&png).is_empty(), "{name}: {:?}", png.notes);
    }
    for (name, told) in [("AFCP", "AFCP"), ("app_other", "JUMBF")] {
        let Some((bytes, path)) = case(&format!("other-segments/{name}.jpg")) else { return };
        let notes = through(&bytes, &path, Format::Jpeg).notes;
        assert!(
            notes.iter().any(|note| note.starts_with("lost") && note.contains(told)),
            "{name}: {notes:?}"
        );
    }
}
