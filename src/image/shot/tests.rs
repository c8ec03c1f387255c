//! Whole pictures and parts of pictures that are made here.

use super::*;
use crate::image::{Image, Samples};

/// A picture of blots, other ones for each seed.
fn blots(side: usize, seed: u64) -> Image {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut tones = vec![0.5f32; side * side];
    for _ in 0..60 {
        let (x, y, radius, tone) = (next(), next(), 0.02 + 0.15 * next(), next());
        for (i, out) in tones.iter_mut().enumerate() {
            let (dx, dy) = ((i % side) as f32 / side as f32 - x, (i / side) as f32 / side as f32 - y);
            if dx * dx + dy * dy < radius * radius {
                *out = 0.3 * *out + 0.7 * tone;
            }
        }
    }
    Image { width: side, height: side, channels: 1, samples: Samples::F32(tones), alpha: None }
}

fn cut(image: &Image, x: usize, y: usize, width: usize, height: usize) -> Image {
    let Samples::F32(tones) = &image.samples else { panic!() };
    let rows = (y..y + height).flat_map(|row| tones[row * image.width + x..][..width].to_vec());
    Image { width, height, channels: 1, samples: Samples::F32(rows.collect()), alpha: None }
}

#[test]
fn parts_are_found_where_they_are() {
    for seed in 1..8u64 {
        let whole = blots(200, seed);
        let signature = Signature::of(&whole, 1);
        for (x, y, width, height) in
            [(10, 10, 180, 180), (0, 20, 180, 180), (20, 0, 180, 200), (12, 30, 170, 170)]
        {
            let cropped = Signature::of(&cut(&whole, x, y, width, height), 1);
            let (found, agreement) = part(&signature, &cropped).unwrap();
            let centre = |from: usize, length: usize| (2 * from + length) as f32 / 200.0 - 1.0;
            let wanted = [width as f32 / 200.0, height as f32 / 200.0, centre(x, width), centre(y, height)];
            let got = [found.across.0, found.down.0, found.across.1, found.down.1];
            for (got, wanted) in got.iter().zip(wanted) {
                assert!((got - wanted).abs() < 0.02, "seed {seed}: {found:?}, wanted {wanted}");
            }
            assert!(
                agreement.tones > 0.95 && agreement.edges > 0.8 && agreement.fine > 0.36,
                "{agreement:?}"
            );
        }
    }
}

#[test]
fn other_pictures_are_not_parts() {
    let signatures: Vec<Signature> = (1..30).map(|seed| Signature::of(&blots(100, seed), 1)).collect();
    for (i, a) in signatures.iter().enumerate() {
        for b in signatures.iter().skip(i + 1) {
            let fitted = part(a, b).map(|found| found.1);
            assert!(fitted.is_none_or(|agreement| agreement.fine < 0.36), "{fitted:?}");
            let agreement = whole(a, b, false);
            assert!(agreement.fine < 0.7 || agreement.tones < 0.9, "{agreement:?}");
        }
    }
}

#[test]
fn a_picture_agrees_with_itself_and_its_mirror() {
    let signature = Signature::of(&blots(100, 3), 1);
    let mirror = Signature::of(&blots(100, 3), 2);
    assert!(whole(&signature, &signature, false).tones > 0.999);
    let agreement = whole(&signature, &mirror, true);
    assert!(agreement.tones > 0.999 && agreement.edges > 0.999 && agreement.fine > 0.98, "{agreement:?}");
    assert!(whole(&signature, &mirror, false).tones < 0.9);
}

#[test]
fn what_is_flat_agrees_with_nothing() {
    let flat = Image { width: 9, height: 9, channels: 1, samples: Samples::F32(vec![0.5; 81]), alpha: None };
    let flat = Signature::of(&flat, 1);
    assert_eq!(whole(&flat, &flat, false).tones, 0.0);
    assert!(part(&flat, &flat).is_none());
}
