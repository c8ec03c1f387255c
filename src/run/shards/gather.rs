//! Putting the shards of a job together: their records go into the job's ledger, then all is published as after a run.
//!
//! Nothing is taken from a shard before it is recorded for good, and the shards' files go last: killed at any point, it is
//! begun again and comes to the same.

use super::alive::{holding, pause, take};
use super::overview::{ShardState, leased, names, overview};
use super::place::{self, FOLDER, GATHER};
use super::progress;
use super::set::Set;
use super::state::State;
use crate::inputs::Listing;
use crate::ledger::{Ledger, Outcome};
use crate::plan::Plan;
use crate::run::begin;
use crate::run::committer::Totals;
use crate::run::error::RunError;
use crate::run::event::{Event, Stop, Summary};
use crate::run::finish::{AtEnd, finish};
use crate::run::options::{Hold, Options};
use crate::run::origin;
use crate::run::prepare::{self, Prepared};
use crate::run::resume::Reason;
use crate::run::task::Task;
use crate::store::{Asked, Fault, Guard, Known, Lease, Lock, LockError, Owner, Store, Tenure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How to gather.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathering {
    /// Wait for shards that are at work, in place of refusing.
    pub wait: bool,
    /// Time without a sign of life after which who gathers counts as dead.
    pub patience: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gathered {
    /// As of a run.
    pub summary: Summary,
    /// Shards, by their numbers from 1, of whose items some are outstanding since they did not come to their end.
    pub unfinished: Vec<(u32, ShardState)>,
    /// How many shards there were.
    pub count: u32,
}

/// Puts all shards together.
///
/// # Errors
/// When a shard is at work, another process gathers, or as a run's.
pub(crate) fn gather(
    plan: &Plan,
    how: Gathering,
    options: &Options<'_>,
    emit: &(dyn Fn(Event) + Sync),
    at_end: AtEnd<'_>,
) -> Result<Gathered, RunError> {
    let start = Instant::now();
    let listing = prepare::list(plan)?;
    let guard = Guard::new(listing.folders.iter().copied());
    let store = Store::open(&plan.output, guard, Fault::parse(options.fault.as_deref()))?;
    let Some(lease) = alone(&store, how, (options, emit))? else {
        let summary = Summary { stop: Some(Stop::Interrupted), ..Summary::default() };
        emit(Event::Ended(summary.clone()));
        return Ok(Gathered { summary, unfinished: Vec::new(), count: 0 });
    };
    let taken = "another process gathers now, as this one gave no sign of life";
    let gathered = holding(&lease, how.patience, (&|| {}, taken), |still_held| {
        let options = Options { hold: Hold(Some(still_held)), ..options.clone() };
        Gather { plan, store: &store, lease: &lease, patience: how.patience, options: &options }.run(
            listing,
            (start, emit),
            at_end,
        )
    });
    drop(lease);
    store.remove_empty(Path::new(FOLDER))?;
    gathered
}

/// The lease on gathering, while no shard is at work; none where a stop was asked for meanwhile.
fn alone(
    store: &Store,
    how: Gathering,
    (options, emit): (&Options<'_>, &(dyn Fn(Event) + Sync)),
) -> Result<Option<Lease>, RunError> {
    loop {
        let mut alive = at_work(store)?;
        if alive.is_empty() {
            // Whoever begins a shard says so before it looks for this; one of the two sees the other.
            let taken = take(store, GATHER, how.patience, (options.stop, emit))?;
            let Some((lease, _)) = taken else { return Ok(None) };
            alive = at_work(store)?;
            if alive.is_empty() {
                return Ok(Some(lease));
            }
        }
        if !how.wait {
            return Err(RunError::Shards(format!(
                "shards are at work: {}; gather when they have ended, or with --wait",
                alive.join(", ")
            )));
        }
        if !pause(options.stop) {
            return Ok(None);
        }
    }
}

/// The shards that processes work at, or may do so, in words.
fn at_work(store: &Store) -> Result<Vec<String>, RunError> {
    let mut alive = Vec::new();
    for name in leased(store)? {
        if let Tenure::Alive(owner, _) = store.tenure(Path::new(FOLDER), &name)? {
            alive.push(format!("{} by {}", place::spoken(&name), text(owner.as_ref())));
        }
    }
    Ok(alive)
}

/// Keeps runs away, on this machine. A shard that was taken over and only sleeps shares the lock still, and has no say.
fn lock(store: &Store) -> Result<Lock, LockError> {
    match Lock::take(store) {
        Err(LockError::Held { output, owner }) => {
            Lock::share(store).map_err(|_| LockError::Held { output, owner })
        }
        taken => taken,
    }
}

fn text(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "another process".to_string(), |owner| owner.process.text())
}

/// Items that failed in shards, by their paths.
#[derive(Debug, Default)]
struct Failed {
    /// For a reason that lies in the file.
    lasting: BTreeSet<Vec<u8>>,
    /// For one that may pass, so that every run tries them again.
    passing: BTreeSet<Vec<u8>>,
}

impl Failed {
    fn of(&mut self, may_pass: bool) -> &mut BTreeSet<Vec<u8>> {
        if may_pass { &mut self.passing } else { &mut self.lasting }
    }

    /// How many failed before for a reason that may pass, and were not tried in these shards.
    fn not_tried(&self, prepared: &Prepared) -> usize {
        let key = |task: &Task| prepared.inputs[task.input].key().to_vec();
        let failed = prepared.tasks.iter().filter(|task| !is_untried(task) && !task.before.ignored);
        failed.filter(|task| !self.passing.contains(&key(task))).count()
    }
}

/// A gathering that nothing else is at work beside.
struct Gather<'a> {
    plan: &'a Plan,
    store: &'a Store,
    lease: &'a Lease,
    patience: Duration,
    options: &'a Options<'a>,
}

/// A shard that is being gathered.
struct Held {
    lease: Lease,
    state: State,
}

impl Gather<'_> {
    fn run(
        &self,
        listing: Listing,
        (start, emit): (Instant, &(dyn Fn(Event) + Sync)),
        at_end: AtEnd<'_>,
    ) -> Result<Gathered, RunError> {
        let Gather { plan, store, options, .. } = *self;
        let _lock = lock(store)?;
        store.sweep()?;
        let mut ledger = Ledger::open(store)?;
        if ledger.is_alone() {
            // One that sleeps and is taken over must not, when it wakes, bring what its log held into the ledger.
            ledger.settle()?;
        }
        ledger.refuse_other_owner(&plan.name)?;
        ledger.rename(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
        let set = Set::read(store)?;
        if let Some(set) = &set {
            set.refuse_other_job(&plan.name)?;
        }
        let states = overview(store)?.map(|overview| overview.shards).unwrap_or_default();
        let mut totals = Totals::none(plan);
        let mut failed = Failed::default();
        let mut held = Vec::new();
        let stopped = || options.stop.load(Ordering::SeqCst);
        if let Some(set) = &set {
            for name in names(store)?.iter().take_while(|_| !stopped()) {
                held.push(self.fold((name, &set.id), &mut ledger, (&mut totals, &mut failed))?);
            }
        }
        options.hold.check()?;
        let asked = (options.selection, options.prune);
        let mut prepared =
            prepare::decide_all(plan, listing, (Some(store), true), Some(&ledger), asked, None)?;
        let allowed = (options.accept_input, options.replace_edited);
        let folders = begin::refuse(plan, (store, Some(&ledger)), &prepared, allowed)?;
        ledger.adopt(&plan.name)?;
        origin::remember(plan, &mut ledger)?;
        let (unfinished, outstanding) = left_over(&prepared, set.as_ref(), &states);
        let mut summary = begin::found(&prepared);
        totals.add_to(&mut summary);
        // Those that are done now were outstanding when the shards began.
        summary.skipped = summary.skipped.saturating_sub(summary.done);
        summary.standing = summary.standing.saturating_sub(failed.lasting.len());
        summary.standing += failed.not_tried(&prepared);
        let whole = prepared.tasks.is_empty();
        prepared.tasks.clear();
        ledger.claim(folders.iter().map(Vec::as_slice))?;
        summary.stop = if stopped() {
            Some(Stop::Interrupted)
        } else if summary.failed > plan.limits.max_failures.allowed(prepared.inputs.len(), 1) {
            Some(Stop::TooManyFailures)
        } else {
            (!unfinished.is_empty() || outstanding > 0).then_some(Stop::ShardsMissing)
        };
        emit(Event::Gathered {
            count: set.as_ref().map_or(0, |set| set.count),
            unfinished: unfinished.iter().map(|(number, state)| (*number, state.name())).collect(),
            outstanding,
        });
        options.hold.check()?;
        let result = finish(plan, (store, &mut ledger), &prepared, options, (start, emit), &mut summary);
        if result.is_err() {
            summary.seconds = start.elapsed().as_secs_f64();
        }
        if result.is_ok() && summary.stop.is_none() && whole {
            ledger.set_state_lost(false)?;
        }
        // Of one that was taken over, the other tells.
        if let Err(lost) = options.hold.check() {
            return Err(result.err().unwrap_or(lost));
        }
        if ledger.is_alone() {
            ledger.settle()?;
        }
        let ended = at_end(store, &summary, result.as_ref().err());
        result?;
        ended?;
        if summary.stop != Some(Stop::Interrupted) {
            self.clear(held, set.as_ref())?;
        }
        Ok(Gathered { summary, unfinished, count: set.map_or(0, |set| set.count) })
    }

    /// Records what a shard has recorded; keeps it, so that whoever had it and lives after all learns of it.
    fn fold(
        &self,
        (name, set): (&str, &str),
        ledger: &mut Ledger,
        (totals, failed): (&mut Totals, &mut Failed),
    ) -> Result<Held, RunError> {
        let store = self.store;
        let (lease, dead) = match store.ask_beside(self.lease, name, self.patience)? {
            Asked::Taken { lease, dead } => (lease, dead),
            Asked::Held(owner) => {
                let shard = place::spoken(name);
                return Err(RunError::Shards(format!(
                    "shard {shard} was just begun by {}",
                    text(owner.as_ref())
                )));
            }
        };
        // What is on another disk is not here yet, also where that is of this machine.
        let state = State::new(&self.plan.output, None, (name, lease.generation()), set)?;
        if state.is_lost(store, dead)? {
            ledger.set_state_lost(true)?;
        }
        let delta = state.open(store, self.options.hold)?;
        self.options.hold.check()?;
        ledger.fold(&delta, store.fault(), &mut |entry, known| {
            let record = &entry.record;
            let pixels = match &record.outcome {
                Outcome::Done(facts) => u64::from(facts.width) * u64::from(facts.height),
                Outcome::Failed { error, .. } => {
                    if !record.ignored {
                        failed.of(error.kind.is_transient()).insert(entry.path.clone());
                    }
                    0
                }
            };
            totals.count(record, pixels, known);
        })?;
        Ok(Held { lease, state })
    }

    /// Removes what shards kept, now that all of it is in the ledger. What they agreed on goes last but for what only tells of
    /// them, so that until then nothing else begins.
    fn clear(&self, held: Vec<Held>, set: Option<&Set>) -> Result<(), RunError> {
        let (store, hold) = (self.store, self.options.hold);
        for Held { lease, state } in held {
            hold.check()?;
            state.clear(store)?;
            drop(lease);
        }
        hold.check()?;
        if let Some(set) = set {
            set.remove(store)?;
        }
        for name in names(store)? {
            hold.check()?;
            store.remove(&progress::path(&name), &Known::anything())?;
        }
        Ok(())
    }
}

/// Shards that did not come to their end and have outstanding items; and how many others are outstanding: those that came or
/// changed after their shard had looked, or that no shard was ever begun for. What failed and is tried again by every run is
/// none of them.
fn left_over(
    prepared: &Prepared,
    set: Option<&Set>,
    states: &[(ShardState, Option<super::progress::Progress>)],
) -> (Vec<(u32, ShardState)>, usize) {
    let mut unfinished = BTreeMap::new();
    let mut others = 0;
    for task in &prepared.tasks {
        let index = set.map(|set| place::index(place::point(prepared.inputs[task.input].key()), &set.cuts));
        let state = index.map(|index| states.get(index).map_or(ShardState::Missing, |(state, _)| *state));
        // What failed and is tried again by every run is no reason to begin one that nobody began.
        match (index, state) {
            (_, Some(ShardState::Missing) | None) if !is_untried(task) => {}
            (Some(index), Some(state)) if state != ShardState::Finished => {
                unfinished.insert(index as u32 + 1, state);
            }
            _ => others += usize::from(is_untried(task)),
        }
    }
    (unfinished.into_iter().collect(), others)
}

/// Whether an item waits for its first try, as against those that failed and are tried again by every run.
fn is_untried(task: &Task) -> bool {
    task.reason != Reason::FailedBefore
}
