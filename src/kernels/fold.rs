//! Simplifies a graph before it is compiled: scales, shifts and activations behind convolutions go into
//! them, and what nobody reads goes away.

use super::graph::{Binary, Graph, Id, Op, Unary};
use super::normal::{find_normals, fold_into_products};
use super::spec::Activation;
use std::collections::HashMap;
use std::sync::Arc;

/// The simplified graph, and the activations that convolutions took in.
pub(super) fn fold(graph: &Graph) -> (Graph, HashMap<Id, Activation>) {
    // What nobody reads must not count as a reader.
    let (mut graph, _) = remove_unread(graph, &HashMap::new());
    find_normals(&mut graph);
    let (mut graph, _) = remove_unread(&graph, &HashMap::new());
    fold_into_products(&mut graph);
    let (mut graph, mut activations) = remove_unread(&graph, &HashMap::new());
    // Where a node's result is now found.
    let mut moved: Vec<Id> = (0..graph.nodes.len()).collect();
    let uses = graph.uses();
    for id in 0..graph.nodes.len() {
        let op = graph.nodes[id].op.with_inputs(|x| moved[x]);
        graph.nodes[id].op = op.clone();
        let free = |x: Id| {
            let conv = matches!(graph.nodes[x].op, Op::Conv { .. });
            // All that was folded into it before had one reader each.
            conv && !activations.contains_key(&x) && single(&moved, &uses, x)
        };
        match &op {
            Op::Unary(f, x) if free(*x) => {
                let activation = match f {
                    Unary::Relu => Activation::Relu,
                    Unary::Slope(s) => Activation::Slope(s.to_vec()),
                    Unary::Clip(low, high) => Activation::Clip(*low, *high),
                    _ => continue,
                };
                activations.insert(*x, activation);
                moved[id] = *x;
            }
            Op::Binary(f, a, b) => {
                let (x, constant, swapped) = match (&graph.nodes[*a].op, &graph.nodes[*b].op) {
                    (Op::Conv { .. }, Op::Constant(c)) => (*a, c.clone(), false),
                    (Op::Constant(c), Op::Conv { .. }) => (*b, c.clone(), true),
                    _ => continue,
                };
                if free(x) && graph.nodes[id].shape == graph.nodes[x].shape {
                    let folded = affine(&graph.nodes[x].op, *f, &constant, swapped);
                    if let Some(op) = folded {
                        graph.nodes[x].op = op;
                        moved[id] = x;
                    }
                }
            }
            _ => {}
        }
    }
    graph.outputs.iter_mut().for_each(|id| *id = moved[*id]);
    remove_unread(&graph, &activations)
}

/// Whether the chain of nodes that `x` stands for now has one reader at its end.
fn single(moved: &[Id], uses: &[usize], x: Id) -> bool {
    let last = moved.iter().rposition(|m| *m == x).unwrap_or(x);
    uses[last] == 1
}

/// A convolution with a scale or shift of its channels taken in.
fn affine(conv: &Op, f: Binary, constant: &[f32], swapped: bool) -> Option<Op> {
    let Op::Conv { x, spec, weights, bias } = conv else { return None };
    let oc = spec.channels.1;
    let of = |o: usize| constant[if constant.len() == 1 { 0 } else { o }];
    let (scale, shift): (Vec<f32>, Vec<f32>) = (0..oc)
        .map(|o| match (f, swapped) {
            (Binary::Add, _) => Some((1.0, of(o))),
            (Binary::Sub, false) => Some((1.0, -of(o))),
            (Binary::Sub, true) => Some((-1.0, of(o))),
            (Binary::Mul, _) => Some((of(o), 0.0)),
            (Binary::Div, false) if of(o) != 0.0 => Some((1.0 / of(o), 0.0)),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .unzip();
    if scale.iter().chain(&shift).any(|v| !v.is_finite()) {
        return None;
    }
    let (taps, groups) = (spec.kernel.0 * spec.kernel.1, spec.groups);
    let channel = |index: usize| {
        if spec.transposed {
            let per_group = oc / groups;
            let input = index / (per_group * taps);
            input / (spec.channels.0 / groups) * per_group + index / taps % per_group
        } else {
            index / (taps * spec.channels.0 / groups)
        }
    };
    let weights = weights.iter().enumerate().map(|(i, w)| w * scale[channel(i)]).collect();
    let bias = (0..oc).map(|o| bias.as_ref().map_or(0.0, |b| b[o]) * scale[o] + shift[o]).collect();
    Some(Op::Conv { x: *x, spec: *spec, weights: Arc::new(weights), bias: Some(Arc::new(bias)) })
}

fn remove_unread(graph: &Graph, activations: &HashMap<Id, Activation>) -> (Graph, HashMap<Id, Activation>) {
    let mut read = vec![false; graph.nodes.len()];
    graph.outputs.iter().for_each(|id| read[*id] = true);
    for id in (0..graph.nodes.len()).rev() {
        // The caller counts on its inputs.
        read[id] |= matches!(graph.nodes[id].op, Op::Input);
        if read[id] {
            graph.nodes[id].op.inputs().into_iter().for_each(|x| read[x] = true);
        }
    }
    let mut kept = Graph::default();
    let mut place = vec![0; graph.nodes.len()];
    let mut moved = HashMap::new();
    for (id, node) in graph.nodes.iter().enumerate().filter(|(id, _)| read[*id]) {
        place[id] = kept.push(node.op.with_inputs(|x| place[x]), node.shape);
        activations.get(&id).map(|a| moved.insert(place[id], a.clone()));
    }
    kept.outputs = graph.outputs.iter().map(|id| place[*id]).collect();
    (kept, moved)
}
