//! Networks on pictures and text, such as CLIP: the part that needs pictures alone.

use super::proto::{fixed_dims, real_inputs};
use std::collections::{BTreeSet, HashMap, HashSet};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto, tensor_proto::DataType, type_proto};

/// An output that is not to be had from a picture alone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub tensor: String,
    /// The inputs that it needs beside the picture.
    pub needs: Vec<String>,
}

/// Leaves out what needs text, where there is one picture beside inputs of whole numbers and an output that the picture
/// alone decides. Any other model stays as it is.
pub(super) fn picture_alone(model: &mut ModelProto) -> Vec<LeftOut> {
    let Some(graph) = &mut model.graph else { return Vec::new() };
    let inputs = real_inputs(graph);
    let (pictures, others): (Vec<_>, Vec<_>) = inputs.into_iter().partition(|input| is_picture(input));
    let ([picture], true) =
        (pictures.as_slice(), !others.is_empty() && others.iter().all(|input| is_text(input)))
    else {
        return Vec::new();
    };
    let (picture, others) = (picture.name.clone(), names(&others));
    let needs = needs(graph, &picture, &others);
    let alone = |name: &str| needs.get(name).is_some_and(|needs| needs.picture && needs.others.is_empty());
    let (kept, dropped): (Vec<_>, Vec<_>) =
        graph.output.iter().cloned().partition(|output| alone(&output.name));
    if kept.is_empty() {
        return Vec::new();
    }
    let left_out = dropped.into_iter().map(|output| {
        let needed = needs.get(&output.name).map(|needs| needs.others.iter());
        LeftOut {
            tensor: output.name,
            needs: needed.into_iter().flatten().map(|i| others[*i].clone()).collect(),
        }
    });
    let left_out = left_out.collect();
    graph.output = kept;
    prune(graph, &others);
    left_out
}

fn names(inputs: &[&ValueInfoProto]) -> Vec<String> {
    inputs.iter().map(|input| input.name.clone()).collect()
}

fn element(input: &ValueInfoProto) -> Option<DataType> {
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref()?.value.as_ref() else {
        return None;
    };
    DataType::try_from(tensor.elem_type).ok()
}

fn is_picture(input: &ValueInfoProto) -> bool {
    use DataType::{Bfloat16, Double, Float, Float16, Uint8, Uint16};
    // The types that `normalise` makes single precision of.
    let kind = element(input);
    let numbers = matches!(kind, Some(Float | Float16 | Bfloat16 | Double | Uint8 | Uint16));
    numbers && fixed_dims(input).len() == 4
}

fn is_text(input: &ValueInfoProto) -> bool {
    matches!(element(input), Some(DataType::Int64 | DataType::Int32 | DataType::Bool))
}

/// Which inputs a tensor depends on.
#[derive(Clone, Default)]
struct Needs {
    picture: bool,
    /// Numbers of the others.
    others: BTreeSet<usize>,
}

fn needs(graph: &GraphProto, picture: &str, others: &[String]) -> HashMap<String, Needs> {
    let mut known: HashMap<String, Needs> = HashMap::new();
    known.insert(picture.into(), Needs { picture: true, ..Needs::default() });
    for (number, name) in others.iter().enumerate() {
        known.insert(name.clone(), Needs { others: [number].into(), ..Needs::default() });
    }
    // Nodes stand in order of execution.
    for node in &graph.node {
        let mut of_node = Needs::default();
        for needs in read_by(node).filter_map(|name| known.get(name)) {
            of_node.picture |= needs.picture;
            of_node.others.extend(&needs.others);
        }
        known.extend(node.output.iter().map(|name| (name.clone(), of_node.clone())));
    }
    known
}

/// All names that a node and the graphs inside it read.
fn read_by(node: &NodeProto) -> Box<dyn Iterator<Item = &str> + '_> {
    let inner = node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
    let inner = inner.flat_map(|graph| {
        let results = graph.output.iter().map(|output| output.name.as_str());
        graph.node.iter().flat_map(read_by).chain(results)
    });
    Box::new(node.input.iter().map(String::as_str).chain(inner))
}

/// Leaves what the outputs need.
fn prune(graph: &mut GraphProto, inputs: &[String]) {
    let mut wanted: HashSet<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let mut kept = Vec::new();
    for node in std::mem::take(&mut graph.node).into_iter().rev() {
        if node.output.iter().any(|name| wanted.contains(name)) {
            wanted.extend(read_by(&node).map(str::to_owned));
            kept.push(node);
        }
    }
    kept.reverse();
    graph.node = kept;
    graph.input.retain(|input| !inputs.contains(&input.name));
    graph.initializer.retain(|weights| wanted.contains(&weights.name));
    graph.value_info.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{TensorProto, TensorShapeProto, TypeProto, tensor_shape_proto::Dimension};

    fn input(name: &str, kind: DataType, axes: usize) -> ValueInfoProto {
        let shape = Some(TensorShapeProto { dim: vec![Dimension::default(); axes] });
        let tensor = type_proto::Tensor { elem_type: kind as i32, shape };
        let r#type =
            Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() });
        ValueInfoProto { name: name.into(), r#type, ..Default::default() }
    }

    fn node(inputs: &[&str], output: &str) -> NodeProto {
        let input = inputs.iter().map(ToString::to_string).collect();
        NodeProto { op_type: "MatMul".into(), input, output: vec![output.into()], ..Default::default() }
    }

    /// Pictures and text, each with its weights, and their product.
    fn clip(of_text: DataType, outputs: &[&str]) -> ModelProto {
        let graph = GraphProto {
            input: vec![input("ids", of_text, 2), input("pixels", DataType::Float, 4)],
            node: vec![
                node(&["ids", "v"], "text"),
                node(&["pixels", "w"], "image"),
                node(&["image", "text"], "logits"),
            ],
            initializer: ["v", "w"]
                .map(|name| TensorProto { name: name.into(), ..Default::default() })
                .to_vec(),
            output: outputs
                .iter()
                .map(|name| ValueInfoProto { name: (*name).into(), ..Default::default() })
                .collect(),
            ..Default::default()
        };
        ModelProto { graph: Some(graph), ..Default::default() }
    }

    #[test]
    fn what_needs_text_is_left_out() {
        let mut model = clip(DataType::Int64, &["logits", "text", "image"]);
        let needs = vec!["ids".to_owned()];
        let left = |tensor: &str| LeftOut { tensor: tensor.into(), needs: needs.clone() };
        assert_eq!(picture_alone(&mut model), [left("logits"), left("text")]);
        let graph = model.graph.expect("a graph");
        let names = |list: &[ValueInfoProto]| list.iter().map(|i| i.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&graph.input), names(&graph.output)),
            (vec!["pixels".into()], vec!["image".into()])
        );
        assert_eq!(graph.node, [node(&["pixels", "w"], "image")]);
        assert_eq!(graph.initializer.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["w"]);
    }

    #[test]
    fn pictures_are_of_every_type_that_is_run() {
        use DataType::{Bfloat16, Double, Float, Float16, Uint8, Uint16};
        for kind in [Float, Float16, Bfloat16, Double, Uint8, Uint16] {
            let mut model = clip(DataType::Int64, &["text", "image"]);
            model.graph.as_mut().expect("a graph").input[1] = input("pixels", kind, 4);
            assert_eq!(picture_alone(&mut model).len(), 1, "{kind:?}");
        }
    }

    #[test]
    fn other_models_stay_as_they_are() {
        // A second input of floats may be a noise level; an output of the picture alone is needed.
        for model in [clip(DataType::Float, &["logits", "image"]), clip(DataType::Int64, &["logits"])] {
            let mut same = model.clone();
            assert!(picture_alone(&mut same).is_empty());
            assert_eq!(same, model);
        }
    }
}
