//! The 36 numbers of each 96x96 pixels: shapes of normalised luma and of products of neighbours, at two scales.

use super::aggd::{self, Sums};
use super::filter::Filter;
use super::halve::halve;
use multiversion::multiversion;

/// Side of a patch in pixels.
pub const SIDE: usize = 96;
/// Numbers of a patch.
pub const DIM: usize = 2 * OF_SCALE;
const OF_SCALE: usize = 18;
/// Pixels around the middle patch that its numbers depend on, at most.
const AROUND: usize = 16;
/// Patches side by side that are worked on together: what they take stays in the second cache.
const STRIP: usize = 4;
/// Numbers that are summed at once.
const LANES: usize = 8;

/// What one patch has.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    /// Its numbers; `None` where it is flat.
    pub features: Option<[f32; DIM]>,
    /// Mean local deviation, 0 to 255 scale.
    pub sharpness: f64,
}

/// Luma in \[0, 1\], width, height.
type Plane<'a> = (&'a [f32], usize, usize);

/// Bytes that [`of`] takes.
pub(super) fn bytes(width: u64, height: u64) -> u64 {
    // Half the picture and its rows; patches have two copies of their numbers; a strip stays small.
    width * height + 24 * (width + height) + width * height * 640 / (SIDE * SIDE) as u64 + (1 << 20)
}

/// The patches of the picture from the top left on; what is left over right and below is cut off first.
pub(super) fn of((luma, width, height): Plane<'_>) -> Vec<Patch> {
    let (across, down) = (width / SIDE, height / SIDE);
    if across * down == 0 {
        return Vec::new();
    }
    let plane: Vec<&[f32]> =
        luma.chunks_exact(width).take(down * SIDE).map(|row| &row[..across * SIDE]).collect();
    at(&plane, (0, 0), (across, down))
}

/// The patch in the middle, as it is in a picture that goes on around it. Both sides are at least that of a patch.
pub(super) fn of_middle((luma, width, height): Plane<'_>) -> Patch {
    // Even, for pixels of the half picture to be those of the whole one.
    let start = |side: usize| (side - SIDE) / 2 / 2 * 2;
    let (x, y) = (start(width), start(height));
    let (left, top) = (x.saturating_sub(AROUND), y.saturating_sub(AROUND));
    let (right, bottom) = (((x + SIDE + AROUND).min(width)), (y + SIDE + AROUND).min(height));
    let plane: Vec<&[f32]> = (top..bottom).map(|y| &luma[y * width..][left..right]).collect();
    let none = Patch { features: None, sharpness: 0.0 };
    at(&plane, (x - left, y - top), (1, 1)).pop().unwrap_or(none)
}

/// So many patches across and down, from this column and row on.
fn at(rows: &[&[f32]], (x, y): (usize, usize), (across, down): (usize, usize)) -> Vec<Patch> {
    let whole = scale(rows, (x, y), (across, down), SIDE);
    let half = halve(rows);
    let half: Vec<&[f32]> = half.chunks_exact(rows[0].len() / 2).collect();
    let half = scale(&half, (x / 2, y / 2), (across, down), SIDE / 2);
    let both = whole.into_iter().zip(half);
    both.map(|((first, sharpness), (second, _))| {
        let features = first.zip(second).map(|(first, second)| {
            std::array::from_fn(|i| if i < OF_SCALE { first[i] } else { second[i - OF_SCALE] })
        });
        Patch { features, sharpness }
    })
    .collect()
}

/// Numbers of one scale, where a patch has some, and its mean local deviation.
type OfScale = (Option<[f32; OF_SCALE]>, f64);

fn scale(
    rows: &[&[f32]],
    (x, y): (usize, usize),
    (across, down): (usize, usize),
    side: usize,
) -> Vec<OfScale> {
    let mut found: Vec<OfScale> = vec![(None, 0.0); across * down];
    let mut patch = Bordered::new(side);
    for first in (0..across).step_by(STRIP) {
        let patches = STRIP.min(across - first);
        let width = patches * side;
        let mut filter = Filter::new(x + first * side, width);
        let mut band = vec![0.0; width * side];
        for j in 0..down {
            let mut sharpness = [0.0; STRIP];
            for (row, out) in band.chunks_exact_mut(width).enumerate() {
                let deviation = filter.normalise(rows, y + j * side + row, out);
                for (sum, part) in sharpness.iter_mut().zip(deviation.chunks_exact(side)) {
                    *sum += f64::from(sum_of(part));
                }
            }
            for n in 0..patches {
                patch.fill(&band, width, n * side);
                found[j * across + first + n] = (numbers(&patch), sharpness[n] / (side * side) as f64);
            }
        }
    }
    found
}

/// Sums so many numbers, several at once.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn sum_of(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let chunks = values.as_chunks::<LANES>().0;
    for i in 0..chunks.len() {
        for lane in 0..LANES {
            sums[lane] += chunks[i][lane];
        }
    }
    sums.iter().sum()
}

/// A patch with what lies beside it when it is repeated all around.
struct Bordered {
    side: usize,
    /// A row above, then the rows; each with a pixel before and one behind.
    values: Vec<f32>,
}

impl Bordered {
    fn new(side: usize) -> Bordered {
        Bordered { side, values: vec![0.0; (side + 1) * (side + 2)] }
    }

    fn fill(&mut self, band: &[f32], width: usize, x: usize) {
        let side = self.side;
        for (r, out) in self.values.chunks_exact_mut(side + 2).enumerate() {
            let from = (r + side - 1) % side;
            let row = &band[from * width + x..][..side];
            out[1..=side].copy_from_slice(row);
            (out[0], out[side + 1]) = (row[side - 1], row[0]);
        }
    }
}

/// Neighbours that pixels are multiplied with: rows up, and columns to the right less 1.
const NEIGHBOURS: [(usize, usize); 4] = [(0, 0), (1, 1), (1, 0), (1, 2)];

fn numbers(patch: &Bordered) -> Option<[f32; OF_SCALE]> {
    let mut out = [0.0; OF_SCALE];
    let own = aggd::fit(&own_sums(patch.side, &patch.values))?;
    (out[0], out[1]) = (own.shape as f32, ((own.left + own.right) / 2.0) as f32);
    for (neighbour, out) in NEIGHBOURS.iter().zip(out[2..].chunks_exact_mut(4)) {
        let fitted = aggd::fit(&product_sums(patch.side, &patch.values, *neighbour))?;
        let found = [fitted.shape, fitted.mean, fitted.left, fitted.right];
        out.iter_mut().zip(found).for_each(|(o, v)| *o = v as f32);
    }
    Some(out)
}

/// Sums over the rows of each of `N` columns.
struct Columns<const N: usize> {
    magnitude: [f32; N],
    sides: [[f32; N]; 2],
    squares: [[f32; N]; 2],
}

/// Rows that are summed before their sums are kept.
const ROWS: usize = 4;

impl<const N: usize> Columns<N> {
    fn new() -> Self {
        Columns { magnitude: [0.0; N], sides: [[0.0; N]; 2], squares: [[0.0; N]; 2] }
    }

    /// Adds rows of values, the `i`th in `value(row, i)`.
    #[inline(always)]
    fn add(&mut self, value: impl Fn(usize, usize) -> f32) {
        for i in 0..N {
            let mut sums = [0.0f32; 5];
            for row in 0..ROWS {
                let v = value(row, i);
                let (down, up) = (if v < 0.0 { v } else { 0.0 }, if v > 0.0 { v } else { 0.0 });
                sums[0] += up - down;
                sums[1] += if v < 0.0 { 1.0 } else { 0.0 };
                sums[2] += if v > 0.0 { 1.0 } else { 0.0 };
                sums[3] += down * down;
                sums[4] += up * up;
            }
            self.magnitude[i] += sums[0];
            self.sides[0][i] += sums[1];
            self.sides[1][i] += sums[2];
            self.squares[0][i] += sums[3];
            self.squares[1][i] += sums[4];
        }
    }

    fn sums(&self, count: usize) -> Sums {
        Sums {
            count: count as f64,
            magnitude: sum_of(&self.magnitude).into(),
            sides: [sum_of(&self.sides[0]).into(), sum_of(&self.sides[1]).into()],
            squares: [sum_of(&self.squares[0]).into(), sum_of(&self.squares[1]).into()],
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn own_sums(side: usize, values: &[f32]) -> Sums {
    #[inline(always)]
    fn of<const N: usize>(values: &[f32]) -> Sums {
        let mut columns = Columns::<N>::new();
        for first in (1..=N).step_by(ROWS) {
            let rows: [&[f32; N]; ROWS] = parts(values, first, 1);
            columns.add(|row, i| rows[row][i]);
        }
        columns.sums(N * N)
    }
    // Loops of a known length are the fastest.
    if side == SIDE { of::<SIDE>(values) } else { of::<{ SIDE / 2 }>(values) }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn product_sums(side: usize, values: &[f32], (up, right): (usize, usize)) -> Sums {
    #[inline(always)]
    fn of<const N: usize>(values: &[f32], (up, right): (usize, usize)) -> Sums {
        let mut columns = Columns::<N>::new();
        for first in (1..=N).step_by(ROWS) {
            let here: [&[f32; N]; ROWS] = parts(values, first, 1);
            let there: [&[f32; N]; ROWS] = parts(values, first - up, right);
            columns.add(|row, i| here[row][i] * there[row][i]);
        }
        columns.sums(N * N)
    }
    if side == SIDE { of::<SIDE>(values, (up, right)) } else { of::<{ SIDE / 2 }>(values, (up, right)) }
}

/// Parts of rows of a bordered patch of side `N`.
#[inline(always)]
fn parts<const N: usize>(values: &[f32], row: usize, from: usize) -> [&[f32; N]; ROWS] {
    let mut parts = [&[0.0; N]; ROWS];
    for r in 0..ROWS {
        if let Some(part) = values[(row + r) * (N + 2) + from..].first_chunk() {
            parts[r] = part;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ramps and a fine pattern, by whole numbers alone.
    fn pattern(width: usize, height: usize) -> Vec<f32> {
        let level = |i: usize| {
            let (x, y) = (i % width, i / width);
            (x * 13 + y * 7) % 64 * 2 + ((x * x + 3 * y * y) >> 5) % 61 + x * y % 17
        };
        (0..width * height).map(|i| level(i) as f32 / 255.0).collect()
    }

    #[test]
    fn as_numpy_computes_them() {
        let patches = of((&pattern(200, 210), 200, 210));
        assert_eq!(patches.len(), 4);
        let found = patches[3].features.unwrap();
        for (i, wanted) in [
            (0, 4.31800),
            (1, 1.41080),
            (2, 1.02800),
            (3, -0.03594),
            (4, 0.49086),
            (5, 0.45351),
            (10, 1.44900),
            (14, 0.97300),
            (18, 10.00000),
            (19, 1.66365),
            (23, 0.53548),
            (27, 1.29865),
            (35, 1.42577),
        ] {
            assert!((found[i] - wanted).abs() < 2e-3 * wanted.abs() + 1e-4, "{i}: {} {wanted}", found[i]);
        }
    }

    #[test]
    fn the_middle_is_what_it_is_in_the_whole() {
        let plane = pattern(288, 288);
        let whole = of((&plane, 288, 288)).swap_remove(4).features.unwrap();
        let middle = of_middle((&plane, 288, 288));
        assert_eq!(middle.features, Some(whole));
        assert!(middle.sharpness > 1.0);
        // Six patches are more than a strip.
        let wide = pattern(576, 96);
        assert_eq!(of((&wide, 576, 96)).len(), 6);
    }

    #[test]
    fn flat_patches_have_none() {
        let mut plane = pattern(192, 96);
        plane.chunks_exact_mut(192).for_each(|row| row[..104].fill(0.5));
        let found = of((&plane, 192, 96));
        assert!(found[0].features.is_none() && found[1].features.is_some());
        assert!(of((&plane, 95, 100)).is_empty());
    }
}
