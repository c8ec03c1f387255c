//! Why a training job did not come to its end.

use super::data::DrawError;
use super::net::LayerError;
use super::vector_files::VectorsError;
use crate::ledger::LedgerError;
use crate::store::{LockError, StoreError};

/// Why a training job did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// It was asked to stop; the checkpoint stands.
    #[error("interrupted in epoch {epoch} after step {step}; run again to go on")]
    Interrupted {
        /// Epoch, from 1.
        epoch: usize,
        /// Steps done of it.
        step: usize,
    },
    /// There is nothing, or too little, to learn from.
    #[error("{0}")]
    NoInput(String),
    /// The data can't be used, in words.
    #[error("{0}")]
    Data(String),
    /// Vectors can't be read.
    #[error(transparent)]
    Vectors(#[from] VectorsError),
    /// No pair can be drawn from an example.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// The network does not fit its input.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The loss was no number any more.
    #[error(
        "training diverged: the {what} became {value} in epoch {epoch}, step {step}, at a learning rate of {rate:.2e}. The \
         last checkpoint is kept; {model}. Lower `rate`, or set `clip: 2` or a longer `warmup`, with which training \
         starts anew"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the epoch, from 1.
        step: usize,
        /// What was no finite number: the loss, the loss on what is held out, or the gradient's length.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Learning rate of the step.
        rate: f64,
        /// What has become of the model's file.
        model: &'static str,
    },
    /// It ended with something worse than it began with.
    #[error(
        "training made it worse: the best of {epochs} epochs has a {figure} of {here:.5} on what is held out, and {before:.5} \
         is that {of}; {model}. Give more `epochs` or `steps`, lower `rate`, or set `clip: 2` or a longer `warmup`, with \
         which training starts anew"
    )]
    Worse {
        /// Epochs done.
        epochs: usize,
        /// The figure that tells.
        figure: &'static str,
        /// Its value.
        here: f64,
        /// What it is compared with.
        of: &'static str,
        /// The value of that.
        before: f64,
        /// What has become of the model's file.
        model: &'static str,
    },
    /// The exported file doesn't compute what was trained.
    #[error("{0}")]
    Export(#[from] super::export::VerifyError),
    /// Something of somebody else's stands in the output.
    #[error("{0}")]
    Foreign(String),
    /// The output could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run holds the output.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The output belongs to another job, or its ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Threads could not be started.
    #[error("cannot start worker threads: {0}; set limits.threads lower")]
    Threads(String),
}

impl TrainError {
    /// It was asked to stop, seen where it isn't known how far training is: whoever knows puts it in.
    pub(super) const STOPPED: TrainError = TrainError::Interrupted { epoch: 1, step: 0 };
}
