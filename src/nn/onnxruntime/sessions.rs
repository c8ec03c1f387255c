//! Runs one model by onnxruntime, in as many sessions as there are workers.

use super::file::{OUTPUT, Parts};
use super::library::{Device, Library};
use crate::nn::error::ModelError;
use crate::nn::guard::{EngineError, guarded};
use ort::ep;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::{TractError, TractResult};

/// A model for onnxruntime. Sizes are open as in the file: the same sessions run all of them.
pub(in crate::nn) struct Sessions {
    library: Library,
    device: Device,
    parts: Parts,
    /// Sessions that nobody uses now, by the tensor that they yield. The crate takes a session for one run at a time.
    idle: Mutex<HashMap<String, Vec<Session>>>,
    /// A card has one session, and takes one picture after another.
    turn: Mutex<()>,
}

impl Sessions {
    /// For the file at `path`. Whether onnxruntime takes it, the first run tells.
    pub(in crate::nn) fn new(
        model: &ModelProto,
        path: &Path,
        library: Library,
        device: Device,
    ) -> Result<Sessions, ModelError> {
        let parts = Parts::new(model, path)?;
        Ok(Sessions { library, device, parts, idle: Mutex::default(), turn: Mutex::default() })
    }

    /// What runs it, as a person reads it and as identities know it.
    pub(in crate::nn) fn describe(&self) -> String {
        format!("onnxruntime {} on {}", self.library.version(), self.device.name())
    }

    /// Opens a session that yields tensor `name`, for the first run.
    pub(in crate::nn) fn prepare(&self, name: &str) -> Result<(), EngineError> {
        let session = guarded(|| self.open(name))?;
        lock(&self.idle).entry(name.to_string()).or_default().push(session);
        Ok(())
    }

    /// Lets go of all sessions but those that yield tensor `name`: each holds the weights.
    pub(in crate::nn) fn keep(&self, name: &str) {
        lock(&self.idle).retain(|other, _| other == name);
    }

    /// What tensor `name` holds for an input of this shape: its shape, and its values as floats, put into `result`.
    pub(in crate::nn) fn run(
        &self,
        name: &str,
        shape: &[usize],
        input: &[f32],
        result: &mut Vec<f32>,
    ) -> Result<Vec<usize>, EngineError> {
        let turn = (self.device == Device::Cuda).then(|| lock(&self.turn));
        let idle = lock(&self.idle).get_mut(name).and_then(Vec::pop);
        // A session that panics is dropped, never used again; one that refuses its input takes others.
        let (session, found) = guarded(|| {
            let mut session = match idle {
                Some(session) => session,
                None => self.open(name)?,
            };
            let found = once(&mut session, shape, input, result);
            Ok((session, found))
        })?;
        lock(&self.idle).entry(name.to_string()).or_default().push(session);
        drop(turn);
        guarded(|| found)
    }

    /// A session that yields tensor `name`.
    fn open(&self, name: &str) -> TractResult<Session> {
        let builder = Session::builder(self.library.environment()).map_err(text)?;
        // Workers run tiles side by side, so each session has its worker's thread alone. Then sums are never split
        // by threads either.
        let builder = builder.with_intra_threads(1).map_err(text)?.with_inter_threads(1).map_err(text)?;
        let builder = builder.with_parallel_execution(false).map_err(text)?;
        let builder = builder.with_deterministic_compute(true).map_err(text)?;
        // Sizes change: what was planned for one holds for no other.
        let builder = builder.with_memory_pattern(false).map_err(text)?;
        let builder = builder.with_log_level(ort::logging::LogLevel::Fatal).map_err(text)?;
        let builder = builder.with_optimization_level(GraphOptimizationLevel::All).map_err(text)?;
        let mut builder = match self.device {
            Device::Cpu => builder,
            Device::Cuda => {
                // By heuristics, not by timing: equal pictures give equal results. Full precision, as on the processor.
                let cuda = ep::CUDA::default()
                    .with_device_id(0)
                    .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
                    .with_tf32(false)
                    .build()
                    .error_on_failure();
                builder.with_execution_providers([cuda]).map_err(text)?
            }
        };
        builder.commit_from_memory(&self.parts.ending_in(name)).map_err(text)
    }
}

/// Runs it on one input of this shape.
fn once(
    session: &mut Session,
    shape: &[usize],
    input: &[f32],
    result: &mut Vec<f32>,
) -> TractResult<Vec<usize>> {
    let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
    let tensor = TensorRef::from_array_view((shape, input)).map_err(text)?;
    let outputs = session.run(ort::inputs![tensor]).map_err(text)?;
    let value = outputs.get(OUTPUT).ok_or_else(|| TractError::msg("it gave no result"))?;
    let (shape, values) = value.try_extract_tensor::<f32>().map_err(text)?;
    result.clear();
    result.extend_from_slice(values);
    Ok(shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect())
}

fn text<R>(error: ort::Error<R>) -> TractError {
    TractError::msg(error.message().to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("library", &self.library)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}
