//! Frames against those that Pillow 12 makes of the same files, stacked in one picture: `tests/data/*.png.png` and so on.

use super::*;
use crate::codec::{decode, probe};
use std::path::Path;

const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 28, strict: false };

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn all(bytes: Vec<u8>, name: &str) -> (Header, Vec<Decoded>) {
    let path = Path::new(name);
    let header = probe(Cursor::new(&bytes), path).unwrap();
    let first = decode(&bytes, path, &LIMITS).unwrap();
    let others = further(Arc::new(bytes), &header, path.into(), LIMITS).unwrap();
    let all = std::iter::once(Ok(first)).chain(others).collect::<Result<_, _>>().unwrap();
    (header, all)
}

/// Colours where anything is seen, and alpha.
fn seen(image: &Image) -> Vec<[u8; 4]> {
    let alpha = |i| image.alpha.as_ref().map_or(255, |alpha| (alpha.get(i) * 255.0).round() as u8);
    let pixel = |i: usize| {
        let at = |c: usize| (image.samples.get(i * image.channels + c) * 255.0).round() as u8;
        let colours = if image.channels == 1 { [at(0); 3] } else { [at(0), at(1), at(2)] };
        let [r, g, b] = if alpha(i) == 0 { [0; 3] } else { colours };
        [r, g, b, alpha(i)]
    };
    (0..image.width * image.height).map(pixel).collect()
}

#[test]
fn frames_are_what_a_player_shows() {
    for (name, count) in [("disposals.gif", 6), ("blends.png", 5), ("apart.png", 3), ("canvas.webp", 4)] {
        let (header, frames) = all(read(name), name);
        assert!(header.animated && header.pictures == count && frames.len() == count as usize, "{name}");
        let stacked = format!("{name}.png");
        let expected = seen(&decode(&read(&stacked), Path::new(&stacked), &LIMITS).unwrap().image);
        let pixels = expected.len() / frames.len();
        for (number, (frame, expected)) in frames.iter().zip(expected.chunks(pixels)).enumerate() {
            for (at, (ours, theirs)) in seen(&frame.image).iter().zip(expected).enumerate() {
                let near = ours.iter().zip(theirs).all(|(a, b)| a.abs_diff(*b) <= 1);
                assert!(near, "{name}, frame {number}, pixel {at}: {ours:?} and {theirs:?}");
            }
        }
        let note = format!("lost frames: the first of {count} is kept");
        assert!(frames[0].source.notes.contains(&note) && frames[1].source.notes.is_empty(), "{name}");
    }
}

#[test]
fn frames_of_16_bits_stay_so() {
    let samples = |frame: u16| -> Vec<u16> { (0..12).map(|i| i * 5000 + 3 + frame).collect() };
    let (_, frames) = all(animated(png::ColorType::Rgb, (2, 2), &[samples(0), samples(1)]), "a.png");
    for (frame, decoded) in (0..).zip(&frames) {
        assert_eq!(decoded.image.samples, Samples::U16(samples(frame)));
        assert_eq!(decoded.image.alpha, None);
    }
}

/// A 16-bit animation whose frames are drawn over each other.
fn animated(colour: png::ColorType, (width, height): (u32, u32), frames: &[Vec<u16>]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.set_animated(frames.len() as u32, 0).unwrap();
    encoder.set_blend_op(png::BlendOp::Over).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for frame in frames {
        let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_be_bytes()).collect();
        writer.write_image_data(&bytes).unwrap();
    }
    writer.finish().unwrap();
    file
}

#[test]
fn half_seen_colours_are_drawn_over_what_is_there() {
    // Gray and alpha of two pixels: over an opaque one, and over one that is half there.
    let below = vec![10_000, 65_535, 20_000, 32_768];
    let above = vec![50_000, 32_768, 40_000, 32_768];
    let (_, frames) = all(animated(png::ColorType::GrayscaleAlpha, (2, 1), &[below, above]), "a.png");
    // Of an opaque one remains as much as the upper lets through; shares of one half and one quarter give two to one.
    assert_eq!(frames[1].image.samples, Samples::U16(vec![30_000, 33_333]));
    assert_eq!(frames[1].image.alpha, Some(Samples::U16(vec![65_535, 49_152])));
}

#[test]
fn missing_frames_are_damage() {
    for name in ["blends.png", "canvas.webp"] {
        let whole = read(name);
        let header = probe(Cursor::new(&whole), Path::new(name)).unwrap();
        let cut = whole[..whole.len() - whole.len() / 4].to_vec();
        let frames = further(Arc::new(cut), &header, name.into(), LIMITS);
        assert!(
            frames.is_err() || frames.is_ok_and(|mut frames| frames.any(|frame| frame.is_err())),
            "{name}"
        );
    }
}

#[test]
fn stills_are_not_animated() {
    let (header, frames) = all(read("blends.png.png"), "a.png");
    assert!(!header.animated && header.pictures == 1 && frames.len() == 1);
}

#[test]
fn a_frame_that_no_header_counts_is_not_lost() {
    for (name, count) in [("blends.png", 5), ("apart.png", 3)] {
        let file = read(name);
        let (_, expected) = all(file.clone(), name);
        let at = file.windows(4).position(|name| name == b"acTL").unwrap();
        for stated in [1u32, 0] {
            let mut fewer = file.clone();
            fewer[at + 4..at + 8].copy_from_slice(&stated.to_be_bytes());
            let mut crc = flate2::Crc::new();
            crc.update(&fewer[at..at + 12]);
            fewer[at + 12..at + 16].copy_from_slice(&crc.sum().to_be_bytes());
            let (header, frames) = all(fewer, name);
            assert!(header.animated && header.pictures == count, "{name}: {}", header.pictures);
            let images = |frames: &[Decoded]| frames.iter().map(|f| f.image.clone()).collect::<Vec<_>>();
            assert_eq!(images(&frames), images(&expected), "{name}");
            let told = &frames[0].source.notes;
            assert!(
                told.iter().any(|note| note.contains(&format!("it says that it has {stated} frames"))),
                "{told:?}"
            );
        }
        // Without the header it is no animation for anybody.
        let mut none = file.clone();
        none.drain(at - 4..at + 16);
        let still = decode(&none, Path::new(name), &LIMITS).unwrap();
        let told = |note: &String| note.starts_with("lost frames: ") && note.contains("acTL");
        assert!(still.source.notes.iter().any(told), "{:?}", still.source.notes);
    }
}

/// A GIF of these frames, (left, top, width, height) and the colour, on a canvas.
fn gif_of(canvas: (u16, u16), frames: &[([u16; 4], u8)]) -> Vec<u8> {
    let words = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut file = [b"GIF89a".as_slice(), &words(&[canvas.0, canvas.1]), &[0x81, 0, 0]].concat();
    file.extend([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]);
    for (place, colour) in frames {
        file.push(0x2C);
        file.extend(words(place));
        file.extend([0, 2]);
        // Codes of three bits: the table is emptied (4) before each pixel, so that they stay so; 5 is the end.
        let pixels = usize::from(place[2]) * usize::from(place[3]);
        let codes = std::iter::repeat_n([4, *colour], pixels).flatten().chain([5]);
        let bits: Vec<u8> = codes.flat_map(|code| [code & 1, code >> 1 & 1, code >> 2]).collect();
        let bytes: Vec<u8> =
            bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
        file.push(bytes.len() as u8);
        file.extend(bytes);
        file.push(0);
    }
    file.push(0x3B);
    file
}

#[test]
fn a_gif_s_canvas_is_as_large_as_its_first_frame() {
    for (canvas, place, size) in [
        ((2, 2), [0, 0, 4, 3], (4, 3)),
        ((2, 2), [1, 1, 4, 3], (5, 4)),
        ((0, 0), [0, 0, 4, 3], (4, 3)),
        ((9, 1), [0, 0, 4, 3], (9, 3)),
    ] {
        let file = gif_of(canvas, &[(place, 1), ([0, 0, 6, 6], 2)]);
        let (header, frames) = all(file, "a.gif");
        assert_eq!((header.width, header.height), size);
        assert_eq!((frames[0].image.width, frames[0].image.height), (size.0 as usize, size.1 as usize));
        let red = seen(&frames[0].image).into_iter().filter(|pixel| *pixel == [255, 0, 0, 255]).count();
        assert_eq!(red, 12, "{canvas:?}");
        let notes = &frames[0].source.notes;
        assert!(notes.iter().any(|note| note.contains("beyond its canvas")), "{notes:?}");
        let told = frames[0].meta.extras.iter().any(|extra| extra.what.contains("1 further frames"));
        assert_eq!(told, size.0 < 6 || size.1 < 6);
        assert_eq!((frames[1].image.width, frames[1].image.height), (size.0 as usize, size.1 as usize));
    }
}
