//! DNGs of a known scene, against the colours that must come out.

use std::io::Cursor;
use std::path::Path;

use super::super::{EncodeOptions, Limits, decode, encode, probe};
use super::*;
use crate::image::Samples;
use dng::{Dng, ascii};

mod dng;
mod hostile;

const LIMITS: Limits = Limits { max_pixels: 1 << 24, max_bytes: 1 << 28, strict: false };

fn read_as(bytes: &[u8], name: &str) -> Result<Decoded, CodecError> {
    decode(bytes, Path::new(name), &LIMITS)
}

fn read(dng: &Dng) -> Decoded {
    read_as(&dng.bytes(), "a.dng").unwrap()
}

/// A pixel in 16 bits.
fn pixel(decoded: &Decoded, x: usize, y: usize) -> Vec<u16> {
    let Samples::U16(all) = &decoded.image.samples else { panic!("16 bits a sample") };
    let at = (y * decoded.image.width + x) * decoded.image.channels;
    all[at..at + decoded.image.channels].to_vec()
}

/// The value of light in sRGB, by its definition.
fn srgb(light: f64) -> u16 {
    let value = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 65_535.0).round() as u16
}

fn assert_near(got: &[u16], wanted: &[u16]) {
    let far = got.iter().zip(wanted).any(|(a, b)| a.abs_diff(*b) > 24);
    assert!(got.len() == wanted.len() && !far, "{got:?} for {wanted:?}");
}

#[test]
fn a_neutral_scene_comes_out_gray_and_as_bright_as_it_was() {
    // 1/4, 1/2 and 3/10 of a sensor whose neutral is 1/2, 1, 6/10: light of one half.
    for pattern in [[0, 1, 1, 2], [2, 1, 1, 0], [1, 0, 2, 1], [1, 2, 0, 1]] {
        for big_endian in [false, true] {
            let decoded = read(&Dng { pattern, big_endian, ..Dng::default() });
            assert_eq!((decoded.image.width, decoded.image.height, decoded.image.channels), (32, 24, 3));
            for (x, y) in [(0, 0), (16, 12), (31, 23), (7, 2)] {
                assert_near(&pixel(&decoded, x, y), &[srgb(0.5); 3]);
            }
        }
    }
}

#[test]
fn colours_go_through_the_cameras_matrix() {
    // A camera that sees as sRGB does: light comes out as it went in, once balanced.
    let scene = |_, _| [0.5 * 0.8, 0.3, 0.6 * 0.1];
    let decoded = read(&Dng { scene, ..Dng::default() });
    assert_near(&pixel(&decoded, 9, 9), &[srgb(0.8), srgb(0.3), srgb(0.1)]);
    // One that sees XYZ, scaled so that daylight is neutral: sRGB's red is 0.4125, 0.2127, 0.0193 of that.
    let matrix = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let scene = |_, _| [0.412_456_4, 0.212_672_9, 0.019_333_9];
    let neutral = [0.950_47, 1.0, 1.088_83];
    let decoded = read(&Dng { matrix, scene, neutral, ..Dng::default() });
    let [red, green, blue] = pixel(&decoded, 9, 9)[..] else { panic!("three channels") };
    assert!(red > 65_200 && green < 900 && blue < 900, "{red} {green} {blue}");
}

#[test]
fn what_is_too_bright_for_the_sensor_is_white() {
    let decoded = read(&Dng { scene: |_, _| [1.0, 1.0, 1.0], ..Dng::default() });
    assert_eq!(pixel(&decoded, 16, 12), [65_535; 3]);
    let decoded = read(&Dng { scene: |_, _| [0.0, 0.0, 0.0], ..Dng::default() });
    assert_eq!(pixel(&decoded, 16, 12), [0; 3]);
}

#[test]
fn a_smooth_scene_stays_smooth_and_in_16_bits() {
    let scene = |x: usize, y: usize| {
        let light = 0.2 + 0.01 * x as f64 + 0.005 * y as f64;
        [light * 0.5, light, light * 0.6]
    };
    let decoded = read(&Dng { scene, ..Dng::default() });
    for (x, y) in [(4, 4), (15, 10), (27, 19)] {
        let light = 0.2 + 0.01 * x as f64 + 0.005 * y as f64;
        assert_near(&pixel(&decoded, x, y), &[srgb(light); 3]);
    }
    let Samples::U16(all) = &decoded.image.samples else { panic!("16 bits a sample") };
    let values: std::collections::BTreeSet<u16> = all.iter().copied().collect();
    assert!(values.len() > 300, "{}", values.len());
}

#[test]
fn the_part_that_the_camera_shows_is_shown() {
    // Bright only in the default crop: columns 6 to 25, rows 5 to 16 of the sensor.
    let scene = |x: usize, y: usize| {
        if (6..26).contains(&x) && (5..17).contains(&y) { [0.25, 0.5, 0.3] } else { [0.01; 3] }
    };
    // The active area begins at an odd place, so that the pattern of its filter is another one.
    let raw = vec![(50829, 4, vec![1, 1, 23, 31]), (50719, 4, vec![5, 4]), (50720, 4, vec![20, 12])];
    let dng = Dng { scene, raw, pattern: [0, 1, 1, 2], ..Dng::default() };
    let shifted = Dng { raw: [dng.raw.clone(), vec![(33422, 1, vec![2, 1, 1, 0])]].concat(), ..dng };
    let header = probe(Cursor::new(shifted.bytes()), Path::new("a.dng")).unwrap();
    assert_eq!((header.width, header.height), (20, 12));
    let decoded = read(&shifted);
    assert_eq!((decoded.image.width, decoded.image.height), (20, 12));
    for (x, y) in [(3, 3), (10, 6), (16, 8)] {
        assert_near(&pixel(&decoded, x, y), &[srgb(0.5); 3]);
    }
    let corners = [(0, 0), (19, 0), (0, 11), (19, 11)];
    assert!(corners.iter().all(|&(x, y)| pixel(&decoded, x, y)[1] > srgb(0.3)));
}

#[test]
fn pixels_that_have_all_colours_need_no_filter() {
    let decoded = read(&Dng { channels: 3, ..Dng::default() });
    assert_near(&pixel(&decoded, 0, 0), &[srgb(0.5); 3]);
    assert_eq!(decoded.image.channels, 3);
}

#[test]
fn without_a_white_balance_it_is_daylight_and_said() {
    let main = vec![(50728, 5, Vec::new())];
    let decoded = read(&Dng { main, scene: |_, _| [0.5, 0.5, 0.5], ..Dng::default() });
    assert_near(&pixel(&decoded, 9, 9), &[srgb(0.5); 3]);
    assert!(decoded.source.notes.iter().any(|note| note.contains("white balance is not known")));
}

#[test]
fn the_rendering_is_named_and_the_colours_are_tagged() {
    let raw = vec![(51009, 7, vec![0; 4])];
    let decoded = read(&Dng { raw, ..Dng::default() });
    let notes = &decoded.source.notes;
    assert!(notes.iter().any(|note| note == "rendered from camera RAW as camera-wb-srgb16"), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("opcodes")), "{notes:?}");
    for (format, tag) in [(Format::Png, &b"sRGB"[..]), (Format::Tiff, b"acsp"), (Format::Jpeg, b"acsp")] {
        let options = EncodeOptions::new(format);
        let encoded = encode(&decoded.image, &decoded.meta, Some(&decoded.source), &options).unwrap();
        assert!(encoded.bytes.windows(4).any(|window| window == tag), "{format:?}");
        let lost = encoded.notes.iter().filter(|note| note.contains("previews")).count();
        assert_eq!(lost, 1, "{:?}", encoded.notes);
    }
    let written = encode(&decoded.image, &decoded.meta, None, &EncodeOptions::new(Format::Raw));
    assert!(written.unwrap_err().to_string().contains("only read"));
}

#[test]
fn what_the_camera_says_is_carried() {
    let note: Vec<i64> = b"Nikon\0\x02\x10\0\0II*\0\x08\0\0\0\0\0".iter().map(|&byte| byte.into()).collect();
    let dng = Dng {
        main: vec![
            (274, 3, vec![6]),
            ascii(315, "Ann"),
            (700, 1, b"<x/>".iter().map(|&b| b.into()).collect()),
        ],
        exif: [Dng::default().exif, vec![ascii(42036, "50mm F1.8"), (37500, 7, note)]].concat(),
        gps: vec![
            ascii(1, "N"),
            (2, 5, vec![48, 1, 12, 1, 0, 1]),
            ascii(3, "E"),
            (4, 5, vec![16, 1, 22, 1, 0, 1]),
        ],
        ..Dng::default()
    };
    let decoded = read(&dng);
    assert_eq!(decoded.meta.orientation, 6);
    assert_eq!((decoded.image.width, decoded.image.height), (32, 24));
    assert_eq!(decoded.meta.xmp.as_deref(), Some(&b"<x/>"[..]));
    let block = decoded.meta.exif.as_deref().unwrap();
    let has = |text: &[u8]| block.windows(text.len()).any(|window| window == text);
    for text in [&b"Red One\0"[..], b"Ann\0", b"2024:05:06 07:08:09\0", b"50mm F1.8\0", b"Nikon\0"] {
        assert!(has(text), "{}", String::from_utf8_lossy(text));
    }
    let data = super::super::ExifData::read(block);
    assert_eq!(data.iso, Some(400));
    // Turned upright where viewers disregard the tag.
    let png = encode(&decoded.image, &decoded.meta, Some(&decoded.source), &EncodeOptions::new(Format::Png))
        .unwrap();
    let back = read_as(&png.bytes, "a.png").unwrap();
    assert_eq!((back.image.width, back.image.height), (24, 32));
}

#[test]
fn content_decides_what_is_camera_raw() {
    let dng = Dng::default().bytes();
    for name in ["a.dng", "a.tif", "a", "a.jpg"] {
        assert_eq!(read_as(&dng, name).unwrap().source.format, Format::Raw, "{name}");
    }
    let image = read(&Dng::default()).image;
    let tiff = encode(&image, &Default::default(), None, &EncodeOptions::new(Format::Tiff)).unwrap().bytes;
    for name in ["a.tif", "a.dng", "a.nef"] {
        let decoded = read_as(&tiff, name).unwrap();
        assert_eq!(decoded.source.format, Format::Tiff, "{name}");
    }
    // What a camera's program made, under a name of camera RAW: its first picture might be a preview.
    let meta = read(&Dng::default()).meta;
    let made = encode(&image, &meta, None, &EncodeOptions::new(Format::Tiff)).unwrap().bytes;
    assert_eq!(read_as(&made, "a.tif").unwrap().source.format, Format::Tiff);
    let refused = read_as(&made, "a.nef").unwrap_err().to_string();
    assert!(refused.contains("name it .tif") && refused.contains("Lamp"), "{refused}");
}

#[test]
fn threads_change_nothing() {
    let scene = |x: usize, y: usize| {
        let noise = ((x * 7919 + y * 104_729) % 251) as f64 / 251.0;
        [noise * 0.4, noise * 0.9, 0.6 - noise * 0.5]
    };
    let bytes = Dng { width: 300, height: 200, scene, ..Dng::default() }.bytes();
    let alone = read_as(&bytes, "a.dng").unwrap().image;
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| read_as(&bytes, "a.dng").unwrap().image) == alone);
    }
}

/// Writes DNGs for the comparison with LibRaw (`make test-raw-peers`).
#[test]
fn dngs_for_python() {
    let Some(folder) = std::env::var_os("SAFELIGHT_RAW").map(std::path::PathBuf::from) else { return };
    let smooth = |x: usize, y: usize| {
        let (x, y) = (x as f64 / 160.0, y as f64 / 120.0);
        [0.1 + 0.3 * x, 0.15 + 0.6 * y, 0.4 - 0.3 * x * y]
    };
    let edges = |x: usize, y: usize| match (x / 20 + y / 15) % 3 {
        0 => [0.3, 0.5, 0.2],
        1 => [0.05, 0.1, 0.3],
        _ => [0.45, 0.9, 0.5],
    };
    let camera = [0.9, -0.3, -0.1, -0.45, 1.25, 0.2, -0.1, 0.2, 0.6];
    let base = Dng { width: 160, height: 120, scene: smooth, ..Dng::default() };
    let all = [
        ("smooth", base.clone()),
        ("matrix", Dng { matrix: camera, ..base.clone() }),
        ("edges", Dng { scene: edges, matrix: camera, ..base.clone() }),
        ("bggr", Dng { pattern: [2, 1, 1, 0], matrix: camera, big_endian: true, ..base.clone() }),
        ("grbg", Dng { pattern: [1, 0, 2, 1], scene: edges, ..base.clone() }),
        ("turned", Dng { main: vec![(274, 3, vec![8])], matrix: camera, ..base.clone() }),
        // LibRaw takes no black level of such files.
        ("linear", Dng { channels: 3, matrix: camera, black: 0, ..base.clone() }),
        ("bright", Dng { neutral: [0.9, 1.0, 0.7], matrix: camera, ..base.clone() }),
        ("crop", Dng { raw: vec![(50719, 4, vec![8, 6]), (50720, 4, vec![144, 108])], ..base }),
    ];
    for (name, dng) in all {
        std::fs::write(folder.join(name).with_extension("dng"), dng.bytes()).unwrap();
    }
}
