//! Tables of the language outside the steps and `train`: the top level, `input` and `limits`.

use super::images::IMAGES;
use super::param::{Fallback, Kind, Param};
use crate::synth;

/// Version of the language that this program reads.
pub const VERSION: i64 = 1;

/// Scalars of the top level, in the order they are documented.
pub const TOP: &[Param] = &[
    Param {
        name: "version",
        kind: Kind::Int { min: VERSION, max: VERSION },
        fallback: Fallback::Required,
        doc: "Version of the pipeline language.",
    },
    Param {
        name: "name",
        kind: Kind::Text,
        fallback: Fallback::Unset,
        doc: "Name of the job in reports; without it, the file's name without its ending.",
    },
    Param {
        name: "seed",
        kind: Kind::Int { min: 0, max: i64::MAX },
        fallback: Fallback::Yaml("0"),
        doc: "Seed of every random choice; the same seed gives the same bytes.",
    },
    Param {
        name: "output",
        kind: Kind::Path,
        fallback: Fallback::Required,
        doc: "Folder that everything is written to, created when missing.",
    },
];

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

/// Parameters of `input`.
pub const INPUT: &[Param] = &[
    Param {
        name: "path",
        kind: Kind::Path,
        fallback: Fallback::Required,
        doc: "A folder, an image file, or a `.csv` or `.parquet` list with a column of paths.",
    },
    Param {
        name: "include",
        kind: Kind::List(&Kind::Glob),
        fallback: Fallback::Yaml(IMAGES),
        doc: "Patterns over paths relative to `path`; a file has to match one, capitals or not. Without them, it has to be \
              of a format that is read, by its ending.",
    },
    Param {
        name: "exclude",
        kind: Kind::List(&Kind::Glob),
        fallback: Fallback::Yaml("[]"),
        doc: "Patterns over paths relative to `path`; a file that matches one is left out.",
    },
    Param {
        name: "column",
        kind: Kind::Text,
        fallback: Fallback::Yaml("path"),
        doc: "Column of a `.csv` or `.parquet` list that holds the paths.",
    },
    Param {
        name: "root",
        kind: Kind::Path,
        fallback: Fallback::Unset,
        doc: "Folder that relative paths of a list refer to; without it, the list's own folder.",
    },
    Param {
        name: "follow_symlinks",
        kind: Kind::Bool,
        fallback: Fallback::Yaml("false"),
        doc: "Whether folders and files behind symbolic links are read.",
    },
    Param {
        name: "strict",
        kind: Kind::Bool,
        fallback: Fallback::Yaml("false"),
        doc: "Whether files fail whose faults can be read around without losing a pixel, such as a JPEG whose end \
              marker is missing. Without it they are read, with a note.",
    },
    Param {
        name: "hidden",
        kind: Kind::Bool,
        fallback: Fallback::Yaml("false"),
        doc: "Whether files and folders below `path` are read whose names begin with a dot. What systems leave behind, \
              such as `._*`, `@eaDir`, `#recycle` and `.Trash-1000`, is skipped in any case.",
    },
    Param {
        name: "pages",
        kind: Kind::Choice(&["auto", "first", "all"]),
        fallback: Fallback::Yaml("auto"),
        doc: "What is taken of a file of several pictures: `auto` the first page of a document, with a note, and no \
              animation; `first` the first page or frame; `all` makes a sample of each, with `_p0001` and so on added \
              to its name, and the table columns `page`, `page_width` and `page_height`.",
    },
];

/// Parameters of `input` where images are made.
pub const SYNTH_INPUT: &[Param] = &[
    Param {
        name: SYNTH,
        kind: Kind::Choice(synth::NAMES),
        fallback: Fallback::Required,
        doc: "What makes the images.",
    },
    Param {
        name: "count",
        kind: Kind::Int { min: 1, max: 1_000_000 },
        fallback: Fallback::Required,
        doc: "How many images; with more of them, the first stay as they are.",
    },
    Param {
        name: "size",
        kind: Kind::Int { min: *synth::SIZES.start() as i64, max: *synth::SIZES.end() as i64 },
        fallback: Fallback::Yaml("256"),
        doc: "Width and height of each, in pixels.",
    },
    Param {
        name: "marks",
        kind: Kind::Float { min: 0.0, max: 1.0 },
        fallback: Fallback::Yaml("0.25"),
        doc: "Share of the images that have text and line art in them.",
    },
];

/// Parameters of `limits`.
pub const LIMITS: &[Param] = &[
    Param {
        name: "memory",
        kind: Kind::Bytes,
        fallback: Fallback::Yaml("auto"),
        doc: "Memory the process may have resident: images are admitted by what they may take at most; \
              `auto` is three quarters of what is free.",
    },
    Param {
        name: "pixels",
        kind: Kind::Pixels,
        fallback: Fallback::Yaml("500MP"),
        doc: "Largest image accepted; a larger one fails without being decoded.",
    },
    Param {
        name: "max_failures",
        kind: Kind::Failures,
        fallback: Fallback::Yaml("100%"),
        doc: "Failures in a run above which it stops: a count, or a share of all inputs (at least one).",
    },
    Param {
        name: "max_vanished",
        kind: Kind::Failures,
        fallback: Fallback::Yaml("20%"),
        doc: "Known inputs that may be missing, gone or left out by the patterns, without stopping the run before it \
              starts: a count, or a share of them (at least 20).",
    },
    Param {
        name: "threads",
        kind: Kind::Int { min: 1, max: 1024 },
        fallback: Fallback::Unset,
        doc: "Worker threads; without it, one per processor.",
    },
    Param {
        name: "model_memory",
        kind: Kind::Bytes,
        fallback: Fallback::Yaml("auto"),
        doc: "Memory that a model may take to load when it is new: it is first loaded in a process of its own. `auto` is \
              `memory` where that is given, else 4 GiB at most; never more than `memory`.",
    },
    Param {
        name: "model_seconds",
        kind: Kind::Int { min: 1, max: 86_400 },
        fallback: Fallback::Yaml("60"),
        doc: "Time that a model may take to load when it is new, in seconds.",
    },
];
