//! Files of `tests/data` against what `djxl` makes of them.

use super::*;
use crate::codec::{Limits, probe};
use std::io::Cursor;
use std::path::Path;

const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 28, strict: false };

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn decoded(name: &str) -> Decoded {
    crate::codec::decode(&read(name), Path::new(name), &LIMITS).unwrap()
}

#[test]
fn pictures_are_those_of_other_readers() {
    for (name, lossless) in
        [("turned.jxl", false), ("multiplied.jxl", true), ("wide.jxl", true), ("gray.jxl", true)]
    {
        let (found, expected) = (decoded(name), decoded(&format!("{name}.png")));
        let same = found.image.samples == expected.image.samples && found.image.alpha == expected.image.alpha;
        assert!(same, "{name}");
        assert_eq!(found.image.width, expected.image.width);
        assert_eq!(found.source.lossless, lossless, "{name}");
        // The first was a JPEG, of which more may have been there.
        let told = found.meta.extras.len();
        assert!(found.source.notes.is_empty() && told == usize::from(!lossless), "{name}");
    }
}

#[test]
fn what_stands_beside_the_picture_is_kept() {
    let turned = decoded("turned.jxl");
    assert_eq!((turned.image.width, turned.image.height, turned.meta.orientation), (27, 37, 1));
    let exif = turned.meta.exif.as_deref().unwrap();
    assert!(exif.windows(5).any(|text| text == b"Maker"));
    assert_eq!(crate::codec::exif::orientation(exif), Some(1));
    assert_eq!(turned.meta.icc, None);
    assert_eq!(decoded("wide.jxl").meta.colour.unwrap().cicp, Some([11, 13, 0, 1]));
}

#[test]
fn boxes_that_nothing_carries_are_told() {
    let mut file = read("turned.jxl");
    for (kind, data) in [(b"jhgm", b"gain".as_slice()), (b"brob", b"jumbxx"), (b"own ", b"")] {
        file.extend((8 + data.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(data);
    }
    let mut meta = Metadata::default();
    told(&boxes(&file), &mut meta);
    let told: Vec<Loss> = meta.extras.iter().map(|extra| extra.loss).collect();
    // It was a JPEG, of which more may have been there.
    assert_eq!(told, [Loss::Metadata, Loss::GainMap, Loss::Metadata, Loss::Data]);
}

#[test]
fn frames_are_counted_and_come_one_after_another() {
    let bytes = read("disposals.jxl");
    let header = probe(Cursor::new(&bytes), Path::new("a.jxl")).unwrap();
    assert!(header.animated && header.pictures == 6);
    let expected = decoded("disposals.jxl.png").image;
    let frames: Vec<Image> = frames(&bytes, &header).unwrap().collect::<Result<_, _>>().unwrap();
    let alpha: Vec<u8> = frames.iter().flat_map(|frame| pack::to_u8(frame.alpha.as_ref().unwrap())).collect();
    assert_eq!(Some(Samples::U8(alpha)), expected.alpha);
}

#[test]
fn damage_is_no_panic() {
    for name in ["turned.jxl", "gray.jxl"] {
        let bytes = read(name);
        for end in (0..bytes.len() - 1).step_by(5) {
            let cut = crate::codec::decode(&bytes[..end], Path::new(name), &LIMITS);
            assert!(cut.is_err(), "{name} cut at {end}");
        }
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            let _ = crate::codec::decode(&changed, Path::new(name), &LIMITS);
        }
    }
}

#[test]
fn what_stands_behind_the_picture_is_told() {
    for name in ["turned.jxl", "multiplied.jxl", "wide.jxl", "gray.jxl", "disposals.jxl"] {
        let file = read(name);
        let read = |file: &[u8]| crate::codec::decode(file, Path::new(name), &LIMITS).unwrap();
        let whole = read(&file);
        let mut behind = vec![b"PK\x03\x04".repeat(20), b"\xff\xd8\xff\xe0more".to_vec(), b"x".to_vec()];
        // Seems to be a box of whatever size.
        behind.push(b"\0\0\x40\0\x01\x02\x03\x04 and more".to_vec());
        for behind in behind {
            let found = read(&[&file, behind.as_slice()].concat());
            assert_eq!(found.image, whole.image, "{name}");
            let told: Vec<&str> = found.meta.extras.iter().map(|extra| extra.what.as_str()).collect();
            let wanted = format!("{} bytes behind its end", behind.len());
            assert!(told.iter().any(|what| what.starts_with(&wanted)), "{name}: {told:?}");
            assert_eq!(found.meta.extras.len(), whole.meta.extras.len() + 1, "{name}: {told:?}");
        }
        let filled = read(&[file.as_slice(), &[0; 30]].concat());
        assert_eq!(filled.meta.extras, whole.meta.extras, "{name}");
    }
    // A box of the container that is cut.
    let mut file = read("turned.jxl");
    file.extend(b"\0\0\0\x40xml <x:xmp");
    let cut = crate::codec::decode(&file, Path::new("a.jxl"), &LIMITS).unwrap();
    assert!(cut.source.notes.iter().any(|note| note.contains("within a box")), "{:?}", cut.source.notes);
}
