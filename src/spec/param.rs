//! What a step declares about its parameters: one table from which validation, defaults, the JSON
//! Schema, `safelight list` and the language reference are all made.

/// The type and range of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in `min..=max`.
    Int {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A whole number from 0 to `max`, or one of a fixed set of words.
    CountOr {
        /// Largest number allowed.
        max: i64,
        /// The words.
        words: &'static [&'static str],
    },
    /// A finite number in `min..=max` (whole numbers are accepted).
    Float {
        /// Smallest value allowed.
        min: f64,
        /// Largest value allowed.
        max: f64,
    },
    /// An expression over what is known of a picture, such as `noise_sigma > 2.5`, or a number.
    Expression,
    /// Free text (numbers and booleans are not accepted unless quoted).
    Text,
    /// One of a fixed set of words.
    Choice(&'static [&'static str]),
    /// A size in bytes: `4GiB`, `512MB`, `100000`, or the word `auto`.
    Bytes,
    /// A pixel count: `500MP`, `0.5MP`, `100000`.
    Pixels,
    /// A share of the items or a count: `5%` or `20`.
    Failures,
    /// A path on disk; existence is checked by the plan, not here.
    Path,
    /// A path to an ONNX file, looked up in the working directory, then beside the YAML file.
    Model,
    /// A glob pattern over relative paths, such as `**/*.{jpg,png}`.
    Glob,
    /// A relative folder name below the output folder: no `..`, not absolute.
    Folder,
    /// A list of values of one kind.
    List(&'static Kind),
    /// A share of a whole: `5%` or `0.05`.
    Share,
    /// One value, or `[low, high]` with `low <= high`.
    Span(&'static Kind),
    /// A map of parameters.
    Map(&'static [Param]),
    /// `true`, `false`, or a map of parameters.
    Switch(&'static [Param]),
    /// A map of names that are not declared here, each with a value of one kind.
    Named(&'static Kind),
    /// One step of a registry of its own: its name, or a map of that one key.
    Step {
        /// What it is called.
        noun: &'static str,
        /// Those that exist.
        registry: fn() -> Vec<&'static Descriptor>,
    },
    /// A list of steps of a registry of their own, such as corruptions.
    Steps {
        /// What one is called.
        noun: &'static str,
        /// Those that exist.
        registry: fn() -> Vec<&'static Descriptor>,
    },
}

/// What holds when a parameter is not given.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// It has to be given.
    Required,
    /// This value, written as YAML (`"92"`, `"same"`, `"[a, b]"`), checked like a given one.
    Yaml(&'static str),
    /// It stays unset; `Args` answers `None`.
    Unset,
}

/// One parameter of a step or of a top-level section.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Key in the YAML map.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// Value when absent.
    pub fallback: Fallback,
    /// One sentence: meaning, unit, effect.
    pub doc: &'static str,
}

/// Where a step may stand in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Image to image.
    Image,
    /// Image to several images, each with a row of its own.
    Many,
    /// Image to columns of the row.
    Columns,
    /// Writes the image.
    WriteImage,
    /// Writes the image and its clean one, with the row.
    WritePairs,
    /// Writes the row; every step that makes columns has to stand before it.
    WriteRow,
}

/// The words of the language beside its own sections.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// The steps that exist.
    pub steps: Vec<&'static Descriptor>,
    /// The section `train`, which stands in place of `steps`; its name is the key.
    pub train: &'static Descriptor,
}

/// What a step declares of itself.
#[derive(Debug)]
pub struct Descriptor {
    /// Key in the YAML list.
    pub name: &'static str,
    /// Version of its results: counted up when the same settings give other bytes, so that they are made anew. A
    /// default that changes is such a case.
    pub version: u32,
    /// One or two sentences for `safelight list` and the reference.
    pub doc: &'static str,
    /// Place in the chain.
    pub role: Role,
    /// Parameters in the order they are documented.
    pub params: &'static [Param],
    /// Parameter that takes the value when the step is not given a map: `- measure: [a, b]`.
    pub shorthand: Option<&'static str>,
    /// A runnable example: one YAML list item such as `- resize: {width: 800}`.
    pub example: &'static str,
}

impl Descriptor {
    /// Whether its parameters have these names, in this order.
    pub const fn has_table(&self, table: &[Param]) -> bool {
        same_names(self.params, table)
    }
}

pub(super) const fn same_names(params: &[Param], others: &[Param]) -> bool {
    let mut at = 0;
    while at < params.len() && at < others.len() {
        if !same(params[at].name, others[at].name) {
            return false;
        }
        at += 1;
    }
    params.len() == others.len()
}

/// Whether two texts are equal, told while compiling.
pub(super) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
