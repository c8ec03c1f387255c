//! A model's graph as the engine parsed it.

use super::axes::Layout;
use tract_onnx::prelude::InferenceModel;

/// The parsed graph, before any size is fixed.
pub(super) struct Graph {
    pub(super) template: InferenceModel,
    /// Planes of the input.
    pub(super) channels: usize,
    /// How many of them, the last, are levels and no part of the picture.
    pub(super) levels: usize,
    pub(super) layout: Layout,
    /// Bytes that the tensors of one run may take.
    pub(super) memory: u64,
}

impl Graph {
    /// Planes of the input that are the picture's.
    pub(super) fn pictures(&self) -> usize {
        self.channels.saturating_sub(self.levels)
    }
}
