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

impl From<TrainError> for Refusal {
    fn from(error: TrainError) -> Refusal {
        Refusal::Train(error)
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
            JobError::Pipeline(mistakes) => Refusal::Invalid(*mistakes),
            other @ (JobError::NothingRun { .. }
            | JobError::NoOutput(_)
            | JobError::NotInShards
            | JobError::Explore(_)) => Refusal::Usage(other.to_string()),
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

/// What is said of it on one line, and the exit code.
pub(super) fn told(refusal: &Refusal) -> (String, u8) {
    match refusal {
        Refusal::Run(error) => (error.to_string(), exit::of_run_error(error)),
        Refusal::Train(error) => (error.to_string(), exit::of_train_error(error)),
        Refusal::Invalid(mistakes) => {
            let count = mistakes.count();
            let noun = if count == 1 { "mistake" } else { "mistakes" };
            (format!("{count} {noun}; nothing was written"), code::INVALID)
        }
        Refusal::Usage(message) => (message.clone(), code::USAGE),
        Refusal::Unwritable(message) => (message.clone(), code::STORAGE),
    }
}

/// Says it on standard error; gives the exit code.
pub(super) fn refuse(refusal: &Refusal) -> u8 {
    let (message, code) = told(refusal);
    match refusal {
        Refusal::Invalid(mistakes) => err(&format!("{}\n\n{message}\n", mistakes.render())),
        // Whoever interrupts knows it, and it is no error.
        Refusal::Train(TrainError::Interrupted { .. }) => err(&format!("{message}\n")),
        _ => err(&format!("error: {message}\n")),
    }
    code
}
