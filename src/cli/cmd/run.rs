//! `run` and `retry`.

use super::print::err;
use super::refusal::{invalid, refuse};
use super::{code, signals, threads};
use crate::cli::args::RunArgs;
use crate::cli::report::reporter;
use crate::job::{Ended, Job, RunOptions, RunSummary, Selection, Stop};
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
        Ok(Ended::Run(summary)) => exit_code(&summary, selection),
        Ok(Ended::Train(_)) => code::OK,
        Err(error) => refuse(&error.into()),
    }
}

fn exit_code(summary: &RunSummary, selection: Selection) -> u8 {
    let old = summary.again + summary.standing;
    match summary.stop {
        Some(Stop::Interrupted) => code::INTERRUPTED,
        Some(Stop::TooManyFailures) => code::TOO_MANY_FAILURES,
        Some(Stop::StorageFailed) => code::STORAGE,
        None if summary.failed > 0 => code::ITEMS_FAILED,
        // Whoever asks for another try wants to know what came of it, also of what was acknowledged.
        None if summary.again + summary.ignored > 0 && selection == Selection::FailedOnly => {
            code::ITEMS_FAILED
        }
        None if old > 0 => code::KNOWN_FAILURES,
        None => code::OK,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_tells_new_failures_from_old_ones() {
        let run = |failed, again, standing, ignored| RunSummary {
            failed,
            again,
            standing,
            ignored,
            ..RunSummary::default()
        };
        let cases = [
            (run(1, 2, 3, 4), code::ITEMS_FAILED, code::ITEMS_FAILED),
            (run(0, 1, 0, 0), code::KNOWN_FAILURES, code::ITEMS_FAILED),
            (run(0, 0, 1, 0), code::KNOWN_FAILURES, code::KNOWN_FAILURES),
            (run(0, 0, 0, 1), code::OK, code::ITEMS_FAILED),
            (run(0, 0, 0, 0), code::OK, code::OK),
        ];
        for (summary, once, again) in cases {
            assert_eq!(exit_code(&summary, Selection::Outstanding), once, "{summary:?}");
            assert_eq!(exit_code(&summary, Selection::FailedOnly), again, "{summary:?}");
        }
        for (stop, wanted) in
            [(Stop::Interrupted, 20), (Stop::TooManyFailures, 11), (Stop::StorageFailed, 30)]
        {
            let summary = RunSummary { stop: Some(stop), ..run(1, 1, 1, 1) };
            assert_eq!(exit_code(&summary, Selection::Outstanding), wanted);
        }
    }
}
