//! Before the run: list the inputs, look at the disk, decide for each item.

use super::RunError;
use super::collisions::{self, Clashes};
use super::naming;
use super::resume::{Decision, Disk, Reason, Selection, decide};
use super::task::{Task, make_task};
use crate::codec::Loss;
use crate::error::ErrorKind;
use crate::inputs::Beside;
use crate::inputs::Identity;
use crate::inputs::Pages;
use crate::inputs::Source;
use crate::inputs::litter;
use crate::inputs::{self, Input, Listing, Outside};
use crate::ledger::{Ledger, Outcome, Output, Record};
use crate::plan::Plan;
use crate::shown::Show;
use crate::store::{Refusal, Seen, Store, Written, look};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Paths whose folders are looked at by one worker.
const AT_ONCE: usize = 256;

/// Everything decided before the first item.
#[derive(Debug, Default)]
pub struct Prepared {
    /// All inputs, sorted by path.
    pub inputs: Vec<Input>,
    /// The reason for each input, in the same order.
    pub decisions: Vec<Reason>,
    /// Items to process, in order.
    pub tasks: Vec<Task>,
    /// How many inputs for each reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Inputs of the ledger that are gone, with their outputs.
    pub vanished: Vec<(Vec<u8>, Vec<Output>)>,
    /// How many of them the last run still saw.
    pub newly_vanished: usize,
    /// Inputs of the ledger that are there and that the patterns, or the list, leave out today.
    pub left_out: Vec<Vec<u8>>,
    /// How many of them the last run still took.
    pub newly_left_out: usize,
    /// Inputs that are listed, were made something of before, and are gone.
    pub listed_absent: usize,
    /// Inputs of the ledger of which nothing can be told now: their folder can't be read.
    pub unseen: Vec<Input>,
    /// Inputs that the last run knew, and of which there are results.
    pub known: usize,
    /// Symbolic links that match and are not followed.
    pub links: usize,
    /// What lies in the input and is none.
    pub beside: Beside,
    /// What the ledger knows.
    pub records: HashMap<Vec<u8>, Record>,
}

/// What the ledger and the disk say of names in the output.
pub struct Names {
    /// What stands at the outputs that the ledger knows.
    pub disk: Disk,
    /// Announced and not recorded.
    pub announced: HashMap<Vec<u8>, Vec<Written>>,
    /// Known for other reasons: left over, or claimed by an earlier layout.
    pub others: BTreeSet<Vec<u8>>,
    /// What the file system refuses.
    pub refused: HashMap<PathBuf, String>,
    /// What other inputs have.
    pub clashes: Clashes,
}

/// What is no part of the input, though a link may lead there.
///
/// # Errors
/// When the output can't be looked at.
pub fn outside(plan: &Plan) -> Result<Outside, RunError> {
    Outside::new(&plan.output, plan.folders()).map_err(|e| {
        RunError::Input(format!(
            "cannot look at {}: {e}; check the mount, then run again",
            plan.output.shown()
        ))
    })
}

/// Lists the inputs.
///
/// # Errors
/// When they can't be listed, or none matches.
pub fn list(plan: &Plan) -> Result<Listing, RunError> {
    let listing = inputs::listing(&plan.input, &outside(plan)?).map_err(|e| RunError::Input(e.message))?;
    if listing.inputs.is_empty() {
        return Err(RunError::NoInput(plan.input.nothing(&listing.beside)));
    }
    Ok(listing)
}

/// Lists and decides; reads the disk, writes nothing.
///
/// # Errors
/// When the ledger can't be read, the disk can't be looked at, or no input matches.
pub fn prepare(plan: &Plan, ledger: Option<&Ledger>, selection: Selection) -> Result<Prepared, RunError> {
    let listing = list(plan)?;
    let store = Store::existing(&plan.output)?;
    decide_all(plan, listing, (store.as_ref(), false), ledger, (selection, false))
}

/// Decides for each input of a listing; writes in the store only where that is allowed, and only to try out names.
///
/// # Errors
/// When the ledger can't be read or the disk can't be looked at.
pub fn decide_all(
    plan: &Plan,
    listing: Listing,
    (store, writes): (Option<&Store>, bool),
    ledger: Option<&Ledger>,
    (selection, prunes): (Selection, bool),
) -> Result<Prepared, RunError> {
    let Listing { inputs, links, beside, .. } = listing;
    let records = ledger.map(Ledger::records).transpose()?.unwrap_or_default();
    let orphans = ledger.map(Ledger::orphans).transpose()?.unwrap_or_default();
    let claims = ledger.map(Ledger::claims).transpose()?.unwrap_or_default();
    let outputs = records.values().flat_map(|r| r.products.values().flatten()).map(|o| o.path.as_slice());
    let announced = ledger.map(Ledger::announced).transpose()?.unwrap_or_default();
    let mut disk = store.map(|store| see(store, outputs)).unwrap_or_default();
    for (path, files) in &announced {
        // Size and time may be those of the recorded file, and the file another one that was announced.
        if let Some(seen) = disk.get_mut(path)
            && let Seen::File { size, .. } = seen
            && files.iter().any(|file| file.size == *size)
        {
            *seen = Seen::Uncertain;
        }
    }
    let names = Names {
        disk,
        announced,
        others: orphans.iter().map(|o| o.path.clone()).chain(claims).collect(),
        refused: naming::refused(plan, &inputs)?,
        clashes: collisions::find(plan, &inputs, &records, store.filter(|_| writes), prunes)?,
    };
    let owned: HashSet<&[u8]> =
        records.values().flat_map(|r| r.products.values().flatten()).map(|o| o.path.as_slice()).collect();
    let mut decided: Vec<(Decision, Option<Task>)> = inputs
        .par_iter()
        .enumerate()
        .map(|(index, input)| {
            let record = records.get(input.key());
            // An unreadable input is always tried: the attempt turns it into a row.
            let identity = input.identity.clone().unwrap_or(Identity { size: 0, mtime_ns: i64::MIN });
            let wanted = (&plan.products, &plan.products_digest);
            let mut decision = decide(wanted.0, wanted.1, identity, record, &names.disk, selection);
            // What was made of an animation with other settings, with these is refused.
            let refused = selection == Selection::Outstanding
                && plan.input.pages == Pages::Auto
                && record.is_some_and(is_first_frame);
            if refused {
                decision = Decision { reason: Reason::PlanChanged, make: plan.products.clone() };
            }
            let mut task =
                (!decision.make.is_empty()).then(|| make_task(plan, index, input, &decision, record, &names));
            if let Some(task) = task.as_mut().filter(|_| refused) {
                task.before.intact.clear();
                task.before.doubted.clear();
            }
            (decision, task)
        })
        .collect();
    if let Some(store) = store {
        let mut tasks: Vec<&mut Task> = decided.iter_mut().filter_map(|(_, task)| task.as_mut()).collect();
        find_foreign(store, &mut tasks, &names, &owned);
    }
    let mut prepared = Prepared { links, beside, ..Prepared::default() };
    for (decision, task) in decided {
        *prepared.reasons.entry(decision.reason).or_insert(0) += 1;
        prepared.decisions.push(decision.reason);
        prepared.tasks.extend(task);
    }
    sort_unlisted(plan, &inputs, &records, &mut prepared);
    Ok(Prepared { inputs, records, ..prepared })
}

/// Notes, in each task, what stands at a name that is not known.
fn find_foreign(store: &Store, tasks: &mut [&mut Task], names: &Names, owned: &HashSet<&[u8]>) {
    let known = |path: &Path| {
        let path = path.as_os_str().as_bytes();
        owned.contains(path) || names.others.contains(path) || names.announced.contains_key(path)
    };
    tasks.par_chunks_mut(AT_ONCE).for_each(|tasks| {
        for task in tasks {
            let new: Vec<&Path> = task.targets.iter().map(PathBuf::as_path).filter(|p| !known(p)).collect();
            for (path, seen) in store.see(&new) {
                match seen {
                    Seen::Unknown(why) => task.before.unseen = Some(why),
                    Seen::Blocked(refusal) => task.foreign = Some(refusal),
                    Seen::File { .. } | Seen::Uncertain | Seen::Other => {
                        task.foreign = Some(Refusal::foreign(&store.root().join(path)));
                    }
                }
            }
        }
    });
}

fn see<'a>(store: &Store, outputs: impl Iterator<Item = &'a [u8]>) -> Disk {
    let mut paths: Vec<&Path> = outputs.map(|bytes| Path::new(OsStr::from_bytes(bytes))).collect();
    paths.par_sort();
    paths
        .par_chunks(AT_ONCE)
        .flat_map_iter(|paths| store.see(paths))
        .map(|(path, seen)| (path.as_os_str().as_bytes().to_vec(), seen))
        .collect()
}

/// Whether what is recorded was made of an animation's first frame.
fn is_first_frame(record: &Record) -> bool {
    let frames = |note: &String| Loss::of(note) == Some(Loss::Frames);
    matches!(record.outcome, Outcome::Done(_)) && record.notes.iter().any(frames)
}

/// Whether a listed input is not there.
fn is_gone(input: &Input) -> bool {
    matches!(&input.identity, Err(e) if e.kind == ErrorKind::Vanished)
}

/// What became of an input that the ledger knows and that is not listed.
enum Unlisted {
    Gone,
    /// It is there; today's patterns or list don't name it.
    LeftOut,
    /// It can't be told.
    Unseen,
}

fn unlisted(plan: &Plan, blind: &[&Path], relative: &Path) -> Unlisted {
    if let Source::Made(_) = plan.input.source {
        return Unlisted::Gone;
    }
    if blind.iter().any(|folder| relative.starts_with(folder)) {
        return Unlisted::Unseen;
    }
    match look::name(&plan.input.root.join(relative)) {
        Ok(None) => Unlisted::Gone,
        // A folder has its name now.
        Ok(Some(found)) if found.is_dir() => Unlisted::Gone,
        Ok(Some(_)) => Unlisted::LeftOut,
        // A list names what is wanted, whether it can be looked at or not.
        Err(_) if matches!(plan.input.source, Source::List { .. }) => Unlisted::LeftOut,
        // Nor is what systems leave behind looked at.
        Err(_) if litter::on_the_way(relative, plan.input.hidden).is_some() => Unlisted::LeftOut,
        Err(_) => Unlisted::Unseen,
    }
}

fn sort_unlisted(plan: &Plan, inputs: &[Input], records: &HashMap<Vec<u8>, Record>, prepared: &mut Prepared) {
    let present: HashSet<&[u8]> = inputs.iter().map(Input::key).collect();
    let blind: Vec<&Path> = inputs.iter().filter(|i| i.blind).map(|i| i.relative.as_path()).collect();
    let mut missing: Vec<(&Vec<u8>, &Record)> =
        records.iter().filter(|(path, _)| !present.contains(path.as_slice())).collect();
    missing.sort_by_key(|(path, _)| *path);
    let kinds: Vec<Unlisted> = missing
        .par_iter()
        .map(|(path, _)| unlisted(plan, &blind, Path::new(OsStr::from_bytes(path))))
        .collect();
    prepared.known = records.values().filter(|r| !r.vanished && !r.products.is_empty()).count();
    // A list names files whether they are there or not.
    let absent = |input: &&Input| {
        let before = || records.get(input.key()).is_some_and(|r| !r.vanished && !r.products.is_empty());
        is_gone(input) && before()
    };
    prepared.listed_absent = inputs.iter().filter(absent).count();
    for ((path, record), kind) in missing.into_iter().zip(kinds) {
        let counts = usize::from(!record.vanished && !record.products.is_empty());
        match kind {
            Unlisted::Gone => {
                let outputs = record.products.values().flatten().cloned().collect();
                prepared.vanished.push((path.clone(), outputs));
                prepared.newly_vanished += counts;
            }
            Unlisted::LeftOut => {
                prepared.left_out.push(path.clone());
                prepared.newly_left_out += counts;
            }
            Unlisted::Unseen => prepared.unseen.push(Input::unseen(&plan.input.root, path)),
        }
    }
}

impl Prepared {
    /// Inputs that tables, lists and manifests are about: those listed, and those that can't be told of now. What has
    /// vanished, or is left out, leaves them.
    pub fn shown(&self) -> Vec<&Input> {
        let mut all: Vec<&Input> = self.inputs.iter().chain(&self.unseen).collect();
        all.sort_by_key(|input| input.key());
        all
    }

    /// Inputs that the last run knew and that are missing now, and those that are back.
    pub fn moves(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let marked = |path: &[u8]| self.records.get(path).is_some_and(|r| r.vanished);
        let missing = self.vanished.iter().map(|(path, _)| path).chain(&self.left_out);
        let listed = self.inputs.iter().filter(|input| is_gone(input)).map(|input| input.key());
        let missing = missing.map(Vec::as_slice).filter(|path| !marked(path));
        // Those that are listed were tried, which took the mark off.
        let gone = missing.chain(listed).map(<[u8]>::to_vec).collect();
        let there = self.shown().into_iter().filter(|input| !is_gone(input)).map(|i| i.key());
        let back = there.filter(|p| marked(p)).map(<[u8]>::to_vec).collect();
        (gone, back)
    }
}
