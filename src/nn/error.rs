//! What can go wrong with a model and with running it.

use super::onnxruntime::LibraryError;
use crate::shown::Show;
use crate::weights::WeightsError;
use std::path::PathBuf;

/// Why a model can't be used. Every message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file can't be read.
    #[error("cannot read model {}: {source}", path.shown())]
    Read {
        /// The model file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no valid ONNX.
    #[error("{} is not a valid ONNX model: {reason}; export it again", path.shown())]
    Parse {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is no ONNX, and no weights file that can be used either.
    #[error("{} can't be used: {source}", path.shown())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WeightsError,
    },
    /// The graph uses ONNX operators that aren't implemented.
    #[error("{} uses operators that are not supported: {}; export it without them", path.shown(), operators.join(", "))]
    UnsupportedOperators {
        /// The model file.
        path: PathBuf,
        /// Operator names, each once.
        operators: Vec<String>,
    },
    /// Operators are used in ways that would not be computed as ONNX specifies.
    #[error("{} would not be computed as ONNX specifies: {}", path.shown(), uses.join("; "))]
    Nonconforming {
        /// The model file.
        path: PathBuf,
        /// Each use with the operator, the node's name, what is wrong and what to do.
        uses: Vec<String>,
    },
    /// The graph uses operators of another domain than standard ONNX.
    #[error(
        "{} uses operators outside standard ONNX: {}; {}",
        path.shown(), operators.join(", "), instead_of(operators)
    )]
    ForeignDomain {
        /// The model file.
        path: PathBuf,
        /// Operators as `domain:name`, each once.
        operators: Vec<String>,
    },
    /// The model doesn't take one picture of one or three channels.
    #[error("{} does not take an image: {reason}", path.shown())]
    NotAnImageModel {
        /// The model file.
        path: PathBuf,
        /// What it takes instead.
        reason: String,
    },
    /// The model doesn't take one row of numbers.
    #[error("{} does not take rows of numbers: {reason}", path.shown())]
    NotARowModel {
        /// The model file.
        path: PathBuf,
        /// What it takes instead.
        reason: String,
    },
    /// The model doesn't return a picture, so it can't restore one.
    #[error("{} cannot restore images: {reason}", path.shown())]
    NotARestorer {
        /// The model file.
        path: PathBuf,
        /// What it returns instead.
        reason: String,
    },
    /// Weights stored beside the model are missing, damaged or outside its folder.
    #[error("{}: weights of {tensor:?} in a separate file: {reason}", path.shown())]
    ExternalData {
        /// The model file.
        path: PathBuf,
        /// The tensor stored elsewhere.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file, or a size that it declares, is beyond reason.
    #[error("{}: {what}; the file is damaged or not meant for images", path.shown())]
    TooLarge {
        /// The model file.
        path: PathBuf,
        /// What is too large, and the limit.
        what: String,
    },
    /// No tensor has the name asked for.
    #[error("{}: no tensor is called {name:?}{}; candidates: {}", path.shown(),
        suggestion.as_ref().map(|s| format!(" (did you mean {s:?}?)")).unwrap_or_default(), candidates.join(", "))]
    NoSuchTensor {
        /// The model file.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
        /// Tensors that suit.
        candidates: Vec<String>,
    },
    /// Operators draw random numbers.
    #[error(
        "{} draws random numbers: {}; equal pictures would not give equal results: export it for inference, without them",
        path.shown(), operators.join(", ")
    )]
    RandomOperators {
        /// The model file.
        path: PathBuf,
        /// Operator names, each once.
        operators: Vec<String>,
    },
    /// The tensors of a run would take more than they may.
    #[error(
        "{} needs {needed} MiB for {width}x{height} pixels and may take {limit} MiB on each thread; raise limits.memory, or \
         give less limits.threads or a smaller `tile` or `size`",
        path.shown()
    )]
    RunMemory {
        /// The model file.
        path: PathBuf,
        /// Input width in pixels.
        width: usize,
        /// Input height in pixels.
        height: usize,
        /// MiB that the run takes.
        needed: u64,
        /// MiB that it may take.
        limit: u64,
    },
    /// The process that loaded it for the first time needed more memory than it may.
    #[error(
        "{} takes more than {mib} MiB of memory to load, so it was stopped; if it comes from a source that you trust, raise \
         limits.model_memory (and limits.memory), or --memory of `safelight model`",
        path.shown()
    )]
    OverMemory {
        /// The model file.
        path: PathBuf,
        /// MiB that it may take.
        mib: u64,
    },
    /// The process that loaded it for the first time needed more time than it may.
    #[error(
        "{} takes more than {seconds} s to load, so it was stopped; if it comes from a source that you trust, raise \
         limits.model_seconds, or --seconds of `safelight model`",
        path.shown()
    )]
    OverTime {
        /// The model file.
        path: PathBuf,
        /// Seconds that it may take.
        seconds: u64,
    },
    /// The process that loaded it for the first time came to a bad end.
    #[error("{} can't be used: the process that tried to load it {how}; export it again", path.shown())]
    Crashed {
        /// The model file.
        path: PathBuf,
        /// How it ended.
        how: String,
    },
    /// The process that should load it for the first time can't be had.
    #[error("{} can't be inspected in a process of its own: {source}; try again when the system is less busy", path.shown())]
    Inspector {
        /// The model file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The process that loaded it for the first time refused it.
    #[error("{message}")]
    Refused {
        /// What it said, with the file's name.
        message: String,
    },
    /// The file is no more the one that was inspected.
    #[error("{} changed while it was read; try again when it is written completely", path.shown())]
    Changed {
        /// The model file.
        path: PathBuf,
    },
    /// The graph can't be prepared for the input size.
    #[error("{} cannot be run on {width}x{height} pixels: {reason}", path.shown())]
    Build {
        /// The model file.
        path: PathBuf,
        /// Input width in pixels.
        width: usize,
        /// Input height in pixels.
        height: usize,
        /// What the engine said.
        reason: String,
    },
    /// onnxruntime does not take it.
    #[error("{} is refused by onnxruntime: {reason}", path.shown())]
    Refusal {
        /// The model file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// There is no library to run it by.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// An option doesn't suit this model.
    #[error("{}: {reason}", path.shown())]
    Option {
        /// The model file.
        path: PathBuf,
        /// What doesn't suit, and what would.
        reason: String,
    },
}

/// Why one picture can't be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The network failed while running.
    #[error("the model failed: {0}")]
    Run(String),
    /// The network can't be prepared for this picture.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The result is no sensible picture.
    #[error("the model's output is not a picture: {seen}; likely cause: {cause}")]
    BadOutput {
        /// What was seen.
        seen: String,
        /// The likely cause and what to set.
        cause: String,
    },
    /// The picture's sizes don't fit its samples, or the result would be too large to address.
    #[error("the picture is malformed: {0}")]
    Image(String),
    /// The network has inputs beside the picture, and not as many numbers came for them.
    #[error("the network needs a number for each of its inputs {}, {given} came", names.join(", "))]
    Levels {
        /// What it needs.
        names: Vec<String>,
        /// How many came.
        given: usize,
    },
}

/// Why one picture can't be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The network failed while running.
    #[error("the model failed: {0}")]
    Run(String),
    /// The vector is to have length 1 and has none.
    #[error(
        "the model's vector is zero, so it can't be brought to length 1; leave `normalize` out to keep it"
    )]
    Zero,
    /// A number of the vector is beyond half precision.
    #[error(
        "the model's vector has the number {0}, beyond what float16 holds (65504); keep it as float32, or `normalize` it"
    )]
    TooLarge(f32),
    /// The vector holds NaN or infinity.
    #[error("the model's vector is not finite ({0} of its numbers); the model or its input range is wrong")]
    NotFinite(usize),
    /// The picture's sizes don't fit its samples.
    #[error("the picture is malformed: {0}")]
    Image(String),
}

/// What to do about operators outside standard ONNX.
fn instead_of(operators: &[String]) -> &'static str {
    let of_runtime: Vec<&str> = operators.iter().filter_map(|op| op.strip_prefix("com.microsoft:")).collect();
    let quantised =
        ["QLinear", "QGemm", "QAttention", "QEmbed", "QOrdered", "Dynamic", "MatMulInteger", "MatMulNBits"];
    if of_runtime.iter().any(|op| quantised.iter().any(|part| op.starts_with(part))) {
        return "these are onnxruntime's own for quantised networks: take the model as it was before, or quantise it with \
                quant_format=QuantFormat.QDQ";
    }
    if !of_runtime.is_empty() {
        return "these are onnxruntime's own, put in by its optimiser: take the model as it was before";
    }
    "export it with standard operators only (without built-in pre- and post-processing)"
}
