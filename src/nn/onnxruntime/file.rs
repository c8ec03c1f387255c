//! A model as onnxruntime is given it: one message with all weights in it, and with one output, of single precision.

use crate::nn::error::ModelError;
use crate::nn::proto;
use crate::store::look;
use prost::Message;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
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
            let what = format!("its weights have {} MiB; onnxruntime takes 2047 MiB from memory", bytes >> 20);
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
    let Some(type_proto::Value::TensorType(kind)) = info.r#type.as_mut().and_then(|t| t.value.as_mut()) else {
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
    if tensor.data_location != Some(DataLocation::External as i32) {
        return Ok(());
    }
    let bad = |reason: String| ModelError::ExternalData {
        path: path.to_path_buf(),
        tensor: tensor.name.clone(),
        reason,
    };
    let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let number = |key: &str| entry(key).map(|text| text.parse::<u64>().map_err(|_| bad(format!("its {key} is no number"))));
    let location = entry("location").ok_or_else(|| bad("no location is given".into()))?;
    let (offset, length) = (number("offset").transpose()?.unwrap_or(0), number("length").transpose()?);
    let io = |e: std::io::Error| bad(format!("{location:?}: {e}"));
    let folder = look::real_of(proto::folder_of(path)).map_err(io)?;
    let file = look::real_of(&folder.join(location)).map_err(io)?;
    if !file.starts_with(&folder) {
        return Err(bad(format!("{location:?} leaves the model's folder")));
    }
    let mut file = std::fs::File::open(file).map_err(io)?;
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(length.unwrap_or(u64::MAX)).read_to_end(&mut bytes).map_err(io)?;
    if length.is_some_and(|length| bytes.len() as u64 != length) {
        return Err(bad(format!("{location:?} is cut off")));
    }
    tensor.raw_data = bytes;
    tensor.external_data.clear();
    tensor.data_location = None;
    Ok(())
}
