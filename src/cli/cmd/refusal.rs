//! Why a command did not do what it was asked: what is said of it, and the exit code.

use super::code;
use super::print::err;
use crate::job::{JobError, exit};
use crate::ledger::LedgerError;
use crate::run::RunError;
use crate::shown::Show;
use crate::spec::Diagnostics;
use crate::store::{LockError, StoreError};
use crate::train::TrainError;
use std::path::Path;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The job can't be run or looked at.
    Run(RunError),
    /// Training did not come to its end.
    Train(TrainError),
    /// The pipeline has mistakes.
    Invalid(Diagnostics),
    /// The command does not fit what it was asked of, in words.
    Usage(String),
    /// Nothing can be written where this command writes, in words.
    Unwritable(String),
}

impl From<Diagnostics> for Refusal {
    fn from(mistakes: Diagnostics) -> Refusal {
        Refusal::Invalid(mistakes)
    }
}

impl From<RunError> for Refusal {
    fn from(error: RunError) -> Refusal {
        Refusal::Run(error)
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Refusal {
        Refusal::Run(error.into())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Run(error.into())
    }
}

impl From<LockError> for Refusal {
    fn from(error: LockError) -> Refusal {
        Refusal::Run(error.into())
    }
}

impl From<JobError> for Refusal {
    fn from(error: JobError) -> Refusal {
        match error {
            JobError::Run(error) => Refusal::Run(error),
            JobError::Train(error) => Refusal::Train(error),
            other @ (JobError::NothingRun { .. } | JobError::NoOutput(_)) => {
                Refusal::Usage(other.to_string())
            }
        }
    }
}

pub(super) fn nothing_run(output: &Path) -> Refusal {
    JobError::NothingRun { output: output.to_path_buf() }.into()
}

pub(super) fn unwritable(output: &Path, what: &str, error: &std::io::Error) -> Refusal {
    Refusal::Unwritable(format!(
        "{what} stands in the output, and {} can't be written to: {error}; mount it for writing and check its permissions \
         and free space, or copy it elsewhere and set `output`; `status`, `verify` and `plan` only read",
        output.shown()
    ))
}

pub(super) fn refuse(refusal: &Refusal) -> u8 {
    let (message, code) = match refusal {
        Refusal::Run(error) => return fail(error),
        Refusal::Train(error) => return fail_training(error),
        Refusal::Invalid(mistakes) => return invalid(mistakes),
        Refusal::Usage(message) => (message, code::USAGE),
        Refusal::Unwritable(message) => (message, code::STORAGE),
    };
    err(&format!("error: {message}\n"));
    code
}

pub(super) fn invalid(mistakes: &Diagnostics) -> u8 {
    let count = mistakes.count();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    err(&format!("{}\n\n{count} {noun}; nothing was written\n", mistakes.render()));
    code::INVALID
}

pub(super) fn fail(error: &RunError) -> u8 {
    err(&format!("error: {error}\n"));
    exit::of_run_error(error)
}

/// Says why training did not come to its end; gives the exit code.
pub(super) fn fail_training(error: &TrainError) -> u8 {
    match error {
        TrainError::Interrupted { .. } => err(&format!("{error}\n")),
        _ => err(&format!("error: {error}\n")),
    }
    exit::of_train_error(error)
}
