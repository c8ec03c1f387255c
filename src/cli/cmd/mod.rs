//! The commands: each turns arguments into a call of the library and its result into text and a code.

mod ignore;
mod inspect;
mod list;
mod model;
mod plan;
mod report;
mod run;
mod signals;
mod status;
mod threads;
mod train;
mod verify;

use crate::cli::args::{Cli, Command, PipelineArgs};
use crate::ledger::{Ledger, LedgerError};
use crate::plan::Plan;
use crate::run::RunError;
use crate::shown::{self, Show};
use crate::spec::{self, Diagnostic, Diagnostics};
use crate::store::{Fault, Guard, Lock, LockError, Store, StoreError};
use crate::train::TrainPlan;
use std::io::Write;
use std::path::Path;

/// Exit codes, as `--help` promises them.
pub mod code {
    /// All done.
    pub const OK: u8 = 0;
    /// A failure that has no code of its own, such as an output that does not verify.
    pub const FAILURE: u8 = 1;
    /// A command that does not fit what it is asked of.
    pub const USAGE: u8 = 2;
    /// Finished, some items failed that had not failed so before.
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
    /// The output could not be written, or the input could not be listed.
    pub const STORAGE: u8 = 30;
    /// Invalid pipeline.
    pub const INVALID: u8 = 78;
}

/// Executes a command line; returns the exit code.
pub fn execute(cli: &Cli) -> u8 {
    threads::guarded(|| command(&cli.command))
}

fn command(command: &Command) -> u8 {
    match command {
        Command::Run(args) => run::run(args, crate::run::resume::Selection::Outstanding),
        Command::Retry(args) => run::run(args, crate::run::resume::Selection::FailedOnly),
        Command::Check(args) => with_job(args, plan::check, |job| train::check(job, args)),
        Command::Plan(args) => with_job(&args.pipeline, |p| plan::plan(p, args.items), train::plan),
        Command::Status(args) => {
            with_job(&args.pipeline, |p| status::status(p, args.failures), train::status)
        }
        Command::Verify(args) => with_job(args, verify::verify, train::verify),
        Command::Report(args) => with_job(&args.pipeline, report::report, train::report),
        Command::Ignore(args) => {
            with_job(&args.pipeline, |plan| ignore::ignore(plan, &args.paths), train::ignore)
        }
        Command::Model(args) => threads::with_all(|| model::model(args)),
        Command::InspectModel(args) => inspect::inspect(args),
        Command::List(args) => threads::with_all(|| list::list(args)),
        Command::Schema => {
            let schema = spec::json_schema(&crate::train::vocabulary());
            out(&format!("{schema:#}\n"))
        }
        Command::Reference => out(&spec::reference_markdown(&crate::train::vocabulary())),
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
    std::io::stdout().write_all(shown::text(text).as_bytes()).ok();
    code::OK
}

/// Writes to standard error.
fn err(text: &str) {
    std::io::stderr().write_all(shown::text(text).as_bytes()).ok();
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
    match spec::draft(&text, &file, &args.set, &env, &crate::train::vocabulary()) {
        (Some(draft), mistakes) if draft.train.is_some() => {
            crate::train::resolve(&draft, mistakes).map(Job::Train)
        }
        (Some(draft), mistakes) => crate::plan::resolve(&draft, mistakes).map(Job::Run),
        (None, mistakes) => Err(mistakes),
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Refusal {
    /// The job can't be run or looked at.
    Run(RunError),
    /// The command does not fit what it was asked of, in words.
    Usage(String),
    /// Nothing can be written where this command writes, in words.
    Unwritable(String),
}

impl<E> From<E> for Refusal
where
    RunError: From<E>,
{
    fn from(error: E) -> Refusal {
        Refusal::Run(error.into())
    }
}

fn with_job(
    args: &PipelineArgs,
    run: impl FnOnce(&Plan) -> Result<u8, Refusal>,
    train: impl FnOnce(&TrainPlan) -> u8,
) -> u8 {
    match load(args) {
        Ok(Job::Run(plan)) => {
            threads::start(plan.limits.threads).and_then(|()| run(&plan)).unwrap_or_else(|e| refuse(&e))
        }
        Ok(Job::Train(plan)) => match threads::start(plan.threads) {
            Ok(()) => train(&plan),
            Err(error) => refuse(&error),
        },
        Err(mistakes) => invalid(&mistakes),
    }
}

/// The ledger of a job that has run into `output`, for the commands that tell or change what was done.
fn ledger_of(output: &Path, name: &str) -> Result<Ledger, Refusal> {
    Ledger::of_job(output, name)?.ok_or_else(|| nothing_run(output))
}

fn nothing_run(output: &Path) -> Refusal {
    Refusal::Usage(format!(
        "nothing has been run into {} yet; `run` the pipeline first, or correct `output` if the results are elsewhere",
        output.shown()
    ))
}

/// Opens and locks a job's output to write something of a command's own there, which `what` names.
fn open_locked(output: &Path, what: &str) -> Result<(Store, Lock), Refusal> {
    let refused = |error| match error {
        LockError::Io { source, .. } | LockError::Store(StoreError::Io { source, .. }) => {
            unwritable(output, what, &source)
        }
        other => other.into(),
    };
    let store = Store::open(output, Guard::default(), Fault::default()).map_err(|e| refused(e.into()))?;
    let lock = Lock::take(&store).map_err(refused)?;
    Ok((store, lock))
}

fn unwritable(output: &Path, what: &str, error: &std::io::Error) -> Refusal {
    Refusal::Unwritable(format!(
        "{what} stands in the output, and {} can't be written to: {error}; mount it for writing and check its permissions \
         and free space, or copy it elsewhere and set `output`; `status`, `verify` and `plan` only read",
        output.shown()
    ))
}

fn refuse(refusal: &Refusal) -> u8 {
    let (message, code) = match refusal {
        Refusal::Run(error) => return fail(error),
        Refusal::Usage(message) => (message, code::USAGE),
        Refusal::Unwritable(message) => (message, code::STORAGE),
    };
    err(&format!("error: {message}\n"));
    code
}

fn invalid(mistakes: &Diagnostics) -> u8 {
    let count = mistakes.count();
    let noun = if count == 1 { "mistake" } else { "mistakes" };
    err(&format!("{}\n\n{count} {noun}; nothing was written\n", mistakes.render()));
    code::INVALID
}

fn fail(error: &RunError) -> u8 {
    err(&format!("error: {error}\n"));
    match error {
        RunError::NoInput(_) | RunError::Foreign(_) => code::INVALID,
        RunError::Ledger(LedgerError::Owner { .. }) => code::INVALID,
        RunError::OtherInput(_) => code::OTHER_INPUT,
        RunError::Lock(LockError::Held { .. }) | RunError::Threads(_) => code::FAILURE,
        RunError::Store(StoreError::Refused(_)) => code::INVALID,
        RunError::Input(_)
        | RunError::Lock(_)
        | RunError::Store(_)
        | RunError::Ledger(_)
        | RunError::Table { .. } => code::STORAGE,
    }
}
