//! A model as onnxruntime is given it: one message with all weights in it, and with one output, of single precision.

use crate::nn::error::ModelError;
use crate::nn::proto;
use prost::Message;
use std::path::Path;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value};
use tract_onnx::pb::type_proto::{self, Tensor};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto,
};

/// The one output's name.
pub(super) const OUTPUT: &str = "safelight.result";
/// The most that a message of protocol buffers may have.
const LONGEST: usize = i32::MAX as usize;

/// A model without its outputs.
pub(super) struct Parts {
    message: Vec<u8>,
}

impl Parts {
    /// Takes the file at `path` apart, its weights in other files read in. Of a batch that it fixes nothing is left.
    pub(super) fn new(model: &ModelProto, path: &Path) -> Result<Parts, ModelError> {
        let mut model = model.clone();
        if let Some(graph) = &mut model.graph {
            graph.output.clear();
            let input = proto::real_inputs(graph).first().map(|input| input.name.clone());
            free_batch(graph, input.as_deref());
            inline(graph, path)?;
        }
        let bytes = model.encoded_len();
        if bytes > LONGEST {
            let what =
                format!("its weights have {} MiB; onnxruntime takes 2047 MiB from memory", bytes >> 20);
            return Err(ModelError::TooLarge { path: path.to_path_buf(), what });
        }
        Ok(Parts { message: model.encode_to_vec() })
    }

    /// The model whose output is tensor `name` as floats. Messages that follow one another are one: lists go on.
    pub(super) fn ending_in(&self, name: &str) -> Vec<u8> {
        let to = AttributeProto {
            name: "to".into(),
            r#type: 2,
            i: DataType::Float as i64,
            ..AttributeProto::default()
        };
        let cast = NodeProto {
            name: OUTPUT.into(),
            op_type: "Cast".into(),
            input: vec![name.into()],
            output: vec![OUTPUT.into()],
            attribute: vec![to],
            ..NodeProto::default()
        };
        let kind = Tensor { elem_type: DataType::Float as i32, shape: None };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(kind)), ..TypeProto::default() };
        let output = ValueInfoProto { name: OUTPUT.into(), r#type: Some(kind), ..ValueInfoProto::default() };
        let graph = GraphProto { node: vec![cast], output: vec![output], ..GraphProto::default() };
        let rest = ModelProto { graph: Some(graph), ..ModelProto::default() };
        let mut bytes = Vec::with_capacity(self.message.len() + rest.encoded_len());
        bytes.extend_from_slice(&self.message);
        bytes.extend(rest.encode_to_vec());
        bytes
    }
}

/// Pictures are run one at a time, whatever batch the file was exported with.
fn free_batch(graph: &mut GraphProto, input: Option<&str>) {
    let Some(info) = graph.input.iter_mut().find(|info| Some(info.name.as_str()) == input) else { return };
    let Some(type_proto::Value::TensorType(kind)) = info.r#type.as_mut().and_then(|t| t.value.as_mut())
    else {
        return;
    };
    let batch = kind.shape.as_mut().and_then(|shape| shape.dim.first_mut());
    if let Some(batch) = batch.filter(|dim| matches!(dim.value, Some(Value::DimValue(n)) if n > 1)) {
        *batch = Dimension { value: Some(Value::DimParam("safelight_batch".into())), ..Dimension::default() };
        // What is declared inside may tell of the former batch.
        graph.value_info.clear();
    }
}

/// Reads in weights that lie in other files, which passed the checks.
fn inline(graph: &mut GraphProto, path: &Path) -> Result<(), ModelError> {
    for tensor in &mut graph.initializer {
        read_in(tensor, path)?;
    }
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
            read_in(tensor, path)?;
        }
        for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
            inline(inner, path)?;
        }
    }
    Ok(())
}

fn read_in(tensor: &mut TensorProto, path: &Path) -> Result<(), ModelError> {
    if !proto::is_external(tensor) {
        return Ok(());
    }
    tensor.raw_data = proto::stored(tensor, path)?;
    tensor.external_data.clear();
    tensor.data_location = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::tensor_proto::DataLocation;
    use tract_onnx::pb::{StringStringEntryProto, TensorShapeProto};

    fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
        let dim = dims.iter().map(|n| Dimension { value: Some(Value::DimValue(*n)), ..Dimension::default() });
        let shape = Some(TensorShapeProto { dim: dim.collect() });
        let kind = Tensor { elem_type: DataType::Float as i32, shape };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(kind)), ..TypeProto::default() };
        ValueInfoProto { name: name.into(), r#type: Some(kind), ..ValueInfoProto::default() }
    }

    fn model(initializer: Vec<TensorProto>) -> ModelProto {
        let node = |input: &str, output: &str| NodeProto {
            op_type: "Relu".into(),
            input: vec![input.into()],
            output: vec![output.into()],
            ..NodeProto::default()
        };
        let graph = GraphProto {
            node: vec![node("x", "inside"), node("inside", "y")],
            input: vec![value("x", &[4, 3, 8, 8])],
            output: vec![value("y", &[4, 3, 8, 8]), value("z", &[1])],
            value_info: vec![value("inside", &[4, 3, 8, 8])],
            initializer,
            ..GraphProto::default()
        };
        ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn a_message_and_its_rest_are_one_model() {
        let parts = Parts::new(&model(vec![]), Path::new("m.onnx")).expect("taken apart");
        let read = ModelProto::decode(parts.ending_in("inside").as_slice()).expect("one message");
        let graph = read.graph.expect("a graph");
        assert_eq!((read.ir_version, graph.node.len(), graph.input.len()), (8, 3, 1));
        assert_eq!((graph.node[2].op_type.as_str(), graph.node[2].input[0].as_str()), ("Cast", "inside"));
        let outputs: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(outputs, [OUTPUT]);
        // No batch is fixed any more, and nothing inside tells of it.
        assert_eq!(proto::fixed_dims(&graph.input[0]), [None, Some(3), Some(8), Some(8)]);
        assert!(graph.value_info.is_empty());
    }

    #[test]
    fn weights_in_other_files_are_read_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.onnx");
        std::fs::write(folder.path().join("w.bin"), [0, 0, 0, 0, 1, 2, 3, 4]).expect("written");
        let entry = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
        let stored = |entries: &[(&str, &str)]| TensorProto {
            name: "w".into(),
            dims: vec![1],
            data_type: 1,
            data_location: Some(DataLocation::External as i32),
            external_data: entries.iter().map(|(key, value)| entry(key, value)).collect(),
            ..TensorProto::default()
        };
        let sound = [("location", "w.bin"), ("offset", "4"), ("length", "4")];
        let parts = Parts::new(&model(vec![stored(&sound)]), &path).expect("read in");
        let read = ModelProto::decode(parts.ending_in("y").as_slice()).expect("one message");
        let tensor = &read.graph.expect("a graph").initializer[0];
        assert_eq!((tensor.raw_data.as_slice(), tensor.data_location), ([1, 2, 3, 4].as_slice(), None));
        for wrong in [
            [("location", "w.bin"), ("offset", "6"), ("length", "4")],
            [("location", "../w.bin"), ("offset", "0"), ("length", "4")],
        ] {
            assert!(matches!(
                Parts::new(&model(vec![stored(&wrong)]), &path),
                Err(ModelError::ExternalData { .. })
            ));
        }
    }
}
