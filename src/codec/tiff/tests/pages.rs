//! Pages, and what a directory says beside the picture.

use super::file::pages;
use super::*;
use crate::codec::exif::{Field, Fields};

fn gray(value: u8) -> Tiff {
    Tiff::new(1, 1, 1, &[8]).chunk(vec![value])
}

#[test]
fn each_page_is_decoded_and_thumbnails_are_none() {
    let reduced = gray(1).with(254, 4, &[1]);
    let mask = Tiff::new(1, 1, 4, &[1]).with(254, 4, &[4]).chunk(vec![0x80]);
    let bytes = pages(&[gray(10), reduced.clone(), gray(20).with(254, 4, &[2]), mask, gray(30)]);
    for (picture, value) in [(0, 10), (1, 20), (2, 30)] {
        let header = probe_picture(Cursor::new(&bytes), Path::new("a.tif"), picture).unwrap();
        assert_eq!((header.picture, header.pictures, header.animated), (picture, 3, false));
        let decoded = read_page(&bytes, picture).unwrap();
        assert_eq!(u8s(&decoded.image.samples), [value]);
        assert_eq!(lost(&decoded, Loss::Pictures).len(), 2);
        let kept = decoded.source.notes.iter().any(|note| note == "lost pages: the first of 3 is kept");
        assert_eq!(kept, picture == 0, "{:?}", decoded.source.notes);
    }
    let error = read_page(&bytes, 3).unwrap_err().to_string();
    assert!(error.contains("page 4 of it; it has 3"), "{error}");
    // A picture that says that it is reduced is one where there is no other.
    assert_eq!(u8s(&read(&reduced.bytes()).unwrap().image.samples), [1]);
}

#[test]
fn a_chain_that_leads_nowhere_or_round_is_a_fault() {
    let bytes = pages(&[gray(10), gray(20)]);
    let chain = |next: u32| {
        let mut bytes = bytes.clone();
        // The second directory's link is its last four bytes.
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&next.to_le_bytes());
        bytes
    };
    let first = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
    for (next, what) in [(first, "back to an earlier"), (0xFFFF_FF00, "out of the file")] {
        let decoded = read(&chain(next)).unwrap();
        assert_eq!(u8s(&decoded.image.samples), [10]);
        assert!(decoded.source.notes.iter().any(|note| note.contains(what)), "{:?}", decoded.source.notes);
        let header = probe_picture(Cursor::new(chain(next)), Path::new("a.tif"), 0).unwrap();
        // Who wants each page must learn that some are missing.
        let cut = next != first;
        let told = decoded
            .source
            .notes
            .iter()
            .any(|note| Loss::of(note) == Some(Loss::Pages) && note.contains("cut short"));
        assert_eq!(told, cut, "{:?}", decoded.source.notes);
        let all = crate::codec::probe_pages(Cursor::new(chain(next)), Path::new("a.tif"));
        assert_eq!(matches!(all, Err(CodecError::Damaged { .. })), cut, "{all:?}");
        let strict = Limits { strict: true, ..LIMITS };
        assert!(decode_probed(&chain(next), &header, Path::new("a.tif"), &strict).is_err());
    }
}

#[test]
fn descriptive_tags_resolution_and_orientation_also_of_big_tiffs_and_later_pages() {
    let text: Vec<u64> = b"Maker\0".iter().map(|&byte| byte.into()).collect();
    for big_endian in [false, true] {
        let described = |tiff: Tiff| {
            let tiff = tiff.with(271, 2, &text).with(274, 3, &[6]);
            tiff.with(282, 5, &[300, 1]).with(283, 5, &[600, 2]).with(296, 3, &[2])
        };
        let tiff = if big_endian { gray(9).big_endian() } else { gray(9) };
        let files = [
            (described(tiff.clone()).bytes(), 0),
            (described(tiff.clone()).big_tiff(), 0),
            (pages(&[tiff.clone(), described(tiff)]), 1),
        ];
        for (bytes, picture) in files {
            let meta = read_page(&bytes, picture).unwrap().meta;
            let density = meta.density.unwrap();
            assert_eq!((density.x, density.y, meta.orientation), (300.0, 300.0, 6));
            let fields = Fields::parse(meta.exif.as_deref().unwrap()).unwrap();
            assert_eq!(fields.main[0], Field { tag: 271, kind: 2, data: b"Maker\0".to_vec() });
            assert!(meta.extras.is_empty(), "{:?}", meta.extras);
        }
    }
}

#[test]
fn every_tag_that_nobody_carries_is_told() {
    let told = |tiff: Tiff| {
        let extras = read(&tiff.bytes()).unwrap().meta.extras;
        extras.into_iter().map(|extra| extra.loss.note(extra.what)).collect::<Vec<_>>()
    };
    assert_eq!(told(gray(1).with(37724, 7, &[1])), ["lost layers or channels: Photoshop layers"]);
    assert_eq!(told(gray(1).with(34735, 3, &[1]).with(33550, 12, &[0])), ["lost metadata: GeoTIFF tags"]);
    assert_eq!(told(gray(1).with(65000, 4, &[1])), ["lost metadata: tag 65000"]);
    let many = (65000..65010).fold(gray(1), |tiff, tag| tiff.with(tag, 4, &[1]));
    let eight = "65000, 65001, 65002, 65003, 65004, 65005, 65006, 65007";
    assert_eq!(told(many), [format!("lost metadata: tags {eight} and 2 more")]);
    assert_eq!(told(gray(1).with(318, 5, &[1, 3, 1, 3])), ["lost colour space: white point and primaries"]);
    assert_eq!(told(gray(1).with(318, 5, &[3127, 10000, 3290, 10000])), Vec::<String>::new());
    assert_eq!(told(gray(1).with(34675, 7, &[1, 2, 3]).with(318, 5, &[1, 3, 1, 3])), Vec::<String>::new());
}

#[test]
fn an_orientation_is_known_where_nothing_else_is_said() {
    for (value, wanted) in [(1, Some(1)), (6, Some(6)), (9, None)] {
        let tiff = gray(1).with(274, 3, &[value]);
        for bytes in [tiff.bytes(), tiff.big_tiff()] {
            let meta = read(&bytes).unwrap().meta;
            assert_eq!(crate::codec::ExifData::of(&meta).orientation, wanted);
            assert_eq!(meta.exif.is_some(), value != 1, "{value}");
        }
    }
    assert_eq!(crate::codec::ExifData::of(&read(&gray(1).bytes()).unwrap().meta).orientation, None);
}
