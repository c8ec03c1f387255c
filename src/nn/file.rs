//! A model file that is read and checked, ONNX or weights that ONNX is made of: its limits and names, and that its operators are computed as specified.

use super::branch::{self, LeftOut};
use super::conformance;
use super::error::ModelError;
use super::fast::Engine;
use super::guard::{EngineError, guarded};
use super::limits::MAX_FILE;
use super::normalise::{self, Normal};
use super::passed::Passed;
use super::proto::{self, Weights};
use crate::onnx;
use crate::store::look;
use crate::weights;
use std::path::{Path, PathBuf};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// A file that passed the checks.
pub(super) struct File {
    onnx: tract_onnx::Onnx,
    /// The model in the form that every engine runs.
    pub(super) proto: ModelProto,
    /// What was changed for that.
    pub(super) normal: Normal,
    /// BLAKE3 of the file followed by its weight files.
    pub(super) hash: String,
    /// BLAKE3 of the file alone.
    main: String,
    /// Its weight files, links followed.
    files: Vec<PathBuf>,
    /// Outputs that need more than a picture.
    pub(super) left_out: Vec<LeftOut>,
}

impl File {
    /// Reads and checks the file at `path`, which has to be the one that `passed`. Its operators must be those that
    /// `engine` knows; which ones onnxruntime knows, it tells itself.
    pub(super) fn open(path: &Path, passed: Option<&Passed>, engine: Engine) -> Result<File, ModelError> {
        let ours = !matches!(engine, Engine::Onnxruntime(_));
        let bytes = read(path)?;
        let changed = || ModelError::Changed { path: path.to_path_buf() };
        if passed.is_some_and(|passed| !passed.is_of(&bytes)) {
            return Err(changed());
        }
        let onnx = tract_onnx::onnx().with_ignore_value_info(true);
        let parse = |e: EngineError| ModelError::Parse { path: path.to_path_buf(), reason: e.to_string() };
        let made = weights::model(&bytes, path);
        let made = made.map_err(|source| ModelError::Weights { path: path.to_path_buf(), source })?;
        let mut proto = match made {
            Some(proto) => proto,
            None => guarded(|| onnx.proto_model_for_read(&mut bytes.as_slice())).map_err(parse)?,
        };
        let left_out = branch::picture_alone(&mut proto);
        let known = |op: &str| onnx.op_register.0.contains_key(op) || normalise::REPLACED.contains(&op);
        let files = proto::check(&proto, path, ours.then_some(&known as &dyn Fn(&str) -> bool))?;
        let normal = normalise::normalise(&mut proto, path)?;
        let unlike = |uses| ModelError::Nonconforming { path: path.to_path_buf(), uses };
        if ours {
            conformance::conform(&mut proto).map_err(unlike)?;
        }
        let hash = hash(path, &bytes, &files)?;
        if passed.is_some_and(|passed| passed.all != hash) {
            return Err(changed());
        }
        let main = blake3::hash(&bytes).to_hex().to_string();
        Ok(File { onnx, proto, normal, hash, main, files, left_out })
    }

    /// What is to be known of a file that passed.
    pub(super) fn passed(&self, path: &Path) -> Passed {
        let folder = look::real_of(proto::folder_of(path)).unwrap_or_default();
        let named =
            |file: &PathBuf| file.strip_prefix(&folder).unwrap_or(file).to_string_lossy().into_owned();
        Passed::new(self.main.clone(), self.hash.clone(), self.files.iter().map(named).collect())
    }

    /// What tract makes of a file that another engine runs, where it would compute all of it as specified.
    pub(super) fn known_graph(&self, path: &Path) -> Option<InferenceModel> {
        let mut proto = self.proto.clone();
        conformance::conform(&mut proto).ok()?;
        self.parsed(&proto, path).ok()
    }

    /// Its graph.
    pub(super) fn graph(&self, path: &Path) -> Result<InferenceModel, ModelError> {
        self.parsed(&self.proto, path)
    }

    fn parsed(&self, proto: &ModelProto, path: &Path) -> Result<InferenceModel, ModelError> {
        let parse = |reason: String| ModelError::Parse { path: path.to_path_buf(), reason };
        let folder = proto::folder_of(path);
        let parsed = guarded(|| self.onnx.parse(proto, folder.to_str()));
        let parsed = parsed.map_err(|e| parse(e.to_string()))?;
        if !parsed.unresolved_inputs.is_empty() {
            let tensors = parsed.unresolved_inputs;
            return Err(parse(format!("tensors {tensors:?} are used but nothing makes them")));
        }
        match parsed.model.inputs.len() {
            1 => Ok(parsed.model),
            inputs => Err(parse(format!("it has {inputs} inputs, only one image is supported"))),
        }
    }
}

/// The weights of single precision that the file at `path` itself holds, and the file's BLAKE3 in hexadecimal.
///
/// # Errors
/// When the file can't be read or isn't valid.
pub(super) fn weights_of(path: &Path, passed: Option<&Passed>) -> Result<(Weights, String), ModelError> {
    let File { proto, hash, .. } = File::open(path, passed, Engine::default())?;
    Ok((proto.graph.as_ref().map(proto::floats).unwrap_or_default(), hash))
}

/// The ONNX file that the weights file at `path` amounts to.
///
/// # Errors
/// When the file can't be read or isn't valid, or is ONNX already.
pub(super) fn exported(path: &Path, passed: Option<&Passed>) -> Result<Vec<u8>, ModelError> {
    let bytes = read(path)?;
    let path = path.to_path_buf();
    if passed.is_some_and(|passed| !passed.is_of(&bytes)) {
        return Err(ModelError::Changed { path });
    }
    match weights::model(&bytes, &path) {
        Ok(Some(model)) => Ok(onnx::encode(&model)),
        Ok(None) => {
            Err(ModelError::Option { path, reason: "it is an ONNX file already: copy it instead".into() })
        }
        Err(source) => Err(ModelError::Weights { path, source }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let io = |source| ModelError::Read { path: path.to_path_buf(), source };
    let size = look::there(path).map_err(io)?.len();
    if size == 0 {
        return Err(ModelError::Parse { path: path.to_path_buf(), reason: "the file is empty".into() });
    }
    if size > MAX_FILE {
        let what = format!("the file has {size} bytes, more than {}", MAX_FILE);
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
