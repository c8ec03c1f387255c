//! The commands: each turns arguments into a call of the library and its result into text and a code.

mod list;
mod model;
mod plan;
mod report;
mod run;
mod sample;
mod status;
mod verify;

use crate::cli::{Cli, Command, PipelineArgs};
use crate::plan::Plan;
use crate::run::RunError;
use crate::run::ledger::LedgerError;
use crate::spec::{self, Diagnostics};
use crate::steps;
use crate::store::LockError;
use std::io::Write;

/// Exit codes, as `--help` promises them.
pub mod code {
    /// All done.
    pub const OK: u8 = 0;
    /// A failure that has no code of its own, such as an output that does not verify.
    pub const FAILURE: u8 = 1;
    /// Finished, some items failed.
    pub const ITEMS_FAILED: u8 = 10;
    /// Stopped at `max_failures`.
    pub const TOO_MANY_FAILURES: u8 = 11;
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
        Command::Check(args) => with_plan(args, plan::check),
        Command::Plan(args) => with_plan(&args.pipeline, |p| plan::plan(p, args.items)),
        Command::Status(args) => with_plan(&args.pipeline, |p| status::status(p, args.failures)),
        Command::Verify(args) => with_plan(args, verify::verify),
        Command::Report(args) => with_plan(&args.pipeline, report::report),
        Command::Model(args) => model::model(args),
        Command::List(args) => list::list(args),
        Command::Schema => {
            let schema = spec::json_schema(&steps::descriptors());
            out(&format!("{schema:#}\n"))
        }
        Command::Reference => out(&spec::reference_markdown(&steps::descriptors())),
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

/// Reads and resolves a pipeline.
fn load(args: &PipelineArgs) -> Result<Plan, Diagnostics> {
    let text = spec::read_file(&args.pipeline)?;
    let file = args.pipeline.display().to_string();
    let env = |name: &str| std::env::var(name).ok();
    match spec::draft(&text, &file, &args.set, &env, &steps::descriptors()) {
        (Some(draft), mistakes) => crate::plan::resolve(&draft, mistakes),
        (None, mistakes) => Err(mistakes),
    }
}

fn with_plan(args: &PipelineArgs, then: impl FnOnce(&Plan) -> Result<u8, RunError>) -> u8 {
    match load(args) {
        Ok(plan) => then(&plan).unwrap_or_else(|error| fail(&error)),
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
        RunError::Lock(LockError::Held { .. }) | RunError::Threads(_) => code::FAILURE,
        RunError::Lock(LockError::Io { .. })
        | RunError::Store(_)
        | RunError::Ledger(_)
        | RunError::Table { .. } => code::STORAGE,
    }
}
