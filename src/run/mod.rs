//! The runner: lists, compares, admits, processes, commits. It emits events and prints nothing.

mod committer;
pub mod event;
pub mod inputs;
mod item;
pub mod ledger;
mod list_file;
pub mod made;
pub mod manifest;
pub mod memory;
pub mod prepare;
mod record;
pub mod resume;
mod work;

use crate::plan::{MaxFailures, Plan};
use crate::store::{Fault, Lock, LockError, Stamp, Store, StoreError};
use event::{Event, Stop, Summary};
use ledger::{Ledger, LedgerError, Record};
use prepare::Prepared;
use resume::{Reason, Selection};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Names of worker threads begin with this.
pub const WORKER_NAME: &str = "worker-";

/// A run that could not start or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The output could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another run holds the output.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No input matches.
    #[error("{0}")]
    NoInput(String),
    /// Two inputs would write one file.
    #[error(transparent)]
    Collision(#[from] crate::spec::Diagnostics),
    /// Something of somebody else's stands in the way, or the output belongs to another job.
    #[error("{0}")]
    Foreign(String),
    /// The input is not the one that is known, or too much of it is gone; nothing has changed.
    #[error("{0}")]
    OtherInput(String),
    /// A table could not be written or read back.
    #[error("table {folder}: {message}")]
    Table {
        /// The table's folder.
        folder: String,
        /// What happened.
        message: String,
    },
    /// Threads could not be started.
    #[error("cannot start worker threads: {0}; set limits.threads lower")]
    Threads(String),
}

/// Choices of one invocation that do not change results.
#[derive(Debug)]
pub struct Options<'a> {
    /// Which items.
    pub selection: Selection,
    /// Remove outputs of inputs that vanished and of earlier settings.
    pub prune: bool,
    /// Go on although the input is another one than before, or much of it is gone.
    pub accept_input: bool,
    /// Replace outputs that somebody edited since they were written.
    pub replace_edited: bool,
    /// Set by a signal handler: finish what is under way and stop.
    pub stop: &'a AtomicBool,
    /// Planted fault, for tests.
    pub fault: Option<String>,
}

/// Runs the plan to its end, or until stopped.
///
/// # Errors
/// When the run can't start, or the output can no longer be written. Everything recorded until then
/// holds, and the next run goes on from there.
pub fn run(plan: &Plan, options: &Options<'_>, emit: &(dyn Fn(Event) + Sync)) -> Result<Summary, RunError> {
    let start = Instant::now();
    let store = Store::open(&plan.output, Fault::parse(options.fault.as_deref()))?;
    let _lock = Lock::take(&plan.output)?;
    let swept = store.sweep()?;
    let mut ledger = Ledger::open(&plan.output)?;
    let prepared = prepare::prepare(plan, Some(&ledger), options.selection)?;
    prepared.refuse_collisions(plan)?;
    plan.tables().try_for_each(|table| table.check_folder(&plan.output))?;
    plan.pairs().try_for_each(|pairs| pairs.check_folder(&plan.output))?;
    manifest::refuse_foreign(plan, &ledger)?;
    let folders = prepare::folder_claims(plan, &ledger)?;
    ledger.adopt(&plan.name)?;
    let todo = prepared.tasks.len();
    let mut work = BTreeMap::new();
    for input in prepared.tasks.iter().map(|task| &prepared.inputs[task.input]) {
        let ending = input.relative.extension().map(|e| e.to_string_lossy().to_lowercase());
        *work.entry(ending.unwrap_or_default()).or_insert(0) += input.identity.as_ref().map_or(0, |i| i.size);
    }
    emit(Event::Planned {
        total: prepared.inputs.len(),
        todo,
        reasons: prepared.reasons.clone(),
        vanished: prepared.vanished.len(),
        swept,
        work,
    });
    let files = prepared.tasks.iter().flat_map(|t| t.claims.iter().map(|p| p.as_os_str().as_bytes()));
    ledger.claim(files.chain(folders.iter().map(Vec::as_slice)))?;

    let count = |reason| prepared.reasons.get(&reason).copied().unwrap_or(0);
    let ignored = std::iter::zip(&prepared.inputs, &prepared.decisions)
        .filter(|(_, reason)| **reason == Reason::StandingFailure)
        .filter(|(input, _)| prepared.records.get(input.key()).is_some_and(|record| record.ignored))
        .count();
    let mut summary = Summary {
        total: prepared.inputs.len(),
        standing: count(Reason::StandingFailure) - ignored,
        ignored,
        skipped: count(Reason::UpToDate),
        not_selected: count(Reason::NotSelected),
        vanished: prepared.vanished.len(),
        ..Summary::default()
    };
    let result = work::work(plan, &store, &mut ledger, &prepared, options, emit, &mut summary);
    if let Err(error) = result {
        summary.stop = Some(Stop::StorageFailed);
        summary.seconds = start.elapsed().as_secs_f64();
        emit(Event::Ended(summary));
        return Err(error);
    }
    emit(Event::Publishing);
    let prunes = options.prune && summary.stop.is_none();
    // What lists the pairs forgets them before they go, so that it never names a file that is not there.
    publish_pairs(plan, &store, &mut ledger, &prepared, prunes, &mut summary)?;
    if prunes {
        summary.pruned = prune(plan, &store, &mut ledger, &prepared)?;
    }
    if summary.stop.is_none() {
        remove_stale(plan, &store, &mut ledger)?;
    }
    publish(plan, &store, &mut ledger, &prepared, &mut summary)?;
    summary.seconds = start.elapsed().as_secs_f64();
    emit(Event::Ended(summary.clone()));
    Ok(summary)
}

/// Removes a file if it is still the one that was written: someone may have put a better one there. Tells
/// whether it did.
fn remove_written(store: &Store, path: &std::path::Path, stamp: &Stamp) -> Result<bool, StoreError> {
    let ours = inputs::is_as_written(&store.root().join(path), stamp);
    if ours {
        store.remove(path)?;
    }
    Ok(ours)
}

fn prune(plan: &Plan, store: &Store, ledger: &mut Ledger, prepared: &Prepared) -> Result<usize, RunError> {
    use std::ffi::OsStr;
    let orphans = ledger.orphans()?;
    let gone = prepared.vanished.iter().flat_map(|(_, outputs)| outputs.iter()).chain(orphans.iter());
    let mut removed = 0;
    for output in gone {
        let path = std::path::Path::new(OsStr::from_bytes(&output.path));
        removed += usize::from(remove_written(store, path, &output.stamp)?);
    }
    // Tables, lists and shards of folders that no step writes any more.
    let pairs = plan.pairs().map(|p| p.folder().display().to_string());
    let used: BTreeSet<String> = plan.tables().map(|t| t.folder().to_string()).chain(pairs).collect();
    for folder in ledger.part_folders()?.into_iter().filter(|folder| !used.contains(folder)) {
        for (name, stamp) in ledger.parts(&folder)? {
            let path = std::path::Path::new(&folder).join(name);
            removed += usize::from(remove_written(store, &path, &stamp)?);
        }
        ledger.set_parts(&folder, &[])?;
    }
    let inputs: Vec<_> = prepared.vanished.iter().map(|(path, _)| path.clone()).collect();
    ledger.forget(&inputs, &orphans)?;
    Ok(removed)
}

/// Removes what no record owns from folders whose names are not known before: files that a crash left, which
/// were announced, and in the folders of pairs also those of earlier settings, which loaders that list a folder
/// would take for pairs. What lists the pairs does not name them any more.
fn remove_stale(plan: &Plan, store: &Store, ledger: &mut Ledger) -> Result<(), RunError> {
    if plan.owned_folders().next().is_none() {
        return Ok(());
    }
    let path_of = |bytes: &[u8]| std::path::PathBuf::from(std::ffi::OsStr::from_bytes(bytes));
    let mut gone = Vec::new();
    for orphan in ledger.orphans()? {
        let path = path_of(&orphan.path);
        if plan.pairs().any(|pairs| path.starts_with(pairs.folder()) || pairs.is_fragment(&path)) {
            remove_written(store, &path, &orphan.stamp)?;
            gone.push(orphan);
        }
    }
    ledger.forget(&[], &gone)?;
    let claims: Vec<_> = ledger.claims()?.into_iter().filter(|claim| !claim.ends_with(b"/")).collect();
    if claims.is_empty() {
        return Ok(());
    }
    let records = ledger.records()?;
    let outputs = records.values().flat_map(|r| r.products.values().flatten());
    let owned: BTreeSet<&[u8]> = outputs.map(|o| o.path.as_slice()).collect();
    let mut left = Vec::new();
    for claim in claims.into_iter().filter(|claim| !owned.contains(claim.as_slice())) {
        let path = path_of(&claim);
        let fragment = plan.pairs().any(|pairs| pairs.is_fragment(&path));
        if fragment || plan.owned_folders().any(|folder| path.starts_with(folder)) {
            store.remove(&path)?;
            left.push(claim);
        }
    }
    Ok(ledger.unclaim(&left)?)
}

fn publish_pairs(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
    prunes: bool,
    summary: &mut Summary,
) -> Result<(), RunError> {
    if plan.pairs().next().is_none() {
        return Ok(());
    }
    let records = ledger.records()?;
    let vanished: BTreeSet<&[u8]> = prepared.vanished.iter().map(|(path, _)| path.as_slice()).collect();
    for pairs in plan.pairs() {
        let leave_out = |path: &[u8]| prunes && vanished.contains(path);
        let count = pairs.publish(plan, store, ledger, &records, &leave_out)?;
        summary.tables.push((pairs.folder().display().to_string(), count));
    }
    Ok(())
}

fn publish(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
    summary: &mut Summary,
) -> Result<(), RunError> {
    let records = ledger.records()?;
    // The manifest is made while the tables are, and written in any case.
    let (manifest, tables) = std::thread::scope(|scope| {
        let manifest = scope.spawn(|| manifest::contents(plan, &prepared.inputs, &records));
        let tables = publish_tables(plan, store, ledger, prepared, &records, summary);
        (manifest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), tables)
    });
    manifest::write(store, manifest?)?;
    tables
}

fn publish_tables(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
    records: &HashMap<Vec<u8>, Record>,
    summary: &mut Summary,
) -> Result<(), RunError> {
    for table in plan.tables() {
        let rows = table.publish(plan, store, ledger, &prepared.inputs, records)?;
        summary.tables.push((table.folder().to_string(), rows));
    }
    Ok(())
}

impl MaxFailures {
    /// Failures allowed in an archive of `items`; one more stops the run. A share allows at least one.
    pub fn allowed(self, items: usize) -> usize {
        match self {
            MaxFailures::Count(n) => n,
            MaxFailures::Share(share) => ((items as f64 * share).floor() as usize).max(1),
        }
    }
}
