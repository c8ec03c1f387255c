//! A job: what a pipeline file asks for, and everything that can be done with it.
//!
//! A job either takes items through steps or trains a network. Both have an output folder of their own with a ledger in
//! it, hold its lock while they write, and tell what happens as [`Event`]s. Nothing here prints.

mod error;
mod status;
mod training;
mod verify;

pub use crate::run::event::{Event as RunEvent, Stop, Summary as RunSummary};
pub use crate::run::resume::Selection;
pub use crate::spec::Diagnostics;
pub use crate::train::{Event as TrainEvent, Summary as TrainSummary};
pub use error::JobError;
pub use status::{Status, Table};
pub use verify::{Problem, Verified};

use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::run;
use crate::shown::Show;
use crate::spec;
use crate::train::{self, TrainPlan};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A pipeline, loaded and checked: inputs are found, models loaded, nothing is written yet.
#[derive(Debug)]
pub struct Job {
    kind: Kind,
}

/// What a pipeline asks for, resolved.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(crate) enum Kind {
    /// Steps over the items of an archive.
    Items(Plan),
    /// Training.
    Training(TrainPlan),
}

/// Choices of one run that do not change results.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunOptions<'a> {
    /// Which items.
    pub selection: Selection,
    /// Remove outputs of inputs that vanished and of earlier settings.
    pub prune: bool,
    /// Go on although the input is another one than before, or much of it is gone.
    pub accept_input: bool,
    /// Replace outputs that somebody edited since they were written.
    pub replace_edited: bool,
    /// When it becomes true, what is under way is finished, and the run ends.
    pub stop: &'a AtomicBool,
    /// Planted fault, for tests.
    pub(crate) fault: Option<String>,
}

/// For runs that nobody stops.
static NEVER: AtomicBool = AtomicBool::new(false);

impl Default for RunOptions<'_> {
    fn default() -> Self {
        RunOptions {
            selection: Selection::Outstanding,
            prune: false,
            accept_input: false,
            replace_edited: false,
            stop: &NEVER,
            fault: None,
        }
    }
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Over items.
    Run(RunEvent),
    /// In training.
    Train(TrainEvent),
}

/// How a run ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ended {
    /// Over items, some of which may have failed.
    Run(RunSummary),
    /// Training is over.
    Train(TrainSummary),
}

impl Job {
    /// Reads the pipeline in a file, with overrides such as `input.path=/archive` applied in order. Variables are taken
    /// from the environment.
    ///
    /// # Errors
    /// Every mistake of the file, the overrides, and what they name, each with its place.
    pub fn load(pipeline: impl AsRef<Path>, overrides: &[String]) -> Result<Job, Diagnostics> {
        let pipeline = pipeline.as_ref();
        let text = spec::read_file(pipeline)?;
        Job::parse(&text, &pipeline.shown().to_string(), overrides)
    }

    /// The same of a text; `file` names it in messages, and its folder is where models are looked for second.
    ///
    /// # Errors
    /// As [`Job::load`].
    pub fn parse(text: &str, file: &str, overrides: &[String]) -> Result<Job, Diagnostics> {
        let env = |name: &str| std::env::var(name).ok();
        let kind = match spec::draft(text, file, overrides, &env, &train::vocabulary()) {
            (Some(draft), mistakes) if draft.train.is_some() => {
                train::resolve(&draft, mistakes).map(Kind::Training)
            }
            (Some(draft), mistakes) => crate::plan::resolve(&draft, mistakes).map(Kind::Items),
            (None, mistakes) => Err(mistakes),
        };
        kind.map(|kind| Job { kind })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Items(plan) => &plan.name,
            Kind::Training(plan) => &plan.name,
        }
    }

    /// Its output folder, absolute.
    pub fn output(&self) -> &Path {
        match &self.kind {
            Kind::Items(plan) => &plan.output,
            Kind::Training(plan) => &plan.output,
        }
    }

    /// Threads that it takes.
    pub fn threads(&self) -> usize {
        match &self.kind {
            Kind::Items(plan) => plan.limits.threads,
            Kind::Training(plan) => plan.threads,
        }
    }

    /// Whether it trains.
    pub fn trains(&self) -> bool {
        matches!(self.kind, Kind::Training(_))
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Runs it to its end, or until stopped; what is done already is kept. `emit` is called from several threads.
    ///
    /// # Errors
    /// When the run can't start, or the output can no longer be written; and training that was interrupted or came to
    /// nothing. What is recorded until then holds, and the next run goes on from there.
    pub fn run(&self, options: &RunOptions<'_>, emit: &(dyn Fn(Event) + Sync)) -> Result<Ended, JobError> {
        // A retry where nothing was run yet is a mistake, and must not make a folder.
        if options.selection == Selection::FailedOnly {
            self.ledger()?;
        }
        self.on_threads(|| match &self.kind {
            Kind::Items(plan) => {
                let options = run::Options {
                    selection: options.selection,
                    prune: options.prune,
                    accept_input: options.accept_input,
                    replace_edited: options.replace_edited,
                    stop: options.stop,
                    fault: options.fault.clone(),
                };
                Ok(Ended::Run(run::run(plan, &options, &|event| emit(Event::Run(event)))?))
            }
            Kind::Training(plan) => {
                let emit = |event| emit(Event::Train(event));
                Ok(Ended::Train(training::run(plan, options.fault.as_deref(), options.stop, &emit)?))
            }
        })
    }

    /// Compares every file of the output with what was recorded when it was written.
    ///
    /// # Errors
    /// When nothing has been run, or the ledger can't be read or is another job's.
    pub fn verify(&self) -> Result<Verified, JobError> {
        self.on_threads(|| verify::verify(self.output(), &self.ledger()?))
    }

    /// What the ledger says of the items.
    ///
    /// # Errors
    /// As [`Job::verify`].
    pub fn status(&self) -> Result<Status, JobError> {
        let ledger = self.ledger()?;
        let asked = match &self.kind {
            Kind::Items(plan) => {
                ledger.read_renamed(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
                plan.products_digest
            }
            Kind::Training(_) => Default::default(),
        };
        Ok(status::status(&ledger, asked)?)
    }

    /// The ledger, where something has been run.
    pub(crate) fn ledger(&self) -> Result<Ledger, JobError> {
        let found = Ledger::of_job(self.output(), self.name())?;
        found.ok_or_else(|| JobError::NothingRun { output: self.output().to_path_buf() })
    }

    /// Has `work` take as many threads as the job may, which it does already where the whole program does.
    fn on_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, JobError> + Send) -> Result<T, JobError> {
        if rayon::current_num_threads() == self.threads() {
            return work();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads()).build();
        pool.map_err(|e| run::RunError::Threads(e.to_string()))?.install(work)
    }
}
