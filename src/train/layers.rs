//! What the layers of a network are to the kernels.

use super::net::{Activation, LEAK, LayerError, Net, Op, Size};
use crate::kernels::{self, Border, ConvSpec};

/// The convolution of a layer with weights, on `ic` channels.
pub(super) fn spec_of(op: Op, ic: usize) -> Option<ConvSpec> {
    match op {
        Op::Conv { channels, kernel, stride, padded, .. } => {
            let mut spec = ConvSpec { stride: (stride, stride), ..ConvSpec::same(ic, channels, kernel) };
            if !padded {
                spec.pad = Border::default();
            }
            Some(spec)
        }
        Op::Dense { width, .. } => Some(ConvSpec::same(ic, width, 1)),
        _ => None,
    }
}

/// What follows a layer's sums.
pub(super) fn activation_of(op: Op) -> Activation {
    match op {
        Op::Conv { activation, .. } | Op::Dense { activation, .. } => activation,
        _ => Activation::Linear,
    }
}

/// The same, as far as convolutions do it themselves.
pub(super) fn fused(activation: Activation) -> kernels::Activation {
    match activation {
        Activation::Relu => kernels::Activation::Relu,
        Activation::LeakyRelu => kernels::Activation::Slope(vec![LEAK]),
        Activation::Linear | Activation::Sigmoid | Activation::Tanh => kernels::Activation::None,
    }
}

/// Which tensors are rows of numbers: what dense layers make, vectors that go in, and what is done to both number by
/// number.
pub(super) fn flat(net: &Net, sizes: &[Size]) -> Result<Vec<bool>, LayerError> {
    let vectors = sizes[0].h * sizes[0].w == 1 && !net.nodes.iter().any(|n| matches!(n.op, Op::Conv { .. }));
    let mut flat: Vec<bool> = Vec::with_capacity(net.nodes.len());
    for (id, node) in net.nodes.iter().enumerate() {
        let of = |i: usize| flat[node.inputs[i]];
        let (is, fits) = match node.op {
            Op::Input => (vectors, true),
            Op::Dense { .. } => (true, true),
            Op::Add | Op::Multiply => (of(0), of(0) == of(1)),
            Op::Dropout(_) => (of(0), true),
            Op::Unflatten(_) => (false, of(0)),
            _ => (false, !of(0)),
        };
        if !fits {
            let what = "a row of numbers and a picture don't go together".into();
            return Err(LayerError { layer: id, what });
        }
        flat.push(is);
    }
    Ok(flat)
}

/// Which nodes' gradients are wanted: those that a parameter lies before.
pub(super) fn wanted(net: &Net, has_parameters: &[bool]) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(net.nodes.len());
    for (id, node) in net.nodes.iter().enumerate() {
        wanted.push(has_parameters[id] || node.inputs.iter().any(|&i| wanted[i]));
    }
    wanted
}
