//! What a use of an operator is written anew of: nodes, attributes and constants.

use super::operator::{Use, Verdict};
pub(super) use crate::nn::attribute::{int, ints, text};
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, attribute_proto::AttributeType};

/// Nodes in place of one.
pub(super) struct Rewrite<'a> {
    node: &'a NodeProto,
    nodes: Vec<NodeProto>,
    /// The node's first input.
    pub(super) x: String,
}

impl<'a> Rewrite<'a> {
    pub(super) fn of(of: &Use<'a>) -> Rewrite<'a> {
        Rewrite { node: of.node, nodes: Vec::new(), x: of.input(0).unwrap_or_default().to_string() }
    }

    /// A name that no other tensor has: outputs are named once in a graph.
    pub(super) fn name(&self) -> String {
        let output = self.node.output.first().map_or("", String::as_str);
        format!("{output}/conformance.{}", self.nodes.len())
    }

    pub(super) fn push(
        &mut self,
        op: &str,
        inputs: Vec<String>,
        output: String,
        attribute: Vec<AttributeProto>,
    ) {
        let (name, op_type) = (output.clone(), op.to_string());
        let node = NodeProto {
            input: inputs,
            output: vec![output],
            name,
            op_type,
            attribute,
            ..NodeProto::default()
        };
        self.nodes.push(node);
    }

    pub(super) fn node(&mut self, op: &str, inputs: &[&str]) -> String {
        self.with(op, inputs, Vec::new())
    }

    pub(super) fn with(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = self.name();
        self.push(op, inputs.iter().map(ToString::to_string).collect(), output.clone(), attributes);
        output
    }

    pub(super) fn constant(&mut self, tensor: TensorProto) -> String {
        let value = AttributeProto {
            name: "value".into(),
            r#type: AttributeType::Tensor as i32,
            t: Some(tensor),
            ..AttributeProto::default()
        };
        self.with("Constant", &[], vec![value])
    }

    /// A number of the type of the input.
    pub(super) fn like(&mut self, value: f32) -> String {
        let constant = self.constant(floats("", &[value]));
        let x = self.x.clone();
        self.with("CastLike", &[&constant, &x], Vec::new())
    }

    /// Inputs and attributes of a reduction over `axes`, which are an input or an attribute by version.
    pub(super) fn axes(
        &mut self,
        of: &str,
        axes: Option<&[i64]>,
        input: bool,
        keep: i64,
    ) -> (Vec<String>, Vec<AttributeProto>) {
        let mut attributes = vec![int("keepdims", keep)];
        let mut inputs = vec![of.to_string()];
        match axes {
            Some(axes) if input => inputs.push(self.constant(int64s("", axes))),
            Some(axes) => attributes.push(ints("axes", axes)),
            None => {}
        }
        (inputs, attributes)
    }

    pub(super) fn reduce(&mut self, op: &str, of: &str, axes: Option<&[i64]>, version: i64) -> String {
        let input = if op == "ReduceSum" { version >= 13 } else { version >= 18 };
        let (inputs, attributes) = self.axes(of, axes, input, 1);
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.with(op, &inputs, attributes)
    }

    /// The largest values along `axes`, and the tensor less those.
    pub(super) fn less_largest(&mut self, of: &str, axes: Option<&[i64]>, version: i64) -> (String, String) {
        let largest = self.reduce("ReduceMax", of, axes, version);
        let lowered = self.node("Sub", &[of, &largest]);
        (largest, lowered)
    }

    pub(super) fn end(self, op: &str, inputs: &[&str]) -> Verdict {
        let inputs: Vec<String> = inputs.iter().map(ToString::to_string).collect();
        self.end_with(op, &inputs, Vec::new())
    }

    /// The last node, which makes what the replaced one made.
    pub(super) fn end_with(
        mut self,
        op: &str,
        inputs: &[String],
        attributes: Vec<AttributeProto>,
    ) -> Verdict {
        self.push(op, inputs.to_vec(), String::new(), attributes);
        if let Some(last) = self.nodes.last_mut() {
            last.name.clone_from(&self.node.name);
            last.output.clone_from(&self.node.output);
        }
        Verdict::Instead(self.nodes)
    }
}

/// A row of 64-bit numbers.
pub(super) fn int64s(name: &str, values: &[i64]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        data_type: 7,
        dims: vec![values.len() as i64],
        raw_data,
        ..TensorProto::default()
    }
}

/// A row of numbers of single precision; one number stands without an axis.
pub(super) fn floats(name: &str, values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let dims = if values.len() == 1 { vec![] } else { vec![values.len() as i64] };
    TensorProto { name: name.into(), data_type: 1, dims, raw_data, ..TensorProto::default() }
}
