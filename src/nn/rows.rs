//! Networks that take rows of numbers instead of pictures: described, and run on bare numbers.

use super::budget::ModelBudget;
use super::error::ModelError;
use super::fast::Engine;
use super::file::File;
use super::info::TensorInfo;
use super::passed::Passed;
use super::plan::{self, Plan};
use super::proto;
use super::trial::Trial;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tract_onnx::pb::ValueInfoProto;
use tract_onnx::prelude::InferenceModel;

/// What is known about a network that takes rows of numbers.
#[derive(Clone, Debug)]
pub struct RowsInfo {
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// The input.
    pub inputs: Vec<TensorInfo>,
    /// The outputs.
    pub outputs: Vec<TensorInfo>,
    /// Numbers of a row, where the file fixes them.
    pub numbers: Option<usize>,
    /// Number of weights.
    pub parameters: u64,
    /// Metadata that the file carries.
    pub metadata: BTreeMap<String, String>,
}

/// A network whose input is `[row][number]`.
pub struct Rows {
    path: PathBuf,
    info: RowsInfo,
    template: InferenceModel,
}

impl Rows {
    /// Reads and checks the model at `path`.
    ///
    /// # Errors
    /// Those of [`super::Network::load`]; [`ModelError::NotARowModel`] when the input isn't of two axes.
    pub fn load(path: &Path) -> Result<Rows, ModelError> {
        Rows::load_passed(path, None)
    }

    /// As [`Rows::load`], for the file that `passed`.
    pub(super) fn load_passed(path: &Path, passed: Option<&Passed>) -> Result<Rows, ModelError> {
        Rows::of_file(File::open(path, passed, Engine::default())?, path)
    }

    /// Describes a file that passed the checks.
    pub(super) fn of_file(file: File, path: &Path) -> Result<Rows, ModelError> {
        let reject = |reason: String| ModelError::NotARowModel { path: path.to_path_buf(), reason };
        let graph = file.proto.graph.as_ref().ok_or_else(|| reject("it has no graph".into()))?;
        let inputs = proto::real_inputs(graph);
        let &[input] = inputs.as_slice() else {
            return Err(reject(format!("it has {} inputs, one is supported", inputs.len())));
        };
        let declared = TensorInfo::of(input);
        let numbers = match (declared.dtype.as_str(), numbers(input)) {
            ("float", Some(numbers)) => numbers,
            (kind, _) => {
                let TensorInfo { name, shape, .. } = declared;
                return Err(reject(format!("input {name} has the shape {shape} and type {kind}")));
            }
        };
        let info = RowsInfo {
            hash: file.hash.clone(),
            inputs: vec![declared],
            outputs: graph.output.iter().map(TensorInfo::of).collect(),
            numbers,
            parameters: proto::parameters(graph),
            metadata: file.proto.metadata_props.iter().map(|p| (p.key.clone(), p.value.clone())).collect(),
        };
        Ok(Rows { path: path.to_path_buf(), info, template: file.graph(path)? })
    }

    /// What is known about the network.
    pub fn info(&self) -> &RowsInfo {
        &self.info
    }

    /// Prepares it for `rows` rows of `numbers` numbers on `engine`; the result is that of tensor `tap`, or of the
    /// first output.
    ///
    /// # Errors
    /// [`ModelError::Build`] when the network can't be prepared for that.
    pub fn trial(
        &self,
        engine: Engine,
        rows: usize,
        numbers: usize,
        tap: Option<&str>,
    ) -> Result<Trial, ModelError> {
        let memory = ModelBudget::default().run;
        if let Engine::Onnxruntime(_) = engine {
            let reason = "rows of numbers are run by safelight's own engine only".into();
            return Err(ModelError::Option { path: self.path.clone(), reason });
        }
        plan::build_shape(&self.template, &[rows, numbers], tap, memory)
            .and_then(|typed| Plan::new(typed, engine, memory))
            .map(Trial::of)
            .map_err(|unfit| unfit.error(&self.path, numbers, rows))
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("path", &self.path).field("info", &self.info).finish_non_exhaustive()
    }
}

/// Numbers of a row, if the input has two axes.
fn numbers(input: &ValueInfoProto) -> Option<Option<usize>> {
    match proto::fixed_dims(input).as_slice() {
        &[_, numbers] => Some(numbers.and_then(|n| usize::try_from(n).ok())),
        _ => None,
    }
}
