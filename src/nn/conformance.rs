//! Operators that tract computes otherwise than ONNX specifies, or whose attributes it leaves out: each use is
//! written anew in operators that it computes right, or refused by name when the file is opened.
//!
//! A new finding is a line in [`RULES`] and a function in `rules` or `anew`; a checked attribute is a word in
//! [`ATTRIBUTES`]. `make test-peers` compares every operator with onnxruntime and ONNX's reference
//! (`tests/python/operator_agreement.py`) and fails where neither this file nor an error stands before a
//! difference.

mod anew;
mod operator;
mod parts;
mod rules;

use super::proto::STANDARD;
use operator::{Constant, SMALL, Use, Verdict};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, TensorProto};

/// Looks at each use of an operator.
struct Rule {
    op: &'static str,
    judge: fn(&Use<'_>) -> Verdict,
}

static RULES: &[Rule] = &[
    Rule { op: "AveragePool", judge: rules::pool },
    Rule { op: "BatchNormalization", judge: rules::batch_normalization },
    Rule { op: "Celu", judge: anew::celu },
    Rule { op: "ConvTranspose", judge: anew::conv_transpose },
    Rule { op: "DFT", judge: rules::dft },
    Rule { op: "Einsum", judge: rules::einsum },
    Rule { op: "GRU", judge: rules::recurrent },
    Rule { op: "GlobalLpPool", judge: rules::global_lp_pool },
    Rule { op: "GridSample", judge: rules::grid_sample },
    Rule { op: "LRN", judge: rules::lrn },
    Rule { op: "LSTM", judge: rules::recurrent },
    Rule { op: "LogSoftmax", judge: anew::log_softmax },
    Rule { op: "MaxPool", judge: rules::pool },
    Rule { op: "Mod", judge: anew::modulo },
    Rule { op: "Pad", judge: rules::pad },
    Rule { op: "RNN", judge: rules::recurrent },
    Rule { op: "ReduceLogSumExp", judge: anew::reduce_log_sum_exp },
    Rule { op: "Resize", judge: anew::resize },
    Rule { op: "Softplus", judge: anew::softplus },
    Rule { op: "Split", judge: rules::split },
    Rule { op: "Swish", judge: anew::swish },
];

/// The attributes that are honoured, or make no difference; operators that are not named here are not held to it.
/// An attribute beyond is one that a later version of ONNX has added.
static ATTRIBUTES: &[(&str, &str)] = &[
    ("ArgMax", "axis keepdims select_last_index"),
    ("ArgMin", "axis keepdims select_last_index"),
    ("AveragePool", "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides"),
    ("BatchNormalization", "epsilon momentum spatial training_mode"),
    ("Cast", "saturate to"),
    ("Celu", "alpha"),
    ("Clip", "max min"),
    ("Concat", "axis"),
    ("Conv", "auto_pad dilations group kernel_shape pads strides"),
    ("ConvInteger", "auto_pad dilations group kernel_shape pads strides"),
    ("ConvTranspose", "auto_pad dilations group kernel_shape output_padding output_shape pads strides"),
    ("CumSum", "exclusive reverse"),
    ("DepthToSpace", "blocksize mode"),
    ("DequantizeLinear", "axis block_size"),
    ("Einsum", "equation"),
    ("Elu", "alpha"),
    ("Flatten", "axis"),
    ("Gather", "axis"),
    ("GatherElements", "axis"),
    ("GatherND", "batch_dims"),
    ("Gelu", "approximate"),
    ("Gemm", "alpha beta transA transB"),
    ("GlobalLpPool", "p"),
    ("GridSample", "align_corners mode padding_mode"),
    ("GroupNormalization", "epsilon num_groups stash_type"),
    ("HardSigmoid", "alpha beta"),
    ("Hardmax", "axis"),
    ("InstanceNormalization", "epsilon"),
    ("LRN", "alpha beta bias size"),
    ("LayerNormalization", "axis epsilon stash_type"),
    ("LeakyRelu", "alpha"),
    ("LogSoftmax", "axis"),
    ("LpNormalization", "axis p"),
    ("MaxPool", "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"),
    ("MeanVarianceNormalization", "axes"),
    ("Mod", "fmod"),
    ("OneHot", "axis"),
    ("Pad", "mode pads value"),
    ("QLinearConv", "auto_pad dilations group kernel_shape pads strides"),
    ("QuantizeLinear", "axis block_size saturate"),
    ("RMSNormalization", "axis epsilon stash_type"),
    ("ReduceL1", "axes keepdims noop_with_empty_axes"),
    ("ReduceL2", "axes keepdims noop_with_empty_axes"),
    ("ReduceLogSum", "axes keepdims noop_with_empty_axes"),
    ("ReduceLogSumExp", "axes keepdims noop_with_empty_axes"),
    ("ReduceMax", "axes keepdims noop_with_empty_axes"),
    ("ReduceMean", "axes keepdims noop_with_empty_axes"),
    ("ReduceMin", "axes keepdims noop_with_empty_axes"),
    ("ReduceProd", "axes keepdims noop_with_empty_axes"),
    ("ReduceSum", "axes keepdims noop_with_empty_axes"),
    ("ReduceSumSquare", "axes keepdims noop_with_empty_axes"),
    ("Reshape", "allowzero"),
    (
        "Resize",
        "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value \
         keep_aspect_ratio_policy mode nearest_mode",
    ),
    ("ScatterElements", "axis reduction"),
    ("ScatterND", "reduction"),
    ("Selu", "alpha gamma"),
    ("Shape", "end start"),
    ("Shrink", "bias lambd"),
    ("Slice", "axes ends starts"),
    ("Softmax", "axis"),
    ("SpaceToDepth", "blocksize"),
    ("Split", "axis num_outputs split"),
    ("Squeeze", "axes"),
    ("Swish", "alpha"),
    ("ThresholdedRelu", "alpha"),
    ("TopK", "axis k largest sorted"),
    ("Transpose", "perm"),
    ("Trilu", "upper"),
    ("Unsqueeze", "axes"),
];

fn judge(of: &Use<'_>) -> Verdict {
    let op = of.node.op_type.as_str();
    let known = ATTRIBUTES.iter().find(|(name, _)| *name == op).map(|(_, words)| words);
    if let Some(known) = known
        && let Some(beyond) =
            of.node.attribute.iter().find(|a| known.split_whitespace().all(|word| word != a.name))
    {
        return Verdict::Wrong(format!(
            "its attribute {:?} is not known here; export it for ONNX version 17",
            beyond.name
        ));
    }
    RULES.iter().find(|rule| rule.op == op).map_or(Verdict::Right, |rule| (rule.judge)(of))
}

/// Brings the model to what tract computes as ONNX specifies.
///
/// # Errors
/// Every use that can't be, by operator and name.
pub(super) fn conform(model: &mut ModelProto) -> Result<(), Vec<String>> {
    let version = super::proto::version(model);
    let mut wrong = Vec::new();
    if let Some(graph) = &mut model.graph {
        in_graph(graph, version, &HashMap::new(), &mut wrong);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn in_graph(
    graph: &mut GraphProto,
    version: i64,
    outer: &HashMap<String, Constant>,
    wrong: &mut Vec<String>,
) {
    let mut constants = outer.clone();
    constants.extend(small_constants(graph));
    let ranks = graph.initializer.iter().map(|tensor| (tensor.name.clone(), tensor.dims.len())).collect();
    let mut said: HashSet<String> = HashSet::new();
    for mut node in std::mem::take(&mut graph.node) {
        for attribute in &mut node.attribute {
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                in_graph(inner, version, &constants, wrong);
            }
        }
        if !STANDARD.contains(&node.domain.as_str()) {
            graph.node.push(node);
            continue;
        }
        match judge(&Use { node: &node, version, constants: &constants, ranks: &ranks }) {
            Verdict::Right => graph.node.push(node),
            Verdict::Instead(nodes) => graph.node.extend(nodes),
            Verdict::Wrong(what) => {
                // Many blocks are alike: each reason once.
                if said.insert(format!("{} {what}", node.op_type)) {
                    wrong.push(format!("{} {:?}: {what}", node.op_type, node.name));
                }
            }
        }
    }
}

fn small_constants(graph: &GraphProto) -> HashMap<String, Constant> {
    let stored = graph.initializer.iter().map(|tensor| (tensor.name.clone(), tensor.clone()));
    let nodes = graph.node.iter().filter(|node| node.op_type == "Constant");
    let made = nodes.filter_map(|node| {
        let tensor = |a: &AttributeProto| match a.name.as_str() {
            "value" => a.t.clone(),
            "value_int" => Some(parts::int64s("", &[a.i])),
            "value_ints" => Some(parts::int64s("", &a.ints)),
            "value_float" => Some(parts::floats("", &[a.f])),
            "value_floats" => Some(parts::floats("", &a.floats)),
            _ => None,
        };
        Some((node.output.first()?.clone(), node.attribute.iter().find_map(tensor)?))
    });
    let small = |(name, tensor): (String, TensorProto)| Some((name, Constant::of(&tensor)?));
    stored
        .filter(|(_, tensor)| tensor.raw_data.len() <= 8 * SMALL && tensor.float_data.len() <= SMALL)
        .chain(made)
        .filter_map(small)
        .collect()
}

#[cfg(test)]
mod tests;
