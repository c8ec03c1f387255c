//! What a graph's arithmetic on sizes divides by: networks that lengthen a picture inside to a multiple, and cut the
//! result, give at its end what follows from the remainder.

use super::receptive::lcm;
use std::collections::HashMap;
use tract_onnx::pb::{GraphProto, TensorProto};

/// Largest divisor that counts.
const LARGEST: i64 = 128;

/// The least common multiple of the whole numbers that sizes are divided by; 1 where that is beyond reason.
pub(super) fn divisor(graph: &GraphProto) -> usize {
    let stored = graph.initializer.iter().map(|t| (t.name.as_str(), t));
    let constants =
        graph.node.iter().filter(|n| n.op_type == "Constant").filter_map(|n| {
            Some((n.output.first()?.as_str(), n.attribute.iter().find_map(|a| a.t.as_ref())?))
        });
    let numbers: HashMap<&str, i64> =
        stored.chain(constants).filter_map(|(name, t)| Some((name, number(t)?))).collect();
    let divides = graph.node.iter().filter(|n| n.op_type == "Mod" || n.op_type == "Div");
    let by = divides.filter_map(|n| numbers.get(n.input.get(1)?.as_str()).copied());
    let by = by.filter(|d| (2..=LARGEST).contains(d)).fold(1, |all, d| lcm(all, d as usize).min(1 << 20));
    if by <= 2 * LARGEST as usize { by } else { 1 }
}

/// A tensor's one 64-bit number.
fn number(tensor: &TensorProto) -> Option<i64> {
    if tensor.data_type != 7 || tensor.dims.iter().any(|d| *d != 1) {
        return None;
    }
    let raw = || tensor.raw_data.as_slice().try_into().ok().map(i64::from_le_bytes);
    tensor.int64_data.first().copied().or_else(raw)
}
