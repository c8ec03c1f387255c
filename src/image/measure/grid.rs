//! The 8x8 grid that JPEG leaves in decoded pixels, wherever the picture was cropped.

use multiversion::multiversion;

/// Pixels of a block's side.
pub(super) const BLOCK: usize = 8;
/// Smaller pictures have too few block edges.
const LEAST: usize = 4 * BLOCK;
/// A step counts no more than this, 0 to 1: what is higher belongs to the picture.
const HIGHEST: f32 = 16.0 / 255.0;
/// Steps beside others this high count half: there blocks show less.
const HALF: f32 = 2.0 / 255.0;

/// Where blocks begin, and how much they show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    /// Column of the first block's left edge, below 8.
    pub x: usize,
    /// Row of the first block's upper edge, below 8.
    pub y: usize,
    /// How much higher steps are at the blocks' edges than elsewhere, 0 to 255 scale, mean of both ways.
    pub strength: f64,
}

/// The strongest grid of this luma in \[0, 1\]; `None` for pictures too small to have one.
///
/// A pixel step is compared with those before and behind it in its line; the difference, weighted by how smooth the place
/// is, has a mean for each of the eight places that a grid can have, and the highest stands out by the strength.
pub(super) fn find(luma: &[f32], width: usize, height: usize) -> Option<Grid> {
    if width < LEAST || height < LEAST {
        return None;
    }
    let mut across = [(0.0, 0.0); BLOCK];
    // Excess and weight of each column, for each place of a row.
    let mut columns: [[Vec<f32>; 2]; BLOCK] = std::array::from_fn(|_| [vec![0.0; width], vec![0.0; width]]);
    let mut steps: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; width]);
    let row = |y: usize| &luma[y * width..][..width];
    for y in (0..height).filter(|y| looked_at(*y, height)) {
        let (excess, weight) = along(row(y), &mut steps[0]);
        for lane in 0..BLOCK {
            // The first step that has neighbours is the one before column 2.
            let sums = &mut across[(lane + 2) % BLOCK];
            *sums = (sums.0 + f64::from(excess[lane]), sums.1 + f64::from(weight[lane]));
        }
    }
    for y in 0..height - 1 {
        steps.rotate_left(1);
        if !looked_at(y, height) {
            continue;
        }
        differences(row(y), row(y + 1), &mut steps[2]);
        if y >= 2 && looked_at(y - 2, height) {
            // The middle one is the step before row y.
            between(&steps, &mut columns[y % BLOCK]);
        }
    }
    let sum = |columns: &[f32]| columns.iter().map(|v| f64::from(*v)).sum();
    let down = columns.map(|[excess, weight]| (sum(&excess), sum(&weight)));
    let ((x, strong_x), (y, strong_y)) = (strongest(across), strongest(down));
    Some(Grid { x, y, strength: (strong_x + strong_y).max(0.0) / 2.0 * 255.0 })
}

/// Rows that are looked at together.
const BAND: usize = 6 * BLOCK;

/// Whether a row is one of those that are looked at: all, or in a high picture every second or fourth band.
fn looked_at(y: usize, height: usize) -> bool {
    let of = match height {
        2048.. => 4,
        1024.. => 2,
        _ => 1,
    };
    (y / BAND).is_multiple_of(of)
}

/// The place of the highest mean, and how far it lies above those that are not beside it.
fn strongest(sums: [(f64, f64); BLOCK]) -> (usize, f64) {
    let means = sums.map(|(excess, weight)| if weight > 0.0 { excess / weight } else { 0.0 });
    let best = (1..BLOCK).fold(0, |best, place| if means[place] > means[best] { place } else { best });
    let others = (2..BLOCK - 1).map(|away| means[(best + away) % BLOCK]);
    (best, means[best] - others.sum::<f64>() / (BLOCK - 3) as f64)
}

/// How much a step exceeds the mean of those beside it, and what that counts.
#[inline(always)]
fn weigh(before: f32, here: f32, behind: f32) -> (f32, f32) {
    let beside = 0.5 * (before + behind);
    let weight = 1.0 / (HALF + beside);
    ((here - beside).clamp(-HIGHEST, HIGHEST) * weight, weight)
}

/// Sums over the steps of a row, by their place modulo 8 from the second on.
#[multiversion(targets("x86_64+avx2"))]
fn along(row: &[f32], steps: &mut [f32]) -> ([f32; BLOCK], [f32; BLOCK]) {
    let steps = &mut steps[..row.len() - 1];
    let (left, right) = (&row[..steps.len()], &row[1..][..steps.len()]);
    for i in 0..steps.len() {
        steps[i] = (right[i] - left[i]).abs();
    }
    let (mut excess, mut weight) = ([0.0; BLOCK], [0.0; BLOCK]);
    let count = (steps.len() - 2) / BLOCK * BLOCK;
    let (before, here, behind) = (&steps[..count], &steps[1..][..count], &steps[2..][..count]);
    let (before, here, behind) =
        (before.as_chunks::<BLOCK>().0, here.as_chunks::<BLOCK>().0, behind.as_chunks::<BLOCK>().0);
    for i in 0..before.len().min(here.len()).min(behind.len()) {
        for lane in 0..BLOCK {
            let (e, w) = weigh(before[i][lane], here[i][lane], behind[i][lane]);
            excess[lane] += e;
            weight[lane] += w;
        }
    }
    (excess, weight)
}

#[multiversion(targets("x86_64+avx2"))]
fn differences(upper: &[f32], lower: &[f32], steps: &mut [f32]) {
    let n = steps.len();
    let (upper, lower) = (&upper[..n], &lower[..n]);
    for i in 0..n {
        steps[i] = (lower[i] - upper[i]).abs();
    }
}

/// Adds excess and weight of a row of steps between those above and below it.
#[multiversion(targets("x86_64+avx2"))]
fn between([before, here, behind]: &[Vec<f32>; 3], [excess, weight]: &mut [Vec<f32>; 2]) {
    let n = excess.len();
    let (before, here, behind) = (&before[..n], &here[..n], &behind[..n]);
    let (excess, weight) = (&mut excess[..n], &mut weight[..n]);
    for i in 0..n {
        let (e, w) = weigh(before[i], here[i], behind[i]);
        excess[i] += e;
        weight[i] += w;
    }
}
