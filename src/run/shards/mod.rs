//! A share of a job's items, done by itself on one of several machines.
//!
//! A shard reads the job's ledger as it was when the shards began, writes the files of its own items, and records them in
//! a ledger of its own. It publishes nothing that is made of all items, and takes nothing away: that is left to
//! [`gather`]. All that shards share are files that are made without replacing one, and leases.

mod alive;
pub(crate) mod gather;
pub(crate) mod overview;
mod place;
mod progress;
mod set;
mod state;

pub use gather::Gathered;
pub use overview::{Overview, ShardState};
pub(crate) use overview::{overview, refuse_ungathered};
pub use progress::Progress;

use super::begin;
use super::error::RunError;
use super::event::{Event, Stop, Summary};
use super::options::{Hold, Options};
use super::origin;
use super::prepare;
use super::shard::Shard;
use super::work::work;
use crate::inputs::{Input, Listing};
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::store::{Fault, Guard, Lease, Lock, Store, Tenure};
use alive::{holding, take};
use progress::Counter;
use set::Set;
use state::State;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a shard is to do, and with what patience for others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Which shard.
    pub shard: Shard,
    /// Time without a sign of life after which its owner counts as dead.
    pub patience: Duration,
}

/// Tells with which exit code a run ends, which the shard remembers.
pub(crate) type ExitOf<'a> = &'a dyn Fn(Result<&Summary, &RunError>) -> u8;

/// Runs a shard to its end, or until stopped.
///
/// # Errors
/// When another process has the shard, all are being gathered, or as a run's.
pub(crate) fn run(
    plan: &Plan,
    share: Share,
    options: &Options<'_>,
    emit: &(dyn Fn(Event) + Sync),
    exit: ExitOf<'_>,
) -> Result<Summary, RunError> {
    let start = Instant::now();
    let listing = prepare::list(plan)?;
    let guard = Guard::new(listing.folders.iter().copied());
    let store = Store::open(&plan.output, guard, Fault::parse(options.fault.as_deref()))?;
    // Of no use between machines that share no locks; there it is the leases that keep others away.
    let _lock = Lock::share(&store)?;
    let name = place::name(share.shard.index(), share.shard.count());
    let taken = take(&store, &name, share.patience, (options.stop, emit))?;
    let Some((lease, dead)) = taken else {
        let summary = Summary { stop: Some(Stop::Interrupted), ..Summary::default() };
        emit(Event::Ended(summary.clone()));
        return Ok(summary);
    };
    let silent = AtomicBool::new(dead.is_some());
    let shared = Shared { plan, share, store: &store, lease: &lease, dead, name: &name, silent: &silent };
    let gathering = refuse_gathering(&store, options);
    let done = gathering.and_then(|()| shared.run(listing, options, (start, emit), exit));
    if silent.load(Ordering::SeqCst) {
        // Whoever is next is to know that an owner was lost.
        lease.abandon();
    }
    done
}

/// Fails where all shards are being gathered, after some seconds: who gathers may only have had a look whether it can.
/// It looks for shards after it has said that it gathers, as this one, which is held already, looks for it.
fn refuse_gathering(store: &Store, options: &Options<'_>) -> Result<(), RunError> {
    let mut looks = 0;
    while let Tenure::Alive(owner, _) = store.tenure(Path::new(place::FOLDER), place::GATHER)? {
        looks += 1;
        if looks > 5 || options.stop.load(Ordering::SeqCst) {
            let who = owner.map_or_else(|| "another process".to_string(), |owner| owner.process.text());
            return Err(RunError::Shards(format!(
                "the shards are being gathered by {who}; start this one again when that is over"
            )));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// What belongs to a shard that is held.
struct Shared<'a> {
    plan: &'a Plan,
    share: Share,
    store: &'a Store,
    lease: &'a Lease,
    dead: Option<u32>,
    name: &'a str,
    /// Something is known of it here alone: that its last owner was lost, or what is on a disk of this machine.
    silent: &'a AtomicBool,
}

impl Shared<'_> {
    fn run(
        &self,
        listing: Listing,
        options: &Options<'_>,
        (start, emit): (Instant, &(dyn Fn(Event) + Sync)),
        exit: ExitOf<'_>,
    ) -> Result<Summary, RunError> {
        let counter: OnceLock<Counter> = OnceLock::new();
        let tell = || {
            // That of one that was taken over is the other's.
            if let Some(counter) = counter.get().filter(|_| self.lease.holds().unwrap_or(false)) {
                progress::write(self.store, self.name, &counter.now());
            }
        };
        let shard = self.share.shard;
        let taken = format!(
            "shard {shard} was taken over by another process, as this one gave no sign of life; nothing is lost"
        );
        let result = holding(self.lease, self.share.patience, (&tell, &taken), |still_held| {
            let hold = Hold(Some(still_held));
            let (base, set) = self.agree(&listing, hold)?;
            let counter = counter.get_or_init(|| Counter::new(&set.id, shard, start));
            tell();
            let told = |event: Event| {
                counter.see(&event);
                emit(event);
            };
            let options = Options { hold, ..options.clone() };
            self.work(listing, (base, &set), &options, (start, &told))
        });
        // Now that nothing else tells of it. Of one that was taken over, the other does.
        if let Some(counter) = counter.get().filter(|_| self.lease.holds().unwrap_or(false)) {
            let code = exit(result.as_ref());
            let error = result.as_ref().err().map(ToString::to_string);
            let ended = progress::ended(counter, code, error, result.as_ref().ok());
            progress::write(self.store, self.name, &ended);
        }
        result
    }

    /// The job's ledger as it was, and what all shards agree on.
    fn agree(&self, listing: &Listing, hold: Hold<'_>) -> Result<(Option<Ledger>, Set), RunError> {
        let (plan, store) = (self.plan, self.store);
        let base = Ledger::snapshot(&plan.output)?;
        if let Some(base) = &base {
            base.refuse_other_owner(&plan.name)?;
            base.read_renamed(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
        }
        let set = match Set::read(store)? {
            Some(set) => set,
            None => {
                let claims = match super::naming::folder_claims(plan, store, base.as_ref()) {
                    Ok(claims) => claims,
                    // Of one that began at the same time there may be files already.
                    Err(error) => match Set::read(store)? {
                        Some(_) => Vec::new(),
                        None => return Err(error),
                    },
                };
                hold.check()?;
                let whose = (plan.name.as_str(), origin::text(plan)?);
                Set::proposed(whose, self.share.shard, &listing.inputs, &claims).agree(store)?
            }
        };
        set.check(&plan.name, self.share.shard)?;
        Ok((base, set))
    }

    fn work(
        &self,
        listing: Listing,
        (base, set): (Option<Ledger>, &Set),
        options: &Options<'_>,
        (start, emit): (Instant, &(dyn Fn(Event) + Sync)),
    ) -> Result<Summary, RunError> {
        let (plan, store) = (self.plan, self.store);
        let own = place::share(listing.inputs.iter().map(Input::key), self.share.shard, &set.cuts);
        let generation = self.lease.generation();
        let state = State::new(&plan.output, plan.state.as_deref(), (self.name, generation), &set.id)?;
        let lost = state.is_lost(store, self.dead)?;
        self.silent.store(plan.state.is_some(), Ordering::SeqCst);
        let ledger = state.open(store, options.hold)?;
        let keys: Vec<&[u8]> = own.iter().map(|at| listing.inputs[*at].key()).collect();
        let mut ledger = state::over(ledger, base, &keys, (lost, store.fault()))?;
        let claims: Vec<&[u8]> = set.claims.iter().map(String::as_bytes).collect();
        ledger.claim(claims.into_iter())?;
        let asked = (options.selection, options.prune);
        let prepared =
            prepare::decide_all(plan, listing, (Some(store), true), Some(&ledger), asked, Some(&own))?;
        if ledger.input()?.is_none() {
            ledger.set_input(&set.input)?;
        }
        if !options.accept_input {
            origin::refuse_other(plan, &ledger, &prepared)?;
        }
        begin::check_folders(plan, store, Some(&ledger), options.replace_edited)?;
        emit(begin::planned(&prepared, false, 0));
        let mut summary = begin::found(&prepared);
        let worked = work(plan, store, &mut ledger, &prepared, options, emit, &mut summary);
        if worked.is_err() {
            summary.stop = Some(Stop::StorageFailed);
        }
        summary.seconds = start.elapsed().as_secs_f64();
        let closed = state.close(ledger, store, options.hold);
        if closed.is_ok() {
            self.silent.store(false, Ordering::SeqCst);
        }
        emit(Event::Ended(summary.clone()));
        worked.and(closed).map(|()| summary)
    }
}
