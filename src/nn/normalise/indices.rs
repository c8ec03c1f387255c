//! Negative indices of `GatherND` and `ScatterND` count from the end; tract knows only those from the front. Constant
//! ones that are none stay; all others get the length of their axis added and the remainder taken.

use super::normal::Normal;
use super::parts::{INT32, INT64, cast, int, int64s, node, version};
use crate::nn::error::ModelError;
use std::collections::HashMap;
use std::path::Path;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

pub(super) fn apply(model: &mut ModelProto, _: &Path, _: &mut Normal) -> Result<(), ModelError> {
    let version = version(model);
    if let Some(graph) = &mut model.graph {
        in_graph(graph, version, &HashMap::new());
    }
    Ok(())
}

/// What is known of the sign of constant indices, by name: whether one is negative.
type Signs = HashMap<String, bool>;

fn in_graph(graph: &mut GraphProto, version: i64, outer: &Signs) {
    let mut signs = outer.clone();
    signs.extend(graph.initializer.iter().filter_map(|t| Some((t.name.clone(), negative(t)?))));
    for node in graph.node.iter().filter(|n| n.op_type == "Constant") {
        let tensor = node.attribute.iter().find_map(|a| a.t.as_ref()).and_then(negative);
        signs.extend(node.output.first().cloned().zip(tensor));
    }
    for mut of in std::mem::take(&mut graph.node) {
        for attribute in &mut of.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                in_graph(inner, version, &signs);
            }
        }
        let counts = of.op_type == "GatherND" || of.op_type == "ScatterND";
        if counts && of.input.get(1).is_some_and(|name| signs.get(name) != Some(&false)) {
            from_front(&mut of, version, &mut graph.node);
        }
        graph.node.push(of);
    }
}

fn negative(tensor: &TensorProto) -> Option<bool> {
    if tensor.data_type != INT64 || tensor.data_location == Some(1) {
        return None;
    }
    let raw = tensor.raw_data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b));
    Some(raw.chain(tensor.int64_data.iter().copied()).any(|v| v < 0))
}

/// Has `of` read indices that count from the front. The last axis of the indices has one number for each axis of
/// the data that they choose from.
fn from_front(of: &mut NodeProto, version: i64, nodes: &mut Vec<NodeProto>) {
    // Slices with inputs, and 32-bit arithmetic on them.
    if version < 11 {
        return;
    }
    let base = of.output.first().cloned().unwrap_or_default();
    let batch = of.attribute.iter().find(|a| a.name == "batch_dims").map_or(0, |a| a.i);
    let [Some(data), Some(indices)] = [0, 1].map(|slot| of.input.get(slot).cloned()) else { return };
    let name = |part: &str| format!("{base}/front.{part}");
    let (zero, last, end) = (name("zero"), name("last"), name("end"));
    nodes.extend([int64s(&zero, &[batch]), int64s(&last, &[-1]), int64s(&end, &[i64::MAX])]);
    nodes.push(node("Shape", &[&indices], &name("form"), vec![]));
    nodes.push(node("Slice", &[&name("form"), &last, &end], &name("count"), vec![]));
    nodes.push(node("Add", &[&name("count"), &zero], &name("until"), vec![]));
    nodes.push(node("Shape", &[&data], &name("sides"), vec![]));
    nodes.push(node("Slice", &[&name("sides"), &zero, &name("until")], &name("long"), vec![]));
    nodes.push(cast(&name("long"), &name("lengths"), INT32));
    nodes.push(cast(&indices, &name("short"), INT32));
    nodes.push(node("Add", &[&name("short"), &name("lengths")], &name("raised"), vec![]));
    nodes.push(node("Mod", &[&name("raised"), &name("lengths")], &name("rest"), vec![int("fmod", 0)]));
    nodes.push(cast(&name("rest"), &name("indices"), INT64));
    of.input[1] = name("indices");
}
