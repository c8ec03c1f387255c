//! Weights files: state dicts as `.pth` and `.safetensors` hold them, made into ONNX models of the architectures that
//! are known by their tensors' names and sizes. Nothing in a file is ever run.

mod architecture;
mod architectures;
mod content;
mod error;
mod globals;
mod groups;
mod layers;
mod net;
mod objects;
mod pickle;
mod safe;
mod sample;
mod state;
mod tensor;
mod tokens;
mod torch;
mod windows;

pub use error::WeightsError;

use content::{Content, content};
use std::path::Path;
use tract_onnx::pb::ModelProto;

/// The model in a weights file's `bytes`; none where they are likely ONNX. `path` is only looked at for its name.
///
/// # Errors
/// When the file is something else, malformed, asks for code, or holds a network that isn't known.
pub(crate) fn model(bytes: &[u8], path: &Path) -> Result<Option<ModelProto>, WeightsError> {
    let groups = match content(bytes, path)? {
        Content::Else => return Ok(None),
        Content::Safetensors => safe::groups(bytes)?,
        Content::Zip(archive) => torch::zipped(bytes, &archive)?,
        Content::Legacy => torch::legacy(bytes)?,
    };
    architectures::model(&state::states(bytes, groups)).map(Some)
}

#[cfg(test)]
mod tests;
