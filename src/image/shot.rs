//! Whether two pictures are of one shot, by their signatures: copied, brighter, mirrored, or one a part of the other.
//!
//! Whole pictures agree where tones, edges (each frequency by its steepness) and fine signs do. For a part, the box of the
//! larger picture that gives the smaller one is fitted (Lucas and Kanade's method, on cosines that are exact at any place) and
//! tones, edges and signs are compared there. Without the signs all pages of one layout would be copies of each other.

use super::signature::{FINE, LOW, Signature, steepness};
use std::sync::LazyLock;

/// How two pictures agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Agreement {
    /// Correlation of tones, -1 to 1.
    pub tones: f32,
    /// Correlation of edges, -1 to 1.
    pub edges: f32,
    /// Of whole pictures, the share of fine signs in common, about 0.5 by chance; of parts, the correlation of what the signs
    /// alone give, about 0 by chance.
    pub fine: f32,
}

/// What is asked of pictures of one shot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// Least correlation of tones.
    pub tones: f32,
    /// Least correlation of edges.
    pub edges: f32,
    /// Least agreement of fine signs.
    pub fine: f32,
}

/// A box of a picture: for each axis half its extent, as a share of the whole, and its centre from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    /// Across: half extent and centre.
    pub across: (f32, f32),
    /// Down: half extent and centre.
    pub down: (f32, f32),
}

impl Agreement {
    /// Whether it is enough.
    pub(crate) fn is_within(&self, bounds: &Bounds) -> bool {
        self.tones >= bounds.tones && self.edges >= bounds.edges && self.fine >= bounds.fine
    }
}

/// Compares whole pictures, the second one as it is or in a mirror.
pub(crate) fn whole(a: &Signature, b: &Signature, mirrored: bool) -> Agreement {
    let (x, y) = (a.low(false), b.low(mirrored));
    let (mut tones, mut edges) = ([0.0f32; 3], [0.0f32; 3]);
    for ((x, y), weight) in x.iter().zip(&y).zip(STEEP.iter()) {
        for (k, product) in [x * y, x * x, y * y].into_iter().enumerate() {
            tones[k] += product;
            edges[k] += product * weight;
        }
    }
    let fine = a.fine_agreement(b, mirrored);
    Agreement { tones: correlation(tones), edges: correlation(edges), fine }
}

/// Steepness of each coefficient of a signature.
static STEEP: LazyLock<[f32; LOW * LOW]> =
    LazyLock::new(|| std::array::from_fn(|i| steepness(i / LOW, i % LOW, 2 * LOW)));

/// Of sums of products: of both, of the one with itself, of the other with itself.
fn correlation([both, a, b]: [f32; 3]) -> f32 {
    let size = (a * b).sqrt();
    if size > 0.0 { both / size } else { 0.0 }
}

/// Least share of a side that a part has.
const LEAST: f32 = 0.75;
/// What a fitted box may reach beyond the picture.
const SLACK: f32 = 1.04;
/// Where fits begin: half extents and centres.
const STARTS: [(f32, f32, f32); 6] = [
    (1.0, 0.0, 0.0),
    (0.9, 0.0, 0.0),
    (0.9, 0.1, 0.1),
    (0.9, -0.1, 0.1),
    (0.9, 0.1, -0.1),
    (0.9, -0.1, -0.1),
];
/// Correlation below which the first, coarse fit is not followed up.
const PROMISING: f32 = 0.8;

/// Fits `b` as a part of `a`; none where no box comes near.
pub(crate) fn part(a: &Signature, b: &Signature) -> Option<(Part, Agreement)> {
    let (low, wanted) = (a.low(false), b.low(false));
    let target = View::new::<8, 16>(&wanted, LOW, &WHOLE);
    let coarse = STARTS.map(|(extent, x, y)| {
        descend::<8, 16>(&low, &target, Part { across: (extent, x), down: (extent, y) }, 5)
    });
    let first = coarse.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|best| best.1 >= PROMISING)?;
    let target = View::new::<LOW, 24>(&wanted, LOW, &WHOLE);
    let (part, _) = descend::<LOW, 24>(&low, &target, first.0, 8);
    let inside = |(extent, centre): (f32, f32)| extent + centre.abs() <= SLACK && extent >= LEAST;
    if !inside(part.across) || !inside(part.down) {
        return None;
    }
    let view = View::new::<LOW, 24>(&low, LOW, &part);
    let mut edges = [0.0f32; 3];
    for i in 0..view.tones.len() {
        add(&mut edges, view.across[i] * part.across.0, target.across[i]);
        add(&mut edges, view.down[i] * part.down.0, target.down[i]);
    }
    let signs = View::new::<FINE, 48>(&a.signs(), FINE, &part);
    let wanted = View::new::<FINE, 48>(&b.signs(), FINE, &WHOLE);
    let agreement = Agreement {
        tones: agree(&view.tones, &target.tones),
        edges: correlation(edges),
        fine: agree(&signs.tones, &wanted.tones),
    };
    Some((part, agreement))
}

/// All of a picture.
const WHOLE: Part = Part { across: (1.0, 0.0), down: (1.0, 0.0) };

/// Correlation of values around their means.
fn agree(a: &[f32], b: &[f32]) -> f32 {
    let (mut sums, own, other) = ([0.0; 3], mean(a), mean(b));
    a.iter().zip(b).for_each(|(a, b)| add(&mut sums, a - own, b - other));
    correlation(sums)
}

fn add(sums: &mut [f32; 3], x: f32, y: f32) {
    sums[0] += x * y;
    sums[1] += x * x;
    sums[2] += y * y;
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// A box of a picture on a grid, with its slopes by the picture's own coordinates.
struct View {
    tones: Vec<f32>,
    across: Vec<f32>,
    down: Vec<f32>,
}

impl View {
    /// From the lowest `K` x `K` of the coefficients, of which there are `stride` in a row, on `G` x `G` points.
    fn new<const K: usize, const G: usize>(low: &[f32], stride: usize, part: &Part) -> View {
        let (cos_x, slope_x) = waves::<K, G>(part.across);
        let (cos_y, slope_y) = waves::<K, G>(part.down);
        let (mut rows, mut row_slopes) = ([[0.0f32; G]; K], [[0.0f32; G]; K]);
        for u in 0..K {
            for v in 0..K {
                let value = low[u * stride + v];
                for j in 0..G {
                    rows[u][j] += value * cos_x[v][j];
                    row_slopes[u][j] += value * slope_x[v][j];
                }
            }
        }
        let mut view = View { tones: vec![0.0; G * G], across: vec![0.0; G * G], down: vec![0.0; G * G] };
        let lines = view.tones.chunks_exact_mut(G).zip(view.across.chunks_exact_mut(G));
        for (i, ((tones, across), down)) in lines.zip(view.down.chunks_exact_mut(G)).enumerate() {
            for u in 0..K {
                let (c, s) = (cos_y[u][i], slope_y[u][i]);
                for j in 0..G {
                    tones[j] += c * rows[u][j];
                    across[j] += c * row_slopes[u][j];
                    down[j] += s * rows[u][j];
                }
            }
        }
        view
    }
}

/// Each frequency's cosine at the points of a side, and its slope.
fn waves<const K: usize, const G: usize>((extent, centre): (f32, f32)) -> ([[f32; G]; K], [[f32; G]; K]) {
    let (mut cosines, mut slopes) = ([[0.0; G]; K], [[0.0; G]; K]);
    for j in 0..G {
        let place = extent * grid::<G>(j) + centre;
        let angle = std::f64::consts::FRAC_PI_2 * (f64::from(place) + 1.0);
        let (sin, cos) = (libm::sin(angle), libm::cos(angle));
        // cos(k x) and sin(k x) from those of k - 1.
        let (mut s, mut c) = (0.0, 1.0);
        for k in 0..K {
            let scale = if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
            cosines[k][j] = (scale * c) as f32;
            slopes[k][j] = (-scale * std::f64::consts::FRAC_PI_2 * k as f64 * s) as f32;
            (s, c) = (s * cos + c * sin, c * cos - s * sin);
        }
    }
    (cosines, slopes)
}

/// Place of a point of a side, -1 to 1.
fn grid<const G: usize>(at: usize) -> f32 {
    (2 * at + 1) as f32 / G as f32 - 1.0
}

/// Improves a box by as many steps at most; the best one, with the correlation of tones there.
fn descend<const K: usize, const G: usize>(
    low: &[f32],
    target: &View,
    start: Part,
    steps: usize,
) -> (Part, f32) {
    let (mut part, mut best) = (start, (start, f32::NEG_INFINITY));
    for step in 0..=steps {
        let view = View::new::<K, G>(low, LOW, &part);
        let agrees = agree(&view.tones, &target.tones);
        if agrees > best.1 + 1e-4 {
            best = (part, agrees);
        } else if step > 1 {
            break;
        }
        let Some([x, y, cx, cy]) = improvement::<G>(&view, &target.tones).filter(|_| step < steps) else {
            break;
        };
        let step =
            |value: f32, by: f32, least: f32, most: f32| (value + by.clamp(-0.1, 0.1)).clamp(least, most);
        part = Part {
            across: (step(part.across.0, x, 0.7, 1.03), step(part.across.1, cx, -0.3, 0.3)),
            down: (step(part.down.0, y, 0.7, 1.03), step(part.down.1, cy, -0.3, 0.3)),
        };
    }
    best
}

/// Changes of the half extents, across and down, and of the centre, that bring the tones nearer to the wanted ones; gain and
/// offset are free. None where nothing is to be learned.
fn improvement<const G: usize>(view: &View, wanted: &[f32]) -> Option<[f32; 4]> {
    const N: usize = 6;
    let (mut normal, mut right) = ([[0.0f32; N]; N], [0.0f32; N]);
    for i in 0..G {
        for j in 0..G {
            let at = i * G + j;
            let (across, down) = (view.across[at], view.down[at]);
            let row = [across * grid::<G>(j), down * grid::<G>(i), across, down, view.tones[at], 1.0];
            for k in 0..N {
                for l in k..N {
                    normal[k][l] += row[k] * row[l];
                }
                right[k] += row[k] * wanted[at];
            }
        }
    }
    let size: f32 = (0..4).map(|k| normal[k][k]).sum::<f32>() / 4.0;
    for (k, row) in normal.iter_mut().enumerate() {
        row[k] += if k < 4 { 1e-4 * size } else { 1e-6 };
    }
    let solved = solve(normal, right)?;
    // Each change stands multiplied by the gain.
    let gain = solved[4];
    let gain = if gain.abs() > 0.2 { gain } else { 0.2f32.copysign(gain) };
    Some([0, 1, 2, 3].map(|k| solved[k] / gain)).filter(|changes| changes.iter().all(|c| c.is_finite()))
}

/// Solves a symmetric positive system, of which the upper half is given, by Cholesky's method.
fn solve<const N: usize>(upper: [[f32; N]; N], right: [f32; N]) -> Option<[f32; N]> {
    let mut lower = [[0.0f64; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = f64::from(upper[j][i]) - sum;
            if i == j && rest <= 0.0 {
                return None;
            }
            lower[i][j] = if i == j { rest.sqrt() } else { rest / lower[j][j] };
        }
    }
    let mut solved = [0.0f64; N];
    for i in 0..N {
        let sum: f64 = (0..i).map(|k| lower[i][k] * solved[k]).sum();
        solved[i] = (f64::from(right[i]) - sum) / lower[i][i];
    }
    for i in (0..N).rev() {
        let sum: f64 = (i + 1..N).map(|k| lower[k][i] * solved[k]).sum();
        solved[i] = (solved[i] - sum) / lower[i][i];
    }
    Some(solved.map(|value| value as f32))
}

#[cfg(test)]
mod tests;
