//! Strength, texture and guard: what they promise, on networks that take detail, noise, or nothing.

use super::tests::picture;
use super::tests_hostile::{Folder, field, int, model, node, tensor};
use super::*;
use crate::image::{Depth, Image, Samples};
use std::sync::Arc;

/// A network of one convolution of 3x3 over one channel.
fn convolution(name: &str, kernel: [f32; 9]) -> Arc<Network> {
    let raw: Vec<u8> = kernel.iter().flat_map(|v| v.to_le_bytes()).collect();
    let pads = [field(1, b"pads"), int(8, 1), int(8, 1), int(8, 1), int(8, 1), int(20, 7)].concat();
    let conv = [node("Conv", &["x", "k"], "y"), field(5, &pads)].concat();
    let bytes = model(&[1, 1, 32, 32], &[conv], &[tensor("k", 1, &[1, 1, 3, 3], &raw)]);
    Arc::new(Folder::new(name).load(&bytes).expect("a good model loads"))
}

/// Takes detail: the mean of nine pixels.
fn smoother(name: &str) -> Arc<Network> {
    convolution(name, [1.0 / 9.0; 9])
}

fn same(name: &str) -> Arc<Network> {
    convolution(name, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0])
}

fn restorer(network: &Arc<Network>, texture: f32, guard: Guard) -> Restorer {
    Restorer::new(network.clone(), RestoreOptions { texture, guard, ..Default::default() }).expect("restores")
}

/// Flat fields beside fine texture.
fn half_flat(channels: usize, depth: Depth) -> Image {
    let mut image = picture(160, 128, channels, depth);
    for i in 0..image.samples.len() {
        let (x, y) = (i / channels % 160, i / channels / 160);
        let fine = if (x * 7919 + y * 104729 + x * y * 31) % 17 < 8 { 0.08 } else { -0.08 };
        image.samples.set(i, 0.3 + 0.3 * (y / 64) as f32 + if x < 80 { 0.0 } else { fine });
    }
    image
}

fn with_alpha(mut image: Image) -> Image {
    let mut alpha = Samples::zeroed(image.depth(), image.width * image.height);
    (0..alpha.len()).for_each(|i| alpha.set(i, (i % 5) as f32 / 4.0));
    image.alpha = Some(alpha);
    image
}

fn kinds() -> impl Iterator<Item = Image> {
    let depths = [Depth::U8, Depth::U16, Depth::F32];
    let kinds = depths.into_iter().flat_map(|depth| [(1, depth), (3, depth)]);
    kinds.flat_map(|(channels, depth)| {
        let image = picture(70, 50, channels, depth);
        [with_alpha(image.clone()), image]
    })
}

#[test]
fn strength_0_keeps_every_sample_and_1_is_the_network() {
    let network = smoother("ends");
    let restorer = restorer(&network, 0.0, Guard::Off);
    for image in kinds() {
        for nothing in [0.0, -1.0, f32::NAN] {
            let restored = restorer.restore_by(&image, nothing).expect("restores");
            assert!(restored.image.is_none() && restored.note.is_none());
        }
        let full = restorer.restore(&image).expect("restores");
        for all in [1.0, 2.0] {
            assert!(restorer.restore_by(&image, all).expect("restores").image.as_ref() == Some(&full));
        }
        // However little of it: alpha and hidden pixels are what they were.
        let little = restorer.restore_by(&image, 0.3).expect("restores").image.expect("changed");
        assert_eq!(little.alpha, image.alpha);
        assert_ne!(little.samples, full.samples);
        for i in (0..image.samples.len()).filter(|i| i / image.channels % 5 == 0 && image.alpha.is_some()) {
            assert_eq!(little.samples.get(i), image.samples.get(i));
        }
    }
}

#[test]
fn strength_is_a_straight_line_before_rounding() {
    let network = smoother("line");
    for colour in [Colour::Luma, Colour::Each] {
        let options = RestoreOptions { colour, ..Default::default() };
        let restorer = Restorer::new(network.clone(), options).expect("restores");
        for image in kinds().filter(|image| image.alpha.is_none()) {
            let mut exact = Image::new(image.width, image.height, image.channels, Depth::F32);
            (0..exact.samples.len()).for_each(|i| exact.samples.set(i, image.samples.get(i)));
            let full = restorer.restore(&exact).expect("restores");
            for strength in [0.1, 0.5, 0.9] {
                let part = restorer.restore_by(&image, strength).expect("restores").image.expect("changed");
                let step = match image.depth() {
                    Depth::U8 => 0.5 / 255.0,
                    Depth::U16 => 0.5 / 65535.0,
                    Depth::F32 => 0.0,
                };
                for i in 0..image.samples.len() {
                    let was = image.samples.get(i);
                    let want = (was + strength * (full.samples.get(i) - was)).clamp(0.0, 1.0);
                    let seen = part.samples.get(i).clamp(0.0, 1.0);
                    assert!((seen - want).abs() <= step + 2e-6, "{colour:?} {i}: {seen}, {want}");
                }
            }
        }
    }
}

#[test]
fn a_result_that_is_the_picture_is_no_change() {
    let network = same("same");
    for guard in [Guard::Off, Guard::Lower, Guard::Leave] {
        for image in kinds().filter(|image| image.channels == 1) {
            let restored = restorer(&network, 0.5, guard).restore_by(&image, 1.0).expect("restores");
            assert!(restored.image.is_none() && restored.note.is_none());
        }
    }
}

#[test]
fn the_guard_stops_what_takes_detail() {
    let network = smoother("detail");
    for (channels, depth) in [(1, Depth::U8), (3, Depth::U8), (1, Depth::U16), (3, Depth::F32)] {
        let image = half_flat(channels, depth);
        let free = restorer(&network, 0.0, Guard::Off).restore(&image).expect("restores");
        let left = restorer(&network, 0.0, Guard::Leave).restore_by(&image, 1.0).expect("restores");
        assert!(left.image.is_none());
        assert!(left.note.expect("a note").starts_with("guard: left as it was (correlation 0."));
        let guarded = restorer(&network, 0.0, Guard::Lower);
        let lowered = guarded.restore_by(&image, 1.0).expect("restores");
        let note = lowered.note.expect("a note");
        let strength: f32 = note.split(' ').nth(4).and_then(|word| word.parse().ok()).expect("the strength");
        assert!(
            note.starts_with("guard: strength lowered to 0.") && note.ends_with(", limit 0.2)"),
            "{note}"
        );
        assert!(strength > 0.15 && strength < 0.6, "{note}");
        // What is left of the change is that part of it, to a step of the depth.
        let seen = lowered.image.expect("changed");
        for i in 0..image.samples.len() {
            let (was, full) = (image.samples.get(i), free.samples.get(i));
            let want = was + strength * (full - was);
            assert!((seen.samples.get(i) - want).abs() < 1.0 / 255.0 + 0.005 * (full - was).abs());
        }
        // A strength that already is as low holds.
        let held = guarded.restore_by(&image, strength * 0.9).expect("restores");
        assert!(held.note.is_none(), "{:?}", held.note);
        let free = restorer(&network, 0.0, Guard::Off).restore_by(&image, strength * 0.9).expect("restores");
        assert!(held.image == free.image);
    }
}

#[test]
fn the_guard_lets_noise_go() {
    // A network that takes the noise and nothing else.
    let clean = half_flat(1, Depth::U8);
    let mut noisy = clean.clone();
    let mut state = 1u32;
    for i in 0..clean.samples.len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noisy.samples.set(i, clean.samples.get(i) + 0.1 * ((state >> 8) as f32 / (1 << 24) as f32 - 0.5));
    }
    for guard in [Guard::Lower, Guard::Leave] {
        let options = RestoreOptions { guard, ..Default::default() };
        let restored = finish::finish(&noisy, clean.clone(), 1.0, &options);
        assert_eq!(restored.note, None);
        assert!(restored.image.is_some_and(|image| image == clean));
    }
}

#[test]
fn texture_is_given_back_and_the_guard_judges_what_stays_away() {
    let network = smoother("texture");
    let image = with_alpha(half_flat(3, Depth::U16));
    let by = |texture| restorer(&network, texture, Guard::Off).restore(&image).expect("restores");
    let lost = |result: &Image| {
        (0..image.samples.len()).map(|i| (image.samples.get(i) - result.samples.get(i)).powi(2)).sum::<f32>()
    };
    let (none, half, all) = (by(0.0), by(0.5), by(1.0));
    assert!(
        lost(&all) < lost(&half) && lost(&half) < lost(&none),
        "{} {} {}",
        lost(&all),
        lost(&half),
        lost(&none)
    );
    assert_eq!(all.alpha, image.alpha);
    for i in (0..image.samples.len()).filter(|i| i / 3 % 5 == 0) {
        assert_eq!(all.samples.get(i), image.samples.get(i));
    }
}

#[test]
fn texture_and_guard_do_not_depend_on_threads() {
    let network = smoother("threads");
    let image = half_flat(3, Depth::U8);
    let restorer = restorer(&network, 0.4, Guard::Lower);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        let restored = pool.install(|| restorer.restore_by(&image, 0.9)).expect("runs");
        (restored.image, restored.note)
    };
    let one = run(1);
    assert!(one.0.is_some());
    assert!(one == run(3));
}

#[test]
fn enlarging_networks_know_neither() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/models/upscale_x2.onnx");
    let Ok(network) = Network::load(&path, &LoadOptions::default()) else {
        eprintln!("skipped: no sample models");
        return;
    };
    let network = Arc::new(network);
    let image = picture(40, 30, 3, Depth::U8);
    let plain = restorer(&network, 0.0, Guard::Off).restore(&image).expect("restores");
    let restored = restorer(&network, 1.0, Guard::Leave).restore_by(&image, 0.0).expect("restores");
    assert!(restored.image == Some(plain) && restored.note.is_none());
}
