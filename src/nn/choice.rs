//! Which tensor of a network is the vector that people mean.

use super::candidates::{self, Bottleneck};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, NodeProto};

/// Names of outputs that are the vector of a picture, best first.
const POOLED: [&str; 12] = [
    "image_embeds",
    "image_embeddings",
    "image_embedding",
    "image_features",
    "sentence_embedding",
    "embeddings",
    "embedding",
    "pooler_output",
    "pooled_output",
    "pooled",
    "features",
    "feature",
];
/// Words in the name of an output that mark class scores.
const SCORES: [&str; 7] = ["logits", "logit", "probabilities", "probs", "scores", "softmax", "prob"];
/// Numbers of classes of ImageNet and its relatives.
const CLASSES: [usize; 5] = [1000, 1001, 11_821, 21_841, 21_843];
/// Operators that pass a tensor's numbers on, changed one by one or not at all.
const PASSING: [&str; 9] =
    ["Softmax", "LogSoftmax", "Sigmoid", "Identity", "Cast", "Add", "Squeeze", "Flatten", "Reshape"];

/// What is taken where nobody names a tensor.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Choice {
    /// This tensor, for this reason.
    Tensor(String, Why),
    /// No output is one vector a picture; this one has a vector for each token.
    Tokens {
        /// Its name.
        tensor: String,
        /// How many.
        tokens: usize,
        /// Numbers of each.
        width: usize,
    },
    /// Nothing suits.
    Nothing,
}

/// Why a tensor is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Why {
    /// Somebody asked for it.
    Asked,
    /// The file's metadata names it.
    Metadata,
    /// The bottleneck of a network that gives pictures.
    Bottleneck,
    /// An output of a name that is usual for it.
    OutputName,
    /// A name that is usual for it, on the way.
    Name,
    /// The last output that is one vector.
    LastVector,
    /// What the class scores are made of.
    BeforeClasses,
    /// The output, whatever it is.
    Output,
    /// The smallest on the way.
    Smallest,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Why::Asked => "as asked",
            Why::Metadata => "the file's metadata names it",
            Why::Bottleneck => "the bottleneck",
            Why::OutputName => "the output of that name",
            Why::Name => "by its name",
            Why::LastVector => "the last output that is one vector",
            Why::BeforeClasses => "what the class scores are made of",
            Why::Output => "the output",
            Why::Smallest => "the smallest on the way",
        })
    }
}

/// What is known of a graph.
pub(super) struct Known<'a> {
    pub(super) graph: &'a GraphProto,
    /// Shapes for one picture, of tensors with numbers.
    pub(super) shapes: &'a HashMap<String, Vec<usize>>,
    /// Candidates in the order that suits autoencoders.
    pub(super) candidates: &'a [Bottleneck],
    /// The tensor that the file's metadata names.
    pub(super) named: Option<&'a str>,
    /// Whether the result is a picture.
    pub(super) picture: bool,
}

/// Chooses.
pub(super) fn choose(known: &Known<'_>) -> Choice {
    let first = known.candidates.first();
    let of_candidate = |why| first.map_or(Choice::Nothing, |best| Choice::Tensor(best.name.clone(), why));
    if first.is_some_and(|best| known.named == Some(best.name.as_str())) {
        return of_candidate(Why::Metadata);
    }
    if known.picture {
        return of_candidate(Why::Bottleneck);
    }
    let outputs: Vec<&str> = known.graph.output.iter().map(|output| output.name.as_str()).collect();
    let shape = |name: &str| known.shapes.get(name).map(Vec::as_slice);
    let width = |name: &str| shape(name).and_then(vector);
    let taken = |name: &str, why| Choice::Tensor(name.to_owned(), why);
    let by_name = POOLED.iter().find_map(|pooled| {
        outputs.iter().find(|name| base(name).eq_ignore_ascii_case(pooled) && width(name).is_some())
    });
    if let Some(name) = by_name {
        return taken(name, Why::OutputName);
    }
    if let Some(best) = known.candidates.iter().find(|best| best.dense && candidates::is_named(&best.name)) {
        return taken(&best.name, Why::Name);
    }
    let vectors: Vec<&str> = outputs.iter().copied().filter(|name| width(name).is_some()).collect();
    if let Some(name) = vectors.iter().rev().find(|name| !is_scores(known.graph, name, width(name))) {
        return taken(name, Why::LastVector);
    }
    if let Some(name) = vectors.iter().find_map(|name| before_classes(known.graph, name, &width)) {
        return taken(&name, Why::BeforeClasses);
    }
    for name in outputs.iter().rev() {
        match shape(name) {
            Some(&[_, tokens, width]) if tokens > 1 && width > 1 => {
                return Choice::Tokens { tensor: (*name).into(), tokens, width };
            }
            Some(&[_, _, _, _]) => return taken(name, Why::Output),
            _ => {}
        }
    }
    of_candidate(Why::Smallest)
}

/// The numbers of a shape that is one vector a picture.
fn vector(shape: &[usize]) -> Option<usize> {
    match shape {
        &[1, width] | &[1, width, 1, 1] if width > 1 => Some(width),
        _ => None,
    }
}

/// A name without the number that exporters put behind it, as in `embedding:0`.
fn base(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

fn is_scores(graph: &GraphProto, name: &str, width: Option<usize>) -> bool {
    let mut words = name.split(|c: char| !c.is_ascii_alphabetic()).map(str::to_ascii_lowercase);
    let made_by = |name: &str| graph.node.iter().rev().find(|node| node.output.iter().any(|o| o == name));
    let softmax = made_by(name).is_some_and(|node| matches!(node.op_type.as_str(), "Softmax" | "LogSoftmax"));
    softmax
        || words.any(|word| SCORES.contains(&word.as_str()))
        || width.is_some_and(|n| CLASSES.contains(&n))
}

/// The vector that the last dense layer before `output` reads.
fn before_classes(graph: &GraphProto, output: &str, width: &dyn Fn(&str) -> Option<usize>) -> Option<String> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|weights| weights.name.as_str()).collect();
    let constants = graph.node.iter().filter(|node| node.op_type == "Constant").flat_map(|node| &node.output);
    let fixed: HashSet<&str> = weights.into_iter().chain(constants.map(String::as_str)).collect();
    let computed = |node: &'_ NodeProto| {
        let inputs: Vec<String> =
            node.input.iter().filter(|name| !fixed.contains(name.as_str())).cloned().collect();
        if let [only] = inputs.as_slice() { Some(only.clone()) } else { None }
    };
    let mut name = output.to_owned();
    // Each step goes up the list of nodes, so this ends.
    for node in graph.node.iter().rev() {
        if !node.output.contains(&name) {
            continue;
        }
        match node.op_type.as_str() {
            "Gemm" | "MatMul" => return computed(node).filter(|name| width(name).is_some()),
            op if PASSING.contains(&op) => name = computed(node)?,
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests;
