//! Opening what a command names: a pipeline, or the output of a job that has run.

use super::refusal::{Refusal, nothing_run, unwritable};
use crate::cli::args::GivenArgs;
use crate::job::{Job, Output};
use crate::ledger::Ledger;
use crate::run::shards::refuse_ungathered;
use crate::shown::Show;
use crate::store::{FAULT_VARIABLE, Fault, Guard, Lock, LockError, Store, StoreError, look};
use std::path::Path;

/// What a command's argument names.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(super) enum Given {
    /// A pipeline, loaded and checked.
    Job(Job),
    /// An output folder in place of its pipeline.
    Output(Output),
}

/// Opens what the argument names: a folder is the output of a job that has run, anything else a pipeline.
///
/// # Errors
/// Every mistake of the pipeline; a folder that is no output.
pub(super) fn given(args: &GivenArgs) -> Result<Given, Refusal> {
    // What can't be looked at is told as a pipeline that can't be read.
    if !look::is_folder(&args.pipeline).unwrap_or(false) {
        return Ok(Given::Job(Job::load(&args.pipeline, &args.set)?));
    }
    if !args.set.is_empty() {
        let what = "is a folder, the output of a job, and `--set` changes a pipeline; leave one of them out";
        return Err(Refusal::Usage(format!("{} {what}", args.pipeline.shown())));
    }
    Ok(Given::Output(Output::open(&args.pipeline)?))
}

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
    refuse_ungathered(&store)?;
    Ok((store, lock))
}
