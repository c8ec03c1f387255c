//! What the library's callers ask a job to tell, as JSON on one line: the keys are those of the program's `--json`.

use super::words::{error, object, path};
use super::{event, plan, shards, status, training, verify};
use crate::job::{
    Ended, Event, Gathered, Job, JobError, Kind, Remembered, Selection, ShardState, exit, summary,
};
use crate::ledger::Ledger;
use crate::run::prepare;
use crate::train::TrainError;
use serde_json::{Value, json};

impl Job {
    /// What a run would do, as `plan --json` tells it: where a run would be refused, `error` says why. With `items`, each
    /// item and why it is done or not.
    ///
    /// # Errors
    /// When the ledger can't be read or is another job's, or no input matches.
    pub fn plan_json(&self, items: bool) -> Result<String, JobError> {
        let told = |error, fields, exit| object("plan", error, fields, exit).to_string();
        let planned = match self.kind() {
            Kind::Items(planned) => planned,
            Kind::Training(planned) => {
                Ledger::of_job(&planned.output, &planned.name).map_err(TrainError::from)?;
                training::refuse_empty(planned)?;
                return Ok(told(Value::Null, training::training_plan(planned)?, exit::OK));
            }
        };
        self.on_threads(|| {
            let ledger = Ledger::of_job(&planned.output, &planned.name)?;
            if let Some(ledger) = &ledger {
                let former = (&planned.former.digest, &planned.products_digest);
                ledger.read_renamed(&planned.former.products, former)?;
            }
            let prepared =
                prepare::prepare(planned, ledger.as_ref(), Selection::Outstanding).map_err(JobError::from)?;
            let fields = plan::plan(planned, &prepared, items);
            Ok(match plan::may_run(planned, ledger.as_ref(), &prepared) {
                Ok(()) => told(Value::Null, fields, exit::OK),
                Err(refusal) => told(error(&refusal.to_string(), None), fields, refusal.exit()),
            })
        })
    }

    /// How it stands, as `status --json` tells it; with `failures`, each of them.
    ///
    /// # Errors
    /// As [`Job::status`].
    pub fn status_json(&self, failures: bool) -> Result<String, JobError> {
        let found = self.status()?;
        let last = Remembered::read(self.output()).filter(|run| run.job == self.name());
        let whose = (self.name(), self.output());
        let (fields, exit) = match self.kind() {
            Kind::Items(_) => {
                let exit = if found.failed.is_empty() { exit::OK } else { exit::KNOWN_FAILURES };
                (status::items(whose, &found, last.as_ref(), failures), exit)
            }
            Kind::Training(planned) => {
                let resume = training::resume(planned)?;
                (status::training_status(whose, &found, last.as_ref(), resume), exit::OK)
            }
        };
        Ok(object("status", Value::Null, fields, exit).to_string())
    }

    /// How the shards stand that are not gathered yet, as `status --shards --json` tells it.
    ///
    /// # Errors
    /// As [`Job::shards`].
    pub fn shards_json(&self) -> Result<String, JobError> {
        let fields = shards::shards((self.name(), self.output()), self.shards()?.as_ref());
        Ok(object("status", Value::Null, fields, exit::OK).to_string())
    }

    /// What is not as it was written, as `verify --json` tells it.
    ///
    /// # Errors
    /// As [`Job::verify`].
    pub fn verify_json(&self) -> Result<String, JobError> {
        let (fields, exit) = verify::verified((self.name(), self.output()), self.trains(), &self.verify()?);
        Ok(object("verify", Value::Null, fields, exit).to_string())
    }
}

impl Ended {
    /// The exit code that the program gives such an end of a run over these items.
    pub fn exit(&self, selection: Selection) -> u8 {
        match self {
            Ended::Run(summary) => exit::of_run(summary, selection),
            Ended::Train(_) => exit::OK,
        }
    }

    /// The totals, as JSON lines tell them at the end, with the output folder and the exit code.
    pub fn json(&self, job: &Job, selection: Selection) -> String {
        totals(self, job, selection).to_string()
    }
}

fn totals(ended: &Ended, job: &Job, selection: Selection) -> Value {
    let mut told = match ended {
        Ended::Run(totals) => summary::ended(totals),
        Ended::Train(totals) => summary::trained(totals),
    };
    told["exit"] = json!(ended.exit(selection));
    told["output"] = json!(path(job.output()));
    told
}

impl Gathered {
    /// As [`Ended::json`], with the number of shards, and those that did not come to their end.
    pub fn json(&self, job: &Job, selection: Selection) -> String {
        let mut told = totals(&Ended::Run(self.summary.clone()), job, selection);
        let one = |(number, state): &(u32, ShardState)| json!({"shard": number, "state": state.name()});
        told["shards"] = json!(self.count);
        told["unfinished"] = self.unfinished.iter().map(one).collect();
        told.to_string()
    }
}

impl Event {
    /// What happened, as JSON lines tell it (docs/machines.md); none of training.
    pub fn json(&self) -> Option<String> {
        match self {
            Event::Run(happened) => Some(event::event(happened).to_string()),
            Event::Train(_) => None,
        }
    }
}

impl JobError {
    /// The exit code that the program gives it.
    pub fn exit(&self) -> u8 {
        match self {
            JobError::Run(error) => exit::of_run_error(error),
            JobError::Train(error) => exit::of_train_error(error),
            JobError::Pipeline(_) => exit::INVALID,
            JobError::NothingRun { .. }
            | JobError::NotInShards
            | JobError::NoOutput(_)
            | JobError::Explore(_) => exit::USAGE,
        }
    }
}
