//! Photon noise of adjustable strength, as in Real-ESRGAN.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

/// Photons that white holds at scale 1: the tones of an 8-bit picture.
const PHOTONS: f64 = 256.0;

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Factor of the noise.
        scale: f64 [Kind::Float { min: 0.0, max: 50.0 }] = "[0.05, 3]",
        /// Probability that all channels share the noise of the gray picture.
        gray: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0.4",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "poisson_noise",
        version: 1,
        doc: "Adds the difference to a Poisson number of mean 256 at white, times a scale, as Real-ESRGAN does.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("scale"),
        example: "- poisson_noise: {scale: [0.05, 2.5], gray: 0.4}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let scale = drawn.scale;
    if context.rng.chance(drawn.gray) && frame.planes.len() > 1 {
        let mut gray = frame.luma();
        gray.iter_mut().for_each(|value| *value = noise(*value, scale, &mut context.rng));
        for plane in &mut frame.planes {
            plane.iter_mut().zip(&gray).for_each(|(value, noise)| *value += noise);
        }
    } else {
        let values = frame.planes.iter_mut().flatten();
        values.for_each(|value| *value += noise(*value, scale, &mut context.rng));
    }
    Ok(())
}

/// What a count of photons adds to `value`.
fn noise(value: f32, scale: f64, rng: &mut Rng) -> f32 {
    let mean = f64::from(value) * PHOTONS;
    ((f64::from(rng.poisson(mean)) - mean) * (scale / PHOTONS)) as f32
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run, scene};

    #[test]
    fn the_variance_follows_tone_and_scale() {
        for (value, scale) in [(0.2f32, 1.0f32), (0.6, 1.0), (0.5, 3.0)] {
            let noisy = run(&format!("- poisson_noise: {{scale: {scale}}}"), &gray(200, 200, value), 2);
            let variance = noisy.planes[0].iter().map(|v| (v - value).powi(2)).sum::<f32>() / 40_000.0;
            assert!(
                (variance / (value / 256.0 * scale * scale) - 1.0).abs() < 0.04,
                "{value} {scale} {variance}"
            );
        }
    }

    #[test]
    fn gray_noise_is_one_for_all_channels() {
        let mut clean = scene(60, 40);
        clean.map(|v| 0.3 + 0.4 * v);
        let noise = |gray: u8| {
            let noisy = run(&format!("- poisson_noise: {{scale: 1, gray: {gray}}}"), &clean, 3);
            let of = |c: usize| {
                noisy.planes[c].iter().zip(&clean.planes[c]).map(|(a, b)| a - b).collect::<Vec<f32>>()
            };
            of(0).iter().zip(of(2)).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()))
        };
        assert!(noise(1) < 1e-6 && noise(0) > 0.02);
    }
}
