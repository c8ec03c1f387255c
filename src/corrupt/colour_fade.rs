//! Faded dyes of an old print.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// How far the dyes have gone, 0 to 1.
        strength: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.2, 0.8]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "colour_fade",
        version: 1,
        doc: "Fades the picture as an old print: less contrast and colour, lifted blacks, yellowed whites and a \
              warm cast.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("strength"),
        example: "- colour_fade: {strength: [0.3, 0.6]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

/// What black and white of red, green and blue become at full strength.
const BLACK: [f32; 3] = [0.36, 0.24, 0.17];
const WHITE: [f32; 3] = [0.97, 0.89, 0.70];
/// The same for a gray picture.
const GRAY: (f32, f32) = (0.26, 0.88);
/// Share of the colour that goes at full strength.
const BLEACH: f32 = 0.55;

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let strength = drawn.strength as f32;
    if let [plane] = frame.planes.as_mut_slice() {
        fade(plane, strength, GRAY);
        return Ok(());
    }
    let luma = frame.luma();
    let bleach = strength * BLEACH;
    for (plane, ends) in frame.planes.iter_mut().zip(BLACK.into_iter().zip(WHITE)) {
        plane.iter_mut().zip(&luma).for_each(|(v, luma)| *v += (luma - *v) * bleach);
        fade(plane, strength, ends);
    }
    Ok(())
}

/// Moves black and white towards `ends`.
fn fade(plane: &mut [f32], strength: f32, (black, white): (f32, f32)) {
    let low = black * strength;
    let high = 1.0 + (white - 1.0) * strength;
    plane.iter_mut().for_each(|v| *v = low + (high - low) * *v);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run, scene};
    use super::Frame;

    #[test]
    fn blacks_lift_whites_yellow_and_nothing_at_zero() {
        let clean = scene(40, 30);
        let kept = run("- colour_fade: {strength: 0}", &clean, 1);
        assert_eq!(kept, clean);
        let at = |value: f32| -> Vec<f32> {
            let flat = Frame { planes: vec![vec![value]; 3], ..gray(1, 1, 0.0) };
            run("- colour_fade: {strength: 1}", &flat, 1).planes.concat()
        };
        let (black, white) = (at(0.0), at(1.0));
        assert!(black[0] > black[1] && black[1] > black[2] && black[2] > 0.1);
        assert!(white[0] > white[1] && white[1] > white[2] && white[2] < 0.8);
    }
}
