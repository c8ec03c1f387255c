//! The section `limits`, resolved.

use super::{Limits, MaxFailures};
use crate::memory;
use crate::nn::ModelBudget;
use crate::spec::language::LimitKeys;
use crate::spec::units::{ByteSize, Failures};

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
