//! Taking away what is no longer wanted: only files that are as they were written, and never a record whose file stays.

use super::error::RunError;
use super::prepare::Prepared;
use super::unlisted::Missing;
use crate::inputs::Input;
use crate::ledger::{Ledger, LedgerError, Outcome, Output, Side};
use crate::pipeline::{Place, Turn};
use crate::plan::{NamedSink, Plan};
use crate::store::{Known, Removal, Stamp, Store, StoreError, Written};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Removes outputs; those that stay, since somebody changed them, are given back. One that can't be looked at stays as
/// well, and the first such error is kept.
struct Remover<'a> {
    store: &'a Store,
    announced: HashMap<Vec<u8>, Vec<Written>>,
    removed: usize,
    /// Folders that lost files.
    folders: BTreeSet<PathBuf>,
    failure: Option<StoreError>,
}

impl<'a> Remover<'a> {
    fn new(store: &'a Store, ledger: &Ledger) -> Result<Remover<'a>, RunError> {
        let announced = ledger.announced()?;
        Ok(Remover { store, announced, removed: 0, folders: BTreeSet::new(), failure: None })
    }

    /// What may stand at an output's name: also what a run announced there that was cut off.
    fn known(&self, path: &[u8], stamp: &Stamp) -> Known {
        let mut known = Known::from(stamp);
        known.files.extend(self.announced.get(path).into_iter().flatten().cloned());
        known
    }

    /// True when nothing stands at the name any more.
    fn remove(&mut self, path: &Path, known: &Known) -> bool {
        match self.store.remove(path, known) {
            Ok(Removal::Removed) => {
                self.removed += 1;
                self.folders.extend(path.parent().map(Path::to_path_buf));
            }
            Ok(Removal::Absent) => {}
            Ok(Removal::Kept) => return false,
            Err(error) => {
                self.failure.get_or_insert(error);
                return false;
            }
        }
        true
    }

    fn remaining(&mut self, outputs: &[Output]) -> Vec<Output> {
        let stays = |output: &&Output| {
            let known = self.known(&output.path, &output.stamp);
            !self.remove(path_of(&output.path), &known)
        };
        outputs.iter().filter(stays).cloned().collect()
    }

    /// What was removed stays removed after a power cut, before the ledger forgets it.
    fn settle(&mut self) -> Result<(), RunError> {
        let folders = std::mem::take(&mut self.folders);
        Ok(folders.iter().try_for_each(|folder| self.store.sync_folder(folder))?)
    }
}

/// Removes the outputs of inputs that vanished and of earlier settings. Returns how many files went, and the first
/// that could not be told or removed.
pub(super) fn prune(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
) -> Result<(usize, Option<StoreError>), RunError> {
    let mut remover = Remover::new(store, ledger)?;
    let mut forgotten = Vec::new();
    for Missing { path, .. } in &prepared.vanished {
        // As the ledger has them now: another input may have taken a name over in this very run.
        let record = ledger.record(path)?;
        let outputs: Vec<Output> =
            record.into_iter().flat_map(|record| record.products.into_values().flatten()).collect();
        forgotten.push((path.clone(), remover.remaining(&outputs)));
    }
    let mut gone = Vec::new();
    for orphan in ledger.orphans()? {
        let known = remover.known(&orphan.path, &orphan.stamp);
        if remover.remove(path_of(&orphan.path), &known) {
            gone.push(orphan.path);
        }
    }
    // Files of steps that are no more, of inputs of which all that is asked for is there.
    let mut dropped = Vec::new();
    ledger.compare(prepared.inputs.iter().map(Input::key), |side| {
        let Side::Known(at, record) = side else { return Ok(()) };
        let whole = plan.products.iter().all(|product| record.products.contains_key(product));
        if !matches!(record.outcome, Outcome::Done(_)) || !whole {
            return Ok(());
        }
        for (product, outputs) in &record.products {
            if !plan.products.contains(product) && !outputs.is_empty() {
                let key = prepared.inputs[at].key().to_vec();
                dropped.push((key, *product, remover.remaining(outputs)));
            }
        }
        Ok::<_, LedgerError>(())
    })?;
    // Tables, lists and shards of folders that no step writes any more.
    let used: BTreeSet<String> = part_folders(plan).collect();
    for folder in ledger.part_folders()?.into_iter().filter(|folder| !used.contains(folder)) {
        let mut remaining = Vec::new();
        for part in ledger.part_records(&folder)? {
            let path = Path::new(&folder).join(&part.name);
            let known = remover.known(path.as_os_str().as_bytes(), &part.stamp);
            if !remover.remove(&path, &known) {
                remaining.push(part);
            }
        }
        ledger.set_parts(&folder, &remaining)?;
    }
    remover.settle()?;
    ledger.forget(&forgotten, &gone)?;
    ledger.drop_products(&dropped)?;
    // Names that an earlier layout claimed don't say what was written there: outside of folders of its own, nothing.
    remove_announced(&|path| !is_published_last(plan, path), BTreeSet::new(), &mut remover, ledger)?;
    Ok((remover.removed, remover.failure))
}

/// Whether a file is in a folder that is published after all removal. What a run has announced there that was killed may be
/// what stands there since, and its readers are not to miss it until something else has its place.
fn is_published_last(plan: &Plan, path: &Path) -> bool {
    plan.publishing().any(|(_, sink)| sink.turn() == Some(Turn::Last) && path.starts_with(sink.folder()))
}

/// Removes what was announced in such folders and is of no use, once they are published. Returns how many files went, and the
/// first that could not be told or removed.
pub(super) fn prune_published(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
) -> Result<(usize, Option<StoreError>), RunError> {
    let mut remover = Remover::new(store, ledger)?;
    remove_announced(&|path| is_published_last(plan, path), BTreeSet::new(), &mut remover, ledger)?;
    Ok((remover.removed, remover.failure))
}

/// Removes what no record owns from folders whose names are not known before: files that a crash left, which
/// were announced, and in the folders of pairs also those of earlier settings and of inputs that were renamed, which
/// loaders that list a folder would take for pairs. What lists the pairs does not name them any more. The earlier files of
/// pictures of which nothing is written any more go too.
pub(super) fn remove_stale(
    plan: &Plan,
    store: &Store,
    ledger: &mut Ledger,
    prepared: &Prepared,
) -> Result<Option<StoreError>, RunError> {
    forget_failures(ledger, prepared)?;
    let sparing = plan.sparing().next().is_some();
    if plan.owning().next().is_none() && !sparing {
        return Ok(None);
    }
    let orphans = ledger.orphans()?;
    // A picture's earlier file would have been written over. Where nothing is written of it now, it goes all the same: it
    // would pass for today's.
    let unwritten: HashSet<PathBuf> = match orphans.is_empty() {
        true => HashSet::new(),
        false => {
            let names = |input: &Input| {
                let path = move |sink: NamedSink<'_>| sink.names.path(&input.relative, &Place::default());
                plan.sparing().map(path).collect::<Vec<_>>()
            };
            prepared.inputs.iter().flat_map(names).collect()
        }
    };
    let of_pairs = |path: &Path| plan.owning().any(|sink| sink.has_own_folder() && sink.owns(path));
    let mut remover = Remover::new(store, ledger)?;
    let mut gone = Vec::new();
    for orphan in orphans {
        let known = remover.known(&orphan.path, &orphan.stamp);
        let stale = of_pairs(path_of(&orphan.path)) || unwritten.contains(path_of(&orphan.path));
        if stale && remover.remove(path_of(&orphan.path), &known) {
            gone.push(orphan.path);
        }
    }
    let renamed = renamed(plan, ledger, prepared)?;
    let mut forgotten = Vec::new();
    for Missing { path, outputs, .. } in &prepared.vanished {
        if renamed.contains(path) && outputs.iter().all(|o| of_pairs(path_of(&o.path))) {
            forgotten.push((path.clone(), remover.remaining(outputs)));
        }
    }
    remover.settle()?;
    ledger.forget(&forgotten, &gone)?;
    let ours = |path: &Path| plan.owning().any(|sink| sink.owns(path));
    let claims = ledger.claims()?;
    remove_announced(&ours, claims, &mut remover, ledger)?;
    Ok(remover.failure)
}

/// Inputs that vanished whose content is there under another name, with all that is asked of it.
fn renamed(plan: &Plan, ledger: &Ledger, prepared: &Prepared) -> Result<HashSet<Vec<u8>>, RunError> {
    if prepared.vanished.is_empty() {
        return Ok(HashSet::new());
    }
    let mut gone: HashMap<[u8; 32], Vec<Vec<u8>>> = HashMap::new();
    for missing in &prepared.vanished {
        if let Some(hash) = ledger.record(&missing.path)?.and_then(|record| record.hash) {
            gone.entry(hash).or_default().push(missing.path.clone());
        }
    }
    let mut renamed = HashSet::new();
    ledger.compare(prepared.inputs.iter().map(Input::key), |side| {
        if let Side::Known(_, record) = side
            && matches!(record.outcome, Outcome::Done(_))
            && plan.products.iter().all(|product| record.products.contains_key(product))
            && let Some(paths) = record.hash.and_then(|hash| gone.remove(&hash))
        {
            renamed.extend(paths);
        }
        Ok::<_, LedgerError>(())
    })?;
    Ok(renamed)
}

/// Removes what was announced or claimed and never recorded, of those paths that `ours` names.
fn remove_announced(
    ours: &dyn Fn(&Path) -> bool,
    claims: BTreeSet<Vec<u8>>,
    remover: &mut Remover<'_>,
    ledger: &mut Ledger,
) -> Result<(), RunError> {
    let mut names: BTreeMap<PathBuf, Known> = BTreeMap::new();
    for (path, files) in ledger.announced()? {
        names.insert(path_of(&path).to_path_buf(), Known { files, anything: false });
    }
    for claim in claims.into_iter().filter(|claim| !claim.ends_with(b"/")) {
        names.insert(path_of(&claim).to_path_buf(), Known::anything());
    }
    names.retain(|path, _| ours(path));
    if names.is_empty() {
        return Ok(());
    }
    let mut recorded = ledger.part_paths()?;
    for path in names.keys().map(|path| path.as_os_str().as_bytes()) {
        if ledger.has_output(path)? {
            recorded.insert(path.to_vec());
        }
    }
    let mut left = Vec::new();
    names.retain(|path, _| !recorded.contains(path.as_os_str().as_bytes()));
    for (path, known) in names {
        if remover.remove(&path, &known) {
            left.push(path.as_os_str().as_bytes().to_vec());
        }
    }
    remover.settle()?;
    Ok(ledger.unclaim(&left)?)
}

/// Forgets inputs that are not listed and of which nothing was ever made, such as a folder that could not be listed
/// once: nothing is lost with them.
fn forget_failures(ledger: &mut Ledger, prepared: &Prepared) -> Result<(), RunError> {
    let missing = prepared.vanished.iter().chain(&prepared.left_out).filter(|missing| !missing.made);
    let empty: Vec<(Vec<u8>, Vec<Output>)> =
        missing.map(|missing| (missing.path.clone(), Vec::new())).collect();
    Ok(ledger.forget(&empty, &[])?)
}

/// Folders of the plan that hold parts, lists or shards, as the ledger names them.
fn part_folders(plan: &Plan) -> impl Iterator<Item = String> {
    plan.publishing().map(|(_, sink)| sink.folder().to_string_lossy().into_owned())
}
