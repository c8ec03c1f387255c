//! Masks of shifted windows that were computed for one size when the network was exported: at another size they would
//! lie on the wrong windows, without an error.

use tract_onnx::pb::{GraphProto, TensorProto};

/// What a mask adds where nothing may be seen is this or less.
const HIDDEN: f32 = -50.0;

/// Side of the square for which the graph holds masks, if it holds any.
pub(super) fn side(graph: &GraphProto) -> Option<usize> {
    let constants = graph.node.iter().filter(|n| n.op_type == "Constant");
    let constants = constants.flat_map(|n| &n.attribute).filter_map(|a| a.t.as_ref());
    graph.initializer.iter().chain(constants).find_map(masked)
}

/// A tensor of windows x positions x positions that holds 0 and one number far below, nothing else: the side of the
/// square that the windows cover.
fn masked(tensor: &TensorProto) -> Option<usize> {
    let dims: Vec<usize> =
        tensor.dims.iter().filter(|d| **d != 1).map(|d| usize::try_from(*d).ok()).collect::<Option<_>>()?;
    let &[windows, rows, columns] = dims.as_slice() else { return None };
    if tensor.data_type != 1 || rows != columns || tensor.data_location == Some(1) {
        return None;
    }
    let raw = tensor.raw_data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
    let (mut open, mut hidden) = (false, None);
    for value in raw.chain(tensor.float_data.iter().copied()) {
        match hidden {
            _ if value == 0.0 => open = true,
            None if value <= HIDDEN => hidden = Some(value),
            Some(known) if known == value => {}
            _ => return None,
        }
    }
    let pixels = windows * rows;
    let side = pixels.isqrt();
    (open && hidden.is_some() && side * side == pixels).then_some(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dims: &[i64], values: &[f32]) -> TensorProto {
        let float_data = values.iter().cycle().take(dims.iter().product::<i64>() as usize).copied().collect();
        TensorProto { dims: dims.to_vec(), data_type: 1, float_data, ..TensorProto::default() }
    }

    #[test]
    fn masks_tell_the_size_they_were_made_for() {
        assert_eq!(masked(&tensor(&[64, 64, 64], &[0.0, -100.0])), Some(64));
        assert_eq!(masked(&tensor(&[1, 4, 1, 16, 16], &[0.0, f32::NEG_INFINITY])), Some(8));
        assert_eq!(masked(&tensor(&[64, 64, 64], &[0.0])), None);
        assert_eq!(masked(&tensor(&[64, 64, 64], &[0.0, -100.0, 1.0])), None);
        assert_eq!(masked(&tensor(&[64, 64, 32], &[0.0, -100.0])), None);
    }
}
