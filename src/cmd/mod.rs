//! The commands: each turns arguments into a call of the library and its result into text and a code.

mod list;
mod model;
mod plan;
mod report;
mod run;
mod sample;
mod status;
mod train;
mod verify;

use crate::cli::{Cli, Command, PipelineArgs};
use crate::plan::Plan;
use crate::run::RunError;
use crate::run::ledger::LedgerError;
use crate::shown::Show;
use crate::spec::{self, Diagnostic, Diagnostics};
use crate::store::LockError;
use crate::train::TrainPlan;
use std::io::Write;

/// Exit codes, as `--help` promises them.
pub mod code {
    /// All done.
    pub const OK: u8 = 0;
    /// A failure that has no code of its own, such as an output that does not verify.
    pub const FAILURE: u8 = 1;
    /// A command that does not fit what it is asked of.
    pub const USAGE: u8 = 2;
    /// Finished, some items failed.
    pub const ITEMS_FAILED: u8 = 10;
    /// Stopped at `max_failures`.
    pub const TOO_MANY_FAILURES: u8 = 11;
    /// Finished; nothing new failed, but failures known before stand.
    pub const KNOWN_FAILURES: u8 = 12;
    /// The input is not the one that is known, or too much of it is gone; nothing has changed.
    pub const OTHER_INPUT: u8 = 13;
    /// Training ended worse than where it began; a better model was kept.
    pub const DIVERGED: u8 = 14;
    /// Interrupted, resumable.
    pub const INTERRUPTED: u8 = 20;
    /// The output could not be written.
    pub const STORAGE: u8 = 30;
    /// Invalid pipeline.
    pub const INVALID: u8 = 78;
}

/// Executes a command line; returns the exit code.
pub fn execute(cli: &Cli) -> u8 {
    match &cli.command {
        Command::Run(args) => run::run(args, crate::run::resume::Selection::Outstanding),
        Command::Retry(args) => run::run(args, crate::run::resume::Selection::FailedOnly),
        Command::Check(args) => with_job(args, plan::check, |job| train::check(job, args)),
        Command::Plan(args) => with_job(&args.pipeline, |p| plan::plan(p, args.items), train::plan),
        Command::Status(args) => {
            with_job(&args.pipeline, |p| status::status(p, args.failures), train::status)
        }
        Command::Verify(args) => with_job(args, verify::verify, train::verify),
        Command::Report(args) => with_job(&args.pipeline, report::report, train::report),
        Command::Model(args) => model::model(args),
        Command::List(args) => list::list(args),
        Command::Schema => {
            let schema = spec::json_schema(&crate::plan::vocabulary());
            out(&format!("{schema:#}\n"))
        }
        Command::Reference => out(&spec::reference_markdown(&crate::plan::vocabulary())),
        Command::Sample(args) => sample::sample(args),
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "safelight", &mut text);
            out(&String::from_utf8_lossy(&text))
        }
    }
}

/// Writes to standard output; a closed pipe is no error.
fn out(text: &str) -> u8 {
    std::io::stdout().write_all(text.as_bytes()).ok();
    code::OK
}

/// Writes to standard error.
fn err(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}

/// Warnings of values that are hardly meant, to standard error.
fn warn(warnings: &[Diagnostic]) {
    warnings.iter().for_each(|warning| err(&format!("{}\n\n", warning.render())));
}

/// What a pipeline asks for, resolved.
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
enum Job {
    /// Steps over the items of an archive.
    Run(Plan),
    /// Training.
    Train(TrainPlan),
}

/// Reads and resolves a pipeline.
fn load(args: &PipelineArgs) -> Result<Job, Diagnostics> {
    let text = spec::read_file(&args.pipeline)?;
    let file = args.pipeline.shown().to_string();
    let env = |name: &str| std::env::var(name).ok();
    match spec::draft(&text, &file, &args.set, &env, &crate::plan::vocabulary()) {
        (Some(draft), mistakes) if draft.train.is_some() => {
            crate::train::resolve(&draft, mistakes).map(Job::Train)
        }
        (Some(draft), mistakes) => crate::plan::resolve(&draft, mistakes).map(Job::Run),
        (None, mistakes) => Err(mistakes),
    }
}

fn with_job(
    args: &PipelineArgs,
    run: impl FnOnce(&Plan) -> Result<u8, RunError>,
    train: impl FnOnce(&TrainPlan) -> u8,
) -> u8 {
    match load(args) {
        Ok(Job::Run(plan)) => run(&plan).unwrap_or_else(|error| fail(&error)),
        Ok(Job::Train(plan)) => train(&plan),
        Err(mistakes) => invalid(&mistakes),
    }
}

fn invalid(mistakes: &Diagnostics) -> u8 {
    let count = mistakes.count();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    err(&format!("{}\n\n{count} {noun}; nothing was written\n", mistakes.render()));
    code::INVALID
}

fn fail(error: &RunError) -> u8 {
    if let RunError::Collision(mistakes) = error {
        return invalid(mistakes);
    }
    err(&format!("error: {error}\n"));
    match error {
        RunError::NoInput(_) | RunError::Collision(_) | RunError::Foreign(_) => code::INVALID,
        RunError::Ledger(LedgerError::Owner { .. }) => code::INVALID,
        RunError::OtherInput(_) => code::OTHER_INPUT,
        RunError::Lock(LockError::Held { .. }) | RunError::Threads(_) => code::FAILURE,
        RunError::Lock(LockError::Io { .. })
        | RunError::Store(_)
        | RunError::Ledger(_)
        | RunError::Table { .. } => code::STORAGE,
    }
}
