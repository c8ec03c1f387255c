//! Blind estimation of the standard deviation of additive noise.
//!
//! Small patches of a natural picture vary in few directions, noise in all of them alike: the small
//! eigenvalues of the patches' covariance are the noise's variance (Chen, Zhu, Heng: "An efficient
//! statistical method for image noise level estimation", ICCV 2015). To keep texture out, only the
//! patches with the least energy in their low frequencies count, and of those only the high
//! frequencies, so that the choice doesn't favour patches with little noise.

use super::{Image, gray};

/// Side of a patch.
const SIDE: usize = 7;
/// A patch's frequencies below this, across and down, choose it; the others are measured.
const LOW: usize = 3;
/// Number of measured frequencies.
const DIM: usize = SIDE * SIDE - LOW * LOW;
/// Patches looked at in one channel, about: enough for a few percent, whatever the picture's size.
const PATCHES: usize = 16_000;
/// One in this many patches is measured, where that leaves `ENOUGH`.
const SMOOTHEST: usize = 6;
/// The eigenvalues of this many patches scatter little.
const ENOUGH: usize = 25 * DIM;
/// Fewer patches than this say nothing about `DIM` eigenvalues.
const FEWEST: usize = 8 * DIM;
/// How many standard deviations a patch's mean must be from black and white to trust its noise.
const CLIP_MARGIN: f64 = 2.0;

/// Standard deviation of the noise on the \[0, 255\] scale, estimated from the picture alone, as if it
/// were white, Gaussian and the same everywhere; the mean over the colour channels.
///
/// Never negative, always finite; 0 for pictures below 4x4 and for drawings whose pixels mostly
/// equal their neighbours. Fine texture counts as noise where nothing smoother is in the picture.
pub fn noise_sigma(image: &Image) -> f64 {
    let sum: f64 = (0..image.channels)
        .map(|c| {
            let mut plane = gray::plane(image, c);
            plane.iter_mut().for_each(|v| *v = if v.is_finite() { *v * 255.0 } else { 0.0 });
            plane_sigma(&plane, image.width, image.height)
        })
        .sum();
    sum / image.channels.max(1) as f64
}

/// A patch in the frequency domain (orthonormal DCT).
struct Patch {
    mean: f32,
    /// Energy of the low frequencies, without the mean.
    low: f32,
    high: [f32; DIM],
}

fn plane_sigma(plane: &[f32], width: usize, height: usize) -> f64 {
    if width < 4 || height < 4 {
        return 0.0;
    }
    let (mut patches, flat) = patches(plane, width, height);
    // Noise leaves no patch constant, except where it is clipped away at black or white.
    if flat > patches.len() {
        return 0.0;
    }
    if patches.len() < FEWEST {
        return diagonal_sigma(plane, width);
    }
    let first = patch_sigma(smoothest(&mut patches));
    // Clipping narrows the noise near black and white: ask again where it doesn't reach them.
    let margin = (CLIP_MARGIN * first) as f32;
    patches.retain(|p| p.mean > margin && p.mean < 255.0 - margin);
    if patches.len() < FEWEST { first } else { patch_sigma(smoothest(&mut patches)) }
}

fn smoothest(patches: &mut [Patch]) -> &[Patch] {
    let count = (patches.len() / SMOOTHEST).max(ENOUGH).min(patches.len());
    patches.sort_by(|a, b| a.low.total_cmp(&b.low));
    &patches[..count]
}

/// The patches on a regular grid over the whole plane, and how many more are constant.
fn patches(plane: &[f32], width: usize, height: usize) -> (Vec<Patch>, usize) {
    let (across, down) = ((width + 1).saturating_sub(SIDE), (height + 1).saturating_sub(SIDE));
    let step = ((across * down) as f64 / PATCHES as f64).sqrt().ceil().max(1.0) as usize;
    let basis = dct_basis();
    let mut patches = Vec::with_capacity((across / step + 1) * (down / step + 1));
    let mut flat = 0;
    for y in (0..down).step_by(step) {
        for x in (0..across).step_by(step) {
            let rows: [&[f32]; SIDE] = std::array::from_fn(|r| &plane[(y + r) * width + x..][..SIDE]);
            if rows.iter().all(|row| row.iter().all(|v| *v == rows[0][0])) {
                flat += 1;
            } else {
                patches.push(transform(&rows, &basis));
            }
        }
    }
    (patches, flat)
}

type Basis = [[f32; SIDE]; SIDE];

fn dct_basis() -> Basis {
    let n = SIDE as f32;
    std::array::from_fn(|k| {
        let scale = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
        std::array::from_fn(|i| scale * (std::f32::consts::PI * k as f32 * (i as f32 + 0.5) / n).cos())
    })
}

fn transform(rows: &[&[f32]; SIDE], basis: &Basis) -> Patch {
    let mut across = [[0.0f32; SIDE]; SIDE];
    for (row, out) in rows.iter().zip(&mut across) {
        for (wave, out) in basis.iter().zip(out) {
            *out = row.iter().zip(wave).map(|(v, w)| v * w).sum();
        }
    }
    let mut patch = Patch { mean: 0.0, low: 0.0, high: [0.0; DIM] };
    let mut next = 0;
    for (down, wave) in basis.iter().enumerate() {
        for k in 0..SIDE {
            let value: f32 = across.iter().zip(wave).map(|(row, w)| row[k] * w).sum();
            if down == 0 && k == 0 {
                patch.mean = value / SIDE as f32;
            } else if down < LOW && k < LOW {
                patch.low += value * value;
            } else {
                patch.high[next] = value;
                next += 1;
            }
        }
    }
    patch
}

/// The noise level that leaves as many of the remaining eigenvalues above their mean as below it,
/// when the largest, which hold the picture, are taken away one by one.
fn patch_sigma(patches: &[Patch]) -> f64 {
    let mut values = eigenvalues(covariance(patches));
    values.sort_by(f64::total_cmp);
    for kept in (1..=DIM).rev() {
        let values = &values[..kept];
        let mean = values.iter().sum::<f64>() / kept as f64;
        if 2 * values.iter().filter(|v| **v > mean).count() >= kept {
            return mean.max(0.0).sqrt();
        }
    }
    values[0].max(0.0).sqrt()
}

type Matrix = Box<[[f64; DIM]; DIM]>;

fn covariance(patches: &[Patch]) -> Matrix {
    let count = patches.len().max(1) as f64;
    let mut mean = [0.0; DIM];
    for patch in patches {
        mean.iter_mut().zip(&patch.high).for_each(|(m, v)| *m += f64::from(*v) / count);
    }
    let mut matrix: Matrix = Box::new([[0.0; DIM]; DIM]);
    for patch in patches {
        let centred: [f64; DIM] = std::array::from_fn(|i| f64::from(patch.high[i]) - mean[i]);
        for (row, a) in matrix.iter_mut().zip(centred) {
            row.iter_mut().zip(&centred).for_each(|(m, b)| *m += a * b);
        }
    }
    matrix.iter_mut().flatten().for_each(|m| *m /= count);
    matrix
}

/// Eigenvalues of a symmetric matrix, in no order: cyclic Jacobi rotations until it is diagonal.
fn eigenvalues(mut m: Matrix) -> Vec<f64> {
    let trace: f64 = (0..DIM).map(|i| m[i][i]).sum();
    for _sweep in 0..30 {
        let off: f64 =
            (0..DIM).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| m[i][j] * m[i][j]).sum();
        if off.sqrt() <= 1e-9 * trace {
            break;
        }
        for p in 0..DIM {
            for q in p + 1..DIM {
                rotate(&mut m, p, q);
            }
        }
    }
    (0..DIM).map(|i| m[i][i]).collect()
}

/// The Jacobi rotation that makes entry (`p`, `q`) zero.
fn rotate(m: &mut Matrix, p: usize, q: usize) {
    let off = m[p][q];
    if off == 0.0 {
        return;
    }
    let theta = (m[q][q] - m[p][p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for row in m.iter_mut() {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    for k in 0..DIM {
        (m[p][k], m[q][k]) = (c * m[p][k] - s * m[q][k], s * m[p][k] + c * m[q][k]);
    }
}

/// Median absolute deviation of the diagonal high-pass (a - b - c + d) / 2 over 2x2 pixels: coarser,
/// but needs only a few pixels.
fn diagonal_sigma(plane: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = plane.chunks_exact(width).collect();
    let mut high: Vec<f32> = rows
        .windows(2)
        .flat_map(|r| (1..width).map(|x| (r[0][x - 1] - r[0][x] - r[1][x - 1] + r[1][x]).abs() / 2.0))
        .collect();
    let middle = high.len() / 2;
    if high.is_empty() {
        return 0.0;
    }
    1.4826 * f64::from(*high.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Depth, Samples};
    use crate::shown::Show;

    /// Standard normal numbers from a small linear congruential generator (sum of twelve uniforms).
    fn normals() -> impl FnMut() -> f32 {
        let mut state = 1u64;
        move || {
            (0..12).fold(-6.0, |sum, _| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                sum + (state >> 40) as f32 / (1u32 << 24) as f32
            })
        }
    }

    fn noisy(image: &Image, sigma: f32, depth: Depth) -> Image {
        let mut out = Image::new(image.width, image.height, image.channels, depth);
        let mut normal = normals();
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
            let clean =
                Image { width, height, channels: 3, samples: Samples::U8(rgb.into_raw()), alpha: None };
            let mut judge = |sigma: f64, found: f64, good: bool| {
                judged += 1;
                if !good {
                    off.push(format!("{} {sigma}: {found:.2}", path.shown()));
                }
            };
            let found = noise_sigma(&clean);
            judge(0.0, found, found < 2.5);
            for (sigma, depth) in
                [(5.0, Depth::F32), (10.0, Depth::U8), (25.0, Depth::U8), (50.0, Depth::F32)]
            {
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
}
