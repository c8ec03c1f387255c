//! Opening what a command names: a pipeline, or the output of a job that has run.

use super::refusal::{Refusal, nothing_run, unwritable};
use crate::job::{Job, Output};
use crate::ledger::Ledger;
use crate::shown::{self, Show};
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
pub(super) fn given((path, set): (&Path, &[String])) -> Result<Given, Refusal> {
    // What can't be looked at is told as a pipeline that can't be read.
    if !look::is_folder(path).unwrap_or(false) {
        return Ok(Given::Job(Job::load(path, set)?));
    }
    if !set.is_empty() {
        let what = "is a folder, the output of a job, and `--set` changes a pipeline; leave one of them out";
        return Err(Refusal::Usage(format!("{} {what}", path.shown())));
    }
    Ok(Given::Output(Output::open(path)?))
}

/// The job that ran into an output last, from the pipeline that it remembers; none where it remembers none. Goes into
/// the directory that the job ran in, for the relative paths in it.
///
/// # Errors
/// Where it can't be loaded any more: the input or a model is gone, or the language has changed.
pub(super) fn job_of(output: &Output) -> Option<Result<Job, Refusal>> {
    let run = output.remembered()?;
    // Where it is gone, so are the files that relative paths lead to, and loading tells.
    std::env::set_current_dir(shown::decode(&run.directory)).ok();
    let file = run.pipeline_file.as_deref().unwrap_or("pipeline");
    Some(Job::parse(&run.pipeline, file, &[]).map_err(Refusal::from))
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
    Ok((store, lock))
}
