//! Finds the range of a network that doesn't state it: from operators at its ends, else by trial.

use super::axes::Layout;
use super::graph::Graph;
use super::range::{Range, RangeOrigin};
use crate::random::Rng;
use std::collections::HashMap;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Operators that pass values on unchanged.
const PASSING: [&str; 9] =
    ["Transpose", "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Slice", "DepthToSpace"];
/// Runs a network on an input, in its own order; gives nothing where that fails.
type Run<'a> = &'a dyn Fn(&[f32]) -> Option<Vec<f32>>;

/// Relative error below which a trial counts as reproducing the picture.
const GOOD: f64 = 0.1;
/// Relative error below which nothing better is sought.
const EXCELLENT: f64 = 0.03;
/// A change of noise below this, as a part of the range, is none: two of 255 levels.
const QUIET: f64 = 2.0 / 255.0;

/// The ranges of input and output by evidence of the graph `pb` and of trial runs at `size` (height,
/// width).
pub(super) fn infer(
    pb: &GraphProto,
    graph: &Graph,
    scale: Option<usize>,
    size: (usize, usize),
    run: Run<'_>,
    notes: &mut Vec<String>,
) -> (Range, Range, RangeOrigin) {
    let inferred = |input: Range, output: Range| (input, output, RangeOrigin::Inferred);
    let front = at_input(pb);
    let Some(scale) = scale else {
        return match front {
            Some(range) => inferred(range.clone(), range),
            None => (Range::Unit, Range::Unit, RangeOrigin::Assumed),
        };
    };
    let end = at_output(pb, graph);
    let error = |input: &Range, output: &Range| error(graph, scale, size, (input, output), run);
    // What the operators tell, where it proves right; some networks scale on one side only.
    let told: Vec<(Range, Range)> = match (front, end) {
        (Some(front), Some(end)) => vec![(front.clone(), end), (front.clone(), front)],
        (Some(front), None) => vec![(front.clone(), front.clone()), (front, Range::Unit)],
        (None, Some(end)) => vec![(end.clone(), end.clone()), (Range::Byte, end)],
        (None, None) => vec![],
    };
    if let Some((input, output)) = told.iter().find(|(i, o)| error(i, o) < GOOD) {
        return inferred(input.clone(), output.clone());
    }
    let (unit, byte) = (error(&Range::Unit, &Range::Unit), error(&Range::Byte, &Range::Byte));
    // A network without biases treats both alike; [0, 1] is by far the more usual.
    let byte_is_nearer = byte < GOOD && byte < 0.33 * unit && unit > EXCELLENT;
    if !byte_is_nearer && unit >= GOOD {
        let (input, output) = told.into_iter().next().unwrap_or((Range::Unit, Range::Unit));
        notes.push(format!(
            "neither [0, 1] nor [0, 255] reproduces a test picture (errors {unit:.2} and {byte:.2}); {input} is assumed for the input, {output} for the output"
        ));
        return (input, output, RangeOrigin::Assumed);
    }
    // A bounded residual is nothing against [0, 255], and what lies below a threshold is nothing against [0, 1]:
    // there the network gives the picture back because it does nothing, which tells nothing.
    let effect = |range: f64| effect(graph, scale, size, range, run);
    let active = |this: f64, other: f64| this > QUIET && this > 4.0 * other;
    if !byte_is_nearer {
        let quiet = byte < GOOD && effect(1.0) < QUIET && active(effect(255.0), effect(1.0));
        let range = if quiet { Range::Byte } else { Range::Unit };
        return inferred(range.clone(), range);
    }
    let at_byte = effect(255.0);
    if at_byte >= QUIET {
        return inferred(Range::Byte, Range::Byte);
    }
    if unit < GOOD && active(effect(1.0), at_byte) {
        return inferred(Range::Unit, Range::Unit);
    }
    // Larger pictures differ little at both ranges where the offsets in the network are small.
    let range = if scale == 1 { Range::Unit } else { Range::Byte };
    notes.push(format!(
        "at [0, 255] the network does next to nothing, at [0, 1] it misses a test picture by {unit:.2}; {range} is assumed, set `range` if it is another"
    ));
    (range.clone(), range, RangeOrigin::Assumed)
}

/// What the network does to a noisy picture at `[0, range]`, as a part of the range: by how much it changes it, or,
/// where it makes another size, how far it is from what it does at a range beyond, where only what is linear is left.
fn effect(graph: &Graph, scale: usize, size: (usize, usize), range: f64, run: Run<'_>) -> f64 {
    let picture = noisy(graph.channels * size.0 * size.1);
    let at = |range: f64| -> Option<Vec<f64>> {
        let input: Vec<f32> = picture.iter().map(|v| (f64::from(*v) * range) as f32).collect();
        Some(run(&input)?.into_iter().map(|v| f64::from(v) / range).collect())
    };
    let plain = || picture.iter().map(|v| f64::from(*v)).collect();
    let beyond = if range > 1.0 { 16.0 * range } else { range / 16.0 };
    let (Some(seen), Some(base)) = (at(range), if scale == 1 { Some(plain()) } else { at(beyond) }) else {
        return 0.0;
    };
    let sum: f64 = seen.iter().zip(&base).map(|(a, b)| (a - b).powi(2)).sum();
    let rms = (sum / seen.len().max(1) as f64).sqrt();
    if rms.is_finite() { rms } else { 0.0 }
}

/// Numbers around a half with a spread of a tenth, in the network's own order: no picture, but noise to be removed.
fn noisy(count: usize) -> Vec<f32> {
    let mut random = Rng::new(0);
    // The sum of three is near enough to a normal number.
    (0..count).map(|_| (0.5 + 0.2 * ((0..3).map(|_| random.unit()).sum::<f64>() - 1.5)) as f32).collect()
}

/// Root mean square difference of output and input, relative to the range; infinite on failure.
fn error(
    graph: &Graph,
    scale: usize,
    (height, width): (usize, usize),
    (input, output): (&Range, &Range),
    run: Run<'_>,
) -> f64 {
    let channels = graph.channels;
    let index = |c: usize, y: usize, x: usize, h: usize, w: usize| match graph.layout {
        Layout::Nchw => (c * h + y) * w + x,
        Layout::Nhwc => (y * w + x) * channels + c,
    };
    // Smooth slopes of different direction and level in each channel.
    let value = |c: usize, y: f32, x: f32| {
        let (v, u) = (y / height as f32, x / width as f32);
        0.5 + 0.25 * ((2.0 * u + c as f32).sin() + (3.0 * v + 0.5 * c as f32).cos()) * 0.8
    };
    let mut data = vec![0.0f32; channels * height * width];
    for c in 0..channels {
        let (gain, offset) = input.affine(c);
        for y in 0..height {
            for x in 0..width {
                data[index(c, y, x, height, width)] =
                    gain * value(c, y as f32 + 0.5, x as f32 + 0.5) + offset;
            }
        }
    }
    let Some(result) = run(&data) else { return f64::INFINITY };
    let (h, w) = (height * scale, width * scale);
    if result.len() != channels * h * w {
        return f64::INFINITY;
    }
    let mut sum = 0.0;
    for c in 0..channels {
        let (gain, offset) = output.affine(c);
        for y in 0..h {
            for x in 0..w {
                let seen = (result[index(c, y, x, h, w)] - offset) / gain;
                let want = value(c, (y as f32 + 0.5) / scale as f32, (x as f32 + 0.5) / scale as f32);
                sum += f64::from(seen - want).powi(2);
            }
        }
    }
    let rms = (sum / result.len() as f64).sqrt();
    if rms.is_finite() { rms } else { f64::INFINITY }
}

/// Division by 255 at the start.
fn at_input(graph: &GraphProto) -> Option<Range> {
    let constants = scalars(graph);
    let constant =
        |node: &NodeProto, slot: usize| node.input.get(slot).and_then(|n| constants.get(n.as_str()));
    let inputs: Vec<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    let mut frontier: Vec<&str> = inputs;
    for node in graph.node.iter() {
        if !node.input.first().is_some_and(|i| frontier.contains(&i.as_str())) {
            continue;
        }
        match (node.op_type.as_str(), constant(node, 1)) {
            ("Div", Some(v)) if *v == 255.0 => return Some(Range::Byte),
            ("Mul", Some(v)) if (v * 255.0 - 1.0).abs() < 1e-4 => return Some(Range::Byte),
            (op, _) if PASSING.contains(&op) => frontier.extend(node.output.iter().map(String::as_str)),
            _ => {}
        }
    }
    None
}

/// A bounded activation or clipping at the end, before the output in use.
fn at_output(pb: &GraphProto, graph: &Graph) -> Option<Range> {
    let constants = scalars(pb);
    let constant =
        |node: &NodeProto, slot: usize| node.input.get(slot).and_then(|n| constants.get(n.as_str()));
    let mut name = graph.result()?;
    loop {
        let node = pb.node.iter().find(|n| n.output.iter().any(|o| o == name))?;
        match node.op_type.as_str() {
            "Sigmoid" => return Some(Range::Unit),
            "Tanh" => return Some(Range::signed()),
            "Clip" => {
                let low = node
                    .attribute
                    .iter()
                    .find(|a| a.name == "min")
                    .map(|a| a.f)
                    .or(constant(node, 1).copied());
                let high = node
                    .attribute
                    .iter()
                    .find(|a| a.name == "max")
                    .map(|a| a.f)
                    .or(constant(node, 2).copied());
                return match (low?, high?) {
                    (0.0, 1.0) => Some(Range::Unit),
                    (0.0, 255.0) => Some(Range::Byte),
                    (-1.0, 1.0) => Some(Range::signed()),
                    _ => None,
                };
            }
            op if PASSING.contains(&op) => name = node.input.first()?,
            _ => return None,
        }
    }
}

/// Float constants of one element, by name.
fn scalars(graph: &GraphProto) -> HashMap<&str, f32> {
    let value = |t: &TensorProto| -> Option<f32> {
        if t.data_type != 1 || t.dims.iter().any(|d| *d != 1) {
            return None;
        }
        let raw = || t.raw_data.as_slice().try_into().ok().map(f32::from_le_bytes);
        t.float_data.first().copied().or_else(raw)
    };
    let initializers = graph.initializer.iter().map(|t| (t.name.as_str(), t));
    let constants =
        graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
            Some((n.output.first()?.as_str(), n.attribute.iter().find_map(|a| a.t.as_ref())?))
        });
    initializers.chain(constants).filter_map(|(name, t)| Some((name, value(t)?))).collect()
}

#[cfg(test)]
mod tests;
