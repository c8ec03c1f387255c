//! What training tells while it works. Reporters consume these; training prints nothing.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Pictures are read, pairs or vectors are made.
    Preparing {
        /// What, as a noun.
        what: String,
        /// How many are done.
        done: u64,
        /// Of how many.
        total: u64,
    },
    /// The first step follows.
    Started {
        /// Parameters of the network.
        parameters: usize,
        /// Its multiply-adds for one pixel of the input.
        macs_per_pixel: f64,
        /// Pictures or vectors to learn from.
        train: usize,
        /// Those held out.
        validation: usize,
        /// Epoch and step of the checkpoint that it goes on from, if it does.
        resumed_at: Option<(usize, usize)>,
    },
    /// A step is done.
    Step {
        /// Its epoch, from 1.
        epoch: usize,
        /// Its number in the epoch, from 1.
        step: usize,
        /// Epochs at most.
        of_epochs: usize,
        /// Steps in an epoch.
        of_steps: usize,
        /// Its loss.
        loss: f64,
        /// The learning rate.
        rate: f64,
    },
    /// An epoch is done and validated.
    Epoch {
        /// Its number, from 1.
        epoch: usize,
        /// Mean loss of its steps.
        train_loss: f64,
        /// Loss over what is held out.
        validation: f64,
        /// Whether none was better before.
        best: bool,
        /// Seconds it took.
        seconds: f64,
    },
    /// A remark.
    Note(String),
    /// The model is written.
    Finished(Summary),
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Epochs done, in all runs.
    pub epochs: usize,
    /// Steps done, in all runs.
    pub steps: u64,
    /// Whether `patience` ended it.
    pub stopped_early: bool,
    /// Final figures.
    pub figures: Vec<Figure>,
    /// The ONNX file.
    pub model: PathBuf,
}

/// A figure, with what to compare it with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name, such as `psnr`.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What one has without the network, such as the noisy pictures' PSNR.
    pub baseline: Option<(String, f64)>,
    /// What others have, from `beside`.
    pub beside: Option<(String, f64)>,
}
