//! Files of `tests/data` against what `avifdec` and libheif make of them.

use super::*;
use crate::codec::{DensityUnit, Loss};
use crate::codec::{Limits, probe};
use crate::image::Image;
use std::io::Cursor;
use std::path::Path;

const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 28, strict: false };

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn decoded(name: &str) -> Decoded {
    crate::codec::decode(&read(name), Path::new(name), &LIMITS).unwrap()
}

/// Largest difference in 8-bit steps, of colours only where they are seen.
fn difference(ours: &Image, theirs: &Image) -> f32 {
    assert_eq!((ours.width, ours.height, ours.channels), (theirs.width, theirs.height, theirs.channels));
    assert_eq!((ours.depth(), ours.alpha.is_some()), (theirs.depth(), theirs.alpha.is_some()));
    let pixels = 0..ours.width * ours.height;
    let of = |pixel: usize| {
        let alpha = |image: &Image| image.alpha.as_ref().map_or(1.0, |alpha| alpha.get(pixel));
        let colour = |c: usize| {
            let at = pixel * ours.channels + c;
            (ours.samples.get(at) - theirs.samples.get(at)).abs() * alpha(ours)
        };
        (0..ours.channels).map(colour).fold((alpha(ours) - alpha(theirs)).abs(), f32::max)
    };
    pixels.map(of).fold(0.0, f32::max) * 255.0
}

#[test]
fn pictures_are_those_of_other_readers() {
    for (name, most) in [
        ("twelve.avif", 0.01),
        ("gray.avif", 0.01),
        ("multiplied.avif", 1.01),
        ("turned.avif", 1.01),
        ("cropped.avif", 1.01),
        ("tiles.avif", 1.01),
        ("television.avif", 1.01),
        ("ten.heic", 0.5),
        ("alpha.heic", 1.01),
        ("gray.heic", 0.01),
    ] {
        let expected = decoded(&format!("{name}.png"));
        let found = decoded(name);
        let by = difference(&found.image, &expected.image);
        assert!(by <= most, "{name}: {by}");
        assert!(!found.source.lossless && found.source.notes.is_empty(), "{name}: {:?}", found.source.notes);
    }
}

#[test]
fn what_stands_beside_the_picture_is_kept_or_told() {
    let found = decoded("described.heic");
    // Turned by its own box; EXIF must not turn it again.
    assert_eq!((found.image.width, found.image.height, found.meta.orientation), (27, 37, 1));
    let exif = found.meta.exif.as_deref().unwrap();
    assert!(exif.windows(5).any(|text| text == b"Maker"));
    assert_eq!(crate::codec::exif::orientation(exif), Some(1));
    assert_eq!(found.meta.xmp.as_deref(), Some(b"<x:xmpmeta/>".as_slice()));
    let several = decoded("two.heic");
    let told: Vec<_> = several.meta.extras.iter().map(|extra| (extra.loss, extra.what.as_str())).collect();
    assert_eq!(told, [(Loss::Pictures, "the first of 2 is kept")]);
}

#[test]
fn headers_agree_and_damage_is_no_panic() {
    for name in ["turned.avif", "tiles.avif", "alpha.heic", "described.heic"] {
        let bytes = read(name);
        let header = probe(Cursor::new(&bytes), Path::new(name)).unwrap();
        let image = decoded(name).image;
        assert_eq!((header.width as usize, header.height as usize), (image.width, image.height));
        for end in (0..bytes.len()).step_by(7) {
            let cut = crate::codec::decode(&bytes[..end], Path::new(name), &LIMITS);
            assert!(cut.is_err(), "{name} cut at {end}");
        }
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            // What comes of it is open; that it ends and is a value is not.
            let _ = crate::codec::decode(&changed, Path::new(name), &LIMITS);
        }
    }
}

#[test]
fn code_points_are_told_unless_they_are_those_of_srgb() {
    assert_eq!(decoded("turned.avif").meta.colour, None);
    // `nclx`, then primaries and transfer.
    let mut file = read("turned.avif");
    let at = file.windows(4).position(|name| name == b"nclx").unwrap();
    file[at + 5] = 12;
    let wide = crate::codec::decode(&file, Path::new("a.avif"), &LIMITS).unwrap();
    assert_eq!(wide.meta.colour.unwrap().cicp, Some([12, 13, 0, 1]));
}

#[test]
fn other_boxes_and_what_stands_behind_the_last_don_t_hinder() {
    for name in ["turned.avif", "gray.heic"] {
        let file = read(name);
        let whole = decoded(name);
        let read = |behind: &[u8]| {
            let file = [file.as_slice(), behind].concat();
            let found = crate::codec::decode(&file, Path::new(name), &LIMITS).unwrap();
            assert_eq!(found.image, whole.image, "{name}");
            assert_eq!(whole.meta.extras, []);
            found.meta.extras.into_iter().map(|extra| extra.what).collect::<Vec<_>>()
        };
        assert_eq!(read(b"\0\0\0\x0cfreexxxx"), [""; 0]);
        assert_eq!(read(b"\0\0\0\x0cownbxxxx"), ["box \"ownb\" (4 bytes)"]);
        assert_eq!(read(b"hello, you there"), ["16 bytes behind its end (data of an unknown kind)"]);
        assert_eq!(read(b"PK\x03\x04"), ["4 bytes behind its end (a ZIP archive)"]);
        assert_eq!(read(&[0; 20]), [""; 0]);
    }
}

#[test]
fn pixels_that_are_not_square_are_told() {
    assert_eq!(decoded("turned.avif").meta.density, None);
    for (name, wanted) in [("turned.avif", (1.0, 2.0)), ("ten.heic", (2.0, 1.0))] {
        let file = with_property(&read(name), b"pasp", &[0, 0, 0, 1, 0, 0, 0, 2]);
        let found = crate::codec::decode(&file, Path::new(name), &LIMITS).unwrap();
        assert_eq!(
            found.meta.density.map(|d| ((d.x, d.y), d.unit)),
            Some((wanted, DensityUnit::Aspect)),
            "{name}"
        );
        // As in other formats: PNG says it, what can't is noted.
        let options = crate::codec::EncodeOptions::new(Format::Png);
        let png = crate::codec::encode(&found.image, &found.meta, Some(&found.source), &options).unwrap();
        let back = crate::codec::decode(&png.bytes, Path::new("a.png"), &LIMITS).unwrap();
        assert_eq!(back.meta.density, found.meta.density);
    }
}

/// The file with one more property of its first picture in place of the pixels' kind (`pixi`), which nobody needs.
fn with_property(file: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = file.windows(4).position(|name| name == b"pixi").unwrap() - 4;
    let size = u32::from_be_bytes(*file[at..].first_chunk().unwrap()) as usize;
    assert!(size == 8 + data.len(), "{size}");
    file[at + 4..at + 8].copy_from_slice(kind);
    file[at + 8..at + 8 + data.len()].copy_from_slice(data);
    file
}
