//! Whether what a restorer took away from a picture lies where the picture has structure, as detail does and noise
//! does not.
//!
//! Before and after are cut into blocks of 8x8 pixels. Of each block count: the gradient energy of what was taken
//! away, that of the result, and its brightness. The logarithms of the two energies, less their means over blocks of
//! like brightness (shot noise and grain follow the light), are correlated. Noise gives about 0 or less, since a good
//! denoiser takes a little less of it where there is structure; fine detail gives more. The figures and the choice of
//! the limit stand in `docs/no-harm.md`.

use super::{Image, Samples};
use multiversion::multiversion;

/// Side of a block.
const SIDE: usize = 8;
/// Classes of brightness.
const CLASSES: usize = 16;
/// Added to the energies of what was taken away, of the squared range: less than rounding to 8 bits leaves.
const LEAST_REMOVED: f32 = 0.1 / (255.0 * 255.0);
/// Added to the energies of the result, of the squared range.
const LEAST_STRUCTURE: f32 = 0.25 / (255.0 * 255.0);
/// Fewer blocks than this, less one for each class, tell nothing.
const FEWEST: usize = 16;
/// Standard errors that the correlation is taken lower for the few blocks of a small picture.
const DOUBT: f64 = 2.0;
/// Where the gradients of what was taken away and of the result are correlated less than this, edges were made
/// steeper: that is no loss of detail.
const SHARPENED: f64 = -0.3;

/// What counts of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Block {
    /// Gradient energy of what was taken away, on the squared \[0, 1\] scale.
    removed: f32,
    /// Gradient energy of the result.
    structure: f32,
    /// Sum of the products of both gradients.
    shared: f32,
    /// Mean of the result.
    light: f32,
}

/// Rows of blocks in a picture: each needs a line and a column beyond it.
pub fn rows(image: &Image) -> usize {
    (image.height - 1) / SIDE
}

/// Row `row` of the blocks of two pictures of the same shape. Blocks with hidden pixels are left out.
pub fn blocks(before: &Image, after: &Image, row: usize) -> Vec<Block> {
    let (width, channels) = (after.width, after.channels);
    let (top, line, side) = (row * SIDE, width * channels, SIDE * channels);
    let across = (width - 1) / SIDE;
    // Of the line at hand and the next.
    let mut result = [vec![0.0; line], vec![0.0; line]];
    let mut removed = result.clone();
    let mut energies = vec![[0.0; 4]; across * side];
    let mut sums = vec![[0.0; 4]; across];
    for y in top..=top + SIDE {
        result.swap(0, 1);
        removed.swap(0, 1);
        units(after, y, &mut result[1]);
        units(before, y, &mut removed[1]);
        removed[1].iter_mut().zip(&result[1]).for_each(|(r, o)| *r -= o);
        if y > top {
            around(&result, &removed, channels, &mut energies);
            add_up(&energies, side, &mut sums);
        }
    }
    let share = 1.0 / (SIDE * side) as f32;
    let block = |[light, structure, removed, shared]: &[f32; 4]| Block {
        removed: removed * share,
        structure: structure * share,
        shared: shared * share,
        light: light * share,
    };
    let seen = |column: usize| {
        let Some(alpha) = &after.alpha else { return true };
        (top..top + SIDE)
            .all(|y| (column * SIDE..(column + 1) * SIDE).all(|x| alpha.get(y * width + x) > 0.0))
    };
    sums.iter().enumerate().filter(|(column, _)| seen(*column)).map(|(_, sums)| block(sums)).collect()
}

/// For each sample of a line: itself, the energy of the result's gradient and that of what was taken away, and the product
/// of both gradients.
#[multiversion(targets("x86_64+avx2"))]
fn around(result: &[Vec<f32>; 2], removed: &[Vec<f32>; 2], channels: usize, out: &mut [[f32; 4]]) {
    let n = out.len();
    let (o, ox, oy) = (&result[0][..n], &result[0][channels..][..n], &result[1][..n]);
    let (r, rx, ry) = (&removed[0][..n], &removed[0][channels..][..n], &removed[1][..n]);
    for i in 0..n {
        let (ox, oy) = (ox[i] - o[i], oy[i] - o[i]);
        let (rx, ry) = (rx[i] - r[i], ry[i] - r[i]);
        out[i] = [o[i], ox * ox + oy * oy, rx * rx + ry * ry, ox * rx + oy * ry];
    }
}

/// Adds to the sums of each block those of `side` samples more. An addition waits for the one before it: four blocks take
/// turns.
#[multiversion(targets("x86_64+avx2"))]
fn add_up(energies: &[[f32; 4]], side: usize, sums: &mut [[f32; 4]]) {
    const TURNS: usize = 4;
    let (groups, rest) = sums.as_chunks_mut::<TURNS>();
    let (parts, behind) = energies.split_at(groups.len() * TURNS * side);
    for (sums, part) in groups.iter_mut().zip(parts.chunks_exact(TURNS * side)) {
        let mut kept = *sums;
        for i in 0..side {
            for block in 0..TURNS {
                let values = part[block * side + i];
                for k in 0..4 {
                    kept[block][k] += values[k];
                }
            }
        }
        *sums = kept;
    }
    for (sum, part) in rest.iter_mut().zip(behind.chunks_exact(side)) {
        for values in part {
            for k in 0..4 {
                sum[k] += values[k];
            }
        }
    }
}

/// A line of samples on the \[0, 1\] scale.
fn units(image: &Image, y: usize, out: &mut [f32]) {
    let range = y * out.len()..(y + 1) * out.len();
    match &image.samples {
        Samples::U8(v) => bytes(&v[range], out),
        Samples::U16(v) => {
            out.iter_mut().zip(&v[range]).for_each(|(out, s)| *out = f32::from(*s) / 65535.0);
        }
        Samples::F32(v) => out.copy_from_slice(&v[range]),
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn bytes(from: &[u8], out: &mut [f32]) {
    let n = from.len().min(out.len());
    let (from, out) = (&from[..n], &mut out[..n]);
    for i in 0..n {
        out[i] = f32::from(from[i]) / 255.0;
    }
}

/// Correlation of what was taken away with the picture's structure, taken lower by the doubt that few blocks leave;
/// 0 where nothing can be told, or edges were made steeper.
pub fn correlation(blocks: &[Block]) -> f64 {
    let mut means = [[0.0f64; 3]; CLASSES];
    for block in blocks {
        let mean = &mut means[class(block)];
        for (mean, value) in mean.iter_mut().zip([1.0, energies(block)[0], energies(block)[1]]) {
            *mean += value;
        }
    }
    let used = means.iter().filter(|m| m[0] > 0.0).count();
    let free = blocks.len().saturating_sub(used);
    if free < FEWEST {
        return 0.0;
    }
    let (mut rr, mut ss, mut rs) = (0.0, 0.0, 0.0);
    let (mut removed, mut structure, mut shared) = (0.0, 0.0, 0.0);
    for block in blocks {
        let [count, mean_r, mean_s] = means[class(block)];
        let [r, s] = energies(block);
        let (r, s) = (r - mean_r / count, s - mean_s / count);
        rr += r * r;
        ss += s * s;
        rs += r * s;
        removed += f64::from(block.removed);
        structure += f64::from(block.structure);
        shared += f64::from(block.shared);
    }
    let ratio = |sum: f64, a: f64, b: f64| if a * b > 0.0 { sum / (a * b).sqrt() } else { 0.0 };
    if ratio(shared, removed, structure) < SHARPENED {
        return 0.0;
    }
    let found = ratio(rs, rr, ss);
    let least = found - DOUBT * (1.0 - found * found) / (free as f64).sqrt();
    if least.is_finite() { least.max(0.0) } else { 0.0 }
}

fn class(block: &Block) -> usize {
    ((block.light * CLASSES as f32) as usize).min(CLASSES - 1)
}

fn energies(block: &Block) -> [f64; 2] {
    [block.removed + LEAST_REMOVED, block.structure + LEAST_STRUCTURE].map(|e| f64::from(e).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;
    use crate::image::test_noise::normals;

    /// Flat areas, slopes, and patches of fine texture, at several levels of brightness.
    fn scene(side: usize, depth: Depth) -> Image {
        let mut image = Image::new(side, side, 3, depth);
        let mut normal = normals(7);
        for i in 0..image.samples.len() {
            let (x, y) = (i / 3 % side, i / 3 / side);
            let fine = if (x / 48 + y / 48) % 2 == 0 { 0.06 * normal() } else { 0.0 };
            let light = 0.2 + 0.5 * y as f32 / side as f32 + 0.05 * (x as f32 / 30.0).sin();
            image.samples.set(i, (light + fine).clamp(0.0, 1.0));
        }
        image
    }

    fn with(image: &Image, mut add: impl FnMut(f32) -> f32) -> Image {
        let mut out = image.clone();
        (0..out.samples.len()).for_each(|i| {
            let v = image.samples.get(i);
            out.samples.set(i, (v + add(v)).clamp(0.0, 1.0));
        });
        out
    }

    fn blurred(image: &Image) -> Image {
        let mut out = image.clone();
        for y in 0..image.height {
            for x in 0..image.width {
                for c in 0..image.channels {
                    let at =
                        |x: usize, y: usize| image.at(x.min(image.width - 1), y.min(image.height - 1), c);
                    let mean = (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
                    out.samples.set((y * image.width + x) * image.channels + c, mean);
                }
            }
        }
        out
    }

    fn found(before: &Image, after: &Image) -> f64 {
        let blocks: Vec<Block> = (0..rows(after)).flat_map(|row| blocks(before, after, row)).collect();
        correlation(&blocks)
    }

    /// The sums of a block, sample by sample.
    fn slowly(before: &Image, after: &Image, row: usize, column: usize) -> Block {
        let channels = after.channels;
        let mut sum = Block::default();
        for (y, step) in (0..SIDE).flat_map(|y| (0..SIDE * channels).map(move |step| (y, step))) {
            let at = |image: &Image, right: usize, down: usize| {
                let x = column * SIDE + step / channels + right;
                image.at(x, row * SIDE + y + down, step % channels)
            };
            let gone = |right, down| at(before, right, down) - at(after, right, down);
            let (ox, oy) = (at(after, 1, 0) - at(after, 0, 0), at(after, 0, 1) - at(after, 0, 0));
            let (rx, ry) = (gone(1, 0) - gone(0, 0), gone(0, 1) - gone(0, 0));
            sum.light += at(after, 0, 0);
            sum.structure += ox * ox + oy * oy;
            sum.removed += rx * rx + ry * ry;
            sum.shared += ox * rx + oy * ry;
        }
        let share = 1.0 / (SIDE * SIDE * channels) as f32;
        Block {
            removed: sum.removed * share,
            structure: sum.structure * share,
            shared: sum.shared * share,
            light: sum.light * share,
        }
    }

    #[test]
    fn blocks_are_summed_in_the_order_of_their_samples() {
        for depth in [Depth::U8, Depth::U16, Depth::F32] {
            let before = scene(59, depth);
            let after = blurred(&before);
            for row in 0..rows(&after) {
                let wanted: Vec<Block> = (0..7).map(|column| slowly(&before, &after, row, column)).collect();
                assert_eq!(blocks(&before, &after, row), wanted);
            }
        }
    }

    #[test]
    fn noise_alone_goes_with_no_structure() {
        for depth in [Depth::U8, Depth::U16, Depth::F32] {
            let clean = scene(240, depth);
            for sigma in [2.0, 10.0, 50.0] {
                let mut normal = normals(3);
                let noisy = with(&clean, |_| sigma / 255.0 * normal());
                let seen = found(&noisy, &clean);
                assert!(seen < 0.1, "{depth:?} {sigma}: {seen}");
            }
            // Noise that follows the light.
            let mut normal = normals(3);
            let shot = with(&clean, |v| 0.06 * v.sqrt() * normal());
            assert!(found(&shot, &clean) < 0.1);
        }
    }

    #[test]
    fn lost_detail_does() {
        for depth in [Depth::U8, Depth::U16, Depth::F32] {
            let clean = scene(240, depth);
            let seen = found(&clean, &blurred(&clean));
            assert!(seen > 0.6, "{depth:?}: {seen}");
        }
    }

    #[test]
    fn edges_made_steeper_are_no_loss() {
        let clean = scene(240, Depth::F32);
        assert_eq!(found(&blurred(&clean), &clean), 0.0);
    }

    #[test]
    fn small_and_unchanged_pictures_tell_nothing() {
        for (width, height) in [(1, 1), (8, 8), (9, 9), (30, 17), (1, 400)] {
            let mut image = Image::new(width, height, 1, Depth::U8);
            (0..image.samples.len()).for_each(|i| image.samples.set(i, (i % 7) as f32 / 7.0));
            let black = Image::new(width, height, 1, Depth::U8);
            assert_eq!(found(&image, &black), 0.0);
        }
        let clean = scene(100, Depth::U8);
        assert_eq!(found(&clean, &clean), 0.0);
    }

    #[test]
    fn hidden_pixels_do_not_count() {
        let clean = scene(160, Depth::U8);
        let mut after = blurred(&clean);
        let hidden = Samples::U8(vec![0; 160 * 160]);
        after.alpha = Some(hidden);
        assert_eq!(blocks(&clean, &after, 3), vec![]);
        assert_eq!(found(&clean, &after), 0.0);
    }
}
