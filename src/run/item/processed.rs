//! What came of an item, for the committer.

use crate::error::{ErrorKind, ItemError};
use crate::inputs::Identity;
use crate::ledger::{Entry, Fingerprint, Outcome};
use crate::store::Staged;
use std::collections::BTreeSet;

/// A processed item on its way to the committer.
#[derive(Debug)]
pub(crate) struct Processed {
    /// The ledger's entry; outputs are filled in by the committer.
    pub entry: Entry,
    /// Files to publish, with the product each belongs to.
    pub staged: Vec<(Fingerprint, Staged)>,
    /// What it falls back to.
    pub(super) spare: Spare,
    /// Digest of what it was asked for.
    pub(super) asked: Fingerprint,
    /// Seconds by step of the chain; decoding stands first.
    pub seconds: Vec<f64>,
    /// Pixels of the input.
    pub pixels: u64,
}

/// What remains of an item whose files are refused after all.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) keep: BTreeSet<Fingerprint>,
    pub(super) hash: Option<[u8; 32]>,
    pub(super) failure: Option<(ErrorKind, Identity)>,
    pub(super) content: Option<[u8; 32]>,
    pub(super) ignored: bool,
}

impl Spare {
    /// Whether the item failed before for a reason that lies in its file.
    fn failed_lastingly(&self) -> bool {
        self.failure.is_some_and(|(kind, _)| !kind.is_transient())
    }
}

impl Processed {
    /// True when the item failed.
    pub(crate) fn failed(&self) -> bool {
        matches!(self.entry.record.outcome, Outcome::Failed { .. })
    }

    /// True when it failed, and had failed the same way before.
    pub(crate) fn failed_again(&self) -> bool {
        let record = &self.entry.record;
        let Outcome::Failed { error, .. } = &record.outcome else { return false };
        let identity = Identity { size: record.size, mtime_ns: record.mtime_ns };
        // A copy of the file has another time and is the same.
        let same_content = record.hash.is_some() && record.hash == self.spare.content;
        let Some((kind, file)) = self.spare.failure else { return false };
        kind == error.kind && (file == identity || same_content)
    }

    /// True where nothing was found out: what is recorded, a failure that lies in the file, says more than that it can't
    /// be looked at now.
    pub(crate) fn is_void(&self) -> bool {
        let unreadable = matches!(&self.entry.record.outcome, Outcome::Failed { error, .. } if error.kind == ErrorKind::Unreadable);
        unreadable && self.spare.failed_lastingly()
    }

    /// Makes it a failure: one of its files could not be put in its place.
    pub(crate) fn refuse(&mut self, error: ItemError) {
        let record = &mut self.entry.record;
        if error.kind.is_transient() {
            record.hash = self.spare.hash;
        }
        record.outcome = Outcome::Failed { error, plan: self.asked };
        record.products.clear();
        self.entry.payloads.clear();
        self.entry.keep = std::mem::take(&mut self.spare.keep);
        self.entry.restamp.clear();
        self.settle();
    }

    /// An acknowledged failure stays acknowledged while it is the same.
    pub(super) fn settle(&mut self) {
        self.entry.record.ignored = self.spare.ignored && self.failed_again();
    }
}
