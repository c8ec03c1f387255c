//! Finds the range of a network that doesn't state it: from operators at its ends, else by trial.

use super::graph::Graph;
use super::picture::Picture;
use super::range::{Range, RangeOrigin};
use super::test_picture;
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
/// What one run may weigh for the trials of two ranges, and for all six trials.
const MOST_ONE: f64 = 6e10;
const MOST_FOUR: f64 = 4e9;
/// A change of noise below this, as a part of the range, is none: two of 255 levels.
const QUIET: f64 = 2.0 / 255.0;

/// What is known of the ranges beforehand.
pub(super) struct Known {
    pub(super) input: Option<Range>,
    pub(super) output: Option<Range>,
    /// What came out for the test picture of \[0, 1\], if it was run.
    pub(super) unit: Option<Vec<f32>>,
    /// What a run takes, in multiply-adds.
    pub(super) weight: f64,
}

/// A network on trial.
struct Trial<'a> {
    graph: &'a Graph,
    picture: Picture,
    size: (usize, usize),
    unit: Option<Vec<f32>>,
    run: Run<'a>,
}

/// The ranges of input and output by evidence of the graph `pb` and of trial runs at `size` (height,
/// width). Evidence that a network which leaves every picture as it is would give as well is none.
pub(super) fn infer(
    pb: &GraphProto,
    graph: &Graph,
    picture: Option<Picture>,
    size: (usize, usize),
    known: Known,
    run: Run<'_>,
    notes: &mut Vec<String>,
) -> (Range, Range, RangeOrigin) {
    let inferred = |input: Range, output: Range| (input, output, RangeOrigin::Inferred);
    let front = known.input.clone().or_else(|| at_input(pb));
    let Some(picture) = picture else {
        return match front {
            Some(range) => inferred(range.clone(), range),
            None => (Range::Unit, Range::Unit, RangeOrigin::Assumed),
        };
    };
    let trial = Trial { graph, picture, size, unit: known.unit, run };
    let end = known.output.clone().or_else(|| at_output(pb, graph));
    // What the operators tell, where it proves right; some networks scale on one side only.
    let told: Vec<(Range, Range)> = match (front, end) {
        (Some(front), Some(end)) => vec![(front.clone(), end), (front.clone(), front)],
        (Some(front), None) => vec![(front.clone(), front.clone()), (front, Range::Unit)],
        (None, Some(end)) => vec![(end.clone(), end.clone()), (Range::Byte, end)],
        (None, None) => vec![],
    };
    if let Some((input, output)) = told.iter().find(|(i, o)| trial.error(i, o) < GOOD) {
        return inferred(input.clone(), output.clone());
    }
    if known.input.is_some() || known.output.is_some() {
        // The types of the ends are certain whatever the network makes of a picture.
        let (input, output) = told.into_iter().next().unwrap_or((Range::Unit, Range::Unit));
        return inferred(input, output);
    }
    if known.weight > MOST_ONE {
        notes.push("the network is too large for trials of its range; [0, 1] is assumed, set `range` if it is another".into());
        return (Range::Unit, Range::Unit, RangeOrigin::Assumed);
    }
    let (unit, byte) = (trial.error(&Range::Unit, &Range::Unit), trial.error(&Range::Byte, &Range::Byte));
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
    let active = |this: f64, other: f64| this > QUIET && this > 4.0 * other;
    if !byte_is_nearer && byte >= GOOD {
        return inferred(Range::Unit, Range::Unit);
    }
    if known.weight > MOST_FOUR {
        let range = if byte_is_nearer { Range::Byte } else { Range::Unit };
        notes.push(format!(
            "the network is too large for all trials of its range; {range} is assumed, set `range` if it is another"
        ));
        return (range.clone(), range, RangeOrigin::Assumed);
    }
    let (at_unit, at_byte) = (trial.effect(1.0), trial.effect(255.0));
    if !byte_is_nearer {
        if at_unit < QUIET && active(at_byte, at_unit) {
            return inferred(Range::Byte, Range::Byte);
        }
        // At the other range it has to fail, or to do nothing.
        let told = active(at_unit, at_byte);
        if !told {
            notes.push(
                "[0, 1] and [0, 255] serve a test picture alike; [0, 1] is assumed, set `range` if it is another"
                    .into(),
            );
        }
        let origin = if told { RangeOrigin::Inferred } else { RangeOrigin::Assumed };
        return (Range::Unit, Range::Unit, origin);
    }
    if at_byte >= QUIET {
        return inferred(Range::Byte, Range::Byte);
    }
    if unit < GOOD && active(at_unit, at_byte) {
        return inferred(Range::Unit, Range::Unit);
    }
    // Larger pictures differ little at both ranges where the offsets in the network are small.
    let range = if picture.scale == 1 { Range::Unit } else { Range::Byte };
    notes.push(format!(
        "at [0, 255] the network does next to nothing, at [0, 1] it misses a test picture by {unit:.2}; {range} is assumed, set `range` if it is another"
    ));
    (range.clone(), range, RangeOrigin::Assumed)
}

impl Trial<'_> {
    /// What the network does to a noisy picture at `[0, range]`, as a part of the range: by how much it changes it, or,
    /// where it makes another size or other channels, how far it is from what it does at a range beyond, where only
    /// what is linear is left.
    fn effect(&self, range: f64) -> f64 {
        let graph = self.graph;
        let picture = noisy(graph.channels * self.size.0 * self.size.1);
        let at = |range: f64| -> Option<Vec<f64>> {
            let input: Vec<f32> = picture.iter().map(|v| (f64::from(*v) * range) as f32).collect();
            Some((self.run)(&input)?.into_iter().map(|v| f64::from(v) / range).collect())
        };
        let plain = || picture.iter().map(|v| f64::from(*v)).collect();
        let beyond = if range > 1.0 { 16.0 * range } else { range / 16.0 };
        let alike = self.picture.scale == 1 && self.picture.channels == graph.channels;
        let (Some(seen), Some(base)) = (at(range), if alike { Some(plain()) } else { at(beyond) }) else {
            return 0.0;
        };
        let sum: f64 = seen.iter().zip(&base).map(|(a, b)| (a - b).powi(2)).sum();
        let rms = (sum / seen.len().max(1) as f64).sqrt();
        if rms.is_finite() { rms } else { 0.0 }
    }

    /// Root mean square difference of output and input, relative to the range; infinite on failure.
    fn error(&self, input: &Range, output: &Range) -> f64 {
        let (graph, Picture { scale, channels, .. }) = (self.graph, self.picture);
        let (height, width) = self.size;
        // Where channels come or go, all show the same.
        let tone = (channels != graph.pictures()).then_some(0);
        let data = test_picture::input(graph, tone, self.size, input);
        let known = self.unit.as_ref().filter(|_| tone.is_none() && *input == Range::Unit);
        let Some(result) = known.cloned().or_else(|| (self.run)(&data)) else { return f64::INFINITY };
        let (h, w) = (height * scale, width * scale);
        if result.len() != channels * h * w {
            return f64::INFINITY;
        }
        let mut sum = 0.0;
        for c in 0..channels {
            let (gain, offset) = output.affine(c);
            for y in 0..h {
                for x in 0..w {
                    let at = test_picture::index(graph.layout, channels, (c, y, x), (h, w));
                    let (v, u) = ((y as f32 + 0.5) / h as f32, (x as f32 + 0.5) / w as f32);
                    let seen = (result[at] - offset) / gain;
                    sum += f64::from(seen - test_picture::value(tone.unwrap_or(c), v, u)).powi(2);
                }
            }
        }
        let rms = (sum / result.len() as f64).sqrt();
        if rms.is_finite() { rms } else { f64::INFINITY }
    }
}

/// Numbers around a half with a spread of a tenth, in the network's own order: no picture, but noise to be removed.
fn noisy(count: usize) -> Vec<f32> {
    let mut random = Rng::new(0);
    // The sum of three is near enough to a normal number.
    (0..count).map(|_| (0.5 + 0.2 * ((0..3).map(|_| random.unit()).sum::<f64>() - 1.5)) as f32).collect()
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
