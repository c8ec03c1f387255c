//! The commands: each turns arguments into a call of the library and its result into text and a code.

mod code;
mod ignore;
mod inspect;
mod job;
mod list;
mod model;
mod opened;
mod plan;
mod print;
mod refusal;
mod report;
mod run;
mod signals;
mod status;
mod threads;
mod train;
mod verify;

use crate::cli::args::{Cli, Command, PipelineArgs};
use crate::plan::Plan;
use crate::spec;
use crate::train::TrainPlan;
use job::{Job, load};
use print::out;
use refusal::{Refusal, invalid, refuse};

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
