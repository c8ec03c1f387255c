//! Bounds of a run: the section `limits`, resolved.

use crate::memory;
use crate::nn::ModelBudget;
use crate::spec::language::LimitKeys;
use crate::spec::units::{ByteSize, Failures};

/// Bounds of a run; they don't change results.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes the process may have resident.
    pub memory: u64,
    /// Largest picture accepted, in pixels.
    pub pixels: u64,
    /// Failures tolerated.
    pub max_failures: MaxFailures,
    /// Known inputs that may be missing.
    pub max_vanished: MaxFailures,
    /// Worker threads.
    pub threads: usize,
    /// What each model may take.
    pub models: ModelBudget,
}

/// How many items may fail, or be missing, before the run stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MaxFailures {
    /// This many.
    Count(usize),
    /// This share of the items to process, 0 to 1.
    Share(f64),
}

impl MaxFailures {
    /// How many of `items` are allowed; one more stops the run. A share allows at least so many.
    pub(crate) fn allowed(self, items: usize, least: usize) -> usize {
        match self {
            MaxFailures::Count(n) => n,
            MaxFailures::Share(share) => ((items as f64 * share).floor() as usize).max(least),
        }
    }
}

/// The section, with what the machine has where it tells nothing.
pub(crate) fn resolve_limits(keys: &LimitKeys) -> Limits {
    let memory = match *keys.memory {
        ByteSize::Exact(bytes) => bytes,
        ByteSize::Auto => memory::automatic(),
    };
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = keys.threads.unwrap_or_else(cores);
    Limits {
        memory,
        pixels: keys.pixels.0,
        max_failures: keys.max_failures.into(),
        max_vanished: keys.max_vanished.into(),
        threads,
        models: model_budget(keys, memory, threads),
    }
}

impl From<Failures> for MaxFailures {
    fn from(failures: Failures) -> MaxFailures {
        match failures {
            Failures::Count(n) => MaxFailures::Count(usize::try_from(n).unwrap_or(usize::MAX)),
            Failures::Share(share) => MaxFailures::Share(share),
        }
    }
}

/// What a model may take; never more than the process.
fn model_budget(keys: &LimitKeys, memory: u64, threads: usize) -> ModelBudget {
    let load = match (keys.model_memory, *keys.memory) {
        (ByteSize::Exact(bytes), _) => bytes.min(memory),
        (ByteSize::Auto, ByteSize::Exact(_)) => memory,
        (ByteSize::Auto, ByteSize::Auto) => ModelBudget::default().memory.min(memory),
    };
    // Each worker may run it at the same time.
    ModelBudget { memory: load, seconds: keys.model_seconds, run: memory / threads.max(1) as u64 }
}
