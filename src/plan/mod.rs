//! The plan: a pipeline resolved. Models are loaded, steps compiled, limits known, nothing optional.

mod build;
pub(crate) mod fingerprint;
mod resolve;

pub(crate) use build::find_model;
pub use build::{Build, Chance};
pub use resolve::resolve;
pub(crate) use resolve::{absolute, check_output, missing, resolve_input, resolve_limits};

use crate::codec;
use crate::columns::Column;
use crate::nn::ModelBudget;
use crate::run::beside::Beside;
use crate::run::inputs::{Input, Rows};
use crate::run::ledger::Fingerprint;
use crate::run::made::Series;
use crate::run::memory;
use crate::shown::Show;
use crate::sinks::pairs::Pairs;
use crate::sinks::table::TableSink;
use crate::sinks::write::Write;
use crate::spec::{Diagnostic, Sources, Span, Vocabulary};
use crate::steps::pages::{self, Pages};
use crate::steps::{Action, ColumnStep, Shape};
use globset::GlobSet;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Memory kept back for the ledger, table parts and the allocator's slack.
const RESERVE: u64 = 96 << 20;

/// The words of the language: the steps there are, and the section `train`.
pub fn vocabulary() -> Vocabulary {
    Vocabulary { steps: crate::steps::descriptors(), train: &crate::train::TRAIN }
}

/// Where inputs come from.
#[derive(Debug)]
pub enum Source {
    /// All matching files below the root.
    Folder,
    /// One file.
    File {
        /// Its name, relative to the root.
        relative: PathBuf,
        /// Where it is.
        absolute: PathBuf,
    },
    /// The rows of a CSV or Parquet list.
    List {
        /// Paths below the root, and the values of the carried columns.
        rows: Rows,
    },
    /// Nowhere: they are made.
    Made(Series),
}

/// The input of a job.
#[derive(Debug)]
pub struct InputPlan {
    /// Folder that relative paths refer to; empty where inputs are made.
    pub root: PathBuf,
    /// The list's file, where inputs come from one.
    pub list: Option<PathBuf>,
    /// Where inputs come from.
    pub source: Source,
    /// Patterns that name inputs (folders only).
    pub include: GlobSet,
    /// Patterns that leave inputs out (folders only).
    pub exclude: GlobSet,
    /// The first pattern of `include` that matches in the root itself only.
    pub shallow: Option<String>,
    /// Descend into linked folders.
    pub follow_symlinks: bool,
    /// Refuse files with faults, also those that can be read around.
    pub strict: bool,
    /// Read what has a name that begins with a dot.
    pub hidden: bool,
    /// Which pictures are taken of a file that holds several.
    pub pages: Pages,
    /// Columns carried from a list into the table.
    pub carried: Vec<Column>,
    /// What was found of it that the user may want to know.
    pub notes: Vec<String>,
}

impl InputPlan {
    /// Whether a file at this relative path is an input.
    pub fn matches(&self, relative: &Path) -> bool {
        self.include.is_match(relative) && !self.excluded(relative)
    }

    /// What is to be told where there is no input.
    pub fn nothing(&self, beside: &Beside) -> String {
        let root = self.root.shown();
        let mut text = format!(
            "no file below {root} matches input.include; check the path, the patterns and that the archive is mounted"
        );
        if let Some(pattern) = &self.shallow {
            text.push_str(&format!(
                " (`{pattern}` matches in the folder itself only, `**/{pattern}` below it too)"
            ));
        }
        let lines = beside.lines();
        if !lines.is_empty() {
            text.push_str(&format!("; {}", lines.join("; ")));
        }
        if let Source::List { .. } = self.source {
            text = "the list has no rows; write one for each file".to_string();
        }
        text
    }

    /// Whether this relative path is left out.
    pub fn excluded(&self, relative: &Path) -> bool {
        self.exclude.is_match(relative)
    }
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

/// A step of the plan.
#[derive(Debug)]
pub struct Link {
    /// Name of the step.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
    /// Identity of what it makes of an item, for steps that make something lasting.
    pub product: Option<Fingerprint>,
    /// Identity of the same bytes under the other setting of times, for steps that have one.
    pub twin: Option<Fingerprint>,
    /// Where it stands in the pipeline.
    pub span: Span,
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
    pub chain: Vec<Link>,
    /// Products every item should have.
    pub products: BTreeSet<Fingerprint>,
    /// Digest of all products.
    pub products_digest: Fingerprint,
    /// Files that results depend on, with their hashes (models).
    pub ingredients: Vec<(String, String)>,
    /// Bounds.
    pub limits: Limits,
    /// What was inferred and the user may want to know.
    pub notes: Vec<String>,
    /// Values that are hardly meant.
    pub warnings: Vec<Diagnostic>,
}

fn writes_of(chain: &[Link]) -> impl Iterator<Item = (Fingerprint, &Write)> {
    chain.iter().filter_map(|l| match (&l.action, l.product) {
        (Action::Write(sink), Some(product)) => Some((product, sink)),
        _ => None,
    })
}

impl Plan {
    /// The table sinks.
    pub fn tables(&self) -> impl Iterator<Item = &TableSink> {
        self.chain.iter().filter_map(|l| match &l.action {
            Action::Table(table) => Some(table),
            _ => None,
        })
    }

    /// The pairs sinks.
    pub fn pairs(&self) -> impl Iterator<Item = &Pairs> {
        self.chain.iter().filter_map(|l| match &l.action {
            Action::Pairs(pairs) => Some(pairs),
            _ => None,
        })
    }

    /// Index of the first link that makes several samples of one; behind the chain where none does.
    pub fn first_fan(&self) -> usize {
        let many = |l: &Link| matches!(l.action, Action::Many(_));
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

    /// The write sinks that write one file an input, under a name known before, with their products.
    pub fn single_writes(&self) -> impl Iterator<Item = (Fingerprint, &Write)> {
        let end = self.fan_out().unwrap_or(self.chain.len());
        writes_of(&self.chain[..end])
    }

    /// Folders that files are written into under names not known before, relative to the output.
    pub fn owned_folders(&self) -> impl Iterator<Item = &Path> {
        let start = self.fan_out().unwrap_or(self.chain.len());
        let writes = writes_of(&self.chain[start..]).map(|(_, sink)| sink.folder());
        writes.chain(self.pairs().map(Pairs::folder))
    }

    /// Folders that steps write to, relative to the output.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        let tables = self.tables().map(TableSink::path);
        self.writes().map(|(_, sink)| sink.folder()).chain(self.pairs().map(Pairs::folder)).chain(tables)
    }

    /// The write sinks with their products.
    pub fn writes(&self) -> impl Iterator<Item = (Fingerprint, &Write)> {
        writes_of(&self.chain)
    }

    /// Bytes left for items beside the program, the models and the workers' own memory.
    pub fn item_budget(&self, threads: usize) -> u64 {
        let fixed = memory::resident() + RESERVE + threads as u64 * self.worker_bytes();
        self.limits.memory.saturating_sub(fixed).max(1)
    }

    /// Bytes each worker thread needs whatever the image.
    pub fn worker_bytes(&self) -> u64 {
        let step = |l: &Link| match &l.action {
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
                Action::Write(sink) => {
                    let own = sink.encode_bytes(shape, header.format);
                    peak = peak.max(whole + kept(clean) + shape.bytes() + own);
                }
                Action::Pairs(sink) => {
                    let own = sink.encode_bytes(shape, clean.unwrap_or(shape), count);
                    peak = peak.max(whole + kept(clean) + shape.bytes() + own);
                }
                Action::Table(_) => {}
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
