//! Grain of colour film.

use super::filter::{Border, gaussian_kernel, separable};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Size of a grain in pixels of the scan.
        size: f64 [Kind::Float { min: 0.1, max: 32.0 }] = "[0.8, 3]",
        /// Standard deviation in middle gray on the 0 to 255 scale.
        strength: f64 [Kind::Float { min: 0.0, max: 255.0 }] = "[3, 16]",
        /// Share of the variance that each channel has for itself, 0 to 1; the rest is common to all.
        chroma: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.4, 1]",
        /// How many times coarser and stronger the grain of blue is, whose layer is the fastest.
        blue: f64 [Kind::Float { min: 0.5, max: 4.0 }] = "[1, 1.6]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "colour_grain",
        version: 1,
        doc: "Adds the grain of colour film at the resolution of a scan: clumped noise of each layer, and of all \
              together, strongest in the middle tones of its own channel; `film_grain` is that of gray film.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- colour_grain: {size: [1, 2], strength: [4, 12]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (width, pixels) = (frame.width, frame.width * frame.height);
    let chroma = if frame.planes.len() > 1 { drawn.chroma } else { 1.0 };
    let shared = (chroma < 1.0).then(|| grain(pixels, width, drawn.size, &mut context.rng));
    let (own, common) = (chroma.sqrt() as f32, (1.0 - chroma).sqrt() as f32);
    for (channel, plane) in frame.planes.iter_mut().enumerate() {
        let coarser = if channel == 2 { drawn.blue } else { 1.0 };
        let strength = (drawn.strength * coarser / 255.0) as f32;
        let mut noise = if chroma > 0.0 {
            grain(pixels, width, drawn.size * coarser, &mut context.rng)
        } else {
            vec![0.0; pixels]
        };
        if let Some(shared) = &shared {
            noise.iter_mut().zip(shared).for_each(|(noise, shared)| *noise = own * *noise + common * shared);
        }
        // Neither clear film nor full density has any; 1 in the middle.
        let visible = |value: f32| 2.0 * (value * (1.0 - value)).max(0.0).sqrt();
        plane.iter_mut().zip(&noise).for_each(|(value, noise)| *value += strength * visible(*value) * noise);
    }
    Ok(())
}

/// Spots of this size, of variance 1.
fn grain(pixels: usize, width: usize, size: f64, rng: &mut Rng) -> Vec<f32> {
    // A Gaussian spot of this sigma is `size` wide at half its height.
    let sigma = size / 2.355;
    let kernel = gaussian_kernel(sigma, (4.0 * sigma + 0.5) as usize);
    // Smoothing takes the square of this from the variance.
    let kept: f32 = kernel.iter().map(|w| w * w).sum();
    let mut grain = vec![0.0f32; pixels];
    rng.normals(&mut grain, |value, normal| *value = normal / kept);
    separable(&mut grain, width, &kernel, Border::Reflect);
    grain
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use crate::corrupt::Frame;

    fn grain(settings: &str, value: f32) -> Vec<Vec<f32>> {
        let clean = Frame { planes: vec![vec![value; 256 * 256]; 3], ..gray(256, 256, 0.0) };
        let noisy = run(&format!("- colour_grain: {{{settings}}}"), &clean, 4);
        noisy.planes.iter().map(|plane| plane.iter().map(|v| (v - value) * 255.0).collect()).collect()
    }

    fn product(a: &[f32], b: &[f32], step: usize) -> f32 {
        a.iter().zip(&b[step..]).map(|(a, b)| a * b).sum::<f32>() / (a.len() - step) as f32
    }

    #[test]
    fn grain_has_its_strength_and_size_in_each_layer() {
        let found = grain("size: 2, strength: 8, chroma: 1, blue: 1.5", 0.5);
        for (plane, wanted) in found.iter().zip([8.0f32, 8.0, 12.0]) {
            let sigma = product(plane, plane, 0).sqrt();
            assert!((sigma / wanted - 1.0).abs() < 0.05, "{sigma} {wanted}");
        }
        let near = |plane: &[f32]| product(plane, plane, 2) / product(plane, plane, 0);
        assert!(near(&found[2]) > near(&found[0]) + 0.1, "{} {}", near(&found[0]), near(&found[2]));
        let dark = grain("size: 2, strength: 8, chroma: 1, blue: 1", 0.1);
        assert!((product(&dark[0], &dark[0], 0).sqrt() / 4.8 - 1.0).abs() < 0.06);
    }

    #[test]
    fn chroma_is_the_share_between_channels() {
        for (chroma, wanted) in [(0.0, 1.0), (0.4, 0.6), (1.0, 0.0)] {
            let found = grain(&format!("size: 1, strength: 8, chroma: {chroma}, blue: 1"), 0.5);
            let alike = product(&found[0], &found[1], 0) / product(&found[0], &found[0], 0);
            assert!((alike - wanted).abs() < 0.05, "{chroma} {alike}");
        }
    }
}
