//! Networks without padding give less than they get: what is missing around is put in front of them, by reflection.

use super::parts::{free_name, int64s, ints, node, put_first, reread, slice, text, version};
use crate::nn::axes::Layout;
use crate::nn::proto::{fixed_dims, real_inputs};
use serde::{Deserialize, Serialize};
use tract_onnx::pb::{ModelProto, tensor_shape_proto::dimension::Value, type_proto};

/// What is laid around a picture, and cut off the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::nn) struct Border {
    /// Pixels on each side of the picture.
    pub(in crate::nn) around: usize,
    /// Pixels on each side of the result that are too many.
    pub(in crate::nn) cut: usize,
}

impl Border {
    /// For a network that enlarges `scale` times and whose result lacks `missing` pixels of each side's length.
    pub(in crate::nn) fn of(scale: usize, missing: usize) -> Option<Border> {
        if missing == 0 || !missing.is_multiple_of(2) || scale == 0 {
            return None;
        }
        let around = missing.div_ceil(2 * scale);
        Some(Border { around, cut: (2 * scale * around - missing) / 2 })
    }
}

/// Puts the border around the picture, and cuts the result that is called `output`. Inputs of fixed size are that
/// much smaller from outside.
pub(in crate::nn) fn lay(model: &mut ModelProto, layout: Layout, border: Border, output: &str) {
    let version = version(model);
    let Some(graph) = &mut model.graph else { return };
    let Some(input) = real_inputs(graph).first().map(|input| input.name.clone()) else { return };
    let (h, w) = layout.spatial_axes();
    let inner = free_name(graph, &format!("{input}/bordered"));
    let listed = free_name(graph, &format!("{inner}/pads"));
    let n = border.around as i64;
    let pads: Vec<i64> = (0..8).map(|ix| if ix % 4 == h || ix % 4 == w { n } else { 0 }).collect();
    reread(graph, &input, &inner);
    let mode = text("mode", "reflect");
    put_first(
        graph,
        match version {
            ..11 => vec![node("Pad", &[&input], &inner, vec![mode, ints("pads", &pads)])],
            _ => {
                vec![int64s(&listed, &pads), node("Pad", &[&input, &listed], &inner, vec![mode])]
            }
        },
    );
    let fixed = real_inputs(graph).first().map(|input| fixed_dims(input)).unwrap_or_default();
    for info in graph.input.iter_mut().filter(|i| i.name == input) {
        let Some(type_proto::Value::TensorType(t)) = info.r#type.as_mut().and_then(|t| t.value.as_mut())
        else {
            continue;
        };
        for axis in [h, w] {
            let side = fixed.get(axis).copied().flatten();
            let dim = t.shape.as_mut().and_then(|s| s.dim.get_mut(axis));
            if let (Some(side), Some(dim)) = (side, dim) {
                dim.value = Some(Value::DimValue(side.saturating_sub(2 * border.around as u64) as i64));
            }
        }
    }
    if border.cut == 0 {
        return;
    }
    let whole = free_name(graph, &format!("{output}/whole"));
    for made in graph.node.iter_mut().flat_map(|n| &mut n.output).filter(|made| *made == output) {
        made.clone_from(&whole);
    }
    reread(graph, output, &whole);
    graph.output.iter_mut().filter(|o| o.name == whole).for_each(|o| o.name = output.into());
    let cut = border.cut as i64;
    graph.node.extend(slice(&whole, output, &[(h as i64, cut, -cut), (w as i64, cut, -cut)], version));
}
