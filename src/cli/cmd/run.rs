//! `run` and `retry`.

use super::metrics::{self, Told};
use super::print::err;
use super::refusal::{Refusal, refuse};
use super::{code, signals, threads};
use crate::cli::args::RunArgs;
use crate::cli::report::reporter;
use crate::job::{Ended, Job, RunOptions, Selection, exit};
use crate::run;
use crate::shown::Show;
use crate::store::FAULT_VARIABLE;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Runs a pipeline, and tells the metrics how it ended.
pub(super) fn run(args: &RunArgs, selection: Selection) -> u8 {
    let start = Instant::now();
    let (job, ended) = match Job::load(&args.pipeline.pipeline, &args.pipeline.set) {
        Ok(job) => {
            let ended = run_job(&job, args, selection);
            (Some(job), ended)
        }
        Err(mistakes) => (None, Err(mistakes.into())),
    };
    let code = match &ended {
        Ok(Ended::Run(summary)) => exit::of_run(summary, selection),
        Ok(Ended::Train(_)) => code::OK,
        Err(refusal) => refuse(refusal),
    };
    if let Some(file) = &args.metrics {
        let (pipeline, seconds) = (args.pipeline.pipeline.as_path(), start.elapsed().as_secs_f64());
        let told = Told { job: job.as_ref(), pipeline, exit: code, seconds, ended: ended.as_ref().ok() };
        if let Err(error) = metrics::write(file, &told) {
            // Whoever watches them sees that they are old.
            err(&format!("warning: no metrics in {}: {error}\n", file.shown()));
        }
    }
    code
}

fn run_job(job: &Job, args: &RunArgs, selection: Selection) -> Result<Ended, Refusal> {
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(error) = signals::catch(&stop) {
        err(&format!("warning: signals can't be caught ({error}); an interrupt stops at once\n"));
    }
    quiet_panics();
    threads::start(job.threads())?;
    let options = RunOptions {
        selection,
        prune: args.prune,
        accept_input: args.accept_input,
        replace_edited: args.replace_edited,
        stop: &stop,
        fault: std::env::var(FAULT_VARIABLE).ok(),
        ..RunOptions::default()
    };
    let reporter = reporter(args.progress, job);
    let result = job.run(&options, &|event| reporter.event(&event));
    reporter.finish();
    Ok(result?)
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
