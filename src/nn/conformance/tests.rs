use super::parts::{floats, int, int64s, ints, text};
use super::*;
use crate::nn::tests_hostile::Folder;
use crate::nn::{ModelError, Network};
use prost::Message;
use tract_onnx::pb::{NodeProto, OperatorSetIdProto, TypeProto, ValueInfoProto, type_proto};
use tract_onnx::pb::{TensorShapeProto, tensor_shape_proto};

const INPUT: [i64; 4] = [1, 1, 2, 3];

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: 1, f, ..AttributeProto::default() }
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("the {op}"),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: output.split_whitespace().map(str::to_string).collect(),
        attribute,
        ..NodeProto::default()
    }
}

fn shaped(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto { dims: dims.to_vec(), ..floats(name, values) }
}

/// A model from `x`, one picture of one channel, to `y`.
fn model(version: i64, nodes: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let value = |v| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(v)),
        ..Default::default()
    };
    let value_info = |name: &str, dims: &[i64]| {
        let shape = Some(TensorShapeProto { dim: dims.iter().map(|d| value(*d)).collect() });
        let tensor = type_proto::Value::TensorType(type_proto::Tensor { elem_type: 1, shape });
        let r#type = Some(TypeProto { value: Some(tensor), ..TypeProto::default() });
        ValueInfoProto { name: name.into(), r#type, ..ValueInfoProto::default() }
    };
    let graph = GraphProto {
        node: nodes,
        initializer,
        input: vec![value_info("x", &INPUT)],
        output: vec![value_info("y", &[])],
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { version, ..OperatorSetIdProto::default() }],
        ..ModelProto::default()
    }
}

fn load(name: &str, model: &ModelProto) -> Result<Network, ModelError> {
    Folder::new(&format!("conformance-{name}")).load(&model.encode_to_vec())
}

/// What the network makes of six numbers.
fn run(name: &str, model: &ModelProto, input: [f32; 6]) -> Vec<f32> {
    let network = load(name, model).expect("loads");
    network.plan(2, 3, None).expect("a plan").run(&input).expect("runs")
}

#[track_caller]
fn close(seen: &[f32], wanted: &[f32]) {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 * b.abs().max(1.0) || a == b;
    assert!(seen.len() == wanted.len() && seen.iter().zip(wanted).all(near), "{seen:?}, not {wanted:?}");
}

/// One operator on `x` alone.
fn of_one(op: &str, version: i64, attributes: Vec<AttributeProto>, input: [f32; 6]) -> Vec<f32> {
    let name = format!("{op}-{version}");
    run(&name, &model(version, vec![node(op, &["x"], "y", attributes)], vec![]), input)
}

#[test]
fn activations_are_those_of_the_specification() {
    let input = [-3.0, -0.5, 0.0, 0.5, 2.0, 200.0];
    let celu = |a: f32| input.map(|x: f32| x.max(0.0) + (a * ((x / a).exp() - 1.0)).min(0.0));
    close(&of_one("Celu", 17, vec![float("alpha", 0.5)], input), &celu(0.5));
    close(&of_one("Celu", 17, vec![], input), &celu(1.0));
    let swish = |a: f32| input.map(|x: f32| x / (1.0 + (-a * x).exp()));
    close(&of_one("Swish", 24, vec![float("alpha", 0.3)], input), &swish(0.3));
    let softplus = input.map(|x: f32| x.max(0.0) + (-x.abs()).exp().ln_1p());
    close(&of_one("Softplus", 17, vec![], input), &softplus);
}

#[test]
fn logarithms_of_sums_hold_for_large_numbers() {
    let input = [300.0, -300.0, 0.0, 1.0, 2.0, 3.0];
    let rest = (1.0f32 + (-1.0f32).exp() + (-2.0f32).exp()).ln();
    let rows = [0.0, -600.0, -300.0, -2.0 - rest, -1.0 - rest, -rest];
    close(&of_one("LogSoftmax", 17, vec![int("axis", 3)], input), &rows);
    // All six numbers are one row then.
    let whole = [0.0, -600.0, -300.0, -299.0, -298.0, -297.0];
    close(&of_one("LogSoftmax", 11, vec![int("axis", 1)], input), &whole);
    let sums = [300.0, 3.0 + rest];
    for version in [11, 17] {
        let attributes = vec![ints("axes", &[3]), int("keepdims", 0)];
        close(&of_one("ReduceLogSumExp", version, attributes, input), &sums);
    }
    let nodes = vec![node("ReduceLogSumExp", &["x", "axes"], "y", vec![int("keepdims", 0)])];
    close(&run("sums-18", &model(18, nodes, vec![int64s("axes", &[3])]), input), &sums);
}

#[test]
fn remainders_of_sizes_have_the_sign_of_the_divisor() {
    let nodes = vec![
        node("Shape", &["x"], "sizes", vec![]),
        node("Neg", &["sizes"], "negative", vec![]),
        node("Mod", &["negative", "by"], "missing", vec![]),
        node("Cast", &["missing"], "y", vec![int("to", 1)]),
    ];
    close(&run("mod", &model(17, nodes, vec![int64s("by", &[2])]), [0.0; 6]), &[1.0, 1.0, 0.0, 1.0]);
}

#[test]
fn the_nearest_pixel_of_version_10_is_that_below() {
    let nodes = vec![node("Resize", &["x", "scales"], "y", vec![text("mode", "nearest")])];
    let scales = floats("scales", &[1.0, 1.0, 1.0, 3.0]);
    let input = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let wanted: Vec<f32> = input.iter().flat_map(|v| [*v; 3]).collect();
    close(&run("resize-10", &model(10, nodes, vec![scales]), input), &wanted);
}

#[test]
fn corners_are_those_of_whole_sizes() {
    let mode = [text("coordinate_transformation_mode", "align_corners"), text("mode", "linear")];
    let nodes = vec![node("Resize", &["x", "", "scales"], "y", mode.to_vec())];
    // 3 pixels become 4, whose corners are those of 3, not 4.5.
    let scales = floats("scales", &[1.0, 1.0, 1.0, 1.5]);
    let seen = run("corners", &model(17, nodes, vec![scales]), [0.0, 3.0, 6.0, 6.0, 3.0, 0.0]);
    close(&seen, &[0.0, 2.0, 4.0, 6.0, 6.0, 4.0, 2.0, 0.0]);
}

#[test]
fn transposed_convolutions_have_the_shape_asked_for() {
    let kernel = || shaped("k", &[1, 1, 1, 2], &[1.0, 10.0]);
    let bias = || floats("b", &[0.5]);
    let one = |attributes: Vec<AttributeProto>| {
        let nodes = vec![node("ConvTranspose", &["x", "k", "b"], "y", attributes)];
        let bias = TensorProto { dims: vec![1], ..bias() };
        run("transposed", &model(17, nodes, vec![kernel(), bias]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    };
    let whole = [1.5, 12.5, 23.5, 30.5, 4.5, 45.5, 56.5, 60.5];
    close(&one(vec![]), &whole);
    let cut = |first: usize| [&whole[first..first + 3], &whole[4 + first..7 + first]].concat();
    close(&one(vec![ints("output_shape", &[2, 3])]), &cut(1));
    close(&one(vec![text("auto_pad", "SAME_UPPER")]), &cut(0));
    close(&one(vec![text("auto_pad", "SAME_LOWER"), ints("strides", &[1, 1])]), &cut(1));
    let larger = one(vec![ints("output_shape", &[2, 5])]);
    close(&larger, &[&whole[..4], &[0.5], &whole[4..], &[0.5]].concat());
}

/// What is said of a use of `op`.
fn refusal(op: &str, version: i64, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
    let outputs = if op == "Split" { "y z" } else { "y" };
    let tensors = vec![
        int64s("pads", &[0, 0, 1, 1]),
        int64s("axes", &[-1, -2]),
        TensorProto { dims: vec![1], ..floats("one", &[1.0]) },
        floats("mixed", &[1.0, 1.0, 2.0, 0.5]),
    ];
    let model = model(version, vec![node(op, inputs, outputs, attributes)], tensors);
    let error = load(&format!("refused-{op}"), &model).expect_err("refused").to_string();
    assert!(
        error.contains(&format!("would not be computed as ONNX specifies: {op} \"the {op}\": ")),
        "{error}"
    );
    assert!(error.contains("; export it"), "{error}");
    error
}

#[test]
fn what_is_not_computed_is_refused_by_name() {
    let kernel = || ints("kernel_shape", &[2, 2]);
    let dilated = || ints("dilations", &[2, 2]);
    for pool in ["MaxPool", "AveragePool"] {
        refusal(pool, 19, &["x"], vec![kernel(), dilated(), text("auto_pad", "SAME_UPPER")]);
        refusal(pool, 19, &["x"], vec![kernel(), int("ceil_mode", 1), text("auto_pad", "VALID")]);
    }
    let moments = ["x", "one", "one", "one", "one"];
    assert!(refusal("BatchNormalization", 17, &moments, vec![int("training_mode", 1)]).contains("training"));
    refusal("Celu", 17, &["x"], vec![float("alpha", 0.0)]);
    refusal("Einsum", 17, &["x"], vec![text("equation", "abcd ->")]);
    refusal("Einsum", 17, &["x", "x"], vec![text("equation", "abcd,abcd")]);
    refusal("DFT", 20, &["x"], vec![]);
    for op in ["RNN", "GRU", "LSTM"] {
        refusal(op, 14, &["x", "one", "one"], vec![text("direction", "reverse")]);
        refusal(op, 14, &["x", "one", "one"], vec![float("clip", 1.0)]);
        let activations = AttributeProto { strings: vec![b"Relu".to_vec()], ..text("activations", "") };
        assert!(refusal(op, 14, &["x", "one", "one"], vec![activations]).contains("activations"));
    }
    refusal("LSTM", 14, &["x", "one", "one"], vec![int("input_forget", 1)]);
    refusal("GlobalLpPool", 17, &["x"], vec![]);
    let border = vec![text("mode", "bicubic"), text("padding_mode", "border")];
    refusal("GridSample", 17, &["x", "x"], border);
    refusal("LRN", 17, &["x"], vec![int("size", 4)]);
    refusal("Pad", 18, &["x", "pads", "", "axes"], vec![text("mode", "edge")]);
    refusal("Split", 18, &["x"], vec![int("axis", 3), int("num_outputs", 3)]);
    let same = vec![text("auto_pad", "SAME_UPPER"), kernel()];
    let error = load(
        "old",
        &model(
            9,
            vec![node("ConvTranspose", &["x", "k"], "y", same)],
            vec![shaped("k", &[1, 1, 1, 1], &[1.0])],
        ),
    );
    assert!(error.expect_err("refused").to_string().contains("before version 11"));
    let error = load(
        "mixed",
        &model(10, vec![node("Resize", &["x", "s"], "y", vec![])], vec![floats("s", &[1.0, 1.0, 2.0, 0.5])]),
    );
    assert!(error.expect_err("refused").to_string().contains("version 10 of ONNX leaves open"));
    let corners = vec![text("coordinate_transformation_mode", "align_corners"), int("antialias", 1)];
    assert!(refusal("Resize", 18, &["x", "", "mixed"], corners).contains("antialias"));
}

#[test]
fn attributes_of_later_versions_are_refused() {
    let error = refusal("Softmax", 17, &["x"], vec![int("temperature", 2)]);
    assert!(error.contains("\"temperature\""), "{error}");
    for (op, _) in ATTRIBUTES {
        assert_eq!(ATTRIBUTES.iter().filter(|(other, _)| other == op).count(), 1, "{op}");
    }
}

#[test]
fn usual_recurrent_networks_are_left_alone() {
    let names = ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Tanh"];
    let strings = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let attributes = vec![
        AttributeProto { strings, ..text("activations", "") },
        text("direction", "bidirectional"),
        int("input_forget", 0),
    ];
    let mut model = model(14, vec![node("LSTM", &["x", "w", "r"], "y", attributes)], vec![]);
    assert_eq!(conform(&mut model), Ok(()));
}

#[test]
fn every_reason_is_told_once() {
    let lrn = |input: &str, output: &str| node("LRN", &[input], output, vec![int("size", 2)]);
    let pool = node("GlobalLpPool", &["b"], "y", vec![]);
    let mut model = model(17, vec![lrn("x", "a"), lrn("a", "b"), pool], vec![]);
    let wrong = conform(&mut model).expect_err("refused");
    assert_eq!(wrong.len(), 2, "{wrong:?}");
}

#[test]
fn graphs_within_operators_are_looked_at() {
    let inner = GraphProto { node: vec![node("GlobalLpPool", &["x"], "z", vec![])], ..GraphProto::default() };
    let body = AttributeProto { name: "then_branch".into(), g: Some(inner), ..AttributeProto::default() };
    let mut model = model(17, vec![node("If", &["c"], "y", vec![body])], vec![]);
    assert_eq!(conform(&mut model).expect_err("refused").len(), 1);
}
