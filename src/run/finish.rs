//! After the last item: what is no longer wanted goes, tables, lists and manifest are published.

use super::error::RunError;
use super::event::{Event, Summary};
use super::manifest;
use super::options::Options;
use super::prepare::Prepared;
use super::tidy;
use crate::ledger::Ledger;
use crate::pipeline::{Publication, Turn};
use crate::plan::Plan;
use crate::store::{Store, StoreError};
use std::time::Instant;

/// Called as the last thing of a run that had begun, while the output is locked still: with what came of it, and what
/// ended it early where something did.
pub(crate) type AtEnd<'a> =
    &'a (dyn Fn(&Store, &Summary, Option<&RunError>) -> Result<(), StoreError> + Sync);

/// Publishes what is made of all items, and takes away what is no longer wanted.
///
/// # Errors
/// When something can't be removed or published; the rest is, all the same.
pub(super) fn finish(
    plan: &Plan,
    (store, ledger): (&Store, &mut Ledger),
    prepared: &Prepared,
    options: &Options<'_>,
    (start, emit): (Instant, &(dyn Fn(Event) + Sync)),
    summary: &mut Summary,
) -> Result<(), RunError> {
    emit(Event::Publishing);
    let prunes = options.prune && summary.stop.is_none();
    // What lists the pairs forgets them before they go, so that it never names a file that is not there.
    if plan.publishing().any(|(_, sink)| sink.turn() == Some(Turn::BeforeRemoval)) {
        publish_sinks(plan, (store, ledger), prepared, (Turn::BeforeRemoval, options), summary)?;
    }
    // One file that can't be removed is no reason for tables and manifest to stay behind.
    let mut failure = None;
    options.hold.check()?;
    if prunes {
        (summary.pruned, failure) = tidy::prune(plan, store, ledger, prepared)?;
    }
    if summary.stop.is_none() {
        failure = failure.or(tidy::remove_stale(plan, store, ledger, prepared)?);
        let (gone, back) = prepared.moves();
        ledger.set_vanished(&gone, back)?;
    }
    publish(plan, (store, ledger), prepared, options, summary)?;
    if prunes {
        options.hold.check()?;
        let (removed, failed) = tidy::prune_published(plan, store, ledger)?;
        summary.pruned += removed;
        failure = failure.or(failed);
    }
    summary.seconds = start.elapsed().as_secs_f64();
    emit(Event::Ended(summary.clone()));
    failure.map_or(Ok(()), |error| Err(error.into()))
}

/// Has the sinks publish whose turn it is.
fn publish_sinks(
    plan: &Plan,
    (store, ledger): (&Store, &mut Ledger),
    prepared: &Prepared,
    (turn, options): (Turn, &Options<'_>),
    summary: &mut Summary,
) -> Result<(), RunError> {
    for (index, sink) in plan.publishing().filter(|(_, sink)| sink.turn() == Some(turn)) {
        options.hold.check()?;
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
            replace_edited: options.replace_edited,
        };
        let count = sink.publish(&publication, ledger)?;
        summary.tables.push((sink.folder().to_string_lossy().into_owned(), count));
    }
    Ok(())
}

fn publish(
    plan: &Plan,
    (store, ledger): (&Store, &mut Ledger),
    prepared: &Prepared,
    options: &Options<'_>,
    summary: &mut Summary,
) -> Result<(), RunError> {
    let last = (Turn::Last, options);
    options.hold.check()?;
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
