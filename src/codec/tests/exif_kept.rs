//! EXIF through other containers and other sizes: maker notes, sizes, resolution.

use super::*;
use crate::codec::exif::{Block, Fields};

/// The files of a folder of cases; skipped where it is not there.
fn cases(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    files(&format!("cases/{name}"))
}

fn maker_note(block: &[u8]) -> Option<(u32, Vec<u8>)> {
    let fields = Fields::parse(block)?;
    Some((fields.note_at?, fields.exif.into_iter().find(|field| field.tag == 0x927C)?.data))
}

#[test]
fn maker_notes_stay_at_their_place_through_tiff_and_back() {
    for (path, bytes) in cases("makernote-tiff") {
        let Decoded { image, meta, source, .. } = decode(&bytes, &path, &LIMITS).unwrap();
        let note = maker_note(meta.exif.as_deref().unwrap());
        assert!(note.as_ref().is_some_and(|(_, note)| note.len() > 100), "{}", path.shown());
        for format in [Format::Tiff, Format::Png, Format::WebP, Format::Jpeg] {
            let file = encode(&image, &meta, Some(&source), &EncodeOptions::new(format)).unwrap();
            assert_eq!(file.notes, Vec::<String>::new(), "{} {}", path.shown(), format.name());
            let back = decoded(&file.bytes, format);
            assert_eq!(maker_note(back.meta.exif.as_deref().unwrap()), note, "{}", format.name());
            if format == Format::Tiff {
                // All but the pointer to the directory, the sizes, and the thumbnail of the old picture.
                let mut meta = meta.clone();
                meta.for_size(image.width, image.height);
                let block = meta.exif.unwrap();
                assert!(file.bytes[8..block.len()] == block[8..], "{}", path.shown());
                let again = encoded(&back.image, &back.meta, Format::Jpeg);
                let again = decoded(&again.bytes, Format::Jpeg).meta.exif.unwrap();
                assert_eq!(maker_note(&again), note, "{}", path.shown());
            }
        }
    }
}

#[test]
fn a_unitless_jfif_density_does_not_beat_exif() {
    for (path, bytes) in cases("jfif-density") {
        let Decoded { image, meta, source, .. } = decode(&bytes, &path, &LIMITS).unwrap();
        for format in [Format::Tiff, Format::Png] {
            let file = encode(&image, &meta, Some(&source), &EncodeOptions::new(format)).unwrap();
            let density = decoded(&file.bytes, format).meta.density.unwrap().in_unit(DensityUnit::PerInch);
            let right = |v: f64| (v - 300.0).abs() < 0.01;
            assert!(right(density.x) && right(density.y), "{} {density:?}", format.name());
            assert_eq!(density.unit, DensityUnit::PerInch);
        }
    }
}

#[test]
fn sizes_in_exif_follow_an_upscaled_picture() {
    for (path, bytes) in cases("ifd0-size") {
        let Decoded { mut meta, source, .. } = decode(&bytes, &path, &LIMITS).unwrap();
        meta.set_orientation(1);
        let image = Image::new(130, 70, 3, Depth::U8);
        for format in [Format::Jpeg, Format::Png, Format::Tiff, Format::WebP] {
            let file = encode(&image, &meta, Some(&source), &EncodeOptions::new(format)).unwrap();
            // A TIFF is a block itself; what its reader hands on has no sizes of the file.
            let block = match format {
                Format::Tiff => file.bytes,
                _ => decoded(&file.bytes, format).meta.exif.unwrap(),
            };
            let block = Block::new(&block).unwrap();
            let [main, exif, ..] = block.directories().map(Option::unwrap_or_default);
            let number = |directory, tag| block.number_of(directory, tag);
            let name = format.name();
            assert_eq!((number(main, 256), number(main, 257)), (Some(130), Some(70)), "{name}");
            assert_eq!((number(exif, 0xA002), number(exif, 0xA003)), (Some(130), Some(70)), "{name}");
        }
    }
}
