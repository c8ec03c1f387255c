//! What one run of a network costs: multiply-adds and memory.

use std::collections::{HashMap, HashSet};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{Cost, DimLike};
use tract_onnx::tract_core::ops::cnn::Deconv;

/// Multiply-adds of one run.
pub(super) fn macs(typed: &TypedModel) -> f64 {
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
    typed.nodes().iter().filter_map(cost).sum()
}

/// Most numbers alive at once, weights apart.
pub(super) fn peak_floats(typed: &TypedModel) -> usize {
    let Ok(order) = typed.eval_order() else { return 0 };
    let mut last_use: HashMap<OutletId, usize> = HashMap::new();
    for (step, &id) in order.iter().enumerate() {
        last_use.extend(typed.node(id).inputs.iter().map(|i| (*i, step)));
    }
    let size = |outlet: OutletId| -> usize {
        let fact = typed.outlet_fact(outlet).ok().filter(|f| f.konst.is_none());
        fact.and_then(|f| f.shape.volume().to_usize().ok()).unwrap_or(0)
    };
    let (mut live, mut peak) = (0usize, 0usize);
    for (step, &id) in order.iter().enumerate() {
        let node = typed.node(id);
        live += (0..node.outputs.len()).map(|s| size(OutletId::new(id, s))).sum::<usize>();
        peak = peak.max(live);
        let done: HashSet<OutletId> =
            node.inputs.iter().copied().filter(|i| last_use.get(i) == Some(&step)).collect();
        live = live.saturating_sub(done.into_iter().map(size).sum());
    }
    peak
}
