//! A model's graph, as the engine that runs it has it.

use super::axes::Layout;
use super::onnxruntime::Sessions;
use std::sync::Arc;
use tract_onnx::prelude::{InferenceModel, OutletId};

/// The graph, before any size is fixed.
pub(super) struct Graph {
    pub(super) source: Source,
    /// Planes of the input.
    pub(super) channels: usize,
    /// How many of them, the last, are levels and no part of the picture.
    pub(super) levels: usize,
    pub(super) layout: Layout,
    /// Bytes that the tensors of one run may take.
    pub(super) memory: u64,
}

/// What runs it.
pub(super) enum Source {
    /// Our kernels and tract, from what tract parsed.
    Tract(InferenceModel),
    /// onnxruntime, from the file.
    Onnxruntime {
        sessions: Arc<Sessions>,
        /// What tract parsed, where it did: no run goes by it, but distances and sizes are known from it.
        template: Option<InferenceModel>,
        /// The output in use.
        result: String,
        /// The file's outputs.
        outputs: Vec<String>,
        /// Names of all tensors.
        tensors: Vec<String>,
    },
}

impl Source {
    /// What tract parsed, if it did.
    pub(super) fn template(&self) -> Option<&InferenceModel> {
        match self {
            Source::Tract(template) => Some(template),
            Source::Onnxruntime { template, .. } => template.as_ref(),
        }
    }
}

impl Graph {
    /// Planes of the input that are the picture's.
    pub(super) fn pictures(&self) -> usize {
        self.channels.saturating_sub(self.levels)
    }

    /// Name of the output in use.
    pub(super) fn result(&self) -> Option<&str> {
        match &self.source {
            Source::Tract(template) => template.outputs.first().and_then(|o| template.outlet_label(*o)),
            Source::Onnxruntime { result, .. } => Some(result),
        }
    }

    /// The outputs there are, as they can be chosen.
    pub(super) fn outputs(&self) -> Outputs {
        match &self.source {
            Source::Tract(template) => Outputs::Outlets(template.outputs.clone()),
            Source::Onnxruntime { outputs, .. } => Outputs::Names(outputs.clone()),
        }
    }

    /// Has output `number` of `outputs` be the one in use from now on.
    pub(super) fn choose(&mut self, outputs: &Outputs, number: usize) {
        match (&mut self.source, outputs) {
            (Source::Tract(template), Outputs::Outlets(outlets)) => {
                template.outputs = outlets.get(number).copied().into_iter().collect();
            }
            (Source::Onnxruntime { result, template, .. }, Outputs::Names(names)) => {
                let Some(name) = names.get(number) else { return };
                result.clone_from(name);
                // Where tract does not know the name, it is asked no more.
                if template.as_mut().is_some_and(|t| t.select_outputs_by_name([name]).is_err()) {
                    *template = None;
                }
            }
            _ => {}
        }
    }
}

/// A model's outputs, of which one is in use.
pub(super) enum Outputs {
    /// As tract knows them.
    Outlets(Vec<OutletId>),
    /// As the file names them.
    Names(Vec<String>),
}

impl Outputs {
    /// How many.
    pub(super) fn len(&self) -> usize {
        match self {
            Outputs::Outlets(outlets) => outlets.len(),
            Outputs::Names(names) => names.len(),
        }
    }

    /// Number of the one in use.
    pub(super) fn chosen(&self, graph: &Graph) -> usize {
        let number = match (self, &graph.source) {
            (Outputs::Outlets(outlets), Source::Tract(template)) => {
                outlets.iter().position(|o| template.outputs.first() == Some(o))
            }
            (Outputs::Names(names), _) => names.iter().position(|name| graph.result() == Some(name)),
            _ => None,
        };
        number.unwrap_or(0)
    }
}
