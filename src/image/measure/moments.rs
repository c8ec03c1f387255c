//! Means and covariances of short vectors.

use multiversion::multiversion;

/// A symmetric matrix, or any.
pub(super) type Matrix<const N: usize> = Box<[[f64; N]; N]>;

/// Vectors whose products are summed in single precision, before the sums are: few enough to lose nothing that counts.
const BATCH: usize = 64;
/// Columns that are summed at once.
const COLUMNS: usize = 16;
/// Rows that are summed at once.
const ROWS: usize = 4;

/// The mean of these vectors; 0 of none.
pub(super) fn mean<const N: usize>(vectors: &[[f32; N]]) -> [f64; N] {
    let mut sum = [0.0; N];
    for vector in vectors {
        for i in 0..N {
            sum[i] += f64::from(vector[i]);
        }
    }
    sum.map(|s| s / vectors.len().max(1) as f64)
}

/// Their covariance, over their number; 0 of none. `N` is a multiple of 4, and 16 at least.
pub(super) fn covariance<const N: usize>(vectors: &[[f32; N]]) -> Matrix<N> {
    let mean = mean(vectors);
    let mut matrix: Matrix<N> = Box::new([[0.0; N]; N]);
    let mut centred = [[0.0f32; N]; BATCH];
    for batch in vectors.chunks(BATCH) {
        for n in 0..batch.len() {
            for i in 0..N {
                centred[n][i] = (f64::from(batch[n][i]) - mean[i]) as f32;
            }
        }
        add_products(centred[..batch.len()].as_flattened(), matrix.as_flattened_mut(), N);
    }
    let count = vectors.len().max(1) as f64;
    for i in 0..N {
        for j in 0..=i {
            let value = matrix[j][i] / count;
            (matrix[i][j], matrix[j][i]) = (value, value);
        }
    }
    matrix
}

/// Adds the products of each vector with itself to the right upper part of the matrix, `n` wide.
#[multiversion(targets("x86_64+avx2"))]
fn add_products(vectors: &[f32], matrix: &mut [f64], n: usize) {
    let count = vectors.len() / n;
    for i in (0..n).step_by(ROWS) {
        let mut j = i;
        while j < n {
            // The last columns again, where they are no whole number.
            let from = j.min(n - COLUMNS);
            let mut sums = [[0.0f32; COLUMNS]; ROWS];
            for v in 0..count {
                let vector = &vectors[v * n..(v + 1) * n];
                let rows: &[f32; ROWS] = vector[i..].first_chunk().unwrap_or(&[0.0; ROWS]);
                let columns: &[f32; COLUMNS] = vector[from..].first_chunk().unwrap_or(&[0.0; COLUMNS]);
                for r in 0..ROWS {
                    for c in 0..COLUMNS {
                        sums[r][c] += rows[r] * columns[c];
                    }
                }
            }
            for r in 0..ROWS {
                for c in j - from..COLUMNS {
                    matrix[(i + r) * n + from + c] += f64::from(sums[r][c]);
                }
            }
            j = from + COLUMNS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_summed_once() {
        const N: usize = 36;
        let vectors: Vec<[f32; N]> =
            (0..150).map(|i| std::array::from_fn(|k| ((i * 7 + k * k * 3) % 23) as f32)).collect();
        let mean = mean(&vectors);
        let matrix = covariance(&vectors);
        for i in 0..N {
            for j in 0..N {
                let product = |v: &[f32; N]| (f64::from(v[i]) - mean[i]) * (f64::from(v[j]) - mean[j]);
                let wanted = vectors.iter().map(product).sum::<f64>() / 150.0;
                assert!((matrix[i][j] - wanted).abs() < 1e-4, "{i} {j}");
            }
        }
        assert_eq!(covariance::<20>(&[]), Box::new([[0.0; 20]; 20]));
    }
}
