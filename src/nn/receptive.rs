//! The receptive field: how many input pixels around its own place an output pixel depends on, and
//! the grid on which the network repeats itself. Both together tell how tiles must overlap.

use super::axes::Layout;
use super::graph::Graph;
use super::{cost, guard, plan, reach};
use tract_onnx::prelude::TypedModel;
use tract_onnx::tract_core::ops::nn::Softmax;

/// Picture lengths that are tried, the first that is long enough counts.
const LENGTHS: [usize; 3] = [96, 256, 768];
/// Lengths of the other axis while one is measured, the first that the network takes.
const ACROSS: [usize; 2] = [16, 48];
/// Most numbers in a network's tensors for which it is measured. Those with attention, whose reach is rarely worth
/// knowing, have many and get less.
const MOST: usize = 400_000_000;
const MOST_WITH_ATTENTION: usize = 40_000_000;

/// What tiles must respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Farthest dependency, in input pixels.
    pub(super) radius: usize,
    /// Shifting the input by this many pixels shifts the output likewise.
    pub(super) period: usize,
}

/// Measures both axes; none when some operator mixes all positions (or isn't understood), or when that would take too
/// long. `trial` is the simplified graph for a picture of `size`.
pub(super) fn measure(
    graph: &Graph,
    trial: &TypedModel,
    size: (usize, usize),
    fixed: Option<(usize, usize)>,
    multiple: usize,
    scale: usize,
) -> Option<Field> {
    let attends = trial.nodes().iter().any(|n| n.op_is::<Softmax>());
    let most = if attends { MOST_WITH_ATTENTION } else { MOST };
    let per_pixel = cost::elements(trial) as f64 / (size.0 * size.1) as f64;
    let affordable = |h: usize, w: usize| per_pixel * (h * w) as f64 <= most as f64;
    if fixed.is_some() {
        let along = |rows| field(trial, graph, scale, rows);
        return affordable(size.0, size.1).then(|| Some(both(along(true)?, along(false)?)))?;
    }
    let along = |rows: bool| {
        for length in LENGTHS {
            let length = length.next_multiple_of(multiple);
            let mut built = ACROSS.iter().filter_map(|across| {
                let across = across.next_multiple_of(multiple);
                let (h, w) = if rows { (length, across) } else { (across, length) };
                affordable(h, w).then(|| plan::build(graph, h, w, None).ok())?
            });
            match measured(&built.next()?, graph, scale, rows) {
                Some(Ok(field)) => return Some(field),
                // A longer picture may be long enough.
                Some(Err(())) => {}
                None => return None,
            }
        }
        None
    };
    Some(both(along(true)?, along(false)?))
}

fn both(rows: Field, columns: Field) -> Field {
    Field { radius: rows.radius.max(columns.radius), period: lcm(rows.period, columns.period) }
}

fn field(typed: &TypedModel, graph: &Graph, scale: usize, rows: bool) -> Option<Field> {
    measured(typed, graph, scale, rows)?.ok()
}

/// None where an operator mixes everything or is not understood; an error where the picture is too short.
fn measured(typed: &TypedModel, graph: &Graph, scale: usize, rows: bool) -> Option<Result<Field, ()>> {
    let (h_axis, w_axis) = graph.layout.spatial_axes();
    let axis = if rows { h_axis } else { w_axis };
    let channels = if graph.layout == Layout::Nchw { 1 } else { 3 };
    let planes = (channels, graph.pictures());
    let first = guard::guarded(|| reach::nearest(typed, axis, 1.0, planes)).ok()?;
    let last = guard::guarded(|| reach::nearest(typed, axis, -1.0, planes)).ok()?;
    let length = typed.input_fact(0).ok()?.shape.as_concrete()?.get(axis).copied()?;
    let reach = |positions: tract_onnx::prelude::tract_ndarray::ArrayD<f32>| -> Vec<f32> {
        let lanes = positions.axis_iter(tract_onnx::prelude::tract_ndarray::Axis(axis));
        lanes.map(|lane| lane.iter().copied().fold(f32::INFINITY, f32::min)).collect()
    };
    let ends = reach(first).into_iter().zip(reach(last)).map(|(a, b)| (a, -b));
    Some(interpret(&ends.collect::<Vec<_>>(), length, scale).ok_or(()))
}

/// From the first and last input position of every output index to radius and period.
fn interpret(ends: &[(f32, f32)], length: usize, scale: usize) -> Option<Field> {
    // Reach to the left and right of the output's own input pixel, and whether a border cut it.
    let around = |(o, &(first, last)): (usize, &(f32, f32))| {
        let own = (o / scale) as f32;
        if first.is_infinite() {
            return (0.0, 0.0, false);
        }
        (own - first, last - own, first <= 0.0 || last >= (length - 1) as f32)
    };
    let reach: Vec<(f32, f32, bool)> = ends.iter().enumerate().map(around).collect();
    let radius = reach.iter().fold(0f32, |r, (l, h, _)| r.max(*l).max(*h)) as usize;
    let free = longest_free(&reach)?;
    let same = |p: usize| {
        let step = p * scale;
        free.windows(step + 1).all(|w| (w[0].0, w[0].1) == (w[step].0, w[step].1))
    };
    let period = (1..=free.len() / (2 * scale)).find(|p| same(*p))?;
    Some(Field { radius, period })
}

/// The longest stretch that no border cuts.
fn longest_free(reach: &[(f32, f32, bool)]) -> Option<&[(f32, f32, bool)]> {
    reach.split(|r| r.2).max_by_key(|run| run.len()).filter(|run| !run.is_empty())
}

/// Least common multiple of two positive numbers.
pub(super) fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_3x3_convolution_reaches_one_pixel() {
        let n = 20;
        let ends: Vec<_> = (0..n).map(|o: i32| ((o - 1).max(0) as f32, (o + 1).min(n - 1) as f32)).collect();
        assert_eq!(interpret(&ends, 20, 1), Some(Field { radius: 1, period: 1 }));
    }

    #[test]
    fn pooling_by_four_repeats_every_four_pixels() {
        let ends: Vec<_> = (0..32).map(|o| ((o / 4 * 4) as f32, (o / 4 * 4 + 3) as f32)).collect();
        assert_eq!(interpret(&ends, 32, 1), Some(Field { radius: 3, period: 4 }));
    }

    #[test]
    fn global_operators_have_no_field() {
        let ends = vec![(0.0, 31.0); 32];
        assert_eq!(interpret(&ends, 32, 1), None);
    }

    #[test]
    fn least_common_multiple() {
        assert_eq!((lcm(4, 6), lcm(1, 8), lcm(8, 8)), (12, 8, 8));
    }
}
