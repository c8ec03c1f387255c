//! The runner: lists, compares, admits, processes, commits. It emits events and prints nothing.

mod budget;
mod collisions;
mod committer;
mod error;
pub(crate) mod event;
mod item;
mod known_names;
mod manifest;
mod naming;
mod options;
mod origin;
pub(crate) mod prepare;
pub(crate) mod resume;
pub(crate) mod shard;
mod task;
mod tidy;
mod unlisted;
mod work;

pub(crate) use error::RunError;
pub(crate) use options::Options;
#[cfg(feature = "cli")]
pub(crate) use work::WORKER_NAME;

use crate::inputs::ending;
use crate::ledger::Ledger;
use crate::pipeline::{KnownParts, Publication, Turn};
use crate::plan::Plan;
use crate::store::{Fault, Guard, Lock, Store, StoreError};
use event::{Event, Stop, Summary};
use prepare::Prepared;
use resume::Reason;
use std::collections::BTreeMap;
use std::time::Instant;
use work::work;

/// Called as the last thing of a run that had begun, while the output is locked still: with what came of it, and what
/// ended it early where something did.
pub(crate) type AtEnd<'a> =
    &'a (dyn Fn(&Store, &Summary, Option<&RunError>) -> Result<(), StoreError> + Sync);

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
    )?;
    let folders =
        refuse(plan, (&store, Some(&ledger)), &prepared, (options.accept_input, options.replace_edited))?;
    ledger.adopt(&plan.name)?;
    origin::remember(plan, &mut ledger)?;
    emit(Event::Planned {
        total: prepared.inputs.len(),
        todo: prepared.tasks.len(),
        reasons: prepared.reasons.clone(),
        vanished: prepared.vanished.len(),
        prunes: options.prune,
        swept,
        work: bytes_by_ending(&prepared),
        beside: prepared.beside.clone(),
    });
    ledger.claim(folders.iter().map(Vec::as_slice))?;
    let mut summary = found(&prepared);
    let result = whole(plan, (&store, &mut ledger), &prepared, options, (start, emit), &mut summary);
    if result.is_err() {
        summary.seconds = start.elapsed().as_secs_f64();
    }
    let ended = at_end(&store, &summary, result.as_ref().err());
    result?;
    ended?;
    Ok(summary)
}

/// What a run counts before it has done anything.
fn found(prepared: &Prepared) -> Summary {
    let count = |reason| prepared.reasons.get(&reason).copied().unwrap_or(0);
    Summary {
        total: prepared.inputs.len(),
        standing: count(Reason::StandingFailure),
        ignored: count(Reason::Acknowledged),
        skipped: count(Reason::UpToDate),
        not_selected: count(Reason::NotSelected),
        vanished: prepared.vanished.len(),
        newly_vanished: prepared.newly_vanished,
        newly_left_out: prepared.newly_left_out,
        ..Summary::default()
    }
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
    emit(Event::Publishing);
    let prunes = options.prune && summary.stop.is_none();
    // What lists the pairs forgets them before they go, so that it never names a file that is not there.
    if plan.publishing().any(|(_, sink)| sink.turn() == Some(Turn::BeforeRemoval)) {
        let turn = (Turn::BeforeRemoval, options.replace_edited);
        publish_sinks(plan, (store, ledger), prepared, turn, summary)?;
    }
    // One file that can't be removed is no reason for tables and manifest to stay behind.
    let mut failure = None;
    if prunes {
        (summary.pruned, failure) = tidy::prune(plan, store, ledger, prepared)?;
    }
    if summary.stop.is_none() {
        failure = failure.or(tidy::remove_stale(plan, store, ledger, prepared)?);
        let (gone, back) = prepared.moves();
        ledger.set_vanished(&gone, back)?;
    }
    publish(plan, store, ledger, prepared, options.replace_edited, summary)?;
    summary.seconds = start.elapsed().as_secs_f64();
    emit(Event::Ended(summary.clone()));
    failure.map_or(Ok(()), |error| Err(error.into()))
}

/// Fails where a run may not begin: another input, folders that hold something of somebody else's.
/// Gives the folders that are to become safelight's own.
///
/// # Errors
/// The first such thing.
pub(crate) fn refuse(
    plan: &Plan,
    (store, ledger): (&Store, Option<&Ledger>),
    prepared: &Prepared,
    (accept_input, replace_edited): (bool, bool),
) -> Result<Vec<Vec<u8>>, RunError> {
    if let Some(ledger) = ledger.filter(|_| !accept_input) {
        origin::refuse_other(plan, ledger, prepared)?;
    }
    check_folders(plan, store, ledger, replace_edited)?;
    naming::folder_claims(plan, store, ledger)
}

/// Fails when a folder that is replaced as a whole, or a list in it, is not as safelight left it.
///
/// # Errors
/// With the name of the first thing that replacing would lose.
fn check_folders(
    plan: &Plan,
    store: &Store,
    ledger: Option<&Ledger>,
    replace_edited: bool,
) -> Result<(), RunError> {
    let known = |folder: &str| KnownParts::of(ledger, folder, replace_edited);
    for (_, sink) in plan.publishing() {
        sink.check(store, &known(&sink.folder().to_string_lossy())?)?;
    }
    Ok(())
}

/// Bytes to process, by the ending of the names in small letters.
fn bytes_by_ending(prepared: &Prepared) -> BTreeMap<String, u64> {
    let mut work = BTreeMap::new();
    for task in &prepared.tasks {
        let input = &prepared.inputs[task.input];
        let size = input.identity.as_ref().map_or(0, |identity| identity.size);
        *work.entry(ending(&input.relative)).or_insert(0) += size;
    }
    work
}

/// Has the sinks publish whose turn it is.
fn publish_sinks(
    plan: &Plan,
    (store, ledger): (&Store, &mut Ledger),
    prepared: &Prepared,
    (turn, replace_edited): (Turn, bool),
    summary: &mut Summary,
) -> Result<(), RunError> {
    for (index, sink) in plan.publishing().filter(|(_, sink)| sink.turn() == Some(turn)) {
        // What has vanished or is left out leaves all that is published.
        let inputs = prepared.shown();
        let listed = inputs.iter().map(|input| plan.listed_of(input)).collect();
        let publication = Publication {
            product: plan.chain[index].product,
            rows: plan.rows_before(index),
            carried: &plan.input.carried,
            pipeline: &plan.name,
            models: &plan.models,
            yaml: &plan.recipe,
            root: &plan.input.root,
            inputs,
            listed,
            store,
            replace_edited,
        };
        let count = sink.publish(&publication, ledger)?;
        summary.tables.push((sink.folder().to_string_lossy().into_owned(), count));
    }
    Ok(())
}

fn publish(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
    replace_edited: bool,
    summary: &mut Summary,
) -> Result<(), RunError> {
    let last = (Turn::Last, replace_edited);
    // The manifest is made while the tables are, and written in any case.
    let Ok(reader) = ledger.again() else {
        let tables = publish_sinks(plan, (store, ledger), prepared, last, summary);
        return manifest::write(plan, prepared, ledger, store).and(tables);
    };
    std::thread::scope(|scope| {
        let write = move || manifest::write(plan, prepared, &reader, store);
        let writing = std::thread::Builder::new().name("manifest".into()).spawn_scoped(scope, write);
        let tables = publish_sinks(plan, (store, ledger), prepared, last, summary);
        let manifest = match writing {
            Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // No thread to be had: one after the other.
            Err(_) => manifest::write(plan, prepared, ledger, store),
        };
        manifest.and(tables)
    })
}
