//! The moving Gaussian window of SSIM, on one plane.

/// Side and standard deviation of the window.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
pub(super) const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// Means over the places where the window fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Similarity {
    /// Luminance, contrast and structure: SSIM itself.
    pub(super) whole: f64,
    /// Contrast and structure alone.
    pub(super) structure: f64,
}

/// How alike two planes of `width` x `height` are. Where a side is below 11 the window shrinks to the largest odd size
/// that fits.
pub(super) fn similarity(a: &[f64], b: &[f64], width: usize, height: usize) -> Similarity {
    let fit = WINDOW.min(width).min(height);
    let window = gaussian(if fit.is_multiple_of(2) { fit - 1 } else { fit });
    let blurred = |f: &dyn Fn(f64, f64) -> f64| {
        let plane: Vec<f64> = a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect();
        blur_valid(&plane, width, &window)
    };
    let (mean_a, mean_b) = (blurred(&|a, _| a), blurred(&|_, b| b));
    let (square_a, square_b, product) =
        (blurred(&|a, _| a * a), blurred(&|_, b| b * b), blurred(&|a, b| a * b));
    let (mut whole, mut structure) = (0.0, 0.0);
    for i in 0..mean_a.len() {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, cov) = (square_a[i] - ma * ma, square_b[i] - mb * mb, product[i] - ma * mb);
        whole += (2.0 * ma * mb + C1) * (2.0 * cov + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
        structure += (2.0 * cov + C2) / (va + vb + C2);
    }
    let count = mean_a.len().max(1) as f64;
    Similarity { whole: whole / count, structure: structure / count }
}

fn gaussian(size: usize) -> Vec<f64> {
    let middle = (size / 2) as f64;
    let raw: Vec<f64> =
        (0..size).map(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|v| v / sum).collect()
}

/// Separable convolution over the region where the window fits.
fn blur_valid(plane: &[f64], width: usize, window: &[f64]) -> Vec<f64> {
    let across = width + 1 - window.len();
    // Tap by tap over whole rows, which compilers turn into vector code.
    let mut rows = vec![0.0; plane.len() / width * across];
    for (to, row) in rows.chunks_exact_mut(across).zip(plane.chunks_exact(width)) {
        for (from, k) in row.windows(across).zip(window) {
            to.iter_mut().zip(from).for_each(|(t, v)| *t += v * k);
        }
    }
    let down = (rows.len() / across + 1).saturating_sub(window.len());
    let mut out = vec![0.0; across * down];
    for (y, to) in out.chunks_exact_mut(across).enumerate() {
        for (row, k) in rows[y * across..].chunks_exact(across).zip(window) {
            to.iter_mut().zip(row).for_each(|(t, v)| *t += v * k);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_its_definition() {
        let (width, height) = (17, 14);
        let plane = |salt: usize| -> Vec<f64> {
            (0..width * height).map(|i| ((i * i * 31 + i * 7 + salt * i % 97) % 251) as f64 / 255.0).collect()
        };
        let (a, b) = (plane(1), plane(5));
        let k = gaussian(11);
        let (mut whole, mut structure, mut count) = (0.0, 0.0, 0);
        for y in 0..=3 {
            for x in 0..=6 {
                let mut m = [0.0; 5];
                for dy in 0..11 {
                    for dx in 0..11 {
                        let (w, at) = (k[dy] * k[dx], (y + dy) * width + x + dx);
                        let (p, q) = (a[at], b[at]);
                        [p, q, p * p, q * q, p * q].iter().zip(&mut m).for_each(|(v, m)| *m += w * v);
                    }
                }
                let (va, vb, cov) = (m[2] - m[0] * m[0], m[3] - m[1] * m[1], m[4] - m[0] * m[1]);
                let cs = (2.0 * cov + C2) / (va + vb + C2);
                whole += (2.0 * m[0] * m[1] + C1) / (m[0] * m[0] + m[1] * m[1] + C1) * cs;
                structure += cs;
                count += 1;
            }
        }
        let found = similarity(&a, &b, width, height);
        assert!((found.whole - whole / f64::from(count)).abs() < 1e-9);
        assert!((found.structure - structure / f64::from(count)).abs() < 1e-9);
    }
}
