//! Lower contrast (ImageNet-C 12).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// The factor; below 1 lowers the contrast and above 1 raises it.
        factor: f64 [Kind::Float { min: 0.0, max: 100.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "contrast",
        version: 1,
        doc: "Scales the distance of every sample from the mean of its channel.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- contrast: {factor: [0.5, 1.5]}",
    },
    severities: &[&[0.4], &[0.3], &[0.2], &[0.1], &[0.05]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let factor = drawn.factor as f32;
    for plane in &mut frame.planes {
        let mean = mean(plane);
        plane.iter_mut().for_each(|v| *v = (*v - mean) * factor + mean);
    }
    Ok(())
}

/// In blocks: exact enough in single precision inside, in double across.
fn mean(plane: &[f32]) -> f32 {
    let block = |values: &[f32]| {
        let mut lanes = [0.0f32; 8];
        let mut eights = values.chunks_exact(8);
        (&mut eights).for_each(|eight| lanes.iter_mut().zip(eight).for_each(|(lane, v)| *lane += v));
        f64::from(lanes.iter().chain(eights.remainder()).sum::<f32>())
    };
    (plane.chunks(1024).map(block).sum::<f64>() / plane.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, scene};

    #[test]
    fn spread_shrinks_around_the_mean_of_each_channel() {
        let clean = scene(81, 50);
        let flat = run("- contrast: {factor: 0.25}", &clean, 1);
        for (before, after) in clean.planes.iter().zip(&flat.planes) {
            let mean = before.iter().map(|v| f64::from(*v)).sum::<f64>() / before.len() as f64;
            let expected = before.iter().map(|v| ((f64::from(*v) - mean) * 0.25 + mean) as f32);
            assert!(after.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-6));
        }
    }
}
