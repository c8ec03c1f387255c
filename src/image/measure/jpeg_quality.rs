//! The quality of the JPEG compression that a picture went through.

use super::grid::BLOCK;
use super::subject::{Kind, Measurement, Reading, Subject};
use multiversion::multiversion;

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "jpeg_quality",
    columns: &[("jpeg_quality", Kind::Int)],
    doc: "`jpeg_quality` (1 to 100, of the strongest JPEG compression that shows in the pixels, by the steps of their DCT, \
          Fan 2003; where none shows, that of the tables of a JPEG file; otherwise empty)",
    read: |subject| {
        Some(vec![jpeg_quality(subject).map_or(Reading::Unknown, |quality| Reading::Int(quality.into()))])
    },
    bytes: |_, _| (4 * BLOCKS * (TRIED.len() + BLOCK * BLOCK)) as u64,
};

/// Blocks that are looked at, at most.
const BLOCKS: usize = 1020;
/// A prime that no number of blocks is a multiple of.
const SPREAD: usize = 1_021;
/// Steps that are tried.
const STEPS: std::ops::Range<u16> = 2..200;
/// Coefficients that a step is told by, at least.
const ENOUGH: f32 = 12.0;
/// How well they have to fit: 1 for multiples of the step, about 0 for any numbers.
const FITS: f32 = 0.6;
/// Frequencies whose steps have to be told, at least.
const FEWEST: usize = 3;
/// Where none of this many frequencies is told by one in `FIRST_OF` blocks, it is given up.
const FIRST: usize = 9;
const FIRST_OF: usize = 4;
/// Luma of a block outside these is clipped, which spoils its coefficients.
const DARK: f32 = 1.0 / 255.0;
const BRIGHT: f32 = 254.0 / 255.0;

/// The frequencies looked at, down and across, with their steps in the standard's example table, which encoders scale.
const TRIED: [(usize, usize, u16); 27] = [
    (0, 1, 11),
    (1, 0, 12),
    (0, 2, 10),
    (1, 1, 12),
    (2, 0, 14),
    (0, 3, 16),
    (1, 2, 14),
    (2, 1, 13),
    (3, 0, 14),
    (0, 4, 24),
    (1, 3, 19),
    (2, 2, 16),
    (3, 1, 17),
    (4, 0, 18),
    (0, 5, 40),
    (1, 4, 26),
    (2, 3, 24),
    (3, 2, 22),
    (4, 1, 22),
    (5, 0, 24),
    (0, 6, 51),
    (1, 5, 58),
    (2, 4, 40),
    (3, 3, 29),
    (4, 2, 37),
    (5, 1, 35),
    (6, 0, 49),
];

/// Quality from 1 to 100, on the scale of the standard's example tables, of the strongest JPEG compression that shows.
///
/// In the pixels it shows by the coefficients of its blocks, which are multiples of their steps (Fan, de Queiroz:
/// "Identification of bitmap compression history", IEEE TIP 2003), found at the grid or, as in a file never cropped, from the top
/// left corner. Noise, resizing or restoring since then hide it; qualities above some 95 leave little to see. Where it does not show, the
/// quality of the file's own tables is given. `None` where neither tells.
pub fn jpeg_quality(subject: &Subject<'_>) -> Option<u8> {
    let seen = subject.grid().and_then(|grid| {
        let found = [(grid.x, grid.y), (0, 0)];
        let places = if found[0] == found[1] { &found[..1] } else { &found };
        places.iter().find_map(|place| quality_at(subject, *place))
    });
    match (seen, subject.file_quality) {
        (Some(seen), Some(told)) => Some(seen.min(told)),
        (seen, told) => seen.or(told),
    }
}

/// The quality that shows in the blocks from this column and row on.
fn quality_at(subject: &Subject<'_>, place: (usize, usize)) -> Option<u8> {
    let blocks = blocks(subject, place);
    let mut coefficients = vec![0.0; TRIED.len() * blocks.len()];
    transform(&blocks, &mut coefficients);
    let of_frequencies = || coefficients.chunks_exact(blocks.len().max(1));
    if !of_frequencies().take(FIRST).any(|values| step_of(&values[..values.len() / FIRST_OF]).is_some()) {
        return None;
    }
    let mut told = Vec::new();
    for (tried, values) in of_frequencies().enumerate() {
        if let Some((step, count)) = step_of(values) {
            told.push((tried, f64::from(step), f64::from(count).sqrt()));
        }
    }
    if told.len() < FEWEST {
        return None;
    }
    let apart = |quality: u8| -> f64 {
        told.iter()
            .map(|(tried, step, weight)| {
                weight * (step / f64::from(scaled(TRIED[*tried].2, quality))).ln().abs()
            })
            .sum()
    };
    (1..=100).min_by(|a, b| apart(*a).total_cmp(&apart(*b)))
}

/// A step of the example table as the Independent JPEG Group's library scales it.
fn scaled(step: u16, quality: u8) -> u16 {
    let quality = u32::from(quality);
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u16
}

type Block = [[f32; BLOCK]; BLOCK];

/// Blocks of luma that are not clipped, spread over the picture.
fn blocks(subject: &Subject<'_>, (left, top): (usize, usize)) -> Vec<Block> {
    let (width, height) = subject.size();
    let luma = subject.luma();
    let (across, down) = ((width - left) / BLOCK, (height - top) / BLOCK);
    let count = across * down;
    let wanted = count.min(BLOCKS);
    let block = |n: usize| -> Block {
        // Evenly spread numbers, and evenly already the first of them.
        let n = n * SPREAD % wanted * count / wanted;
        let (x, y) = (left + n % across * BLOCK, top + n / across * BLOCK);
        std::array::from_fn(|r| std::array::from_fn(|c| luma[(y + r) * width + x + c]))
    };
    let whole = |block: &Block| block.as_flattened().iter().all(|v| *v > DARK && *v < BRIGHT);
    (0..wanted).map(block).filter(whole).collect()
}

/// Magnitudes of the coefficients, 0 to 255 scale, those of one frequency after those of another.
#[multiversion(targets("x86_64+avx2"))]
fn transform(blocks: &[Block], out: &mut [f32]) {
    let waves: [[f32; BLOCK]; BLOCK] = std::array::from_fn(|i| {
        std::array::from_fn(|k| {
            let scale = if k == 0 { 0.125f32 } else { 0.25 };
            scale.sqrt() * (std::f32::consts::PI * k as f32 * (i as f32 + 0.5) / BLOCK as f32).cos()
        })
    });
    for (n, block) in blocks.iter().enumerate() {
        let mut across = [[0.0f32; BLOCK]; BLOCK];
        for (row, out) in block.iter().zip(&mut across) {
            for (value, wave) in row.iter().zip(&waves) {
                for k in 0..BLOCK {
                    out[k] += value * 255.0 * wave[k];
                }
            }
        }
        let mut values = [[0.0f32; BLOCK]; BLOCK];
        for (row, wave) in across.iter().zip(&waves) {
            for (down, out) in values.iter_mut().enumerate() {
                for k in 0..BLOCK {
                    out[k] += row[k] * wave[down];
                }
            }
        }
        for (tried, (down, across, _)) in TRIED.iter().enumerate() {
            out[tried * blocks.len() + n] = values[*down][*across].abs();
        }
    }
}

/// The step whose multiples these magnitudes are, and how many of them are not 0.
fn step_of(values: &[f32]) -> Option<(u16, f32)> {
    let mut best = None;
    let mut best_fit = FITS;
    for step in STEPS {
        let (sum, count) = fit(values, step.into());
        if count < ENOUGH {
            break;
        }
        if sum / count > best_fit {
            best_fit = sum / count;
            best = Some((step, count));
        }
    }
    best
}

/// Sum of the cosines that are 1 at multiples of the step, over the values that are no 0, and their number.
#[multiversion(targets("x86_64+avx2"))]
fn fit(values: &[f32], step: f32) -> (f32, f32) {
    // Adding and taking away rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    const LANES: usize = 32;
    let (mut sums, mut counts) = ([0.0f32; LANES], [0.0f32; LANES]);
    let inverse = 1.0 / step;
    // A few of a thousand at the end are left out.
    let chunks = values.as_chunks::<LANES>().0;
    for i in 0..chunks.len() {
        for lane in 0..LANES {
            let turns = chunks[i][lane] * inverse;
            let rest = turns - ((turns + ROUND) - ROUND);
            let u = rest * rest;
            // cos(2 pi rest), to 0.002.
            let cos = 1.0 + u * (-19.739 + u * (64.94 + u * (-85.45 + u * (60.18 - 26.0 * u))));
            let counted = if turns > 0.55 { 1.0 } else { 0.0 };
            sums[lane] += cos * counted;
            counts[lane] += counted;
        }
    }
    (sums.iter().sum(), counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, Samples};

    /// A picture of blocks whose coefficients are multiples of this quality's steps, the first blocks cut.
    fn compressed(quality: u8, (left, top): (usize, usize), noise: f64) -> Image {
        const SIDE: usize = 256;
        let mut state = 3u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let wave = |i: usize, k: usize| {
            let scale: f64 = if k == 0 { 0.125 } else { 0.25 };
            scale.sqrt() * (std::f64::consts::PI * k as f64 * (i as f64 + 0.5) / BLOCK as f64).cos()
        };
        let mut plane = vec![128.0; SIDE * SIDE];
        for block in 0..(SIDE / BLOCK).pow(2) {
            let (x, y) = (block % (SIDE / BLOCK) * BLOCK, block / (SIDE / BLOCK) * BLOCK);
            for (down, across, step) in TRIED {
                let step = f64::from(scaled(step, quality));
                // Coefficients of pictures are Laplacian, and fall with their frequency.
                let size = -(1.0 - uniform()).ln() * 60.0 / (1 + down + across) as f64;
                let value = (size / step).round() * step * if uniform() < 0.5 { -1.0 } else { 1.0 };
                for i in 0..BLOCK * BLOCK {
                    plane[(y + i / BLOCK) * SIDE + x + i % BLOCK] +=
                        value * wave(i / BLOCK, down) * wave(i % BLOCK, across);
                }
            }
        }
        let (width, height) = (SIDE - left, SIDE - top);
        let level = |i: usize| plane[(top + i / width) * SIDE + left + i % width];
        let samples = (0..width * height)
            .map(|i| (level(i) + noise * (uniform() - 0.5)).round().clamp(0.0, 255.0) as u8)
            .collect();
        Image { width, height, channels: 1, samples: Samples::U8(samples), alpha: None }
    }

    #[test]
    fn the_quality_is_found_wherever_the_picture_was_cut() {
        for quality in [20, 50, 75, 90] {
            for cut in [(0, 0), (3, 5)] {
                assert_eq!(
                    jpeg_quality(&Subject::new(&compressed(quality, cut, 0.0))),
                    Some(quality),
                    "{cut:?}"
                );
            }
        }
    }

    #[test]
    fn where_nothing_shows_the_file_tells() {
        let noisy = compressed(75, (0, 0), 30.0);
        let mut subject = Subject::new(&noisy);
        assert_eq!(jpeg_quality(&subject), None);
        subject.file_quality = Some(90);
        assert_eq!(jpeg_quality(&subject), Some(90));
        // What shows is what was lost first.
        let clear = compressed(40, (0, 0), 0.0);
        let mut subject = Subject::new(&clear);
        subject.file_quality = Some(95);
        assert_eq!(jpeg_quality(&subject), Some(40));
    }
}
