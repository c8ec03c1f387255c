//! The commands: each turns arguments into a call of the library and its result into text and a code.

mod code;
mod export;
mod ignore;
mod inspect;
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
use crate::job::{Job, Kind, Selection};
use crate::plan::Plan;
use crate::spec;
use crate::train::TrainPlan;
use opened::Given;
use print::out;
use refusal::{Refusal, refuse};
use std::path::Path;

/// Executes a command line; returns the exit code.
pub fn execute(cli: &Cli) -> u8 {
    threads::guarded(|| command(&cli.command))
}

fn command(command: &Command) -> u8 {
    match command {
        Command::Run(args) => run::run(args, Selection::Outstanding),
        Command::Retry(args) => run::run(args, Selection::FailedOnly),
        Command::Check(args) => {
            with_job(args, |job| by_kind(job, plan::check, |training| Ok(train::check(training, args))))
        }
        Command::Plan(args) => with_job(&args.pipeline, |job| {
            by_kind(job, |plan| plan::plan(plan, args.items), |training| Ok(train::plan(training)))
        }),
        Command::Status(args) => {
            with_given((&args.given.pipeline, &args.given.set), |given| status::status(given, args.failures))
        }
        Command::Verify(args) => with_given((&args.given.pipeline, &args.given.set), verify::verify),
        Command::Report(args) => {
            let pipeline = &args.run.pipeline;
            with_given((&pipeline.pipeline, &pipeline.set), |given| report::report(given, args.json))
        }
        Command::Ignore(args) => with_job(&args.pipeline, |job| {
            by_kind(job, |plan| ignore::ignore(plan, &args.paths), |training| Ok(train::ignore(training)))
        }),
        Command::Model(args) => threads::with_all(|| model::model(args)),
        Command::InspectModel(args) => inspect::inspect(args),
        Command::List(args) => threads::with_all(|| list::list(args)),
        Command::Schema => {
            let schema = spec::json_schema(&crate::train::vocabulary());
            out(&format!("{schema:#}\n"))
        }
        Command::Reference => {
            out(&(spec::reference_markdown(&crate::train::vocabulary()) + &crate::pipeline::reference()))
        }
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut command, "safelight", &mut text);
            out(&String::from_utf8_lossy(&text))
        }
    }
}

fn with_job(args: &PipelineArgs, command: impl FnOnce(&Job) -> Result<u8, Refusal>) -> u8 {
    let done = || {
        let job = Job::load(&args.pipeline, &args.set)?;
        threads::start(job.threads())?;
        command(&job)
    };
    done().unwrap_or_else(|refusal| refuse(&refusal))
}

/// As [`with_job`], for commands that an output folder is enough for.
fn with_given(args: (&Path, &[String]), command: impl FnOnce(&Given) -> Result<u8, Refusal>) -> u8 {
    let done = || {
        let given = opened::given(args)?;
        threads::start(match &given {
            Given::Job(job) => job.threads(),
            Given::Output(_) => 0,
        })?;
        command(&given)
    };
    done().unwrap_or_else(|refusal| refuse(&refusal))
}

fn by_kind(
    job: &Job,
    items: impl FnOnce(&Plan) -> Result<u8, Refusal>,
    training: impl FnOnce(&TrainPlan) -> Result<u8, Refusal>,
) -> Result<u8, Refusal> {
    match job.kind() {
        Kind::Items(plan) => items(plan),
        Kind::Training(plan) => training(plan),
    }
}
