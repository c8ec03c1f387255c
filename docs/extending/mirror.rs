//! `mirror`: left and right change places.

use crate::error::ItemError;
use crate::image::orient::upright;
use crate::pipeline::{Action, Build, Built, Effect, ImageStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Parameters, Role, params};

params! {
    /// Parameters of `mirror`.
    pub(super) struct Params {
        /// Whether top and bottom change places instead.
        vertical: bool = "false",
    }
}

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "mirror",
    version: 1,
    doc: "Turns the picture, as a person sees it, into its mirror image.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("vertical"),
    example: "- mirror",
};

#[derive(Debug)]
struct Mirror {
    /// The EXIF orientation that is undone by mirroring.
    orientation: u8,
}

/// Compiles the step.
pub fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let orientation = if params.vertical { 4 } else { 2 };
    Ok(Built::from(Action::Image(Box::new(Mirror { orientation }))))
}

impl ImageStep for Mirror {
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
        sample.make_upright();
        sample.image = upright(sample.image.clone(), self.orientation);
        sample.reference = sample.reference.take().map(|clean| upright(clean, self.orientation));
        // What the file says of places in the picture is no longer true.
        sample.meta.moved();
        Ok(Effect::new(true))
    }

    fn shape(&self, shape: Shape) -> Shape {
        shape
    }
}
