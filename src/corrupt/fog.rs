//! Fog of uneven density (ImageNet-C 10).

use super::{Context, CorruptError, Corruption, Frame, drawn, plasma};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Brightness of the densest fog, as a multiple of white.
        density: f64 [Kind::Float { min: 0.0, max: 100.0 }],
        /// How fast smaller clouds get fainter: their strength falls by its square per halving of size.
        decay: f64 [Kind::Float { min: 1.0, max: 10.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "fog",
        version: 1,
        doc: "Adds clouds of a plasma fractal and lowers the contrast accordingly.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- fog: {density: [0.5, 2], decay: 2}",
    },
    severities: &[&[1.5, 2.0], &[2.0, 2.0], &[2.5, 1.7], &[2.5, 1.5], &[3.0, 1.4]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let side = plasma::side(frame.width, frame.height);
    let map = plasma::plasma(side, drawn.decay, &mut context.rng);
    let density = drawn.density as f32;
    let brightest = frame.planes.iter().flatten().fold(0.0f32, |max, v| max.max(*v));
    let scale = brightest / (brightest + density).max(f32::MIN_POSITIVE);
    for plane in &mut frame.planes {
        for (y, row) in plane.chunks_exact_mut(frame.width).enumerate() {
            let from = (y % side) * side;
            for part in row.chunks_mut(side) {
                part.iter_mut().zip(&map[from..]).for_each(|(v, fog)| *v = (*v + density * fog) * scale);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run, scene};

    #[test]
    fn white_stays_the_limit_and_contrast_falls() {
        let fogged = run("- fog: {density: 3, decay: 2}", &scene(60, 40), 1);
        assert!(fogged.planes.iter().flatten().all(|v| *v <= 1.0));
        // The density only scales the same cloud: (0.5 + density * cloud) * 0.5 / (0.5 + density).
        let [thin, thick] =
            [1.0, 2.0].map(|d| run(&format!("- fog: {{density: {d}, decay: 2}}"), &gray(64, 64, 0.5), 5));
        for (a, b) in thin.planes[0].iter().zip(&thick.planes[0]) {
            let cloud = a * 1.5 / 0.5 - 0.5;
            assert!((b - (0.5 + 2.0 * cloud) * 0.5 / 2.5).abs() < 1e-5);
        }
    }

    #[test]
    fn no_fog_changes_nothing() {
        let clean = gray(9, 5, 0.3);
        assert_eq!(run("- fog: {density: 0, decay: 2}", &clean, 1), clean);
    }
}
