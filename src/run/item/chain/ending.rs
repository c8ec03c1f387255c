//! What came of an item, as the ledger is to keep it.

use super::Work;
use crate::error::{ErrorKind, ItemError};
use crate::ledger::{Entry, Outcome, Record};
use crate::run::item::processed::{Processed, Spare};
use crate::run::task::Before;
use crate::store::Staged;
use std::collections::{BTreeMap, BTreeSet};

impl Work<'_> {
    pub(in crate::run::item) fn discard(&mut self) {
        let staged: Vec<Staged> = self.staged.drain(..).map(|(_, s)| s).collect();
        self.store.discard(&staged);
    }

    pub(in crate::run::item) fn failed(&mut self, error: ItemError) -> Outcome {
        self.discard();
        self.payloads.clear();
        self.fragments.clear();
        // The last good outputs stay on disk and in the ledger: a file damaged since is no reason to lose them.
        self.keep.clone_from(&self.before.all);
        self.restamp.clear();
        self.adopted.clear();
        if error.kind.is_transient() {
            self.hash = self.before.hash;
            self.notes.clone_from(&self.before.notes);
        }
        if error.kind == ErrorKind::Unreadable {
            self.last.clone_from(&self.before.last);
        }
        Outcome::Failed { error, plan: self.plan.asked(self.listed) }
    }

    pub(in crate::run::item) fn finish(mut self, outcome: Outcome, seconds: f64) -> Processed {
        let made = match outcome {
            Outcome::Done(_) => std::mem::take(&mut self.make),
            Outcome::Failed { .. } => BTreeSet::new(),
        };
        let mut products: BTreeMap<_, _> = made.into_iter().map(|f| (f, Vec::new())).collect();
        products.append(&mut self.adopted);
        let record = Record {
            size: self.identity.size,
            mtime_ns: self.identity.mtime_ns,
            hash: self.hash,
            outcome,
            notes: self.notes,
            seconds,
            products,
            last: self.last,
            ignored: false,
            vanished: false,
        };
        let entry = Entry {
            path: self.input.key().to_vec(),
            record,
            payloads: self.payloads,
            keep: self.keep,
            restamp: self.restamp,
            withdrawn: self.withdrawn,
        };
        let Before { all, hash, failure, content, ignored, .. } = self.before;
        let spare =
            Spare { keep: all.clone(), hash: *hash, failure: *failure, content: *content, ignored: *ignored };
        let (seconds, pixels) = (self.seconds, self.pixels);
        let asked = self.plan.asked(self.listed);
        let mut processed = Processed { entry, staged: self.staged, spare, asked, seconds, pixels };
        processed.settle();
        processed
    }
}
