//! The final size of a recipe.

use super::resample::{Method, resize};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// How pixels are computed, one drawn; `aliased` ones don't widen when shrinking, as in OpenCV and
        /// PyTorch.
        method: Method = "[bicubic]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "downscale",
        version: 1,
        doc: "Brings the picture to the size the recipe is to end with: the clean size divided by its `scale`. \
              Does nothing where it has that size.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("method"),
        example: "- downscale: {method: [box, bilinear, bicubic, lanczos]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let (width, height) = context.target;
    resize(frame, width.max(1), height.max(1), drawn.method);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{run, scene};
    use super::super::{Context, Recipe};
    use crate::random::Rng;

    #[test]
    fn the_result_has_the_target_size() {
        let mut frame = scene(40, 28);
        assert_eq!(run("- downscale", &frame, 1), frame);
        let mut context = Context { rng: Rng::new(1), clean: (40, 28), target: (10, 7) };
        Recipe::parse("- downscale: [lanczos]").unwrap().apply(&mut frame, &mut context).unwrap();
        assert_eq!((frame.width, frame.height), (10, 7));
    }
}
