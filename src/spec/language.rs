//! Tables of the language outside the steps and `train`: the top level, `input` and `limits`.

use super::param::{Fallback, Kind, Param};

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
    ("input", "The images to read: a map of the keys below, or only a path.");

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
        fallback: Fallback::Yaml(
            "[\"**/*.{jpg,jpeg,png,tif,tiff,webp,bmp,gif,pnm,pgm,ppm,pbm,pam,qoi,tga,ico,ff}\"]",
        ),
        doc: "Patterns over paths relative to `path`; a file has to match one, capitals or not.",
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
        name: "threads",
        kind: Kind::Int { min: 1, max: 1024 },
        fallback: Fallback::Unset,
        doc: "Worker threads; without it, one per processor.",
    },
];
