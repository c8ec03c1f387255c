//! A change of the picture's size.

use super::resample::{Method, resize};
use super::{Context, CorruptError, Corruption, Frame, drawn};
use crate::spec::{Descriptor, Kind, Role, words};

/// Longest side of a result, unless the picture is longer already.
const LONGEST: usize = 16_384;
/// Pixels of a result, in those of the picture or of the clean picture, whichever has more.
const GROWTH: usize = 4;

words! {
    /// A size that the factor multiplies.
    enum Base {
        /// The present one.
        Present = "present",
        /// The one before all corruptions.
        Clean = "clean",
        /// The one the recipe is to end with.
        Target = "target",
    }
}

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Factor of width and height.
        factor: f64 [Kind::Float { min: 0.02, max: 8.0 }] = "[0.5, 1.5]",
        /// Size that the factor multiplies: the present one, the one before all corruptions or the one the
        /// recipe is to end with; one drawn.
        of: Base = "[present]",
        /// How pixels are computed, one drawn; `aliased` ones don't widen when shrinking, as in OpenCV and
        /// PyTorch.
        method: Method = "[area, bilinear, bicubic]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "rescale",
        version: 1,
        doc: "Changes the size of the picture, as repeated processing does. A result longer than 16384 pixels or \
              with over four times the pixels is an error.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: Some("factor"),
        example: "- rescale: {factor: [0.3, 1.2], method: [area, lanczos]}",
    },
    severities: &[],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let present = (frame.width, frame.height);
    let base = match drawn.of {
        Base::Present => present,
        Base::Clean => context.clean,
        Base::Target => context.target,
    };
    let factor = drawn.factor;
    let side = |side: usize| ((side as f64 * factor).round() as usize).max(1);
    let (width, height) = (side(base.0), side(base.1));
    let pixels = (present.0 * present.1).max(context.clean.0 * context.clean.1);
    let longest = LONGEST.max(present.0).max(present.1);
    if width.max(height) > longest || width * height > GROWTH * pixels {
        return Err(CorruptError::Size(format!(
            "a factor of {factor:.3} makes {width}x{height} of {}x{}: more than {LONGEST} pixels a side or {GROWTH} \
             times the pixels; give a smaller `factor`",
            present.0, present.1
        )));
    }
    resize(frame, width, height, drawn.method);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::resample::Method;
    use super::super::tests::{run, scene};
    use super::super::{Context, Recipe};
    use crate::random::Rng;
    use crate::spec::Words;

    #[test]
    fn the_factor_holds_for_the_size_asked_for() {
        let size = |yaml: &str| {
            let mut frame = scene(50, 30);
            let mut context = Context { rng: Rng::new(1), clean: (40, 20), target: (10, 5) };
            let applied = Recipe::parse(yaml).unwrap().apply(&mut frame, &mut context);
            applied.map(|_| (frame.width, frame.height)).map_err(|e| e.to_string())
        };
        assert_eq!(size("- rescale: 0.5"), Ok((25, 15)));
        assert_eq!(size("- rescale: {factor: 1.5, of: [clean]}"), Ok((60, 30)));
        assert_eq!(size("- rescale: {factor: 0.3, of: [target]}"), Ok((3, 2)));
        assert_eq!(size("- rescale: {factor: 0.02, of: [target]}"), Ok((1, 1)));
        assert!(size("- rescale: 2.5").unwrap_err().contains("125x75"));
    }

    #[test]
    fn methods_differ() {
        let clean = scene(40, 30);
        let yaml = |word: &&str| format!("- rescale: {{factor: 0.61, method: [{word}]}}");
        let all: Vec<_> = Method::WORDS.iter().map(|word| run(&yaml(word), &clean, 1)).collect();
        assert!((1..all.len()).all(|i| all[..i].iter().all(|other| *other != all[i])));
    }
}
