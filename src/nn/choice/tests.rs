//! Which tensor is taken.

use super::*;
use tract_onnx::pb::{TensorProto, ValueInfoProto};

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

/// A graph of these nodes and outputs, with weights `w` and `b`; shapes of its tensors.
fn chosen(nodes: &[NodeProto], outputs: &[&str], shapes: &[(&str, &[usize])]) -> Choice {
    let graph = GraphProto {
        node: nodes.to_vec(),
        output: outputs
            .iter()
            .map(|name| ValueInfoProto { name: (*name).into(), ..Default::default() })
            .collect(),
        initializer: ["w", "b"].map(|name| TensorProto { name: name.into(), ..Default::default() }).to_vec(),
        ..Default::default()
    };
    let shapes = shapes.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect();
    choose(&Known { graph: &graph, shapes: &shapes, candidates: &[], named: None, picture: false })
}

fn tensor(choice: Choice) -> String {
    match choice {
        Choice::Tensor(name, _) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn outputs_of_well_known_names_are_the_vector() {
    let tokens: (&str, &[usize]) = ("last_hidden_state", &[1, 50, 768]);
    let pooled =
        chosen(&[], &["last_hidden_state", "pooler_output"], &[tokens, ("pooler_output", &[1, 768])]);
    assert_eq!(tensor(pooled), "pooler_output");
    let clip = [tokens, ("pooler_output", &[1, 768][..]), ("image_embeds", &[1, 512][..])];
    assert_eq!(
        tensor(chosen(&[], &["last_hidden_state", "pooler_output", "image_embeds"], &clip)),
        "image_embeds"
    );
    // ResNet's is 1x1.
    let resnet = [("last_hidden_state", &[1usize, 32, 7, 7][..]), ("pooler_output", &[1, 32, 1, 1][..])];
    assert_eq!(tensor(chosen(&[], &["last_hidden_state", "pooler_output"], &resnet)), "pooler_output");
}

#[test]
fn tokens_alone_are_not_decided() {
    let choice = chosen(&[], &["last_hidden_state"], &[("last_hidden_state", &[1, 197, 768])]);
    assert_eq!(choice, Choice::Tokens { tensor: "last_hidden_state".into(), tokens: 197, width: 768 });
}

#[test]
fn class_scores_are_left_for_what_they_are_made_of() {
    let nodes = [
        node("GlobalAveragePool", &["x"], "pool"),
        node("Flatten", &["pool"], "flat"),
        node("MatMul", &["flat", "w"], "dense"),
        node("Add", &["b", "dense"], "sum"),
        node("Softmax", &["sum"], "out"),
    ];
    let shapes: [(&str, &[usize]); 4] =
        [("pool", &[1, 64, 1, 1]), ("flat", &[1, 64]), ("sum", &[1, 10]), ("out", &[1, 10])];
    assert_eq!(tensor(chosen(&nodes, &["out"], &shapes)), "flat");
    assert_eq!(tensor(chosen(&nodes[..4], &["sum"], &shapes)), "sum", "ten numbers need not be scores");
    let imagenet: [(&str, &[usize]); 2] = [("flat", &[1, 2048]), ("sum", &[1, 1000])];
    assert_eq!(tensor(chosen(&nodes[..4], &["sum"], &imagenet)), "flat");
    let logits = [node("Gemm", &["flat", "w", "b"], "logits")];
    assert_eq!(tensor(chosen(&logits, &["logits"], &[("flat", &[1, 64]), ("logits", &[1, 10])])), "flat");
}

#[test]
fn the_last_vector_is_taken_and_else_a_map() {
    let two: [(&str, &[usize]); 3] = [("a", &[1, 16]), ("b", &[1, 32]), ("map", &[1, 8, 4, 4])];
    assert_eq!(tensor(chosen(&[], &["a", "b", "map"], &two)), "b");
    assert_eq!(tensor(chosen(&[], &["map"], &two)), "map");
    assert_eq!(chosen(&[], &["none"], &two), Choice::Nothing);
}
