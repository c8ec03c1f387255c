//! What is not read, by its right name; damage; and headers that mean harm.

use super::*;

fn error(tiff: &Tiff) -> CodecError {
    read(&tiff.bytes()).unwrap_err()
}

fn gray() -> Tiff {
    Tiff::new(2, 2, 1, &[8]).chunk(vec![1, 2, 3, 4])
}

#[test]
fn what_is_not_read_is_named() {
    let many = |bits: u16| Tiff::new(2, 2, 1, &[bits]).chunk(vec![0; 64]);
    let named = [
        (gray().with(259, 3, &[34925]), "LZMA compression (34925)"),
        (gray().with(259, 3, &[9999]), "unknown compression 9999"),
        (gray().with(259, 3, &[4]).with(293, 4, &[2]), "uncompressed stretches"),
        (gray().with(259, 3, &[6]), "old-style JPEG"),
        (gray().with(259, 3, &[3]), "Group 3 compression of 1 samples with 8 bits"),
        (gray().with(262, 3, &[4]), "transparency mask"),
        (gray().with(262, 3, &[32845]), "LogLuv"),
        (gray().with(262, 3, &[32803]), "raw file"),
        (gray().with(339, 3, &[2]), "signed 8-bit"),
        (many(32), "32-bit integer"),
        (many(64).with(339, 3, &[6]), "complex"),
        (many(32).with(339, 3, &[3]).with(262, 3, &[5]).with(277, 3, &[4]), "float samples in CMYK"),
        (Tiff::new(2, 2, 2, &[5, 6, 5]).chunk(vec![0; 64]), "samples of different depths"),
        (many(16).with(262, 3, &[3]), "palette of 16 bits"),
        (many(12).with(259, 3, &[8]).with(317, 3, &[2]), "predictor 2 on 12-bit"),
        (many(8).with(259, 3, &[8]).with(317, 3, &[3]), "predictor 3 on 8-bit integer"),
        (many(8).with(317, 3, &[2]), "predictor 2 with no compression"),
        (Tiff::new(2, 2, 5, &[8; 4]).with(332, 3, &[2]).chunk(vec![0; 64]), "inks other than"),
    ];
    for (tiff, name) in named {
        let error = error(&tiff);
        assert!(matches!(error, CodecError::Unsupported { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn contradictions_are_malformed() {
    for (tiff, what) in [
        (gray().with(256, 4, &[0]), "a width of 0"),
        (gray().without(257), "doesn't say the height"),
        (gray().with(262, 3, &[2]), "RGB with 1 samples"),
        (gray().with(278, 4, &[1]), "lists 1 strips where its picture has 2"),
        (gray().with(284, 3, &[7]), "planar configuration 7"),
        (gray().with(259, 3, &[8]), "strip 1 of 1: its Deflate data is wrong"),
        (gray().with(256, 2, &[49, 0]), "tag 256 has type 2"),
    ] {
        let error = error(&tiff);
        assert!(matches!(error, CodecError::Malformed { .. }), "{what}: {error:?}");
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
}

#[test]
fn what_lies_beyond_the_end_is_damage_and_sparse_files_are_told() {
    let beyond = gray().with(273, 4, &[1 << 20]).without(273).with(324, 4, &[1 << 20]);
    for error in [error(&beyond), read(&gray().bytes()[..20]).unwrap_err()] {
        assert!(
            matches!(error, CodecError::Damaged { .. }) && error.to_string().contains("cut short"),
            "{error}"
        );
    }
    // A strip that is too short takes nothing from behind it that is known to be no picture.
    let tall = Tiff::new(2, 9, 1, &[8]).chunk(vec![1, 2, 3, 4]);
    assert!(error(&tall).to_string().contains("strip 1 of 1: its data ends too early"));
    let packed = Tiff::new(2, 9, 1, &[8]).with(259, 3, &[8]).chunk(deflate(&[1, 2, 3, 4]));
    assert!(error(&packed).to_string().contains("strip 1 of 1: its data ends too early"));
    let sparse = gray().without(273).with(324, 4, &[0]);
    assert!(error(&sparse).to_string().contains("strip 1 of 1 left out of the file"));
    let mut wrong = deflate(&[1, 2, 3, 4]);
    *wrong.last_mut().unwrap() ^= 1;
    let wrong = Tiff::new(2, 2, 1, &[8]).with(259, 3, &[8]).chunk(wrong);
    let error = error(&wrong);
    assert!(matches!(error, CodecError::Damaged { .. }) && error.to_string().contains("checksum"), "{error}");
}

#[test]
fn headers_that_ask_for_too_much_are_refused_before_memory_is_taken() {
    let large = [
        gray().with(256, 4, &[u64::from(u32::MAX)]).with(257, 4, &[u64::from(u32::MAX)]),
        gray().with(322, 4, &[1 << 31]).with(323, 4, &[1 << 31]),
        gray().with(277, 3, &[65535]).with(256, 4, &[1 << 20]),
    ];
    for tiff in large {
        let error = error(&tiff);
        let told = matches!(error, CodecError::TooLarge { .. } | CodecError::Malformed { .. });
        assert!(told || matches!(error, CodecError::Unsupported { .. }), "{error:?}");
    }
    // A tag with more values than there are bytes, and a directory with more entries.
    let mut bytes = gray().bytes();
    let directory = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    bytes[directory..directory + 2].copy_from_slice(&[0xFF, 0xFF]);
    assert!(matches!(read(&bytes), Err(CodecError::Damaged { .. })));
    let mut bytes = gray().with(34675, 7, &[8; 9]).bytes();
    let at = bytes.windows(4).position(|window| window == [0x73, 0x87, 7, 0]).unwrap();
    bytes[at + 4..at + 8].fill(0xFF);
    assert_eq!(lost(&read(&bytes).unwrap(), Loss::Colour), ["ICC profile; it can't be read"]);
}

#[test]
fn no_change_of_a_header_makes_it_panic() {
    let base = [
        gray().bytes(),
        gray().big_tiff(),
        Tiff::new(5, 5, 6, &[8; 3]).with(530, 3, &[2, 2]).with(532, 5, &[1; 12]).chunk(vec![9; 54]).bytes(),
        Tiff::new(9, 9, 1, &[1]).with(259, 3, &[4]).chunk(vec![0x5A; 40]).bytes(),
        Tiff::new(9, 9, 3, &[4, 4]).with(338, 3, &[2]).with(320, 3, &[7; 48]).chunk(vec![0x5A; 200]).bytes(),
        Tiff::new(6, 6, 2, &[16; 3]).with(259, 3, &[8]).with(317, 3, &[2]).chunk(deflate(&[3; 216])).bytes(),
    ];
    let mut state = 7u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let small = Limits { max_pixels: 1 << 20, max_bytes: 1 << 24, strict: false };
    for round in 0..6000 {
        let mut bytes = base[round % base.len()].clone();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            bytes[at] = [0, 1, 2, 3, 4, 6, 7, 8, 0x7F, 0x80, 0xFF, next(256) as u8][next(12)];
        }
        if let Ok(header) = probe_picture(Cursor::new(&bytes), Path::new("a.tif"), 0) {
            let _ = decode_probed(&bytes, &header, Path::new("a.tif"), &small);
        }
    }
}
