//! What a graph's constants tell of the pictures that it was exported for, where its input leaves that open.

use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Sides that are tried last: those of the usual networks.
const USUAL: [usize; 5] = [224, 384, 336, 448, 512];
/// Tokens beside those of the picture's patches: none, one for the class, two, one with four registers.
const EXTRA: [usize; 4] = [0, 1, 2, 5];
/// Most patches along a side that are believed.
const MOST_PATCHES: usize = 128;

/// Input channels of the first convolution that reads tensor `name`, or that with its numbers changed one by one.
pub(super) fn channels(graph: &GraphProto, name: &str) -> Option<usize> {
    let mut same = HashSet::from([name]);
    let constants = constants(graph);
    for node in &graph.node {
        if !node.input.first().is_some_and(|input| same.contains(input.as_str())) {
            continue;
        }
        match node.op_type.as_str() {
            "Cast" | "Identity" | "Add" | "Sub" | "Mul" | "Div" | "Pad" => {
                same.extend(node.output.iter().map(String::as_str));
            }
            "Conv" => {
                let kernel = constants.get(node.input.get(1)?.as_str())?;
                return kernel.dims.get(1).and_then(|d| usize::try_from(*d).ok());
            }
            _ => {}
        }
    }
    None
}

/// Sides of square pictures for which the graph may have been exported, the likeliest first: those whose patches there
/// are position embeddings for, then the usual ones.
pub(super) fn sides(graph: &GraphProto) -> Vec<usize> {
    let constants = constants(graph);
    let mut sides = Vec::new();
    for (patch, width) in graph.node.iter().filter_map(|node| patches(node, &constants)) {
        let tokens = constants.values().filter_map(|tensor| match tensor.dims.as_slice() {
            &[1, tokens, of] | &[tokens, of] if of == width => usize::try_from(tokens).ok(),
            _ => None,
        });
        let mut found: Vec<usize> = tokens
            .flat_map(|tokens| EXTRA.map(|extra| tokens.saturating_sub(extra)))
            .filter(|patches| *patches > 1)
            .filter_map(|patches| {
                Some(patches.isqrt()).filter(|side| side * side == patches && *side <= MOST_PATCHES)
            })
            .map(|side| side * patch)
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        sides.extend(found);
    }
    sides.extend(USUAL);
    let mut seen = HashSet::new();
    sides.retain(|side| seen.insert(*side));
    sides
}

/// Side of the patches and numbers of each, of a convolution that takes a picture apart.
fn patches(node: &NodeProto, constants: &HashMap<&str, &TensorProto>) -> Option<(usize, i64)> {
    if node.op_type != "Conv" {
        return None;
    }
    let kernel = constants.get(node.input.get(1)?.as_str())?;
    let &[width, _, height, side] = kernel.dims.as_slice() else { return None };
    let strides = &node.attribute.iter().find(|attribute| attribute.name == "strides")?.ints;
    let square = height == side && side > 2 && strides.as_slice() == [side, side];
    square.then_some((usize::try_from(side).ok()?, width))
}

fn constants(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let nodes = graph.node.iter().filter(|node| node.op_type == "Constant");
    let nodes = nodes.filter_map(|node| {
        let value = node.attribute.iter().find_map(|attribute| attribute.t.as_ref())?;
        Some((node.output.first()?.as_str(), value))
    });
    graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).chain(nodes).collect()
}
