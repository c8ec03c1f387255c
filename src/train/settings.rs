//! A training job, resolved: nothing is optional that has a meaning when absent.

use super::adam::Schedule;
use super::agreement::Agreement;
use super::augment::Augment;
use super::loss::Loss;
use super::net::Net;
use super::optimiser::Method;
use crate::corrupt::Recipe;
use crate::inputs::{InputPlan, Source};
use crate::shown::Show;
use crate::spec::Diagnostic;
use std::path::PathBuf;

/// What the network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Pictures out of pictures; made better, at the same or a larger size.
    Restore,
    /// The bottleneck is what is wanted.
    Embed,
}

impl Task {
    /// Its name in a model's metadata.
    pub fn name(self) -> &'static str {
        match self {
            Task::Restore => "restore",
            Task::Embed => "embed",
        }
    }
}

/// What is learned from.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a job")]
pub enum Data {
    /// Clean pictures, from which both sides of a pair are made.
    Pictures {
        /// Where they are: one input, or several with weights.
        inputs: Vec<Mixed>,
        /// Pictures that are used for the final figures only, if there are any.
        test: Option<InputPlan>,
        /// Made of every clean patch to give the network's input; without one, the input is the patch itself.
        recipe: Option<Recipe>,
        /// Carried column of an input (and of `test`, where it has one) that tells groups apart, for the figures.
        label: Option<String>,
    },
    /// Pairs that were made before.
    Pairs {
        /// Those to learn from.
        pairs: Vec<Written>,
        /// Those of the split `validation`. Without any, a share of `pairs` is held out.
        validation: Vec<Written>,
        /// Those of the split `test`, for the final figures only.
        test: Vec<Written>,
        /// The folder.
        root: PathBuf,
    },
    /// Vectors in a column of Parquet files, or made ones.
    Vectors {
        /// Where they come from.
        source: Vectors,
    },
}

/// An input with its weight beside others.
#[derive(Debug)]
pub struct Mixed {
    /// Where its pictures are.
    pub input: InputPlan,
    /// How often its pictures are drawn, relative to those of the others; above 0.
    pub weight: f64,
}

impl Mixed {
    /// What it is called in a few words: the last part of its path, or what makes it.
    pub fn name(&self) -> String {
        match &self.input.source {
            Source::Made(series) => series.synth.name.to_string(),
            Source::File { relative, .. } => relative.shown().to_string(),
            Source::Folder | Source::List { .. } => {
                let path = self.input.list.as_deref().unwrap_or(&self.input.root);
                path.file_name().map_or_else(|| path.shown().to_string(), |name| name.shown().to_string())
            }
        }
    }
}

/// A pair of pictures in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The corrupted picture, below the folder.
    pub noisy: PathBuf,
    /// The clean one.
    pub clean: PathBuf,
    /// What both were made of: pairs of one source stay on one side of the split.
    pub source: String,
}

/// Where vectors come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Vectors {
    /// A column of lists or arrays of numbers.
    Parquet {
        /// The files.
        files: Vec<PathBuf>,
        /// The column.
        column: String,
        /// A column that tells groups apart, for the silhouette.
        label: Option<String>,
        /// Rows of all files.
        rows: u64,
    },
    /// Gaussian blobs, as scikit-learn's `make_blobs` draws them.
    Blobs(Blobs),
}

/// Parameters of `make_blobs`; centres lie in \[-1, 1\].
#[derive(Clone, Debug, PartialEq)]
pub struct Blobs {
    /// Points in all.
    pub count: usize,
    /// Numbers of a point.
    pub dimensions: usize,
    /// Blobs.
    pub centres: usize,
    /// Standard deviation of each.
    pub deviation: f64,
    /// Its random state.
    pub seed: u32,
}

/// The weights before the first step.
pub enum Start {
    /// Drawn at random.
    Random,
    /// Those of a model that was trained before.
    Model {
        /// The file.
        path: PathBuf,
        /// Weights and biases.
        parameters: Vec<f32>,
        /// BLAKE3 of the file, in hexadecimal.
        hash: String,
    },
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Start::Random => f.write_str("Random"),
            Start::Model { path, hash, .. } => f.debug_tuple("Model").field(path).field(hash).finish(),
        }
    }
}

/// A known figure that the result is printed beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Whose it is.
    pub label: String,
    /// Name of the figure, such as `mse`.
    pub figure: String,
    /// Its value.
    pub value: f64,
}

/// A training job.
#[derive(Debug)]
pub struct TrainPlan {
    /// Name of the job.
    pub name: String,
    /// Output folder, absolute.
    pub output: PathBuf,
    /// Name of the ONNX file in it.
    pub model: String,
    /// Whether its weights are written in half precision.
    pub half: bool,
    /// Licence of the weights; empty where none is named.
    pub licence: String,
    /// Seed of everything random.
    pub seed: u64,
    /// The network.
    pub net: Net,
    /// Its weights at the start.
    pub start: Start,
    /// What it is for.
    pub task: Task,
    /// What it learns from.
    pub data: Data,
    /// Share of the pictures (or vectors) that is held out, above 0 and below 1.
    pub validation: f64,
    /// Clean patches' side in pixels; 0 for whole pictures, or views of them, brought to the network's size.
    pub patch: usize,
    /// How patches are varied at random.
    pub augment: Augment,
    /// Patches in a step.
    pub batch: usize,
    /// Steps in an epoch.
    pub steps: usize,
    /// Most epochs.
    pub epochs: usize,
    /// Epochs without a better validation after which training ends; 0 for never.
    pub patience: usize,
    /// What is made small.
    pub loss: Loss,
    /// How two views of each example are to agree, if they are.
    pub agree: Option<Agreement>,
    /// What is made small in the last epochs, and on what is held out in all.
    pub late_loss: Loss,
    /// The first of them, from 0.
    pub late: usize,
    /// Highest learning rate.
    pub rate: f64,
    /// Steps in which it rises to that.
    pub warmup: usize,
    /// How it goes on.
    pub schedule: Schedule,
    /// How gradients become updates.
    pub method: Method,
    /// Share of the weights' moving average that stays at each step; 0 for none.
    pub average: f64,
    /// Weight decay of AdamW; 0 makes it Adam.
    pub decay: f64,
    /// Longest gradient, as a multiple of the running mean of those before; longer ones are shortened. 0 for no limit.
    pub clip: f64,
    /// A figure of others.
    pub beside: Vec<Beside>,
    /// Worker threads.
    pub threads: usize,
    /// Bytes that are left beside training.
    pub memory: u64,
    /// Bytes of pictures that are kept in memory; of more, a part of each.
    pub keep: u64,
    /// Whether patches are cut at random sizes up to the whole picture and made smaller.
    pub zoom: bool,
    /// Whether the network's input is clamped and rounded to 8 bits.
    pub rounded: bool,
    /// Largest picture accepted, in pixels.
    pub pixels: u64,
    /// What was inferred and the user may want to know.
    pub notes: Vec<String>,
    /// Values that are hardly meant.
    pub warnings: Vec<Diagnostic>,
    /// Digest of the settings that only the figures and the file's metadata depend on.
    pub besides: String,
    /// Digest of all settings that decide the weights.
    pub fingerprint: [u8; 32],
}
