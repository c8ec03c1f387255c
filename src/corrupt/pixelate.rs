//! Coarse blocks (ImageNet-C 14).

use super::resample::{Method, resize};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Share of the width and height that is kept, at least one pixel.
        scale: f64 [Kind::Float { min: 0.001, max: 1.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "pixelate",
        version: 1,
        doc: "Shrinks the picture by area and enlarges it again, which leaves blocks of one tone.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- pixelate: {scale: [0.2, 0.6]}",
    },
    severities: &[&[0.6], &[0.5], &[0.4], &[0.3], &[0.25]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (width, height) = (frame.width, frame.height);
    let small = |side: usize| ((side as f64 * drawn.scale) as usize).max(1);
    resize(frame, small(width), small(height), Method::Box);
    resize(frame, width, height, Method::Box);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, scene};

    #[test]
    fn blocks_hold_the_mean_of_their_pixels() {
        let clean = scene(40, 24);
        let coarse = run("- pixelate: {scale: 0.25}", &clean, 1);
        for (clean, coarse) in clean.planes.iter().zip(&coarse.planes) {
            let pixels = |plane: &[f32]| -> Vec<f32> {
                (0..16).map(|i| plane[(8 + i / 4) * 40 + 12 + i % 4]).collect()
            };
            let mean = pixels(clean).iter().sum::<f32>() / 16.0;
            assert!(pixels(coarse).iter().all(|v| (v - mean).abs() < 1e-5));
        }
        assert_eq!(run("- pixelate: {scale: 1}", &clean, 1), clean);
    }
}
