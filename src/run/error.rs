//! A run that could not start or could not go on.

use crate::ledger::LedgerError;
use crate::pipeline::SinkError;
use crate::store::{LockError, StoreError};

/// A run that could not start or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The output could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another run holds the output.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No input matches.
    #[error("{0}")]
    NoInput(String),
    /// The input, or where the output goes, can't be looked at; it may be there all the same.
    #[error("{0}")]
    Input(String),
    /// Something of somebody else's stands in the way, or the output belongs to another job.
    #[error("{0}")]
    Foreign(String),
    /// The input is not the one that is known, or too much of it is gone; nothing has changed.
    #[error("{0}")]
    OtherInput(String),
    /// Other processes work on the same job, or have left what has to be gathered first.
    #[error("{0}")]
    Shards(String),
    /// A table could not be written or read back.
    #[error("table {folder}: {message}")]
    Table {
        /// The table's folder.
        folder: String,
        /// What happened.
        message: String,
    },
    /// Threads could not be started.
    #[error("cannot start worker threads: {0}; set limits.threads lower")]
    Threads(String),
}

impl From<SinkError> for RunError {
    fn from(error: SinkError) -> RunError {
        match error {
            SinkError::Store(error) => RunError::Store(error),
            SinkError::Ledger(error) => RunError::Ledger(error),
            SinkError::Unseen(what) => RunError::Input(what),
            SinkError::Foreign(what) => RunError::Foreign(what),
            SinkError::Table { folder, message } => RunError::Table { folder, message },
        }
    }
}
