//! Additive Gaussian noise without colour.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Standard deviation on the 0 to 255 scale.
        sigma: f64 [Kind::Float { min: 0.0, max: 255.0 }] = "[1, 30]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "gray_noise",
        version: 1,
        doc: "Adds normal noise, independent for each pixel and the same in its channels.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("sigma"),
        example: "- gray_noise: {sigma: [5, 25]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let sigma = (drawn.sigma / 255.0) as f32;
    let mut noise = vec![0.0f32; frame.width * frame.height];
    context.rng.normals(&mut noise, |value, normal| *value = sigma * normal);
    for plane in &mut frame.planes {
        plane.iter_mut().zip(&noise).for_each(|(value, noise)| *value += noise);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use super::Frame;

    #[test]
    fn the_noise_has_its_sigma_and_no_colour() {
        let clean = Frame {
            planes: vec![vec![0.4; 40_000], vec![0.5; 40_000], vec![0.6; 40_000]],
            ..gray(200, 200, 0.0)
        };
        let noisy = run("- gray_noise: {sigma: 10}", &clean, 1);
        let [r, g, b] = noisy.planes.as_slice() else { panic!() };
        assert!(
            r.iter()
                .zip(g)
                .zip(b)
                .all(|((r, g), b)| (g - r - 0.1).abs() < 1e-6 && (b - g - 0.1).abs() < 1e-6)
        );
        let sigma = (g.iter().map(|v| (v - 0.5).powi(2)).sum::<f32>() / 40_000.0).sqrt() * 255.0;
        assert!((sigma - 10.0).abs() < 0.2, "{sigma}");
    }
}
