//! Before the run: list the inputs, look at the disk, decide for each item, find collisions.

use super::RunError;
use super::inputs::{self, Input, path_text};
use super::item::Before;
use super::ledger::{Fingerprint, Ledger, Outcome, Output, Record};
use super::resume::{Decision, Disk, Identity, Reason, Selection, decide};
use crate::plan::{Plan, Source};
use crate::spec::Span;
use crate::steps::Place;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// An item to process.
#[derive(Debug)]
pub struct Task {
    /// Index into [`Prepared::inputs`].
    pub input: usize,
    /// Why.
    pub reason: Reason,
    /// Products to make.
    pub make: BTreeSet<Fingerprint>,
    /// What the ledger knew.
    pub before: Before,
    /// Output paths that are about to be written.
    pub claims: Vec<PathBuf>,
    /// An output path where a file stands that safelight did not write.
    pub foreign: Option<PathBuf>,
}

/// Everything decided before the first item.
#[derive(Debug)]
pub struct Prepared {
    /// All inputs, sorted by path.
    pub inputs: Vec<Input>,
    /// The reason for each input, in the same order.
    pub decisions: Vec<Reason>,
    /// Items to process, in order.
    pub tasks: Vec<Task>,
    /// How many inputs for each reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Inputs of the ledger that are no longer listed, with their outputs.
    pub vanished: Vec<(Vec<u8>, Vec<Output>)>,
    /// Outputs of earlier settings.
    pub orphans: usize,
    /// Output paths that more than one input would write.
    pub collisions: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// What the ledger knows.
    pub records: HashMap<Vec<u8>, Record>,
}

/// Lists and decides; reads the disk, writes nothing.
///
/// # Errors
/// When the ledger can't be read or no input matches.
pub fn prepare(plan: &Plan, ledger: Option<&Ledger>, selection: Selection) -> Result<Prepared, RunError> {
    let inputs = inputs::list(&plan.input);
    if inputs.is_empty() {
        return Err(RunError::NoInput(plan.input.nothing()));
    }
    let records = ledger.map(Ledger::records).transpose()?.unwrap_or_default();
    let claims = ledger.map(Ledger::claims).transpose()?.unwrap_or_default();
    let orphans: BTreeSet<Vec<u8>> =
        ledger.map(Ledger::orphans).transpose()?.unwrap_or_default().into_iter().map(|o| o.path).collect();
    let disk = look(&plan.output, &records);
    let owned: BTreeSet<&[u8]> = records
        .values()
        .flat_map(|r| r.products.values().flatten())
        .map(|o| o.path.as_slice())
        .chain(claims.iter().map(Vec::as_slice))
        .chain(orphans.iter().map(Vec::as_slice))
        .collect();

    let decided: Vec<(Decision, Option<Task>)> = inputs
        .par_iter()
        .enumerate()
        .map(|(index, input)| {
            let record = records.get(input.key());
            // An unreadable input is always tried: the attempt turns it into a row.
            let identity = input.identity.clone().unwrap_or(Identity { size: 0, mtime_ns: i64::MIN });
            let decision = decide(&plan.products, &plan.products_digest, identity, record, &disk, selection);
            let task = (!decision.make.is_empty())
                .then(|| make_task(plan, index, input, &decision, record, &disk, &owned));
            (decision, task)
        })
        .collect();

    let mut reasons = BTreeMap::new();
    for (decision, _) in &decided {
        *reasons.entry(decision.reason).or_insert(0) += 1;
    }
    let decisions = decided.iter().map(|(d, _)| d.reason).collect();
    let tasks = decided.into_iter().filter_map(|(_, task)| task).collect();
    let present: std::collections::HashSet<&[u8]> = inputs.iter().map(Input::key).collect();
    let blind: Vec<&Path> = inputs.iter().filter(|i| i.blind).map(|i| i.relative.as_path()).collect();
    let mut vanished: Vec<_> = records
        .iter()
        .filter(|(path, _)| !present.contains(path.as_slice()) && gone(plan, &blind, path))
        .map(|(path, record)| (path.clone(), record.products.values().flatten().cloned().collect()))
        .collect();
    vanished.sort_by(|a: &(Vec<u8>, _), b| a.0.cmp(&b.0));
    let collisions = collisions(plan, &inputs);
    Ok(Prepared { inputs, decisions, tasks, reasons, vanished, orphans: orphans.len(), collisions, records })
}

/// Whether an unlisted input is really gone: not hidden by one of the folders that could not be read
/// (`blind`), and not just left out by today's patterns or list.
fn gone(plan: &Plan, blind: &[&Path], path: &[u8]) -> bool {
    if let Source::Made(_) = plan.input.source {
        return true;
    }
    let relative = Path::new(OsStr::from_bytes(path));
    let hidden = blind.iter().any(|folder| relative.starts_with(folder));
    let found = plan.input.root.join(relative).symlink_metadata();
    !hidden && found.is_err_and(|e| matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

fn make_task(
    plan: &Plan,
    index: usize,
    input: &Input,
    decision: &Decision,
    record: Option<&Record>,
    disk: &Disk,
    owned: &BTreeSet<&[u8]>,
) -> Task {
    let intact = |outputs: &[Output]| {
        outputs.iter().all(|o| {
            let stamp = Identity { size: o.stamp.size, mtime_ns: o.stamp.mtime_ns };
            disk.get(&o.path) == Some(&stamp)
        })
    };
    let before = record.map_or_else(Before::default, |record| {
        let facts = match &record.outcome {
            Outcome::Done(facts) => Some(facts.clone()),
            Outcome::Failed { .. } => None,
        };
        Before {
            hash: record.hash.filter(|_| reusable(&record.outcome)),
            facts,
            all: record.products.keys().copied().collect(),
            intact: record
                .products
                .iter()
                .filter(|(f, outputs)| plan.products.contains(*f) && intact(outputs))
                .map(|(f, _)| *f)
                .collect(),
            notes: record.notes.clone(),
        }
    });
    let claims: Vec<PathBuf> = plan
        .single_writes()
        .filter(|(product, _)| decision.make.contains(product))
        .map(|(_, sink)| sink.path(&input.relative, &Place::default()))
        .collect();
    let foreign = claims
        .iter()
        .find(|path| {
            !owned.contains(path.as_os_str().as_bytes()) && plan.output.join(path).symlink_metadata().is_ok()
        })
        .cloned();
    let claims = if foreign.is_some() { Vec::new() } else { claims };
    Task { input: index, reason: decision.reason, make: decision.make.clone(), before, claims, foreign }
}

/// Whether the products kept with a record were made from the content whose hash it holds: those of an
/// item that was done, or failed for a reason outside its file (then the older hash is kept).
fn reusable(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done(_) => true,
        Outcome::Failed { error, .. } => error.kind.is_transient(),
    }
}

/// The claim on a folder as a whole.
fn folder_claim(folder: &Path) -> Vec<u8> {
    [folder.as_os_str().as_bytes(), b"/"].concat()
}

/// Claims to record before files are written under names not known beforehand: the folders that receive
/// them become safelight's own.
///
/// # Errors
/// When such a folder holds something that no run has written there.
pub fn folder_claims(plan: &Plan, ledger: &Ledger) -> Result<Vec<Vec<u8>>, RunError> {
    let claimed = ledger.claims()?;
    let new: Vec<&Path> =
        plan.owned_folders().filter(|folder| !claimed.contains(&folder_claim(folder))).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let records = ledger.records()?;
    let mut owned: BTreeSet<&[u8]> =
        records.values().flat_map(|r| r.products.values().flatten()).map(|o| o.path.as_slice()).collect();
    let orphans = ledger.orphans()?;
    owned.extend(orphans.iter().map(|o| o.path.as_slice()).chain(claimed.iter().map(Vec::as_slice)));
    let mut parts = Vec::new();
    for folder in ledger.part_folders()? {
        parts.extend(ledger.parts(&folder)?.into_keys().map(|name| Path::new(&folder).join(name)));
    }
    owned.extend(parts.iter().map(|path| path.as_os_str().as_bytes()));
    for folder in &new {
        let files = walkdir::WalkDir::new(plan.output.join(folder)).into_iter().flatten();
        for file in files.filter(|f| !f.file_type().is_dir()) {
            let relative = file.path().strip_prefix(&plan.output).unwrap_or(file.path());
            if !owned.contains(relative.as_os_str().as_bytes()) {
                return Err(RunError::Foreign(format!(
                    "{} stands where the job wants a folder of its own and was not written by safelight; move it \
                     away or choose another folder",
                    file.path().display()
                )));
            }
        }
    }
    Ok(new.into_iter().map(folder_claim).collect())
}

fn look(output: &Path, records: &HashMap<Vec<u8>, Record>) -> Disk {
    let paths: Vec<&Vec<u8>> =
        records.values().flat_map(|r| r.products.values().flatten()).map(|o| &o.path).collect();
    paths
        .into_par_iter()
        .filter_map(|path| {
            let found = inputs::identify(&output.join(OsStr::from_bytes(path))).ok()?;
            Some((path.clone(), found))
        })
        .collect()
}

fn collisions(plan: &Plan, inputs: &[Input]) -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let mut writers: HashMap<PathBuf, usize> = HashMap::new();
    let mut clashes: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for (_, sink) in plan.writes() {
        for (index, input) in inputs.iter().enumerate() {
            // Patches and variants add the same to the names of all inputs.
            let path = sink.path(&input.relative, &Place::default());
            if let Some(first) = writers.insert(path.clone(), index) {
                let inputs_there =
                    clashes.entry(path).or_insert_with(|| vec![inputs[first].relative.clone()]);
                inputs_there.push(input.relative.clone());
            }
        }
    }
    clashes
}

impl Prepared {
    /// Fails when two inputs would write one file.
    ///
    /// # Errors
    /// A mistake at the `write` step that names the first few.
    pub fn refuse_collisions(&self, plan: &Plan) -> Result<(), RunError> {
        if self.collisions.is_empty() {
            return Ok(());
        }
        let show = |p: &Path| path_text(p.as_os_str().as_bytes());
        let mut text = format!("{} output names belong to several inputs:", self.collisions.len());
        for (output, inputs) in self.collisions.iter().take(10) {
            let names: Vec<_> = inputs.iter().map(|p| show(p)).collect();
            text.push_str(&format!(" {} <- {};", show(output), names.join(", ")));
        }
        let writes = |l: &&crate::plan::Link| matches!(l.action, crate::steps::Action::Write(_));
        let span = plan.chain.iter().find(writes).map_or(Span::FILE, |l| l.span);
        let help = "use `format: same`, exclude one of each, or write them in separate jobs";
        let mistake = plan.sources.diagnostic(span, text.trim_end_matches(';'), Some(help.into()));
        Err(RunError::Collision(mistake.into()))
    }
}
