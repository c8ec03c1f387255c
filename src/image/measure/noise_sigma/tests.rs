//! Estimates of known noise.

use super::*;
use crate::image::test_noise::normals;
use crate::image::{Depth, Samples};
use crate::shown::Show;

fn noisy(image: &Image, sigma: f32, depth: Depth) -> Image {
    let mut out = Image::new(image.width, image.height, image.channels, depth);
    let mut normal = normals(1);
    for i in 0..image.samples.len() {
        out.samples.set(i, image.samples.get(i) + sigma / 255.0 * normal());
    }
    out
}

#[test]
fn photographs_with_known_noise() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/photos");
    if !folder.is_dir() {
        eprintln!("skipped: the photographs are not there");
        return;
    }
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let (mut off, mut judged) = (Vec::new(), 0);
    for path in paths {
        let rgb = ::image::open(&path).unwrap().to_rgb8();
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        let clean = Image { width, height, channels: 3, samples: Samples::U8(rgb.into_raw()), alpha: None };
        let mut judge = |sigma: f64, found: f64, good: bool| {
            judged += 1;
            if !good {
                off.push(format!("{} {sigma}: {found:.2}", path.shown()));
            }
        };
        let found = noise_sigma(&clean);
        judge(0.0, found, found < 2.5);
        for (sigma, depth) in [(5.0, Depth::F32), (10.0, Depth::U8), (25.0, Depth::U8), (50.0, Depth::F32)] {
            let found = noise_sigma(&noisy(&clean, sigma as f32, depth));
            judge(sigma, found, (found / sigma - 1.0).abs() < 0.15);
        }
    }
    // A photograph of nothing but fine texture (sand) can't be told from a noisy one.
    assert!(off.len() * 20 <= judged, "{} of {judged}: {off:?}", off.len());
}

#[test]
fn noise_on_a_flat_small_picture() {
    for (side, tolerance) in [(8, 0.5), (28, 0.15), (100, 0.05)] {
        let mut flat = Image::new(side, side, 1, Depth::U8);
        flat.samples = Samples::U8(vec![128; side * side]);
        let found = noise_sigma(&noisy(&flat, 20.0, Depth::U8));
        assert!((found / 20.0 - 1.0).abs() < tolerance, "{side}: {found}");
        assert_eq!(noise_sigma(&flat), 0.0);
    }
}
