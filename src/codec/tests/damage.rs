//! Damaged, truncated, oversized and misnamed files: errors, never half pictures, panics or hangs.

use crate::shown::Show;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

/// Files of every format whose damage must show, small and with several blocks of data.
fn samples_for_damage() -> Vec<(Format, Vec<u8>)> {
    let mut image = Image::new(150, 131, 3, Depth::U8);
    let mut noise = 1u32;
    for i in 0..image.samples.len() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image.samples.set(i, 0.3 * (i as f32 * 0.01).sin() + 0.5 + 0.1 * (noise >> 16) as f32 / 65536.0);
    }
    let mut samples = Vec::new();
    for format in Format::ALL.into_iter().filter(|&f| f.is_written() && f != Format::Ico) {
        samples.push((format, encoded(&image, &Metadata::default(), format).bytes));
    }
    let mut source = decoded(&samples[1].1, Format::Jpeg).source;
    source.progressive = true;
    let options = EncodeOptions::new(Format::Jpeg);
    samples
        .push((Format::Jpeg, encode(&image, &Metadata::default(), Some(&source), &options).unwrap().bytes));
    source.format = Format::WebP;
    let options = EncodeOptions::new(Format::WebP);
    samples
        .push((Format::WebP, encode(&image, &Metadata::default(), Some(&source), &options).unwrap().bytes));
    samples
}

#[test]
fn truncated_files_are_errors_and_trailing_bytes_are_not() {
    for (format, bytes) in samples_for_damage() {
        let path = path(format);
        for percent in (0..100).step_by(5).chain([96, 97, 98, 99]) {
            let cut = &bytes[..bytes.len() * percent / 100];
            assert!(decode(cut, &path, &LIMITS).is_err(), "{} cut at {percent} %", format.name());
        }
        let whole = decode(&bytes, &path, &LIMITS).unwrap().image;
        let trailing = [bytes.as_slice(), &[0, 1, 2, 3, 0xFF, 0xD8, 0xFF, 0xD9]].concat();
        assert_eq!(decode(&trailing, &path, &LIMITS).unwrap().image, whole, "{}", format.name());
    }
}

/// Baseline, progressive and by-component JPEGs.
fn jpegs() -> Vec<(&'static str, Vec<u8>)> {
    let mut files = samples_for_damage().into_iter().filter(|(format, _)| *format == Format::Jpeg);
    let (baseline, progressive) = (files.next().unwrap().1, files.next().unwrap().1);
    let image = decoded(&baseline, Format::Jpeg).image;
    let mut by_component = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut by_component, 92);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&pack::to_u8(&image.samples), 150, 131, jpeg_encoder::ColorType::Rgb).unwrap();
    let mut restarts = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut restarts, 92);
    encoder.set_progressive(true);
    encoder.set_restart_interval(7);
    encoder.encode(&pack::to_u8(&image.samples), 150, 131, jpeg_encoder::ColorType::Rgb).unwrap();
    let names = ["baseline", "progressive", "by component", "with restarts"];
    names.into_iter().zip([baseline, progressive, by_component, restarts]).collect()
}

#[test]
fn a_jpeg_whose_end_is_missing_or_blank_is_an_error_even_with_an_end_marker() {
    for (name, bytes) in jpegs() {
        assert!(decode(&bytes, &path(Format::Jpeg), &LIMITS).is_ok(), "{name}");
        for percent in 1..100 {
            let cut = bytes.len() * percent / 100;
            // The marker must not complete a stuffed byte.
            let cut = if bytes[cut - 1] == 0xFF { cut - 1 } else { cut };
            let ended = [&bytes[..cut], &[0xFF, 0xD9]].concat();
            assert!(decode(&ended, &path(Format::Jpeg), &LIMITS).is_err(), "{name} ended at {percent} %");
            let mut zeroed = bytes.clone();
            zeroed[cut..].fill(0);
            assert!(decode(&zeroed, &path(Format::Jpeg), &LIMITS).is_err(), "{name}: zeros from {percent} %");
        }
    }
}

#[test]
fn a_progressive_jpeg_with_a_blank_middle_is_an_error() {
    // In sequential files, damaged data may decode to just as many blocks.
    for (name, bytes) in
        jpegs().into_iter().filter(|(name, _)| matches!(*name, "progressive" | "with restarts"))
    {
        let missed: Vec<usize> = (10..90)
            .filter(|percent| {
                let mut zeroed = bytes.clone();
                let at = bytes.len() * percent / 100;
                zeroed[at..at + bytes.len() / 20].fill(0);
                decode(&zeroed, &path(Format::Jpeg), &LIMITS).is_ok()
            })
            .collect();
        assert!(missed.is_empty(), "{name}: zeros at {missed:?} %");
    }
}

#[test]
fn a_jpeg_of_endless_scans_is_an_error() {
    let (_, bytes) = jpegs().remove(1);
    // Its last scan again and again.
    let last = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let (head, end) = bytes.split_at(bytes.len() - 2);
    let bomb = [head, &head[last..].repeat(200), end].concat();
    let error = decode(&bomb, &path(Format::Jpeg), &LIMITS).unwrap_err();
    assert!(error.to_string().contains("scans"), "{error}");
}

/// Bytes from bits, the first the lowest of its byte, as deflate has them.
fn deflate_bits(bits: impl Iterator<Item = u8>) -> Vec<u8> {
    let bits: Vec<u8> = bits.collect();
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | bit)).collect()
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

#[test]
fn a_png_profile_that_unfolds_without_end_is_not_kept() {
    // A last block of fixed codes: a zero, then 258 more of it for every 13 bits, in all 150 MB.
    let repeat = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let bits = [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0].into_iter();
    let bits = bits.chain(std::iter::repeat_n(repeat, 600_000).flatten()).chain([0; 7]);
    let mut chunk = b"iCCPp\0\0\x78\x01".to_vec();
    chunk.extend(deflate_bits(bits));
    // The checksum of zeros only: a is 1, b the number of them.
    let zeros = 1 + 600_000u32 * 258;
    chunk.extend(((zeros % 65_521) << 16 | 1).to_be_bytes());
    let mut bytes = encoded(&picture(3, Depth::U8, false, false), &Metadata::default(), Format::Png).bytes;
    let length = (chunk.len() as u32 - 4).to_be_bytes();
    let crc = crc32(&chunk).to_be_bytes();
    bytes.splice(33..33, [length.as_slice(), &chunk, &crc].concat());
    let limits = Limits { max_bytes: 4 << 30, ..LIMITS };
    let back = decode(&bytes, &path(Format::Png), &limits).unwrap();
    assert_eq!(back.meta.icc, None);
}

/// A little-endian TIFF of 150 x 131 RGB pixels in one strip that is a JPEG stream.
fn tiff_of_jpeg(jpeg: &[u8], width: u32, height: u32) -> Vec<u8> {
    let entries = [
        (256u16, 4u16, 1u32, width),
        (257, 4, 1, height),
        (258, 3, 3, 134),
        (259, 3, 1, 7),
        (262, 3, 1, 6),
        (273, 4, 1, 140),
        (277, 3, 1, 3),
        (278, 4, 1, height),
        (279, 4, 1, jpeg.len() as u32),
        (284, 3, 1, 1),
    ];
    let mut bytes = b"II*\0\x08\0\0\0\x0a\0".to_vec();
    for (tag, kind, count, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    assert_eq!(bytes.len(), 134);
    bytes.extend([8, 0, 8, 0, 8, 0]);
    bytes.extend_from_slice(jpeg);
    bytes
}

#[test]
fn jpegs_in_tiffs_are_whole_and_of_their_strips_size() {
    let (_, jpeg) = jpegs().remove(0);
    let tiff = |jpeg: &[u8], height| decode(&tiff_of_jpeg(jpeg, 150, height), &path(Format::Tiff), &LIMITS);
    let image = tiff(&jpeg, 131).unwrap().image;
    assert_eq!((image.width, image.height, image.channels), (150, 131, 3));
    assert!(tiff(&jpeg, 130).is_err() && tiff(&jpeg, 132).is_err());
    for percent in 1..100 {
        let cut = jpeg.len() * percent / 100;
        let cut = if jpeg[cut - 1] == 0xFF { cut - 1 } else { cut };
        assert!(tiff(&[&jpeg[..cut], &[0xFF, 0xD9]].concat(), 131).is_err(), "ended at {percent} %");
    }
}

#[test]
fn flat_and_tiny_jpegs_are_no_false_alarms() {
    for (width, height) in [(1, 1), (8, 8), (8, 400), (400, 8), (9, 1), (17, 33)] {
        for channels in [1, 3] {
            let image = Image::new(width, height, channels, Depth::U8);
            let file = encoded(&image, &Metadata::default(), Format::Jpeg);
            assert!(worst_difference(&decoded(&file.bytes, Format::Jpeg).image, &image) < 0.02);
        }
    }
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    for (format, bytes) in samples_for_damage() {
        let header = probe(Cursor::new(&bytes), &path(format)).unwrap();
        assert_eq!((header.width, header.height, header.format), (150, 131, format));
        let pixels = Limits { max_pixels: 150 * 131 - 1, ..LIMITS };
        assert!(matches!(decode(&bytes, &path(format), &pixels), Err(CodecError::TooLarge { .. })));
        let memory = Limits { max_bytes: header.decode_bytes - 1, ..LIMITS };
        assert!(matches!(decode(&bytes, &path(format), &memory), Err(CodecError::TooLarge { .. })));
        let enough = Limits { max_bytes: header.decode_bytes, ..LIMITS };
        assert!(decode(&bytes, &path(format), &enough).is_ok(), "{}", format.name());
    }
}

#[test]
fn misnamed_files_are_told() {
    let bytes = encoded(&picture(3, Depth::U8, false, false), &Metadata::default(), Format::Png).bytes;
    let source = decode(&bytes, Path::new("a/b.JPG"), &LIMITS).unwrap().source;
    assert_eq!(source.notes, ["named .JPG but is png"]);
}

/// Damages `bytes` in one of several ways, as `seed` says.
fn mutate(bytes: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) as usize) % n.max(1)
    };
    let mut out = bytes.to_vec();
    match next(4) {
        0 => out.truncate(next(bytes.len())),
        1 => {
            for _ in 0..=next(8) {
                let (at, bit) = (next(out.len()), next(8));
                if let Some(byte) = out.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        }
        2 => {
            // Headers matter most.
            for _ in 0..=next(4) {
                let (at, value) = (next(out.len().min(200)), next(256) as u8);
                if let Some(byte) = out.get_mut(at) {
                    *byte = value;
                }
            }
        }
        _ => {
            let (from, to) = (next(out.len()), next(other.len()));
            let len = next(64).min(other.len() - to.min(other.len()));
            out.splice(from..from, other[to..to + len].iter().copied());
        }
    }
    out
}

#[test]
fn no_bytes_make_it_panic_or_hang() {
    let all = files("odd");
    let limits = Limits { max_pixels: 1 << 24, max_bytes: 1 << 28, strict: false };
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let rounds: u64 = std::env::var("CODEC_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let mut failures = Vec::new();
    for (i, (path, bytes)) in all.iter().enumerate() {
        let other = &all[(i * 7 + 1) % all.len()].1;
        for round in 0..rounds {
            let seed = i as u64 * 1000 + round;
            let damaged = if round == 0 { bytes.clone() } else { mutate(bytes, other, seed) };
            let start = Instant::now();
            let decoded = catch_unwind(AssertUnwindSafe(|| decode(&damaged, path, &limits)));
            if start.elapsed() > Duration::from_secs(10) {
                failures.push(format!("{} seed {seed}: {:?}", path.shown(), start.elapsed()));
            }
            match decoded {
                Err(panic) => {
                    let what = panic.downcast_ref::<String>().cloned();
                    let what = what.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                    failures.push(format!("{} seed {seed}: {what:?}", path.shown()));
                }
                Ok(Ok(Decoded { image, meta, source, .. })) => {
                    let options = EncodeOptions::new(Format::Tiff);
                    let again =
                        catch_unwind(AssertUnwindSafe(|| encode(&image, &meta, Some(&source), &options)));
                    if !again.is_ok_and(|result| result.is_ok()) {
                        failures.push(format!("{} seed {seed}: encoding", path.shown()));
                    }
                }
                Ok(Err(_)) => {}
            }
        }
    }
    std::panic::set_hook(hook);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn jpeg_codings_that_are_not_read_say_so() {
    let bytes = encoded(&picture(3, Depth::U8, false, false), &Metadata::default(), Format::Jpeg).bytes;
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    for (at, value, what) in [(1, 0xC9, "arithmetic"), (1, 0xC3, "lossless"), (4, 12, "12-bit")] {
        let mut other = bytes.clone();
        other[frame + at] = value;
        let error = decode(&other, &path(Format::Jpeg), &LIMITS).unwrap_err();
        assert!(
            matches!(error, CodecError::Unsupported { .. }) && error.to_string().contains(what),
            "{error}"
        );
    }
}

/// A baseline JPEG with restarts every 7 units.
fn with_restarts() -> Vec<u8> {
    let image = decoded(&jpegs()[0].1, Format::Jpeg).image;
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 92);
    encoder.set_restart_interval(7);
    encoder.encode(&pack::to_u8(&image.samples), 150, 131, jpeg_encoder::ColorType::Rgb).unwrap();
    file
}

#[test]
fn damage_that_decoders_pass_over_is_told_where_it_is_proven() {
    let path = path(Format::Jpeg);
    let strict = Limits { strict: true, ..LIMITS };
    // What a strict reader is told, where another one gets a picture.
    let refused = |file: &[u8]| {
        let found = decode(file, &path, &LIMITS).and_then(|_| decode(file, &path, &strict));
        found.err().map_or(String::new(), |error| error.to_string())
    };
    let told = |file: &[u8], what: &str| {
        assert!(decode(file, &path, &LIMITS).is_ok(), "{what}");
        assert!(refused(file).contains(what), "{what}: {}", refused(file));
    };
    let restarts = with_restarts();
    for file in [&restarts, &jpegs()[0].1] {
        assert_eq!(decode(file, &path, &strict).unwrap().source.notes, [""; 0]);
        // More data than its blocks need.
        let end = file.len() - 2;
        let more = [&file[..end], b"\x12\x34\x56\x78\x9a\xbc", &file[end..]].concat();
        told(&more, "damaged");
        // Fill that is none, where the last byte has several bits of it; encoders that fill with zeros are no fault.
        let mut fills = 0;
        for bit in 1..7 {
            let mut filled = file.clone();
            filled[end - 1] ^= 1 << bit;
            fills += usize::from(refused(&filled).contains("doesn't end as it must"));
        }
        assert!(fills > 0 || file[end - 1] & 3 != 3);
    }
    // A restart marker out of its order; decoders go on with what follows, or fail.
    let markers: Vec<usize> =
        restarts.windows(2).enumerate().filter(|(_, pair)| pair == b"\xff\xd1").map(|(at, _)| at).collect();
    let mut moved = restarts.clone();
    moved[markers[0] + 1] = 0xD4;
    let found = decode(&moved, &path, &strict).map(|decoded| decoded.source.notes);
    assert!(found.is_err(), "{found:?}");
    // Changed bits.
    let (file, mut kinds) = (&jpegs()[0].1, std::collections::BTreeSet::new());
    let start = file.windows(2).position(|pair| pair == b"\xff\xda").unwrap() + 14;
    for at in (start..file.len() - 3).step_by(11).filter(|&at| file[at] != 0xFF && file[at - 1] != 0xFF) {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        if changed[at] != 0xFF {
            kinds.insert(refused(&changed));
        }
    }
    for what in ["the data of a scan is damaged", "brightness that no picture has"] {
        assert!(kinds.iter().any(|kind| kind.contains(what)), "{kinds:?}");
    }
}
