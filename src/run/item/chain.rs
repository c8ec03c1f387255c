//! Decoding and the steps of the chain for one item; failures and panics are the caller's business.

mod conditions;
mod copying;
mod ending;
mod reading;

use super::failure::{Stopped, refused};
use crate::codec::{ExifData, Loss};
use crate::columns::{self, Row, Value};
use crate::error::ItemError;
use crate::image::Image;
use crate::inputs::{Identity, Input, Made, Pages};
use crate::ledger::{Facts, Fingerprint, Output, Payload};
use crate::pipeline::{Action, Keeps, Observed, Outgoing, Place, PlannedStep, Sample};
use crate::plan::Plan;
use crate::run::resume::Reason;
use crate::run::task::{Before, Task};
use crate::store::{Attributes, FileId, Staged, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Remark where an output did not get its original's times.
const UNTIMED: &str = "the output's file system did not take the original's time";

/// What was got of an input.
enum Content<'a> {
    File(Vec<u8>),
    Made(&'a Made, Image),
}

/// An item's way through the chain, and what was made of it so far.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    store: &'a Store,
    input: &'a Input,
    make: BTreeSet<Fingerprint>,
    before: &'a Before,
    /// Identity of the list's values that decide over it.
    listed: Option<Fingerprint>,
    /// Why it is to be processed.
    reason: Reason,
    replace_edited: bool,
    refusal: Option<ItemError>,
    identity: Identity,
    /// Of a failure: what it was when it was done, which may still hold.
    last: Option<Facts>,
    hash: Option<[u8; 32]>,
    keep: BTreeSet<Fingerprint>,
    /// Products whose files are as written, or copies of that.
    intact: BTreeSet<Fingerprint>,
    restamp: Vec<Output>,
    /// The input's file, where an output is a second name of it.
    linked: Option<FileId>,
    /// Announced output paths at which the recorded file stands after all.
    withdrawn: Vec<Vec<u8>>,
    /// Products whose files were made under another setting of times, with their new stamps.
    adopted: BTreeMap<Fingerprint, Vec<Output>>,
    /// Permissions and times of the input.
    original: Attributes,
    staged: Vec<(Fingerprint, Staged)>,
    /// Output paths staged.
    names: HashSet<PathBuf>,
    /// Steps of the chain that do anything, and those that measure what one of these needs.
    running: Vec<bool>,
    needed: Vec<bool>,
    /// Whether a picture was left as it is, and whether one was encoded.
    unchanged: bool,
    encoded: bool,
    payloads: HashMap<Fingerprint, Payload>,
    fragments: HashMap<Fingerprint, (PathBuf, Vec<u8>)>,
    notes: Vec<String>,
    pub(super) seconds: Vec<f64>,
    pixels: u64,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        store: &'a Store,
        input: &'a Input,
        task: &'a Task,
        refusal: Option<ItemError>,
        replace_edited: bool,
    ) -> Work<'a> {
        // Of a file that can't be looked at, what was recorded may still hold.
        let unknown = task.before.identity.unwrap_or(Identity { size: 0, mtime_ns: 0 });
        let identity = input.identity.as_ref().map_or(unknown, |identity| *identity);
        Work {
            plan,
            store,
            input,
            make: task.make.clone(),
            before: &task.before,
            listed: task.listed,
            reason: task.reason,
            replace_edited,
            refusal: input.identity.as_ref().err().cloned().or(refusal),
            identity,
            last: None,
            hash: None,
            keep: BTreeSet::new(),
            intact: task.before.intact.clone(),
            restamp: Vec::new(),
            linked: None,
            withdrawn: Vec::new(),
            adopted: BTreeMap::new(),
            original: Attributes::default(),
            staged: Vec::new(),
            names: HashSet::new(),
            running: Vec::new(),
            needed: Vec::new(),
            unchanged: false,
            encoded: false,
            payloads: HashMap::new(),
            fragments: HashMap::new(),
            notes: Vec::new(),
            seconds: vec![0.0; plan.chain.len() + 1],
            pixels: 0,
        }
    }

    /// Reads and decodes; gives no sample when nothing is to be made of it.
    pub(super) fn open(&mut self, room: Option<u64>) -> Result<(Facts, Option<Sample>), Stopped> {
        let clock = Instant::now();
        if let Some(error) = &self.refusal {
            return Err(error.clone().into());
        }
        self.settle_doubts()?;
        // Copies of outputs, and nothing else, were what there was to do: the input need not be read.
        if let (Reason::OutputChanged, Some(facts)) = (self.reason, &self.before.facts)
            && self.make.is_subset(&self.intact)
        {
            self.hash = self.before.hash;
            self.make.clear();
            self.keep.clone_from(&self.before.all);
            self.notes.clone_from(&self.before.notes);
            return Ok((facts.clone(), None));
        }
        let (content, hash) = self.get(room)?;
        self.hash = Some(hash);
        if self.before.hash.is_some_and(|then| then != hash) {
            // Changed since it was listed: nothing made from the old content holds.
            self.make.clone_from(&self.plan.products);
            self.make.extend(self.listed);
        } else if self.before.hash.is_some() {
            // Same content under a new time stamp: what was made from it still holds.
            self.keep.clone_from(&self.intact);
            if !self.keep.is_empty() {
                // Remarks on what is kept; `walk` adds those on what is made.
                self.notes.clone_from(&self.before.notes);
            }
            self.make.retain(|f| !self.keep.contains(f));
            self.settle_times()?;
            if let (true, Some(facts)) = (self.make.is_empty(), &self.before.facts) {
                self.notes.clone_from(&self.before.notes);
                return Ok((facts.clone(), None));
            }
            self.forget_refusals();
        }
        let (decoded, further) = match content {
            Content::File(bytes) => self.decode(bytes, room)?,
            Content::Made(made, image) => (made.decoded(image), None),
        };
        let source = &decoded.source;
        self.pixels = u64::from(source.width) * u64::from(source.height);
        let facts = Facts {
            width: source.width,
            height: source.height,
            channels: source.channels,
            bit_depth: source.bit_depth,
            format: source.format.name().to_string(),
        };
        // The first picture of a file, where just that was asked for, is not the file.
        let part = self.plan.input.pages == Pages::First
            && source.notes.iter().any(|note| matches!(Loss::of(note), Some(Loss::Pages | Loss::Frames)));
        let mut observed = Observed::new(self.input.file().filter(|_| !part), &self.input.carried);
        observed.reference = self.input.reference.clone().map(|reference| (reference, self.limits()));
        let sample = Sample {
            relative: self.input.relative.clone(),
            hash,
            reference: None,
            place: Place::default(),
            image: decoded.image,
            exif: Arc::new(ExifData::of(&decoded.meta)),
            observed,
            meta: decoded.meta,
            notes: source.notes.clone(),
            source: decoded.source,
            further,
        };
        self.find_needs();
        self.seconds[0] = clock.elapsed().as_secs_f64();
        Ok((facts, Some(sample)))
    }

    /// Behind the last step that is to make something.
    pub(super) fn end(&self) -> usize {
        self.plan.chain.iter().rposition(|l| self.wants(l)).map_or(0, |i| i + 1)
    }

    pub(super) fn stage_fragments(&mut self) -> Result<(), Stopped> {
        for (product, (path, bytes)) in std::mem::take(&mut self.fragments) {
            self.stage(product, &path, &bytes, self.original.without_times())?;
        }
        Ok(())
    }

    /// Takes a sample through the steps from `first` up to `last`, none of which makes several of it.
    pub(super) fn pass(&mut self, first: usize, last: usize, sample: &mut Sample) -> Result<(), Stopped> {
        for index in first..last {
            let clock = Instant::now();
            self.step(index, sample)?;
            self.seconds[index + 1] += clock.elapsed().as_secs_f64();
        }
        Ok(())
    }

    pub(super) fn wants(&self, planned: &PlannedStep) -> bool {
        planned.product.is_some_and(|f| self.make.contains(&f))
    }

    /// Takes a sample through the steps from `first` up to `last`, and each sample made of it likewise.
    pub(super) fn walk(&mut self, first: usize, last: usize, mut sample: Sample) -> Result<(), Stopped> {
        let plan = self.plan;
        for (index, planned) in plan.chain.iter().enumerate().take(last).skip(first) {
            let clock = Instant::now();
            if let Action::Many(step) = &planned.action {
                // Of pieces of a page, the ledger also keeps which page's.
                let page = (plan.first_fan() < index).then(|| sample.place.page.unwrap_or(1));
                for note in std::mem::take(&mut sample.notes) {
                    self.note(note);
                }
                let mut pieces = step.split(sample).map_err(|e| e.at_step(planned.name))?;
                self.begin_rows(planned);
                let mut spent = clock.elapsed();
                loop {
                    let clock = Instant::now();
                    let Some(piece) = pieces.next() else { break };
                    let (mut piece, mut row) = piece.map_err(|e| e.at_step(planned.name))?;
                    if planned.number.is_some() {
                        piece.observed.changed();
                    }
                    row.splice(..0, page.map(|page| Value::Int(page.into())));
                    self.record(planned, &row);
                    spent += clock.elapsed();
                    self.walk(index + 1, last, piece)?;
                }
                self.seconds[index + 1] += spent.as_secs_f64();
                return Ok(());
            }
            self.pass(index, index + 1, &mut sample)?;
        }
        self.note_all(sample.notes);
        Ok(())
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Rows may stay none.
    fn begin_rows(&mut self, planned: &PlannedStep) {
        if let Some(product) = planned.product.filter(|_| self.wants(planned)) {
            self.payloads.entry(product).or_default();
        }
    }

    pub(super) fn record(&mut self, planned: &PlannedStep, row: &Row) {
        if let Some(product) = planned.product.filter(|_| self.wants(planned)) {
            let payload = self.payloads.entry(product).or_default();
            payload.rows += 1;
            payload.bytes.extend(columns::encode(row));
        }
    }

    fn stage(
        &mut self,
        product: Fingerprint,
        path: &Path,
        bytes: &[u8],
        attributes: Attributes,
    ) -> Result<(), Stopped> {
        let staged = self.store.stage_as(path, bytes, attributes).map_err(Self::refused_name)?;
        self.hold(product, staged);
        Ok(())
    }

    fn hold(&mut self, product: Fingerprint, staged: Staged) {
        if !staged.is_timed() {
            self.note(UNTIMED.into());
        }
        self.names.insert(staged.relative().to_path_buf());
        self.staged.push((product, staged.over_link(self.linked)));
    }

    fn refused_name(error: StoreError) -> Stopped {
        match error {
            StoreError::Refused(refusal) => Stopped::Item(refused(&refusal)),
            other => Stopped::Store(other),
        }
    }

    fn step(&mut self, index: usize, sample: &mut Sample) -> Result<(), Stopped> {
        let plan = self.plan;
        let planned = &plan.chain[index];
        let wanted = planned.product.filter(|_| self.wants(planned));
        let at_step = |e: ItemError| e.at_step(planned.name);
        if !planned.gate.is_open() && (!self.running[index] || !self.takes(planned, sample)) {
            self.pass_by(planned, sample);
            return Ok(());
        }
        match (&planned.action, wanted) {
            (Action::Image(step), _) => {
                let effect = step.apply(sample).map_err(at_step)?;
                if effect.changed {
                    sample.observed.changed();
                }
                self.record(planned, &effect.row);
            }
            (Action::Columns(step), _) if wanted.is_some() || self.needed[index] => {
                let row = step.values(sample).map_err(at_step)?;
                self.record(planned, &row);
                self.keep_measured(index, sample, row);
            }
            (Action::Sink(sink), Some(product)) => {
                let written = |path: &Path| self.names.contains(path);
                let Outgoing { row, files, unchanged, original, collected } =
                    sink.take(sample, &product, &written).map_err(at_step)?;
                if let Some(row) = row {
                    self.record(planned, &row);
                }
                let timed = sink.keeps() == Keeps::Timed { originals: true };
                let attributes = if timed { self.original } else { self.original.without_times() };
                self.unchanged |= unchanged;
                if let Some((path, link)) = &original {
                    self.stage_original(product, (path, *link), sample, attributes)?;
                }
                self.encoded |= !files.is_empty() || collected.is_some();
                for (path, bytes) in &files {
                    self.stage(product, path, bytes, attributes)?;
                }
                if let Some((path, bytes)) = collected {
                    self.fragments.entry(product).or_insert_with(|| (path, Vec::new())).1.extend(bytes);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What a step that does not take the sample leaves all the same: rows without values, a clean picture that is the picture.
    fn pass_by(&mut self, planned: &PlannedStep, sample: &mut Sample) {
        match &planned.action {
            Action::Image(step) => {
                if step.keeps_reference() && sample.reference.is_none() {
                    sample.reference = Some(sample.image.clone());
                }
                let row = vec![Value::Null; step.columns().len()];
                self.record(planned, &row);
            }
            Action::Sink(sink) => {
                if let Some(row) = sink.refused() {
                    self.record(planned, &row);
                }
            }
            Action::Many(_) | Action::Columns(_) => {}
        }
    }

    /// Keeps a step's row for the conditions behind it that need it.
    pub(super) fn keep_measured(&self, index: usize, sample: &mut Sample, row: Row) {
        if let Some(number) = self.plan.chain[index].number.filter(|_| self.needed[index]) {
            sample.observed.measure(number, row);
        }
    }
}
