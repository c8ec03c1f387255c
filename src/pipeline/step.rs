//! What steps do, by what comes out: a picture, columns, several samples.

use super::{Sample, Shape};
use crate::columns::{Column, Row};
use crate::error::ItemError;
use std::fmt::Debug;

/// What an image step did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Effect {
    /// Values of its columns.
    pub row: Row,
    /// False where picture and metadata are what they were: such a picture may be written as its original's bytes.
    pub changed: bool,
}

impl Effect {
    /// By a step without columns.
    pub(crate) fn new(changed: bool) -> Effect {
        Effect { row: Row::new(), changed }
    }
}

/// A step that turns the picture into another.
pub(crate) trait ImageStep: Send + Sync + Debug {
    /// Works on the sample in place.
    ///
    /// # Errors
    /// The item's failure.
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError>;

    /// Whether every picture that goes through it counts as changed.
    fn always_changes(&self) -> bool {
        false
    }

    /// Columns about what it did, in order.
    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }

    /// Whether the picture as it was is kept as the sample's reference.
    fn keeps_reference(&self) -> bool {
        false
    }

    /// Whether behind it a sample has a reference: the picture as it was, or a file that it finds.
    fn gives_reference(&self) -> bool {
        self.keeps_reference()
    }

    /// Shape of the result.
    fn shape(&self, shape: Shape) -> Shape;

    /// Peak bytes while it works on an input of `shape`, input and result included, tiles not.
    fn peak_bytes(&self, shape: Shape) -> u64 {
        shape.bytes() + self.shape(shape).bytes()
    }

    /// Bytes each worker thread needs beside that, whatever the image (tiles, network activations).
    fn worker_bytes(&self) -> u64 {
        0
    }

    /// Multiply-adds an input pixel, for estimates.
    fn macs_per_pixel(&self) -> f64 {
        0.0
    }
}

/// A step that adds columns to the row.
pub(crate) trait ColumnStep: Send + Sync + Debug {
    /// The columns, in order.
    fn columns(&self) -> Vec<Column>;

    /// Their values for this sample, in the same order.
    ///
    /// # Errors
    /// The item's failure.
    fn values(&self, sample: &Sample) -> Result<Row, ItemError>;

    /// How many samples it gains to take at once; 1 where it gains nothing.
    fn batch(&self) -> usize {
        1
    }

    /// As [`ColumnStep::values`] for each of several samples, with the same results whatever stands beside a
    /// sample.
    fn values_of(&self, samples: &[&Sample]) -> Vec<Result<Row, ItemError>> {
        samples.iter().map(|sample| self.values(sample)).collect()
    }

    /// Whether it compares with the sample's reference.
    fn needs_reference(&self) -> bool {
        false
    }

    /// Peak bytes beside the sample itself for an input of `shape`.
    fn peak_bytes(&self, shape: Shape) -> u64;

    /// Bytes each worker thread needs, whatever the image.
    fn worker_bytes(&self) -> u64 {
        0
    }

    /// Multiply-adds an item, for estimates.
    fn macs(&self) -> f64 {
        0.0
    }
}

/// The samples made of one, each with the values of the step's columns; made one at a time.
pub(crate) type Pieces<'a> = Box<dyn Iterator<Item = Result<(Sample, Row), ItemError>> + 'a>;

/// A step that makes several samples of one.
pub(crate) trait ManyStep: Send + Sync + Debug {
    /// Takes the sample apart.
    ///
    /// # Errors
    /// The item's failure.
    fn split(&self, sample: Sample) -> Result<Pieces<'_>, ItemError>;

    /// Columns that tell the samples apart, in order.
    fn columns(&self) -> Vec<Column>;

    /// Shape of one.
    fn shape(&self, shape: Shape) -> Shape;

    /// How many there are at most.
    fn count(&self, shape: Shape) -> u64;

    /// Peak bytes while one is made, input and result included.
    fn peak_bytes(&self, shape: Shape) -> u64;

    /// Whether the picture as it was is kept as the samples' reference.
    fn keeps_reference(&self) -> bool {
        false
    }
}
