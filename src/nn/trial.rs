//! Runs a network on bare numbers, for comparisons of engines and speed.

use super::error::ModelError;
use super::fast::Engine;
use super::load::Network;
use super::plan::{self, Plan, RunError};
use crate::random::Rng;
use std::time::Instant;

/// Runs of which the fastest counts.
const RUNS: usize = 3;

/// A network prepared for one input size, on its own.
#[derive(Debug)]
pub struct Trial {
    plan: Plan,
}

impl Trial {
    /// Prepares `network` for `batch` pictures of `height` x `width` on `engine`.
    ///
    /// # Errors
    /// [`ModelError::Build`] when the network can't be prepared for the size.
    pub fn new(
        network: &Network,
        engine: Engine,
        batch: usize,
        size: (usize, usize),
    ) -> Result<Trial, ModelError> {
        Trial::tapped(network, engine, batch, size, None)
    }

    /// As [`Trial::new`], for tensor `tap` instead of the network's output.
    ///
    /// # Errors
    /// As [`Trial::new`].
    pub fn tapped(
        network: &Network,
        engine: Engine,
        batch: usize,
        (height, width): (usize, usize),
        tap: Option<&str>,
    ) -> Result<Trial, ModelError> {
        plan::plan(network.graph(), engine, (batch, height, width), tap, None)
            .map(Trial::of)
            .map_err(|unfit| unfit.error(network.path(), width, height))
    }

    pub(super) fn of(plan: Plan) -> Trial {
        Trial { plan }
    }

    /// Numbers of an input.
    pub fn input_len(&self) -> usize {
        self.plan.input.iter().product()
    }

    /// Whether our kernels run all of it.
    pub fn is_kernels_alone(&self) -> bool {
        self.plan.is_kernels_alone()
    }

    /// Shape of the result.
    pub fn output(&self) -> &[usize] {
        &self.plan.output
    }

    /// Runs it once into `result`, whose memory is used again; numbers in the network's own order.
    ///
    /// # Errors
    /// When the network fails on it.
    pub fn run(&self, input: &[f32], result: &mut Vec<f32>) -> Result<(), RunError> {
        self.plan.run_into(input, result)
    }
}

/// What the engines make of the same input.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Height and width of the input.
    pub size: (usize, usize),
    /// Largest absolute difference of the results.
    pub difference: f32,
    /// Largest minus smallest number of tract's result.
    pub range: f32,
    /// Seconds by our kernels, on one thread.
    pub fast: f64,
    /// Seconds by tract alone, on one thread.
    pub plain: f64,
    /// What onnxruntime makes of it, where it was asked.
    pub outside: Option<Outside>,
}

/// What onnxruntime makes of the same input.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// Seconds.
    pub seconds: f64,
    /// Largest absolute difference from our kernels' result.
    pub difference: f32,
}

/// Runs `network` on random numbers in \[0, 1\] by both engines, at its own size or at `side` rounded up to what it needs;
/// `outside` is the same network for onnxruntime, to be compared as well.
///
/// # Errors
/// [`ModelError::Build`] when it can't be prepared or run at that size.
pub fn compare(network: &Network, outside: Option<&Network>, side: usize) -> Result<Comparison, ModelError> {
    let info = network.info();
    let side = side.max(info.least).next_multiple_of(info.size_multiple);
    let size = info.fixed_size.unwrap_or((side, side));
    let mut random = Rng::new(0);
    let mut measure =
        |network: &Network, engine, input: &mut Vec<f32>| -> Result<(Vec<f32>, f64), ModelError> {
            let trial = Trial::new(network, engine, 1, size)?;
            while input.len() < trial.input_len() {
                input.push(random.unit() as f32);
            }
            let failed = |e: RunError| ModelError::Build {
                path: network.path().to_path_buf(),
                width: size.1,
                height: size.0,
                reason: e.to_string(),
            };
            let mut best = f64::INFINITY;
            let mut result = vec![];
            for _ in 0..RUNS {
                let start = Instant::now();
                trial.run(input, &mut result).map_err(failed)?;
                best = best.min(start.elapsed().as_secs_f64());
            }
            Ok((result, best))
        };
    let mut input = vec![];
    let (ours, fast) = measure(network, Engine::default(), &mut input)?;
    let (theirs, plain) = measure(network, Engine::Plain, &mut input)?;
    let farthest = |others: &[f32]| ours.iter().zip(others).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let difference = farthest(&theirs);
    let outside = match outside {
        Some(outside) => {
            let (found, seconds) = measure(outside, outside.engine(), &mut input)?;
            Some(Outside { seconds, difference: farthest(&found) })
        }
        None => None,
    };
    let (low, high) = theirs.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    Ok(Comparison { size, difference, range: high - low, fast, plain, outside })
}
