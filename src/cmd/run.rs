//! `run` and `retry`.

use super::{Job, code, fail, invalid, load, train, warn};
use crate::cli::{Progress, RunArgs};
use crate::report::reporter;
use crate::run::event::{Stop, Summary};
use crate::run::resume::Selection;
use crate::run::{self, Options};
use crate::store::FAULT_VARIABLE;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs a pipeline.
pub fn run(args: &RunArgs, selection: Selection) -> u8 {
    let job = match load(&args.pipeline) {
        Ok(job) => job,
        Err(mistakes) => return invalid(&mistakes),
    };
    if !matches!(args.progress, Progress::Quiet | Progress::Json) {
        warn(match &job {
            Job::Run(plan) => &plan.warnings,
            Job::Train(plan) => &plan.warnings,
        });
    }
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(error) = catch_signals(&stop) {
        super::err(&format!("warning: signals can't be caught ({error}); an interrupt stops at once\n"));
    }
    let fault = std::env::var(FAULT_VARIABLE).ok();
    quiet_panics();
    let plan = match job {
        Job::Run(plan) => plan,
        Job::Train(plan) if selection == Selection::FailedOnly => return train::retry(&plan),
        Job::Train(plan) => return train::run(&plan, args.progress, fault.as_deref(), &stop),
    };
    let reporter = reporter(args.progress, &plan);
    let options = Options {
        selection,
        prune: args.prune,
        accept_input: args.accept_input,
        replace_edited: args.replace_edited,
        stop: &stop,
        fault,
    };
    let result = run::run(&plan, &options, &|event| reporter.event(&event));
    reporter.finish();
    match result {
        Ok(summary) => exit_code(&summary),
        Err(error) => fail(&error),
    }
}

fn exit_code(summary: &Summary) -> u8 {
    match summary.stop {
        Some(Stop::Interrupted) => code::INTERRUPTED,
        Some(Stop::TooManyFailures) => code::TOO_MANY_FAILURES,
        Some(Stop::StorageFailed) => code::STORAGE,
        None if summary.failed + summary.standing > 0 => code::ITEMS_FAILED,
        None => code::OK,
    }
}

/// The first SIGINT or SIGTERM asks for a stop, the second ends the process at once.
fn catch_signals(stop: &Arc<AtomicBool>) -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // Order matters: the exit looks at the flag before the first signal sets it.
        signal_hook::flag::register_conditional_shutdown(signal, code::INTERRUPTED.into(), stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(())
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
