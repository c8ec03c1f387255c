//! Multiplicative noise (ImageNet-C 16).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Standard deviation as a share of the sample's value.
        sigma: f64 [Kind::Float { min: 0.0, max: 10.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "speckle_noise",
        version: 1,
        doc: "Adds independent normal noise in proportion to every sample, as coherent light does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- speckle_noise: {sigma: [0.05, 0.4]}",
    },
    severities: &[&[0.15], &[0.2], &[0.35], &[0.45], &[0.6]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let sigma = drawn.sigma as f32;
    for plane in &mut frame.planes {
        context.rng.normals(plane, |value, normal| *value += *value * sigma * normal);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn the_noise_follows_the_value() {
        for value in [0.0, 0.2, 0.5] {
            let noisy = run("- speckle_noise: {sigma: 0.1}", &gray(200, 200, value), 1);
            let variance = noisy.planes[0].iter().map(|v| (v - value).powi(2)).sum::<f32>() / 40_000.0;
            assert!((variance.sqrt() - 0.1 * value).abs() <= 0.02 * 0.1 * value, "{value} {variance}");
        }
    }
}
