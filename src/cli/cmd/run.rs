//! `run` and `retry`.

use super::metrics::{self, Told};
use super::print::err;
use super::refusal::{Refusal, refuse};
use super::{code, signals, threads};
use crate::cli::args::{RunArgs, ShardByArg, WorkArgs};
use crate::cli::report::reporter;
use crate::job::{Ended, Job, RunOptions, Selection, Shard, ShardBy, exit};
use crate::run;
use crate::shown::Show;
use crate::store::FAULT_VARIABLE;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Runs a pipeline, or a shard of it, and tells the metrics how it ended.
pub(super) fn run(args: &RunArgs, selection: Selection) -> u8 {
    work(&args.work, selection, |job, options, emit| {
        let shard = args.shard.as_deref().map(|text| shard(text, args.shard_by)).transpose()?;
        Ok(job.run(&RunOptions { shard, ..options }, emit)?)
    })
}

/// The shard that is asked for.
fn shard(text: &str, by: ShardByArg) -> Result<Shard, Refusal> {
    let by = match by {
        ShardByArg::Path => ShardBy::Path,
        ShardByArg::Size => ShardBy::Size,
    };
    crate::job::shard(text, by).map_err(|e| Refusal::Usage(format!("--shard: {e}")))
}

/// Does something on a job, tells what happens, and gives the exit code.
pub(super) fn work(
    args: &WorkArgs,
    selection: Selection,
    what: impl FnOnce(&Job, RunOptions<'_>, &(dyn Fn(crate::job::Event) + Sync)) -> Result<Ended, Refusal>,
) -> u8 {
    let start = Instant::now();
    let (job, ended) = match Job::load(&args.pipeline.pipeline, &args.pipeline.set) {
        Ok(job) => {
            let ended = on_job(&job, args, selection, what);
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
    match code {
        exit::ITEMS_FAILED | exit::KNOWN_FAILURES if args.exit_zero_on_item_failures => code::OK,
        code => code,
    }
}

fn on_job(
    job: &Job,
    args: &WorkArgs,
    selection: Selection,
    what: impl FnOnce(&Job, RunOptions<'_>, &(dyn Fn(crate::job::Event) + Sync)) -> Result<Ended, Refusal>,
) -> Result<Ended, Refusal> {
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
        patience: Duration::from_secs(args.patience),
        fault: std::env::var(FAULT_VARIABLE).ok(),
        ..RunOptions::default()
    };
    let reporter = reporter(args.progress, job);
    let result = what(job, options, &|event| reporter.event(&event));
    reporter.finish();
    result
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
