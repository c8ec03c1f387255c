//! Inputs beside the picture, such as a noise level, become planes behind the picture's channels: one input is left.
//! A number is taken from the first pixel of its plane, a map is the plane itself.

use super::normal::Normal;
use super::parts::{FLOAT, cast, free_name, int64s, node, put_first, reread, slice, type_of, version};
use crate::nn::axes::Layout;
use crate::nn::error::ModelError;
use crate::nn::proto::{fixed_dims, real_inputs};
use std::path::Path;
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, ValueInfoProto, tensor_shape_proto::dimension::Value, type_proto,
};

/// Most planes that one input may become.
const MOST: u64 = 8;

/// An input that is a level.
struct Level {
    name: String,
    kind: i32,
    planes: i64,
    /// Its shape, where it is one number; else it is a map.
    number: Option<Vec<i64>>,
}

pub(super) fn apply(model: &mut ModelProto, _: &Path, normal: &mut Normal) -> Result<(), ModelError> {
    let version = version(model);
    let Some(graph) = &mut model.graph else { return Ok(()) };
    let inputs = real_inputs(graph);
    if inputs.len() < 2 {
        return Ok(());
    }
    let Some((name, layout, channels)) = inputs.iter().find_map(|input| picture(input)) else {
        return Ok(());
    };
    let others = inputs.iter().filter(|input| input.name != name);
    let Some(levels) = others.map(|input| level(input, layout)).collect::<Option<Vec<Level>>>() else {
        return Ok(());
    };
    for level in &levels {
        match level.planes {
            1 => normal.levels.push(level.name.clone()),
            n => normal.levels.extend((1..=n).map(|k| format!("{}_{k}", level.name))),
        }
    }
    join(graph, &name, layout, channels, &levels, version);
    Ok(())
}

/// Name, layout and channels of an input that is a picture.
fn picture(input: &ValueInfoProto) -> Option<(String, Layout, i64)> {
    let dims = fixed_dims(input);
    let &[_, a, b, c] = dims.as_slice() else { return None };
    let colours = |d: Option<u64>| d.filter(|d| (1..=4).contains(d)).map(|d| d as i64);
    // A map of levels has one channel, a number is 1 x 1.
    let wide = |d: Option<u64>| d != Some(1);
    match (colours(a), colours(c)) {
        (Some(n), _) if wide(b) && wide(c) && type_of(input) == Some(FLOAT) => {
            Some((input.name.clone(), Layout::Nchw, n))
        }
        (_, Some(n)) if wide(a) && wide(b) && type_of(input) == Some(FLOAT) => {
            Some((input.name.clone(), Layout::Nhwc, n))
        }
        _ => None,
    }
}

fn level(input: &ValueInfoProto, layout: Layout) -> Option<Level> {
    // Single and double precision, 32 and 64 bits.
    let kind = type_of(input).filter(|kind| [1, 6, 7, 11].contains(kind))?;
    let dims = fixed_dims(input);
    let (name, planes) = (input.name.clone(), 1);
    // The first axis may be the batch's.
    let one = |(axis, d): (usize, &Option<u64>)| *d == Some(1) || (axis == 0 && d.is_none());
    if dims.iter().enumerate().all(one) && dims.len() <= 4 {
        return Some(Level { name, kind, planes, number: Some(vec![1; dims.len()]) });
    }
    let &[_, a, _, c] = dims.as_slice() else { return None };
    let planes = if layout == Layout::Nchw { a } else { c }.filter(|n| (1..=MOST).contains(n))?;
    Some(Level { name, kind, planes: planes as i64, number: None })
}

fn join(graph: &mut GraphProto, name: &str, layout: Layout, channels: i64, levels: &[Level], version: i64) {
    let axis = if layout == Layout::Nchw { 1 } else { 3 };
    let inner = free_name(graph, &format!("{name}/picture"));
    reread(graph, name, &inner);
    let mut nodes: Vec<NodeProto> = slice(name, &inner, &[(axis, 0, channels)], version);
    let mut next = channels;
    for level in levels {
        let plane = free_name(graph, &format!("{}/plane", level.name));
        let to = next + level.planes;
        let made = match level.kind {
            FLOAT => level.name.clone(),
            _ => free_name(graph, &format!("{}/number", level.name)),
        };
        match &level.number {
            None => nodes.extend(slice(name, &made, &[(axis, next, to)], version)),
            Some(shape) => {
                let rows = if axis == 1 { [2, 3] } else { [1, 2] };
                let parts = [(0, 0, 1), (axis, next, to), (rows[0], 0, 1), (rows[1], 0, 1)];
                nodes.extend(slice(name, &plane, &parts, version));
                nodes.push(int64s(&format!("{plane}/shape"), shape));
                nodes.push(node("Reshape", &[&plane, &format!("{plane}/shape")], &made, vec![]));
            }
        }
        if level.kind != FLOAT {
            nodes.push(cast(&made, &level.name, level.kind));
        }
        next = to;
    }
    put_first(graph, nodes);
    graph.input.retain(|input| levels.iter().all(|level| level.name != input.name));
    for input in graph.input.iter_mut().filter(|input| input.name == name) {
        if let Some(type_proto::Value::TensorType(t)) = input.r#type.as_mut().and_then(|t| t.value.as_mut())
            && let Some(dim) = t.shape.as_mut().and_then(|s| s.dim.get_mut(axis as usize))
        {
            dim.value = Some(Value::DimValue(next));
        }
    }
}
