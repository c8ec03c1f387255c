//! Other saturation (ImageNet-C 19).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// What the saturation is multiplied by.
        factor: f64 [Kind::Float { min: 0.0, max: 1000.0 }],
        /// What is added after that, as a share of full saturation; gray pixels turn red.
        offset: f64 [Kind::Float { min: -1.0, max: 1.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "saturate",
        version: 1,
        doc: "Scales the saturation (HSV) of every pixel and adds to it; gray pictures stay as they are.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- saturate: {factor: [0.5, 2], offset: 0}",
    },
    severities: &[&[0.3, 0.0], &[0.1, 0.0], &[2.0, 0.0], &[5.0, 0.1], &[20.0, 0.2]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (factor, offset) = (drawn.factor as f32, drawn.offset as f32);
    let [red, green, blue] = frame.planes.as_mut_slice() else { return Ok(()) };
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        // A channel lies below the value by a share of the saturation that only the hue decides.
        let value = r.max(*g).max(*b);
        let chroma = value - r.min(*g).min(*b);
        let saturation = chroma / if value > 0.0 { value } else { 1.0 };
        let wanted = (saturation * factor + offset).clamp(0.0, 1.0) * value;
        let neutral = chroma <= 0.0;
        let scale = wanted / if neutral { 1.0 } else { chroma };
        // The hue of gray is that of red.
        let below = |v: f32, gray: f32| value - if neutral { gray } else { value - v } * scale;
        (*r, *g, *b) = (below(*r, 0.0), below(*g, 1.0), below(*b, 1.0));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::super::tests::{run, scene};

    #[test]
    fn saturation_is_scaled_and_shifted() {
        let frame =
            || Frame { width: 2, height: 1, planes: vec![vec![0.8, 0.5], vec![0.4, 0.5], vec![0.6, 0.5]] };
        let check = |yaml: &str, expected: [f32; 6]| {
            let result = run(yaml, &frame(), 1).planes.concat();
            assert!(result.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-6), "{yaml} {result:?}");
        };
        check("- saturate: {factor: 0, offset: 0}", [0.8, 0.5, 0.8, 0.5, 0.8, 0.5]);
        check("- saturate: {factor: 0.5, offset: 0}", [0.8, 0.5, 0.6, 0.5, 0.7, 0.5]);
        check("- saturate: {factor: 2, offset: 0.2}", [0.8, 0.5, 0.0, 0.4, 0.4, 0.4]);
    }

    #[test]
    fn gray_pictures_stay() {
        let mut clean = scene(9, 9);
        clean.planes.truncate(1);
        assert_eq!(run("- saturate: {severity: 5}", &clean, 1), clean);
    }
}
