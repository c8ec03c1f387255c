//! A job, resolved: its steps, and what is asked of them.

use super::limits::Limits;
use crate::inputs::{Input, InputPlan, References};
use crate::ledger::{Fingerprint, hex};
use crate::pipeline::{Action, ColumnStep, Former, Formula, Names, PlannedStep, Rows, Sink, identity};
use crate::spec::{Diagnostic, Sources};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A job, resolved.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The pipeline's text, for mistakes that show later.
    pub sources: Sources,
    /// Name of the job.
    pub name: String,
    /// Input.
    pub input: InputPlan,
    /// Output folder, absolute.
    pub output: PathBuf,
    /// Folder on a disk of this machine for the ledgers of shards, absolute.
    pub state: Option<PathBuf>,
    /// The steps.
    pub chain: Vec<PlannedStep>,
    /// What each choice decides by: its branches' conditions, none for `else`.
    pub choices: Vec<Vec<Option<Formula>>>,
    /// Where the clean pictures are that the inputs are compared with.
    pub references: Option<Arc<References>>,
    /// Columns of the list that expressions use, by their places.
    pub listed: BTreeSet<usize>,
    /// Products every item should have.
    pub products: BTreeSet<Fingerprint>,
    /// Digest of all products.
    pub products_digest: Fingerprint,
    /// What ledgers up to layout 3 call all that.
    pub former: Former,
    /// The pipeline as YAML, with all that rows follow from.
    pub recipe: String,
    /// Files among them, as written, with the hashes of their content.
    pub models: Vec<(PathBuf, String)>,
    /// Bounds.
    pub limits: Limits,
    /// What was inferred and the user may want to know.
    pub notes: Vec<String>,
    /// Values that are hardly meant.
    pub warnings: Vec<Diagnostic>,
}

/// A sink whose files' names follow from the inputs', with the product that they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedSink<'a> {
    /// What it writes.
    pub product: Fingerprint,
    /// The sink.
    pub sink: &'a dyn Sink,
    /// Its rule.
    pub names: &'a dyn Names,
}

fn named(chain: &[PlannedStep]) -> impl Iterator<Item = NamedSink<'_>> {
    chain.iter().filter_map(|step| match &step.action {
        Action::Sink(sink) => {
            Some(NamedSink { product: step.product?, sink: sink.as_ref(), names: sink.names()? })
        }
        _ => None,
    })
}

impl Plan {
    /// Identity of what decides over an input beside its file, none where nothing does: the values of the list's columns
    /// that are used, and its reference.
    pub(crate) fn listed_of(&self, input: &Input) -> Option<Fingerprint> {
        let value = |at: &usize| {
            let (column, value) = (self.input.carried.get(*at)?, input.carried.get(*at)?);
            // With its type: no value is not an empty text, and whole numbers divide otherwise than fractions.
            Some(format!("{}={value:?}", column.name))
        };
        let values = self.listed.iter().filter_map(value);
        let values: Vec<String> = values.chain(input.reference_identity()).collect();
        (!self.listed.is_empty() || self.references.is_some())
            .then(|| identity::all(["listed"].into_iter().chain(values.iter().map(String::as_str))))
    }

    /// Digest of what an item is asked for: all products, and the values of the list that decide.
    pub(crate) fn asked(&self, listed: Option<Fingerprint>) -> Fingerprint {
        let both = |listed| {
            let texts = [hex(&self.products_digest), hex(&listed)];
            identity::all(texts.iter().map(String::as_str))
        };
        listed.map_or(self.products_digest, both)
    }

    /// The sinks, with their steps' places in the chain.
    pub(crate) fn sinks(&self) -> impl Iterator<Item = (usize, &dyn Sink)> {
        self.chain.iter().enumerate().filter_map(|(index, step)| match &step.action {
            Action::Sink(sink) => Some((index, sink.as_ref())),
            _ => None,
        })
    }

    /// The sinks that publish something at the end of a run.
    pub(crate) fn publishing(&self) -> impl Iterator<Item = (usize, &dyn Sink)> {
        self.sinks().filter(|(_, sink)| sink.turn().is_some())
    }

    /// The columns of the steps before the one at `index` of the chain.
    pub(crate) fn rows_before(&self, index: usize) -> Rows {
        PlannedStep::rows_of(&self.chain[..index])
    }

    /// Index of the first step that makes several samples of one; behind the chain where none does.
    pub(crate) fn first_fan(&self) -> usize {
        let many = |l: &PlannedStep| matches!(l.action, Action::Many(_));
        self.chain.iter().position(many).unwrap_or(self.chain.len())
    }

    /// Whether one input may give several samples from some step on: index of the next step.
    fn fan_out(&self) -> Option<usize> {
        Some(self.first_fan() + 1).filter(|next| *next <= self.chain.len())
    }

    /// Steps before any fan-out that gain by taking several samples at once, with their places in the chain.
    pub(crate) fn batched(&self) -> impl Iterator<Item = (usize, &dyn ColumnStep)> {
        let end = self.fan_out().unwrap_or(self.chain.len());
        self.chain[..end].iter().enumerate().filter_map(|(index, planned)| match &planned.action {
            Action::Columns(step) if step.batch() > 1 => Some((index, step.as_ref())),
            _ => None,
        })
    }

    /// The sinks that write one file an input, under a name known before.
    pub(crate) fn single_files(&self) -> impl Iterator<Item = NamedSink<'_>> {
        let end = self.fan_out().unwrap_or(self.chain.len());
        named(&self.chain[..end])
    }

    /// Those of them that may leave out the file of a picture.
    pub(crate) fn sparing(&self) -> impl Iterator<Item = NamedSink<'_>> {
        let end = self.fan_out().unwrap_or(self.chain.len());
        self.chain[..end].iter().flat_map(|step| {
            let one = named(std::slice::from_ref(step));
            one.filter(|named| !step.gate.is_open() || named.sink.leaves_out_unchanged())
        })
    }

    /// The sinks whose files' names follow from the inputs'.
    pub(crate) fn named_files(&self) -> impl Iterator<Item = NamedSink<'_>> {
        named(&self.chain)
    }

    /// The sinks that write files under names not known before.
    pub(crate) fn owning(&self) -> impl Iterator<Item = &dyn Sink> {
        let start = self.fan_out().unwrap_or(self.chain.len());
        let owns = move |(index, sink): &(usize, &dyn Sink)| {
            sink.has_own_folder() || (*index >= start && sink.names().is_some())
        };
        self.sinks().filter(owns).map(|(_, sink)| sink)
    }

    /// Folders that steps write to, relative to the output.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.sinks().map(|(_, sink)| sink.folder())
    }
}
