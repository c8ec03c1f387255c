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
use std::collections::HashSet;
use std::path::Path;
use tract_onnx::pb::{GraphProto, ModelProto};

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
    let own: HashSet<String> = made(model).cloned().collect();
    for rewrite in REWRITES {
        rewrite(model, path, &mut normal)?;
    }
    if let Some(graph) = &mut model.graph {
        name_apart(graph);
    }
    normal.put_in = made(model).filter(|name| !own.contains(*name)).cloned().collect();
    Ok(normal)
}

/// Gives operators of the same name names of their own, which ONNX doesn't ask for and tract does.
fn name_apart(graph: &mut GraphProto) {
    let all: HashSet<String> = graph.node.iter().map(|node| node.name.clone()).collect();
    let mut seen = HashSet::new();
    for (number, node) in graph.node.iter_mut().enumerate() {
        if node.name.is_empty() || seen.insert(node.name.clone()) {
            continue;
        }
        while all.contains(&node.name) {
            node.name = format!("{}/{number}", node.name);
        }
    }
}

/// Names of the tensors that operators make.
fn made(model: &ModelProto) -> impl Iterator<Item = &String> {
    model.graph.iter().flat_map(|graph| &graph.node).flat_map(|node| &node.output)
}

#[cfg(test)]
mod tests;
