//! What a model's file says about itself, as its metadata.

use super::shape::{BOTTLENECK, takes_any_size, takes_vectors};
use crate::train::net::{Net, Op};
use crate::train::settings::Task;

/// Metadata: keys and values in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(pub Vec<(String, String)>);

impl Facts {
    /// Adds one; nothing when `value` is empty.
    pub fn push(&mut self, key: &str, value: impl ToString) {
        let value = value.to_string();
        if !value.is_empty() {
            self.0.push((key.into(), value));
        }
    }
}

/// What the network itself can't tell. Empty texts are left out.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// What the network is for.
    pub task: Task,
    /// Range of the numbers that go in and come out, such as `0-1`.
    pub range: &'a str,
    /// How it was trained.
    pub recipe: &'a str,
    /// How good it is, on what.
    pub scores: &'a str,
    /// Licence of the weights.
    pub licence: &'a str,
}

/// The metadata of `net`'s file.
pub fn facts(net: &Net, words: &Words) -> Facts {
    let mut facts = Facts::default();
    facts.push("task", words.task.name());
    if !takes_vectors(net) {
        let longest = net.input.h.max(net.input.w);
        facts.push("scale", net.scale);
        facts.push("colour", if net.input.c == 1 { "gray" } else { "rgb" });
        facts.push("size_multiple", if takes_any_size(net) { net.multiple } else { longest });
        facts.push("receptive_field", receptive_field(net).unwrap_or(longest));
    }
    facts.push("range", words.range);
    facts.push("architecture", &net.name);
    facts.push("bottleneck", BOTTLENECK);
    facts.push("parameters", net.parameters());
    facts.push("macs_per_pixel", net.macs_per_pixel().round());
    facts.push("recipe", words.recipe);
    facts.push("scores", words.scores);
    facts.push("licence", words.licence);
    facts
}

/// How many pixels away from its own place, in each direction, an output pixel looks at most; none where a dense
/// layer looks at the whole picture. An output pixel's own place is its position divided by the scale.
pub fn receptive_field(net: &Net) -> Option<usize> {
    if !net.is_convolutional() {
        return None;
    }
    // The network does the same again every so many input pixels, so that many tell everything. Rows and columns
    // are alike.
    let period = net.multiple.next_multiple_of(net.nodes.iter().map(|n| coarser(&n.op)).product());
    let far = |position: usize| {
        let (first, last) = looks_at(net, position as i64);
        let own = (position / net.scale) as i64;
        (own - first).max(last - own)
    };
    let radius = (0..period * net.scale).map(far).max().unwrap_or(0);
    usize::try_from(radius).ok()
}

/// Positions of the input that one position of the result depends on, in a picture without borders.
fn looks_at(net: &Net, position: i64) -> (i64, i64) {
    let mut wanted: Vec<Option<(i64, i64)>> = vec![None; net.nodes.len()];
    wanted[net.output()] = Some((position, position));
    for (id, node) in net.nodes.iter().enumerate().rev() {
        let Some((first, last)) = wanted[id] else { continue };
        let ends = match node.op {
            Op::Conv { kernel, stride, padded, .. } => {
                let (kernel, stride) = (kernel as i64, stride as i64);
                let border = if padded { kernel / 2 } else { 0 };
                (first * stride - border, last * stride - border + kernel - 1)
            }
            Op::MaxPool => (2 * first, 2 * last + 1),
            Op::SpaceToDepth(n) => (first * n as i64, last * n as i64 + n as i64 - 1),
            Op::Upsample(n) | Op::DepthToSpace(n) => (first.div_euclid(n as i64), last.div_euclid(n as i64)),
            Op::Input | Op::Add | Op::Multiply | Op::Dropout(_) | Op::Dense { .. } | Op::Unflatten(_) => {
                (first, last)
            }
        };
        for &from in &node.inputs {
            let (a, b) = wanted[from].unwrap_or(ends);
            wanted[from] = Some((a.min(ends.0), b.max(ends.1)));
        }
    }
    wanted[0].unwrap_or((position, position))
}

/// How many times fewer rows a layer makes.
fn coarser(op: &Op) -> usize {
    match *op {
        Op::Conv { stride, .. } => stride,
        Op::MaxPool => 2,
        Op::SpaceToDepth(n) => n,
        _ => 1,
    }
}
