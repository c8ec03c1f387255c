//! Grain of photographic film.

use super::filter::{Border, gaussian_kernel, separable};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Size of a grain in pixels.
        size: f64 [Kind::Float { min: 0.1, max: 32.0 }] = "[0.8, 2.5]",
        /// Standard deviation in middle gray on the 0 to 255 scale.
        strength: f64 [Kind::Float { min: 0.0, max: 255.0 }] = "[6, 24]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "film_grain",
        version: 1,
        doc: "Adds clumped noise to the brightness, strongest in middle tones, as the grain of film.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- film_grain: {size: [1, 2], strength: [8, 20]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    // A Gaussian spot of this sigma is `size` wide at half its height.
    let sigma = drawn.size / 2.355;
    let kernel = gaussian_kernel(sigma, (4.0 * sigma + 0.5) as usize);
    // Smoothing takes the square of this from the variance.
    let kept: f32 = kernel.iter().map(|w| w * w).sum();
    let strength = (drawn.strength / 255.0) as f32 / kept;
    let mut grain = vec![0.0f32; frame.width * frame.height];
    context.rng.normals(&mut grain, |value, normal| *value = strength * normal);
    separable(&mut grain, frame.width, &kernel, Border::Reflect);
    // Neither clear film nor full density has any; 1 in the middle.
    let luma = frame.luma();
    grain.iter_mut().zip(&luma).for_each(|(g, l)| *g *= 2.0 * (l * (1.0 - l)).max(0.0).sqrt());
    for plane in &mut frame.planes {
        plane.iter_mut().zip(&grain).for_each(|(value, grain)| *value += grain);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    fn moments(yaml: &str, value: f32) -> (f32, f32) {
        let grain: Vec<f32> =
            run(yaml, &gray(256, 256, value), 4).planes[0].iter().map(|v| v - value).collect();
        let mean = |f: &dyn Fn(usize) -> f32| (0..65_000).map(f).sum::<f32>() / 65_000.0;
        let variance = mean(&|i| grain[i] * grain[i]);
        (variance.sqrt() * 255.0, mean(&|i| grain[i] * grain[i + 1]) / variance)
    }

    #[test]
    fn grain_has_its_strength_where_it_shows_and_clumps() {
        let (sigma, neighbours) = moments("- film_grain: {size: 3, strength: 12}", 0.5);
        assert!((sigma - 12.0).abs() < 0.5 && neighbours > 0.7, "{sigma} {neighbours}");
        let (sigma, neighbours) = moments("- film_grain: {size: 0.2, strength: 12}", 0.1);
        assert!((sigma - 7.2).abs() < 0.3 && neighbours.abs() < 0.02, "{sigma} {neighbours}");
    }
}
