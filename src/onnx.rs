//! ONNX graphs under construction: nodes, weights and declared sizes as the file format spells them.

use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto::Dimension, tensor_shape_proto::dimension, type_proto,
};

/// Version of the file format: that of ONNX 1.10, which every reader of the operators knows.
const IR_VERSION: i64 = 8;
/// Version of the operators.
const OPSET: i64 = 17;

/// An attribute's value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A whole number.
    Int(usize),
    /// Whole numbers.
    Ints(Vec<usize>),
    /// A number of single precision.
    Float(f32),
    /// A word.
    Text(&'static str),
}

/// One side of a tensor.
#[derive(Clone, Debug)]
pub(crate) enum Dim {
    /// Fixed.
    Number(usize),
    /// Open, with the name that stands for it.
    Name(String),
}

/// A graph being written.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
}

impl Graph {
    /// Adds an operator that makes tensor `output`.
    pub(crate) fn node(&mut self, kind: &str, inputs: &[&str], output: &str, attributes: &[(&str, Value)]) {
        self.nodes.push(NodeProto {
            op_type: kind.into(),
            name: format!("{kind}_{output}"),
            input: inputs.iter().map(|i| (*i).to_owned()).collect(),
            output: vec![output.into()],
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
            ..Default::default()
        });
    }

    /// Adds weights; their name.
    pub(crate) fn floats(
        &mut self,
        name: String,
        dims: &[usize],
        values: impl IntoIterator<Item = f32>,
    ) -> String {
        let mut raw = Vec::with_capacity(4 * dims.iter().product::<usize>());
        values.into_iter().for_each(|value| raw.extend_from_slice(&value.to_le_bytes()));
        debug_assert_eq!(raw.len(), 4 * dims.iter().product::<usize>(), "{name}");
        self.constant(name, DataType::Float, dims, raw)
    }

    /// Adds weights in half precision, and what makes them single; the name of those.
    pub(crate) fn halves(
        &mut self,
        name: String,
        dims: &[usize],
        values: impl IntoIterator<Item = f32>,
    ) -> String {
        let raw = values.into_iter().flat_map(|value| half::f16::from_f32(value).to_le_bytes()).collect();
        let half = self.constant(name, DataType::Float16, dims, raw);
        let single = format!("{half}_single");
        self.node("Cast", &[&half], &single, &[("to", Value::Int(DataType::Float as usize))]);
        single
    }

    /// Adds the shape that a `Reshape` makes tensor `of` in; its name. 0 keeps a side as it is.
    pub(crate) fn shape(&mut self, of: &str, dims: &[usize]) -> String {
        let dims: Vec<i64> = dims.iter().map(|d| *d as i64).collect();
        self.ints(format!("{of}_shape"), &dims)
    }

    /// Adds a row of whole numbers; its name.
    pub(crate) fn ints(&mut self, name: String, values: &[i64]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, DataType::Int64, &[values.len()], raw)
    }

    fn constant(&mut self, name: String, kind: DataType, dims: &[usize], raw_data: Vec<u8>) -> String {
        let dims = dims.iter().map(|d| *d as i64).collect();
        let data_type = kind as i32;
        self.weights.push(TensorProto {
            name: name.clone(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
        name
    }

    /// Gives tensor `from` the name `to`.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let names = self.nodes.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output));
        names.filter(|name| *name == from).for_each(|name| *name = to.into());
    }

    /// The model of this graph, with `facts` as its metadata.
    pub(crate) fn model(
        self,
        name: &str,
        inputs: &[(String, Vec<Dim>)],
        outputs: &[(String, Vec<Dim>)],
        facts: &[(String, String)],
    ) -> ModelProto {
        let declared = |tensors: &[(String, Vec<Dim>)]| {
            tensors.iter().map(|(name, dims)| declared(name, dims)).collect()
        };
        let graph = GraphProto {
            name: name.into(),
            node: self.nodes,
            initializer: self.weights,
            input: declared(inputs),
            output: declared(outputs),
            ..Default::default()
        };
        let entry = |(key, value): &(String, String)| StringStringEntryProto {
            key: key.clone(),
            value: value.clone(),
        };
        ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            producer_name: env!("CARGO_PKG_NAME").into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            metadata_props: facts.iter().map(entry).collect(),
            ..Default::default()
        }
    }
}

/// The file's bytes.
pub(crate) fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

fn attribute(name: &str, value: &Value) -> AttributeProto {
    let mut made = AttributeProto { name: name.into(), ..Default::default() };
    let kind = match value {
        Value::Int(v) => {
            made.i = *v as i64;
            AttributeType::Int
        }
        Value::Ints(v) => {
            made.ints = v.iter().map(|v| *v as i64).collect();
            AttributeType::Ints
        }
        Value::Float(v) => {
            made.f = *v;
            AttributeType::Float
        }
        Value::Text(v) => {
            made.s = v.as_bytes().to_vec();
            AttributeType::String
        }
    };
    made.r#type = kind as i32;
    made
}

/// A tensor of floats as inputs and outputs are declared.
fn declared(name: &str, dims: &[Dim]) -> ValueInfoProto {
    let side = |dim: &Dim| Dimension {
        value: Some(match dim {
            Dim::Number(n) => dimension::Value::DimValue(*n as i64),
            Dim::Name(name) => dimension::Value::DimParam(name.clone()),
        }),
        ..Default::default()
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(side).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}
