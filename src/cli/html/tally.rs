//! What the ledger tells of the items: how many, what failed and why, what was refused, lost and remarked.

use super::choice::Draw;
use crate::codec::Loss;
use crate::inputs::path_text;
use crate::ledger::{Ledger, LedgerError, Outcome, Record, hex};
use crate::pipeline::Remark;
use crate::store::STATE_FOLDER;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Failures that the page lists; `status --failures` lists all.
pub(super) const FAILURES: usize = 20_000;
/// Paths and wordings that stand for a group.
const EXAMPLES: usize = 5;
/// Kinds of other remarks that are told apart.
const REMARKS: usize = 200;
/// Pictures that may be shown by chance, or looked at for how much they have changed.
const DRAWN: usize = 24;

/// An item that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// Its path, as data.
    pub path: String,
    /// Name of the kind of error.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
    /// Somebody acknowledged it.
    pub acknowledged: bool,
}

/// Items of which the same was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// How many.
    pub count: usize,
    /// Some of their paths, as data.
    pub paths: Vec<String>,
    /// Some of the different wordings.
    pub wordings: Vec<String>,
}

impl Group {
    fn add(&mut self, path: &[u8], wording: &str) {
        self.count += 1;
        if self.paths.len() < EXAMPLES {
            self.paths.push(path_text(path));
        }
        if self.wordings.len() < EXAMPLES
            && !wording.is_empty()
            && !self.wordings.iter().any(|w| w == wording)
        {
            self.wordings.push(wording.to_string());
        }
    }
}

/// What the ledger tells.
#[derive(Debug)]
pub(super) struct Tally {
    pub done: usize,
    /// Without those acknowledged.
    pub failed: usize,
    pub acknowledged: usize,
    /// Items that the last run did not see.
    pub vanished: usize,
    /// Files of items, and their bytes.
    pub outputs: (usize, u64),
    /// Seconds of work.
    pub seconds: f64,
    /// Bytes and pixels of the inputs that are done.
    pub inputs: (u64, u64),
    /// Failed items by kind of error.
    pub kinds: BTreeMap<&'static str, usize>,
    /// The first failures, by path.
    pub failures: Vec<Failure>,
    /// Items by the condition that refused them.
    pub refused: BTreeMap<String, Group>,
    /// Items by what they lost.
    pub losses: BTreeMap<Loss, Group>,
    /// Items by another remark.
    pub remarks: BTreeMap<String, Group>,
    /// Items that no step changed.
    pub unchanged: usize,
    /// Done items that have pictures.
    pub pictured: usize,
    /// Some of these, by chance.
    pub drawn: Vec<Vec<u8>>,
    /// One failed item of each kind.
    pub failed_examples: Vec<(Vec<u8>, &'static str)>,
}

impl Tally {
    /// Of a ledger; failures are acknowledged under what is `asked`.
    ///
    /// # Errors
    /// When it can't be read.
    pub(super) fn of(ledger: &Ledger, asked: Option<&str>) -> Result<Tally, LedgerError> {
        let mut tally = Tally {
            done: 0,
            failed: 0,
            acknowledged: 0,
            vanished: 0,
            outputs: (0, 0),
            seconds: 0.0,
            inputs: (0, 0),
            kinds: BTreeMap::new(),
            failures: Vec::new(),
            refused: BTreeMap::new(),
            losses: BTreeMap::new(),
            remarks: BTreeMap::new(),
            unchanged: 0,
            pictured: 0,
            drawn: Vec::new(),
            failed_examples: Vec::new(),
        };
        let mut draw = Draw::new(DRAWN);
        ledger.each(|path, record| {
            tally.add(path, &record, asked, &mut draw);
            Ok::<_, LedgerError>(())
        })?;
        tally.drawn = draw.into_kept().into_iter().map(|(path, ())| path).collect();
        Ok(tally)
    }

    fn add(&mut self, path: &[u8], record: &Record, asked: Option<&str>, draw: &mut Draw<()>) {
        for output in record.products.values().flatten() {
            self.outputs = (self.outputs.0 + 1, self.outputs.1 + output.stamp.size);
        }
        self.seconds += record.seconds;
        if record.vanished {
            self.vanished += 1;
            return;
        }
        match &record.outcome {
            Outcome::Done(facts) => {
                self.done += 1;
                self.inputs.0 += record.size;
                self.inputs.1 += u64::from(facts.width) * u64::from(facts.height);
                if !pictures(record).is_empty() {
                    self.pictured += 1;
                    draw.offer(path, || ());
                }
                record.notes.iter().for_each(|note| self.note(path, note));
            }
            Outcome::Failed { error, plan } => {
                let kind = error.kind.name();
                // Under other settings, what was acknowledged counts again.
                let acknowledged = record.ignored && asked.is_none_or(|asked| hex(plan) == asked);
                *(if acknowledged { &mut self.acknowledged } else { &mut self.failed }) += 1;
                if !self.kinds.contains_key(kind) {
                    self.failed_examples.push((path.to_vec(), kind));
                }
                *self.kinds.entry(kind).or_default() += 1;
                if self.failures.len() < FAILURES {
                    let (path, message) = (path_text(path), error.message.clone());
                    self.failures.push(Failure { path, kind, message, acknowledged });
                }
            }
        }
    }

    fn note(&mut self, path: &[u8], note: &str) {
        if let Some(loss) = Loss::of(note) {
            let wording = note.split_once(": ").map_or("", |(_, wording)| wording);
            self.losses.entry(loss).or_default().add(path, wording);
            return;
        }
        match Remark::of(note) {
            Remark::Refused(condition) => {
                self.refused.entry(condition.to_string()).or_default().add(path, "")
            }
            Remark::Unchanged => self.unchanged += 1,
            Remark::Other => {
                let kind = without_numbers(note);
                let wording = if kind == note { "" } else { note };
                let known = self.remarks.len() < REMARKS || self.remarks.contains_key(&kind);
                self.remarks
                    .entry(if known { kind } else { "others".into() })
                    .or_default()
                    .add(path, wording);
            }
        }
    }
}

/// A remark with its numbers left out, so that those that differ only in them are one.
fn without_numbers(note: &str) -> String {
    let mut kind = String::with_capacity(note.len());
    let (mut within, mut letters) = (false, note.chars().peekable());
    while let Some(letter) = letters.next() {
        let point = within && letter == '.' && letters.peek().is_some_and(char::is_ascii_digit);
        if !letter.is_ascii_digit() && !point {
            kind.push(letter);
        } else if !within {
            kind.push('…');
        }
        within = letter.is_ascii_digit() || point;
    }
    kind
}

/// The pictures among an item's outputs; fragments of shards are none.
pub(super) fn pictures(record: &Record) -> Vec<PathBuf> {
    let outputs = record.products.values().flatten().map(|o| Path::new(OsStr::from_bytes(&o.path)));
    outputs.filter(|output| !output.starts_with(STATE_FOLDER)).map(Path::to_path_buf).collect()
}

/// Items spread over the archive in the order of their paths, of so many that are done and have pictures.
///
/// # Errors
/// When the ledger can't be read.
pub(super) fn spread(ledger: &Ledger, pictured: usize, count: usize) -> Result<Vec<Vec<u8>>, LedgerError> {
    let step = pictured.div_ceil(count).max(1);
    let (mut chosen, mut number) = (Vec::new(), 0);
    ledger.each(|path, record| {
        if !record.vanished && matches!(record.outcome, Outcome::Done(_)) && !pictures(&record).is_empty() {
            if number % step == 0 {
                chosen.push(path.to_vec());
            }
            number += 1;
        }
        Ok::<_, LedgerError>(())
    })?;
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_that_differ_in_numbers_are_one() {
        for (note, kind) in [
            ("guard: strength lowered to 0.26 (limit 0.2)", "guard: strength lowered to … (limit …)"),
            ("named .jpg but is png", "named .jpg but is png"),
            ("page 3.", "page …."),
            ("", ""),
        ] {
            assert_eq!(without_numbers(note), kind);
        }
    }
}
