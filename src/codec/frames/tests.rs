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
