//! The steps of a pipeline: one file each, registered in [`STEPS`].

mod corrupt;
mod corrupt_each;
mod crop;
mod embed;
mod grayscale;
mod measure;
mod numbers;
pub mod pages;
mod patches;
mod resize;
mod restore;

use crate::codec::{ExifData, Metadata, Source};
use crate::columns::{Column, Row};
use crate::error::{ErrorKind, ItemError};
use crate::image::orient::upright;
use crate::image::{Depth, Image};
use crate::plan::Build;
use crate::spec::{Args, Descriptor};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

/// An item's data on its way through the chain.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Path relative to the input.
    pub relative: PathBuf,
    /// BLAKE3 of the input file.
    pub hash: [u8; 32],
    /// The current picture.
    pub image: Image,
    /// The clean picture that the current one was made of, turned like it; its sides are whole multiples of
    /// the current one's.
    pub reference: Option<Image>,
    /// Which of several pictures made of one input this is.
    pub place: Place,
    /// What the file carried beside its pixels, kept in step with them.
    pub meta: Metadata,
    /// What the file was.
    pub source: Source,
    /// What the file's EXIF block said, whatever steps did since.
    pub exif: Arc<ExifData>,
    /// Remarks for the manifest.
    pub notes: Vec<String>,
    /// Where this is the first of several pictures that are all wanted: the file that holds the others.
    pub further: Option<pages::Further>,
}

/// Where a sample stands among those made of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number in each fan-out, for seeds: independent of what else is made.
    pub numbers: Vec<u32>,
    /// Words that tell variants of one picture apart, such as `gaussian_noise`, `3`.
    pub variant: Vec<String>,
    /// Number of the page, from 1, where the file has several and all are wanted.
    pub page: Option<u32>,
    /// Number of the patch.
    pub patch: Option<u32>,
}

impl Place {
    /// What page and patch add to a file's name, such as `_p0002_0012`.
    pub fn suffix(&self) -> String {
        let page = self.page.map_or_else(String::new, page_suffix);
        self.patch.map_or_else(|| page.clone(), |patch| format!("{page}_{patch:04}"))
    }
}

/// What a page adds to a file's name.
fn page_suffix(page: u32) -> String {
    format!("_p{page:04}")
}

impl Sample {
    /// How many times larger than the picture its clean one is; 1 without one.
    ///
    /// # Errors
    /// When it is not the same whole number across and down: then no part of one is that of the other.
    pub fn ratio(&self) -> Result<usize, ItemError> {
        let Some(clean) = &self.reference else { return Ok(1) };
        let ratio = (clean.width / self.image.width).max(1);
        if (self.image.width * ratio, self.image.height * ratio) == (clean.width, clean.height) {
            return Ok(ratio);
        }
        let message = format!(
            "the picture of {} x {} no longer fits its clean one of {} x {}; don't resize between `corrupt` and this",
            self.image.width, self.image.height, clean.width, clean.height
        );
        Err(ItemError::new(ErrorKind::Unsupported, message))
    }

    /// Bytes of the pictures and of what the file carried.
    pub fn bytes(&self) -> usize {
        let further = self.further.as_ref().map_or(0, |further| further.bytes.len());
        self.image.bytes() + self.reference.as_ref().map_or(0, Image::bytes) + self.meta.bytes() + further
    }

    /// Turns the pixels upright and sets the orientation tag to match, for steps that work in the
    /// coordinates a person sees.
    pub fn make_upright(&mut self) {
        if self.meta.orientation != 1 {
            let image = std::mem::replace(&mut self.image, Image::new(1, 1, 1, Depth::U8));
            self.image = upright(image, self.meta.orientation);
            self.reference = self.reference.take().map(|r| upright(r, self.meta.orientation));
            self.meta.set_orientation(1);
            self.meta.moved();
        }
    }
}

/// What is known of a picture before it is decoded; for planning memory and checking fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pixels across.
    pub width: u64,
    /// Pixels down.
    pub height: u64,
    /// Channels, alpha included.
    pub channels: u64,
    /// Bytes a sample.
    pub depth: u64,
}

impl Shape {
    /// Bytes of the pixels.
    pub fn bytes(self) -> u64 {
        self.width * self.height * self.channels * self.depth
    }
}

/// A step that turns the picture into another.
pub trait ImageStep: Send + Sync + Debug {
    /// Works on the sample in place; gives the values of its columns.
    ///
    /// # Errors
    /// The item's failure.
    fn apply(&self, sample: &mut Sample) -> Result<Row, ItemError>;

    /// Columns about what it did, in order.
    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }

    /// Whether the picture as it was is kept as the sample's reference.
    fn keeps_reference(&self) -> bool {
        false
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
pub trait ColumnStep: Send + Sync + Debug {
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
pub type Pieces<'a> = Box<dyn Iterator<Item = Result<(Sample, Row), ItemError>> + 'a>;

/// A step that makes several samples of one.
pub trait ManyStep: Send + Sync + Debug {
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

/// A step compiled from its YAML, ready to run.
#[derive(Debug)]
pub enum Action {
    /// Picture to picture.
    Image(Box<dyn ImageStep>),
    /// Picture to several.
    Many(Box<dyn ManyStep>),
    /// Picture to columns.
    Columns(Box<dyn ColumnStep>),
    /// Writes the picture.
    Write(crate::sinks::write::Write),
    /// Writes the picture and its reference.
    Pairs(crate::sinks::pairs::Pairs),
    /// Writes the rows.
    Table(crate::sinks::table::TableSink),
}

/// A compiled step with what its results depend on beside its settings (model hashes).
#[derive(Debug)]
pub struct Built {
    /// What to do.
    pub action: Action,
    /// Hashes of the files it read, by a name for people.
    pub ingredients: Vec<(String, String)>,
    /// Parameters that its bytes don't depend on.
    pub besides: &'static [&'static str],
}

impl Action {
    /// The columns it makes, in order.
    pub fn columns(&self) -> Vec<Column> {
        match self {
            Action::Image(step) => step.columns(),
            Action::Many(step) => step.columns(),
            Action::Columns(step) => step.columns(),
            Action::Write(_) | Action::Pairs(_) | Action::Table(_) => Vec::new(),
        }
    }
}

impl From<Action> for Built {
    fn from(action: Action) -> Built {
        Built { action, ingredients: Vec::new(), besides: &[] }
    }
}

/// A registered step.
#[derive(Debug)]
pub struct Registered {
    /// Name, documentation and parameters.
    pub descriptor: &'static Descriptor,
    /// Compiles validated arguments; mistakes go to `Build`, which then makes the answer `None`.
    pub build: fn(&Args, &mut Build<'_>) -> Option<Built>,
}

/// Every step there is. A new one is a file beside this and a line here.
pub static STEPS: &[Registered] = &[
    Registered { descriptor: &resize::DESCRIPTOR, build: resize::build },
    Registered { descriptor: &crop::DESCRIPTOR, build: crop::build },
    Registered { descriptor: &grayscale::DESCRIPTOR, build: grayscale::build },
    Registered { descriptor: &corrupt::DESCRIPTOR, build: corrupt::build },
    Registered { descriptor: &corrupt_each::DESCRIPTOR, build: corrupt_each::build },
    Registered { descriptor: &patches::DESCRIPTOR, build: patches::build },
    Registered { descriptor: &restore::DESCRIPTOR, build: restore::build },
    Registered { descriptor: &embed::DESCRIPTOR, build: embed::build },
    Registered { descriptor: &measure::DESCRIPTOR, build: measure::build },
    Registered { descriptor: &crate::sinks::write::DESCRIPTOR, build: crate::sinks::write::build },
    Registered { descriptor: &crate::sinks::pairs::DESCRIPTOR, build: crate::sinks::pairs::build },
    Registered { descriptor: &crate::sinks::table::DESCRIPTOR, build: crate::sinks::table::build },
];

/// The descriptors of all steps, for the parser.
pub fn descriptors() -> Vec<&'static Descriptor> {
    STEPS.iter().map(|s| s.descriptor).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_registry_is_sound() {
        crate::spec::check_registry(&super::descriptors()).unwrap();
    }
}
