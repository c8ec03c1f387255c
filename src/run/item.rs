//! One item: read, check, decode, run the chain, stage the results. A failure is a value.
//!
//! An item can halt before a step of the chain, so that a group of items takes that step together.

mod chain;
mod failure;
mod processed;

use super::task::Task;
use crate::columns::Row;
use crate::error::{ErrorKind, ItemError, panic_text};
use crate::inputs::Input;
use crate::ledger::{Facts, Outcome};
use crate::pipeline::Sample;
use crate::plan::Plan;
use crate::store::{Store, StoreError};
use chain::Work;
use failure::Stopped;
pub(super) use failure::refused;
pub(super) use processed::Processed;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// An item that is being processed.
pub(super) struct Item<'a> {
    work: Work<'a>,
    state: State,
    spent: Duration,
}

/// How far it has come.
enum State {
    /// Decoded; the sample has passed the steps before `next`.
    Open {
        sample: Box<Sample>,
        facts: Facts,
        next: usize,
    },
    Ended(Result<Outcome, StoreError>),
    Large,
}

/// What came of an item.
#[derive(Debug)]
pub(super) enum Done {
    /// It is ready for the committer.
    Processed(Box<Processed>),
    /// Nothing: it takes more memory than there was room for.
    Large,
}

impl<'a> Item<'a> {
    /// Reads and decodes `input`, to do `task`. With a `refusal`, that is its failure; with `room`, it is left
    /// alone when it is expected to take more bytes.
    pub(super) fn open(
        plan: &'a Plan,
        store: &'a Store,
        input: &'a Input,
        task: &'a Task,
        refusal: Option<ItemError>,
        room: Option<u64>,
        replace_edited: bool,
    ) -> Item<'a> {
        let work = Work::new(plan, store, input, task, refusal, replace_edited);
        let mut item = Item { work, state: State::Large, spent: Duration::ZERO };
        item.guarded(|work| {
            Ok(match work.open(room)? {
                (facts, Some(sample)) => State::Open { sample: Box::new(sample), facts, next: 0 },
                (facts, None) => State::Ended(Ok(Outcome::Done(facts))),
            })
        });
        item
    }

    /// Takes the sample through the steps before `until`, which may not lie behind a fan-out.
    pub(super) fn advance(&mut self, until: usize) {
        self.go_on(|work, mut sample, facts, next| {
            work.pass(next, until, &mut sample)?;
            Ok(State::Open { sample, facts, next: until })
        });
    }

    /// The sample, if it stands before the step at `index` and that is to make something of it.
    pub(super) fn waiting(&self, index: usize) -> Option<&Sample> {
        match &self.state {
            State::Open { sample, next, .. } if *next == index => {
                self.work.wants(&self.work.plan.chain[index]).then_some(sample)
            }
            _ => None,
        }
    }

    /// Goes on behind the step at `index`, which has given `row` in `took`.
    pub(super) fn take(&mut self, index: usize, row: Result<Row, ItemError>, took: Duration) {
        self.spent += took;
        self.go_on(|work, mut sample, facts, _| {
            let planned = &work.plan.chain[index];
            work.seconds[index + 1] += took.as_secs_f64();
            let row = row.map_err(|e| e.at_step(planned.name))?;
            work.record(planned, &row);
            work.keep_measured(index, &mut sample, row);
            Ok(State::Open { sample, facts, next: index + 1 })
        });
    }

    /// Takes the sample through what is left of the chain.
    ///
    /// # Errors
    /// Only when the output can't be written; every other failure is in the entry.
    pub(super) fn finish(mut self) -> Result<Done, StoreError> {
        self.go_on(|work, sample, facts, next| {
            work.walk(next, work.end(), *sample)?;
            work.stage_fragments()?;
            Ok(State::Ended(Ok(Outcome::Done(facts))))
        });
        match self.state {
            State::Ended(outcome) => {
                Ok(Done::Processed(Box::new(self.work.finish(outcome?, self.spent.as_secs_f64()))))
            }
            State::Open { .. } | State::Large => Ok(Done::Large),
        }
    }

    /// Bytes that it holds until it is finished.
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Open { sample, .. } => sample.bytes(),
            _ => 0,
        }
    }

    fn go_on(
        &mut self,
        step: impl FnOnce(&mut Work<'a>, Box<Sample>, Facts, usize) -> Result<State, Stopped>,
    ) {
        match std::mem::replace(&mut self.state, State::Large) {
            State::Open { sample, facts, next } => self.guarded(|work| step(work, sample, facts, next)),
            ended => self.state = ended,
        }
    }

    /// Whatever happens in `step` is this item's alone.
    fn guarded(&mut self, step: impl FnOnce(&mut Work<'a>) -> Result<State, Stopped>) {
        let start = Instant::now();
        let work = &mut self.work;
        let result = catch_unwind(AssertUnwindSafe(|| step(work)));
        self.state = match result {
            Ok(Ok(state)) => state,
            Ok(Err(Stopped::Large)) => State::Large,
            Ok(Err(Stopped::Store(e))) => {
                self.work.discard();
                State::Ended(Err(e))
            }
            Ok(Err(Stopped::Item(error))) => State::Ended(Ok(self.work.failed(error))),
            Err(panic) => {
                let text = panic_text(panic.as_ref());
                let message = format!("internal error: {text}; please report this file");
                State::Ended(Ok(self.work.failed(ItemError::new(ErrorKind::Panic, message))))
            }
        };
        self.spent += start.elapsed();
    }
}
