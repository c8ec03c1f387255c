//! Opens an ONNX file: limits and names are checked first, then the graph is read and inspected.

use super::conformance;
use super::door::{ModelBudget, Passed};
use super::error::ModelError;
use super::fast::Engine;
use super::guard::guarded;
use super::inspect::{self, Layout, ModelInfo};
use super::plan::{self, Plan, PlanCache};
use super::proto;
use super::range::Range;
use crate::store::look;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// What the caller knows better than the file.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Range of the input and output; read from the file or inferred when none.
    pub range: Option<Range>,
    /// Order of the axes; read from the input's shape when none.
    pub layout: Option<Layout>,
    /// Channels of the input, 1 or 3; needed only where the file leaves them open.
    pub channels: Option<usize>,
    /// What runs it.
    pub engine: Engine,
}

/// A loaded, inspected network. Immutable in effect: share it between workers behind an `Arc`.
pub struct Network {
    path: PathBuf,
    info: ModelInfo,
    graph: Graph,
    engine: Engine,
    plans: PlanCache,
}

/// A file that passed the checks.
pub(super) struct File {
    onnx: tract_onnx::Onnx,
    pub(super) proto: ModelProto,
    /// BLAKE3 of the file followed by its weight files.
    pub(super) hash: String,
    /// BLAKE3 of the file alone.
    main: String,
    /// Its weight files, links followed.
    files: Vec<PathBuf>,
}

impl File {
    /// Reads and checks the file at `path`, which has to be the one that `passed`.
    pub(super) fn open(path: &Path, passed: Option<&Passed>) -> Result<File, ModelError> {
        let bytes = read(path)?;
        let changed = || ModelError::Changed { path: path.to_path_buf() };
        if passed.is_some_and(|passed| !passed.is_of(&bytes)) {
            return Err(changed());
        }
        let onnx = tract_onnx::onnx().with_ignore_value_info(true);
        let parse = |reason: String| ModelError::Parse { path: path.to_path_buf(), reason };
        let mut proto = guarded(|| onnx.proto_model_for_read(&mut bytes.as_slice())).map_err(parse)?;
        let files = proto::check(&proto, path, &|op| onnx.op_register.0.contains_key(op))?;
        let unlike = |uses| ModelError::Nonconforming { path: path.to_path_buf(), uses };
        conformance::conform(&mut proto).map_err(unlike)?;
        let hash = hash(path, &bytes, &files)?;
        if passed.is_some_and(|passed| passed.all != hash) {
            return Err(changed());
        }
        let main = blake3::hash(&bytes).to_hex().to_string();
        Ok(File { onnx, proto, hash, main, files })
    }

    /// What is to be known of a file that passed.
    pub(super) fn passed(&self, path: &Path) -> Passed {
        let folder = look::real_of(proto::folder_of(path)).unwrap_or_default();
        let named =
            |file: &PathBuf| file.strip_prefix(&folder).unwrap_or(file).to_string_lossy().into_owned();
        Passed::new(self.main.clone(), self.hash.clone(), self.files.iter().map(named).collect())
    }

    /// Its graph.
    pub(super) fn graph(&self, path: &Path) -> Result<InferenceModel, ModelError> {
        let parse = |reason: String| ModelError::Parse { path: path.to_path_buf(), reason };
        parse_graph(&self.onnx, &self.proto, proto::folder_of(path)).map_err(parse)
    }
}

/// Weights by name: their sizes, and their values in that order.
pub type Weights = BTreeMap<String, (Vec<i64>, Vec<f32>)>;

/// The weights of single precision that the file at `path` itself holds, and the file's BLAKE3 in hexadecimal.
///
/// # Errors
/// When the file can't be read or isn't valid.
pub(super) fn weights_of(path: &Path, passed: Option<&Passed>) -> Result<(Weights, String), ModelError> {
    let File { proto, hash, .. } = File::open(path, passed)?;
    Ok((proto.graph.as_ref().map(proto::floats).unwrap_or_default(), hash))
}

/// The parsed graph, before any size is fixed.
pub(super) struct Graph {
    pub(super) template: InferenceModel,
    pub(super) channels: usize,
    pub(super) layout: Layout,
    /// Bytes that the tensors of one run may take.
    pub(super) memory: u64,
}

impl Network {
    /// Reads, checks and inspects the model at `path`, at once and in this process: for files that are trusted, such
    /// as those that this program wrote. All others come in by [`super::Door`]. Takes up to some seconds for large
    /// networks.
    ///
    /// # Errors
    /// Any [`ModelError`] but `NotARestorer` and `NoSuchTensor`, which come with use.
    pub fn load(path: &Path, options: &LoadOptions) -> Result<Network, ModelError> {
        Network::load_passed(path, options, ModelBudget::default().run, None)
    }

    /// As [`Network::load`], for the file that `passed`; runs may take `memory` bytes.
    pub(super) fn load_passed(
        path: &Path,
        options: &LoadOptions,
        memory: u64,
        passed: Option<&Passed>,
    ) -> Result<Network, ModelError> {
        Network::of_file(File::open(path, passed)?, path, options, memory)
    }

    /// Inspects a file that passed the checks.
    pub(super) fn of_file(
        file: File,
        path: &Path,
        options: &LoadOptions,
        memory: u64,
    ) -> Result<Network, ModelError> {
        let parse = |reason: String| ModelError::Parse { path: path.to_path_buf(), reason };
        let (channels, layout, notes) = inspect::image_input(&file.proto, path, options)?;
        let template = file.graph(path)?;
        let File { proto, hash, .. } = file;
        let mut graph = Graph { template, channels, layout, memory };
        let info = guarded(|| Ok(inspect::inspect(&mut graph, &proto, path, options, hash, notes)));
        let info = info.map_err(parse)??;
        let plans = PlanCache::new(info.parameters);
        Ok(Network { path: path.to_path_buf(), info, graph, engine: options.engine, plans })
    }

    /// What is known about the network.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The file that it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The parsed graph.
    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Names of all tensors that the graph makes.
    pub(super) fn tensor_names(&self) -> impl Iterator<Item = &String> {
        self.graph.template.outlet_labels.values()
    }

    /// Whether the graph makes a tensor of this name.
    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.tensor_names().any(|n| n == name)
    }

    /// The plan for inputs of `height` x `width` that yields tensor `tap`, or the model's output.
    pub(super) fn plan(
        &self,
        height: usize,
        width: usize,
        tap: Option<&str>,
    ) -> Result<Arc<Plan>, ModelError> {
        self.batch_plan(1, height, width, tap)
    }

    /// As [`Network::plan`], for `batch` pictures at once. Whether each has the result that it has alone is
    /// for the caller to find out.
    pub(super) fn batch_plan(
        &self,
        batch: usize,
        height: usize,
        width: usize,
        tap: Option<&str>,
    ) -> Result<Arc<Plan>, ModelError> {
        self.plans.get((batch, height, width, tap.map(str::to_owned)), || {
            plan::build_batch(&self.graph, batch, height, width, tap)
                .and_then(|typed| Plan::new(typed, self.engine, self.graph.memory))
                .map_err(|unfit| unfit.error(&self.path, width, height))
        })
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("path", &self.path).field("info", &self.info).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let io = |source| ModelError::Read { path: path.to_path_buf(), source };
    let size = look::there(path).map_err(io)?.len();
    if size == 0 {
        return Err(ModelError::Parse { path: path.to_path_buf(), reason: "the file is empty".into() });
    }
    if size > proto::MAX_FILE {
        let what = format!("the file has {size} bytes, more than {}", proto::MAX_FILE);
        return Err(ModelError::TooLarge { path: path.to_path_buf(), what });
    }
    std::fs::read(path).map_err(io)
}

/// BLAKE3 of the model file followed by its weight files.
fn hash(path: &Path, bytes: &[u8], files: &[PathBuf]) -> Result<String, ModelError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(bytes);
    for file in files {
        let io = |source| ModelError::Read { path: path.to_path_buf(), source };
        let mut reader = std::fs::File::open(file).map_err(io)?;
        std::io::copy(&mut reader, &mut hasher).map_err(io)?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn parse_graph(onnx: &tract_onnx::Onnx, proto: &ModelProto, folder: &Path) -> Result<InferenceModel, String> {
    let parsed = guarded(|| onnx.parse(proto, folder.to_str()))?;
    if !parsed.unresolved_inputs.is_empty() {
        return Err(format!("tensors {:?} are used but nothing makes them", parsed.unresolved_inputs));
    }
    if parsed.model.inputs.len() != 1 {
        return Err(format!("it has {} inputs, only one image is supported", parsed.model.inputs.len()));
    }
    Ok(parsed.model)
}
