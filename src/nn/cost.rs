//! What one run of a network costs: multiply-adds and memory.

use std::collections::{HashMap, HashSet};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{Cost, DimLike};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;

/// Multiply-adds of the layers of one run: what is done number by number is not counted, as it is nowhere else.
pub(super) fn layers(typed: &TypedModel) -> f64 {
    count(typed, |node| !node.op_is::<ElementWiseOp>() && !node.op_is::<TypedBinOp>())
}

/// Multiply-adds of one run.
pub(super) fn macs(typed: &TypedModel) -> f64 {
    count(typed, |_| true)
}

fn count(typed: &TypedModel, counts: impl Fn(&TypedNode) -> bool) -> f64 {
    let cost = |node: &TypedNode| -> Option<f64> {
        let (inputs, _) = typed.node_facts(node.id).ok()?;
        if let Some(op) = node.op_as::<Deconv>() {
            let taps: usize = op.pool_spec.kernel_shape.iter().product();
            let elements = inputs.first()?.shape.volume().to_usize().ok()?;
            return Some((elements * taps * op.pool_spec.output_channels / op.group.max(1)) as f64);
        }
        let costs = node.op.cost(&inputs).ok()?;
        let fma = costs.iter().filter(|(c, _)| matches!(c, Cost::FMA(_)));
        Some(fma.filter_map(|(_, n)| n.to_usize().ok()).sum::<usize>() as f64)
    };
    typed.nodes().iter().filter(|node| counts(node)).filter_map(cost).sum()
}

/// Numbers in all tensors that a run makes.
pub(super) fn elements(typed: &TypedModel) -> usize {
    let outputs = typed.nodes().iter().filter(|n| !n.inputs.is_empty()).flat_map(|n| &n.outputs);
    outputs.filter_map(|o| o.fact.shape.volume().to_usize().ok()).fold(0, usize::saturating_add)
}

/// What a run takes, in multiply-adds: moving a number weighs as much as ten of them.
pub(super) fn weight(typed: &TypedModel) -> f64 {
    macs(typed) + 10.0 * elements(typed) as f64
}

/// Most numbers alive at once, weights apart.
pub(super) fn peak_floats(typed: &TypedModel) -> usize {
    usize::try_from(peak(typed, |_| 1, |_| 0)).unwrap_or(usize::MAX)
}

/// Most bytes alive at once, weights apart, with what the engine's convolutions lay out for themselves.
pub(super) fn peak_bytes(typed: &TypedModel) -> u64 {
    peak(typed, |kind| kind.size_of() as u64, |node| laid_out(typed, node).unwrap_or(0))
}

/// Bytes that a convolution of the engine's may lay its input out in: each result's window.
fn laid_out(typed: &TypedModel, node: &TypedNode) -> Option<u64> {
    let op = node.op_as::<Conv>()?;
    let (inputs, outputs) = typed.node_facts(node.id).ok()?;
    let results = outputs.first()?.shape.volume().to_usize().ok()? / op.pool_spec.output_channels.max(1);
    // Depthwise convolutions work on their input as it is.
    let channels = if op.group == op.pool_spec.input_channels { 0 } else { op.pool_spec.input_channels };
    let window = op.pool_spec.kernel_shape.iter().fold(channels, |n, k| n.saturating_mul(*k));
    let item = inputs.first()?.datum_type.size_of();
    Some(results.saturating_mul(window).saturating_mul(item) as u64)
}

/// Most that is alive at once: the elements of tensors, each counted as its type tells, and what a node needs beside.
fn peak(typed: &TypedModel, item: impl Fn(DatumType) -> u64, beside: impl Fn(&TypedNode) -> u64) -> u64 {
    let Ok(order) = typed.eval_order() else { return 0 };
    let mut last_use: HashMap<OutletId, usize> = HashMap::new();
    for (step, &id) in order.iter().enumerate() {
        last_use.extend(typed.node(id).inputs.iter().map(|i| (*i, step)));
    }
    let size = |outlet: OutletId| -> u64 {
        let fact = typed.outlet_fact(outlet).ok().filter(|f| f.konst.is_none());
        let elements = |f: &TypedFact| f.shape.volume().to_usize().ok();
        fact.and_then(|f| Some((elements(f)? as u64).saturating_mul(item(f.datum_type)))).unwrap_or(0)
    };
    let (mut live, mut peak) = (0u64, 0u64);
    for (step, &id) in order.iter().enumerate() {
        let node = typed.node(id);
        let made = (0..node.outputs.len()).map(|s| size(OutletId::new(id, s)));
        live = made.fold(live, u64::saturating_add);
        peak = peak.max(live.saturating_add(beside(node)));
        let done: HashSet<OutletId> =
            node.inputs.iter().copied().filter(|i| last_use.get(i) == Some(&step)).collect();
        live = live.saturating_sub(done.into_iter().map(size).fold(0, u64::saturating_add));
    }
    peak
}
