//! What a ledger says of a job's items, in numbers.

use crate::error::ItemError;
use crate::ledger::{Fingerprint, Ledger, LedgerError, Outcome};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The state of a job's items.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// Items that are done.
    pub done: usize,
    /// Items that failed, with what is wrong, by path.
    pub failed: Vec<(PathBuf, ItemError)>,
    /// Those whose failure was acknowledged, likewise.
    pub ignored: Vec<(PathBuf, ItemError)>,
    /// Items that the last run did not see.
    pub vanished: usize,
    /// Files of items.
    pub outputs: usize,
    /// Bytes of these files.
    pub bytes: u64,
    /// Seconds of work that the items took.
    pub seconds: f64,
    /// Tables, shards and lists.
    pub tables: Vec<Table>,
    /// Outputs of earlier settings.
    pub leftover: usize,
}

/// What a sink published.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// Its folder, relative to the output.
    pub folder: String,
    /// Files in it.
    pub parts: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Of a ledger; `asked` is the digest of all that the plan asks for, under which acknowledgements count. Where it is not
/// known, all of them do.
pub(super) fn status(ledger: &Ledger, asked: Option<Fingerprint>) -> Result<Status, LedgerError> {
    let mut status = Status::default();
    ledger.each(|path, record| {
        let path = || PathBuf::from(OsString::from_vec(path.to_vec()));
        match &record.outcome {
            // Gone or left out; its outputs are there, a failure has gone with it.
            _ if record.vanished => status.vanished += 1,
            Outcome::Done(_) => status.done += 1,
            // Under other settings, what was acknowledged counts again.
            Outcome::Failed { error, plan } if record.ignored && asked.is_none_or(|asked| *plan == asked) => {
                status.ignored.push((path(), error.clone()));
            }
            Outcome::Failed { error, .. } => status.failed.push((path(), error.clone())),
        }
        status.seconds += record.seconds;
        for output in record.products.values().flatten() {
            status.outputs += 1;
            status.bytes += output.stamp.size;
        }
        Ok::<_, LedgerError>(())
    })?;
    for folder in ledger.part_folders()? {
        let parts = ledger.parts(&folder)?;
        let bytes = parts.values().map(|stamp| stamp.size).sum();
        status.tables.push(Table { folder, parts: parts.len(), bytes });
    }
    status.leftover = ledger.orphans()?.len();
    Ok(status)
}
