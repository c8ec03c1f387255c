//! `grayscale`: colour to luma.

use crate::error::ItemError;
use crate::image::gray::to_gray;
use crate::pipeline::{Action, Build, Built, Effect, ImageStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Parameters, Role, params};

params! {
    /// Parameters of `grayscale`.
    pub(super) struct Params {}
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "grayscale",
    version: 1,
    doc: "Turns colour into one channel of luma (BT.601); alpha is kept.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: None,
    example: "- grayscale",
};

#[derive(Debug)]
struct Grayscale;

/// Compiles the step.
pub(super) fn build(_: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    Ok(Built::from(Action::Image(Box::new(Grayscale))))
}

impl ImageStep for Grayscale {
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
        let colour = sample.image.channels > 1;
        if colour {
            sample.image = to_gray(&sample.image);
            sample.reference = sample.reference.as_ref().map(to_gray);
        }
        Ok(Effect::new(colour))
    }

    fn shape(&self, shape: Shape) -> Shape {
        Shape { channels: if shape.channels.is_multiple_of(2) { 2 } else { 1 }, ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        // The luma exists once as float.
        shape.bytes() + self.shape(shape).bytes() + 4 * shape.width * shape.height
    }
}
