//! Half precision (float16 and bfloat16) becomes single precision throughout; so does double precision in networks
//! whose picture is of that. Single precision holds every number of half precision, and computing in it is the more
//! exact.

use super::normal::Normal;
use super::parts::{BFLOAT16, DOUBLE, FLOAT, FLOAT16, each_graph, set_type, type_of};
use crate::nn::error::ModelError;
use crate::nn::proto::{self, real_inputs};
use half::{bf16, f16};
use std::path::Path;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, TensorProto, attribute_proto::AttributeType};

pub(super) fn apply(model: &mut ModelProto, path: &Path, _: &mut Normal) -> Result<(), ModelError> {
    let Some(graph) = &mut model.graph else { return Ok(()) };
    let double = real_inputs(graph).iter().any(|input| type_of(input) == Some(DOUBLE));
    let converts = |kind: i32| kind == FLOAT16 || kind == BFLOAT16 || (double && kind == DOUBLE);
    let mut failed = None;
    each_graph(graph, &mut |graph| {
        if let Err(error) = in_graph(graph, path, &converts) {
            failed.get_or_insert(error);
        }
    });
    failed.map_or(Ok(()), Err)
}

fn in_graph(graph: &mut GraphProto, path: &Path, converts: &dyn Fn(i32) -> bool) -> Result<(), ModelError> {
    for info in graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info) {
        if type_of(info).is_some_and(converts) {
            set_type(info, FLOAT);
        }
    }
    for tensor in &mut graph.initializer {
        single(tensor, path, converts)?;
    }
    for attribute in graph.node.iter_mut().flat_map(|n| &mut n.attribute) {
        for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
            single(tensor, path, converts)?;
        }
        if names_type(attribute) && i32::try_from(attribute.i).is_ok_and(converts) {
            attribute.i = i64::from(FLOAT);
        }
    }
    Ok(())
}

/// Whether an attribute holds a type.
fn names_type(attribute: &AttributeProto) -> bool {
    let typed = attribute.r#type == AttributeType::Int as i32 || attribute.r#type == 0;
    typed
        && ["to", "dtype", "output_dtype", "stash_type", "softmax_precision"]
            .contains(&attribute.name.as_str())
}

fn single(tensor: &mut TensorProto, path: &Path, converts: &dyn Fn(i32) -> bool) -> Result<(), ModelError> {
    let kind = tensor.data_type;
    if !converts(kind) {
        return Ok(());
    }
    if proto::is_external(tensor) {
        tensor.raw_data = proto::stored(tensor, path)?;
        tensor.external_data.clear();
        tensor.data_location = None;
    }
    let raw = &tensor.raw_data;
    let values: Vec<f32> = match kind {
        DOUBLE if raw.is_empty() => tensor.double_data.iter().map(|v| *v as f32).collect(),
        DOUBLE => raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        _ => {
            let value = |bits: u16| match kind {
                FLOAT16 => f16::from_bits(bits).to_f32(),
                _ => bf16::from_bits(bits).to_f32(),
            };
            match raw.is_empty() {
                true => tensor.int32_data.iter().map(|bits| value(*bits as u16)).collect(),
                false => raw.as_chunks().0.iter().map(|b| value(u16::from_le_bytes(*b))).collect(),
            }
        }
    };
    tensor.data_type = FLOAT;
    tensor.raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    tensor.int32_data.clear();
    tensor.double_data.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_values() {
        for (kind, bits, value) in [
            (FLOAT16, 0x3c00, 1.0),
            (FLOAT16, 0xc000, -2.0),
            (FLOAT16, 0x0001, 5.960_464_5e-8),
            (BFLOAT16, 0xc040, -3.0),
        ] {
            let mut tensor = TensorProto {
                data_type: kind,
                dims: vec![1],
                int32_data: vec![bits],
                ..TensorProto::default()
            };
            single(&mut tensor, Path::new("m.onnx"), &|k| k == kind).expect("converted");
            assert_eq!((tensor.data_type, tensor.raw_data), (FLOAT, f32::to_le_bytes(value).to_vec()));
        }
    }
}
