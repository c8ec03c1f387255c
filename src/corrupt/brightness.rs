//! More light (ImageNet-C 11).

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// What is added, on the 0 to 255 scale; negative darkens.
        amount: f64 [Kind::Float { min: -255.0, max: 255.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "brightness",
        version: 1,
        doc: "Adds to the value (HSV) of every pixel, keeping hue and saturation.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- brightness: {amount: [-30, 50]}",
    },
    severities: &[&[0.1 * 255.0], &[0.2 * 255.0], &[0.3 * 255.0], &[0.4 * 255.0], &[0.5 * 255.0]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let amount = (drawn.amount / 255.0) as f32;
    let [red, green, blue] = frame.planes.as_mut_slice() else {
        frame.map(|v| v + amount);
        return Ok(());
    };
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        // HSV is in proportion to its value: no need to go there.
        let value = r.max(*g).max(*b);
        let wanted = (value + amount).clamp(0.0, 1.0);
        let black = value <= 0.0;
        let scale = wanted / if black { 1.0 } else { value };
        let to = |v: f32| if black { wanted } else { v * scale };
        (*r, *g, *b) = (to(*r), to(*g), to(*b));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Frame;
    use super::super::tests::{gray, run};

    #[test]
    fn the_largest_channel_grows_and_the_ratios_stay() {
        let planes = [[0.2, 0.0, 0.8], [0.4, 0.0, 0.4], [0.1, 0.0, 0.2]].map(|p| p.to_vec()).to_vec();
        let bright = run("- brightness: {amount: 102}", &Frame { width: 3, height: 1, planes }, 1);
        let expected = [[0.4, 0.4, 1.0], [0.8, 0.4, 0.5], [0.2, 0.4, 0.25]];
        for (plane, expected) in bright.planes.iter().zip(expected) {
            assert!(plane.iter().zip(expected).all(|(v, e)| (v - e).abs() < 1e-6), "{:?}", bright.planes);
        }
        assert!((run("- brightness: {amount: -51}", &gray(2, 2, 0.5), 1).planes[0][0] - 0.3).abs() < 1e-6);
    }
}
