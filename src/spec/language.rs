//! Tables of the language outside the steps and `train`: the top level, `input` and `limits`.

use std::path::PathBuf;

use super::args::Args;
use super::field::{Parameters, Pixels};
use super::images::{self, IMAGES};
use super::param::{Kind, Param};
use super::params::params;
use super::place::Given;
use super::units::{ByteSize, Failures};
use super::words::{Words, words};
use crate::synth::{self, SYNTHS, Synth};

/// Version of the language that this program reads.
pub const VERSION: i64 = 1;

params! {
    /// Scalars of the top level.
    pub struct TopKeys {
        /// Version of the pipeline language.
        version: i64 [Kind::Int { min: VERSION, max: VERSION }],
        /// Name of the job in reports; without it, the file's name without its ending.
        name: Option<String>,
        /// Seed of every random choice; the same seed gives the same bytes.
        seed: u64 [Kind::Int { min: 0, max: i64::MAX }] = "0",
        /// Folder that everything is written to, created when missing.
        output: Given<PathBuf> [Kind::Path],
        /// Folder on a disk of this machine in which a run with `--shard` keeps its own ledger until it ends; without it, that
        /// lies in the output.
        state: Option<Given<PathBuf>> [Kind::Path],
    }
}

/// Scalars of the top level, in the order they are documented.
pub const TOP: &[Param] = TopKeys::TABLE;

/// Name and sentence of `input`, which takes a map of [`INPUT`] or a plain path.
pub const INPUT_SECTION: (&str, &str) =
    ("input", "The images to read, a map of the keys below or only a path; or the images to make.");

/// Parameter of `input` that tells that images are made.
pub const SYNTH: &str = "synth";

/// What the reference says of [`SYNTH_INPUT`].
pub const SYNTH_DOC: &str = "In place of `path` and its kin: images made on the spot from the pipeline's `seed`, for \
    example `input: {synth: dead_leaves, count: 2000}`. They count as 8-bit RGB PNG files named \
    `dead_leaves/000000.png` and so on, and every step works on them.";

/// Name and sentence of `steps`.
pub const STEPS_SECTION: (&str, &str) =
    ("steps", "The steps that every image goes through, in order; each is a name with its parameters.");

/// Name and sentence of `limits`, which takes a map of [`LIMITS`].
pub const LIMITS_SECTION: (&str, &str) = ("limits", "Bounds on memory, image size, failures and threads.");

/// Parameter of `input` that a plain path stands for.
pub const INPUT_SHORTHAND: &str = "path";

words! {
    /// Which pictures are taken of a file that holds several.
    #[derive(Default)]
    pub enum Pages {
        /// The first page of a document; animations are refused.
        #[default]
        Auto = "auto",
        /// The first of either.
        First = "first",
        /// Each.
        All = "all",
    }
}

params! {
    /// `input` where files are read.
    pub struct FileKeys {
        /// A folder, an image file, or a `.csv` or `.parquet` list with a column of paths.
        path: Given<PathBuf> [Kind::Path],
        /// Patterns over paths relative to `path`; a file has to match one, capitals or not. Without them, it
        /// has to be of a format that is read, by its ending.
        include: Vec<Given<String>> [Kind::List(&Kind::Glob)] = IMAGES,
        /// Patterns over paths relative to `path`; a file that matches one is left out.
        exclude: Vec<Given<String>> [Kind::List(&Kind::Glob)] = "[]",
        /// Column of a `.csv` or `.parquet` list that holds the paths.
        column: String = "path",
        /// Folder that relative paths of a list refer to; without it, the list's own folder.
        root: Option<PathBuf> [Kind::Path],
        /// Whether folders and files behind symbolic links are read.
        follow_symlinks: bool = "false",
        /// Whether files fail whose faults can be read around without losing a pixel, such as a JPEG whose end
        /// marker is missing. Without it they are read, with a note.
        strict: bool = "false",
        /// Whether files and folders below `path` are read whose names begin with a dot. What systems leave
        /// behind, such as `._*`, `@eaDir`, `#recycle` and `.Trash-1000`, is skipped in any case.
        hidden: bool = "false",
        /// What is taken of a file of several pictures: `auto` the first page of a document, with a note, and
        /// no animation; `first` the first page or frame; `all` makes a sample of each, with `_p0001` and so on
        /// added to its name, and the table columns `page`, `page_width` and `page_height`.
        pages: Pages = "auto",
    }
}

/// Parameters of `input` where files are read.
pub const INPUT: &[Param] = FileKeys::TABLE;

impl FileKeys {
    /// The usual values beside a path that stands elsewhere.
    pub fn usual(path: Given<PathBuf>) -> FileKeys {
        FileKeys {
            include: vec![path.with(images::pattern().to_owned())],
            exclude: Vec::new(),
            column: INPUT_SHORTHAND.to_owned(),
            root: None,
            follow_symlinks: false,
            strict: false,
            hidden: false,
            pages: Pages::default(),
            path,
        }
    }
}

impl Words for &'static Synth {
    const WORDS: &'static [&'static str] = synth::NAMES;

    fn of_word(word: &str) -> Option<Self> {
        SYNTHS.iter().find(|synth| synth.name == word).copied()
    }
}

params! {
    /// `input` where images are made.
    pub struct SynthKeys {
        /// What makes the images.
        synth: Given<&'static Synth>,
        /// How many images; with more of them, the first stay as they are.
        count: u32 [Kind::Int { min: 1, max: 1_000_000 }],
        /// Width and height of each, in pixels.
        size: u16 [Kind::Int { min: *synth::SIZES.start() as i64, max: *synth::SIZES.end() as i64 }] = "256",
        /// Share of the images that have text and line art in them.
        marks: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0.25",
    }
}

/// Parameters of `input` where images are made.
pub const SYNTH_INPUT: &[Param] = SynthKeys::TABLE;

params! {
    /// `limits`.
    pub struct LimitKeys {
        /// Memory the process may have resident: images are admitted by what they may take at most; `auto` is
        /// three quarters of what is free.
        memory: Given<ByteSize> = "auto",
        /// Largest image accepted; a larger one fails without being decoded.
        pixels: Pixels = "500MP",
        /// Failures in a run above which it stops: a count, or a share of all inputs (at least one).
        max_failures: Failures = "100%",
        /// Known inputs that may be missing, gone or left out by the patterns, without stopping the run before
        /// it starts: a count, or a share of them (at least 20).
        max_vanished: Failures = "20%",
        /// Worker threads; without it, one per processor.
        threads: Option<usize> [Kind::Int { min: 1, max: 1024 }],
        /// Memory that a model may take to load when it is new: it is first loaded in a process of its own.
        /// `auto` is `memory` where that is given, else 4 GiB at most; never more than `memory`.
        model_memory: ByteSize = "auto",
        /// Time that a model may take to load when it is new, in seconds.
        model_seconds: u64 [Kind::Int { min: 1, max: 86_400 }] = "60",
    }
}

params! {
    /// What an input of several takes beside its own keys.
    pub struct ShareKeys {
        /// Share of the examples that are drawn from this input, relative to the weights of the others.
        weight: f64 [Kind::Float { min: 1e-6, max: 1e6 }] = "1",
    }
}

/// Parameters of an input of several beside its own.
pub const SHARE: &[Param] = ShareKeys::TABLE;

/// What the reference says of [`SHARE`].
pub const SHARE_DOC: &str = "A job with `train` that learns from clean pictures takes a list of several inputs, for \
    example `input: [{path: photos, weight: 3}, {synth: dead_leaves, count: 4000, weight: 1}]`. Each has the keys \
    above and this one, or is only a path.";

/// One input of several.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// The input as it was written, without its weight.
    pub args: Args,
    /// Its values, unless what it is about could not be read.
    pub keys: Option<InputKeys>,
    /// Its weight beside the others.
    pub weight: f64,
}

/// The section `input`.
#[derive(Clone, Debug)]
pub enum InputKeys {
    /// Files that are read.
    Files(FileKeys),
    /// Images that are made.
    Synthetic(SynthKeys),
}

/// Parameters of `limits`.
pub const LIMITS: &[Param] = LimitKeys::TABLE;
