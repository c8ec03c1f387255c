//! Training: networks made of a few layers, their gradients on [`crate::kernels`], the loop, and export as ONNX.
//!
//! A `TrainPlan` is run by `run`, which emits events and prints nothing. Everything random follows from its
//! seed, so that the same machine gives the same file at any number of threads, and after any interruption.

mod adam;
mod agreement;
mod augment;
mod blobs;
mod checkpoint;
mod curve;
mod data;
mod engine;
mod error;
pub mod event;
pub mod export;
mod figures;
mod fit;
mod inventory;
mod knn;
mod language;
mod layers;
mod load;
mod loss;
mod moves;
pub mod net;
pub mod networks;
mod optimiser;
mod order;
mod outputs;
mod provenance;
mod resolve;
mod resume;
mod rules;
mod run;
mod settings;
mod sheet;
mod sides;
mod silhouette;
mod sources;
mod step;
mod vector_files;
mod vectors;
mod verdict;
mod views;

pub use adam::{Adam, Schedule};
pub use agreement::Agreement;
pub use augment::Augment;
pub use engine::{Engine, Workspace};
pub use error::TrainError;
pub use event::{Event, Figure, Summary};
pub use inventory::guarded;
pub use language::TRAIN;
pub use loss::Loss;
pub use outputs::Outputs;
pub use resolve::{memory_needed, resolve};
pub use resume::{ResumePoint, resume_point};
pub use run::{PROGRESS, run};
pub use settings::{Beside, Blobs, Data, Mixed, Start, Task, TrainPlan, Vectors, Written};
pub use step::{Pair, Stepper};

/// The words of the language: the steps and sinks there are, and the section `train`.
pub fn vocabulary() -> crate::spec::Vocabulary {
    crate::spec::Vocabulary { steps: crate::plan::descriptors(), train: &TRAIN }
}

#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod export_tests;
#[cfg(test)]
mod reference;
