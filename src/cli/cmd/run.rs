//! `run` and `retry`.

use super::print::err;
use super::refusal::{invalid, refuse};
use super::{code, signals, threads};
use crate::cli::args::RunArgs;
use crate::cli::report::reporter;
use crate::job::{Ended, Job, RunOptions, Selection, exit};
use crate::run;
use crate::store::FAULT_VARIABLE;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs a pipeline.
pub(super) fn run(args: &RunArgs, selection: Selection) -> u8 {
    let job = match Job::load(&args.pipeline.pipeline, &args.pipeline.set) {
        Ok(job) => job,
        Err(mistakes) => return invalid(&mistakes),
    };
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(error) = signals::catch(&stop) {
        err(&format!("warning: signals can't be caught ({error}); an interrupt stops at once\n"));
    }
    quiet_panics();
    if let Err(refusal) = threads::start(job.threads()) {
        return refuse(&refusal);
    }
    let options = RunOptions {
        selection,
        prune: args.prune,
        accept_input: args.accept_input,
        replace_edited: args.replace_edited,
        stop: &stop,
        fault: std::env::var(FAULT_VARIABLE).ok(),
    };
    let reporter = reporter(args.progress, &job);
    let result = job.run(&options, &|event| reporter.event(&event));
    reporter.finish();
    match result {
        Ok(Ended::Run(summary)) => exit::of_run(&summary, selection),
        Ok(Ended::Train(_)) => code::OK,
        Err(error) => refuse(&error.into()),
    }
}

/// A panic inside an item becomes that item's failure; its message must not tear the progress bar.
fn quiet_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let worker = std::thread::current().name().is_some_and(|n| n.starts_with(run::WORKER_NAME));
        if !worker {
            usual(info);
        }
    }));
}
