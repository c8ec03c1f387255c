//! A job: what a pipeline file asks for, and everything that can be done with it.
//!
//! A job either takes items through steps or trains a network. Both have an output folder of their own with a ledger in
//! it, hold its lock while they write, and tell what happens as [`Event`]s. Nothing here prints.

mod engines;
mod error;
pub(crate) mod exit;
mod explore;
mod output;
mod remembered;
mod similar;
mod single;
mod status;
pub(crate) mod summary;
mod tables;
pub(crate) mod told;
mod training;
mod verify;

pub use crate::run::event::{Event as RunEvent, Stop, Summary as RunSummary};
pub use crate::run::resume::Selection;
pub use crate::run::shard::{MOST_SHARDS, Shard, ShardBy, ShardError};
pub use crate::run::shards::{Gathered, Overview, Progress, ShardState};
pub use crate::spec::Diagnostics;
pub use crate::train::{Event as TrainEvent, Summary as TrainSummary};
pub use error::JobError;
#[cfg(feature = "cli")]
pub(crate) use explore::{ExploredTable, explore_folder, explore_output};
#[cfg(feature = "cli")]
pub(crate) use output::Output;
pub(crate) use remembered::Remembered;
#[cfg(feature = "cli")]
pub(crate) use similar::{Pipeline, Question, Similar, Subject, home, similar};
pub use single::{EmbedStep, Pictured, RestoreStep, decode_file};
pub use status::{Status, Table};
pub use tables::{TableFolder, tables};
pub use verify::{Problem, Verified};

use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::run::{self, RunError, shards};
use crate::shown::Show;
use crate::spec;
use crate::store::{Store, StoreError};
use crate::train::{self, TrainError, TrainPlan};
use remembered::Facts;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// A pipeline, loaded and checked: inputs are found, models loaded, nothing is written yet.
#[derive(Debug)]
pub struct Job {
    kind: Kind,
    /// The pipeline as YAML that needs nothing else.
    resolved: String,
    /// The file that it was read from.
    file: Option<PathBuf>,
}

/// What a pipeline asks for, resolved.
#[derive(Debug)]
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
    /// The share of the items that this run is to do; all of them where it is none. What is made of all items is left to
    /// [`Job::gather`].
    pub shard: Option<Shard>,
    /// Without a sign of life for so long, this process counts as dead to others that want its shard, or gather; at least a
    /// second.
    pub patience: Duration,
    /// Planted fault, for tests.
    pub(crate) fault: Option<String>,
}

/// [`RunOptions::patience`] where nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(60);

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
            shard: None,
            patience: PATIENCE,
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

/// The shard that a text names: `3/16`, or `auto` where the engine that started this process tells it in the environment,
/// `auto/16` where it tells the number and not how many there are.
///
/// # Errors
/// When it is no such text, or the engine does not tell, which the message explains.
pub fn shard(text: &str, by: ShardBy) -> Result<Shard, ShardError> {
    engines::asked(text, by, &|name| std::env::var(name).ok())
}

/// How the shards of an output stand; none where none are to be gathered.
pub(crate) fn shards_of(output: &Path) -> Result<Option<Overview>, JobError> {
    let Some(store) = Store::existing(output)? else { return Ok(None) };
    Ok(shards::overview(&store)?)
}

impl RunOptions<'_> {
    fn for_items(&self) -> run::Options<'_> {
        run::Options {
            selection: self.selection,
            prune: self.prune,
            accept_input: self.accept_input,
            replace_edited: self.replace_edited,
            stop: self.stop,
            fault: self.fault.clone(),
            hold: run::Hold::default(),
        }
    }
}

/// What is to be done at the end of a run over items: its result is remembered.
fn remembering(
    plan: &Plan,
    facts: &Facts<'_>,
    selection: Selection,
) -> impl Fn(&Store, &RunSummary, Option<&RunError>) -> Result<(), StoreError> + Sync {
    let known = Remembered::of_items(plan, facts);
    move |store, summary, error| {
        let code = error.map_or_else(|| exit::of_run(summary, selection), exit::of_run_error);
        known.clone().write(store, (code, summary.seconds), summary::ended(summary))
    }
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
        let job = Job::parse(&text, &pipeline.shown().to_string(), overrides)?;
        Ok(Job { file: Some(pipeline.to_path_buf()), ..job })
    }

    /// The same of a text; `file` names it in messages, and its folder is where models are looked for second.
    ///
    /// # Errors
    /// As [`Job::load`].
    pub fn parse(text: &str, file: &str, overrides: &[String]) -> Result<Job, Diagnostics> {
        let env = |name: &str| std::env::var(name).ok();
        let (draft, mistakes) = spec::draft(text, file, overrides, &env, &train::vocabulary());
        let Some(draft) = draft else { return Err(mistakes) };
        let kind = if draft.train.is_some() {
            Kind::Training(train::resolve(&draft, mistakes)?)
        } else {
            Kind::Items(crate::plan::resolve(&draft, mistakes)?)
        };
        Ok(Job { kind, resolved: draft.resolved, file: None })
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

    /// What it does to items; none where it trains.
    pub(crate) fn into_plan(self) -> Option<Plan> {
        match self.kind {
            Kind::Items(plan) => Some(plan),
            Kind::Training(_) => None,
        }
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
        let start = Instant::now();
        let facts = Facts { pipeline: &self.resolved, file: self.file.as_deref() };
        self.on_threads(|| match &self.kind {
            Kind::Items(plan) => {
                let emit = |event| emit(Event::Run(event));
                let asked = options.for_items();
                if let Some(shard) = options.shard {
                    let share = shards::Share { shard, patience: options.patience };
                    let code = |ended: Result<&RunSummary, &RunError>| {
                        ended.map_or_else(exit::of_run_error, |summary| {
                            exit::of_run(summary, options.selection)
                        })
                    };
                    return Ok(Ended::Run(shards::run(plan, share, &asked, &emit, &code)?));
                }
                let at_end = remembering(plan, &facts, options.selection);
                Ok(Ended::Run(run::run(plan, &asked, &emit, &at_end)?))
            }
            Kind::Training(_) if options.shard.is_some() => Err(JobError::NotInShards),
            Kind::Training(plan) => {
                let emit = |event| emit(Event::Train(event));
                let known = Remembered::of_training(plan, &facts);
                let at_end = |store: &Store, ended: Result<&TrainSummary, &TrainError>| {
                    let code = ended.map_or_else(exit::of_train_error, |_| exit::OK);
                    let told = ended.map_or(serde_json::Value::Null, summary::trained);
                    known.clone().write(store, (code, start.elapsed().as_secs_f64()), told)
                };
                let fault = options.fault.as_deref();
                Ok(Ended::Train(training::run(plan, fault, options.stop, &emit, &at_end)?))
            }
        })
    }

    /// Puts together what shards have done: records it in the job's ledger, and publishes what is made of all items. It can be
    /// stopped or killed at any point, and be repeated. With `wait`, it waits for shards that are at work.
    ///
    /// # Errors
    /// When a shard is at work, or as [`Job::run`].
    pub fn gather(
        &self,
        options: &RunOptions<'_>,
        wait: bool,
        emit: &(dyn Fn(Event) + Sync),
    ) -> Result<Gathered, JobError> {
        let Kind::Items(plan) = &self.kind else { return Err(JobError::NotInShards) };
        let facts = Facts { pipeline: &self.resolved, file: self.file.as_deref() };
        self.on_threads(|| {
            let how = shards::gather::Gathering { wait, patience: options.patience };
            let emit = |event| emit(Event::Run(event));
            let at_end = remembering(plan, &facts, options.selection);
            Ok(shards::gather::gather(plan, how, &options.for_items(), &emit, &at_end)?)
        })
    }

    /// How the shards stand that are not gathered yet; none where there are none.
    ///
    /// # Errors
    /// When they can't be looked at.
    pub fn shards(&self) -> Result<Option<Overview>, JobError> {
        shards_of(self.output())
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
                Some(plan.products_digest)
            }
            Kind::Training(_) => None,
        };
        Ok(status::status(&ledger, asked)?)
    }

    /// The ledger, where something has been run.
    pub(crate) fn ledger(&self) -> Result<Ledger, JobError> {
        let found = Ledger::of_job(self.output(), self.name())?;
        found.ok_or_else(|| JobError::NothingRun { output: self.output().to_path_buf() })
    }

    /// Has `work` take as many threads as the job may, which it does already where the whole program does.
    pub(crate) fn on_threads<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, JobError> + Send,
    ) -> Result<T, JobError> {
        if rayon::current_num_threads() == self.threads() {
            return work();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads()).build();
        pool.map_err(|e| run::RunError::Threads(e.to_string()))?.install(work)
    }
}
