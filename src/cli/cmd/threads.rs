//! Threads that can't be started are a failure like any other, although libraries that start theirs on first use
//! panic then.

use super::code;
use super::print::err;
use super::refusal::{Refusal, refuse};
use crate::error::{is_about_folders, is_about_threads, panic_text};
use crate::run::RunError;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};

/// Starts the threads that list, compare and hash files: on their first use, rayon would panic where it can't.
/// With 0, there are as many as cores.
///
/// # Errors
/// When the system refuses one.
pub(super) fn start(count: usize) -> Result<(), Refusal> {
    match rayon::ThreadPoolBuilder::new().num_threads(count).build_global() {
        // Without a cause, it says that they are there already.
        Err(error) if error.source().is_some() => Err(RunError::Threads(error.to_string()).into()),
        _ => Ok(()),
    }
}

/// Runs a command that has no job, whose limits would say how many threads there are to be.
pub(super) fn with_all(run: impl FnOnce() -> u8) -> u8 {
    match start(0) {
        Ok(()) => run(),
        Err(refusal) => refuse(&refusal),
    }
}

/// Runs a command; a panic about threads becomes its message and its exit code.
pub(super) fn guarded(run: impl FnOnce() -> u8) -> u8 {
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        if !is_about_threads(info.payload()) && !is_about_folders(info.payload()) {
            usual(info);
        }
    }));
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(code) => code,
        Err(panic) if is_about_threads(panic.as_ref()) => {
            err(
                "error: cannot start worker threads: the system refuses them; end other programs, raise the limit of \
                 processes (`ulimit -u`), or set limits.threads and POLARS_MAX_THREADS lower\n",
            );
            code::FAILURE
        }
        Err(panic) if is_about_folders(panic.as_ref()) => {
            err(&format!("error: {}; check the mount, then run again\n", panic_text(panic.as_ref())));
            code::STORAGE
        }
        Err(panic) => resume_unwind(panic),
    }
}
