//! The committer: one thread that publishes staged files, then records them. Data first, record last.

use super::error::RunError;
use super::event::{Event, Summary};
use super::item::{Processed, refused};
use super::options::Options;
use crate::codec::Loss;
use crate::ledger::{Entry, Ledger, Outcome, Output, Record};
use crate::pipeline::Remark;
use crate::plan::Plan;
use crate::store::{Staged, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Items that make up a transaction.
const BATCH: usize = 256;
/// An item waits no longer than this for others to share its sync and transaction.
const LINGER: Duration = Duration::from_millis(250);

/// A worker's result.
pub(super) struct Message {
    /// Path relative to the input.
    pub path: PathBuf,
    /// What came of it.
    pub done: Result<Box<Processed>, StoreError>,
}

/// What was recorded in a run.
#[derive(Debug, Default)]
pub(super) struct Totals {
    done: usize,
    failed: usize,
    again: usize,
    ignored: usize,
    bytes: u64,
    pixels: u64,
    losses: BTreeMap<Loss, usize>,
    refused: BTreeMap<String, usize>,
    unchanged: usize,
    steps: Vec<(String, f64)>,
}

impl Totals {
    /// Nothing of these stages.
    pub(super) fn none(plan: &Plan) -> Totals {
        Totals { steps: step_names(plan).into_iter().map(|name| (name, 0.0)).collect(), ..Totals::default() }
    }

    /// Counts what was recorded of an item; `known` says of one that failed that it had failed so before.
    pub(super) fn count(&mut self, record: &Record, pixels: u64, known: bool) {
        match (&record.outcome, known, record.ignored) {
            (Outcome::Done(_), ..) => {
                self.done += 1;
                self.bytes += record.size;
                self.pixels += pixels;
                let lost: BTreeSet<Loss> = record.notes.iter().filter_map(|note| Loss::of(note)).collect();
                for loss in lost {
                    *self.losses.entry(loss).or_default() += 1;
                }
                for note in &record.notes {
                    match Remark::of(note) {
                        Remark::Refused(condition) => {
                            *self.refused.entry(condition.to_string()).or_default() += 1;
                        }
                        Remark::Unchanged => self.unchanged += 1,
                        Remark::Other => {}
                    }
                }
            }
            (_, false, _) => self.failed += 1,
            (_, true, false) => self.again += 1,
            (_, true, true) => self.ignored += 1,
        }
    }

    /// Adds these to a summary.
    pub(super) fn add_to(self, summary: &mut Summary) {
        summary.done += self.done;
        summary.failed += self.failed;
        summary.again += self.again;
        summary.ignored += self.ignored;
        summary.bytes += self.bytes;
        summary.pixels += self.pixels;
        summary.losses = self.losses;
        summary.refused = self.refused;
        summary.unchanged = self.unchanged;
        summary.steps = self.steps;
    }
}

/// Names of the timed stages: decoding, then each step of the chain.
fn step_names(plan: &Plan) -> Vec<String> {
    std::iter::once("decode").chain(plan.chain.iter().map(|l| l.name)).map(str::to_string).collect()
}

/// Publishes and records results as they come.
pub(super) struct Committer<'a> {
    plan: &'a Plan,
    store: &'a Store,
    ledger: &'a mut Ledger,
    emit: &'a (dyn Fn(Event) + Sync),
    halt: &'a AtomicBool,
    /// New failures so far, those of workers among them.
    failures: &'a AtomicUsize,
    options: &'a Options<'a>,
    totals: Totals,
}

impl<'a> Committer<'a> {
    /// A committer that sets `halt` when the output can't be written.
    pub(super) fn new(
        plan: &'a Plan,
        (store, ledger): (&'a Store, &'a mut Ledger),
        emit: &'a (dyn Fn(Event) + Sync),
        (halt, failures): (&'a AtomicBool, &'a AtomicUsize),
        options: &'a Options<'a>,
    ) -> Committer<'a> {
        let totals = Totals::none(plan);
        Committer { plan, store, ledger, emit, halt, failures, options, totals }
    }

    /// Works until all senders hang up.
    ///
    /// Gives what was recorded, and the first write that failed; what was recorded before it holds.
    pub(super) fn run(mut self, results: &Receiver<Vec<Message>>) -> (Totals, Result<(), RunError>) {
        let mut open = true;
        while open {
            let mut batch = Vec::new();
            let mut deadline = None;
            while batch.len() < BATCH {
                let wait =
                    deadline.map_or(Duration::MAX, |d: Instant| d.saturating_duration_since(Instant::now()));
                match results.recv_timeout(wait) {
                    Ok(messages) => batch.extend(messages),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => {
                        open = false;
                        break;
                    }
                }
                deadline.get_or_insert_with(|| Instant::now() + LINGER);
            }
            if let Err(error) = self.commit(batch) {
                self.halt.store(true, Ordering::SeqCst);
                // Workers must not block on a full channel while the run winds down.
                for message in results.iter().flatten() {
                    if let Ok(processed) = message.done {
                        let staged: Vec<Staged> = processed.staged.into_iter().map(|(_, s)| s).collect();
                        self.store.discard(&staged);
                    }
                }
                return (self.totals, Err(error));
            }
        }
        (self.totals, Ok(()))
    }

    fn commit(&mut self, batch: Vec<Message>) -> Result<(), RunError> {
        let mut failure = None;
        let mut items = Vec::new();
        for message in batch {
            match message.done {
                Ok(processed) => items.push((message.path, processed)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let mut staged = Vec::new();
        let mut owners = Vec::new();
        for (index, (_, processed)) in items.iter_mut().enumerate() {
            for (product, file) in processed.staged.drain(..) {
                staged.push(file);
                owners.push((index, product));
            }
        }
        // What is about to appear is announced, so that what a crash leaves can be told from what somebody else put
        // there.
        let names = staged.iter().map(|file| (file.relative().as_os_str().as_bytes(), file.written()));
        self.options.hold.check()?;
        let mut known = if staged.is_empty() { Vec::new() } else { self.ledger.announce(names)? };
        if self.ledger.state_lost()? {
            // Of a run whose records are lost, only what is the same as what is to be written can be told for its own.
            for (known, file) in known.iter_mut().zip(&staged) {
                known.files.push(file.written());
            }
        }
        let stamps = self.store.publish(&staged, &known, self.options.replace_edited)?;
        for ((file, stamp), (index, product)) in staged.iter().zip(stamps).zip(owners) {
            let path = file.relative().as_os_str().as_bytes().to_vec();
            let processed = &mut items[index].1;
            match stamp {
                // A file of an item that failed by another of its files stays announced.
                Ok(_) if processed.failed() => {}
                Ok(stamp) => {
                    let products = &mut processed.entry.record.products;
                    products.entry(product).or_default().push(Output { path, stamp });
                }
                Err(refusal) => {
                    processed.entry.withdrawn.push(path);
                    processed.refuse(refused(&refusal));
                    if !processed.failed_again() {
                        self.failures.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(items.len());
        let mut tellings = Vec::with_capacity(items.len());
        let mut unrecorded = Vec::new();
        for (path, processed) in items {
            let (known, void) = (processed.failed_again(), processed.is_void());
            let telling = (path, processed.seconds, processed.pixels, known);
            if void {
                unrecorded.push((processed.entry, telling));
            } else {
                tellings.push(telling);
                entries.push(processed.entry);
            }
        }
        if !entries.is_empty() {
            self.ledger.commit(&entries, self.store.fault())?;
        }
        let recorded = entries.into_iter().zip(tellings);
        for (entry, (path, seconds, pixels, known)) in recorded.chain(unrecorded) {
            self.tell(entry, path, &seconds, pixels, known);
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    fn tell(&mut self, entry: Entry, path: PathBuf, seconds: &[f64], pixels: u64, known: bool) {
        for (total, seconds) in self.totals.steps.iter_mut().zip(seconds) {
            total.1 += seconds;
        }
        let record = entry.record;
        self.totals.count(&record, pixels, known);
        match record.outcome {
            Outcome::Done(_) => {
                let other = |note: &String| matches!(Remark::of(note), Remark::Other);
                let notes = record.notes.into_iter().filter(other).collect();
                let (bytes, seconds) = (record.size, record.seconds);
                (self.emit)(Event::Finished { path, bytes, pixels, seconds, notes });
            }
            Outcome::Failed { error, .. } => {
                (self.emit)(Event::Failed { path, error, bytes: record.size, known });
            }
        }
        debug_assert_eq!(self.totals.steps.len(), self.plan.chain.len() + 1);
    }
}
