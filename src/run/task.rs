//! An item to process: what is to be made of it, and what is known from before.

use super::known_names::Names;
use super::resume::{Decision, Reason};
use crate::error::ErrorKind;
use crate::inputs::Identity;
use crate::inputs::Input;
use crate::ledger::{Facts, Fingerprint, Outcome, Output, Record};
use crate::pipeline::{Action, Keeps, Place};
use crate::plan::Plan;
use crate::store::{Known, Refusal, Seen};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// An item to process.
#[derive(Debug)]
pub(crate) struct Task {
    /// Index into [`super::prepare::Prepared::inputs`].
    pub input: usize,
    /// Why.
    pub reason: Reason,
    /// Identity of the list's values that decide over it.
    pub listed: Option<Fingerprint>,
    /// Products to make.
    pub make: BTreeSet<Fingerprint>,
    /// What the ledger knew; of new items that is nothing, once for all of them.
    pub before: Arc<Before>,
    /// Output paths that are about to be written.
    pub targets: Vec<PathBuf>,
    /// Why an output can't be put in its place: something stands there that safelight did not write.
    pub foreign: Option<Refusal>,
    /// An output path that the file system refuses, and why.
    pub refused: Option<(PathBuf, String)>,
    /// Why another input has the name of an output.
    pub clash: Option<String>,
}

/// What the ledger knew of an item before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Before {
    /// Content hash that the kept products were made from.
    pub hash: Option<[u8; 32]>,
    /// Facts then, when it was done.
    pub facts: Option<Facts>,
    /// Facts of the last time that it was done, if nothing is known to have changed since.
    pub last: Option<Facts>,
    /// Its file as it was recorded.
    pub identity: Option<Identity>,
    /// All products kept with the record, also those of earlier settings.
    pub all: BTreeSet<Fingerprint>,
    /// Products still wanted whose files are intact.
    pub intact: BTreeSet<Fingerprint>,
    /// Products still wanted whose files are intact if those in doubt are.
    pub doubted: BTreeSet<Fingerprint>,
    /// Outputs that are not as they were written, by size and time.
    pub doubts: Vec<Doubt>,
    /// Files of products for whose times there is a setting.
    pub timed: Vec<Timed>,
    /// Why it can't be told what stands at an output's name.
    pub unseen: Option<String>,
    /// How it failed the last time, and what its file was then.
    pub failure: Option<(ErrorKind, Identity)>,
    /// Content of the file then, where it could be read.
    pub content: Option<[u8; 32]>,
    /// That failure was acknowledged.
    pub ignored: bool,
    /// Remarks then.
    pub notes: Vec<String>,
}

/// Files whose bytes are those of a wanted product.
#[derive(Clone, Debug)]
pub(crate) struct Timed {
    /// The product.
    pub product: Fingerprint,
    /// Whether they are recorded as this product's, or as those of the other setting of times.
    pub recorded: bool,
    /// Whether they are to have their original's times.
    pub keeps: bool,
    /// The files.
    pub outputs: Vec<Output>,
}

/// An output whose file is another than was written, by size or time.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    /// What it belongs to.
    pub product: Fingerprint,
    /// As it is recorded.
    pub output: Output,
    /// What may stand there: first as recorded, then as announced.
    pub known: Known,
}

impl Task {
    /// Why an output can't stand where it should: something else does, or the file system refuses its name.
    pub(crate) fn misplaced(&self, output: &Path) -> Option<Refusal> {
        let named = |(path, reason): &(PathBuf, String)| {
            let path = output.join(path);
            Refusal::Name { path, reason: reason.clone() }
        };
        self.foreign.clone().or_else(|| self.refused.as_ref().map(named))
    }
}

/// Puts a task together, but for what stands in its way.
pub(super) fn make_task(
    plan: &Plan,
    index: usize,
    input: &Input,
    decision: &Decision,
    record: Option<&Record>,
    names: &Names<'_>,
) -> Task {
    let targets: Vec<PathBuf> = plan
        .single_files()
        .filter(|named| decision.make.contains(&named.product))
        .map(|named| named.names.path(&input.relative, &Place::default()))
        .collect();
    let listed = plan.listed_of(input);
    let asked = plan.asked(listed);
    static NOTHING: LazyLock<Arc<Before>> = LazyLock::new(Arc::default);
    let before = match record {
        Some(record) => {
            let mut before = before(plan, record, &asked, &targets, names);
            before.intact.extend(listed.filter(|listed| before.all.contains(listed)));
            Arc::new(before)
        }
        None => Arc::clone(&NOTHING),
    };
    let mut make = decision.make.clone();
    make.extend(listed);
    Task {
        listed,
        input: index,
        reason: decision.reason,
        make,
        before,
        targets,
        foreign: None,
        refused: None,
        clash: None,
    }
}

fn before(
    plan: &Plan,
    record: &Record,
    asked: &Fingerprint,
    targets: &[PathBuf],
    names: &Names<'_>,
) -> Before {
    let identity = Identity { size: record.size, mtime_ns: record.mtime_ns };
    let mut before = Before {
        identity: Some(identity),
        hash: record.hash.filter(|_| reusable(&record.outcome)),
        content: record.hash,
        all: record.products.keys().copied().collect(),
        // Under other settings it counts again.
        ignored: record.ignored
            && matches!(&record.outcome, Outcome::Failed { plan: then, .. } if then == asked),
        notes: record.notes.clone(),
        ..Before::default()
    };
    match &record.outcome {
        Outcome::Done(facts) => {
            before.facts = Some(facts.clone());
            before.last = Some(facts.clone());
        }
        Outcome::Failed { error, .. } => {
            before.failure = Some((error.kind, identity));
            before.last.clone_from(&record.last);
        }
    }
    for planned in &plan.chain {
        let (Action::Sink(sink), Some(product), Some(twin)) =
            (&planned.action, planned.product, planned.twin)
        else {
            continue;
        };
        let keeps = sink.keeps() == Keeps::Timed { originals: true };
        let own = record.products.get(&product);
        if let Some(outputs) = own.or_else(|| record.products.get(&twin)) {
            let (recorded, outputs) = (own.is_some(), outputs.clone());
            before.timed.push(Timed { product, recorded, keeps, outputs });
        }
    }
    for (product, outputs) in &record.products {
        let wanted = plan.products.contains(product);
        let (mut missing, mut doubted) = (false, false);
        for output in outputs {
            let seen = names.disk.get(&output.path);
            let targeted = || targets.iter().any(|target| target.as_os_str().as_bytes() == output.path);
            match seen {
                None => missing = true,
                _ if output.is_as_written(seen) => {}
                // What it is now, only what is to be written tells: it may be that already.
                Some(Seen::File { .. } | Seen::Uncertain) if names.lost => missing = true,
                Some(Seen::Unknown(why)) if wanted || targeted() => before.unseen = Some(why.clone()),
                Some(_) if wanted || targeted() => {
                    doubted = true;
                    let mut known = Known::from(&output.stamp);
                    known.files.extend(names.announced.get(&output.path).into_iter().flatten().cloned());
                    before.doubts.push(Doubt { product: *product, output: output.clone(), known });
                }
                Some(_) => missing = true,
            }
        }
        if wanted && !missing {
            if doubted { &mut before.doubted } else { &mut before.intact }.insert(*product);
        }
    }
    before
}

/// Whether the products kept with a record were made from the content whose hash it holds: those of an
/// item that was done, or failed for a reason outside its file (then the older hash is kept).
fn reusable(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Done(_) => true,
        Outcome::Failed { error, .. } => error.kind.is_transient(),
    }
}
