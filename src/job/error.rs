//! Why something could not be done with a job.

use crate::ledger::LedgerError;
use crate::run::RunError;
use crate::shown::Show;
use crate::spec::Diagnostics;
use crate::store::StoreError;
use crate::train::TrainError;
use std::path::PathBuf;

/// Why something could not be done with a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A run over items.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// There is no ledger.
    #[error("nothing has been run into {} yet, or only shards that are not gathered (`status --shards` shows them); `run` the pipeline first, or correct `output` if the results are elsewhere", output.shown())]
    NothingRun {
        /// The output folder.
        output: PathBuf,
    },
    /// Training is not shared out.
    #[error("a training job has no items to be shared out; run it on one machine, without shards")]
    NotInShards,
    /// A folder that is no job's output, in words.
    #[error("{0}")]
    NoOutput(String),
    /// A table that can't be explored, in words.
    #[error("{0}")]
    Explore(String),
    /// A pipeline with mistakes.
    #[error("{}", .0.render())]
    Pipeline(Box<Diagnostics>),
}

impl From<LedgerError> for JobError {
    fn from(error: LedgerError) -> JobError {
        JobError::Run(error.into())
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> JobError {
        JobError::Run(error.into())
    }
}
