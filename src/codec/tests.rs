//! Promises of the codec as a whole: round trips and metadata; damage and limits in `damage`.

use crate::shown::Show;
use std::path::{Path, PathBuf};

use super::*;
use crate::image::orient::upright;
use crate::image::{Depth, Image, Samples};

mod colours;
mod containers;
mod damage;
mod exif_kept;
mod jpeg_parts;
mod png_chunks;
mod suites;

const LIMITS: Limits = Limits { max_pixels: 1 << 26, max_bytes: 1 << 30, strict: false };

fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.shown());
    None
}

fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut folders, mut files) = (Vec::from_iter(data(folder)), Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.clone(), std::fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// A smooth picture with some structure; alpha is 0 or full where `hard`.
fn picture(channels: usize, depth: Depth, alpha: bool, hard: bool) -> Image {
    let (width, height) = (37, 23);
    let mut image = Image::new(width, height, channels, depth);
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let wave = (x as f32 * 0.21 + c as f32).sin() * (y as f32 * 0.17).cos();
                image.samples.set((y * width + x) * channels + c, 0.5 + 0.45 * wave);
            }
        }
    }
    if alpha {
        let mut plane = Samples::zeroed(depth, width * height);
        for i in 0..plane.len() {
            let value = (i % width) as f32 / (width - 1) as f32;
            plane.set(i, if hard { value.round() } else { value });
        }
        image.alpha = Some(plane);
    }
    image
}

fn encoded(image: &Image, meta: &Metadata, format: Format) -> Encoded {
    encode(image, meta, None, &EncodeOptions::new(format)).unwrap()
}

fn path(format: Format) -> PathBuf {
    PathBuf::from(format!("image.{}", format.extensions()[0]))
}

fn decoded(bytes: &[u8], format: Format) -> Decoded {
    let decoded = decode(bytes, &path(format), &LIMITS).unwrap();
    assert_eq!(decoded.source.format, format);
    decoded
}

fn worst_difference(a: &Image, b: &Image) -> f32 {
    assert_eq!((a.width, a.height, a.channels), (b.width, b.height, b.channels));
    let planes = [(Some(&a.samples), Some(&b.samples)), (a.alpha.as_ref(), b.alpha.as_ref())];
    let mut worst = 0.0f32;
    for (a, b) in planes {
        let (Some(a), Some(b)) = (a, b) else {
            assert_eq!(a.is_some(), b.is_some());
            continue;
        };
        worst = (0..a.len()).fold(worst, |worst, i| worst.max((a.get(i) - b.get(i)).abs()));
    }
    worst
}

/// The image as a format without gray, alpha or 16 bits gives it back.
fn as_held(image: &Image, format: Format) -> Image {
    let mut held = image.clone();
    let gray = matches!(format, Format::Png | Format::Tiff | Format::Pnm | Format::Tga)
        || (format == Format::Bmp && held.alpha.is_none());
    if held.channels == 1 && !gray {
        held.channels = 3;
        held.samples = Samples::U16(pack::triple(&pack::to_u16(&held.samples)));
        held.alpha = held.alpha.map(|alpha| Samples::U16(pack::to_u16(&alpha)));
    }
    let opaque = Samples::U8(vec![255; image.width * image.height]);
    if matches!(format, Format::Gif | Format::Ico | Format::Farbfeld) {
        held.alpha.get_or_insert(opaque);
    }
    held
}

#[test]
fn lossless_formats_give_back_every_sample() {
    for format in
        Format::ALL.into_iter().filter(|f| f.is_written() && !matches!(f, Format::Jpeg | Format::Gif))
    {
        for (channels, alpha) in [(1, false), (1, true), (3, false), (3, true)] {
            for depth in [Depth::U8, Depth::U16, Depth::F32] {
                let image = picture(channels, depth, alpha, false);
                let file = encoded(&image, &Metadata::default(), format);
                let back = decoded(&file.bytes, format).image;
                let kept = if depth == Depth::U8 { 8 } else { format.max_bits() };
                let step = if kept == 8 { 1.0 / 255.0 } else { 1.0 / 65535.0 };
                let exact = depth.bits() == kept || (depth == Depth::U8 && kept == 16);
                let difference = worst_difference(&as_held(&image, format), &back);
                let what = format!("{} {channels} {alpha} {depth:?}: {difference}", format.name());
                assert!(difference <= if exact { 0.0 } else { step * 0.5001 }, "{what}");
                let bits = if format == Format::Farbfeld { 16 } else { kept };
                assert_eq!(back.depth().bits(), bits, "{what}");
                assert_eq!(file.notes.is_empty(), depth.bits() <= format.max_bits(), "{:?}", file.notes);
            }
        }
    }
}

#[test]
fn gif_and_jpeg_come_close() {
    for channels in [1, 3] {
        let image = picture(channels, Depth::U8, false, false);
        let back = decoded(&encoded(&image, &Metadata::default(), Format::Jpeg).bytes, Format::Jpeg);
        assert!(worst_difference(&image, &back.image) < 0.15);
        assert!(back.source.quality.is_some_and(|q| q.abs_diff(92) <= 1));
        let hard = picture(channels, Depth::U8, true, true);
        let back = decoded(&encoded(&hard, &Metadata::default(), Format::Gif).bytes, Format::Gif).image;
        assert_eq!(back.alpha, hard.alpha);
    }
    let colour = picture(3, Depth::U8, false, false);
    let back = decoded(&encoded(&colour, &Metadata::default(), Format::Gif).bytes, Format::Gif).image;
    assert!(worst_difference(&as_held(&colour, Format::Gif), &back) < 0.1);
    let mut opaque = picture(3, Depth::U8, false, false);
    opaque.alpha = Some(Samples::U8(vec![255; opaque.width * opaque.height]));
    let back = decoded(&encoded(&opaque, &Metadata::default(), Format::Jpeg).bytes, Format::Jpeg);
    assert_eq!(back.image.alpha, None);
    let alpha = picture(3, Depth::U8, true, false);
    let error = encode(&alpha, &Metadata::default(), None, &EncodeOptions::new(Format::Jpeg)).unwrap_err();
    assert!(error.to_string().contains("write png"));
}

#[test]
fn a_jpeg_keeps_its_subsampling_quality_and_channels() {
    let image = picture(3, Depth::U8, false, false);
    for subsampling in
        [Subsampling::S444, Subsampling::S422, Subsampling::S440, Subsampling::S420, Subsampling::S411]
    {
        for progressive in [false, true] {
            let source = Source {
                format: Format::Jpeg,
                width: 37,
                height: 23,
                bit_depth: 8,
                channels: 3,
                lossless: false,
                subsampling: Some(subsampling),
                quality: Some(71),
                progressive,
                notes: Vec::new(),
            };
            let options = EncodeOptions::new(Format::Jpeg);
            let file = encode(&image, &Metadata::default(), Some(&source), &options).unwrap();
            let back = decoded(&file.bytes, Format::Jpeg);
            assert_eq!(back.source.subsampling, Some(subsampling));
            assert_eq!(back.source.progressive, progressive);
            assert!(back.source.quality.is_some_and(|q| q.abs_diff(71) <= 1));
            assert!(worst_difference(&image, &back.image) < 0.25);
        }
    }
}

#[test]
fn lossy_webp_stays_lossy_and_close() {
    let image = picture(3, Depth::U8, true, false);
    let lossless = decoded(&encoded(&image, &Metadata::default(), Format::WebP).bytes, Format::WebP);
    assert!(lossless.source.lossless);
    let source = Source { lossless: false, ..lossless.source };
    let file = encode(&image, &full_metadata(3), Some(&source), &EncodeOptions::new(Format::WebP)).unwrap();
    let back = decoded(&file.bytes, Format::WebP);
    assert!(!back.source.lossless);
    assert_eq!(back.image.alpha, image.alpha);
    assert_eq!(back.meta.icc, full_metadata(3).icc);
}

/// Everything that can be carried; the profile is larger than one JPEG segment.
fn full_metadata(channels: usize) -> Metadata {
    let mut icc = vec![7; 150_000];
    icc[16..20].copy_from_slice(if channels == 1 { b"GRAY" } else { b"RGB " });
    let field = |tag, kind, data: &[u8]| exif::Field { tag, kind, data: data.to_vec() };
    let fields = exif::Fields {
        main: vec![
            field(0x010F, 2, b"Maker\0"),
            field(0x0110, 2, b"Model 1\0"),
            field(exif::ORIENTATION, 3, &[1, 0]),
            field(0x0132, 2, b"2001:02:03 04:05:06\0"),
            field(0x8298, 2, b"Copyright\0"),
        ],
        exif: vec![
            field(0x829A, 5, &[1, 0, 0, 0, 125, 0, 0, 0]),
            field(0xA002, 4, &37u32.to_le_bytes()),
            field(0xA003, 4, &23u32.to_le_bytes()),
        ],
        gps: vec![field(1, 2, b"N\0"), field(2, 5, &[9; 24])],
        interop: vec![field(1, 2, b"R98\0")],
        ..exif::Fields::default()
    };
    Metadata {
        exif: Some(fields.to_block()),
        icc: Some(icc),
        xmp: Some(br#"<x:xmpmeta tiff:Orientation="1" exif:PixelXDimension="37">"#.to_vec()),
        iptc: Some(b"8BIM\x04\x04\0\0\0\0\0\x04iptc".to_vec()),
        texts: vec![comment("gr\u{fc}n \u{2713}")],
        density: Some(Density { x: 300.0, y: 150.0, unit: DensityUnit::PerInch }),
        ..Metadata::default()
    }
}

fn comment(text: &str) -> Text {
    Text::new("Comment", text.as_bytes().to_vec(), TextEncoding::Utf8)
}

#[test]
fn metadata_goes_round_in_every_container_that_carries_it() {
    for channels in [1, 3] {
        let image = picture(channels, Depth::U8, false, false);
        let mut meta = full_metadata(channels);
        if channels == 1 {
            meta.set_orientation(6);
        }
        // Through each container in turn: what one loses, the next can't show.
        for format in [Format::Jpeg, Format::Png, Format::Tiff, Format::WebP] {
            if format == Format::WebP && channels == 1 {
                continue; // Always RGB: a gray profile is dropped.
            }
            let file = encoded(&image, &meta, format);
            let back = decoded(&file.bytes, format).meta;
            let name = format.name();
            assert_eq!(back.orientation, meta.orientation, "{name}");
            assert_eq!(back.icc, meta.icc, "{name}");
            assert_eq!(back.xmp, meta.xmp, "{name}");
            let fields = |meta: &Metadata| meta.exif.as_deref().and_then(exif::Fields::parse);
            let (mut found, wanted) = (fields(&back), fields(&meta));
            if format == Format::Tiff {
                // The comment, as a description.
                let text = [meta.texts[0].bytes.as_slice(), b"\0"].concat();
                assert_eq!(found.as_mut().unwrap().main.remove(0).data, text);
            }
            assert_eq!(found, wanted, "{name}");
            if format != Format::WebP {
                let density = back.density.unwrap().in_unit(DensityUnit::PerInch);
                assert!((density.x - 300.0).abs() < 0.1 && (density.y - 150.0).abs() < 0.1, "{name}");
            }
            let lost_iptc = format == Format::WebP;
            assert_eq!(back.iptc, meta.iptc.clone().filter(|_| !lost_iptc), "{name}");
            let lost_text = matches!(format, Format::Tiff | Format::WebP);
            assert_eq!(back.texts.is_empty(), lost_text, "{name}");
            let bytes = |meta: &Metadata| meta.texts.iter().map(|t| t.bytes.clone()).collect::<Vec<_>>();
            assert!(lost_text || bytes(&back) == bytes(&meta), "{name}");
            assert_eq!(
                file.notes.iter().any(|note| Loss::of(note) == Some(Loss::Metadata)),
                lost_iptc,
                "{name}: {:?}",
                file.notes
            );
        }
    }
}

#[test]
fn metadata_follows_a_new_size_and_damaged_exif_passes_through() {
    let meta = full_metadata(3);
    let image = Image::new(5, 7, 3, Depth::U8);
    let back = decoded(&encoded(&image, &meta, Format::Png).bytes, Format::Png).meta;
    let fields = exif::Fields::parse(&back.exif.unwrap()).unwrap();
    assert_eq!(fields.exif[1].data, 5u32.to_le_bytes());
    assert_eq!(fields.exif[2].data, 7u32.to_le_bytes());
    assert!(String::from_utf8(back.xmp.unwrap()).unwrap().contains(r#"exif:PixelXDimension="5""#));
    for format in [Format::Jpeg, Format::Png, Format::WebP] {
        let damaged = Metadata { exif: Some(b"MM\0*\xff\xff\xff\xff".to_vec()), ..Metadata::default() };
        let back = decoded(&encoded(&image, &damaged, format).bytes, format).meta;
        assert_eq!((back.exif, back.orientation), (damaged.exif, 1), "{}", format.name());
    }
}

#[test]
fn iptc_records_of_a_tiff_become_a_photoshop_resource() {
    let meta = Metadata { iptc: full_metadata(3).iptc, ..Metadata::default() };
    let mut bytes = encoded(&picture(3, Depth::U8, false, false), &meta, Format::Tiff).bytes;
    // The tag of image resources made that of bare records.
    let entry = 34377u16.to_le_bytes().into_iter().chain([7, 0]).collect::<Vec<u8>>();
    let at = bytes.windows(4).position(|window| window == entry).unwrap();
    bytes[at..at + 2].copy_from_slice(&33723u16.to_le_bytes());
    let records = meta.iptc.unwrap();
    assert_eq!(decoded(&bytes, Format::Tiff).meta.iptc, Some(photoshop::as_resource(&records)));
}

#[test]
fn without_metadata_profile_and_gamma_stay() {
    let colour = Some(Colour { gamma: Some(45_455), ..Colour::default() });
    let meta = Metadata { colour: colour.clone(), texts: full_metadata(3).texts, ..Metadata::default() };
    let options = EncodeOptions { keep_metadata: false, ..EncodeOptions::new(Format::Png) };
    let file = encode(&picture(3, Depth::U8, false, false), &meta, None, &options).unwrap();
    let kept = Metadata { colour, ..Metadata::default() };
    assert_eq!(decoded(&file.bytes, Format::Png).meta, kept);
}

#[test]
fn profiles_for_other_channels_are_left_out() {
    let meta = Metadata { icc: full_metadata(3).icc, ..Metadata::default() };
    for format in [Format::Jpeg, Format::Png, Format::Tiff] {
        let file = encoded(&picture(1, Depth::U8, false, false), &meta, format);
        assert_eq!(decoded(&file.bytes, format).meta.icc, None);
        assert!(file.notes.iter().any(|note| note.contains("profile")));
    }
}

#[test]
fn pixels_are_turned_where_the_tag_cannot_go() {
    let image = picture(3, Depth::U8, false, false);
    let mut meta = Metadata::default();
    meta.set_orientation(6);
    let turned = decoded(&encoded(&image, &meta, Format::Bmp).bytes, Format::Bmp);
    assert_eq!(turned.image, upright(image.clone(), 6));
    let source = decoded(&encoded(&image, &meta, Format::Jpeg).bytes, Format::Jpeg).source;
    for format in [Format::Png, Format::WebP] {
        let file = encode(&image, &meta, Some(&source), &EncodeOptions::new(format)).unwrap();
        let back = decoded(&file.bytes, format);
        assert_eq!((back.image.width, back.meta.orientation), (image.height, 1), "{}", format.name());
    }
    let file = encode(&image, &meta, Some(&source), &EncodeOptions::new(Format::Tiff)).unwrap();
    assert_eq!(decoded(&file.bytes, Format::Tiff).meta.orientation, 6);
    let options = EncodeOptions { keep_metadata: false, ..EncodeOptions::new(Format::Png) };
    let file = encode(&image, &meta, None, &options).unwrap();
    let bare = decoded(&file.bytes, Format::Png);
    assert_eq!((bare.image, bare.meta), (upright(image, 6), Metadata::default()));
}

#[test]
fn orientations_of_real_files_all_show_the_same_picture() {
    for side in ["Landscape", "Portrait"] {
        let mut reference: Option<Image> = None;
        for (path, bytes) in files("odd/orientation") {
            let name = path.file_stem().and_then(|n| n.to_str()).unwrap().to_owned();
            let Some(orientation) = name.strip_prefix(&format!("{side}_")).and_then(|n| n.parse::<u8>().ok())
            else {
                continue;
            };
            let decoded = decode(&bytes, &path, &LIMITS).unwrap();
            assert_eq!(decoded.meta.orientation, orientation.max(1), "{name}");
            let image = upright(decoded.image, decoded.meta.orientation);
            // The files carry their number as text; the rest is the same picture, so compare the mean.
            let reference = reference.get_or_insert_with(|| image.clone());
            assert_eq!((image.width, image.height), (reference.width, reference.height), "{name}");
            let len = image.samples.len();
            let sum: f32 = (0..len).map(|i| (image.samples.get(i) - reference.samples.get(i)).abs()).sum();
            assert!(sum / (len as f32) < 0.02, "{name}: mean difference {}", sum / len as f32);
        }
    }
}
