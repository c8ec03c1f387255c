//! What training makes small.

/// A loss: a mean over all numbers of the output, or over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Mean square.
    Mse,
    /// Mean absolute difference.
    L1,
    /// `sqrt(d^2 + 1e-6)`: L1 with a round bottom (Charbonnier et al. 1994).
    Charbonnier,
    /// `ln(1 + mse / 1e-5)` of each picture: what PSNR measures, levelling off at 50 dB (Chen et al. 2021, HINet).
    Psnr,
}

/// Square of the width of Charbonnier's bottom, for numbers in \[0, 1\].
const ROUND: f32 = 1e-6;
/// Mean square where the loss of PSNR levels off: 50 dB.
const FLOOR: f64 = 1e-5;

impl Loss {
    /// Its name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Mse => "MSE",
            Loss::L1 => "L1",
            Loss::Charbonnier => "Charbonnier",
            Loss::Psnr => "PSNR",
        }
    }

    /// The sum over numbers of one picture, of which [`Loss::whole`] makes the loss; sets `gradient` to the sum's derivatives
    /// times `scale`.
    pub(super) fn of(self, output: &[f32], target: &[f32], scale: f32, gradient: &mut [f32]) -> f64 {
        let mut sum = 0.0;
        for ((o, t), g) in output.iter().zip(target).zip(gradient) {
            let d = o - t;
            let (loss, slope) = match self {
                Loss::Mse | Loss::Psnr => (d * d, 2.0 * d),
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

    /// Of a picture's `count` numbers, from their sum by [`Loss::of`]: the loss, times `count`, and what the gradient left there
    /// is yet to be multiplied by.
    pub(super) fn whole(self, sum: f64, count: usize) -> (f64, f32) {
        match self {
            Loss::Mse | Loss::L1 | Loss::Charbonnier => (sum, 1.0),
            Loss::Psnr => {
                let (count, mean) = (count as f64, sum / count as f64);
                (count * (mean / FLOOR).ln_1p(), (1.0 / (mean + FLOOR)) as f32)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psnr_is_a_pictures_as_a_whole() {
        let (target, start) = ([0.1f32, 0.5, 0.9], [0.2f32, 0.45, 0.9]);
        let mut g = [0.0; 3];
        let of = |output: &[f32], g: &mut [f32]| Loss::Psnr.whole(Loss::Psnr.of(output, &target, 1.0, g), 3);
        let (loss, factor) = of(&start, &mut g);
        let mse = (0.01f64 + 0.0025) / 3.0;
        assert!((loss / 3.0 - (1.0 + mse / 1e-5).ln()).abs() < 1e-5, "{loss}");
        for i in 0..3 {
            let (mut up, mut down, mut unused) = (start, start, [0.0; 3]);
            up[i] += 1e-3;
            down[i] -= 1e-3;
            let slope = (of(&up, &mut unused).0 - of(&down, &mut unused).0) / 2e-3;
            assert!((f64::from(g[i] * factor) - slope).abs() < 0.02 * slope.abs() + 1e-2, "{i}: {slope}");
        }
        assert_eq!(of(&target, &mut g).0, 0.0);
    }

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
