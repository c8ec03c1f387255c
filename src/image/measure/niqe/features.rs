//! The 36 numbers of each 96x96 pixels: shapes of normalised luma and of products of neighbours, at two scales.

use super::aggd::{self, Sums};
use super::halve::halve;
use multiversion::multiversion;

/// Side of a patch in pixels.
pub const SIDE: usize = 96;
/// Numbers of a patch.
pub const DIM: usize = 2 * OF_SCALE;
const OF_SCALE: usize = 18;
/// Of the local mean and deviation: a Gaussian of 7/6 pixels, 7 wide.
const WINDOW: usize = 7;
const REACH: usize = WINDOW / 2;
const SIGMA: f64 = 7.0 / 6.0;
/// Less than this from the local mean, on the scale of 0 to 255, is rounding.
const EXACT: f32 = 0.01;
/// Pixels around the middle patch that its numbers depend on, at most.
const AROUND: usize = 16;
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
    // Half the picture, a row of patches, rows of the filters; a patch has two copies of its numbers.
    width * height
        + 4 * width * (SIDE + 4 * WINDOW) as u64
        + width * height * 400 / (SIDE * SIDE) as u64
        + (256 << 10)
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
    let width = rows[0].len();
    let mut filter = Filter::new(width);
    let mut band = vec![0.0; width * side];
    let mut found = Vec::with_capacity(across * down);
    let mut patch = Bordered::new(side);
    for top in (0..down).map(|n| y + n * side) {
        let mut sharpness = vec![0.0; across];
        for (row, out) in (top..top + side).zip(band.chunks_exact_mut(width)) {
            let deviation = filter.normalise(rows, row, out);
            for (sum, part) in sharpness.iter_mut().zip(deviation[x..].chunks_exact(side)) {
                *sum += f64::from(sum_of(part));
            }
        }
        for (n, sharpness) in sharpness.iter().enumerate() {
            patch.fill(&band, width, x + n * side);
            found.push((numbers(&patch), sharpness / (side * side) as f64));
        }
    }
    found
}

/// Local means and deviations of rows that come in order.
struct Filter {
    /// Means and means of squares along each of the last rows, by their number modulo the window.
    means: Vec<f32>,
    squares: Vec<f32>,
    /// Rows that they hold are below this.
    next: usize,
    /// A row with its ends repeated.
    padded: Vec<f32>,
    deviation: Vec<f32>,
    weights: [f32; REACH + 1],
}

impl Filter {
    fn new(width: usize) -> Filter {
        let weight = |i: usize| (-(i as f64 - REACH as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
        let sum: f64 = (0..WINDOW).map(weight).sum();
        Filter {
            means: vec![0.0; width * WINDOW],
            squares: vec![0.0; width * WINDOW],
            next: 0,
            padded: vec![0.0; width + 2 * REACH],
            deviation: vec![0.0; width],
            weights: std::array::from_fn(|i| (weight(i) / sum) as f32),
        }
    }

    /// Row `y` less its local mean, over its local deviation and 1; gives the deviation.
    fn normalise(&mut self, rows: &[&[f32]], y: usize, out: &mut [f32]) -> &[f32] {
        let width = out.len();
        let end = (y + REACH + 1).min(rows.len());
        for row in self.next.max(y.saturating_sub(REACH))..end {
            self.padded[REACH..REACH + width].copy_from_slice(rows[row]);
            let (first, last) = (rows[row][0], rows[row][width - 1]);
            self.padded[..REACH].fill(first);
            self.padded[REACH + width..].fill(last);
            let slot = row % WINDOW * width;
            let (means, squares) = (&mut self.means[slot..][..width], &mut self.squares[slot..][..width]);
            average(&mut self.padded, &self.weights, means, squares);
        }
        self.next = end;
        let slots: [usize; WINDOW] =
            std::array::from_fn(|i| (y + i).saturating_sub(REACH).min(rows.len() - 1) % WINDOW * width);
        let means = slots.map(|slot| &self.means[slot..][..width]);
        let squares = slots.map(|slot| &self.squares[slot..][..width]);
        divide(rows[y], &means, &squares, &self.weights, out, &mut self.deviation);
        &self.deviation
    }
}

/// Weighted means of a row and of its squares, centred on the middle tone for their digits.
#[multiversion(targets("x86_64+avx2"))]
fn average(padded: &mut [f32], weights: &[f32; REACH + 1], means: &mut [f32], squares: &mut [f32]) {
    for i in 0..padded.len() {
        padded[i] = padded[i] * 255.0 - 128.0;
    }
    let n = means.len();
    let part: [&[f32]; WINDOW] = std::array::from_fn(|i| &padded[i..][..n]);
    let squares = &mut squares[..n];
    for i in 0..n {
        let (mut mean, mut square) =
            (part[REACH][i] * weights[REACH], part[REACH][i] * part[REACH][i] * weights[REACH]);
        for k in 0..REACH {
            let (a, b) = (part[k][i], part[WINDOW - 1 - k][i]);
            mean += (a + b) * weights[k];
            square += (a * a + b * b) * weights[k];
        }
        means[i] = mean;
        squares[i] = square;
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn divide(
    row: &[f32],
    means: &[&[f32]; WINDOW],
    squares: &[&[f32]; WINDOW],
    weights: &[f32; REACH + 1],
    out: &mut [f32],
    deviation: &mut [f32],
) {
    let n = out.len();
    let (row, deviation) = (&row[..n], &mut deviation[..n]);
    let means: [&[f32]; WINDOW] = std::array::from_fn(|k| &means[k][..n]);
    let squares: [&[f32]; WINDOW] = std::array::from_fn(|k| &squares[k][..n]);
    for i in 0..n {
        let (mut mean, mut square) = (means[REACH][i] * weights[REACH], squares[REACH][i] * weights[REACH]);
        for k in 0..REACH {
            mean += (means[k][i] + means[WINDOW - 1 - k][i]) * weights[k];
            square += (squares[k][i] + squares[WINDOW - 1 - k][i]) * weights[k];
        }
        let spread = (square - mean * mean).abs().sqrt();
        let away = (row[i] * 255.0 - 128.0) - mean;
        deviation[i] = spread;
        out[i] = if away.abs() < EXACT { 0.0 } else { away / (spread + 1.0) };
    }
}

/// Sums so many numbers, several at once.
#[multiversion(targets("x86_64+avx2"))]
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

#[multiversion(targets("x86_64+avx2"))]
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

#[multiversion(targets("x86_64+avx2"))]
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
