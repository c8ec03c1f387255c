//! The orthogonal matrix near a given one, by Newton-Schulz iterations: what Muon makes of its momentum.

use super::level::Level;
use super::matmul::{MatMul, Matrix};

/// Coefficients of `a x + b x^3 + c x^5`, which each iteration applies to the singular values (Jordan et al. 2024):
/// chosen for the steepest rise from 0, they bring values between 0.001 and 1 to between 0.68 and 1.14.
const RISE: (f32, f32, f32) = (3.4445, -4.7750, 2.0315);
/// Iterations.
const ROUNDS: usize = 5;

/// Makes matrices of one size nearly orthogonal: their singular values become about 1, their singular vectors stay.
#[derive(Debug)]
pub struct Orthogonal {
    /// The shorter and the longer side.
    sides: (usize, usize),
    /// Whether the matrix has more rows than columns.
    tall: bool,
    gram: MatMul,
    square: MatMul,
    turn: MatMul,
}

impl Orthogonal {
    /// For matrices of `rows` x `columns`.
    pub fn new(level: Level, rows: usize, columns: usize) -> Orthogonal {
        let (m, n) = (rows.min(columns), rows.max(columns));
        Orthogonal {
            sides: (m, n),
            tall: rows > columns,
            gram: MatMul::new(level, m, n, m, true),
            square: MatMul::new(level, m, m, m, false),
            turn: MatMul::new(level, m, m, n, false),
        }
    }

    /// Replaces `matrix`, which lies row by row. Zeros stay zeros.
    ///
    /// # Panics
    /// When it has another size.
    pub fn run(&self, matrix: &mut [f32]) {
        let (m, n) = self.sides;
        assert_eq!(matrix.len(), m * n, "the matrix");
        let squares: f64 = matrix.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
        // The largest singular value is at most this length, and the iterations want it below 1.
        let shrink = (1.0 / (squares.sqrt() + 1e-30)) as f32;
        // All matrices lie in one buffer: x, what becomes of it, x xT, and its square.
        let at = [0, m * n, 2 * m * n, 2 * m * n + m * m];
        let mut buffer = vec![0.0; at[3] + m * m + 1];
        if self.tall {
            transpose(matrix, m, |i, v| buffer[i] = v * shrink);
        } else {
            matrix.iter().enumerate().for_each(|(i, v)| buffer[i] = v * shrink);
        }
        let lines = |count: usize, step: usize| -> Vec<usize> { (0..count).map(|i| i * step).collect() };
        let (long, short) = (lines(m, n), lines(m, m));
        let (wide, narrow) = (lines(n, 1), lines(m, 1));
        let matrix_at = |i: usize| match i {
            0 | 1 => Matrix { base: at[i], rows: &long, columns: &wide },
            _ => Matrix { base: at[i], rows: &short, columns: &narrow },
        };
        let scratch = [&self.gram, &self.square, &self.turn].map(MatMul::scratch);
        let mut scratch = vec![0.0; scratch.into_iter().max().unwrap_or(0)];
        let (a, b, c) = RISE;
        for _ in 0..ROUNDS {
            self.gram.run(&mut buffer, &matrix_at(0), &matrix_at(0), &matrix_at(2), &mut scratch);
            self.square.run(&mut buffer, &matrix_at(2), &matrix_at(2), &matrix_at(3), &mut scratch);
            let (first, second) = buffer.split_at_mut(at[3]);
            for (s, g) in second.iter_mut().zip(&first[at[2]..]) {
                *s = c * *s + b * g;
            }
            self.turn.run(&mut buffer, &matrix_at(3), &matrix_at(0), &matrix_at(1), &mut scratch);
            let (x, y) = buffer.split_at_mut(at[1]);
            for (x, y) in x.iter_mut().zip(y) {
                *x = a * *x + *y;
            }
        }
        if self.tall {
            transpose(&buffer[..m * n], n, |i, v| matrix[i] = v);
        } else {
            matrix.copy_from_slice(&buffer[..m * n]);
        }
    }
}

/// Calls `put` with the place and the value of each number of the transpose of a matrix of rows of `columns` numbers.
fn transpose(matrix: &[f32], columns: usize, mut put: impl FnMut(usize, f32)) {
    let rows = matrix.len() / columns.max(1);
    for (r, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
        row.iter().enumerate().for_each(|(c, v)| put(c * rows + r, *v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn drawn(rows: usize, columns: usize) -> Vec<f32> {
        let mut matrix = vec![0.0f32; rows * columns];
        Rng::new(3).normals(&mut matrix, |w, v| *w = 0.02 * v);
        matrix
    }

    /// `x xT` of the shorter side, in double precision.
    fn gram(x: &[f32], rows: usize, columns: usize) -> Vec<Vec<f64>> {
        let (count, length) = (rows.min(columns), rows.max(columns));
        let at = |i: usize, k: usize| {
            f64::from(if rows > columns { x[k * columns + i] } else { x[i * columns + k] })
        };
        let dot = |i, j| (0..length).map(|k| at(i, k) * at(j, k)).sum();
        (0..count).map(|i| (0..count).map(|j| dot(i, j)).collect()).collect()
    }

    #[test]
    fn rows_or_columns_become_nearly_orthonormal_at_every_level() {
        for level in Level::available() {
            for (rows, columns) in [(12, 60), (60, 12), (16, 144), (1, 7), (5, 1)] {
                let before = drawn(rows, columns);
                let mut x = before.clone();
                Orthogonal::new(level, rows, columns).run(&mut x);
                for (i, row) in gram(&x, rows, columns).iter().enumerate() {
                    for (j, v) in row.iter().enumerate() {
                        let near = if i == j { (0.4..1.4).contains(v) } else { v.abs() < 0.45 };
                        assert!(near, "{level:?} {rows} x {columns}: {i} {j} {v}");
                    }
                }
                // It turns towards what it came from.
                let along: f32 = x.iter().zip(&before).map(|(a, b)| a * b).sum();
                assert!(along > 0.0);
            }
        }
    }

    /// By hand: singular values 3 and 1 of a diagonal matrix, through the polynomial five times.
    #[test]
    fn singular_values_follow_the_polynomial() {
        let mut x = [3.0f32, 0.0, 0.0, 0.0, 1.0, 0.0];
        Orthogonal::new(Level::best(), 2, 3).run(&mut x);
        let through = |v: f64| {
            (0..ROUNDS).fold(v / 10f64.sqrt(), |v, _| 3.4445 * v - 4.775 * v.powi(3) + 2.0315 * v.powi(5))
        };
        for (got, expected) in x.iter().zip([through(3.0), 0.0, 0.0, 0.0, through(1.0), 0.0]) {
            assert!((f64::from(*got) - expected).abs() < 1e-4, "{x:?}");
        }
        let mut zeros = [0.0f32; 6];
        Orthogonal::new(Level::best(), 3, 2).run(&mut zeros);
        assert_eq!(zeros, [0.0; 6]);
    }
}
