//! Signatures of pictures that are made here.

use super::*;
use proptest::prelude::*;

/// Smooth hills and sharp lines, other ones for each seed.
pub(crate) fn picture(width: usize, height: usize, seed: u64) -> Image {
    let wave = |k: u64| (seed.wrapping_mul(2 * k + 3).wrapping_add(k * 7) % 11) as f32 + 1.0;
    let value = |i: usize| {
        let (x, y) = ((i % width) as f32 / width as f32, (i / width) as f32 / height as f32);
        let hills = (wave(1) * x + wave(2) * y).sin() + (wave(3) * x - 2.0 * wave(4) * y * y).cos();
        let lines = f32::from(((wave(5) * x + wave(6) * y * x) * 3.0) as i32 % 2 == 0);
        0.5 + 0.15 * hills + 0.2 * (lines - 0.5)
    };
    Image {
        width,
        height,
        channels: 1,
        samples: Samples::F32((0..width * height).map(value).collect()),
        alpha: None,
    }
}

proptest! {
    #[test]
    fn texts_come_back(cells in prop::collection::vec(0f32..1.0, 4096)) {
        let signature = Signature::of_cells(&cells);
        let text = signature.text();
        prop_assert_eq!(text.len(), 400);
        prop_assert_eq!(Signature::parse(&text), Some(signature));
    }

    #[test]
    fn averages_are_of_equal_areas(width in 1usize..200, height in 1usize..200, tone in 0f32..1.0) {
        let flat = cells(&vec![tone; width * height], width, height);
        prop_assert_eq!(flat.len(), SIDE * SIDE);
        prop_assert!(flat.iter().all(|cell| (cell - tone).abs() < 1e-5));
        // The mean of all stays.
        let luma: Vec<f32> = (0..width * height).map(|i| (i * i % 17) as f32 / 17.0).collect();
        let mean = luma.iter().sum::<f32>() / luma.len() as f32;
        let cells = cells(&luma, width, height);
        prop_assert!((cells.iter().sum::<f32>() / cells.len() as f32 - mean).abs() < 1e-4);
    }

    #[test]
    fn a_mirror_turns_signs_and_nothing_else(seed in any::<u64>()) {
        let stored = picture(97, 61, seed);
        let (own, mirrored) = (Signature::of(&stored, 1), Signature::of(&stored, 2));
        prop_assert!((own.mirrored_hash() ^ mirrored.hash()).count_ones() <= 1);
        prop_assert!(own.fine_agreement(&mirrored, true) > 0.98);
        prop_assert_eq!(own.mean, mirrored.mean);
    }
}

#[test]
fn other_texts_are_none() {
    for text in ["", "AAAA", "no text of ours", &"A".repeat(399), &"A".repeat(404)] {
        assert_eq!(Signature::parse(text), None, "{text:?}");
    }
}

#[test]
fn depth_and_colour_change_little() {
    let float = picture(120, 80, 5);
    let Samples::F32(values) = &float.samples else { panic!() };
    let bytes = Samples::U8(values.iter().flat_map(|v| [(v * 255.0).round() as u8; 3]).collect());
    let colour = Image { channels: 3, samples: bytes, ..float.clone() };
    let (a, b) = (Signature::of(&float, 1), Signature::of(&colour, 1));
    assert!((a.hash() ^ b.hash()).count_ones() <= 1);
    assert!(a.low.iter().zip(&b.low).all(|(a, b)| a.abs_diff(*b) <= 6), "{a:?} {b:?}");
}

#[test]
fn blank_pictures_are_flat_and_broken_samples_harmless() {
    let blank = |tone: f32| Image {
        width: 90,
        height: 70,
        channels: 1,
        samples: Samples::F32(vec![tone; 6300]),
        alpha: None,
    };
    for tone in [0.0, 0.5, 1.0, f32::NAN, f32::INFINITY] {
        assert!(Signature::of(&blank(tone), 1).is_flat(), "{tone}");
    }
    // Noise of a level or two is no content either.
    let noise = (0..6300).map(|i| 0.5 + (i * i * 31 % 97) as f32 / 97.0 / 85.0).collect();
    assert!(Signature::of(&Image { samples: Samples::F32(noise), ..blank(0.0) }, 1).is_flat());
    assert!(!Signature::of(&picture(90, 70, 1), 1).is_flat());
}

#[test]
fn tiny_pictures_have_signatures() {
    for (width, height) in [(1, 1), (1, 9), (7, 2), (63, 64), (65, 64), (1000, 1)] {
        let signature = Signature::of(&picture(width, height, 3), 6);
        assert_eq!(Signature::parse(&signature.text()), Some(signature));
    }
}
