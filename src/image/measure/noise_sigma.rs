//! Blind estimation of the standard deviation of additive noise.
//!
//! Small patches of a natural picture vary in few directions, noise in all of them alike: the small
//! eigenvalues of the patches' covariance are the noise's variance (Chen, Zhu, Heng: "An efficient
//! statistical method for image noise level estimation", ICCV 2015). To keep texture out, only the
//! patches with the least energy in their low frequencies count, and of those only the high
//! frequencies, so that the choice doesn't favour patches with little noise.

use super::eigen;
use super::moments::covariance;
use super::noise::{Noise, NoiseShape};
use super::subject::{Kind, Measurement, Reading, Subject};
use crate::image::{Image, Samples, gray};
use multiversion::multiversion;

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "noise_sigma",
    columns: &[("noise_sigma", Kind::Float)],
    doc: "`noise_sigma` (additive noise, 0 to 255 scale, by the covariance of patches, Chen 2015)",
    read: |subject| Some(vec![Reading::Float(of(subject).sigma)]),
    // Patches are few; a picture too small for them is looked at as a plane.
    bytes: |width, _| 140 * width + (4 << 20),
};

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
/// Patches that are transformed at once.
const BATCH: usize = 64;
/// Numbers of a row of frequencies, with one that is not used.
const ROW: usize = SIDE + 1;

/// Standard deviation of the noise on the \[0, 255\] scale, estimated from the picture alone, as if it
/// were white, Gaussian and the same everywhere; the mean over the colour channels.
///
/// Never negative, always finite; 0 for pictures below 4x4 and for drawings whose pixels mostly
/// equal their neighbours. Fine texture counts as noise where nothing smoother is in the picture.
pub fn noise_sigma(image: &Image) -> f64 {
    noise(image).sigma
}

/// The noise of a subject, which is looked for once.
pub(super) fn of(subject: &Subject<'_>) -> Noise {
    *subject.noise.get_or_init(|| noise(subject.image))
}

/// [`noise_sigma`] with what it was found by.
pub(super) fn noise(image: &Image) -> Noise {
    if image.width < 4 || image.height < 4 {
        return Noise::default();
    }
    let surveys = survey(image);
    let channels: Vec<Noise> =
        surveys.into_iter().enumerate().map(|(c, found)| channel_noise(image, c, found)).collect();
    let sigma = channels.iter().map(|noise| noise.sigma).sum::<f64>() / channels.len().max(1) as f64;
    Noise { sigma, shape: NoiseShape::mean(channels.iter().filter_map(|noise| noise.shape)) }
}

/// A patch that is not constant.
#[derive(Clone, Copy, Debug)]
struct Patch {
    x: u32,
    y: u32,
    mean: f32,
    /// Energy of the low frequencies, without the mean.
    low: f32,
}

/// What lies on a regular grid over one channel.
#[derive(Debug, Default)]
struct Survey {
    patches: Vec<Patch>,
    /// How many more are constant.
    flat: usize,
}

fn channel_noise(image: &Image, channel: usize, survey: Survey) -> Noise {
    let Survey { mut patches, flat } = survey;
    // Noise leaves no patch constant, except where it is clipped away at black or white.
    if flat > patches.len() {
        return Noise::default();
    }
    if patches.len() < FEWEST {
        let mut plane = gray::plane(image, channel);
        plane.iter_mut().for_each(|v| *v = if v.is_finite() { *v * 255.0 } else { 0.0 });
        return Noise { sigma: diagonal_sigma(&plane, image.width), shape: None };
    }
    let first = patch_noise(image, channel, smoothest(&mut patches));
    // Clipping narrows the noise near black and white: ask again where it doesn't reach them.
    let margin = (CLIP_MARGIN * first.sigma) as f32;
    let before = patches.len();
    patches.retain(|p| p.mean > margin && p.mean < 255.0 - margin);
    if patches.len() < FEWEST || patches.len() == before {
        return first;
    }
    patch_noise(image, channel, smoothest(&mut patches))
}

fn smoothest(patches: &mut [Patch]) -> &[Patch] {
    let count = (patches.len() / SMOOTHEST).max(ENOUGH).min(patches.len());
    if count < patches.len() {
        // Places tell equal ones apart, so that the choice is always the same.
        let order = |p: &Patch| (p.y, p.x);
        patches.select_nth_unstable_by(count, |a, b| {
            a.low.total_cmp(&b.low).then_with(|| order(a).cmp(&order(b)))
        });
    }
    &patches[..count]
}

/// Samples from `start` on, as many as `out` holds, on the \[0, 255\] scale.
fn levels(image: &Image, start: usize, out: &mut [f32]) {
    let range = start..start + out.len();
    match &image.samples {
        Samples::U8(v) => convert(&v[range], out, f32::from),
        Samples::U16(v) => convert(&v[range], out, word),
        Samples::F32(v) => convert(&v[range], out, float),
    }
}

fn word(v: u16) -> f32 {
    f32::from(v) / 257.0
}

fn float(v: f32) -> f32 {
    if v.is_finite() { v * 255.0 } else { 0.0 }
}

fn convert<S: Copy>(from: &[S], out: &mut [f32], level: impl Fn(S) -> f32) {
    let from = &from[..out.len()];
    for i in 0..out.len() {
        out[i] = level(from[i]);
    }
}

/// The patches on a regular grid over each channel.
fn survey(image: &Image) -> Vec<Survey> {
    let channels = image.channels;
    let mut found: Vec<Survey> = (0..channels).map(|_| Survey::default()).collect();
    let (across, down) = ((image.width + 1).saturating_sub(SIDE), (image.height + 1).saturating_sub(SIDE));
    let step = ((across * down) as f64 / PATCHES as f64).sqrt().ceil().max(1.0) as usize;
    let columns: Vec<usize> = (0..across).step_by(step).collect();
    let basis = dct_basis();
    let low: Low = std::array::from_fn(|k| basis[k]);
    // Whole rows where patches overlap, and otherwise only their pixels.
    let apart = step >= SIDE;
    let width = if apart { columns.len() * SIDE } else { image.width } * channels;
    let mut rows = vec![0.0; SIDE * width];
    // The last patch reads four numbers where three or one are left.
    let mut waves: [Vec<f32>; LOW] = std::array::from_fn(|_| vec![0.0; width + LANES]);
    for y in (0..down).step_by(step) {
        for (r, out) in rows.chunks_exact_mut(width).enumerate() {
            let row = (y + r) * image.width;
            if apart {
                for (x, out) in columns.iter().zip(out.chunks_exact_mut(SIDE * channels)) {
                    levels(image, (row + x) * channels, out);
                }
            } else {
                levels(image, row * channels, out);
            }
        }
        for (wave, out) in low.iter().zip(&mut waves) {
            downward(&rows, wave, &mut out[..width]);
        }
        for (n, x) in columns.iter().enumerate() {
            let start = if apart { n * SIDE } else { *x } * channels;
            let (mean, energy) = lowest(&waves, &low, start, channels);
            for (c, found) in found.iter_mut().enumerate() {
                if constant(&rows, width, start + c, channels) {
                    found.flat += 1;
                } else {
                    found.patches.push(Patch { x: *x as u32, y: y as u32, mean: mean[c], low: energy[c] });
                }
            }
        }
    }
    found
}

/// Whether a patch of one channel has one tone.
fn constant(rows: &[f32], width: usize, start: usize, channels: usize) -> bool {
    let tone = rows[start];
    (0..SIDE).all(|r| (0..SIDE).all(|i| rows[r * width + start + i * channels] == tone))
}

/// Numbers that are computed at once: the channels of a pixel side by side, the rest idle.
const LANES: usize = 4;

/// The waves of the low frequencies.
type Low = [[f32; SIDE]; LOW];

/// One frequency down seven rows, of every column.
#[multiversion(targets("x86_64+avx2"))]
fn downward(rows: &[f32], wave: &[f32; SIDE], out: &mut [f32]) {
    let width = out.len();
    let rows: [&[f32]; SIDE] = std::array::from_fn(|r| &rows[r * width..][..width]);
    for i in 0..width {
        let mut sum = 0.0;
        for r in 0..SIDE {
            sum += rows[r][i] * wave[r];
        }
        out[i] = sum;
    }
}

/// Means and energies of the low frequencies of the patch from `start` on, of each channel.
fn lowest(waves: &[Vec<f32>; LOW], low: &Low, start: usize, channels: usize) -> ([f32; LANES], [f32; LANES]) {
    let (mut mean, mut energy) = ([0.0; LANES], [0.0; LANES]);
    for down in 0..LOW {
        let wave = &waves[down][start..start + (SIDE - 1) * channels + LANES];
        let mut values = [[0.0f32; LANES]; LOW];
        for i in 0..SIDE {
            let pixel: &[f32; LANES] = wave[i * channels..].first_chunk().unwrap_or(&[0.0; LANES]);
            for k in 0..LOW {
                for l in 0..LANES {
                    values[k][l] += pixel[l] * low[k][i];
                }
            }
        }
        for k in 0..LOW {
            for l in 0..LANES {
                if down == 0 && k == 0 {
                    mean[l] = values[k][l] / SIDE as f32;
                } else {
                    energy[l] += values[k][l] * values[k][l];
                }
            }
        }
    }
    (mean, energy)
}

type Basis = [[f32; SIDE]; SIDE];

/// The orthonormal DCT.
fn dct_basis() -> Basis {
    let n = SIDE as f32;
    std::array::from_fn(|k| {
        let scale = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
        std::array::from_fn(|i| scale * (std::f32::consts::PI * k as f32 * (i as f32 + 0.5) / n).cos())
    })
}

/// The noise level that leaves as many of the remaining eigenvalues above their mean as below it,
/// when the largest, which hold the picture, are taken away one by one.
fn patch_noise(image: &Image, channel: usize, patches: &[Patch]) -> Noise {
    let waves = high_frequencies(image, channel, patches);
    let sigma = smallest(eigen::values(covariance(&waves)));
    Noise { sigma, shape: NoiseShape::of(&waves, sigma) }
}

fn smallest(mut values: [f64; DIM]) -> f64 {
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

/// The measured frequencies of the patches.
fn high_frequencies(image: &Image, channel: usize, patches: &[Patch]) -> Vec<[f32; DIM]> {
    let (channels, basis) = (image.channels, dct_basis());
    // As columns, so that a register holds the frequencies of one row.
    let waves: [[f32; ROW]; SIDE] =
        std::array::from_fn(|i| std::array::from_fn(|k| basis.get(k).map_or(0.0, |wave| wave[i])));
    let mut out = vec![[0.0; DIM]; patches.len()];
    let mut pixels = [[[0.0; SIDE]; SIDE]; BATCH];
    for (patches, out) in patches.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
        for (patch, pixels) in patches.iter().zip(&mut pixels) {
            let start = (patch.y as usize * image.width + patch.x as usize) * channels + channel;
            match &image.samples {
                Samples::U8(v) => pick(v, (start, image.width), channels, pixels, f32::from),
                Samples::U16(v) => pick(v, (start, image.width), channels, pixels, word),
                Samples::F32(v) => pick(v, (start, image.width), channels, pixels, float),
            }
        }
        transform(&pixels[..patches.len()], &waves, out);
    }
    out
}

/// One channel of a patch, whose first sample is at `start`, on the \[0, 255\] scale.
fn pick<S: Copy>(
    from: &[S],
    (start, width): (usize, usize),
    channels: usize,
    out: &mut [[f32; SIDE]; SIDE],
    level: impl Fn(S) -> f32,
) {
    for (r, out) in out.iter_mut().enumerate() {
        let row = &from[start + r * width * channels..][..(SIDE - 1) * channels + 1];
        for (i, out) in out.iter_mut().enumerate() {
            *out = level(row[i * channels]);
        }
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn transform(pixels: &[[[f32; SIDE]; SIDE]], waves: &[[f32; ROW]; SIDE], out: &mut [[f32; DIM]]) {
    for n in 0..out.len().min(pixels.len()) {
        let mut across = [[0.0f32; ROW]; SIDE];
        for r in 0..SIDE {
            for i in 0..SIDE {
                for k in 0..ROW {
                    across[r][k] += pixels[n][r][i] * waves[i][k];
                }
            }
        }
        let mut next = 0;
        for down in 0..SIDE {
            let mut values = [0.0f32; ROW];
            for r in 0..SIDE {
                for k in 0..ROW {
                    values[k] += across[r][k] * waves[r][down];
                }
            }
            let first = if down < LOW { LOW } else { 0 };
            for k in first..SIDE {
                out[n][next] = values[k];
                next += 1;
            }
        }
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
mod tests;
