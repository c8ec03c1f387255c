//! What training tells while it runs, and in the end.

use std::path::PathBuf;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Work before and after training goes on.
    Preparing {
        /// What is done.
        what: String,
        /// So much is done.
        done: u64,
        /// Of so much.
        total: u64,
    },
    /// Training starts.
    Started {
        /// Weights and biases.
        parameters: usize,
        /// Multiply-adds a pixel of the input.
        macs_per_pixel: f64,
        /// Pictures or vectors learned from.
        train: usize,
        /// Pictures or vectors held out.
        validation: usize,
        /// Epoch and step that a checkpoint led back to.
        resumed_at: Option<(usize, usize)>,
    },
    /// A step was made.
    Step {
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the epoch, from 1.
        step: usize,
        /// Epochs in all.
        of_epochs: usize,
        /// Steps of an epoch.
        of_steps: usize,
        /// Mean loss of the batch.
        loss: f64,
        /// Learning rate.
        rate: f64,
    },
    /// An epoch is over.
    Epoch {
        /// Which, from 1.
        epoch: usize,
        /// Mean loss of its batches.
        train_loss: f64,
        /// Loss on what is held out.
        validation: f64,
        /// Whether that is the best so far.
        best: bool,
        /// Time it took.
        seconds: f64,
    },
    /// Something to know.
    Note(String),
    /// All is written.
    Finished(Summary),
}

/// What came of a training job.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Epochs made.
    pub epochs: usize,
    /// Steps made.
    pub steps: u64,
    /// Whether it ended because nothing got better.
    pub stopped_early: bool,
    /// Final figures.
    pub figures: Vec<Figure>,
    /// The ONNX file.
    pub model: PathBuf,
}

/// A final figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name, such as `psnr`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it is without the network, such as `input`, 20.2.
    pub baseline: Option<(String, f64)>,
    /// A figure of others, such as `Keras ancestor`, 0.0235.
    pub beside: Option<(String, f64)>,
}
