//! From a graph to something that runs: sizes are fixed first (symbolic sizes are slow, and some
//! operators fail on them), then the graph is simplified, optimised and kept per size.

use super::error::ModelError;
use super::guard::guarded;
use super::load::Graph;
use super::proto::MAX_ELEMENTS;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tract_onnx::prelude::*;

/// Most plans that are kept.
const MAX_PLANS: usize = 24;
/// Bytes that the weights of all plans may take together; two plans are kept in any case.
const MAX_BYTES: u64 = 512 << 20;

/// Height, width and tapped tensor of a plan.
type Key = (usize, usize, Option<String>);

/// An optimised network for one input size, shared by all workers.
pub(super) struct Plan {
    runnable: Arc<TypedRunnableModel>,
    idle: Mutex<Vec<TypedSimpleState>>,
    /// Shape of the result.
    pub(super) output: Vec<usize>,
}

/// The simplified graph for one input size, one picture at a time. `tap` names the tensor wanted
/// instead of the model's output.
pub(super) fn build(
    graph: &Graph,
    height: usize,
    width: usize,
    tap: Option<&str>,
) -> Result<TypedModel, String> {
    guarded(|| {
        let mut model = graph.template.clone();
        match tap {
            Some(name) => model.select_outputs_by_name([name])?,
            None => model.outputs.truncate(1),
        }
        let shape = graph.layout.shape(graph.channels, height, width);
        model.set_input_fact(0, f32::fact(shape).into())?;
        let typed = model.into_typed()?;
        for node in typed.nodes() {
            for output in &node.outputs {
                let dims = output.fact.shape.as_concrete().unwrap_or_default();
                let elements = dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
                if elements.is_none_or(|n| n > MAX_ELEMENTS) {
                    return Err(TractError::msg(format!(
                        "operator {} makes a tensor of size {dims:?}",
                        node.op.name()
                    )));
                }
            }
        }
        typed.into_decluttered()
    })
}

/// The place for operators of our own: called on the simplified graph, before it is made runnable.
fn rewrite(model: TypedModel) -> TractResult<TypedModel> {
    Ok(model)
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("output", &self.output).finish_non_exhaustive()
    }
}

impl Plan {
    /// Optimises `typed`, which has one output of known shape.
    pub(super) fn new(typed: TypedModel) -> Result<Plan, String> {
        guarded(|| {
            let output = typed.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec);
            let output =
                output.ok_or_else(|| TractError::msg("the size of its output depends on the pixels"))?;
            let runnable = rewrite(typed)?.into_optimized()?.into_runnable()?;
            Ok(Plan { runnable, idle: Mutex::default(), output })
        })
    }

    /// Runs one input through the network; the result has the shape `output`.
    pub(super) fn run(&self, input: Tensor) -> Result<Tensor, String> {
        // A state that fails or panics is dropped, never reused.
        let state = lock(&self.idle).pop();
        let (state, result) = guarded(|| {
            let mut state = match state {
                Some(state) => state,
                None => self.runnable.spawn()?,
            };
            let mut outputs = state.run(tvec!(input.into_tvalue()))?;
            let result = outputs.remove(0).into_tensor();
            let result = result.cast_to::<f32>()?.into_owned();
            Ok((state, result))
        })?;
        if result.shape() != self.output {
            return Err(format!("its output has the shape {:?}, not {:?}", result.shape(), self.output));
        }
        lock(&self.idle).push(state);
        Ok(result)
    }
}

/// Plans by size, the least recently used dropped first. Each holds its own copy of the weights.
pub(super) struct PlanCache {
    slots: Mutex<Slots>,
    limit: usize,
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<Key, Slot>,
    clock: u64,
}

struct Slot {
    plan: Arc<Mutex<Option<Arc<Plan>>>>,
    used: u64,
}

impl PlanCache {
    /// A cache for a network with this many weights.
    pub(super) fn new(parameters: u64) -> PlanCache {
        let limit = (MAX_BYTES / (4 * parameters.max(1))).clamp(2, MAX_PLANS as u64) as usize;
        PlanCache { slots: Mutex::default(), limit }
    }

    /// The plan for `key`; made by `make` when absent. Workers that want the same plan wait for one.
    pub(super) fn get(
        &self,
        key: Key,
        make: impl FnOnce() -> Result<Plan, ModelError>,
    ) -> Result<Arc<Plan>, ModelError> {
        let cell = {
            let mut slots = lock(&self.slots);
            let slots = &mut *slots;
            slots.clock += 1;
            if slots.by_key.len() >= self.limit && !slots.by_key.contains_key(&key) {
                let oldest = slots.by_key.iter().min_by_key(|(_, s)| s.used).map(|(k, _)| k.clone());
                oldest.map(|k| slots.by_key.remove(&k));
            }
            let slot = slots.by_key.entry(key).or_insert_with(|| Slot { plan: Arc::default(), used: 0 });
            slot.used = slots.clock;
            slot.plan.clone()
        };
        let mut plan = lock(&cell);
        if let Some(plan) = plan.as_ref() {
            return Ok(plan.clone());
        }
        Ok(plan.insert(Arc::new(make()?)).clone())
    }
}

/// A lock whose data stays valid even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
