//! The smallest picture that a network takes: borders laid around by reflection can't be wider than what they reflect.

use super::axes::Layout;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};

/// Smallest height and width, by the graph for a picture of `size`.
pub(super) fn side(typed: &TypedModel, layout: Layout, (height, width): (usize, usize)) -> usize {
    let axes = layout.spatial_axes();
    let needed = |node: &TypedNode| -> Option<usize> {
        let pad = node.op_as::<Pad>().filter(|pad| pad.mode == PadMode::Reflect)?;
        let input = typed.outlet_fact(*node.inputs.first()?).ok()?.shape.as_concrete()?;
        let sides = pad.pads.iter().zip(input).enumerate().filter(|(_, (pads, _))| **pads != (0, 0));
        let of = |(axis, (pads, length)): (usize, (&(usize, usize), &usize))| {
            let least = pads.0.max(pads.1) + 1;
            let picture = if axis == axes.0 { height } else { width };
            (least * picture).div_ceil((*length).max(1))
        };
        sides.map(of).max()
    };
    typed.nodes().iter().filter_map(needed).max().unwrap_or(1)
}
