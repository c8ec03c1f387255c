//! The blur kernels of Real-ESRGAN (BasicSR): square, of odd side, of sum 1.

use std::f64::consts::PI;

/// How a bivariate kernel falls off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// exp(-d / 2) of the squared distance d in standard deviations.
    Gaussian,
    /// exp(-d^beta / 2).
    Generalised(f64),
    /// 1 / (1 + d^beta).
    Plateau(f64),
}

/// A kernel `2 * radius + 1` pixels wide, whose axis of `sigmas.0` is turned by `angle` (degrees).
pub(super) fn bivariate(radius: usize, sigmas: (f64, f64), angle: f64, shape: Shape) -> Vec<f32> {
    let turn = angle * PI / 180.0;
    let (sin, cos) = (libm::sin(turn), libm::cos(turn));
    square(radius, |x, y| {
        let (u, v) = ((x * cos + y * sin) / sigmas.0, (y * cos - x * sin) / sigmas.1);
        let distance = u * u + v * v;
        match shape {
            Shape::Gaussian => libm::exp(-0.5 * distance),
            Shape::Generalised(beta) => libm::exp(-0.5 * libm::pow(distance, beta)),
            Shape::Plateau(beta) => 1.0 / (1.0 + libm::pow(distance, beta)),
        }
    })
}

/// A circular low pass of angular frequency `cutoff` (radians a pixel): a two-dimensional sinc, which rings.
pub(super) fn low_pass(radius: usize, cutoff: f64) -> Vec<f32> {
    square(radius, |x, y| {
        let distance = (x * x + y * y).sqrt();
        if distance == 0.0 {
            cutoff * cutoff / (4.0 * PI)
        } else {
            cutoff * libm::j1(cutoff * distance) / (2.0 * PI * distance)
        }
    })
}

fn square(radius: usize, weight: impl Fn(f64, f64) -> f64) -> Vec<f32> {
    let side = 2 * radius + 1;
    let middle = radius as f64;
    let raw: Vec<f64> =
        (0..side * side).map(|i| weight((i % side) as f64 - middle, (i / side) as f64 - middle)).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|w| (w / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_have_their_spread_and_direction() {
        let kernel = bivariate(10, (3.0, 1.0), 30.0, Shape::Gaussian);
        let moment = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            let at = |i: usize| f((i % 21) as f64 - 10.0, (i / 21) as f64 - 10.0) * f64::from(kernel[i]);
            (0..441).map(at).sum()
        };
        // Along x: 9 cos² 30 + sin² 30; across: (9 - 1) sin 30 cos 30.
        assert!((moment(&|x, _| x * x) - 7.0).abs() < 0.1 && (moment(&|x, y| x * y) - 3.464).abs() < 0.1);
        assert!((moment(&|_, _| 1.0) - 1.0).abs() < 1e-5);
        assert_eq!(bivariate(10, (3.0, 1.0), 30.0, Shape::Generalised(1.0)), kernel);
        let plateau = bivariate(5, (2.0, 2.0), 0.0, Shape::Plateau(2.0));
        assert!((plateau[60] / plateau[62] - 2.0).abs() < 1e-5, "half at one sigma");
    }

    #[test]
    fn the_low_pass_rings() {
        let kernel = low_pass(10, PI / 3.0);
        assert!((kernel.iter().sum::<f32>() - 1.0).abs() < 1e-5 && kernel.iter().any(|w| *w < -0.005));
        // First zero of J1 (3.8317) lies 3.66 pixels off the middle.
        assert!(kernel[220 + 3] > 0.0 && kernel[220 + 4] < 0.0);
    }
}
