//! `grayscale`: colour to luma.

use crate::columns::Row;
use crate::error::ItemError;
use crate::image::gray::to_gray;
use crate::pipeline::{Action, Build, Built, ImageStep, Sample, Shape};
use crate::spec::{Args, Descriptor, Role};

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "grayscale",
    doc: "Turns colour into one channel of luma (BT.601); alpha is kept.",
    role: Role::Image,
    params: &[],
    shorthand: None,
    example: "- grayscale",
};

#[derive(Debug)]
struct Grayscale;

/// Compiles the step.
pub fn build(_args: &Args, _build: &mut Build<'_>) -> Option<Built> {
    Some(Built::from(Action::Image(Box::new(Grayscale))))
}

impl ImageStep for Grayscale {
    fn apply(&self, sample: &mut Sample) -> Result<Row, ItemError> {
        if sample.image.channels > 1 {
            sample.image = to_gray(&sample.image);
            sample.reference = sample.reference.as_ref().map(to_gray);
        }
        Ok(Row::new())
    }

    fn shape(&self, shape: Shape) -> Shape {
        Shape { channels: if shape.channels.is_multiple_of(2) { 2 } else { 1 }, ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        // The luma exists once as float.
        shape.bytes() + self.shape(shape).bytes() + 4 * shape.width * shape.height
    }
}
