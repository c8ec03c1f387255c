//! The commands: each turns arguments into a call of the library and its result into text and a code.

mod code;
mod explore;
mod export;
mod gather;
mod ignore;
mod inspect;
mod list;
mod machine;
mod metrics;
mod model;
mod opened;
mod plan;
mod print;
mod refusal;
mod report;
mod run;
mod shards;
mod signals;
mod similar;
mod status;
mod threads;
mod train;
mod verify;

use crate::cli::args::{Cli, Command, GivenArgs, PipelineArgs};
use crate::job::{Job, Kind, Selection};
use crate::plan::Plan;
use crate::spec;
use crate::train::TrainPlan;
use machine::Form;
use opened::Given;
use print::out;
use refusal::Refusal;

/// Executes a command line; returns the exit code.
pub fn execute(cli: &Cli) -> u8 {
    threads::guarded(|| command(&cli.command))
}

fn command(command: &Command) -> u8 {
    match command {
        Command::Run(args) => run::run(args, Selection::Outstanding),
        Command::Retry(args) => run::run(args, Selection::FailedOnly),
        Command::Gather(args) => gather::gather(args),
        Command::Check(args) => with_job(args, Form::Text, |job| {
            by_kind(job, plan::check, |training| train::check(training, args))
        }),
        Command::Plan(args) => {
            let form = Form::new("plan", args.json);
            with_job(&args.pipeline, form, |job| {
                by_kind(
                    job,
                    |plan| plan::plan(plan, args.items, form),
                    |training| train::plan(training, form),
                )
            })
        }
        Command::Status(args) => {
            let form = Form::new("status", args.json);
            with_given(&args.given, form, |given| match args.shards {
                true => shards::shards(given, form),
                false => status::status(given, args.failures, form),
            })
        }
        Command::Verify(args) => {
            let form = Form::new("verify", args.json);
            with_given(&args.given, form, |given| verify::verify(given, form))
        }
        Command::Report(args) => {
            let PipelineArgs { pipeline, set } = args.run.work.pipeline.clone();
            let form = Form::new("report", args.json);
            with_given(&GivenArgs { pipeline, set }, form, |given| report::report(given, args.json))
        }
        Command::Explore(args) => {
            let explored = threads::start(0).and_then(|()| explore::explore(args));
            explored.unwrap_or_else(|refusal| Form::new("explore", args.json).refuse(&refusal))
        }
        Command::Similar(args) => {
            let found = threads::start(0).and_then(|()| similar::similar(args));
            found.unwrap_or_else(|refusal| Form::new("similar", args.json).refuse(&refusal))
        }
        Command::Ignore(args) => with_job(&args.pipeline, Form::Text, |job| {
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

fn with_job(args: &PipelineArgs, form: Form, command: impl FnOnce(&Job) -> Result<u8, Refusal>) -> u8 {
    let done = || {
        let job = Job::load(&args.pipeline, &args.set)?;
        threads::start(job.threads())?;
        command(&job)
    };
    done().unwrap_or_else(|refusal| form.refuse(&refusal))
}

/// As [`with_job`], for commands that an output folder is enough for.
fn with_given(args: &GivenArgs, form: Form, command: impl FnOnce(&Given) -> Result<u8, Refusal>) -> u8 {
    let done = || {
        let given = opened::given(args)?;
        threads::start(match &given {
            Given::Job(job) => job.threads(),
            Given::Output(_) => 0,
        })?;
        command(&given)
    };
    done().unwrap_or_else(|refusal| form.refuse(&refusal))
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
