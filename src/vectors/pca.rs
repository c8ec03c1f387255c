//! Principal component analysis of many rows: the linear autoencoder that trained ones are compared with.
//!
//! Randomized subspace iteration (Halko, Martinsson and Tropp 2011, "Finding structure with randomness",
//! algorithm 4.4) with ten vectors more than asked for and Rayleigh and Ritz's method in each round: the rows are
//! read once a round, and nothing of their number is kept beside them.

use crate::kernels::{Activation, Conv, ConvSpec, Level, Mode, SLACK, Shape, View, WeightGradient};
use crate::random::Rng;
use rayon::prelude::*;

/// Vectors beyond those asked for: the more, the fewer rounds.
const OVER: usize = 10;
const ROUNDS: usize = 40;
/// Floats of the rows that are worked on at once by a thread.
const BLOCK: usize = 1 << 20;
/// Sums of the covariance that are made side by side: no more threads than that take part.
const PARTS: usize = 32;

/// The mean of some rows, and the directions in which they differ most.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pca {
    /// `[d]`
    pub mean: Vec<f32>,
    /// `[k][d]`, orthonormal, those of largest variance first; of each, the number furthest from 0 is positive.
    pub components: Vec<f32>,
    /// `[k]`, the variance along each.
    pub variances: Vec<f64>,
    /// The variance of all numbers of a row together.
    pub total: f64,
}

impl Pca {
    /// The first `k` components of `rows`, `[n][d]`. No more than `d`; where the rows differ in fewer directions
    /// than that, the last ones are arbitrary.
    ///
    /// The result depends on the arguments and the machine's instruction set, not on the number of threads.
    pub(crate) fn fit(rows: &[f32], d: usize, k: usize, seed: u64) -> Pca {
        let d = d.max(1);
        let (k, count) = (k.min(d), (k.min(d) + OVER).min(d));
        let (mean, total) = moments(rows, d);
        let mut rng = Rng::new(seed);
        let mut basis: Vec<f64> = (0..count * d).map(|_| f64::from(rng.normal())).collect();
        orthonormalise(&mut basis, d, &mut rng);
        let mut captured = 0.0;
        let mut along = Vec::new();
        for _ in 0..ROUNDS {
            let image = covariance_times(rows, &mean, &basis);
            // Rayleigh and Ritz: the best directions within the basis.
            let (variances, turn) = symmetric_eigen(products(&basis, &image, d), count);
            let now: f64 = variances.iter().take(k).sum();
            along = variances;
            let change = (now - std::mem::replace(&mut captured, now)).abs();
            // Where little is left, what is left must not be far off either; single precision ends that.
            let near = (1e-5 * now).min(2e-4 * (total - now)).max(1e-7 * total);
            // All of space needs no search; numbers that are none end none.
            if change.is_nan() || change <= near || count == d {
                basis = rotate(&turn, &basis, d);
                break;
            }
            basis = rotate(&turn, &image, d);
            orthonormalise(&mut basis, d, &mut rng);
        }
        basis.truncate(k * d);
        for row in basis.chunks_exact_mut(d) {
            let furthest = row.iter().fold(0.0f64, |a, b| if b.abs() > a.abs() { *b } else { a });
            if furthest < 0.0 {
                row.iter_mut().for_each(|v| *v = -*v);
            }
        }
        // Rounding may leave less than none.
        let variances = along.into_iter().take(k).map(|v| v.max(0.0)).collect();
        Pca { mean, components: basis.iter().map(|v| *v as f32).collect(), variances, total }
    }

    /// The part of all variance that lies along each component: 0 to 1; 0 of rows that don't differ.
    pub(crate) fn explained(&self) -> Vec<f64> {
        let share = |v: &f64| if self.total > 0.0 { (v / self.total).min(1.0) } else { 0.0 };
        self.variances.iter().map(share).collect()
    }

    /// How far the row of `d` numbers that `code` stands for lies from `row`.
    pub(crate) fn distance(&self, row: &[f32], code: &[f32]) -> f64 {
        let mut left: Vec<f64> =
            row.iter().zip(&self.mean).map(|(v, m)| f64::from(*v) - f64::from(*m)).collect();
        for (c, component) in code.iter().zip(self.components.chunks_exact(self.mean.len())) {
            left.iter_mut().zip(component).for_each(|(v, w)| *v -= f64::from(*c) * f64::from(*w));
        }
        left.iter().map(|v| v * v).sum::<f64>().sqrt()
    }

    /// A row of `d` numbers as `k`.
    pub(crate) fn project(&self, row: &[f32]) -> Vec<f32> {
        let centred: Vec<f64> = row.iter().zip(&self.mean).map(|(v, m)| f64::from(v - m)).collect();
        let against = |c: &[f32]| c.iter().zip(&centred).map(|(c, v)| f64::from(*c) * v).sum::<f64>() as f32;
        self.components.chunks_exact(self.mean.len()).map(against).collect()
    }

    /// The row of `d` numbers that `k` stand for.
    #[cfg(test)]
    pub fn reconstruct(&self, code: &[f32]) -> Vec<f32> {
        let mut row = self.mean.clone();
        for (c, component) in code.iter().zip(self.components.chunks_exact(self.mean.len())) {
            row.iter_mut().zip(component).for_each(|(v, w)| *v += c * w);
        }
        row
    }

    /// Mean squared error per number of `rows`, `[n][d]`, that became codes and rows again; 0 without rows.
    pub(crate) fn mse(&self, rows: &[f32]) -> f64 {
        let d = self.mean.len();
        let (k, block) = (self.components.len() / d, block_rows(rows.len() / d, d));
        if k == 0 || block == 0 {
            return moments_about(rows, &self.mean) / rows.len().max(1) as f64;
        }
        let encode = dense(d, k, block, &self.components);
        let decode = dense(k, d, block, &transposed(&self.components, d));
        let x = View::dense(Shape::new(1, 1, block, d));
        let code = View { at: block * d, ..View::dense(Shape::new(1, 1, block, k)) };
        let back = View { at: block * (d + k), ..x };
        let squares: Vec<f64> = rows
            .par_chunks(block * d)
            .map(|rows| {
                let mut buffer = vec![0.0; block * (2 * d + k) + SLACK];
                centre(rows, &self.mean, &mut buffer);
                encode.run(&mut buffer, &x, &code, &mut [], |_, _| {});
                decode.run(&mut buffer, &code, &back, &mut [], |_, _| {});
                let (x, back) = (&buffer[..rows.len()], &buffer[back.at..][..rows.len()]);
                x.iter().zip(back).map(|(a, b)| f64::from(a - b).powi(2)).sum()
            })
            .collect();
        squares.iter().sum::<f64>() / rows.len() as f64
    }
}

/// Rows of a block.
fn block_rows(n: usize, d: usize) -> usize {
    (BLOCK / d).clamp(64, 1024).min(n)
}

/// A matrix product as a convolution of one pixel a row; `weights` is `[oc][ic]`.
fn dense(ic: usize, oc: usize, rows: usize, weights: &[f32]) -> Conv {
    let (spec, shape) = (ConvSpec::same(ic, oc, 1), Shape::new(1, 1, rows, ic));
    Conv::new(Level::best(), Mode::Exact, spec, shape, weights, None, Activation::None)
}

fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|c| matrix.chunks_exact(columns).map(move |row| row[c])).collect()
}

/// Writes the rows less their mean to the start of `to`.
fn centre(rows: &[f32], mean: &[f32], to: &mut [f32]) {
    for (to, row) in to.chunks_exact_mut(mean.len()).zip(rows.chunks_exact(mean.len())) {
        to.iter_mut().zip(row.iter().zip(mean)).for_each(|(to, (v, m))| *to = v - m);
    }
}

/// The mean row, and the variance of all numbers of a row together.
fn moments(rows: &[f32], d: usize) -> (Vec<f32>, f64) {
    let n = (rows.len() / d).max(1);
    let part = n.div_ceil(PARTS) * d;
    let sum_up = |rows: &[f32]| {
        let mut sums = vec![0.0f64; d];
        rows.chunks_exact(d).for_each(|row| sums.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v)));
        sums
    };
    let parts: Vec<Vec<f64>> = rows.par_chunks(part).map(sum_up).collect();
    let mean = |i: usize| (parts.iter().map(|p| p[i]).sum::<f64>() / n as f64) as f32;
    let mean: Vec<f32> = (0..d).map(mean).collect();
    let total = moments_about(rows, &mean) / n as f64;
    (mean, total)
}

/// Squared distances from the mean, added up.
fn moments_about(rows: &[f32], mean: &[f32]) -> f64 {
    let part = (rows.len() / mean.len()).max(1).div_ceil(PARTS) * mean.len();
    let of_row = |row: &[f32]| row.iter().zip(mean).map(|(v, m)| f64::from(v - m).powi(2)).sum::<f64>();
    let sums: Vec<f64> =
        rows.par_chunks(part).map(|rows| rows.chunks_exact(mean.len()).map(of_row).sum()).collect();
    sums.iter().sum()
}

/// The covariance of the rows times each vector of the basis, `[count][d]` as they are.
fn covariance_times(rows: &[f32], mean: &[f32], basis: &[f64]) -> Vec<f64> {
    let (d, n, count) = (mean.len(), rows.len() / mean.len(), basis.len() / mean.len());
    let block = block_rows(n, d);
    if block == 0 || count == 0 {
        return vec![0.0; basis.len()];
    }
    let forward = dense(d, count, block, &basis.iter().map(|v| *v as f32).collect::<Vec<_>>());
    let x = View::dense(Shape::new(1, 1, block, d));
    let y = View { at: block * d, ..View::dense(forward.out_shape()) };
    let back = WeightGradient::new(Level::best(), Mode::Exact, *forward.spec(), x.shape);
    let part = n.div_ceil(block).div_ceil(PARTS) * block * d;
    let parts: Vec<Vec<f32>> = rows
        .par_chunks(part)
        .map(|rows| {
            let mut buffer = vec![0.0; block * (d + count) + SLACK];
            let (mut sums, mut unused) = (vec![0.0; count * d], vec![0.0; count]);
            let mut scratch = vec![0.0; back.scratch()];
            for rows in rows.chunks(block * d) {
                centre(rows, mean, &mut buffer);
                // A last block that isn't full ends in rows that add nothing.
                buffer[rows.len()..block * d].fill(0.0);
                forward.run(&mut buffer, &x, &y, &mut [], |_, _| {});
                back.run(&buffer, &x, &y, &mut sums, &mut unused, &mut scratch);
            }
            sums
        })
        .collect();
    let sum = |i: usize| parts.iter().map(|p| f64::from(p[i])).sum::<f64>() / n as f64;
    (0..count * d).into_par_iter().map(sum).collect()
}

/// In eight sums, which the compiler keeps in vectors.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    a.zip(b).for_each(|(a, b)| (0..8).for_each(|i| sums[i] += a[i] * b[i]));
    sums.iter().sum::<f64>() + rest
}

/// Every vector of `a` with every one of `b`.
fn products(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let rows = |a: &[f64]| b.chunks_exact(d).map(|b| dot(a, b)).collect::<Vec<_>>();
    a.par_chunks_exact(d).map(rows).collect::<Vec<_>>().concat()
}

/// Combinations of vectors: `turn` is `[new][old]`.
fn rotate(turn: &[f64], vectors: &[f64], d: usize) -> Vec<f64> {
    let (mut turned, count) = (vec![0.0; vectors.len()], vectors.len() / d);
    turned.par_chunks_exact_mut(d).zip(turn.par_chunks_exact(count)).for_each(|(to, turn)| {
        for (share, vector) in turn.iter().zip(vectors.chunks_exact(d)) {
            to.iter_mut().zip(vector).for_each(|(t, v)| *t += share * v);
        }
    });
    turned
}

/// Gram and Schmidt's method, twice for each vector, so that rounding leaves nothing. A vector that others
/// make up already gives way to a random one. There are no more vectors than `d`.
fn orthonormalise(vectors: &mut [f64], d: usize, rng: &mut Rng) {
    for index in 0..vectors.len() / d {
        let (before, from) = vectors.split_at_mut(index * d);
        let vector = &mut from[..d];
        // Random vectors are hardly ever made up by others.
        for _ in 0..4 {
            let length = dot(vector, vector).sqrt();
            vector.iter_mut().for_each(|v| *v /= length);
            for _ in 0..2 {
                let shares: Vec<f64> = before.par_chunks_exact(d).map(|b| dot(b, vector)).collect();
                vector.par_chunks_mut(4096).enumerate().for_each(|(part, vector)| {
                    for (share, b) in shares.iter().zip(before.chunks_exact(d)) {
                        let b = &b[part * 4096..][..vector.len()];
                        vector.iter_mut().zip(b).for_each(|(v, b)| *v -= share * b);
                    }
                });
            }
            let left = dot(vector, vector).sqrt();
            // What single precision left of a vector shorter than this is noise. False for what is no number.
            if length > 0.0 && left > 1e-9 {
                vector.iter_mut().for_each(|v| *v /= left);
                break;
            }
            vector.iter_mut().for_each(|v| *v = f64::from(rng.normal()));
        }
    }
}

/// Eigenvalues, largest first, and the vectors of each, `[n][n]`, of a symmetric matrix, by Jacobi's method.
fn symmetric_eigen(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>) {
    // Rounding makes both halves differ.
    for (i, j) in (0..n).flat_map(|i| (0..i).map(move |j| (i, j))) {
        let mean = 0.5 * (a[i * n + j] + a[j * n + i]);
        (a[i * n + j], a[j * n + i]) = (mean, mean);
    }
    let mut vectors: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect();
    let scale = a.iter().map(|v| v * v).sum::<f64>();
    for _ in 0..30 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| i * n + j)).map(|i| a[i] * a[i]).sum();
        if off.is_nan() || off <= 1e-28 * scale {
            break;
        }
        for (p, q) in (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q))) {
            let apq = a[p * n + q];
            if apq * apq <= 1e-34 * scale {
                continue;
            }
            // Golub and Van Loan, "Matrix Computations", 8.5.2.
            let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
            let t = if tau < 0.0 { -1.0 } else { 1.0 } / (tau.abs() + (1.0 + tau * tau).sqrt());
            let c = 1.0 / (1.0 + t * t).sqrt();
            let s = t * c;
            let turn = |m: &mut [f64], i: usize, j: usize| {
                (m[i], m[j]) = (c * m[i] - s * m[j], s * m[i] + c * m[j]);
            };
            (0..n).for_each(|i| turn(&mut a, i * n + p, i * n + q));
            (0..n).for_each(|i| turn(&mut a, p * n + i, q * n + i));
            (0..n).for_each(|i| turn(&mut vectors, p * n + i, q * n + i));
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[j * n + j].total_cmp(&a[i * n + i]));
    let sorted = order.iter().flat_map(|i| vectors[i * n..][..n].to_vec()).collect();
    (order.iter().map(|i| a[i * n + i]).collect(), sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` rows whose coordinate `i`, before a fixed rotation, has deviation `deviations[i]`.
    fn data(n: usize, deviations: &[f64], seed: u64) -> Vec<f32> {
        let d = deviations.len();
        let mut rng = Rng::new(seed);
        let mut turn: Vec<f64> = (0..d * d).map(|_| f64::from(rng.normal())).collect();
        orthonormalise(&mut turn, d, &mut rng);
        let row = |_| {
            let at: Vec<f64> = deviations.iter().map(|s| s * f64::from(rng.normal())).collect();
            let number = |j: usize| (0..d).map(|i| at[i] * turn[i * d + j]).sum::<f64>() as f32 + j as f32;
            (0..d).map(number).collect::<Vec<_>>()
        };
        (0..n).flat_map(row).collect()
    }

    fn check_orthonormal(pca: &Pca, d: usize) {
        let wide: Vec<f64> = pca.components.iter().map(|v| f64::from(*v)).collect();
        let k = wide.len() / d;
        for (i, v) in products(&wide, &wide, d).iter().enumerate() {
            let expected = f64::from(u8::from(i / k == i % k));
            assert!((v - expected).abs() < 1e-6, "{i}: {v}");
        }
    }

    /// Mean squared error of the best `k` components, from all eigenvalues.
    fn best(rows: &[f32], d: usize, k: usize) -> (f64, Vec<f64>, Vec<f64>) {
        let (mean, _) = moments(rows, d);
        let mut all: Vec<f64> = vec![0.0; d * d];
        for row in rows.chunks_exact(d) {
            let v: Vec<f64> = row.iter().zip(&mean).map(|(v, m)| f64::from(*v) - f64::from(*m)).collect();
            (0..d * d).for_each(|i| all[i] += v[i / d] * v[i % d] * d as f64 / rows.len() as f64);
        }
        let (values, vectors) = symmetric_eigen(all, d);
        (values[k..].iter().sum::<f64>() / d as f64, values, vectors)
    }

    #[test]
    fn agrees_with_all_eigenvectors() {
        let deviations: Vec<f64> = (0..30).map(|i| 3.0 * 0.85f64.powi(i)).collect();
        let rows = data(3000, &deviations, 5);
        let pca = Pca::fit(&rows, 30, 6, 1);
        check_orthonormal(&pca, 30);
        let (error, values, vectors) = best(&rows, 30, 6);
        let found = pca.mse(&rows);
        assert!(found >= error * (1.0 - 1e-5) && found <= error * 1.001, "{found} {error}");
        for i in 0..6 {
            let same: f64 =
                (0..30).map(|j| f64::from(pca.components[i * 30 + j]) * vectors[i * 30 + j]).sum();
            assert!(same.abs() > 0.999, "{i}: {same}");
            assert!((values[i] / deviations[i].powi(2) - 1.0).abs() < 0.15, "the covariance is known: {i}");
            let share = values[i] / values.iter().sum::<f64>();
            assert!((pca.explained()[i] / share - 1.0).abs() < 1e-3, "{i}: {share}");
        }
        assert!(pca.mean.iter().enumerate().all(|(j, m)| (f64::from(*m) - j as f64).abs() < 0.3));
    }

    #[test]
    fn slow_spectra_converge() {
        // As of pictures: no gap behind the last component; several blocks, the last not full.
        let deviations: Vec<f64> = (1..=120).map(|i| 1.0 / f64::from(i).sqrt()).collect();
        let rows = data(2500, &deviations, 6);
        let error = best(&rows, 120, 16).0;
        for seed in 0..3 {
            let found = Pca::fit(&rows, 120, 16, seed).mse(&rows);
            assert!(found >= error * (1.0 - 1e-5) && found <= error * 1.002, "{found} {error}");
        }
    }

    #[test]
    fn ways_there_and_back() {
        let rows = data(200, &[2.0, 1.0, 0.5, 0.1, 0.05], 7);
        let pca = Pca::fit(&rows, 5, 2, 1);
        let mut squares = 0.0;
        for row in rows.chunks_exact(5) {
            let code = pca.project(row);
            assert_eq!(code.len(), 2);
            let back = pca.reconstruct(&code);
            let square = row.iter().zip(&back).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            assert!((pca.distance(row, &code) - square.sqrt()).abs() < 1e-5);
            squares += square;
            let again = pca.project(&back);
            assert!((again[0] - code[0]).abs() < 1e-5 && (again[1] - code[1]).abs() < 1e-5);
        }
        assert!((squares / 1000.0 / pca.mse(&rows) - 1.0).abs() < 1e-4);
        // All of it.
        assert!(Pca::fit(&rows, 5, 9, 1).mse(&rows) < 1e-10);
        assert_eq!(
            pca,
            rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .unwrap()
                .install(|| Pca::fit(&rows, 5, 2, 1))
        );
    }

    #[test]
    fn degenerate_rows() {
        let constant = [1.0, 2.0, 3.0].repeat(10);
        let pca = Pca::fit(&constant, 3, 2, 1);
        check_orthonormal(&pca, 3);
        assert!(pca.mean == [1.0, 2.0, 3.0] && pca.mse(&constant) < 1e-12);
        // Fewer rows than components, with columns that are all the same.
        let mut few = data(3, &[1.0; 40], 8);
        few.iter_mut().skip(4).step_by(40).for_each(|v| *v = 7.0);
        let pca = Pca::fit(&few, 40, 12, 1);
        assert_eq!(pca.components.len(), 12 * 40);
        check_orthonormal(&pca, 40);
        assert!(pca.mse(&few) < 1e-8, "{}", pca.mse(&few));
        // None at all, one, and what is no number.
        let none = Pca::fit(&[], 4, 2, 1);
        assert_eq!((none.mean.len(), none.mse(&[])), (4, 0.0));
        check_orthonormal(&none, 4);
        assert!(Pca::fit(&[1.0, 2.0], 2, 1, 1).mse(&[1.0, 2.0]) < 1e-12);
        assert!(Pca::fit(&[f32::NAN, 1.0, 2.0, 3.0], 2, 1, 1).mse(&[1.0, 2.0]).is_nan());
        assert_eq!(Pca::fit(&constant, 3, 0, 1).mse(&[2.0, 2.0, 3.0]), 1.0 / 3.0);
    }
}
