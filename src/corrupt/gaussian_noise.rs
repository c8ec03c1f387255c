//! Additive white Gaussian noise (ImageNet-C 1).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Standard deviation on the 0 to 255 scale.
        sigma: f64 [Kind::Float { min: 0.0, max: 255.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "gaussian_noise",
        version: 1,
        doc: "Adds independent normal noise to every sample, as an amplifier does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- gaussian_noise: {sigma: [5, 50]}",
    },
    severities: &[&[0.08 * 255.0], &[0.12 * 255.0], &[0.18 * 255.0], &[0.26 * 255.0], &[0.38 * 255.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let sigma = (drawn.sigma / 255.0) as f32;
    for plane in &mut frame.planes {
        context.rng.normals(plane, |value, normal| *value += sigma * normal);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn the_noise_has_its_sigma() {
        let clean = gray(200, 200, 0.5);
        let noisy = run("- gaussian_noise: {sigma: 20}", &clean, 1);
        let n = 40_000.0;
        let mean = noisy.planes[0].iter().sum::<f32>() / n;
        let sigma = (noisy.planes[0].iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt() * 255.0;
        assert!((mean - 0.5).abs() < 0.002 && (sigma - 20.0).abs() < 0.4, "{mean} {sigma}");
    }
}
