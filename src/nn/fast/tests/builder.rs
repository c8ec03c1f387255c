//! ONNX models from a few lines of text: `name[,name] = Operator input... attribute=value...`.
//!
//! `name = in 2,3,8,8` is an input and `out a b` lists the outputs (the last result otherwise). `N` stands
//! for the batch. Initializers are written where they are read: `w:8,3,3,3` random weights of that shape,
//! `p:8` random numbers around 1, `i:1,-1` whole numbers, `v:0.5,1` floats, `f:6` one float; `_` is left out.

use tract_onnx::pb::{self, AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::*;

/// Random numbers between -1 and 1.
pub(super) fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn list<T: std::str::FromStr>(text: &str) -> Vec<T> {
    let number = |v: &str| v.parse().unwrap_or_else(|_| panic!("{v} in {text}"));
    text.split(',').filter(|v| !v.is_empty()).map(number).collect()
}

/// An initializer, with its weights times `scale`.
fn initializer(token: &str, seed: u64, scale: f32) -> Option<TensorProto> {
    let (kind, text) = token.split_once(':')?;
    let (dims, float_data, int64_data) = match kind {
        "w" => {
            let d: Vec<i64> = list(text);
            let reach = d.iter().skip(1).product::<i64>() as f32;
            let values = noise(d.iter().product::<i64>() as usize, seed);
            let values = values.into_iter().map(|v| v * scale * (3.0 / reach).sqrt()).collect();
            (d, values, vec![])
        }
        "p" => {
            let d: Vec<i64> = list(text);
            let values = noise(d.iter().product::<i64>() as usize, seed);
            (d, values.into_iter().map(|v| 1.0 + v / 2.0).collect(), vec![])
        }
        "i" => {
            let v: Vec<i64> = list(text);
            (vec![v.len() as i64], vec![], v)
        }
        "v" => {
            let v: Vec<f32> = list(text);
            (vec![v.len() as i64], v, vec![])
        }
        "f" => (vec![], list(text), vec![]),
        _ => return None,
    };
    let data_type = if kind == "i" { 7 } else { 1 };
    Some(TensorProto {
        name: format!("{token}#{seed}"),
        dims,
        data_type,
        float_data,
        int64_data,
        ..Default::default()
    })
}

fn attribute(name: &str, value: &str) -> AttributeProto {
    const LISTS: &str = "kernel_shape strides pads dilations output_padding axes perm";
    let mut made = AttributeProto { name: name.into(), ..Default::default() };
    if LISTS.split(' ').any(|l| l == name) {
        (made.r#type, made.ints) = (7, list(value));
    } else if value.parse::<i64>().is_ok() {
        (made.r#type, made.i) = (2, list(value)[0]);
    } else if value.parse::<f32>().is_ok() {
        (made.r#type, made.f) = (1, list(value)[0]);
    } else {
        (made.r#type, made.s) = (3, value.into());
    }
    made
}

/// The simplified model and the sizes of its inputs.
pub(super) fn build(text: &str, batch: usize, scale: f32) -> TractResult<(TypedModel, Vec<Vec<usize>>)> {
    let mut graph = GraphProto::default();
    let mut sizes: Vec<Vec<usize>> = vec![];
    let mut last = String::new();
    let value = |name: &str| {
        let tensor = pb::type_proto::Tensor { elem_type: 1, ..Default::default() };
        let value = Some(pb::type_proto::Value::TensorType(tensor));
        let r#type = Some(pb::TypeProto { value, ..Default::default() });
        ValueInfoProto { name: name.into(), r#type, ..Default::default() }
    };
    for line in text.split(['\n', ';']).map(str::trim).filter(|l| !l.is_empty()) {
        let line = line.replace("N,", &format!("{batch},"));
        let mut tokens = line.split_whitespace();
        let first = tokens.next().unwrap_or_default();
        if first == "out" {
            graph.output = tokens.map(value).collect();
            continue;
        }
        assert_eq!(tokens.next(), Some("="), "{line}");
        let op_type = tokens.next().unwrap_or_default();
        if op_type == "in" {
            sizes.push(list(tokens.next().unwrap_or_default()));
            graph.input.push(value(first));
            continue;
        }
        let output: Vec<String> = first.split(',').map(String::from).collect();
        last.clone_from(&output[0]);
        let mut node = NodeProto { op_type: op_type.into(), output, ..Default::default() };
        for token in tokens {
            if let Some((name, value)) = token.split_once('=') {
                node.attribute.push(attribute(name, value));
            } else if let Some(tensor) = initializer(token, graph.initializer.len() as u64 + 1, scale) {
                node.input.push(tensor.name.clone());
                graph.initializer.push(tensor);
            } else {
                node.input.push(token.trim_matches('_').into());
            }
        }
        graph.node.push(node);
    }
    if graph.output.is_empty() {
        graph.output = vec![value(&last)];
    }
    let opset = pb::OperatorSetIdProto { version: 17, ..Default::default() };
    let model =
        ModelProto { graph: Some(graph), opset_import: vec![opset], ir_version: 8, ..Default::default() };
    let mut model = tract_onnx::onnx().with_ignore_value_info(true).parse(&model, None)?.model;
    for (i, dims) in sizes.iter().enumerate() {
        model.set_input_fact(i, f32::fact(dims).into())?;
    }
    Ok((model.into_typed()?.into_decluttered()?, sizes))
}
