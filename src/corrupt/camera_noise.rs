//! Photon and read noise of a camera, added to light rather than to stored values.

use super::light::SRGB;
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Variance of the photon noise at white, where white is 1: one over the electrons that white holds.
        gain: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.0002, 0.008]",
        /// Standard deviation of the read noise in linear light, on the 0 to 255 scale.
        read: f64 [Kind::Float { min: 0.0, max: 255.0 }] = "[0.2, 2.5]",
        /// Share of the variance drawn for each channel on its own, 0 to 1; the rest is common to all.
        chroma: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.3, 1]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "camera_noise",
        version: 1,
        doc: "Adds normal noise whose variance grows with the light (Poisson-Gaussian), in linear light: decodes \
              sRGB, adds, encodes. The defaults span about ISO 400 to 6400 of cameras and telephones.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- camera_noise: {gain: [0.001, 0.004], read: 1}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (decode, encode) = &*SRGB;
    let gain = drawn.gain as f32;
    let read = (drawn.read / 255.0) as f32;
    let chroma = if frame.planes.len() > 1 { drawn.chroma as f32 } else { 0.0 };
    let (own, shared) = (chroma.sqrt(), (1.0 - chroma).sqrt());
    let mut common = vec![0.0f32; frame.width * frame.height];
    if shared > 0.0 {
        context.rng.normals(&mut common, |value, normal| *value = shared * normal);
    }
    let noisy = |value: f32, normal: f32| {
        let light = decode.at(value);
        encode.at(light + (gain * light + read * read).sqrt() * normal)
    };
    for plane in &mut frame.planes {
        let mut noise = common.clone();
        if own > 0.0 {
            context.rng.normals(&mut noise, |value, normal| *value += own * normal);
        }
        plane.iter_mut().zip(&noise).for_each(|(value, noise)| *value = noisy(*value, *noise));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray, run, scene};
    use super::*;

    fn sigma(plane: &[f32]) -> f32 {
        let mean = plane.iter().sum::<f32>() / plane.len() as f32;
        (plane.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / plane.len() as f32).sqrt()
    }

    #[test]
    fn the_noise_has_its_variance_in_linear_light() {
        for value in [0.3, 0.7] {
            let mut noisy = run("- camera_noise: {gain: 0.001, read: 2}", &gray(200, 200, value), 1);
            noisy.map(|v| SRGB.0.at(v));
            let wanted = (0.001 * SRGB.0.at(value) + (2.0f32 / 255.0).powi(2)).sqrt();
            assert!((sigma(&noisy.planes[0]) / wanted - 1.0).abs() < 0.02, "{value}");
        }
    }

    #[test]
    fn without_noise_nothing_changes() {
        let clean = scene(50, 40);
        assert!(difference(&run("- camera_noise: {gain: 0, read: 0}", &clean, 1), &clean) < 1e-4);
    }

    #[test]
    fn chroma_is_the_share_between_channels() {
        let clean = Frame { planes: vec![vec![0.5; 40_000]; 3], ..gray(200, 200, 0.0) };
        for (chroma, wanted) in [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)] {
            let noisy =
                run(&format!("- camera_noise: {{gain: 0.001, read: 0, chroma: {chroma}}}"), &clean, 1);
            let apart: Vec<f32> = noisy.planes[0].iter().zip(&noisy.planes[1]).map(|(a, b)| a - b).collect();
            let share = sigma(&apart).powi(2) / (2.0 * sigma(&noisy.planes[0]).powi(2));
            assert!((share - wanted).abs() < 0.03, "{chroma} {share}");
        }
    }
}
