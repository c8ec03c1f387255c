//! Light that falls off towards the corners.

use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Share of the light that the corners lose.
        loss: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "[0.2, 0.8]",
    }
}

/// Its registration.
pub static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "vignette",
        version: 1,
        doc: "Darkens the picture towards its corners, as simple lenses do.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- vignette: {loss: [0.2, 0.8]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, _: &mut Context) -> Result<(), CorruptError> {
    let (width, height) = (frame.width as f32, frame.height as f32);
    let corner = width * width + height * height;
    let loss = drawn.loss as f32;
    for plane in &mut frame.planes {
        for (i, value) in plane.iter_mut().enumerate() {
            let (x, y) = ((i % frame.width) as f32, (i / frame.width) as f32);
            let (dx, dy) = (2.0 * x + 1.0 - width, 2.0 * y + 1.0 - height);
            *value *= 1.0 - loss * (dx * dx + dy * dy) / corner;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::*;
    use crate::random::Rng;

    #[test]
    fn corners_lose_and_the_centre_keeps() {
        let mut frame = Frame { width: 3, height: 3, planes: vec![vec![1.0; 9]] };
        let mut context = Context { rng: Rng::new(1), clean: (3, 3), target: (3, 3) };
        apply(&mut frame, &Drawn { loss: 0.9 }, &mut context).unwrap();
        assert_eq!(frame.planes[0][4], 1.0);
        assert!((frame.planes[0][0] - 0.6).abs() < 1e-6, "{}", frame.planes[0][0]);
    }
}
