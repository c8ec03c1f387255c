//! `Upsample` of versions 7 to 9 becomes `Resize` of version 10, which computes the same. The model is then read as one
//! of version 10; of what that changed, `Slice` and `TopK` matter.

use super::normal::Normal;
use super::parts::{int64s, version};
use crate::nn::error::ModelError;
use std::path::Path;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

pub(super) fn apply(model: &mut ModelProto, _: &Path, _: &mut Normal) -> Result<(), ModelError> {
    let version = version(model);
    let Some(graph) = &mut model.graph else { return Ok(()) };
    if version >= 10 || !graph.node.iter().any(|n| n.op_type == "Upsample") {
        return Ok(());
    }
    in_graph(graph);
    for import in model.opset_import.iter_mut().filter(|o| o.domain.is_empty() || o.domain == "ai.onnx") {
        import.version = 10;
    }
    Ok(())
}

fn in_graph(graph: &mut GraphProto) {
    for mut of in std::mem::take(&mut graph.node) {
        for attribute in &mut of.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                in_graph(inner);
            }
        }
        match of.op_type.as_str() {
            "Upsample" => upsample(of, graph),
            "Slice" => slice(of, &mut graph.node),
            "TopK" => top_k(of, &mut graph.node),
            _ => graph.node.push(of),
        }
    }
}

fn take(of: &mut NodeProto, name: &str) -> Option<AttributeProto> {
    let at = of.attribute.iter().position(|a| a.name == name)?;
    Some(of.attribute.remove(at))
}

fn upsample(mut of: NodeProto, graph: &mut GraphProto) {
    of.op_type = "Resize".into();
    // Version 9 has the scales as an input.
    if let Some(scales) = take(&mut of, "scales") {
        let name = format!("{}/scales", of.output.first().map_or("", String::as_str));
        graph.initializer.push(TensorProto {
            name: name.clone(),
            data_type: 1,
            dims: vec![scales.floats.len() as i64],
            raw_data: scales.floats.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        of.input.truncate(1);
        of.input.push(name);
    }
    graph.node.push(of);
}

/// Bounds and axes become inputs.
fn slice(mut of: NodeProto, nodes: &mut Vec<NodeProto>) {
    let base = of.output.first().cloned().unwrap_or_default();
    let lists = ["starts", "ends", "axes"].map(|name| take(&mut of, name).map(|a| (name, a.ints)));
    if of.input.len() == 1 {
        for (name, list) in lists.into_iter().flatten() {
            let input = format!("{base}/{name}");
            nodes.push(int64s(&input, &list));
            of.input.push(input);
        }
    }
    nodes.push(of);
}

/// How many becomes an input.
fn top_k(mut of: NodeProto, nodes: &mut Vec<NodeProto>) {
    if let (Some(k), 1) = (take(&mut of, "k"), of.input.len()) {
        let input = format!("{}/k", of.output.first().map_or("", String::as_str));
        nodes.push(int64s(&input, &[k.i]));
        of.input.push(input);
    }
    nodes.push(of);
}
