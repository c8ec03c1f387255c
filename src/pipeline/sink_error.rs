//! What stops a sink.

use crate::ledger::LedgerError;
use crate::store::StoreError;

/// A sink that could not bring its files in line with the ledger.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The output could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What is to be put together can't be looked at; it may be there all the same.
    #[error("{0}")]
    Unseen(String),
    /// Something of somebody else's stands in the way.
    #[error("{0}")]
    Foreign(String),
    /// A table could not be written or read back.
    #[error("table {folder}: {message}")]
    Table {
        /// The table's folder.
        folder: String,
        /// What happened.
        message: String,
    },
}
