//! Promises on written files: the block at the beginning, what is carried, noted, and in which form.

use super::*;
use crate::codec::exif::{Field, set_size};
use crate::codec::{Decoded, Limits, Text, decode};
use crate::image::Samples;

const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 30, strict: true };

fn field(tag: u16, kind: u16, data: &[u8]) -> Field {
    Field { tag, kind, data: data.to_vec() }
}

/// A camera's block whose maker note is a directory that counts from the block's beginning.
fn camera(big_endian: bool) -> Vec<u8> {
    let fields = Fields {
        big_endian,
        main: vec![
            field(0x010F, 2, b"Canon\0"),
            field(0x9C9B, 1, b"t\0\0\0"),
            field(0xFEDC, 4, &[8, 0, 0, 0]),
        ],
        exif: vec![field(0x829A, 5, &[1, 0, 0, 0, 9, 0, 0, 0]), field(0x927C, 7, &[1, 0, 3, 0, 200, 0])],
        gps: vec![field(1, 2, b"N\0")],
        interop: vec![field(1, 2, b"R98\0")],
        note_at: Some(301),
        ..Fields::default()
    };
    fields.into_block().0
}

/// Larger than one strip; its last strip has fewer rows.
fn picture(channels: usize, depth: Depth, alpha: bool) -> Image {
    let (width, height) = (331, 401);
    let mut image = Image::new(width, height, channels, depth);
    let wave = |i: usize| (i as f32 * 0.013).sin() * 0.5 + 0.5;
    (0..image.samples.len()).for_each(|i| image.samples.set(i, wave(i)));
    image.alpha = alpha.then(|| {
        let mut plane = Samples::zeroed(depth, width * height);
        (0..plane.len()).for_each(|i| plane.set(i, wave(i / 3)));
        plane
    });
    image
}

fn written(image: &Image, meta: &mut Metadata, big: bool) -> (Vec<u8>, Decoded) {
    let bytes = write(image, meta, &EncodeOptions::new(Format::Tiff), big).unwrap();
    let decoded = decode(&bytes, "a.tif".as_ref(), &LIMITS).unwrap();
    (bytes, decoded)
}

#[test]
fn a_file_begins_with_the_exif_block_byte_for_byte() {
    for big_endian in [false, true] {
        let block = camera(big_endian);
        for (channels, alpha) in [(1, false), (1, true), (3, false), (3, true)] {
            for depth in [Depth::U8, Depth::U16] {
                let image = picture(channels, depth, alpha);
                let mut meta = Metadata { exif: Some(block.clone()), ..Metadata::default() };
                let (bytes, back) = written(&image, &mut meta, false);
                assert_eq!((&bytes[..4], &bytes[8..block.len()]), (&block[..4], &block[8..]));
                assert!(back.image == image);
                assert_eq!(meta.lost(Format::Tiff), Vec::<String>::new());
                // The copied entries: all but a tag that may be an offset, for those who move it.
                let [new, mut old] = [&bytes, &block].map(|bytes| Fields::parse(bytes).unwrap());
                let orientation = field(exif::ORIENTATION, 3, &[1, 0]);
                old.main.insert(1, orientation);
                assert_eq!((&new.main, &new.exif, new.note_at), (&old.main, &old.exif, Some(301)));
                assert_eq!((&new.gps, &new.interop), (&old.gps, &old.interop));
                assert_eq!(new.lost, [(Loss::Metadata, "tag 65244".to_owned())]);
                let read = Block::new(&bytes).unwrap();
                let main = read.main().unwrap();
                assert_eq!(read.number_of(main, 0xFEDC), Some(8));
            }
        }
    }
}

#[test]
fn a_bigtiff_holds_the_same_but_notes_that_cannot_move() {
    for big_endian in [false, true] {
        for (alpha, depth) in [(false, Depth::U8), (true, Depth::U16)] {
            let image = picture(3, depth, alpha);
            let mut meta = Metadata {
                exif: Some(camera(big_endian)),
                xmp: Some(b"<x:xmpmeta/>".to_vec()),
                ..Metadata::default()
            };
            let (bytes, back) = written(&image, &mut meta, true);
            assert_eq!(&bytes[..4], if big_endian { b"MM\0+" } else { b"II+\0" });
            assert!(back.image == image);
            assert_eq!(back.meta.xmp.as_deref(), Some(&b"<x:xmpmeta/>"[..]));
            let notes = meta.lost(Format::Tiff);
            assert!(notes.iter().any(|note| note.contains("maker notes")), "{notes:?}");
            assert!(notes.iter().any(|note| note.contains("tag 65244")), "{notes:?}");
        }
    }
}

#[test]
fn damaged_blocks_leave_what_can_be_read() {
    let image = picture(1, Depth::U8, false);
    let block = camera(true);
    for cut in (0..block.len()).step_by(5) {
        let mut meta = Metadata { exif: Some(block[..cut].to_vec()), ..Metadata::default() };
        let (bytes, back) = written(&image, &mut meta, false);
        assert!(back.image == image);
        assert!(Block::new(&bytes).unwrap().is_whole(), "cut at {cut}");
        assert!(meta.lost(Format::Tiff).iter().any(|note| note.contains("damaged")), "cut at {cut}");
    }
}

#[test]
fn a_comment_becomes_the_description_where_there_is_none() {
    let text = |keyword: &str, bytes: &[u8], encoding| Text::new(keyword, bytes.to_vec(), encoding);
    let described = Fields { main: vec![field(IMAGE_DESCRIPTION, 2, b"old\0")], ..Fields::default() };
    for (comment, encoding, exif, want) in [
        (&b"plain"[..], TextEncoding::Unknown, None, Some(&b"plain\0"[..])),
        ("gr\u{fc}n".as_bytes(), TextEncoding::Unknown, None, Some("gr\u{fc}n\0".as_bytes())),
        (b"gr\xfcn", TextEncoding::Unknown, None, None),
        (b"gr\xfcn", TextEncoding::Latin1, None, None),
        (b"nul\0", TextEncoding::Utf8, None, None),
        (b"plain", TextEncoding::Utf8, Some(described.clone()), Some(b"old\0")),
    ] {
        let block = exif.map(|fields| fields.into_block().0);
        let texts = vec![text("Comment", comment, encoding), text("Comment", b"second", TextEncoding::Utf8)];
        let mut meta = Metadata { exif: block, texts, ..Metadata::default() };
        let (bytes, _) = written(&picture(1, Depth::U8, false), &mut meta, false);
        let fields = Fields::parse(&bytes).unwrap().main;
        let found =
            fields.iter().find(|field| field.tag == IMAGE_DESCRIPTION).map(|field| field.data.as_slice());
        let taken = want.is_some_and(|want| want.starts_with(comment));
        assert_eq!(found, want.or(Some(b"second\0")), "{comment:?}");
        assert_eq!(meta.texts.len(), if taken || want.is_none() { 1 } else { 2 }, "{comment:?}");
    }
}

#[test]
fn the_resolution_that_has_a_unit_counts() {
    let ratio = |value: u32| [value.to_le_bytes(), 1u32.to_le_bytes()].concat();
    let main = vec![field(282, 5, &ratio(300)), field(283, 5, &ratio(300)), field(296, 3, &[2, 0])];
    // Resolution is a part of its own, so that only whole blocks have it among their fields.
    let mut block = Fields { main, ..Fields::default() }.into_block().0;
    set_size(&mut block, 1, 1);
    let density = |x, unit| Density { x, y: x, unit };
    let in_block = Some(density(300.0, DensityUnit::PerInch));
    for (container, exif, want) in [
        (None, Some(block.clone()), in_block),
        (Some(density(1.0, DensityUnit::Aspect)), Some(block.clone()), in_block),
        (Some(density(28.5, DensityUnit::PerCentimetre)), Some(block), None),
        (Some(density(2.0, DensityUnit::Aspect)), None, None),
    ] {
        let mut meta = Metadata { exif, density: container, ..Metadata::default() };
        let (_, back) = written(&picture(1, Depth::U8, false), &mut meta, false);
        assert_eq!(back.meta.density, want.or(container));
        assert_eq!(meta.density, None);
    }
}

#[test]
fn tags_that_are_no_longer_true_are_told() {
    let copied = field(0xC4A5, 7, b"PrintIM\x000300\0\0");
    let mut fields = Fields { main: vec![copied.clone(), field(33550, 12, &[0; 24])], ..Fields::default() };
    fields.main.push(field(50706, 1, &[1, 4, 0, 0]));
    let mut meta = Metadata { exif: Some(fields.into_block().0), ..Metadata::default() };
    let (bytes, _) = written(&picture(1, Depth::U8, false), &mut meta, false);
    let main = Fields::parse(&bytes).unwrap().main;
    assert_eq!(main, [field(exif::ORIENTATION, 3, &[1, 0]), copied]);
    let notes = meta.lost(Format::Tiff);
    assert!(
        notes.iter().any(|note| note.contains("GeoTIFF")) && notes.iter().any(|note| note.contains("DNG"))
    );
}
