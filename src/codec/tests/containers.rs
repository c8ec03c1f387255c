//! What BMP, GIF, WebP, TGA, PNM and QOI hold beside pixels.

use super::*;

fn small() -> Image {
    picture(3, Depth::U8, false, false)
}

#[test]
fn cases_of_bitmaps_have_their_right_values() {
    for (path, bytes) in files("cases/bmp") {
        let first = decode(&bytes, &path, &LIMITS).unwrap();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap();
        assert_eq!(first.image.alpha.is_some(), name.contains("_alpha"), "{name}");
        let dpi = first.meta.density.unwrap().in_unit(DensityUnit::PerInch).x;
        let wanted = if name.starts_with("v5") { 300.0 } else { 72.0 };
        assert!((dpi - wanted).abs() < 0.1, "{name}: {dpi}");
        assert_eq!(first.meta.icc.is_some(), name.contains("prof"), "{name}");
        for format in [Format::Bmp, Format::Png, Format::Tiff] {
            let out = encoded(&first.image, &first.meta, format);
            assert!(out.notes.is_empty(), "{name}: {:?}", out.notes);
            let back = decoded(&out.bytes, format);
            assert_eq!(back.image, first.image, "{name}");
            let back_dpi = back.meta.density.unwrap().in_unit(DensityUnit::PerInch).x;
            assert!((back_dpi - dpi).abs() < 0.05, "{name}");
            if first.meta.icc.is_some() || format == Format::Bmp {
                assert_eq!(
                    (back.meta.icc, back.meta.colour),
                    (first.meta.icc.clone(), first.meta.colour.clone())
                );
            }
        }
    }
}

/// A bitmap of 2 x 2 pixels with a header of 124 bytes.
fn bitmap(bits: u16, compression: u32, masks: [u32; 4], space: &[u8; 4], pixels: &[u8]) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0\x8a\0\0\0".to_vec();
    for word in [124u32, 2, 2, 1 | u32::from(bits) << 16, compression, 0, 2835, 2835, 0, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(masks.iter().flat_map(|mask| mask.to_le_bytes()));
    file.extend(space.iter().rev());
    // Endpoints of Adobe RGB's primaries under D65 in 2.30 bits, and a gamma of 2.2.
    let one = f64::from(1 << 30);
    let endpoints = [0.5767, 0.2973, 0.027, 0.1856, 0.6273, 0.0707, 0.1882, 0.0753, 0.9911];
    file.extend(endpoints.iter().flat_map(|v| ((v * one) as u32).to_le_bytes()));
    file.extend([144_179u32; 3].iter().flat_map(|v| v.to_le_bytes()));
    file.extend([0; 16]);
    assert_eq!(file.len(), 138);
    file.extend_from_slice(pixels);
    file
}

fn bmp(bytes: &[u8]) -> Decoded {
    decode(bytes, Path::new("a.bmp"), &LIMITS).unwrap()
}

#[test]
fn a_bitmap_has_alpha_where_its_masks_say_so() {
    let bgra: Vec<u8> = (1..=16).map(|i| i * 10).collect();
    let masks = [0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000];
    for compression in [0, 3] {
        let with = bmp(&bitmap(32, compression, masks, b"sRGB", &bgra));
        // The lowest row comes first.
        assert_eq!(with.image.alpha, Some(Samples::U8(vec![120, 160, 40, 80])));
        assert_eq!(pack::to_u8(&with.image.samples)[..3], [110, 100, 90]);
        let without = bmp(&bitmap(32, compression, [masks[0], masks[1], masks[2], 0], b"sRGB", &bgra));
        assert_eq!(without.image.alpha, None);
    }
    // Stated and left empty: nobody keeps a picture that can't be seen.
    let empty: Vec<u8> = bgra.chunks(4).flat_map(|p| [p[0], p[1], p[2], 0]).collect();
    let decoded = bmp(&bitmap(32, 3, masks, b"sRGB", &empty));
    assert_eq!((decoded.image.alpha, decoded.meta.extras.len()), (None, 1));
}

#[test]
fn masks_of_any_width_are_stretched_and_more_than_8_bits_stay() {
    // 10 bits each and 2 of alpha.
    let masks = [0x3FF0_0000, 0xF_FC00, 0x3FF, 0xC000_0000];
    let pixel = 0x4000_0000u32 | 1023 << 20 | 512 << 10 | 1;
    let decoded = bmp(&bitmap(32, 3, masks, b"sRGB", &pixel.to_le_bytes().repeat(4)));
    assert_eq!(decoded.source.bit_depth, 10);
    let Samples::U16(values) = decoded.image.samples else { panic!("16 bits") };
    assert_eq!(values[..3], [65_535, 32_800, 64]);
    assert_eq!(decoded.image.alpha, Some(Samples::U16(vec![21_845; 4])));
    let gap = bitmap(32, 3, [0xFF_00FF, 0xFF00, 0xFF, 0], b"sRGB", &[0; 16]);
    assert!(decode(&gap, Path::new("a.bmp"), &LIMITS).is_err());
}

#[test]
fn a_bitmap_s_primaries_and_gamma_are_read() {
    let decoded = bmp(&bitmap(24, 0, [0; 4], b"\0\0\0\0", &[9; 16]));
    let colour = decoded.meta.colour.unwrap();
    assert_eq!(colour.gamma, Some(45_455));
    let wanted = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000];
    let given = colour.chromaticities.unwrap();
    assert!(given.iter().zip(wanted).all(|(a, b): (&u32, u32)| a.abs_diff(b) < 60), "{given:?}");
}

#[test]
fn a_gray_bitmap_stays_gray_and_what_is_cut_is_damaged() {
    let image = picture(1, Depth::U8, false, false);
    let mut meta = Metadata { icc: full_metadata(3).icc, ..Metadata::default() };
    meta.density = Some(Density { x: 300.0, y: 150.0, unit: DensityUnit::PerInch });
    let file = encoded(&image, &meta, Format::Bmp);
    let back = decoded(&file.bytes, Format::Bmp);
    assert_eq!((back.image, back.meta.icc), (image, meta.icc));
    let density = back.meta.density.unwrap().in_unit(DensityUnit::PerInch);
    assert!((density.x - 300.0).abs() < 0.05 && (density.y - 150.0).abs() < 0.05);
    let plain = encoded(&small(), &Metadata::default(), Format::Bmp).bytes;
    let error = decode(&plain[..plain.len() - 5], Path::new("a.bmp"), &LIMITS).unwrap_err();
    assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
    let trailing = bmp(&[plain.as_slice(), b"more"].concat());
    assert!(trailing.meta.extras[0].what.contains("4 bytes"));
}

#[test]
fn comments_and_xmp_of_a_gif_go_round() {
    let hard = picture(3, Depth::U8, false, false);
    let mut meta = Metadata { xmp: Some(b"<x:xmpmeta>\xc3\xa4</x:xmpmeta>".to_vec()), ..Metadata::default() };
    meta.texts = vec![Text::new("Comment", b"Gr\xfc\xdfe ".repeat(100), TextEncoding::Unknown)];
    let file = encoded(&hard, &meta, Format::Gif);
    let back = decoded(&file.bytes, Format::Gif);
    assert_eq!((&back.meta.xmp, &back.meta.texts), (&meta.xmp, &meta.texts));
    assert!(!file.notes.iter().any(|note| Loss::of(note) == Some(Loss::Metadata)), "{:?}", file.notes);
    // What nobody knows is told, and so is what stands behind.
    let block = b"\x21\xFF\x0BMYPROG  1.0\x03abc\0";
    let mut other = file.bytes.clone();
    let at = other.windows(14).position(|part| part == b"\x21\xFF\x0BXMP DataXMP").unwrap();
    other.splice(at..at, *block);
    other.extend(b"trailer");
    let extras = decode(&other, Path::new("a.gif"), &LIMITS).unwrap().meta.extras;
    assert!(extras[0].what.contains("MYPROG") && extras[1].what.contains("7 bytes"), "{extras:?}");
    let error = decode(&file.bytes[..file.bytes.len() - 20], Path::new("a.gif"), &LIMITS).unwrap_err();
    assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
}

#[test]
fn a_webp_is_cut_only_where_a_chunk_is() {
    let read = |file: &[u8]| decode(file, Path::new("a.webp"), &LIMITS);
    for meta in [Metadata::default(), full_metadata(3)] {
        let file = encoded(&small(), &meta, Format::WebP).bytes;
        let mut longer = file.clone();
        longer[4..8].copy_from_slice(&(file.len() as u32 + 992).to_le_bytes());
        let decoded = read(&longer).unwrap();
        assert_eq!(decoded.image, read(&file).unwrap().image);
        assert!(
            decoded.source.notes.iter().any(|note| note.contains("longer")),
            "{:?}",
            decoded.source.notes
        );
        let strict = Limits { strict: true, ..LIMITS };
        assert!(decode(&longer, Path::new("a.webp"), &strict).is_err());
        for end in [longer.len() - 3, 40] {
            let error = read(&longer[..end]).unwrap_err();
            assert!(!error.to_string().contains("can't be told"), "{error}");
        }
        // What stands behind its stated end, and a chunk across it.
        let trailing = read(&[file.as_slice(), b"more"].concat()).unwrap();
        assert!(trailing.meta.extras.iter().any(|extra| extra.what.contains("4 bytes behind its end")));
        let mut across = [file.as_slice(), b"EXIF\x20\0\0\0II*\0"].concat();
        let size = across.len() as u32 - 8;
        across[4..8].copy_from_slice(&size.to_le_bytes());
        let told = read(&across).unwrap();
        assert!(told.meta.extras.iter().any(|extra| extra.what.contains("no whole chunk (EXIF)")));
    }
    let file = encoded(&small(), &full_metadata(3), Format::WebP).bytes;
    let error = read(&file[..file.len() - 6]).unwrap_err();
    assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
}

#[test]
fn unknown_chunks_of_a_webp_are_told() {
    let mut file = encoded(&small(), &full_metadata(3), Format::WebP).bytes;
    file.extend(b"MINE\x04\0\0\0data");
    let size = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&size);
    let extras = decode(&file, Path::new("a.webp"), &LIMITS).unwrap().meta.extras;
    assert!(extras.len() == 1 && extras[0].what.contains("MINE"), "{extras:?}");
    let error = decode(&file[..file.len() - 6], Path::new("a.webp"), &LIMITS).unwrap_err();
    assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
}

#[test]
fn comments_of_netpbm_go_round_and_further_pictures_are_told() {
    let file = b"P5 # one\n# two\n2 1\n# three\n255\nab".to_vec();
    let first = decode(&file, Path::new("a.pgm"), &LIMITS).unwrap();
    let texts = |meta: &Metadata| meta.texts.iter().map(|text| text.bytes.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&first.meta), [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
    for image in [first.image.clone(), picture(3, Depth::U16, true, false)] {
        let out = encoded(&image, &first.meta, Format::Pnm);
        let back = decoded(&out.bytes, Format::Pnm);
        assert_eq!((texts(&back.meta), back.image), (texts(&first.meta), image));
        assert!(out.notes.is_empty(), "{:?}", out.notes);
    }
    let two = decode(&file.repeat(2), Path::new("a.pgm"), &LIMITS).unwrap();
    assert!(
        two.source.notes.iter().any(|note| Loss::of(note) == Some(Loss::Pages)),
        "{:?}",
        two.source.notes
    );
}

#[test]
fn a_qoi_of_linear_values_is_not_taken_for_srgb() {
    let mut file = encoded(&small(), &Metadata::default(), Format::Qoi).bytes;
    file[13] = 1;
    let first = decode(&file, Path::new("a.qoi"), &LIMITS).unwrap();
    assert_eq!(first.meta.colour.as_ref().and_then(|colour| colour.gamma), Some(100_000));
    let out = encoded(&first.image, &first.meta, Format::Qoi);
    assert!(out.notes[0].contains("sRGB") && out.bytes[13] == 0);
}

/// A TGA of 2 x 1 pixels.
fn tga(kind: u8, bits: u8, descriptor: u8, pixels: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, bits, descriptor];
    file.extend_from_slice(pixels);
    file
}

#[test]
fn a_tga_s_fourth_byte_is_alpha_only_where_it_says_so() {
    let read = |bytes: &[u8]| decode(bytes, Path::new("a.tga"), &LIMITS).unwrap();
    let pixels = [1, 2, 3, 0, 4, 5, 6, 200];
    let alpha = read(&tga(2, 32, 0x28, &pixels));
    assert_eq!(alpha.image.alpha, Some(Samples::U8(vec![0, 200])));
    assert_eq!(alpha.image.samples, Samples::U8(vec![3, 2, 1, 6, 5, 4]));
    let none = read(&tga(2, 32, 0x20, &pixels));
    assert_eq!((none.image.alpha, none.meta.extras.len()), (None, 1));
    let sixteen = read(&tga(2, 16, 0x21, &[0x1F, 0x80, 0xE0, 0x03]));
    assert_eq!(sixteen.image.samples, Samples::U8(vec![0, 0, 255, 0, 255, 0]));
    assert_eq!(sixteen.image.alpha, Some(Samples::U8(vec![255, 0])));
    // Run lengths, from right to left.
    let runs = read(&tga(11, 8, 0x10, &[0, 7, 0, 9]));
    assert_eq!(runs.image.samples, Samples::U8(vec![9, 7]));
    let error = decode(&tga(11, 8, 0, &[1, 7]), Path::new("a.tga"), &LIMITS).unwrap_err();
    assert!(matches!(error, CodecError::Damaged { .. }), "{error}");
}

#[test]
fn the_extension_area_of_a_tga_is_told() {
    let mut file = tga(2, 24, 0, &[1, 2, 3, 4, 5, 6]);
    let at = file.len() as u32;
    let mut area = vec![0u8; 495];
    area[..2].copy_from_slice(&495u16.to_le_bytes());
    area[2..5].copy_from_slice(b"Opa");
    area[43..48].copy_from_slice(b"Words");
    area[486] = 1;
    file.extend(area);
    file.extend(at.to_le_bytes());
    file.extend([0; 4]);
    file.extend(b"TRUEVISION-XFILE.\0");
    let meta = decode(&file, Path::new("a.tga"), &LIMITS).unwrap().meta;
    let texts: Vec<_> = meta.texts.iter().map(|t| (t.keyword.as_str(), t.bytes.as_slice())).collect();
    assert_eq!(texts, [("Author", b"Opa".as_slice()), ("Comment", b"Words")]);
    assert_eq!(meta.extras[0].loss, Loss::Pictures);
}
