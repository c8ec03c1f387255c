//! A recipe: parsed corruptions resolved, and their application to a picture.

use super::compose::{RECIPE, descriptors, ops};
use super::corruption::Context;
use super::error::RecipeError;
use super::frame::Frame;
use super::op::{Applied, Op, run_all};
use crate::image::Image;
use crate::random::Rng;
use crate::spec::{self, Diagnostics, Field, Kind, Place, StepSpec, Value};

/// Corruptions to apply in order.
#[derive(Clone, Debug)]
pub struct Recipe(Vec<Op>);

impl Recipe {
    /// Resolves parsed corruptions.
    ///
    /// # Errors
    /// Every mistake that single parameters don't show.
    pub fn build(steps: &[StepSpec]) -> Result<Recipe, Diagnostics> {
        ops(steps).map(Recipe)
    }

    /// Reads a YAML list of corruptions.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(text: &str) -> Result<Recipe, Diagnostics> {
        let steps = spec::parse_steps(text, "recipe", &descriptors())?;
        Recipe::build(&steps)
    }

    /// Corrupts a picture; gives the result and what was applied, in order. All draws follow from `seed`. The colour is
    /// corrupted, alpha kept; a recipe with `downscale` makes the picture no smaller.
    ///
    /// # Errors
    /// When a corruption can't work on this picture.
    pub fn corrupt(&self, image: &Image, seed: u64) -> Result<(Image, Vec<Applied>), RecipeError> {
        let size = (image.width, image.height);
        let mut frame = Frame::from_image(image);
        let mut context = Context { rng: Rng::new(seed), clean: size, target: size };
        let applied = self.apply(&mut frame, &mut context)?;
        frame.fit(size);
        let mut corrupted = frame.to_image(image.depth());
        corrupted.alpha.clone_from(&image.alpha);
        Ok((corrupted, applied))
    }

    /// How many times the pixels of the picture its larger forms on the way may have.
    pub fn growth(&self) -> u64 {
        // `rescale` refuses more.
        if self.uses("rescale") { 4 } else { 1 }
    }

    /// Whether a corruption of this name stands anywhere in it.
    pub fn uses(&self, name: &str) -> bool {
        fn any(ops: &[Op], name: &str) -> bool {
            ops.iter().any(|op| match op {
                Op::Leaf { corruption, .. } => corruption.descriptor.name == name,
                Op::Sequence(ops) | Op::OneOf { ops, .. } | Op::Maybe { ops, .. } | Op::Shuffle(ops) => {
                    any(ops, name)
                }
            })
        }
        any(&self.0, name)
    }

    /// Applies all to the picture; gives what was applied, in order. Values stay within \[0, 1\].
    ///
    /// # Errors
    /// When one can't work on this picture.
    pub fn apply(&self, frame: &mut Frame, context: &mut Context) -> Result<Vec<Applied>, RecipeError> {
        let log = self.apply_open(frame, context)?;
        if !log.is_empty() {
            frame.clamp();
        }
        Ok(log)
    }

    /// The same, but what the last corruption made is left as it is: noise may leave \[0, 1\].
    ///
    /// # Errors
    /// As [`Recipe::apply`].
    pub fn apply_open(&self, frame: &mut Frame, context: &mut Context) -> Result<Vec<Applied>, RecipeError> {
        let mut log = Vec::new();
        run_all(&self.0, frame, context, &mut log)?;
        Ok(log)
    }
}

impl Field for Recipe {
    const HOLDS: Kind = RECIPE;

    fn of(value: Option<&Value>, place: &Place) -> Result<Recipe, Diagnostics> {
        match value {
            Some(Value::Steps(steps)) if steps.is_empty() => {
                let help = "name one, such as `gaussian_noise: {sigma: [0, 25]}`".to_string();
                Err(place.error("no corruption is named", Some(help)).into())
            }
            Some(Value::Steps(steps)) => Recipe::build(steps),
            _ => Err(place.defect()),
        }
    }
}
