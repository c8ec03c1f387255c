//! Training: networks made of a few layers, their gradients on [`crate::kernels`], the loop, and export as ONNX.
//!
//! A [`TrainPlan`] is run by [`run`], which emits events and prints nothing. Everything random follows from its seed, so
//! that the same machine gives the same file at any number of threads, and after any interruption.

mod adam;
mod blobs;
mod checkpoint;
mod curve;
pub mod data;
mod engine;
mod event;
mod fit;
mod knn;
mod layout;
mod loss;
mod moves;
pub mod net;
pub mod networks;
mod pca;
#[cfg(test)]
pub mod reference;
mod settings;
mod sheet;
mod silhouette;
mod step;

pub use adam::{Adam, Schedule};
pub use engine::{Engine, Workspace};
pub use event::{Event, Figure, Summary};
pub use loss::Loss;
pub use settings::{Beside, Blobs, Data, Task, TrainPlan, Vectors};
pub use step::{Pair, Stepper};

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod reference;

/// Why training could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The output could not be written.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// Another run holds the output.
    #[error(transparent)]
    Lock(#[from] crate::store::LockError),
    /// There is too little to learn from, or it can't be read.
    #[error("{0}")]
    Data(String),
    /// The loss left the numbers.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}, at a learning rate of {rate:.2e}; lower `rate`, or set \
         `clip: 1` and a longer `warmup`. The checkpoint before that is kept, and the best model so far, if there was one, \
         is written"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the epoch, from 1.
        step: usize,
        /// The loss.
        loss: f64,
        /// The learning rate.
        rate: f64,
    },
    /// The file does not compute what was trained.
    #[error("the exported model is wrong: {0}; please report this, the checkpoint is kept")]
    Export(String),
    /// Threads could not be started.
    #[error("cannot start worker threads: {0}; set limits.threads lower")]
    Threads(String),
}
