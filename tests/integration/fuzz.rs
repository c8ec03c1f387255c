//! The fuzz targets on a few thousand mutated seeds: a smoke run that needs neither nightly nor cargo-fuzz.

#[path = "../../fuzz/bodies.rs"]
#[expect(dead_code, reason = "mutated models go through the door that limits them, in models.rs")]
mod bodies;

use crate::state_dicts::{compact, legacy, safetensors, zipped};
use crate::support::root;
use safelight::random::Rng;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest that one input may take; the slowest takes a hundredth of it.
const PATIENCE: Duration = Duration::from_secs(30);

fn files(folder: &str, endings: &[&str]) -> Vec<Vec<u8>> {
    let of_kind = |path: &Path| path.extension().is_some_and(|e| endings.iter().any(|known| e == *known));
    let walk = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name().into_iter();
    walk.map(|entry| entry.unwrap().into_path())
        .filter(|path| of_kind(path))
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Changes, cuts, repeats or puts together.
fn mutated(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let pick = |rng: &mut Rng, below: usize| (rng.bits() % below.max(1) as u64) as usize;
    let mut bytes = seeds[pick(rng, seeds.len())].clone();
    for _ in 0..=pick(rng, 8) {
        let at = pick(rng, bytes.len());
        match pick(rng, 4) {
            0 => bytes.truncate(at),
            1 => {
                let other = &seeds[pick(rng, seeds.len())];
                let from = pick(rng, other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ if bytes.is_empty() => {}
            2 => bytes[at] ^= 1 << pick(rng, 8),
            _ => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][pick(rng, 5)],
        }
    }
    bytes
}

fn smoke(seeds: Vec<Vec<u8>>, count: usize, body: fn(&[u8])) {
    assert!(!seeds.is_empty());
    let count = std::env::var("SAFELIGHT_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(count);
    let mut rng = Rng::new(15);
    for number in 0..count {
        let bytes = mutated(&seeds, &mut rng);
        let start = Instant::now();
        body(&bytes);
        assert!(start.elapsed() < PATIENCE, "input {number} took {:?}", start.elapsed());
    }
}

#[test]
fn pictures_and_their_exif() {
    let seeds = files("sample_data/archive", &["jpg", "png", "tif", "webp", "bmp"]);
    smoke(seeds.iter().filter(|seed| seed.len() < 120_000).cloned().collect(), 200, bodies::picture);
    // Blocks begin behind their name in a JPEG.
    let blocks = seeds.iter().filter_map(|seed| {
        let at = seed.windows(6).position(|window| window == b"Exif\0\0")?;
        seed.get(at + 6..(at + 600).min(seed.len())).map(<[u8]>::to_vec)
    });
    smoke(blocks.collect(), 2000, bodies::exif);
}

#[test]
fn pipelines() {
    smoke(files("pipelines", &["yaml"]), 500, bodies::yaml);
}

#[test]
fn weights_files() {
    let network = compact();
    smoke(vec![zipped(&network), legacy(&network), safetensors(&network)], 3000, bodies::weights);
}
