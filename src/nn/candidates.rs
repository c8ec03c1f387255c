//! Which tensors of a network can serve as an embedding.

use super::axes::Layout;
use super::graph::Graph;
use super::guard::{EngineError, guarded};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, NodeProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::Factoid;

/// Words in a tensor's name that mark it as the embedding.
const NAMES: [&str; 7] = ["bottleneck", "latent", "embedding", "embeddings", "encoded", "code", "z"];
/// Most candidates that are listed.
const LISTED: usize = 12;

/// A tensor that can serve as the embedding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bottleneck {
    /// Tensor name in the file.
    pub name: String,
    /// Shape for one picture (of a small trial size, where the model takes any).
    pub shape: Vec<usize>,
    /// Numbers for one picture of that size.
    pub floats: usize,
    /// A flat vector, without height and width.
    pub dense: bool,
    /// Everything the output knows of the input passes through here.
    pub on_every_path: bool,
    /// Axis of the channels, where there are height and width.
    pub(super) channel_axis: usize,
}

/// Candidates on the way from the input to the model's result, best first. `named` is the tensor that
/// the file's metadata names; `picture` tells whether the result is a picture (else it is a candidate).
pub(super) fn list(
    graph: &Graph,
    pb: &GraphProto,
    shapes: &HashMap<String, Vec<usize>>,
    size: (usize, usize),
    named: Option<&str>,
    picture: bool,
) -> Vec<Bottleneck> {
    let result = graph.result().unwrap_or_default();
    let layouts = layouts(graph, pb);
    let on_path = on_path(pb, shapes, result);
    let input = graph.channels * size.0 * size.1;
    let mut found = vec![];
    for name in pb.node.iter().flat_map(|n| &n.output).map(String::as_str) {
        let Some(cut) = on_path.get(name) else { continue };
        let Some(shape) = shapes.get(name).filter(|s| s.len() == 2 || s.len() == 4) else { continue };
        let floats: usize = shape.iter().product();
        let marked = named == Some(name) || is_named(name);
        if floats == 0 || (!marked && (floats >= input || (picture && name == result))) {
            continue;
        }
        found.push(Bottleneck {
            name: name.into(),
            shape: shape.clone(),
            floats,
            dense: shape.len() == 2,
            on_every_path: *cut,
            channel_axis: channel_axis(shape, layouts.get(name).copied().flatten()),
        });
    }
    // Gates that scale channels are tiny but know nothing of the picture's content.
    let useful =
        |b: &Bottleneck| b.on_every_path || b.dense || b.shape.iter().filter(|d| **d > 1).count() > 1;
    // Of equals the last in the graph is taken: after the activation, not before.
    let mut ranked: Vec<(usize, Bottleneck)> = found.into_iter().enumerate().collect();
    ranked.sort_by_key(|(ix, b)| {
        (
            named != Some(b.name.as_str()),
            !is_named(&b.name),
            !b.on_every_path,
            !useful(b),
            b.floats,
            std::cmp::Reverse(*ix),
        )
    });
    ranked.truncate(LISTED);
    ranked.into_iter().map(|(_, b)| b).collect()
}

/// Candidates among tensors of which only the shape is known: what a network gives out, without the picture.
pub(super) fn given_out(tensors: &[(String, Vec<usize>)], picture: Option<&str>) -> Vec<Bottleneck> {
    let suits = |name: &String, shape: &Vec<usize>| {
        (shape.len() == 2 || shape.len() == 4) && !shape.contains(&0) && picture != Some(name.as_str())
    };
    let found = tensors.iter().filter(|(name, shape)| suits(name, shape)).map(|(name, shape)| Bottleneck {
        name: name.clone(),
        shape: shape.clone(),
        floats: shape.iter().product(),
        dense: shape.len() == 2,
        on_every_path: true,
        channel_axis: channel_axis(shape, None),
    });
    let mut found: Vec<Bottleneck> = found.collect();
    found.sort_by_key(|b| (!is_named(&b.name), !b.dense, b.floats));
    found
}

/// The channel axis of `shape`, by its layout, else by which axes are equal.
pub(super) fn channel_axis(shape: &[usize], layout: Option<Layout>) -> usize {
    match (layout, shape) {
        (Some(Layout::Nchw), _) => 1,
        (Some(Layout::Nhwc), _) => 3,
        (None, &[_, a, b, c]) if a == b && b != c => 3,
        _ => 1,
    }
}

/// Whether a word of a name marks the embedding.
pub(super) fn is_named(name: &str) -> bool {
    let words = name.split(|c: char| !c.is_ascii_alphabetic()).map(str::to_ascii_lowercase);
    words.into_iter().any(|w| NAMES.contains(&w.as_str()))
}

/// Shapes of all float tensors that the engine can tell for one picture of `size`.
pub(super) fn shapes(
    graph: &Graph,
    (height, width): (usize, usize),
) -> Result<HashMap<String, Vec<usize>>, EngineError> {
    guarded(|| {
        let template = graph.source.template();
        let mut model = template.cloned().ok_or_else(|| TractError::msg("sizes are not known"))?;
        model.set_input_fact(0, f32::fact(graph.layout.shape(graph.channels, height, width)).into())?;
        // What can't be told is left out.
        let _ = model.analyse(true);
        let mut shapes = HashMap::new();
        for (outlet, name) in &model.outlet_labels {
            let fact = model.outlet_fact(*outlet)?;
            let concrete = fact
                .shape
                .concretize()
                .and_then(|dims| dims.iter().map(|d| d.to_usize().ok()).collect::<Option<Vec<usize>>>());
            if let (Some(DatumType::F32), Some(shape)) = (fact.datum_type.concretize(), concrete) {
                shapes.insert(name.clone(), shape);
            }
        }
        Ok(shapes)
    })
}

/// Float tensors that depend on the input and that `result`, or another output, depends on; true
/// where everything that `result` knows passes through.
fn on_path<'a>(
    pb: &'a GraphProto,
    shapes: &HashMap<String, Vec<usize>>,
    result: &str,
) -> HashMap<&'a str, bool> {
    let weights: HashSet<&str> = pb.initializer.iter().map(|t| t.name.as_str()).collect();
    let mut reached: HashSet<&str> = pb.input.iter().map(|i| i.name.as_str()).collect();
    reached.retain(|n| !weights.contains(n));
    for node in &pb.node {
        if node.input.iter().any(|i| reached.contains(i.as_str())) {
            reached.extend(node.output.iter().map(String::as_str).filter(|o| shapes.contains_key(*o)));
        }
    }
    // What each tensor leads to: the result, or only some other output.
    let mut to_result: HashSet<&str> =
        pb.output.iter().map(|o| o.name.as_str()).filter(|n| *n == result).collect();
    let mut to_any: HashSet<&str> = pb.output.iter().map(|o| o.name.as_str()).collect();
    let mut last_use: HashMap<&str, usize> = HashMap::new();
    for (step, node) in pb.node.iter().enumerate().rev() {
        if node.output.iter().any(|o| to_result.contains(o.as_str())) {
            to_result.extend(node.input.iter().map(String::as_str));
            for input in node.input.iter().filter(|i| reached.contains(i.as_str())) {
                last_use.entry(input).or_insert(step);
            }
        }
        if node.output.iter().any(|o| to_any.contains(o.as_str())) {
            to_any.extend(node.input.iter().map(String::as_str));
        }
    }
    // ONNX lists nodes in order of execution: a tensor that is made earlier and used later than step
    // `s` goes around what step `s` makes.
    let mut found = HashMap::new();
    let mut around =
        pb.input.iter().filter_map(|i| last_use.get(i.name.as_str())).copied().max().unwrap_or(0);
    for (step, node) in pb.node.iter().enumerate() {
        for name in node.output.iter().map(String::as_str) {
            if reached.contains(name) && to_any.contains(name) {
                found.insert(name, around <= step && to_result.contains(name));
            }
        }
        let here = node.output.iter().filter_map(|o| last_use.get(o.as_str())).copied().max();
        around = around.max(here.unwrap_or(0));
    }
    found
}

/// Layout of the tensors whose operators tell: ONNX convolutions and pools are NCHW, transposition
/// changes it, elementwise operators keep it.
fn layouts<'a>(graph: &Graph, pb: &'a GraphProto) -> HashMap<&'a str, Option<Layout>> {
    let mut known: HashMap<&str, Option<Layout>> = HashMap::new();
    known.extend(pb.input.iter().map(|i| (i.name.as_str(), Some(graph.layout))));
    for node in &pb.node {
        let before = node.input.iter().find_map(|i| known.get(i.as_str()).copied().flatten());
        let after = match node.op_type.as_str() {
            "Conv"
            | "ConvTranspose"
            | "MaxPool"
            | "AveragePool"
            | "BatchNormalization"
            | "InstanceNormalization"
            | "DepthToSpace"
            | "SpaceToDepth"
            | "PRelu" => Some(Layout::Nchw),
            "Transpose" => transposed(node),
            "Reshape" | "Gather" | "Squeeze" | "Unsqueeze" | "Flatten" | "MatMul" | "Gemm" => None,
            _ => before,
        };
        known.extend(node.output.iter().map(|o| (o.as_str(), after)));
    }
    known
}

fn transposed(node: &NodeProto) -> Option<Layout> {
    let perm = node.attribute.iter().find(|a| a.name == "perm")?;
    match perm.ints.as_slice() {
        [0, 2, 3, 1] => Some(Layout::Nhwc),
        [0, 3, 1, 2] => Some(Layout::Nchw),
        _ => None,
    }
}
