//! Eigenvalues of symmetric matrices.

use super::moments::Matrix;

/// Eigenvalues of a symmetric matrix, in no order: Householder's reduction to three diagonals, then the QL method with
/// implicit shifts (Martin, Wilkinson 1968; Golub, Van Loan: Matrix Computations, 8.3).
pub(super) fn values<const N: usize>(matrix: Matrix<N>) -> [f64; N] {
    let (mut diagonal, mut beside) = tridiagonal(matrix);
    for l in 0..N {
        // It converges in two or three rounds; what doesn't is left as good as it is.
        for _round in 0..60 {
            let small = |m: &usize| {
                let scale = diagonal[*m].abs() + diagonal[*m + 1].abs();
                beside[*m].abs() <= f64::EPSILON * scale
            };
            let end = (l..N - 1).find(small).unwrap_or(N - 1);
            if end == l {
                break;
            }
            sweep(&mut diagonal, &mut beside, l, end);
        }
    }
    diagonal
}

/// One implicit QL sweep over rows `l` to `end`.
fn sweep<const N: usize>(diagonal: &mut [f64; N], beside: &mut [f64; N], l: usize, end: usize) {
    let g = (diagonal[l + 1] - diagonal[l]) / (2.0 * beside[l]);
    let r = g.hypot(1.0);
    let mut g = diagonal[end] - diagonal[l] + beside[l] / (g + r.copysign(g));
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (l..end).rev() {
        let (f, b) = (s * beside[i], c * beside[i]);
        let r = (f * f + g * g).sqrt();
        beside[i + 1] = r;
        if r == 0.0 {
            diagonal[i + 1] -= p;
            beside[end] = 0.0;
            return;
        }
        (s, c) = (f / r, g / r);
        g = diagonal[i + 1] - p;
        let t = (diagonal[i] - g) * s + 2.0 * c * b;
        p = s * t;
        diagonal[i + 1] = g + p;
        g = c * t - b;
    }
    diagonal[l] -= p;
    beside[l] = g;
    beside[end] = 0.0;
}

/// The diagonal and, of each row, the entry right of it.
#[expect(clippy::boxed_local, reason = "it is worked on in place")]
fn tridiagonal<const N: usize>(mut m: Matrix<N>) -> ([f64; N], [f64; N]) {
    let mut beside = [0.0; N];
    for k in 0..N.saturating_sub(2) {
        // Mirrors the rest of row k onto its first entry.
        let mut v = [0.0; N];
        v[k + 1..].copy_from_slice(&m[k][k + 1..]);
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let alpha = -norm.copysign(v[k + 1]);
        beside[k] = alpha;
        v[k + 1] -= alpha;
        let square = v.iter().map(|x| x * x).sum::<f64>();
        if square == 0.0 {
            beside[k] = m[k][k + 1];
            continue;
        }
        // m - v w' - w v', with p = m v / h, w = p - (v'p / 2h) v, h = v'v / 2.
        let h = square / 2.0;
        let mut p = [0.0; N];
        for i in k + 1..N {
            for j in 0..N {
                p[j] += m[i][j] * v[i];
            }
        }
        p[..=k].fill(0.0);
        let shift = p.iter().zip(&v).map(|(p, v)| p * v).sum::<f64>() / (2.0 * h * h);
        let w: [f64; N] = std::array::from_fn(|i| p[i] / h - shift * v[i]);
        for i in k + 1..N {
            for j in 0..N {
                m[i][j] -= v[i] * w[j] + w[i] * v[j];
            }
        }
    }
    if N >= 2 {
        beside[N - 2] = m[N - 2][N - 1];
    }
    (std::array::from_fn(|i| m[i][i]), beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // 2 on the diagonal, -1 beside it: 2 - 2 cos(k pi / (n + 1)).
        const N: usize = 12;
        let mut matrix: Matrix<N> = Box::new([[0.0; N]; N]);
        for i in 0..N {
            matrix[i][i] = 2.0;
            if i > 0 {
                (matrix[i][i - 1], matrix[i - 1][i]) = (-1.0, -1.0);
            }
        }
        let mut found = values(matrix);
        found.sort_by(f64::total_cmp);
        for (k, value) in found.iter().enumerate() {
            let angle = (k + 1) as f64 * std::f64::consts::PI / (N + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-12, "{k}: {value}");
        }
    }

    #[test]
    fn full_matrices_keep_their_trace_and_norm() {
        const N: usize = 40;
        let mut matrix: Matrix<N> = Box::new([[0.0; N]; N]);
        for i in 0..N {
            for j in 0..=i {
                let value = ((i * 31 + j * 17 + i * j) % 101) as f64 / 50.0 - 1.0;
                (matrix[i][j], matrix[j][i]) = (value, value);
            }
        }
        let trace: f64 = (0..N).map(|i| matrix[i][i]).sum();
        let norm: f64 = matrix.iter().flatten().map(|v| v * v).sum();
        let found = values(matrix);
        assert!((found.iter().sum::<f64>() - trace).abs() < 1e-10);
        assert!((found.iter().map(|v| v * v).sum::<f64>() - norm).abs() < 1e-9);
        assert_eq!(values(Box::new([[0.0; 5]; 5])), [0.0; 5]);
        // A rank of one: v v' for v = (1, 2, 3, 4).
        let mut one = values(Box::new(std::array::from_fn::<_, 4, _>(|i| {
            std::array::from_fn(|j| ((i + 1) * (j + 1)) as f64)
        })));
        one.sort_by(f64::total_cmp);
        assert!((one[3] - 30.0).abs() < 1e-12 && one[2].abs() < 1e-12, "{one:?}");
    }
}
