//! The parameters out of a file that [`super::onnx()`] wrote, to train on from.

use super::facts::Facts;
use super::onnx::onnx;
use crate::nn::{Door, ModelBudget, ModelError};
use crate::shown::Show;
use crate::train::net::Net;
use prost::Message;
use std::path::{Path, PathBuf};
use tract_onnx::pb::ModelProto;

/// Why training can't start from a file.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It can't be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// It holds another network's weights.
    #[error("{} holds another network: {what}", path.shown())]
    Other {
        /// The file.
        path: PathBuf,
        /// The first weights that differ.
        what: String,
    },
}

/// The parameters of `net` in the file at `path`, which may take `budget`, and the file's BLAKE3 in hexadecimal.
///
/// # Errors
/// When the file can't be read, or its weights don't have the names and sizes that `net`'s file would have.
pub fn start(net: &Net, path: &Path, budget: &ModelBudget) -> Result<(Vec<f32>, String), StartError> {
    let (stored, hash) = Door::usual().weights(path, budget)?;
    let other = |what: String| StartError::Other { path: path.to_path_buf(), what };
    // A file of the same network whose weights tell, as bits, the place of the parameter that belongs there.
    let places: Vec<f32> = (0..net.parameters()).map(|at| f32::from_bits(at as u32)).collect();
    let template = ModelProto::decode(&onnx(net, &places, &Facts::default(), false)[..]).unwrap_or_default();
    let mut parameters = vec![0.0; places.len()];
    let wanted = template.graph.unwrap_or_default().initializer;
    for tensor in wanted.iter().filter(|t| t.name.ends_with("_weight") || t.name.ends_with("_bias")) {
        let name = &tensor.name;
        let (dims, values) = stored.get(name).ok_or_else(|| other(format!("it has no weights `{name}`")))?;
        if *dims != tensor.dims {
            return Err(other(format!("its weights `{name}` are of {dims:?}, not {:?}", tensor.dims)));
        }
        let (places, _) = tensor.raw_data.as_chunks::<4>();
        for (place, value) in places.iter().zip(values) {
            parameters[u32::from_le_bytes(*place) as usize] = *value;
        }
    }
    match stored.keys().find(|name| wanted.iter().all(|t| t.name != **name)) {
        Some(more) => Err(other(format!("it has weights `{more}` besides"))),
        None if parameters.iter().any(|p| !p.is_finite()) => {
            Err(other("some of its weights are no numbers".into()))
        }
        None => Ok((parameters, hash)),
    }
}
