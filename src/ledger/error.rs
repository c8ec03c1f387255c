//! A ledger that cannot be read or written.

use super::layout::LAYOUT;
use crate::shown::Show;
use crate::store::LockError;
use std::path::PathBuf;

/// A ledger that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused.
    #[error("ledger {}: {source}; if it is damaged, move the whole output folder away and run again", path.shown())]
    Sql {
        /// Database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// Written by another version.
    #[error("ledger {} has layout {found}, this program reads layout {LAYOUT}; use the version that wrote it or choose another output", path.shown())]
    Layout {
        /// Database file.
        path: PathBuf,
        /// Layout found.
        found: i64,
    },
    /// Another job's.
    #[error("the output already holds the results of the job `{owner}` ({}); give this job an output of its own, or the same `name` if it is the same job", path.shown())]
    Owner {
        /// Database file.
        path: PathBuf,
        /// The job it belongs to.
        owner: String,
    },
    /// Its file is not safelight's own, or can't be looked at.
    #[error(transparent)]
    File(#[from] LockError),
    /// Its file can't be read or written.
    #[error("ledger {}: {source}", path.shown())]
    Io {
        /// Database file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}
