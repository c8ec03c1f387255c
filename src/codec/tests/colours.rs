//! Conversions look the same: profiles made of what a PNG says, values in sRGB where there is no place for one.

use moxcms::ColorProfile;

use super::png_chunks::with_chunks;
use super::*;

/// Colours to convert, as stored.
const STORED: [[u8; 3]; 4] = [[200, 100, 50], [0, 255, 0], [128, 128, 128], [20, 40, 200]];

/// Eight rows of the four colours, two pixels each.
fn stored() -> Image {
    let mut image = Image::new(8, 8, 3, Depth::U8);
    let row: Vec<u8> = STORED.iter().flat_map(|rgb| [*rgb, *rgb].concat()).collect();
    image.samples = Samples::U8(row.repeat(8));
    image
}

fn gamma(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn chromaticities(points: [u32; 8]) -> Vec<u8> {
    points.iter().flat_map(|point| point.to_be_bytes()).collect()
}

const ADOBE: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000];
const PROPHOTO: [u32; 8] = [34_570, 35_850, 73_470, 26_530, 15_960, 84_040, 3_660, 10];

fn read(bytes: &[u8]) -> Decoded {
    decode(bytes, Path::new("a.png"), &LIMITS).unwrap()
}

/// The colours of a row, as bytes.
fn colours(image: &Image) -> Vec<[u8; 3]> {
    let bytes = pack::to_u8(&image.samples);
    (0..4).map(|i| [0, 1, 2].map(|c| bytes[i * 6 + c])).collect()
}

/// Descriptions with the colours that they mean in sRGB, computed by other means (CIE formulas and Bradford's
/// adaptation in double precision).
fn descriptions() -> Vec<(Vec<u8>, [[f64; 3]; 4])> {
    let image = stored();
    vec![
        (
            with_chunks(&image, &[(b"gAMA", &gamma(100_000))]),
            [[229.1, 168.11, 122.42], [0.0, 255.0, 0.0], [187.84; 3], [79.12, 110.31, 229.1]],
        ),
        (
            with_chunks(&image, &[(b"gAMA", &gamma(45_455)), (b"cHRM", &chromaticities(ADOBE))]),
            [[227.06, 100.03, 42.32], [0.0, 255.0, 0.0], [129.0; 3], [0.0, 35.22, 204.99]],
        ),
        (
            with_chunks(&image, &[(b"gAMA", &gamma(55_556)), (b"cHRM", &chromaticities(PROPHOTO))]),
            [[255.0, 80.14, 46.55], [0.0, 255.0, 0.0], [146.41; 3], [0.0, 56.09, 223.91]],
        ),
        (
            // Display P3; what a file says besides comes after.
            with_chunks(&image, &[(b"cICP", &[12, 13, 0, 1]), (b"gAMA", &gamma(100_000))]),
            [[214.9, 92.61, 30.95], [0.0, 255.0, 0.0], [128.0; 3], [12.35, 40.63, 208.26]],
        ),
        (
            with_chunks(&image, &[(b"sRGB", &[0]), (b"gAMA", &gamma(100_000))]),
            STORED.map(|rgb| rgb.map(f64::from)),
        ),
    ]
}

#[test]
fn without_a_place_for_a_profile_values_become_srgb() {
    for (i, (file, wanted)) in descriptions().into_iter().enumerate() {
        let first = read(&file);
        for format in [Format::Qoi, Format::Pnm, Format::Tga, Format::Farbfeld] {
            let out = encoded(&first.image, &first.meta, format);
            let got = colours(&decoded(&out.bytes, format).image);
            for (got, wanted) in got.iter().flatten().zip(wanted.iter().flatten()) {
                assert!((f64::from(*got) - wanted).abs() <= 0.55, "{i} {}: {got} {wanted}", format.name());
            }
            // It says so, save where nothing had to be changed.
            let told = out.notes.iter().any(|note| note.contains("converted to sRGB"));
            assert_eq!(told, i != 4, "{:?}", out.notes);
            assert!(out.notes.iter().all(|note| Loss::of(note).is_none()));
        }
    }
}

#[test]
fn other_formats_get_a_profile_that_means_the_same() {
    for (i, (file, wanted)) in descriptions().into_iter().enumerate() {
        let first = read(&file);
        for format in [Format::Jpeg, Format::Tiff, Format::WebP] {
            let out = encoded(&first.image, &first.meta, format);
            assert!(out.notes.is_empty(), "{:?}", out.notes);
            let back = decoded(&out.bytes, format);
            let icc = back.meta.icc.unwrap();
            assert_eq!(icc.get(36..40), Some(b"acsp".as_slice()));
            // The stored values are what they were; the profile leads to sRGB as the description does.
            let meta = Metadata { icc: Some(icc), ..Metadata::default() };
            let shown = encoded(&stored(), &meta, Format::Qoi);
            let got = colours(&decoded(&shown.bytes, Format::Qoi).image);
            for (got, wanted) in got.iter().flatten().zip(wanted.iter().flatten()) {
                assert!((f64::from(*got) - wanted).abs() <= 0.6, "{i} {}: {got} {wanted}", format.name());
            }
        }
        // The same bytes whenever they are made.
        let tiff = || encoded(&first.image, &first.meta, Format::Tiff).bytes;
        assert_eq!(tiff(), tiff());
    }
}

#[test]
fn a_png_keeps_the_very_description() {
    let mastering: [u8; 24] = std::array::from_fn(|i| i as u8);
    let file = with_chunks(
        &stored(),
        &[
            (b"cICP", &[9, 16, 0, 1]),
            (b"mDCV", &mastering),
            (b"cLLI", &[0, 152, 150, 128, 0, 0, 0, 1]),
            (b"sRGB", &[1]),
            (b"gAMA", &gamma(45_455)),
            (b"cHRM", &chromaticities(ADOBE)),
        ],
    );
    let first = read(&file);
    assert_eq!(
        first.meta.colour,
        Some(Colour {
            cicp: Some([9, 16, 0, 1]),
            srgb: Some(1),
            gamma: Some(45_455),
            chromaticities: Some(ADOBE),
            mastering: Some(mastering),
            light_level: Some([0, 152, 150, 128, 0, 0, 0, 1]),
        })
    );
    let out = encoded(&first.image, &first.meta, Format::Png);
    assert!(out.notes.is_empty());
    let back = read(&out.bytes);
    assert_eq!((back.meta, back.image), (first.meta, first.image));
}

#[test]
fn a_profile_goes_before_gamma_and_code_points_before_a_profile() {
    let adobe = {
        let file = with_chunks(&stored(), &[(b"gAMA", &gamma(45_455)), (b"cHRM", &chromaticities(ADOBE))]);
        decoded(&encoded(&stored(), &read(&file).meta, Format::Tiff).bytes, Format::Tiff).meta.icc
    };
    let with = |colour| Metadata { icc: adobe.clone(), colour: Some(colour), ..Metadata::default() };
    let linear = with(Colour { gamma: Some(100_000), ..Colour::default() });
    let tiff = encoded(&stored(), &linear, Format::Tiff);
    assert_eq!((decoded(&tiff.bytes, Format::Tiff).meta.icc, tiff.notes.len()), (adobe.clone(), 0));
    let points = with(Colour { cicp: Some([12, 13, 0, 1]), ..Colour::default() });
    let tiff = encoded(&stored(), &points, Format::Tiff);
    let made = decoded(&tiff.bytes, Format::Tiff).meta.icc.unwrap();
    assert_ne!(Some(&made), adobe.as_ref());
    assert_eq!(Loss::of(&tiff.notes[0]), Some(Loss::Colour));
    // A profile that says the same is kept as it is.
    let meta = Metadata { icc: Some(made.clone()), ..points };
    let tiff = encoded(&stored(), &meta, Format::Tiff);
    assert_eq!((decoded(&tiff.bytes, Format::Tiff).meta.icc, tiff.notes.len()), (Some(made), 0));
}

#[test]
fn pq_keeps_its_values_under_a_profile_and_is_toned_down_elsewhere() {
    let file = with_chunks(&stored(), &[(b"cICP", &[9, 16, 0, 1])]);
    let first = read(&file);
    let tiff = encoded(&first.image, &first.meta, Format::Tiff);
    assert!(tiff.notes.is_empty());
    let back = decoded(&tiff.bytes, Format::Tiff);
    assert_eq!(back.image, stored());
    let profile = ColorProfile::new_from_slice(&back.meta.icc.unwrap()).unwrap();
    let points = profile.cicp.unwrap();
    assert_eq!((points.color_primaries as u8, points.transfer_characteristics as u8), (9, 16));
    assert!(profile.lut_a_to_b_perceptual.is_some());
    let qoi = encoded(&first.image, &first.meta, Format::Qoi);
    assert_eq!(Loss::of(&qoi.notes[0]), Some(Loss::Depth));
    // 128 is 50 % PQ, 92 nits: 45 % of the light of white, as 179 in sRGB.
    let gray = colours(&decoded(&qoi.bytes, Format::Qoi).image)[2];
    assert!(gray.iter().all(|v| v.abs_diff(179) <= 3), "{gray:?}");
}

#[test]
fn what_is_not_understood_is_noted() {
    for chunk in [(b"cICP", [2u8, 2, 0, 1]), (b"cICP", [9, 16, 9, 0]), (b"gAMA", gamma(1))] {
        let first = read(&with_chunks(&stored(), &[(chunk.0, &chunk.1)]));
        let jpeg = encoded(&first.image, &first.meta, Format::Jpeg);
        assert_eq!(Loss::of(&jpeg.notes[0]), Some(Loss::Colour), "{:?}", jpeg.notes);
        assert!(encoded(&first.image, &first.meta, Format::Png).notes.is_empty());
    }
}

#[test]
fn a_profile_follows_a_picture_that_becomes_gray_or_colour() {
    let file = with_chunks(&stored(), &[(b"gAMA", &gamma(100_000))]);
    let first = read(&file);
    let rgb = decoded(&encoded(&first.image, &first.meta, Format::Tiff).bytes, Format::Tiff).meta;
    let mut gray = Image::new(8, 8, 1, Depth::U8);
    gray.samples = Samples::U8(vec![128; 64]);
    let tiff = encoded(&gray, &rgb, Format::Tiff);
    assert!(tiff.notes.is_empty(), "{:?}", tiff.notes);
    let made = decoded(&tiff.bytes, Format::Tiff).meta;
    assert!(icc_matches(made.icc.as_deref().unwrap(), 1));
    let shown = |image: &Image, meta: &Metadata| {
        pack::to_u8(&decoded(&encoded(image, meta, Format::Pnm).bytes, Format::Pnm).image.samples)[0]
    };
    assert_eq!(shown(&gray, &made), 188);
    // WebP has no gray: the profile becomes one for colour, and means the same.
    let webp = encoded(&gray, &made, Format::WebP);
    assert!(webp.notes.is_empty(), "{:?}", webp.notes);
    let back = decoded(&webp.bytes, Format::WebP);
    assert_eq!((back.image.channels, shown(&back.image, &back.meta)), (3, 188));
}

#[test]
fn cases_of_gamma_and_code_points_get_a_profile() {
    for (path, bytes) in files("cases/png-gamma-cicp") {
        let first = decode(&bytes, &path, &LIMITS).unwrap();
        for format in [Format::Jpeg, Format::Tiff, Format::WebP, Format::Bmp] {
            let out = encoded(&first.image, &first.meta, format);
            let icc = decoded(&out.bytes, format).meta.icc.unwrap();
            assert!(ColorProfile::new_from_slice(&icc).is_ok() && out.notes.is_empty(), "{:?}", out.notes);
        }
    }
}

#[test]
fn dithering_is_on_request_and_keeps_the_mean() {
    let mut image = Image::new(64, 64, 1, Depth::U16);
    image.samples = Samples::U16(vec![30_000; 64 * 64]);
    let bytes = |dither| {
        let options = EncodeOptions { dither, ..EncodeOptions::new(Format::Bmp) };
        let file = encode(&image, &Metadata::default(), None, &options).unwrap();
        pack::to_u8(&decoded(&file.bytes, Format::Bmp).image.samples)
    };
    assert_eq!(bytes(false), vec![117; 64 * 64]);
    let mean = bytes(true).iter().map(|&b| f64::from(b)).sum::<f64>() / 4096.0;
    assert!((mean - 30_000.0 / 257.0).abs() < 0.01, "{mean}");
}
