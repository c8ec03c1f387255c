//! The runner: lists, compares, admits, processes, commits. It emits events and prints nothing.

pub(crate) mod begin;
mod budget;
pub(crate) mod clock;
mod collisions;
mod committer;
mod error;
pub(crate) mod event;
mod finish;
mod item;
mod known_names;
mod manifest;
mod naming;
mod options;
mod origin;
pub(crate) mod prepare;
pub(crate) mod resume;
pub(crate) mod shard;
pub(crate) mod shards;
mod task;
mod tidy;
mod unlisted;
mod work;

pub(crate) use error::RunError;
pub(crate) use options::{Hold, Options};
#[cfg(feature = "cli")]
pub(crate) use work::WORKER_NAME;

use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::store::{Fault, Guard, Lock, Store};
use event::{Event, Stop, Summary};
use finish::{AtEnd, finish};
use prepare::Prepared;
use resume::Selection;
use std::time::Instant;
use work::work;

/// Runs the plan to its end, or until stopped.
///
/// # Errors
/// When the run can't start, or the output can no longer be written. Everything recorded until then
/// holds, and the next run goes on from there.
pub(crate) fn run(
    plan: &Plan,
    options: &Options<'_>,
    emit: &(dyn Fn(Event) + Sync),
    at_end: AtEnd<'_>,
) -> Result<Summary, RunError> {
    let start = Instant::now();
    let listing = prepare::list(plan)?;
    let guard = Guard::new(listing.folders.iter().copied());
    let store = Store::open(&plan.output, guard, Fault::parse(options.fault.as_deref()))?;
    let _lock = Lock::take(&store)?;
    shards::refuse_ungathered(&store)?;
    let swept = store.sweep()?;
    let mut ledger = Ledger::open(&store)?;
    ledger.refuse_other_owner(&plan.name)?;
    ledger.rename(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
    let prepared = prepare::decide_all(
        plan,
        listing,
        (Some(&store), true),
        Some(&ledger),
        (options.selection, options.prune),
        None,
    )?;
    let folders = begin::refuse(
        plan,
        (&store, Some(&ledger)),
        &prepared,
        (options.accept_input, options.replace_edited),
    )?;
    ledger.adopt(&plan.name)?;
    origin::remember(plan, &mut ledger)?;
    emit(begin::planned(&prepared, options.prune, swept));
    ledger.claim(folders.iter().map(Vec::as_slice))?;
    let mut summary = begin::found(&prepared);
    let result = whole(plan, (&store, &mut ledger), &prepared, options, (start, emit), &mut summary);
    if result.is_err() {
        summary.seconds = start.elapsed().as_secs_f64();
    }
    let ended = at_end(&store, &summary, result.as_ref().err());
    result?;
    ended?;
    Ok(summary)
}

/// Works, and publishes what is made of all items.
fn whole(
    plan: &Plan,
    (store, ledger): (&Store, &mut Ledger),
    prepared: &Prepared,
    options: &Options<'_>,
    (start, emit): (Instant, &(dyn Fn(Event) + Sync)),
    summary: &mut Summary,
) -> Result<(), RunError> {
    let result = work(plan, store, ledger, prepared, options, emit, summary);
    if let Err(error) = result {
        summary.stop = Some(Stop::StorageFailed);
        summary.seconds = start.elapsed().as_secs_f64();
        emit(Event::Ended(summary.clone()));
        return Err(error);
    }
    finish(plan, (store, ledger), prepared, options, (start, emit), summary)?;
    // All that a lost state may have left is recorded now.
    if summary.stop.is_none() && options.selection == Selection::Outstanding {
        ledger.set_state_lost(false)?;
    }
    Ok(())
}
