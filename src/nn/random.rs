//! Operators that draw random numbers: equal pictures would not give equal results.

use tract_onnx::pb::{GraphProto, NodeProto};

/// Operators that always do.
const ALWAYS: [&str; 6] =
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"];

/// Whether `node`, which stands in `graph` (or in a function), draws random numbers.
pub(super) fn is_random(node: &NodeProto, graph: Option<&GraphProto>) -> bool {
    match node.op_type.as_str() {
        "Dropout" => trains(node, graph),
        op => ALWAYS.contains(&op),
    }
}

/// Whether a dropout is told to drop, or may be.
fn trains(dropout: &NodeProto, graph: Option<&GraphProto>) -> bool {
    let Some(name) = dropout.input.get(2).filter(|name| !name.is_empty()) else { return false };
    let Some(graph) = graph else { return true };
    let made = graph.node.iter().find(|n| n.output.contains(name)).filter(|n| n.op_type == "Constant");
    let constant = made.and_then(|n| n.attribute.iter().find_map(|a| a.t.as_ref()));
    let tensor = graph.initializer.iter().find(|t| t.name == *name).or(constant);
    tensor.is_none_or(|t| t.raw_data.iter().any(|b| *b != 0) || t.int32_data.iter().any(|v| *v != 0))
}
