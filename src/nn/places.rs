//! What of a network runs where.

use super::cost;
use super::fast::Region;
use std::collections::BTreeMap;
use tract_onnx::prelude::*;

/// What of a network runs where, at the size that it was inspected at.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Places {
    /// Part of the multiply-adds that our kernels do, 0 to 1.
    pub share: f64,
    /// Programs of our kernels; one is the least data moved.
    pub programs: usize,
    /// Operators that the other engine runs, and how many of each.
    pub others: BTreeMap<String, usize>,
}

impl Places {
    /// Of the simplified graph that does `macs` multiply-adds, and the same with our kernels in it.
    pub(super) fn of(macs: f64, rewritten: &TypedModel) -> Places {
        let mut others = BTreeMap::new();
        let mut programs = 0;
        for node in rewritten.nodes() {
            let constant = node.outputs.iter().all(|o| o.fact.konst.is_some());
            if node.op_is::<Region>() {
                programs += 1;
            } else if !constant && !node.inputs.is_empty() {
                *others.entry(node.op.name().into_owned()).or_default() += 1;
            }
        }
        let left = cost::macs(rewritten);
        let share = if programs == 0 || macs <= 0.0 { 0.0 } else { (1.0 - left / macs).clamp(0.0, 1.0) };
        Places { share, programs, others }
    }
}
