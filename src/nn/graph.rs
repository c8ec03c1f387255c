//! A model's graph as the engine parsed it.

use super::axes::Layout;
use tract_onnx::prelude::InferenceModel;

/// The parsed graph, before any size is fixed.
pub(super) struct Graph {
    pub(super) template: InferenceModel,
    pub(super) channels: usize,
    pub(super) layout: Layout,
    /// Bytes that the tensors of one run may take.
    pub(super) memory: u64,
}
