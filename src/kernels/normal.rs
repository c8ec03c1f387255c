//! Finds normalisations that a graph spells out, and lets the products behind them take in their scales and shifts.

use super::graph::{Across, Binary, Graph, Id, Op, Reduce, Unary};
use super::view::Border;
use std::sync::Arc;

/// Writes normalisations and activations as one operator each. What they were made of stays, for those who read it.
pub(super) fn find_normals(graph: &mut Graph) {
    for id in 0..graph.nodes.len() {
        if let Some(x) = softplus(graph, id) {
            graph.nodes[id].op = Op::Unary(Unary::Softplus, x);
        } else if let Some(x) = mish(graph, id) {
            graph.nodes[id].op = Op::Unary(Unary::Mish, x);
        }
        let Some((x, epsilon)) = root_mean_square(graph, id) else { continue };
        if graph.shape(x) != graph.shape(id) || graph.shape(x).c == 1 {
            continue;
        }
        graph.nodes[id].op = match centred(graph, x) {
            Some(from) => Op::Across(Across::Normal(epsilon), from),
            None => Op::Across(Across::RootMeanSquare(epsilon), x),
        };
    }
}

/// The number that is the same for all pixels and channels.
fn scalar(graph: &Graph, id: Id) -> Option<f32> {
    match &graph.nodes[id].op {
        Op::Constant(c) if c.len() == 1 => Some(c[0]),
        _ => None,
    }
}

/// What `id` is the softplus of.
fn softplus(graph: &Graph, id: Id) -> Option<Id> {
    let Op::Unary(Unary::Ln, sum) = graph.nodes[id].op else { return None };
    let Op::Binary(Binary::Add, a, b) = graph.nodes[sum].op else { return None };
    let (power, one) = if scalar(graph, b).is_some() { (a, b) } else { (b, a) };
    let Op::Unary(Unary::Exp, x) = graph.nodes[power].op else { return None };
    (scalar(graph, one)? == 1.0).then_some(x)
}

/// What `id` is the product of with the hyperbolic tangent of its softplus.
fn mish(graph: &Graph, id: Id) -> Option<Id> {
    let Op::Binary(Binary::Mul, a, b) = graph.nodes[id].op else { return None };
    let tangent = |id: Id| {
        let Op::Unary(Unary::Tanh, plus) = graph.nodes[id].op else { return None };
        let Op::Unary(Unary::Softplus, x) = graph.nodes[plus].op else { return None };
        Some(x)
    };
    tangent(b).filter(|x| *x == a).or_else(|| tangent(a).filter(|x| *x == b))
}

/// What `id` is the mean of over the channels.
fn mean(graph: &Graph, id: Id) -> Option<Id> {
    let sum = |id: Id| match graph.nodes[id].op {
        Op::ReduceChannels(Reduce::Sum, x) => Some((x, graph.shape(x).c as f32)),
        _ => None,
    };
    let close = |a: f32, b: f32| (a / b - 1.0).abs() < 1e-6;
    let scaled = |x: Id, by: Id| {
        let (x, c) = sum(x)?;
        close(scalar(graph, by)?, 1.0 / c).then_some(x)
    };
    match graph.nodes[id].op {
        Op::ReduceChannels(Reduce::Mean, x) => Some(x),
        Op::Binary(Binary::Mul, a, b) => scaled(a, b).or_else(|| scaled(b, a)),
        Op::Binary(Binary::Div, a, b) => {
            let (x, c) = sum(a)?;
            close(scalar(graph, b)?, c).then_some(x)
        }
        _ => None,
    }
}

/// What `id` is the mean of the squares of over the channels.
fn mean_of_squares(graph: &Graph, id: Id) -> Option<Id> {
    if let Op::ReduceChannels(Reduce::MeanOfSquares, x) = graph.nodes[id].op {
        return Some(x);
    }
    match graph.nodes[mean(graph, id)?].op {
        Op::Unary(Unary::Square, x) => Some(x),
        Op::Binary(Binary::Mul, a, b) if a == b => Some(a),
        _ => None,
    }
}

/// What `id` is, divided by the root of the mean of its squares, with what is added to that mean.
fn root_mean_square(graph: &Graph, id: Id) -> Option<(Id, f32)> {
    let sum = |id: Id| match graph.nodes[id].op {
        Op::Binary(Binary::Add, a, b) => {
            let (squares, epsilon) = match scalar(graph, b) {
                Some(epsilon) => (a, epsilon),
                None => (b, scalar(graph, a)?),
            };
            Some((mean_of_squares(graph, squares)?, epsilon))
        }
        _ => None,
    };
    let root = |id: Id| match graph.nodes[id].op {
        Op::Unary(Unary::Sqrt, x) => sum(x),
        _ => None,
    };
    let inverse = |id: Id| match graph.nodes[id].op {
        Op::Unary(Unary::Rsqrt, x) => sum(x),
        Op::Unary(Unary::Recip, x) => root(x),
        _ => None,
    };
    match graph.nodes[id].op {
        Op::Across(Across::RootMeanSquare(epsilon), x) => Some((x, epsilon)),
        Op::Binary(Binary::Mul, a, b) => {
            inverse(b).filter(|i| i.0 == a).or_else(|| inverse(a).filter(|i| i.0 == b))
        }
        Op::Binary(Binary::Div, a, b) => root(b).filter(|r| r.0 == a),
        _ => None,
    }
}

/// What `id` is less its mean over the channels.
fn centred(graph: &Graph, id: Id) -> Option<Id> {
    match graph.nodes[id].op {
        Op::Binary(Binary::Sub, x, m) => mean(graph, m).filter(|of| *of == x),
        _ => None,
    }
}

/// Puts scales and shifts of channels into the 1x1 convolutions that alone read them.
pub(super) fn fold_into_products(graph: &mut Graph) {
    let uses = graph.uses();
    for id in 0..graph.nodes.len() {
        loop {
            let Op::Conv { x, spec, weights, bias } = &graph.nodes[id].op else { break };
            let pointwise = spec.kernel == (1, 1) && spec.pad == Border::default() && spec.groups == 1;
            let Op::Binary(f, a, b) = graph.nodes[*x].op else { break };
            let (from, constant) = match (&graph.nodes[a].op, &graph.nodes[b].op) {
                (_, Op::Constant(c)) => (a, c.clone()),
                (Op::Constant(c), _) if matches!(f, Binary::Add | Binary::Mul) => (b, c.clone()),
                _ => break,
            };
            let (ic, oc) = spec.channels;
            let same = graph.shape(from) == graph.shape(*x);
            if !pointwise
                || spec.transposed
                || uses[*x] != 1
                || !same
                || constant.iter().any(|v| !v.is_finite())
            {
                break;
            }
            let of = |i: usize| constant[if constant.len() == 1 { 0 } else { i }];
            let mut made = weights.to_vec();
            let mut start = bias.as_ref().map_or_else(|| vec![0.0; oc], |b| b.to_vec());
            for (row, start) in made.chunks_exact_mut(ic).zip(&mut start) {
                match f {
                    Binary::Mul => row.iter_mut().enumerate().for_each(|(i, w)| *w *= of(i)),
                    Binary::Add | Binary::Sub => {
                        let sum: f64 =
                            row.iter().enumerate().map(|(i, w)| f64::from(*w) * f64::from(of(i))).sum();
                        *start += (if f == Binary::Add { sum } else { -sum }) as f32;
                    }
                    _ => {}
                }
            }
            if !matches!(f, Binary::Mul | Binary::Add | Binary::Sub) {
                break;
            }
            // The scale goes away, and the convolution reads what it read: as many readers as before.
            let spec = *spec;
            graph.nodes[id].op =
                Op::Conv { x: from, spec, weights: Arc::new(made), bias: Some(Arc::new(start)) };
        }
    }
}
