//! Layouts of TIFF files, each against the picture that it must give.

use std::path::Path;

use super::super::{CodecError, Decoded, Limits, Loss, decode_probed, probe_picture};
use super::*;
use crate::image::{Image, Samples};
use file::{Tiff, deflate};

mod cases;
mod file;
mod pages;
mod refused;

const LIMITS: Limits = Limits { max_pixels: 1 << 24, max_bytes: 1 << 28, strict: false };

fn read_page(bytes: &[u8], picture: u32) -> Result<Decoded, CodecError> {
    let header = probe_picture(Cursor::new(bytes), Path::new("a.tif"), picture)?;
    decode_probed(bytes, &header, Path::new("a.tif"), &LIMITS)
}

fn read(bytes: &[u8]) -> Result<Decoded, CodecError> {
    read_page(bytes, 0)
}

fn picture(tiff: &Tiff) -> Image {
    read(&tiff.bytes()).unwrap().image
}

/// Notes of this kind that anything made of the file gets.
fn lost(decoded: &Decoded, loss: Loss) -> Vec<String> {
    decoded.meta.extras.iter().filter(|extra| extra.loss == loss).map(|extra| extra.what.clone()).collect()
}

fn u8s(samples: &Samples) -> &[u8] {
    match samples {
        Samples::U8(samples) => samples,
        other => panic!("{:?}", other.depth()),
    }
}

fn u16s(samples: &Samples) -> &[u16] {
    match samples {
        Samples::U16(samples) => samples,
        other => panic!("{:?}", other.depth()),
    }
}

/// A byte for each sample of a picture.
fn made(width: usize, height: usize, samples: usize) -> Vec<u8> {
    (0..width * height * samples).map(|i| (i * i / 3 + i * 7) as u8).collect()
}

#[test]
fn a_saved_selection_is_no_alpha_and_a_predictor_counts_it() {
    let pixels = made(5, 3, 4);
    let differences: Vec<u8> = pixels
        .chunks(20)
        .flat_map(|row| (0..20).map(|i| if i < 4 { row[i] } else { row[i].wrapping_sub(row[i - 4]) }))
        .collect();
    let tiff = |kind: u64| {
        Tiff::new(5, 3, 2, &[8; 4])
            .with(259, 3, &[8])
            .with(317, 3, &[2])
            .with(338, 3, &[kind])
            .chunk(deflate(&differences))
    };
    let colours: Vec<u8> = pixels.chunks(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
    let alpha: Vec<u8> = pixels.chunks(4).map(|pixel| pixel[3]).collect();
    let decoded = read(&tiff(0).bytes()).unwrap();
    assert_eq!((u8s(&decoded.image.samples), &decoded.image.alpha), (&colours[..], &None));
    assert_eq!(lost(&decoded, Loss::Layers), ["1 channel beside colour and alpha"]);
    let decoded = read(&tiff(2).bytes()).unwrap();
    assert_eq!(u8s(&decoded.image.samples), colours);
    assert_eq!(u8s(decoded.image.alpha.as_ref().unwrap()), alpha);
    assert!(decoded.meta.extras.is_empty());
}

#[test]
fn of_several_channels_the_first_alpha_is_kept() {
    let tiff = Tiff::new(1, 1, 1, &[8; 4]).with(338, 3, &[0, 2, 1]).chunk(vec![10, 20, 30, 40]);
    let decoded = read(&tiff.bytes()).unwrap();
    assert_eq!(u8s(&decoded.image.samples), [10]);
    assert_eq!(u8s(decoded.image.alpha.as_ref().unwrap()), [30]);
    assert_eq!(lost(&decoded, Loss::Layers), ["2 channels beside colour and alpha"]);
    // Colours that are multiplied by it are divided.
    let tiff = Tiff::new(1, 1, 2, &[8; 4]).with(338, 3, &[1]).chunk(vec![0, 50, 100, 100]);
    let decoded = read(&tiff.bytes()).unwrap();
    assert_eq!(u8s(&decoded.image.samples), [0, 128, 255]);
    // Files from before the tag have a fourth sample for alpha.
    let tiff = Tiff::new(1, 1, 2, &[8; 4]).chunk(vec![1, 2, 3, 4]);
    assert_eq!(u8s(picture(&tiff).alpha.as_ref().unwrap()), [4]);
}

#[test]
fn tiles_overhang_and_planes_stand_apart() {
    let pixels = made(5, 7, 3);
    let mut tiff =
        Tiff::new(5, 7, 2, &[8; 3]).with(284, 3, &[2]).with(322, 3, &[4]).with(323, 3, &[4]).tiled();
    for plane in 0..3 {
        for (top, left) in [(0, 0), (0, 4), (4, 0), (4, 4)] {
            let place = |i: usize| (top + i / 4, left + i % 4);
            let at =
                |(y, x): (usize, usize)| if y < 7 && x < 5 { pixels[(y * 5 + x) * 3 + plane] } else { 99 };
            tiff = tiff.chunk((0..16).map(|i| at(place(i))).collect());
        }
    }
    assert_eq!(u8s(&picture(&tiff).samples), pixels);
}

#[test]
fn strips_of_any_height_and_lengths_that_are_missing() {
    let pixels = made(4, 7, 1);
    let strips = |rows: usize| {
        let tiff = Tiff::new(4, 7, 1, &[8]).with(278, 4, &[rows as u64]);
        pixels.chunks(4 * rows).fold(tiff, |tiff, strip| tiff.chunk(strip.to_vec()))
    };
    // The length of a single strip may be wrong.
    let wrong = Tiff::new(4, 7, 1, &[8]).chunk(pixels.clone()).with(65000, 7, &[0; 4]).bytes();
    let at = wrong.windows(8).position(|window| window == [23, 1, 4, 0, 1, 0, 0, 0]).unwrap();
    let wrong = [&wrong[..at + 8], &[1], &wrong[at + 9..]].concat();
    let decoded = read(&wrong).unwrap();
    assert_eq!(u8s(&decoded.image.samples), pixels);
    assert!(decoded.source.notes.iter().any(|note| note.contains("length of strip 1 of 1 is wrong")));
    for rows in [1, 2, 3, 6, 7, 100] {
        assert_eq!(u8s(&picture(&strips(rows)).samples), pixels, "{rows}");
        assert_eq!(u8s(&picture(&strips(rows).without(279)).samples), pixels, "{rows} without lengths");
    }
    assert_eq!(u8s(&picture(&strips(7).without(278)).samples), pixels);
    let packed = Tiff::new(4, 7, 1, &[8]).with(259, 3, &[8]).chunk(deflate(&pixels)).without(279);
    assert_eq!(u8s(&picture(&packed).samples), pixels);
}

#[test]
fn every_depth_becomes_the_full_range() {
    for bits in 1..=16u16 {
        let most = (1u32 << bits) - 1;
        // 0, the largest, and one between, in a row of its own each.
        let values = [0, most, most / 3];
        let rows = values.map(|v| {
            if bits == 16 {
                (v as u16).to_be_bytes().to_vec()
            } else {
                (v << (24 - bits)).to_be_bytes()[1..].to_vec()
            }
        });
        let bytes = usize::from(bits.div_ceil(8));
        let data: Vec<u8> = rows.iter().flat_map(|row| row[..bytes].to_vec()).collect();
        for white_is_zero in [false, true] {
            let tiff = Tiff::new(1, 3, u64::from(!white_is_zero), &[bits]).big_endian().chunk(data.clone());
            let full = if bits <= 8 { 255.0 } else { 65535.0 };
            let want = values.map(|v| (f64::from(v) * full / f64::from(most)).round());
            let want = want.map(|v| if white_is_zero { full - v } else { v });
            let decoded = read(&tiff.bytes()).unwrap();
            let found: Vec<f64> = match &decoded.image.samples {
                Samples::U8(v) => v.iter().map(|&v| f64::from(v)).collect(),
                Samples::U16(v) => v.iter().map(|&v| f64::from(v)).collect(),
                Samples::F32(_) => Vec::new(),
            };
            assert_eq!(found, want, "{bits} bits");
            assert_eq!(u16::from(decoded.source.bit_depth), bits);
        }
    }
}

#[test]
fn palettes_of_few_bits_and_with_alpha() {
    let colours = [0, 65535, 0x1234, 0, 0, 65535, 0x80FF, 0, 65535, 0, 0x00FF, 0];
    let tiff = Tiff::new(4, 1, 3, &[2]).with(320, 3, &colours).chunk(vec![0b0001_1011]);
    assert_eq!(u8s(&picture(&tiff).samples), [0, 0, 255, 255, 255, 0, 0x12, 0x80, 0, 0, 0, 0]);
    // 8-bit colours where 16-bit ones belong.
    let eight = [0, 255, 18, 0, 0, 255, 128, 0, 255, 0, 0, 0];
    let tiff = Tiff::new(4, 1, 3, &[2]).with(320, 3, &eight).chunk(vec![0b0001_1011]);
    assert_eq!(u8s(&picture(&tiff).samples), [0, 0, 255, 255, 255, 0, 18, 128, 0, 0, 0, 0]);
    let tiff = Tiff::new(2, 1, 3, &[2; 2]).with(338, 3, &[2]).with(320, 3, &eight).chunk(vec![0b0111_0001]);
    let image = picture(&tiff);
    assert_eq!(u8s(&image.samples), [255, 255, 0, 0, 0, 255]);
    assert_eq!(u8s(image.alpha.as_ref().unwrap()), [255, 85]);
}

#[test]
fn floats_within_0_to_1_become_16_bits_and_others_are_told() {
    let float = |values: &[f32]| {
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tiff::new(values.len() as u32, 1, 1, &[32]).with(339, 3, &[3]).chunk(data)
    };
    let decoded = read(&float(&[0.0, 0.5, 1.0, 1.000_001]).bytes()).unwrap();
    assert_eq!(u16s(&decoded.image.samples), [0, 32768, 65535, 65535]);
    assert_eq!(lost(&decoded, Loss::Depth), ["32-bit float samples, rounded to 16 bits"]);
    let error = read(&float(&[-3.25, 0.5, 817.0]).bytes()).unwrap_err().to_string();
    assert!(error.contains("float samples from -3.25 to 817: not within 0 to 1"), "{error}");
    let error = read(&float(&[0.5, f32::NAN]).bytes()).unwrap_err().to_string();
    assert!(error.contains("from 0.5 to 0.5, 1 of them infinite or no numbers"), "{error}");
}

#[test]
fn floats_with_their_predictor() {
    // Two rows of 0.25 and 0.5: all highest bytes first, then all second ones, each less the one before.
    let row = |values: [f32; 2]| {
        let [a, b] = values.map(f32::to_be_bytes);
        let planes: Vec<u8> = (0..4).flat_map(|i| [a[i], b[i]]).collect();
        let difference = |i: usize| planes[i].wrapping_sub(if i > 0 { planes[i - 1] } else { 0 });
        (0..8).map(difference).collect::<Vec<u8>>()
    };
    let data = [row([0.25, 0.5]), row([1.0, 0.0])].concat();
    let tiff = |tiff: Tiff| {
        let tiff = tiff.with(339, 3, &[3]).with(259, 3, &[8]).with(317, 3, &[3]);
        u16s(&picture(&tiff.chunk(deflate(&data))).samples).to_vec()
    };
    assert_eq!(tiff(Tiff::new(2, 2, 1, &[32])), [16384, 32768, 65535, 0]);
    assert_eq!(tiff(Tiff::new(2, 2, 1, &[32]).big_endian()), [16384, 32768, 65535, 0]);
}

#[test]
fn cmyk_and_lab_become_rgb() {
    let decoded = read(&Tiff::new(1, 1, 5, &[8; 4]).chunk(vec![0, 255, 255, 0]).bytes()).unwrap();
    assert_eq!(u8s(&decoded.image.samples), [255, 0, 0]);
    assert!(decoded.source.notes[0].contains("by formula"));
    let tiff = Tiff::new(1, 1, 5, &[16; 5]).with(338, 3, &[2]).chunk(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 128]);
    let decoded = read(&tiff.bytes()).unwrap();
    assert_eq!(u8s(&decoded.image.samples), [255; 3]);
    assert_eq!(u8s(decoded.image.alpha.as_ref().unwrap()), [128]);
    assert_eq!(lost(&decoded, Loss::Depth), ["16-bit CMYK, reduced to 8 bits"]);
    let decoded = read(&Tiff::new(1, 1, 8, &[8; 3]).chunk(vec![255, 0, 0]).bytes()).unwrap();
    assert_eq!(u8s(&decoded.image.samples), [255; 3]);
    assert_eq!(decoded.source.notes, ["CIE L*a*b* converted to sRGB"]);
}

#[test]
fn chroma_may_be_shared_by_pixels() {
    // 3 x 3 pixels in four units of 2 x 2 lumas and a chroma without colour.
    let unit = |lumas: [u8; 4]| [&lumas[..], &[128, 128]].concat();
    let data = [unit([1, 2, 4, 5]), unit([3, 0, 6, 0]), unit([7, 8, 0, 0]), unit([9, 0, 0, 0])].concat();
    let tiff = Tiff::new(3, 3, 6, &[8; 3]).with(530, 3, &[2, 2]).chunk(data.clone());
    let want: Vec<u8> = (1..10).flat_map(|v| [v; 3]).collect();
    assert_eq!(u8s(&picture(&tiff).samples), want);
    // That is also what is meant where nothing is said.
    assert_eq!(u8s(&picture(&Tiff::new(3, 3, 6, &[8; 3]).chunk(data)).samples), want);
}

#[test]
fn what_stands_behind_the_last_data_is_told() {
    let page = Tiff::new(4, 3, 1, &[8]).chunk(made(4, 3, 1)).with(297, 3, &[0, 2]).with(270, 2, &[65; 9]);
    let thumbnail = page.clone().with(254, 4, &[1]);
    let tiled = Tiff::new(4, 3, 1, &[8]).with(322, 3, &[4]).with(323, 3, &[3]).tiled().chunk(made(4, 3, 1));
    for file in [
        page.bytes(),
        page.big_tiff(),
        tiled.bytes(),
        page.clone().big_endian().bytes(),
        file::pages(&[page.clone(), thumbnail, tiled.clone()]),
        // A length that is wrong and read around.
        page.clone().without(279).bytes(),
    ] {
        let trailing = |behind: &[u8]| {
            let decoded = read(&[file.as_slice(), behind].concat()).unwrap();
            lost(&decoded, Loss::Data)
        };
        assert_eq!((trailing(b""), trailing(&[0; 7])), (vec![], vec![]));
        assert_eq!(trailing(b"PK\x03\x04more"), ["8 bytes behind its end (a ZIP archive)"]);
    }
    let first_of_two = file::pages(&[page.clone(), tiled.clone()]);
    assert_eq!(
        lost(&read_page(&[&first_of_two, b"more".as_slice()].concat(), 1).unwrap(), Loss::Data),
        [""; 0]
    );
}

#[test]
fn tags_that_nothing_carries_are_told_unless_they_say_what_is_meant_anyway() {
    let told = |tiff: Tiff| {
        let decoded = read(&tiff.chunk(vec![1; 4]).bytes()).unwrap();
        decoded.meta.extras.iter().map(|extra| extra.what.clone()).collect::<Vec<_>>()
    };
    let gray = || Tiff::new(1, 1, 1, &[8]);
    let cmyk = || Tiff::new(1, 1, 5, &[8; 4]);
    for (tiff, wanted) in [
        (gray().with(263, 3, &[2]), Some("Threshholding")),
        (gray().with(263, 3, &[1]), None),
        (gray().with(280, 3, &[0]).with(281, 3, &[255]), None),
        (gray().with(280, 3, &[0]).with(281, 3, &[90]), Some("smallest and largest")),
        (gray().with(321, 3, &[1, 2]), Some("halftones")),
        (gray().with(320, 3, &[0; 768]), Some("colour map")),
        (gray().with(42113, 2, &[48, 0]), Some("GDAL")),
        (gray().with(42112, 2, &[60, 0]), Some("GDAL")),
        (gray().with(33550, 12, &[0; 3]), Some("GeoTIFF")),
        (cmyk().with(332, 3, &[1]).with(334, 3, &[4]).with(336, 1, &[0, 255]), None),
        (cmyk().with(333, 2, &[65, 0]), Some("InkNames")),
        (cmyk().with(336, 1, &[9, 255]), Some("DotRange")),
        (cmyk().with(337, 2, &[65, 0]), Some("TargetPrinter")),
    ] {
        let told = told(tiff);
        assert_eq!(told.len(), usize::from(wanted.is_some()), "{wanted:?}: {told:?}");
        assert!(wanted.is_none_or(|wanted| told[0].contains(wanted)), "{wanted:?}: {told:?}");
    }
    // The page that was scanned is described by its number, wherever its picture goes.
    let numbered = read(&gray().with(297, 3, &[2, 9]).chunk(vec![1]).bytes()).unwrap();
    let fields = crate::codec::exif::Fields::parse(numbered.meta.exif.as_deref().unwrap()).unwrap();
    assert!(fields.main.iter().any(|field| field.tag == 297 && field.data == [2, 0, 9, 0]));
}
