//! From a graph to something that runs: sizes are fixed first (symbolic sizes are slow, and some
//! operators fail on them), then the graph is simplified, optimised and kept per size.

use super::error::ModelError;
use super::fast::{self, Engine, Region};
use super::graph::{Graph, Source};
use super::guard::{EngineError, guarded};
use super::limits::MAX_ELEMENTS;
use super::onnxruntime::Sessions;
use super::places::Places;
use super::{cost, growth};
use crate::kernels::Memory;
use crate::memory::mib;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tract_onnx::prelude::*;

/// Most plans that are kept.
const MAX_PLANS: usize = 24;
/// Bytes that the weights of all plans may take together; two plans are kept in any case.
const MAX_BYTES: u64 = 512 << 20;

/// Pictures at once, height, width and tapped tensor of a plan.
type Key = (usize, usize, usize, Option<String>);

/// Why there is no plan for a size.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// The engine refuses it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It can be prepared but not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Bytes that a run would take, and those that it may.
    #[error("it needs {} MiB and may take {} MiB", mib(*.0), mib(*.1))]
    Memory(u64, u64),
}

/// Why a plan gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The result has another shape than was planned.
    #[error("its output has the shape {found:?}, not {planned:?}")]
    Shape {
        /// Its shape.
        found: Vec<usize>,
        /// The shape planned.
        planned: Vec<usize>,
    },
    /// The result holds no numbers of single precision.
    #[error("its output is not float")]
    NotFloat,
}

impl Unfit {
    /// As an error of the model at `path`, for pictures of `width` x `height`.
    pub(super) fn error(self, path: &Path, width: usize, height: usize) -> ModelError {
        let path = path.to_path_buf();
        match self {
            Unfit::Engine(e) => ModelError::Build { path, width, height, reason: e.to_string() },
            Unfit::Run(e) => ModelError::Build { path, width, height, reason: e.to_string() },
            Unfit::Memory(needed, limit) => {
                ModelError::RunMemory { path, width, height, needed: mib(needed), limit: mib(limit) }
            }
        }
    }
}

/// An optimised network for one input size, shared by all workers.
pub(super) struct Plan {
    runner: Runner,
    /// What runs where.
    pub(super) places: Places,
    /// Memory that the kernels work in: what grows with the picture, and what doesn't.
    kernels: Memory,
    /// Shape of the input.
    pub(super) input: Vec<usize>,
    /// Shape of the result.
    pub(super) output: Vec<usize>,
}

/// What runs the network for `batch` pictures of `height` x `width` and gives tensor `tap`, or the model's output. The
/// caller may know the `output`'s shape; else onnxruntime has to run once to tell.
pub(super) fn plan(
    graph: &Graph,
    engine: Engine,
    (batch, height, width): (usize, usize, usize),
    tap: Option<&str>,
    output: Option<Vec<usize>>,
) -> Result<Plan, Unfit> {
    let mut input = graph.layout.shape(graph.channels, height, width).to_vec();
    input[0] = batch;
    match (&graph.source, engine) {
        (Source::Onnxruntime { sessions, result, .. }, Engine::Onnxruntime(_)) => {
            Plan::by_onnxruntime(sessions.clone(), tap.unwrap_or(result), input, output)
        }
        (_, Engine::Onnxruntime(_)) => Err(EngineError::new("it was not loaded for onnxruntime").into()),
        (source, _) => {
            let template =
                source.template().ok_or_else(|| EngineError::new("our own engine does not take it"))?;
            Plan::new(build_shape(template, &input, tap, graph.memory)?, engine, graph.memory)
        }
    }
}

/// The simplified graph for one input size, one picture at a time. `tap` names the tensor wanted
/// instead of the model's output.
pub(super) fn build(
    graph: &Graph,
    height: usize,
    width: usize,
    tap: Option<&str>,
) -> Result<TypedModel, Unfit> {
    let template =
        graph.source.template().ok_or_else(|| EngineError::new("our own engine does not take it"))?;
    let shape = graph.layout.shape(graph.channels, height, width);
    build_shape(template, &shape, tap, graph.memory)
}

/// As [`build`], for an input of any shape. No run may take more than `memory` bytes.
pub(super) fn build_shape(
    template: &InferenceModel,
    shape: &[usize],
    tap: Option<&str>,
    memory: u64,
) -> Result<TypedModel, Unfit> {
    let typed = guarded(|| {
        let mut model = template.clone();
        match tap {
            Some(name) => model.select_outputs_by_name([name])?,
            None => model.outputs.truncate(1),
        }
        model.set_input_fact(0, f32::fact(shape).into())?;
        growth::analyse(&mut model, memory)?;
        let typed = model.into_typed()?;
        for node in typed.nodes() {
            for output in &node.outputs {
                // Sizes that don't go together are no error to the engine until it runs.
                if let Some(misfit) = output.fact.shape.iter().find(|dim| is_misfit(dim)) {
                    return Err(TractError::msg(format!(
                        "operator {} joins tensors of sizes that don't go together: {misfit}",
                        node.op.name()
                    )));
                }
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
    });
    Ok(typed?)
}

/// Whether a size is what two known ones would have to agree on.
fn is_misfit(dim: &TDim) -> bool {
    matches!(dim, TDim::Broadcast(sizes) if sizes.iter().all(|size| size.to_i64().is_ok()))
}

enum Runner {
    /// The whole network is one region of our kernels: nothing stands between them and the numbers.
    Kernels(Region),
    Tract(Arc<TypedRunnableModel>, Mutex<Vec<TypedSimpleState>>),
    /// onnxruntime, and the tensor that it is to give.
    Onnxruntime(Arc<Sessions>, String),
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("output", &self.output).finish_non_exhaustive()
    }
}

impl Plan {
    /// Optimises `typed`, which has one output of known shape, for `engine`. A run may take `memory` bytes.
    pub(super) fn new(typed: TypedModel, engine: Engine, memory: u64) -> Result<Plan, Unfit> {
        let concrete = |fact: &TypedFact| fact.shape.as_concrete().map(<[usize]>::to_vec);
        let unknown = || TractError::msg("the size of its output depends on the pixels");
        let sizes = |typed: &TypedModel| {
            let output = concrete(typed.output_fact(0)?).ok_or_else(unknown)?;
            Ok((concrete(typed.input_fact(0)?).ok_or_else(unknown)?, output))
        };
        let (input, output) = guarded(|| sizes(&typed))?;
        let macs = cost::macs(&typed);
        let model = guarded(|| fast::rewrite(typed, engine, memory))?;
        let places = Places::of(macs, &model);
        let kernels = fast::memory(&model);
        let whole = fast::whole(&model);
        // Where the engine runs a part, its tensors come on top of the kernels' memory.
        let tensors = if whole.is_some() { 0 } else { cost::peak_bytes(&model) };
        let needed = tensors.saturating_add((kernels.results + kernels.scratch) as u64);
        let fits = |needed: u64| if needed > memory { Err(Unfit::Memory(needed, memory)) } else { Ok(()) };
        fits(needed)?;
        let runner = match whole {
            Some(region) => Runner::Kernels(region),
            None => {
                let model = guarded(|| model.into_optimized())?;
                // The engine may have put steps in, such as borders laid around a convolution's input.
                fits(cost::peak_bytes(&model))?;
                Runner::Tract(guarded(|| model.into_runnable())?, Mutex::default())
            }
        };
        Ok(Plan { runner, places, kernels, input, output })
    }

    /// By onnxruntime: tensor `tap` of an input of this shape.
    fn by_onnxruntime(
        sessions: Arc<Sessions>,
        tap: &str,
        input: Vec<usize>,
        output: Option<Vec<usize>>,
    ) -> Result<Plan, Unfit> {
        let output = match output {
            Some(output) => output,
            None => sessions.run(tap, &input, &vec![0.5; input.iter().product()], &mut vec![])?,
        };
        let runner = Runner::Onnxruntime(sessions, tap.to_string());
        Ok(Plan { runner, places: Places::default(), kernels: Memory::default(), input, output })
    }

    /// What each thread's kernels work in, grown to the largest of all networks and sizes.
    pub(super) fn kernels(&self) -> Memory {
        self.kernels
    }

    /// Whether none of tract's operators are left.
    pub(super) fn is_kernels_alone(&self) -> bool {
        matches!(self.runner, Runner::Kernels(_))
    }

    /// Runs one input through the network; the result has the shape `output`. Both in the network's own order.
    pub(super) fn run(&self, input: &[f32]) -> Result<Vec<f32>, RunError> {
        let mut result = vec![];
        self.run_into(input, &mut result)?;
        Ok(result)
    }

    /// As [`Plan::run`], into a vector whose memory is used again.
    pub(super) fn run_into(&self, input: &[f32], result: &mut Vec<f32>) -> Result<(), RunError> {
        match &self.runner {
            Runner::Kernels(region) => guarded(|| {
                result.resize(self.output.iter().product(), 0.0);
                region.apply(&[input], &mut [result.as_mut_slice()]);
                Ok(())
            })?,
            Runner::Tract(runnable, idle) => {
                // A state that fails or panics is dropped, never reused.
                let state = lock(idle).pop();
                let (state, output) = guarded(|| {
                    let mut state = match state {
                        Some(state) => state,
                        None => runnable.spawn()?,
                    };
                    let input = Tensor::from_shape(&self.input, input)?;
                    let output = state.run(tvec!(input.into_tvalue()))?.remove(0).into_tensor();
                    Ok((state, output.cast_to::<f32>()?.into_owned()))
                })?;
                if output.shape() != self.output {
                    let (found, planned) = (output.shape().to_vec(), self.output.clone());
                    return Err(RunError::Shape { found, planned });
                }
                lock(idle).push(state);
                result.clear();
                result.extend_from_slice(fast::floats(&output).ok_or(RunError::NotFloat)?);
            }
            Runner::Onnxruntime(sessions, tap) => {
                let found = sessions.run(tap, &self.input, input, result)?;
                if found != self.output {
                    return Err(RunError::Shape { found, planned: self.output.clone() });
                }
            }
        }
        Ok(())
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
        // Winograd's form of a 3x3 kernel has 36 numbers for 9.
        let limit = (MAX_BYTES / (16 * parameters.max(1))).clamp(2, MAX_PLANS as u64) as usize;
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
