//! Pictures of whole numbers (8 or 16 bits) at the ends of a network: the numbers are rounded where they go in and
//! become single precision where they come out, so that all else sees single precision. The type tells the range.

use super::normal::Normal;
use super::parts::{
    FLOAT, UINT8, UINT16, cast, float, free_name, node, put_first, reread, set_type, type_of, version,
};
use crate::nn::error::ModelError;
use crate::nn::proto::{fixed_dims, real_inputs};
use crate::nn::range::Range;
use std::path::Path;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, attribute_proto::AttributeType};

/// Types, their largest number, and their range.
fn range(kind: i32) -> Option<(f32, Range)> {
    match kind {
        UINT8 => Some((255.0, Range::Byte)),
        UINT16 => Some((65535.0, Range::MeanStd { mean: vec![0.0], std: vec![1.0 / 65535.0] })),
        _ => None,
    }
}

pub(super) fn apply(model: &mut ModelProto, _: &Path, normal: &mut Normal) -> Result<(), ModelError> {
    let version = version(model);
    let Some(graph) = &mut model.graph else { return Ok(()) };
    let inputs = real_inputs(graph).into_iter().filter(|input| fixed_dims(input).len() == 4);
    let inputs: Vec<(String, i32)> = inputs.filter_map(|i| Some((i.name.clone(), type_of(i)?))).collect();
    for (name, kind) in inputs {
        if let Some((most, range)) = range(kind) {
            input(graph, &name, kind, most, version);
            normal.in_range = Some(range);
        }
    }
    if normal.in_range.is_none() && !graph.output.iter().any(|o| type_of(o).and_then(range).is_some()) {
        return Ok(());
    }
    for ix in 0..graph.output.len() {
        let (name, kind) = (graph.output[ix].name.clone(), type_of(&graph.output[ix]).unwrap_or(0));
        if let Some((_, range)) = range(kind) {
            output(graph, &name);
            normal.out_range = Some(range);
        }
    }
    normal.notes.push("it takes or gives whole numbers: pictures of more depth are rounded to those".into());
    Ok(())
}

/// Rounds, bounds and converts what goes in.
fn input(graph: &mut GraphProto, name: &str, kind: i32, most: f32, version: i64) {
    let names = ["half", "raised", "whole", "low", "high", "bounded", "numbers"];
    let names = names.map(|part| free_name(graph, &format!("{name}/{part}")));
    let [half, raised, whole, low, high, bounded, numbers] = &names;
    let mut nodes = vec![float(half, 0.5), node("Add", &[name, half], raised, vec![])];
    nodes.push(node("Floor", &[raised], whole, vec![]));
    nodes.extend(clip(whole, bounded, (low, high), most, version));
    nodes.push(cast(bounded, numbers, kind));
    reread(graph, name, numbers);
    put_first(graph, nodes);
    graph.input.iter_mut().filter(|i| i.name == name).for_each(|i| set_type(i, FLOAT));
}

fn clip(from: &str, to: &str, (low, high): (&str, &str), most: f32, version: i64) -> Vec<NodeProto> {
    if version < 11 {
        let bound = |name: &str, f: f32| AttributeProto {
            name: name.into(),
            r#type: AttributeType::Float as i32,
            f,
            ..AttributeProto::default()
        };
        return vec![node("Clip", &[from], to, vec![bound("min", 0.0), bound("max", most)])];
    }
    vec![float(low, 0.0), float(high, most), node("Clip", &[from, low, high], to, vec![])]
}

/// Converts what comes out.
fn output(graph: &mut GraphProto, name: &str) {
    let numbers = free_name(graph, &format!("{name}/numbers"));
    let mut made = false;
    for output in graph.node.iter_mut().flat_map(|n| &mut n.output).filter(|output| *output == name) {
        output.clone_from(&numbers);
        made = true;
    }
    if !made {
        return;
    }
    reread(graph, name, &numbers);
    for output in graph.output.iter_mut().filter(|o| o.name == numbers) {
        output.name = name.into();
        set_type(output, FLOAT);
    }
    graph.node.push(cast(&numbers, name, FLOAT));
}
