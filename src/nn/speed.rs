//! How fast a network runs here, found by running it.

use super::info::ModelInfo;
use super::plan::Plan;
use crate::random::Rng;
use std::time::Instant;

/// Sides that are tried, the first whose run is short counts.
const SIDES: [usize; 6] = [256, 192, 128, 96, 64, 48];
/// Multiply-adds of a short run: about a quarter of a second.
const SHORT: f64 = 5e9;
/// Seconds of a run after which there is no second one.
const LONG: f64 = 1.0;

/// Height and width at which a network is timed.
pub(super) fn size(info: &ModelInfo) -> (usize, usize) {
    let short = |side: &usize| (side * side) as f64 * info.macs_per_pixel <= SHORT;
    let side = SIDES.into_iter().find(short).unwrap_or(SIDES[SIDES.len() - 1]);
    let side = side.max(info.least).next_multiple_of(info.size_multiple);
    info.fixed_size.unwrap_or((side, side))
}

/// Seconds for a million input pixels on one thread, tiles' overlap apart: the faster of two short runs of `plan`,
/// which is for `size`. None where it can't be run.
pub(super) fn per_megapixel(plan: &Plan, (height, width): (usize, usize)) -> Option<f64> {
    let mut random = Rng::new(0);
    let input: Vec<f32> = (0..plan.input.iter().product()).map(|_| random.unit() as f32).collect();
    let mut result = vec![];
    let mut run = || {
        let start = Instant::now();
        plan.run_into(&input, &mut result).ok()?;
        Some(start.elapsed().as_secs_f64())
    };
    let first = run()?;
    let seconds = if first > LONG { first } else { first.min(run()?) };
    Some(1e6 * seconds / (height * width) as f64)
}
