//! Reading every file of an output again and comparing it with the ledger.

use super::JobError;
use crate::ledger::{Ledger, LedgerError};
use crate::store::{Store, Written, hash};
use rayon::prelude::*;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Files compared.
    pub files: usize,
    /// Those that are not as written, by their paths relative to the output.
    pub problems: Vec<(PathBuf, Problem)>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is not there.
    #[error("missing")]
    Missing,
    /// It has other bytes.
    #[error("changed since written")]
    Changed,
    /// It can't be looked at, or something else stands there.
    #[error("{0}")]
    Unseen(String),
}

/// Compares all outputs, table parts, shards and lists with the hashes recorded when they were written.
pub(super) fn verify(output: &Path, ledger: &Ledger) -> Result<Verified, JobError> {
    let mut expected: Vec<(PathBuf, [u8; 32])> = Vec::new();
    ledger.each(|_, record| {
        let outputs = record.products.into_values().flatten();
        expected.extend(outputs.map(|o| (PathBuf::from(OsString::from_vec(o.path)), o.stamp.hash)));
        Ok::<_, LedgerError>(())
    })?;
    for folder in ledger.part_folders()? {
        let parts = ledger.parts(&folder)?;
        let path = |name: String| Path::new(&folder).join(name);
        expected.extend(parts.into_iter().map(|(name, stamp)| (path(name), stamp.hash)));
    }
    // What a run that was cut off has put there without recording it is as good.
    let announced = ledger.announced()?;
    expected.sort();
    let nothing = || JobError::NothingRun { output: output.to_path_buf() };
    let store = Store::existing(output)?.ok_or_else(nothing)?;
    let problem = |(path, wanted): &(PathBuf, [u8; 32])| {
        let problem = match store.open_file(path) {
            Ok(None) => Problem::Missing,
            Err(e) => Problem::Unseen(e.to_string()),
            Ok(Some(mut file)) => match hash(&mut file) {
                Err(e) => Problem::Unseen(format!("cannot be read: {e}")),
                Ok((found, _)) if found != *wanted && !is_announced(&announced, path, found) => {
                    Problem::Changed
                }
                Ok(_) => return None,
            },
        };
        Some((path.clone(), problem))
    };
    Ok(Verified { files: expected.len(), problems: expected.par_iter().filter_map(problem).collect() })
}

fn is_announced(announced: &HashMap<Vec<u8>, Vec<Written>>, path: &Path, hash: [u8; 32]) -> bool {
    let files = announced.get(path.as_os_str().as_bytes());
    files.is_some_and(|files| files.iter().any(|file| file.hash == hash))
}
