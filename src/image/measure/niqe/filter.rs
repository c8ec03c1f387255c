//! Luma less its local mean, over its local deviation.

use multiversion::multiversion;

/// Of the local mean and deviation: a Gaussian of 7/6 pixels, 7 wide.
const WINDOW: usize = 7;
const REACH: usize = WINDOW / 2;
const SIGMA: f64 = 7.0 / 6.0;
/// Less than this from the local mean, on the scale of 0 to 255, is rounding.
const EXACT: f32 = 0.01;
/// Local means and deviations of a strip of rows that come in order.
pub(super) struct Filter {
    /// The strip's first column.
    left: usize,
    /// Means and means of squares along each of the last rows, by their number modulo the window.
    means: Vec<f32>,
    squares: Vec<f32>,
    /// Rows that they hold are below this.
    next: usize,
    /// A row with what lies around it, the picture's ends repeated.
    padded: Vec<f32>,
    deviation: Vec<f32>,
    weights: [f32; REACH + 1],
}

impl Filter {
    /// For so many columns from the first on.
    pub(super) fn new(left: usize, width: usize) -> Filter {
        let weight = |i: usize| (-(i as f64 - REACH as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
        let sum: f64 = (0..WINDOW).map(weight).sum();
        Filter {
            left,
            means: vec![0.0; width * WINDOW],
            squares: vec![0.0; width * WINDOW],
            next: 0,
            padded: vec![0.0; width + 2 * REACH],
            deviation: vec![0.0; width],
            weights: std::array::from_fn(|i| (weight(i) / sum) as f32),
        }
    }

    /// Row `y` less its local mean, over its local deviation and 1; gives the deviation.
    pub(super) fn normalise(&mut self, rows: &[&[f32]], y: usize, out: &mut [f32]) -> &[f32] {
        let (left, width) = (self.left, out.len());
        let end = (y + REACH + 1).min(rows.len());
        for row in self.next.max(y.saturating_sub(REACH))..end {
            let values = rows[row];
            self.padded[REACH..REACH + width].copy_from_slice(&values[left..left + width]);
            for k in 0..REACH {
                self.padded[k] = values[(left + k).saturating_sub(REACH)];
                self.padded[REACH + width + k] = values[(left + width + k).min(values.len() - 1)];
            }
            let slot = row % WINDOW * width;
            let (means, squares) = (&mut self.means[slot..][..width], &mut self.squares[slot..][..width]);
            average(&mut self.padded, &self.weights, means, squares);
        }
        self.next = end;
        let slots: [usize; WINDOW] =
            std::array::from_fn(|i| (y + i).saturating_sub(REACH).min(rows.len() - 1) % WINDOW * width);
        let means = slots.map(|slot| &self.means[slot..][..width]);
        let squares = slots.map(|slot| &self.squares[slot..][..width]);
        divide(&rows[y][left..left + width], &means, &squares, &self.weights, out, &mut self.deviation);
        &self.deviation
    }
}

/// Weighted means of a row and of its squares, centred on the middle tone for their digits.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
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

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
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
