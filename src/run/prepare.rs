//! Before the run: list the inputs, look at the disk, decide for each item.
//!
//! What the ledger holds goes by input after input beside the list; only what later parts of a run need of it stays.

use super::collisions;
use super::error::RunError;
use super::known_names::Names;
use super::naming;
use super::resume::{Decision, Disk, Reason, Selection, decide};
use super::task::{Task, make_task};
use super::unlisted::{self, Missing, Unlisted};
use crate::codec::Loss;
use crate::error::ErrorKind;
use crate::inputs::{self, Beside, Identity, Input, Listing, Outside, Pages};
use crate::ledger::{Ledger, LedgerError, Ours, Outcome, Record, Side};
use crate::plan::Plan;
use crate::shown::Show;
use crate::store::{Refusal, Seen, Store, Written};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Paths whose folders are looked at by one worker.
const AT_ONCE: usize = 256;
/// Inputs that are decided together: enough to occupy all workers, few enough to hold what is known of them.
const CHUNK: usize = 8192;

/// Everything decided before the first item.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// All inputs, sorted by path.
    pub inputs: Vec<Input>,
    /// The reason for each input, in the same order.
    pub decisions: Vec<Reason>,
    /// Items to process, in order.
    pub tasks: Vec<Task>,
    /// How many inputs for each reason.
    pub reasons: BTreeMap<Reason, usize>,
    /// Inputs of the ledger that are gone.
    pub vanished: Vec<Missing>,
    /// How many of them the last run still saw.
    pub newly_vanished: usize,
    /// Inputs of the ledger that are there and that the patterns, or the list, leave out today.
    pub left_out: Vec<Missing>,
    /// How many of them the last run still took.
    pub newly_left_out: usize,
    /// Inputs that are listed, were made something of before, and are gone.
    pub listed_absent: usize,
    /// Inputs of the ledger of which nothing can be told now: their folder can't be read.
    pub unseen: Vec<Input>,
    /// The same with what was made of them.
    pub unseen_outputs: Vec<Missing>,
    /// Inputs that the last run did not find and that are shown now.
    pub back: Vec<Vec<u8>>,
    /// Inputs that the last run knew, and of which there are results.
    pub known: usize,
    /// Symbolic links that match and are not followed.
    pub links: usize,
    /// What lies in the input and is none.
    pub beside: Beside,
    /// Work of earlier runs.
    pub past: Past,
}

/// What items took that are done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    /// Seconds.
    pub seconds: f64,
    /// Pixels.
    pub pixels: f64,
}

/// What is no part of the input, though a link may lead there.
///
/// # Errors
/// When the output can't be looked at.
pub(crate) fn outside(plan: &Plan) -> Result<Outside, RunError> {
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
pub(crate) fn list(plan: &Plan) -> Result<Listing, RunError> {
    let mut listing =
        inputs::listing(&plan.input, &outside(plan)?).map_err(|e| RunError::Input(e.message))?;
    if listing.inputs.is_empty() {
        return Err(RunError::NoInput(plan.input.nothing(&listing.beside)));
    }
    if let Some(references) = &plan.references {
        listing.folders.extend(references.find(&plan.input, &mut listing.inputs));
    }
    Ok(listing)
}

/// Lists and decides; reads the disk, writes nothing.
///
/// # Errors
/// When the ledger can't be read, the disk can't be looked at, or no input matches.
pub(crate) fn prepare(
    plan: &Plan,
    ledger: Option<&Ledger>,
    selection: Selection,
) -> Result<Prepared, RunError> {
    let listing = list(plan)?;
    let store = Store::existing(&plan.output)?;
    decide_all(plan, listing, (store.as_ref(), false), ledger, (selection, false), None)
}

/// Decides for each input of a listing, or of its share in it, by their places; writes in the store only where that is
/// allowed, and only to try out names.
///
/// # Errors
/// When the ledger can't be read or the disk can't be looked at.
pub(crate) fn decide_all(
    plan: &Plan,
    listing: Listing,
    (store, writes): (Option<&Store>, bool),
    ledger: Option<&Ledger>,
    (selection, prunes): (Selection, bool),
    share: Option<&[usize]>,
) -> Result<Prepared, RunError> {
    let Listing { inputs, links, beside, .. } = listing;
    let announced = ledger.map(Ledger::announced).transpose()?.unwrap_or_default();
    let mut prepared = Prepared { links, beside, ..Prepared::default() };
    let lost = ledger.map_or(Ok(false), Ledger::state_lost)?;
    let mut deciding =
        Deciding { plan, store, selection, announced: &announced, lost, inputs: &inputs, chunk: Vec::new() };
    let mut others = Vec::new();
    let place = |at: usize| share.map_or(at, |share| share[at]);
    let mut take = |side: Side<'_>| {
        match side {
            Side::Unknown(at) => deciding.chunk.push((place(at), None)),
            Side::Known(at, record) => deciding.chunk.push((place(at), Some(record))),
            // A shard knows of its own alone; what has gone is told of all together.
            Side::Other(..) if share.is_some() => {}
            Side::Other(path, record) => others.push((path.to_vec(), record)),
        }
        if deciding.chunk.len() == CHUNK {
            deciding.decide(&mut prepared);
        }
        Ok::<_, LedgerError>(())
    };
    let count = share.map_or(inputs.len(), <[usize]>::len);
    match ledger {
        Some(ledger) => ledger.compare((0..count).map(|at| inputs[place(at)].key()), take)?,
        None => (0..count).try_for_each(|at| take(Side::Unknown(at)))?,
    }
    deciding.decide(&mut prepared);
    sort_unlisted(plan, &inputs, others, &mut prepared);
    let mut tasks = std::mem::take(&mut prepared.tasks);
    if !tasks.is_empty() {
        naming::refuse(plan, &inputs, &mut tasks)?;
        // What was made of inputs that are gone or left out stays until it is pruned: nothing else may be left of them.
        // A run that prunes gives the names to who asks for them now.
        let owned = match (share, ledger) {
            (Some(_), Some(ledger)) => owned_elsewhere(ledger, &inputs, &tasks)?,
            _ => Vec::new(),
        };
        let left = prepared.vanished.iter().chain(&prepared.left_out).chain(&prepared.unseen_outputs);
        let left: Vec<&Missing> = left.chain(&owned).filter(|_| !prunes).collect();
        collisions::tell(plan, &inputs, (ledger, store.filter(|_| writes)), &left, &mut tasks)?;
        if let Some(store) = store {
            find_foreign(store, ledger, &mut tasks)?;
        }
    }
    prepared.tasks = tasks;
    Ok(Prepared { inputs, ..prepared })
}

/// Inputs that are none any more and that have outputs under names that these tasks want.
fn owned_elsewhere(ledger: &Ledger, inputs: &[Input], tasks: &[Task]) -> Result<Vec<Missing>, LedgerError> {
    let mut left = Vec::new();
    for target in tasks.iter().flat_map(|task| &task.targets) {
        let Some(owner) = ledger.owner_of(target.as_os_str().as_bytes())? else { continue };
        if inputs.binary_search_by(|input| input.key().cmp(&owner)).is_err()
            && let Some(record) = ledger.record(&owner)?
        {
            left.push(Missing::new(owner, record));
        }
    }
    Ok(left)
}

/// Decides for inputs, some at a time.
struct Deciding<'a> {
    plan: &'a Plan,
    store: Option<&'a Store>,
    selection: Selection,
    announced: &'a HashMap<Vec<u8>, Vec<Written>>,
    /// Files may stand in the output of a shard whose records are lost.
    lost: bool,
    inputs: &'a [Input],
    /// Those that wait, with what is known of each.
    chunk: Vec<(usize, Option<Record>)>,
}

impl Deciding<'_> {
    fn decide(&mut self, prepared: &mut Prepared) {
        let chunk = std::mem::take(&mut self.chunk);
        let names = Names { disk: self.disk(&chunk), announced: self.announced, lost: self.lost };
        let decided: Vec<(Decision, Option<Task>)> =
            chunk.par_iter().map(|(at, record)| self.one(*at, record.as_ref(), &names)).collect();
        for (decision, task) in decided {
            *prepared.reasons.entry(decision.reason).or_insert(0) += 1;
            prepared.decisions.push(decision.reason);
            prepared.tasks.extend(task);
        }
        for (at, record) in chunk.iter().filter_map(|(at, record)| Some((*at, record.as_ref()?))) {
            let input = &self.inputs[at];
            let counts = !record.vanished && !record.products.is_empty();
            prepared.known += usize::from(counts);
            // A list names files whether they are there or not.
            prepared.listed_absent += usize::from(counts && is_gone(input));
            if record.vanished && !is_gone(input) {
                prepared.back.push(input.key().to_vec());
            }
            if let Outcome::Done(facts) = &record.outcome {
                prepared.past.seconds += record.seconds;
                prepared.past.pixels += f64::from(facts.width) * f64::from(facts.height);
            }
        }
    }

    /// What stands at the outputs of some inputs.
    fn disk(&self, chunk: &[(usize, Option<Record>)]) -> Disk {
        let records = chunk.iter().filter_map(|(_, record)| record.as_ref());
        let outputs = records.flat_map(|r| r.products.values().flatten()).map(|o| o.path.as_slice());
        let mut disk = self.store.map(|store| see(store, outputs)).unwrap_or_default();
        if self.announced.is_empty() {
            return disk;
        }
        for (path, seen) in &mut disk {
            // Size and time may be those of the recorded file, and the file another one that was announced.
            if let Seen::File { size, .. } = seen
                && self.announced.get(path).is_some_and(|files| files.iter().any(|file| file.size == *size))
            {
                *seen = Seen::Uncertain;
            }
        }
        disk
    }

    fn one(&self, at: usize, record: Option<&Record>, names: &Names<'_>) -> (Decision, Option<Task>) {
        let (plan, input) = (self.plan, &self.inputs[at]);
        // An unreadable input is always tried: the attempt turns it into a row.
        let identity = input.identity.clone().unwrap_or(Identity { size: 0, mtime_ns: i64::MIN });
        let listed = plan.listed_of(input);
        let asked = plan.asked(listed);
        let wanted = (&plan.products, &asked);
        let selection = (self.selection, listed);
        let mut decision = decide(wanted.0, wanted.1, identity, record, &names.disk, selection);
        if decision.reason == Reason::ListChanged && plan.references.is_some() {
            decision.reason = Reason::ReferenceChanged;
        }
        // What was made of an animation with other settings, with these is refused.
        let refused = self.selection == Selection::Outstanding
            && plan.input.pages == Pages::Auto
            && record.is_some_and(is_first_frame);
        if refused {
            decision = Decision { reason: Reason::PlanChanged, make: plan.products.clone() };
        }
        let mut task =
            (!decision.make.is_empty()).then(|| make_task(plan, at, input, &decision, record, names));
        // Whatever else changed: what was made of it follows from other values of the list.
        let stale = refused
            || record.zip(listed).is_some_and(|(record, listed)| !record.products.contains_key(&listed));
        if let Some(task) = task.as_mut().filter(|_| stale) {
            let before = Arc::make_mut(&mut task.before);
            before.intact.clear();
            before.doubted.clear();
        }
        (decision, task)
    }
}

/// Notes, in each task, what stands at a name that is not known.
fn find_foreign(store: &Store, ledger: Option<&Ledger>, tasks: &mut [Task]) -> Result<(), RunError> {
    let ours = Ours::of(ledger)?;
    let lost = ledger.map_or(Ok(false), Ledger::state_lost)?;
    let mut new: Vec<Vec<PathBuf>> = Vec::with_capacity(tasks.len());
    for task in tasks.iter() {
        let mut unknown = Vec::new();
        for target in &task.targets {
            // Ours also as an output of another input.
            if !ours.holds(target.as_os_str().as_bytes())? {
                unknown.push(target.clone());
            }
        }
        new.push(unknown);
    }
    tasks.par_chunks_mut(AT_ONCE).zip(new.par_chunks(AT_ONCE)).for_each(|(tasks, new)| {
        for (task, new) in tasks.iter_mut().zip(new) {
            let new: Vec<&Path> = new.iter().map(PathBuf::as_path).collect();
            for (path, seen) in store.see(&new) {
                match seen {
                    Seen::Unknown(why) => Arc::make_mut(&mut task.before).unseen = Some(why),
                    Seen::Blocked(refusal) => task.foreign = Some(refusal),
                    // What it holds tells whose it is.
                    Seen::File { .. } | Seen::Uncertain if lost => {}
                    Seen::File { .. } | Seen::Uncertain | Seen::Other => {
                        task.foreign = Some(Refusal::foreign(&store.root().join(path)));
                    }
                }
            }
        }
    });
    Ok(())
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

/// Sorts what is known of inputs that are not listed.
fn sort_unlisted(plan: &Plan, inputs: &[Input], others: Vec<(Vec<u8>, Record)>, prepared: &mut Prepared) {
    let blind: Vec<&Path> = inputs.iter().filter(|i| i.blind).map(|i| i.relative.as_path()).collect();
    let kinds =
        others.par_iter().map(|(path, _)| unlisted::kind(plan, &blind, Path::new(OsStr::from_bytes(path))));
    let kinds: Vec<Unlisted> = kinds.collect();
    for ((path, record), kind) in others.into_iter().zip(kinds) {
        let counts = usize::from(!record.vanished && !record.products.is_empty());
        prepared.known += counts;
        match kind {
            Unlisted::Gone => {
                prepared.newly_vanished += counts;
                prepared.vanished.push(Missing::new(path, record));
            }
            Unlisted::LeftOut => {
                prepared.newly_left_out += counts;
                prepared.left_out.push(Missing::new(path, record));
            }
            Unlisted::Unseen => {
                prepared.unseen.push(Input::unseen(&plan.input.root, &path));
                if record.vanished {
                    prepared.back.push(path.clone());
                }
                prepared.unseen_outputs.push(Missing::new(path, record));
            }
        }
    }
}

impl Prepared {
    /// Inputs that tables, lists and manifests are about: those listed, and those that can't be told of now. What has
    /// vanished, or is left out, leaves them.
    pub(crate) fn shown(&self) -> Vec<&Input> {
        let mut all: Vec<&Input> = self.inputs.iter().chain(&self.unseen).collect();
        all.sort_by_key(|input| input.key());
        all
    }

    /// Inputs that the last run knew and that are missing now, and those that are back.
    pub(crate) fn moves(&self) -> (Vec<Vec<u8>>, &[Vec<u8>]) {
        let missing = self.vanished.iter().chain(&self.left_out).filter(|missing| !missing.marked);
        let listed = self.inputs.iter().filter(|input| is_gone(input)).map(|input| input.key().to_vec());
        // Those that are listed were tried, which took the mark off.
        (missing.map(|missing| missing.path.clone()).chain(listed).collect(), &self.back)
    }
}
