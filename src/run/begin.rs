//! Before the first item: what may keep a run from beginning, and what is told of it.

use super::error::RunError;
use super::event::{Event, Summary};
use super::naming;
use super::origin;
use super::prepare::Prepared;
use super::resume::Reason;
use crate::inputs::ending;
use crate::ledger::Ledger;
use crate::pipeline::KnownParts;
use crate::plan::Plan;
use crate::store::Store;
use std::collections::BTreeMap;

/// What a run counts before it has done anything.
pub(super) fn found(prepared: &Prepared) -> Summary {
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

/// What is told once it is decided.
pub(super) fn planned(prepared: &Prepared, prunes: bool, swept: usize) -> Event {
    Event::Planned {
        total: prepared.decisions.len(),
        todo: prepared.tasks.len(),
        reasons: prepared.reasons.clone(),
        vanished: prepared.vanished.len(),
        prunes,
        swept,
        work: bytes_by_ending(prepared),
        beside: prepared.beside.clone(),
    }
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
pub(super) fn check_folders(
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
