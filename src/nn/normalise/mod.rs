//! Brings a model that passed the checks into the one form that every engine runs: numbers of single precision, and
//! one picture as input. What the caller has to know of that is told beside it.
//!
//! A rewrite is a file and a line in [`REWRITES`]; they run in that order, before `conformance`.

pub(super) mod border;
mod bytes;
mod half;
mod indices;
mod inputs;
mod normal;
mod parts;
mod upsample;

use super::error::ModelError;
use super::info::TensorInfo;
use super::proto;
pub(super) use normal::Normal;
use std::path::Path;
use tract_onnx::pb::ModelProto;

/// Operators that no engine need know: they are rewritten.
pub(super) const REPLACED: [&str; 1] = ["Upsample"];

/// One change, by the model's path for weights in other files.
type Rewrite = fn(&mut ModelProto, &Path, &mut Normal) -> Result<(), ModelError>;

static REWRITES: &[Rewrite] = &[half::apply, bytes::apply, upsample::apply, indices::apply, inputs::apply];

/// Rewrites `model`, the file at `path`.
///
/// # Errors
/// When weights in another file, which have to be rewritten, can't be read.
pub(super) fn normalise(model: &mut ModelProto, path: &Path) -> Result<Normal, ModelError> {
    let mut normal = Normal::default();
    if let Some(graph) = &model.graph {
        normal.inputs = proto::real_inputs(graph).into_iter().map(TensorInfo::of).collect();
        normal.outputs = graph.output.iter().map(TensorInfo::of).collect();
    }
    for rewrite in REWRITES {
        rewrite(model, path, &mut normal)?;
    }
    Ok(normal)
}

#[cfg(test)]
mod tests;
