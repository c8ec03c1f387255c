//! Damaged, truncated, oversized and misnamed files: errors, never half pictures, panics or hangs.

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
    for format in Format::ALL.into_iter().filter(|&f| f != Format::Ico) {
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

#[test]
fn a_jpeg_whose_end_is_missing_or_blank_is_an_error_even_with_an_end_marker() {
    for (_, bytes) in samples_for_damage().into_iter().filter(|(format, _)| *format == Format::Jpeg).take(1) {
        for percent in (30..95).step_by(5) {
            let cut = bytes.len() * percent / 100;
            // The marker must not complete a stuffed byte.
            let cut = if bytes[cut - 1] == 0xFF { cut - 1 } else { cut };
            let ended = [&bytes[..cut], &[0xFF, 0xD9]].concat();
            assert!(decode(&ended, &path(Format::Jpeg), &LIMITS).is_err(), "ended at {percent} %");
            let mut zeroed = bytes.clone();
            zeroed[cut..].fill(0);
            assert!(decode(&zeroed, &path(Format::Jpeg), &LIMITS).is_err(), "zeros from {percent} %");
        }
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
    let limits = Limits { max_pixels: 1 << 24, max_bytes: 1 << 28 };
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
                failures.push(format!("{} seed {seed}: {:?}", path.display(), start.elapsed()));
            }
            match decoded {
                Err(panic) => {
                    let what = panic.downcast_ref::<String>().cloned();
                    let what = what.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                    failures.push(format!("{} seed {seed}: {what:?}", path.display()));
                }
                Ok(Ok(Decoded { image, meta, source })) => {
                    let options = EncodeOptions::new(Format::Tiff);
                    let again =
                        catch_unwind(AssertUnwindSafe(|| encode(&image, &meta, Some(&source), &options)));
                    if !again.is_ok_and(|result| result.is_ok()) {
                        failures.push(format!("{} seed {seed}: encoding", path.display()));
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
