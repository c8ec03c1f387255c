//! Small ONNX files, built by hand.

use prost::Message;
pub use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use tract_onnx::pb::{
    OperatorSetIdProto, StringStringEntryProto, TensorShapeProto, TypeProto, tensor_shape_proto, type_proto,
};

/// An attribute with a number, numbers, a float or a text.
pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 2, i, ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 7, ints: ints.to_vec(), ..AttributeProto::default() }
}

pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 1, f, ..AttributeProto::default() }
}

pub fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 3, s: text.into(), ..AttributeProto::default() }
}

pub fn graph(name: &str, g: GraphProto) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 5, g: Some(g), ..AttributeProto::default() }
}

pub fn held(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 4, t: Some(t), ..AttributeProto::default() }
}

pub fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        attribute,
        ..NodeProto::default()
    }
}

/// Weights, or other constants.
pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto { name: name.into(), data_type: 1, dims: dims.to_vec(), raw_data, ..TensorProto::default() }
}

pub fn longs(name: &str, values: &[i64]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let dims = vec![values.len() as i64];
    TensorProto { name: name.into(), data_type: 7, dims, raw_data, ..TensorProto::default() }
}

/// A single number, without axes.
pub fn long(name: &str, value: i64) -> TensorProto {
    TensorProto { dims: vec![], ..longs(name, &[value]) }
}

/// A kernel of this shape whose weights are small and differ.
pub fn kernel(name: &str, dims: &[i64]) -> TensorProto {
    let count = dims.iter().product::<i64>().max(0);
    let values: Vec<f32> = (0..count).map(|i| ((i * 37 % 23) as f32 - 11.0) / 100.0).collect();
    floats(name, dims, &values)
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let dim = |d: &i64| {
        let value = if *d == 0 { Value::DimParam("n".into()) } else { Value::DimValue(*d) };
        Dimension { value: Some(value), ..Dimension::default() }
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = type_proto::Tensor { elem_type: 1, shape };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(kind), ..ValueInfoProto::default() }
}

/// A graph from `x` to `y`; sizes of 0 are left open.
pub fn net(input: &[i64], node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> GraphProto {
    GraphProto {
        name: "g".into(),
        node,
        initializer,
        input: vec![value("x", input)],
        output: vec![value("y", &[])],
        ..GraphProto::default()
    }
}

/// A file with this graph and these metadata.
pub fn file(graph: GraphProto, metadata: &[(&str, &str)]) -> Vec<u8> {
    let entry =
        |(key, value): &(&str, &str)| StringStringEntryProto { key: (*key).into(), value: (*value).into() };
    let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![opset],
        graph: Some(graph),
        metadata_props: metadata.iter().map(entry).collect(),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}
