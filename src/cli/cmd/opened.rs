//! Opening the output of a job that has run.

use super::refusal::{Refusal, nothing_run, unwritable};
use crate::ledger::Ledger;
use crate::store::{FAULT_VARIABLE, Fault, Guard, Lock, LockError, Store, StoreError};
use std::path::Path;

/// The ledger of a job that has run into `output`, for the commands that tell or change what was done.
pub(super) fn ledger_of(output: &Path, name: &str) -> Result<Ledger, Refusal> {
    Ledger::of_job(output, name)?.ok_or_else(|| nothing_run(output))
}

/// Opens and locks a job's output to write something of a command's own there, which `what` names.
pub(super) fn open_locked(output: &Path, what: &str) -> Result<(Store, Lock), Refusal> {
    let refused = |error| match error {
        LockError::Io { source, .. } | LockError::Store(StoreError::Io { source, .. }) => {
            unwritable(output, what, &source)
        }
        other => other.into(),
    };
    let fault = Fault::parse(std::env::var(FAULT_VARIABLE).ok().as_deref());
    let store = Store::open(output, Guard::default(), fault).map_err(|e| refused(e.into()))?;
    let lock = Lock::take(&store).map_err(refused)?;
    Ok((store, lock))
}
