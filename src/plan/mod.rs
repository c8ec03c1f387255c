//! The plan: a pipeline resolved. Models are loaded, steps compiled, limits known, nothing optional.

mod checks;
mod input;
mod limits;
mod resolve;

pub(crate) use checks::check_output;
pub(crate) use input::{absolute, missing, resolve_files, resolve_input};
pub(crate) use limits::resolve_limits;
pub use resolve::resolve;

use crate::codec;
use crate::inputs::{Input, InputPlan};
use crate::ledger::Fingerprint;
use crate::memory;
use crate::nn::ModelBudget;
use crate::pipeline::{Action, ColumnStep, Former, Load, Names, PlannedStep, Registered, Rows, Shape, Sink};
use crate::sinks::SINKS;
use crate::spec::{Descriptor, Diagnostic, Sources};
use crate::steps::STEPS;
use crate::steps::pages;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Memory kept back for the ledger, table parts and the allocator's slack.
const RESERVE: u64 = 96 << 20;

/// The steps and sinks that a chain may have.
pub fn registered() -> impl Iterator<Item = &'static Registered> {
    STEPS.iter().chain(SINKS)
}

/// Their descriptors, for the parser.
pub fn descriptors() -> Vec<&'static Descriptor> {
    registered().map(|known| known.descriptor).collect()
}

/// How many items may fail, or be missing, before the run stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxFailures {
    /// This many.
    Count(usize),
    /// This share of the items to process, 0 to 1.
    Share(f64),
}

/// Bounds of a run; they don't change results.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes the process may have resident.
    pub memory: u64,
    /// Largest picture accepted, in pixels.
    pub pixels: u64,
    /// Failures tolerated.
    pub max_failures: MaxFailures,
    /// Known inputs that may be missing.
    pub max_vanished: MaxFailures,
    /// Worker threads.
    pub threads: usize,
    /// What each model may take.
    pub models: ModelBudget,
}

/// A job, resolved.
#[derive(Debug)]
pub struct Plan {
    /// The pipeline's text, for mistakes that show later.
    pub sources: Sources,
    /// Name of the job.
    pub name: String,
    /// Input.
    pub input: InputPlan,
    /// Output folder, absolute.
    pub output: PathBuf,
    /// The steps.
    pub chain: Vec<PlannedStep>,
    /// Products every item should have.
    pub products: BTreeSet<Fingerprint>,
    /// Digest of all products.
    pub products_digest: Fingerprint,
    /// What ledgers up to layout 3 call all that.
    pub former: Former,
    /// Files that results depend on, with their hashes (models).
    pub ingredients: Vec<(String, String)>,
    /// Bounds.
    pub limits: Limits,
    /// What was inferred and the user may want to know.
    pub notes: Vec<String>,
    /// Values that are hardly meant.
    pub warnings: Vec<Diagnostic>,
}

/// A sink whose files' names follow from the inputs', with the product that they are.
#[derive(Clone, Copy, Debug)]
pub struct NamedSink<'a> {
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
    /// The sinks, with their steps' places in the chain.
    pub fn sinks(&self) -> impl Iterator<Item = (usize, &dyn Sink)> {
        self.chain.iter().enumerate().filter_map(|(index, step)| match &step.action {
            Action::Sink(sink) => Some((index, sink.as_ref())),
            _ => None,
        })
    }

    /// The sinks that publish something at the end of a run.
    pub fn publishing(&self) -> impl Iterator<Item = (usize, &dyn Sink)> {
        self.sinks().filter(|(_, sink)| sink.turn().is_some())
    }

    /// The columns of the steps before the one at `index` of the chain.
    pub fn rows_before(&self, index: usize) -> Rows {
        Rows::before(&self.chain[..index])
    }

    /// Index of the first link that makes several samples of one; behind the chain where none does.
    pub fn first_fan(&self) -> usize {
        let many = |l: &PlannedStep| matches!(l.action, Action::Many(_));
        self.chain.iter().position(many).unwrap_or(self.chain.len())
    }

    /// Whether one input may give several samples from some step on: index of the next link.
    fn fan_out(&self) -> Option<usize> {
        Some(self.first_fan() + 1).filter(|next| *next <= self.chain.len())
    }

    /// Steps before any fan-out that gain by taking several samples at once, with their places in the chain.
    pub fn batched(&self) -> impl Iterator<Item = (usize, &dyn ColumnStep)> {
        let end = self.fan_out().unwrap_or(self.chain.len());
        self.chain[..end].iter().enumerate().filter_map(|(index, link)| match &link.action {
            Action::Columns(step) if step.batch() > 1 => Some((index, step.as_ref())),
            _ => None,
        })
    }

    /// The sinks that write one file an input, under a name known before.
    pub fn single_files(&self) -> impl Iterator<Item = NamedSink<'_>> {
        let end = self.fan_out().unwrap_or(self.chain.len());
        named(&self.chain[..end])
    }

    /// The sinks whose files' names follow from the inputs'.
    pub fn named_files(&self) -> impl Iterator<Item = NamedSink<'_>> {
        named(&self.chain)
    }

    /// The sinks that write files under names not known before.
    pub fn owning(&self) -> impl Iterator<Item = &dyn Sink> {
        let start = self.fan_out().unwrap_or(self.chain.len());
        let owns = move |(index, sink): &(usize, &dyn Sink)| {
            sink.has_own_folder() || (*index >= start && sink.names().is_some())
        };
        self.sinks().filter(owns).map(|(_, sink)| sink)
    }

    /// Folders that steps write to, relative to the output.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.sinks().map(|(_, sink)| sink.folder())
    }

    /// Bytes left for items beside the program, the models and the workers' own memory.
    pub fn item_budget(&self, threads: usize) -> u64 {
        let fixed = memory::resident() + RESERVE + threads as u64 * self.worker_bytes();
        self.limits.memory.saturating_sub(fixed).max(1)
    }

    /// Bytes each worker thread needs whatever the image.
    pub fn worker_bytes(&self) -> u64 {
        let step = |l: &PlannedStep| match &l.action {
            Action::Image(step) => step.worker_bytes(),
            Action::Columns(step) => step.worker_bytes(),
            _ => 0,
        };
        self.chain.iter().map(step).max().unwrap_or(0)
    }

    /// Peak bytes one input is expected to take, from its header alone.
    ///
    /// A file without a readable header will fail when decoded and counts with its size.
    pub fn estimate(&self, input: &Input) -> u64 {
        let Ok(identity) = &input.identity else { return 0 };
        let peak = |header: &codec::Header| self.peak(identity.size, header);
        // Pages are decoded one after another: the one that takes most counts.
        input.headers(self.input.pages).iter().map(peak).max().unwrap_or(identity.size)
    }

    /// Peak bytes a file of `size` bytes with this header is expected to take.
    pub fn peak(&self, size: u64, header: &codec::Header) -> u64 {
        if u64::from(header.width) * u64::from(header.height) > self.limits.pixels {
            // It will be refused.
            return size;
        }
        let kept = |clean: Option<Shape>| clean.map_or(0, Shape::bytes);
        let mut shape = Shape {
            width: u64::from(header.width),
            height: u64::from(header.height),
            channels: u64::from(header.channels),
            depth: if header.bit_depth > 8 { 2 } else { 1 },
        };
        let mut peak = header.decode_bytes;
        // The clean picture kept beside the current one; what the picture that pieces are made of takes.
        let mut clean: Option<Shape> = None;
        let (mut whole, mut count) = (0, 1);
        for link in &self.chain {
            match &link.action {
                Action::Image(step) => {
                    peak = peak.max(whole + kept(clean) + step.peak_bytes(shape));
                    if step.keeps_reference() {
                        clean.get_or_insert(shape);
                    }
                    shape = step.shape(shape);
                }
                Action::Columns(step) => {
                    peak = peak.max(whole + kept(clean) + shape.bytes() + step.peak_bytes(shape))
                }
                Action::Many(step) => {
                    let larger = clean.unwrap_or(shape);
                    peak = peak.max(kept(clean) + step.peak_bytes(larger));
                    // The whole picture stays while its pieces are worked on; of frames, their canvases.
                    let pages = link.name == pages::NAME;
                    whole = match (pages, header.animated) {
                        (true, true) => header.decode_bytes,
                        (true, false) => 0,
                        _ => whole + kept(clean) + shape.bytes() + larger.bytes(),
                    };
                    count *= if pages { u64::from(header.pictures) } else { step.count(larger) };
                    if step.keeps_reference() {
                        clean.get_or_insert(shape);
                    }
                    clean = clean.map(|clean| step.shape(clean));
                    shape = step.shape(shape);
                }
                Action::Sink(sink) => {
                    let own = sink.peak_bytes(&Load { shape, clean, format: header.format, count });
                    peak = peak.max(whole + kept(clean) + shape.bytes() + own);
                }
            }
        }
        size + peak
    }

    /// Multiply-adds for a picture of `pixels`, for time estimates.
    pub fn macs(&self, pixels: f64) -> f64 {
        let mut pixels = pixels;
        let mut total = 0.0;
        for link in &self.chain {
            match &link.action {
                Action::Image(step) => {
                    total += pixels * step.macs_per_pixel();
                    let unit = Shape { width: 1000, height: 1000, channels: 3, depth: 1 };
                    let out = step.shape(unit);
                    pixels *= (out.width * out.height) as f64 / 1e6;
                }
                Action::Columns(step) => total += step.macs(),
                _ => {}
            }
        }
        total
    }
}

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    #[test]
    fn the_registry_is_sound() {
        crate::spec::check_registry(&super::descriptors()).unwrap();
    }
}
