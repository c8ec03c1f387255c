//! The tables in the output of a job that has run.

use super::error::JobError;
use super::output::Output;
use crate::sinks::form_of;
use std::path::{Path, PathBuf};

/// A table that a job published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableFolder {
    /// Its folder, relative to the output: its name in the pipeline.
    pub name: String,
    /// The same, absolute. Whoever lists it sees each row exactly once, also while a run publishes.
    pub folder: PathBuf,
    /// `parquet`, `csv`, or `npy` (vectors as `img_emb/*.npy`, all else as `metadata/*.parquet`).
    pub format: &'static str,
}

/// The tables in an output folder, by name.
///
/// # Errors
/// When the folder is no job's output, or its ledger can't be read.
pub fn tables(output: &Path) -> Result<Vec<TableFolder>, JobError> {
    let output = Output::open(output)?;
    let mut found = Vec::new();
    for name in output.ledger().part_folders()? {
        let parts = output.ledger().parts(&name)?;
        if let Some(format) = form_of(parts.keys().map(String::as_str)) {
            found.push(TableFolder { folder: output.folder().join(&name), name, format });
        }
    }
    Ok(found)
}
