//! Parts of graphs, as rewrites put them in.

use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, attribute_proto::AttributeType,
    type_proto,
};

pub(super) use crate::nn::attribute::{int, ints, text};
pub(super) use crate::nn::proto::version;

/// ONNX's numbers of types.
pub(super) const FLOAT: i32 = 1;
pub(super) const UINT8: i32 = 2;
pub(super) const UINT16: i32 = 4;
pub(super) const INT32: i32 = 6;
pub(super) const INT64: i32 = 7;
pub(super) const FLOAT16: i32 = 10;
pub(super) const DOUBLE: i32 = 11;
pub(super) const BFLOAT16: i32 = 16;

pub(super) fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        // Not the output's own name, which the node that it stands in for may have.
        name: format!("{output}/normal"),
        op_type: op.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute,
        ..NodeProto::default()
    }
}

pub(super) fn cast(input: &str, output: &str, to: i32) -> NodeProto {
    node("Cast", &[input], output, vec![int("to", i64::from(to))])
}

/// A node that holds 64-bit numbers.
pub(super) fn int64s(output: &str, values: &[i64]) -> NodeProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let dims = vec![values.len() as i64];
    constant(output, TensorProto { data_type: INT64, dims, raw_data, ..TensorProto::default() })
}

/// A node that holds one number.
pub(super) fn float(output: &str, value: f32) -> NodeProto {
    let raw_data = value.to_le_bytes().to_vec();
    constant(output, TensorProto { data_type: FLOAT, raw_data, ..TensorProto::default() })
}

fn constant(output: &str, tensor: TensorProto) -> NodeProto {
    let r#type = AttributeType::Tensor as i32;
    let value = AttributeProto { name: "value".into(), r#type, t: Some(tensor), ..AttributeProto::default() };
    node("Constant", &[], output, vec![value])
}

/// A part of a tensor: `from..to` along each of some axes.
pub(super) fn slice(input: &str, output: &str, parts: &[(i64, i64, i64)], version: i64) -> Vec<NodeProto> {
    let column = |pick: fn(&(i64, i64, i64)) -> i64| parts.iter().map(pick).collect::<Vec<_>>();
    let lists = [("axes", column(|p| p.0)), ("starts", column(|p| p.1)), ("ends", column(|p| p.2))];
    if version < 10 {
        let attributes = lists.iter().map(|(name, list)| ints(name, list)).collect();
        return vec![node("Slice", &[input], output, attributes)];
    }
    let names = lists.each_ref().map(|(name, _)| format!("{output}/{name}"));
    let mut nodes: Vec<NodeProto> =
        lists.iter().zip(&names).map(|((_, list), name)| int64s(name, list)).collect();
    let [axes, starts, ends] = &names;
    nodes.push(node("Slice", &[input, starts, ends, axes], output, vec![]));
    nodes
}

/// A number's type, where a value is a tensor.
pub(super) fn type_of(info: &ValueInfoProto) -> Option<i32> {
    let type_proto::Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.elem_type)
}

pub(super) fn set_type(info: &mut ValueInfoProto, to: i32) {
    if let Some(type_proto::Value::TensorType(tensor)) =
        info.r#type.as_mut().and_then(|kind| kind.value.as_mut())
    {
        tensor.elem_type = to;
    }
}

/// A name that no tensor of the graph has yet.
pub(super) fn free_name(graph: &GraphProto, wanted: &str) -> String {
    let taken = |name: &str| {
        let made = graph.node.iter().flat_map(|n| &n.output).any(|o| o == name);
        made || graph.input.iter().any(|i| i.name == name) || graph.initializer.iter().any(|t| t.name == name)
    };
    let mut name = wanted.to_string();
    while taken(&name) {
        name.push('\'');
    }
    name
}

/// Has all that read tensor `from` read `to`, graphs within operators too.
pub(super) fn reread(graph: &mut GraphProto, from: &str, to: &str) {
    for node in &mut graph.node {
        node.input.iter_mut().filter(|name| *name == from).for_each(|name| *name = to.into());
        for attribute in &mut node.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                reread(inner, from, to);
            }
        }
    }
    graph.output.iter_mut().filter(|o| o.name == from).for_each(|o| o.name = to.into());
}

/// Puts nodes in front of all others.
pub(super) fn put_first(graph: &mut GraphProto, nodes: Vec<NodeProto>) {
    graph.node.splice(0..0, nodes);
}

/// Calls `change` for every graph, those within operators too.
pub(super) fn each_graph(graph: &mut GraphProto, change: &mut dyn FnMut(&mut GraphProto)) {
    change(graph);
    for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute) {
        for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            each_graph(inner, change);
        }
    }
}
