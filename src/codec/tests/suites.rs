//! Whole sets of files that others have made, and JPEGs of CMYK.

use super::*;

#[test]
fn pngsuite_decodes_as_its_names_say() {
    let mut good = 0;
    for (path, bytes) in files("odd/pngsuite") {
        if path.extension().and_then(|e| e.to_str()) != Some("png") {
            continue;
        }
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap();
        let result = decode(&bytes, &path, &LIMITS);
        if name.starts_with('x') {
            assert!(result.is_err(), "{name} is broken");
            continue;
        }
        let decoded = result.unwrap_or_else(|e| panic!("{name}: {e}"));
        good += 1;
        let Some((kind, bits)) = name.get(4..).and_then(|tail| tail.split_at_checked(2)) else { continue };
        let Ok(bits) = bits.parse::<u8>() else { continue };
        let (channels, file_bits) = match kind.as_bytes() {
            [b'0', b'g'] => (1, bits),
            [b'2', b'c'] => (3, bits),
            [b'3', b'p'] => (3, 8),
            [b'4', b'a'] => (1, bits),
            [b'6', b'a'] => (3, bits),
            _ => continue,
        };
        assert_eq!((decoded.image.channels, decoded.source.bit_depth), (channels, file_bits), "{name}");
        assert_eq!(decoded.image.depth(), if file_bits == 16 { Depth::U16 } else { Depth::U8 }, "{name}");
        let side = if name.starts_with('s') { name[1..3].parse().unwrap() } else { 32 };
        if !name.starts_with("cdfn") && !name.starts_with("PngSuite") {
            let size = (decoded.image.width, decoded.image.height);
            assert!(
                size == (side, side) || name.starts_with("cd") || name.starts_with("cc"),
                "{name} {size:?}"
            );
        }
        let transparent = kind.contains('a') || name.starts_with('t') && !name.starts_with("tp0");
        assert_eq!(decoded.image.alpha.is_some(), transparent, "{name}");
    }
    assert!(good == 0 || good > 150);
}

#[test]
fn interlaced_and_plain_files_hold_the_same_pixels() {
    let all = files("odd/pngsuite");
    for (path, bytes) in &all {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap();
        let Some(kind) = name.strip_prefix("basi") else { continue };
        let plain = all.iter().find(|(other, _)| other.ends_with(format!("basn{kind}"))).unwrap();
        let image = |bytes| decode(bytes, path, &LIMITS).unwrap().image;
        assert_eq!(image(bytes), image(&plain.1), "{name}");
    }
}

fn from_jpeg_encoder(
    data: &[u8],
    colour: jpeg_encoder::ColorType,
    sampling: jpeg_encoder::SamplingFactor,
    by_component: bool,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 98);
    encoder.set_sampling_factor(sampling);
    encoder.set_optimized_huffman_tables(by_component);
    encoder.encode(data, 48, 40, colour).unwrap();
    bytes
}

#[test]
fn cmyk_and_ycck_jpegs_become_the_same_rgb() {
    use jpeg_encoder::{ColorType, SamplingFactor};
    let cmyk: Vec<u8> =
        (0..48 * 40).flat_map(|i: usize| [i % 48 * 5, i / 48 * 6, 90, i % 48].map(|v| v as u8)).collect();
    let [plain, ycck] = [ColorType::Cmyk, ColorType::CmykAsYcck].map(|colour| {
        decoded(&from_jpeg_encoder(&cmyk, colour, SamplingFactor::R_4_4_4, false), Format::Jpeg)
    });
    assert_eq!((plain.image.channels, plain.source.channels, plain.meta.icc), (3, 4, None));
    assert!(plain.source.notes[0].contains("CMYK"));
    assert!(worst_difference(&plain.image, &ycck.image) < 0.03);
    // Full ink at the right edge's cyan, little black at the left.
    let (left, right) = (plain.image.at(0, 0, 0), plain.image.at(47, 0, 0));
    assert!((left - right).abs() > 0.7, "{left} {right}");
}

#[test]
fn adobe_rgb_jpegs_are_not_taken_for_ycbcr() {
    use jpeg_encoder::{ColorType, SamplingFactor};
    let gray = vec![60; 48 * 40 * 3];
    let mut bytes = from_jpeg_encoder(&gray, ColorType::Rgb, SamplingFactor::R_4_4_4, false);
    bytes.splice(2..20, *b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\0");
    let decoded = decoded(&bytes, Format::Jpeg);
    assert_eq!([0, 1, 2].map(|c| (decoded.image.at(9, 9, c) * 255.0).round() as u8), [60, 128, 128]);
}

#[test]
fn a_scan_for_each_component_gives_the_same_picture() {
    use jpeg_encoder::{ColorType, SamplingFactor};
    let rgb: Vec<u8> =
        (0..48 * 40).flat_map(|i: usize| [i % 48 * 5, i / 48 * 6, 90].map(|v| v as u8)).collect();
    for sampling in
        [SamplingFactor::R_4_4_4, SamplingFactor::R_4_2_2, SamplingFactor::R_4_4_0, SamplingFactor::R_4_2_0]
    {
        let [together, apart] = [false, true].map(|by_component| {
            decoded(&from_jpeg_encoder(&rgb, ColorType::Rgb, sampling, by_component), Format::Jpeg).image
        });
        assert!(worst_difference(&together, &apart) < 0.03, "{sampling:?}");
    }
}
