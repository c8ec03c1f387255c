//! Half precision (float16 and bfloat16) becomes single precision throughout; so does double precision in networks
//! whose picture is of that. Single precision holds every number of half precision, and computing in it is the more
//! exact.

use super::normal::Normal;
use super::parts::{BFLOAT16, DOUBLE, FLOAT, FLOAT16, each_graph, set_type, type_of};
use crate::nn::error::ModelError;
use crate::nn::proto::{self, real_inputs};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, TensorProto, attribute_proto::AttributeType};

/// `TensorProto.data_location` of weights in another file.
const EXTERNAL: i32 = 1;

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
    if tensor.data_location == Some(EXTERNAL) {
        tensor.raw_data = stored(tensor, path)?;
        tensor.external_data.clear();
        tensor.data_location = None;
    }
    let raw = &tensor.raw_data;
    let values: Vec<f32> = match kind {
        DOUBLE if raw.is_empty() => tensor.double_data.iter().map(|v| *v as f32).collect(),
        DOUBLE => raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        _ => {
            let value = if kind == FLOAT16 { of_half } else { of_brain };
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

/// The bytes of weights in another file, whose place has been checked.
fn stored(tensor: &TensorProto, path: &Path) -> Result<Vec<u8>, ModelError> {
    let bad = |reason: String| ModelError::ExternalData {
        path: path.to_path_buf(),
        tensor: tensor.name.clone(),
        reason,
    };
    let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = entry("location").unwrap_or_default();
    let number = |key: &str| entry(key).and_then(|text| text.parse::<u64>().ok());
    let item = if tensor.data_type == DOUBLE { 8 } else { 2 };
    let count = tensor.dims.iter().fold(item, |n: u64, d| n.saturating_mul(d.unsigned_abs()));
    let failed = |e: std::io::Error| bad(format!("{location:?}: {e}"));
    let mut file = std::fs::File::open(proto::folder_of(path).join(location)).map_err(failed)?;
    file.seek(SeekFrom::Start(number("offset").unwrap_or(0))).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 != count {
        return Err(bad(format!("{location:?} ends before its {count} bytes")));
    }
    Ok(bytes)
}

/// A number of half precision by its bits.
fn of_half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

/// A number of bfloat16 by its bits.
fn of_brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_values() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
        ];
        for (bits, value) in cases {
            assert_eq!(of_half(bits), value, "{bits:x}");
        }
        assert!(of_half(0x7c00) == f32::INFINITY && of_half(0x7c01).is_nan() && of_half(0x8000) == 0.0);
        assert_eq!((of_brain(0x3f80), of_brain(0xc040)), (1.0, -3.0));
    }
}
