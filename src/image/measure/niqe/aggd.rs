//! Fits of the asymmetric generalised Gaussian distribution by its moments (Lasmar, Stitou, Berthoumieu 2009).

use std::sync::LazyLock;

/// Sums over the values that a distribution is fitted to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// How many in all.
    pub count: f64,
    /// Of their magnitudes.
    pub magnitude: f64,
    /// Numbers of those below and above 0.
    pub sides: [f64; 2],
    /// Sums of their squares.
    pub squares: [f64; 2],
}

/// A fitted distribution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aggd {
    /// 2 for a Gaussian, 1 for a Laplacian.
    pub shape: f64,
    pub mean: f64,
    /// Scale below 0.
    pub left: f64,
    /// Scale above 0.
    pub right: f64,
}

/// Shapes from the lowest, so many to 1.
const LOWEST: f64 = 0.2;
const TO_ONE: f64 = 1000.0;
const SHAPES: usize = 9801;

/// For each shape the ratio of moments that tells it, which rises with it.
static RATIOS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let ratio = |i: usize| {
        let shape = shape(i);
        let ln = |n: f64| libm::lgamma(n / shape);
        (2.0 * ln(2.0) - ln(1.0) - ln(3.0)).exp()
    };
    (0..SHAPES).map(ratio).collect()
});

fn shape(i: usize) -> f64 {
    LOWEST + i as f64 / TO_ONE
}

/// The distribution with these moments; `None` unless there are values on both sides of 0.
pub(super) fn fit(sums: &Sums) -> Option<Aggd> {
    let [left, right] = [0, 1].map(|side| (sums.squares[side] / sums.sides[side].max(1.0)).sqrt());
    if left <= 0.0 || right <= 0.0 {
        return None;
    }
    let gamma = left / right;
    let square = (sums.squares[0] + sums.squares[1]) / sums.count;
    let raw = (sums.magnitude / sums.count).powi(2) / square;
    let ratio = raw * (gamma.powi(3) + 1.0) * (gamma + 1.0) / (gamma * gamma + 1.0).powi(2);
    let above = RATIOS.partition_point(|r| *r < ratio);
    let near = |i: usize| (RATIOS[i] - ratio).abs();
    let i = match above {
        0 => 0,
        SHAPES => SHAPES - 1,
        i if near(i - 1) <= near(i) => i - 1,
        i => i,
    };
    let shape = shape(i);
    let ln = |n: f64| libm::lgamma(n / shape);
    let scale = ((ln(1.0) - ln(3.0)) / 2.0).exp();
    let (left, right) = (left * scale, right * scale);
    Some(Aggd { shape, mean: (right - left) * (ln(2.0) - ln(1.0)).exp(), left, right })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_distributions() {
        // Moments of a Gaussian and of a Laplacian of variance 1.
        let of = |magnitude: f64| {
            let sums =
                Sums { count: 2.0, magnitude: 2.0 * magnitude, sides: [1.0, 1.0], squares: [1.0, 1.0] };
            fit(&sums).unwrap()
        };
        let gaussian = of((2.0 / std::f64::consts::PI).sqrt());
        assert!(
            (gaussian.shape - 2.0).abs() < 1e-9 && (gaussian.left - 2f64.sqrt()).abs() < 1e-9,
            "{gaussian:?}"
        );
        let laplacian = of(0.5f64.sqrt());
        assert!((laplacian.shape - 1.0).abs() < 1e-9 && laplacian.mean.abs() < 1e-12, "{laplacian:?}");
        assert!((laplacian.right - 0.5f64.sqrt()).abs() < 1e-9);
        // Beyond all shapes there are still some.
        assert_eq!((of(1.0).shape, of(1e-9).shape), (10.0, 0.2));
    }

    #[test]
    fn one_side_is_no_distribution() {
        assert!(fit(&Sums::default()).is_none());
        let sums = Sums { count: 9.0, magnitude: 5.0, sides: [5.0, 0.0], squares: [5.0, 0.0] };
        assert!(fit(&sums).is_none());
    }
}
