//! What training makes small.

/// A loss, as a mean over all numbers of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Mean square.
    Mse,
    /// Mean absolute difference.
    L1,
    /// `sqrt(d^2 + 1e-6)`: L1 with a round bottom (Charbonnier et al. 1994).
    Charbonnier,
}

/// Square of the width of Charbonnier's bottom, for numbers in \[0, 1\].
const ROUND: f32 = 1e-6;

impl Loss {
    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Mse => "MSE",
            Loss::L1 => "L1",
            Loss::Charbonnier => "Charbonnier",
        }
    }

    /// The sum of the losses; sets `gradient` to their derivatives times `scale`.
    pub(super) fn of(self, output: &[f32], target: &[f32], scale: f32, gradient: &mut [f32]) -> f64 {
        let mut sum = 0.0;
        for ((o, t), g) in output.iter().zip(target).zip(gradient) {
            let d = o - t;
            let (loss, slope) = match self {
                Loss::Mse => (d * d, 2.0 * d),
                Loss::L1 => (d.abs(), if d == 0.0 { 0.0 } else { d.signum() }),
                Loss::Charbonnier => {
                    let root = (d * d + ROUND).sqrt();
                    (root, d / root)
                }
            };
            sum += f64::from(loss);
            *g = slope * scale;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_losses() {
        for loss in [Loss::Mse, Loss::L1, Loss::Charbonnier] {
            for output in [-0.7f32, -0.01, 0.2, 1.5] {
                let (mut g, mut unused, h) = ([0.0], [0.0], 1e-3);
                loss.of(&[output], &[0.05], 3.0, &mut g);
                let up = loss.of(&[output + h], &[0.05], 1.0, &mut unused);
                let down = loss.of(&[output - h], &[0.05], 1.0, &mut unused);
                let slope = 3.0 * (up - down) / f64::from(2.0 * h);
                assert!((f64::from(g[0]) - slope).abs() < 2e-2, "{loss:?} at {output}: {} {slope}", g[0]);
            }
        }
    }
}
