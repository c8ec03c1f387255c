//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Batch restoration and embeddings for image archives: a YAML file describes the job, one command runs
/// it. Originals are never touched; a stopped run goes on where it was.
#[derive(Debug, Parser)]
#[command(name = "safelight", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = after_help())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

fn after_help() -> String {
    let start =
        "Start with:  safelight plan pipelines/denoise.yaml   then   safelight run pipelines/denoise.yaml";
    format!("{}\n\n{start}", crate::job::exit::help())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a pipeline: process what is new or changed, skip what is done; or train.
    Run(RunArgs),
    /// Try the failed items of a pipeline again, and nothing else.
    Retry(RunArgs),
    /// Put together what shards (`run --shard`) have done: tables, lists, manifest. Killed or repeated, it comes to the same.
    Gather(GatherArgs),
    /// Acknowledge failures: they no longer count for the exit code until the input or the settings change.
    Ignore(IgnoreArgs),
    /// Validate a pipeline without touching data: every mistake at once.
    Check(PipelineArgs),
    /// Show what a run would do and why, without doing it: work, skips, collisions, memory, time.
    Plan(PlanArgs),
    /// Show what has been done so far: counts, failures, tables, the last run. An output folder is enough.
    Status(StatusArgs),
    /// Read every output again and compare it with the ledger. An output folder is enough.
    Verify(VerifyArgs),
    /// Write a page of what has been done: counts, failures, pictures before and after, measurements, map, duplicates.
    Report(ReportArgs),
    /// Compare the vectors of a table, all with all: neighbours, a map, clusters, outliers, as one Parquet file.
    Explore(ExploreArgs),
    /// Find the rows of a table that are like a picture: copies, other shots of a scene, look-alikes.
    Similar(SimilarArgs),
    /// Inspect an ONNX model: inputs, outputs, bottlenecks, scale, receptive field, cost.
    Model(ModelArgs),
    /// Load a model for another process that waits for what comes of it.
    #[command(name = crate::nn::COMMAND, hide = true)]
    InspectModel(InspectArgs),
    /// List the steps, corruptions, networks or makers of synthetic images with their parameters and examples.
    List(ListArgs),
    /// Print the JSON Schema of the pipeline language, for editors.
    Schema,
    /// Print the reference of the pipeline language as Markdown.
    #[command(hide = true)]
    Reference,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A pipeline and changes to it.
#[derive(Clone, Debug, Args)]
pub struct PipelineArgs {
    /// Pipeline file (YAML).
    #[arg(value_name = "PIPELINE")]
    pub pipeline: PathBuf,
    /// Override a key, such as `input.path=/archive`, `limits.threads=1` or `steps.write.quality=85`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// A pipeline and changes to it, or an output folder in its place.
#[derive(Clone, Debug, Args)]
pub struct GivenArgs {
    /// Pipeline file (YAML), or the output folder of a job that has run.
    #[arg(value_name = "PIPELINE|OUTPUT")]
    pub pipeline: PathBuf,
    /// Override a key of the pipeline, such as `output=/cleaned`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Options of what works on a job.
#[derive(Clone, Debug, Args)]
pub struct WorkArgs {
    /// The pipeline.
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// How to show progress: a bar on a terminal, plain lines elsewhere, JSON lines, or only what
    /// changed.
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
    /// Remove outputs whose inputs are gone, or that earlier settings made. Off: they are only reported.
    #[arg(long)]
    pub prune: bool,
    /// Go on although the input is another one than before, or much of what was there is gone.
    #[arg(long)]
    pub accept_input: bool,
    /// Replace outputs that somebody edited since they were written. Off: they are kept, and the item fails.
    #[arg(long)]
    pub replace_edited: bool,
    /// Write how the run ended to this file, for Prometheus' node_exporter (its textfile collector).
    #[arg(long, value_name = "FILE.prom", value_parser = prom)]
    pub metrics: Option<PathBuf>,
    /// Exit with 0 where items failed and all else is well (10 and 12), for engines that start again what fails.
    #[arg(long)]
    pub exit_zero_on_item_failures: bool,
    /// Shards and `gather`: after how many seconds without a sign of life this process counts as dead to others, who then
    /// take over what it was at.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub patience: u64,
}

/// Options of `run` and `retry`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Those of all that works on a job.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Do one share of the items, such as 3/16; `auto` asks the engine that started this process (Slurm, Kubernetes, AWS Batch
    /// and others), `auto/16` where it does not tell how many there are. `gather` then puts all together.
    #[arg(long, value_name = "N/COUNT|auto")]
    pub shard: Option<String>,
    /// What shards have equal amounts of.
    #[arg(long, value_enum, default_value_t = ShardByArg::Path, requires = "shard")]
    pub shard_by: ShardByArg,
}

/// What shards have equal amounts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShardByArg {
    /// Items; each item's shard follows from its path alone.
    Path,
    /// Bytes.
    Size,
}

/// Options of `gather`.
#[derive(Clone, Debug, Args)]
pub struct GatherArgs {
    /// Those of all that works on a job.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Wait until no shard is at work, in place of refusing.
    #[arg(long)]
    pub wait: bool,
}

/// Options of `report`. It takes a run's arguments as well and minds the pipeline only, so that a script can give both the
/// same.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("pipeline", |arg| arg.help("Pipeline file (YAML), or the output folder of a job that has run")))]
pub struct ReportArgs {
    /// The pipeline, or an output folder in its place.
    #[command(flatten)]
    pub run: RunArgs,
    /// Print what the report says in numbers, as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `ignore`.
#[derive(Clone, Debug, Args)]
pub struct IgnoreArgs {
    /// The pipeline.
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// Failed inputs, relative to the input, as `status --failures` lists them; all of them where none is named.
    #[arg(value_name = "PATH")]
    pub paths: Vec<OsString>,
}

/// Ways to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// Bar on a terminal, lines elsewhere.
    Auto,
    /// A bar.
    Bar,
    /// Plain lines.
    Lines,
    /// One JSON object a line, on standard output.
    Json,
    /// Only what changed: new failures, and the summary where anything happened. For cron.
    Quiet,
}

/// Options of `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// The pipeline.
    #[command(flatten)]
    pub pipeline: PipelineArgs,
    /// List every item with its reason.
    #[arg(long)]
    pub items: bool,
    /// Print one JSON object; mistakes and refusals as well.
    #[arg(long)]
    pub json: bool,
}

/// Options of `verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The pipeline or the output.
    #[command(flatten)]
    pub given: GivenArgs,
    /// Print one JSON object; mistakes and refusals as well.
    #[arg(long)]
    pub json: bool,
}

/// Options of `status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// The pipeline or the output.
    #[command(flatten)]
    pub given: GivenArgs,
    /// List every failed item.
    #[arg(long)]
    pub failures: bool,
    /// Show how the shards stand that are not gathered yet.
    #[arg(long, conflicts_with = "failures")]
    pub shards: bool,
    /// Print one JSON object; mistakes and refusals as well.
    #[arg(long)]
    pub json: bool,
}

/// Options of `explore`.
#[derive(Clone, Debug, Args)]
pub struct ExploreArgs {
    /// Output folder of a job that has run; or, with `--to`, any folder of Parquet files, or one such file.
    #[arg(value_name = "OUTPUT")]
    pub table: PathBuf,
    /// Which column of vectors, where there are several.
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Nearest other rows that are found for each row.
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub neighbours: u16,
    /// What near means.
    #[arg(long, value_enum, default_value_t = DistanceArg::Cosine)]
    pub distance: DistanceArg,
    /// Principal components that are kept of a vector.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub components: u16,
    /// Clusters; by default the root of half the number of rows, at most 64.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub clusters: Option<u16>,
    /// Seed of map and clusters.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Folder that explore.parquet is written into; by default `explore` in the output.
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `similar`.
#[derive(Clone, Debug, Args)]
pub struct SimilarArgs {
    /// Picture, of the archive or of anywhere else.
    #[arg(value_name = "PICTURE", required_unless_present = "row")]
    pub picture: Option<PathBuf>,
    /// Output folder of a job that has run, the folder of a table, or a Parquet file.
    #[arg(long, value_name = "OUTPUT|FOLDER")]
    pub table: PathBuf,
    /// A row of the table in place of a picture, by its path there.
    #[arg(long, value_name = "PATH", conflicts_with = "picture")]
    pub row: Option<String>,
    /// Which column of vectors, where there are several.
    #[arg(long, value_name = "NAME")]
    pub column: Option<String>,
    /// Rows that are wanted.
    #[arg(short = 'k', long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub neighbours: u16,
    /// The pipeline that made the table; by default the one that its output remembers.
    #[arg(long, value_name = "FILE")]
    pub pipeline: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What near means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DistanceArg {
    /// 1 less the cosine of the angle between two vectors.
    Cosine,
    /// The length of their difference.
    Euclidean,
}

/// Options of `model`.
#[derive(Clone, Debug, Args)]
pub struct ModelArgs {
    /// ONNX file, or weights (.pth, .safetensors) of a known architecture.
    pub model: PathBuf,
    /// Write the model that a weights file amounts to as an ONNX file, where none is yet.
    #[arg(long, value_name = "ONNX", conflicts_with = "compare")]
    pub export: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Run it by our kernels and by tract alone, and by onnxruntime where that is the engine; print the largest
    /// difference and all times.
    #[arg(long)]
    pub compare: bool,
    /// What runs it, as in a pipeline.
    #[arg(long, value_enum, default_value_t = EngineArg::Fast)]
    pub engine: EngineArg,
    /// What onnxruntime runs on.
    #[arg(long, value_enum, default_value_t = DeviceArg::Cpu)]
    pub device: DeviceArg,
    /// The onnxruntime library, or a folder that holds it; by default what ORT_DYLIB_PATH names, else what lies in the
    /// usual places.
    #[arg(long, value_name = "FILE")]
    pub engine_library: Option<PathBuf>,
    /// Side of the square it is compared on, for networks of variable size.
    #[arg(long, value_name = "PIXELS", default_value_t = 256, requires = "compare")]
    pub size: usize,
    /// Memory that it may take to load a model for the first time, such as 8GiB.
    #[arg(long, value_name = "BYTES", default_value = "4GiB", value_parser = bytes)]
    pub memory: u64,
    /// Time that it may take to load a model for the first time.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
}

/// What runs a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EngineArg {
    /// Our kernels, and tract for the rest.
    Fast,
    /// tract alone.
    Plain,
    /// An onnxruntime library that is installed on the machine.
    Onnxruntime,
}

/// What onnxruntime runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceArg {
    /// The processor.
    Cpu,
    /// The first NVIDIA card.
    Cuda,
}

fn bytes(text: &str) -> Result<u64, String> {
    match crate::spec::units::parse_bytes(text) {
        Ok(crate::spec::units::ByteSize::Exact(bytes)) => Ok(bytes),
        Ok(crate::spec::units::ByteSize::Auto) => Err("give a size such as 8GiB".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn prom(file: &str) -> Result<PathBuf, String> {
    match file.strip_suffix(".prom").is_some_and(|name| !name.is_empty() && !name.ends_with('/')) {
        true => Ok(PathBuf::from(file)),
        false => Err("give a name that ends in .prom, which the textfile collector reads".into()),
    }
}

/// The question that a process has about a model.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// The question, as the program writes it for itself.
    pub words: String,
    /// ONNX file.
    pub model: PathBuf,
}

/// Options of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// `steps`, `corruptions`, `networks`, `synths`, or the name of one; `train` for the keys of a training job.
    pub name: Option<String>,
    /// Draw the corruptions at every severity into this new PNG file.
    #[arg(long, value_name = "FILE")]
    pub preview: Option<PathBuf>,
    /// Picture to draw them on, in place of a made one.
    #[arg(long, value_name = "FILE", requires = "preview")]
    pub image: Option<PathBuf>,
}
