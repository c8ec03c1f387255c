//! Models that mean harm: each asks for too much memory or time, or breaks a rule of the format.

use crate::onnx::{
    AttributeProto, GraphProto, NodeProto, file, float, floats, graph, held, int, ints, kernel, long, longs,
    net, node, text,
};

/// Any size.
const OPEN: [i64; 4] = [1, 3, 0, 0];

fn model(nodes: Vec<NodeProto>, tensors: Vec<crate::onnx::TensorProto>) -> Vec<u8> {
    file(net(&OPEN, nodes, tensors), &[])
}

/// One operator on the picture.
fn one(op: &str, attributes: Vec<AttributeProto>) -> Vec<u8> {
    model(vec![node(op, &["x"], "y", attributes)], vec![])
}

fn conv(op: &str, dims: [i64; 4], attributes: Vec<AttributeProto>) -> Vec<u8> {
    model(vec![node(op, &["x", "k"], "y", attributes)], vec![kernel("k", &dims)])
}

/// A constant made by `nodes` is added to the picture.
fn added(mut nodes: Vec<NodeProto>, tensors: Vec<crate::onnx::TensorProto>) -> Vec<u8> {
    nodes.push(node("ReduceSum", &["c"], "r", vec![int("keepdims", 0)]));
    nodes.push(node("Cast", &["r"], "f", vec![int("to", 1)]));
    nodes.push(node("Add", &["x", "f"], "y", vec![]));
    model(nodes, tensors)
}

/// The number of pixels, times `more`, as `n`.
fn counted(more: i64) -> (Vec<NodeProto>, Vec<crate::onnx::TensorProto>) {
    let nodes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("ReduceProd", &["s"], "p", vec![int("keepdims", 1)]),
        node("Mul", &["p", "more"], "n", vec![]),
    ];
    (nodes, vec![longs("more", &[more])])
}

/// `count` operators, each on the one before, by name.
fn chain(op: &str, count: usize) -> Vec<u8> {
    let name = |i: usize| match i {
        0 => "x".to_string(),
        i if i == count => "y".to_string(),
        i => format!("t{i}"),
    };
    let link = |i: usize| match op {
        "Add" | "Concat" => {
            let axis = if op == "Concat" { vec![int("axis", 2)] } else { vec![] };
            node(op, &[&name(i), &name(i)], &name(i + 1), axis)
        }
        op => node(op, &[&name(i)], &name(i + 1), vec![]),
    };
    model((0..count).map(link).collect(), vec![])
}

/// Graphs within graphs.
fn nested(depth: usize) -> Vec<u8> {
    let mut inner = net(&OPEN, vec![node("Relu", &["x"], "y", vec![])], vec![]);
    for _ in 0..depth {
        let branches = vec![graph("then_branch", inner.clone()), graph("else_branch", inner)];
        inner = net(&OPEN, vec![node("If", &["b"], "y", branches)], vec![]);
    }
    file(inner, &[])
}

/// A vision transformer's heart: attention of every pixel to every pixel, for pictures of any size.
fn attention(reach: i64) -> Vec<u8> {
    let pool = vec![ints("kernel_shape", &[reach, reach]), ints("strides", &[reach, reach])];
    let nodes = vec![
        node("AveragePool", &["x"], "a", pool),
        node("Reshape", &["a", "flat"], "q", vec![]),
        node("Transpose", &["q"], "k", vec![ints("perm", &[0, 2, 1])]),
        node("MatMul", &["k", "q"], "w", vec![]),
        node("Softmax", &["w"], "p", vec![int("axis", -1)]),
        node("MatMul", &["q", "p"], "o", vec![]),
        node("ReduceMean", &["o"], "m", vec![ints("axes", &[2]), int("keepdims", 0)]),
        node("Reshape", &["m", "one"], "z", vec![]),
        node("Add", &["x", "z"], "y", vec![]),
    ];
    model(nodes, vec![longs("flat", &[1, 3, -1]), longs("one", &[1, 3, 1, 1])])
}

/// Their names and bytes.
pub fn crafted() -> Vec<(&'static str, Vec<u8>)> {
    let million = 1_000_000;
    let square = |k: i64| ints("kernel_shape", &[k, k]);
    let around = |p: i64| ints("pads", &[p, p, p, p]);
    let step = |s: i64| ints("strides", &[s, s]);
    let wide = |d: i64| ints("dilations", &[d, d]);
    let vector = |name: &str, n: i64| node("ConstantOfShape", &[name], &format!("v{n}"), vec![]);
    let huge = vec![longs("tall", &[60_000, 1]), longs("flat", &[1, 60_000]), longs("line", &[60_000])];
    let two = || vec![vector("line", 1), vector("line", 2)];
    let outer = |op: &str| {
        let nodes = vec![vector("tall", 1), vector("flat", 2), node(op, &["v1", "v2"], "c", vec![])];
        added(nodes, huge.clone())
    };
    let computed = |op: &str, more: i64| {
        let (mut nodes, mut tensors) = counted(more);
        tensors.extend([
            floats("single", &[1], &[1.0]),
            long("zero", 0),
            long("unit", 1),
            longs("onoff", &[0, 1]),
        ]);
        tensors.push(longs("nul", &[0]));
        nodes.push(node("Squeeze", &["n"], "count", vec![]));
        match op {
            "ConstantOfShape" => nodes.push(node(op, &["n"], "c", vec![])),
            "Range" => nodes.push(node(op, &["zero", "count", "unit"], "c", vec![])),
            "Expand" | "Tile" => nodes.push(node(op, &["single", "n"], "c", vec![])),
            "OneHot" => nodes.push(node(op, &["nul", "count", "onoff"], "c", vec![])),
            "Pad" => {
                nodes.push(node("Concat", &["nul", "n"], "pads", vec![int("axis", 0)]));
                nodes.push(node(op, &["single", "pads"], "c", vec![]));
            }
            _ => {
                nodes.push(node("Concat", &["n", "n"], "side", vec![int("axis", 0)]));
                nodes.push(node("ConstantOfShape", &["side"], "e", vec![]));
                nodes.push(node("EyeLike", &["e"], "c", vec![]));
            }
        }
        added(nodes, tensors)
    };
    let einsum = |equation: &str, inputs: &[&str]| {
        let mut nodes = two();
        nodes.push(node("Einsum", inputs, "c", vec![text("equation", equation)]));
        added(nodes, huge.clone())
    };
    let dynamic = |op: &str| {
        let nodes = vec![
            node("Reshape", &["x", "tall"], "a", vec![]),
            node("Reshape", &["x", "flat"], "b", vec![]),
            node(op, &["a", "b"], "c", vec![]),
            node("ReduceMean", &["c"], "m", vec![int("keepdims", 0)]),
            node("Add", &["x", "m"], "y", vec![]),
        ];
        model(nodes, vec![longs("tall", &[-1, 1]), longs("flat", &[1, -1])])
    };
    let random = |op: &str| {
        let shape =
            if op.ends_with("Like") || op == "Bernoulli" { vec![] } else { vec![ints("shape", &[1])] };
        let inputs: &[&str] = if shape.is_empty() { &["x"] } else { &[] };
        model(vec![node(op, inputs, "r", shape), node("Add", &["x", "r"], "y", vec![])], vec![])
    };
    let training = {
        let on = crate::onnx::TensorProto { data_type: 9, int32_data: vec![1], ..long("on", 0) };
        let on = crate::onnx::TensorProto { raw_data: vec![], ..on };
        model(vec![node("Dropout", &["x", "", "on"], "y", vec![])], vec![on])
    };
    let mut list = vec![
        ("dilated-padded", conv("Conv", [3, 3, 3, 3], vec![wide(million), around(million)])),
        ("dilated", conv("Conv", [3, 3, 3, 3], vec![wide(million)])),
        ("dilated-17", conv("Conv", [3, 3, 3, 3], vec![wide(1 << 17), around(1 << 17)])),
        (
            "dilated-depthwise",
            conv("Conv", [3, 1, 3, 3], vec![wide(million), around(million), int("group", 3)]),
        ),
        ("dilated-62", conv("Conv", [3, 3, 3, 3], vec![wide(1 << 62), around(1 << 62)])),
        ("padded", conv("Conv", [3, 3, 3, 3], vec![around(1_000_000_000)])),
        ("padded-30000", conv("Conv", [3, 3, 1, 1], vec![around(30_000)])),
        ("padded-63", conv("Conv", [3, 3, 3, 3], vec![around(i64::MAX)])),
        ("padded-negative", conv("Conv", [3, 3, 3, 3], vec![around(-1_000_000)])),
        ("strided", conv("Conv", [3, 3, 3, 3], vec![step(i64::MAX), around(1)])),
        ("stride-0", conv("Conv", [3, 3, 3, 3], vec![step(0), around(1)])),
        ("dilation-0", conv("Conv", [3, 3, 3, 3], vec![wide(0), around(1)])),
        ("group-0", conv("Conv", [3, 3, 3, 3], vec![int("group", 0)])),
        ("group-7", conv("Conv", [3, 3, 3, 3], vec![int("group", 7)])),
        ("kernel-0", conv("Conv", [3, 3, 0, 0], vec![])),
        ("kernel-other", conv("Conv", [3, 3, 3, 3], vec![square(million)])),
        ("transposed-strided", conv("ConvTranspose", [3, 3, 3, 3], vec![step(100_000)])),
        ("transposed-dilated", conv("ConvTranspose", [3, 3, 3, 3], vec![wide(million), around(million)])),
        (
            "transposed-extra",
            conv("ConvTranspose", [3, 3, 3, 3], vec![ints("output_padding", &[million, million])]),
        ),
        ("average", one("AveragePool", vec![square(4001), around(2000), int("count_include_pad", 1)])),
        ("largest", one("MaxPool", vec![square(4001), around(2000)])),
        ("largest-dilated", one("MaxPool", vec![square(3), wide(million), around(million)])),
        ("pool-0", one("AveragePool", vec![square(0)])),
        ("pool-stride-0", one("MaxPool", vec![square(2), step(0)])),
        ("outer-add", outer("Add")),
        ("outer-product", outer("MatMul")),
        ("outer-equal", outer("Equal")),
        ("outer-of-pixels", dynamic("Add")),
        ("product-of-pixels", dynamic("MatMul")),
        ("computed-shape", computed("ConstantOfShape", 1 << 20)),
        ("computed-range", computed("Range", 1 << 24)),
        ("computed-expand", computed("Expand", 1 << 24)),
        ("computed-tile", computed("Tile", 1 << 24)),
        ("computed-onehot", computed("OneHot", 1 << 24)),
        ("computed-pad", computed("Pad", 1 << 24)),
        ("computed-eye", computed("EyeLike", 1)),
        ("computed-small-eye", computed("EyeLike", 0)),
        ("einsum-outer", einsum("i,j->ij", &["v1", "v2"])),
        ("einsum-cube", einsum("i,j,k->ijk", &["v1", "v2", "v1"])),
        ("einsum-sum", einsum("i,j,k->", &["v1", "v2", "v1"])),
        ("relus-5000", chain("Relu", 5_000)),
        ("relus-100000", chain("Relu", 100_000)),
        ("identities", chain("Identity", 20_000)),
        ("doubled-values", chain("Add", 2_000)),
        ("doubled-size", chain("Concat", 40)),
        ("sigmoids", chain("Sigmoid", 3_000)),
        ("nested-8", nested(7)),
        ("nested-12", nested(12)),
        ("attention", attention(1)),
        ("attention-4", attention(4)),
        ("blocks", one("DepthToSpace", vec![int("blocksize", million)])),
        ("blocks-0", one("SpaceToDepth", vec![int("blocksize", 0)])),
        ("axis", one("Softmax", vec![int("axis", -100)])),
        ("turned", one("Transpose", vec![ints("perm", &[0, 0, 9, -3])])),
        ("training", training),
        (
            "receptive",
            file(
                net(&OPEN, vec![node("Sigmoid", &["x"], "y", vec![])], vec![]),
                &[("receptive_field", "1000000000000000000"), ("size_multiple", "256")],
            ),
        ),
        (
            "words",
            file(
                net(&OPEN, vec![node("Relu", &["x"], "y", vec![])], vec![]),
                &[("k", &"w".repeat(10 << 20))],
            ),
        ),
        ("enlarged", {
            let scales = floats("s", &[4], &[1.0, 1.0, 1e4, 1e4]);
            model(vec![node("Resize", &["x", "", "s"], "y", vec![text("mode", "nearest")])], vec![scales])
        }),
        ("clipped", {
            let edges = vec![floats("lo", &[], &[f32::NAN]), floats("hi", &[], &[f32::INFINITY])];
            model(vec![node("Clip", &["x", "lo", "hi"], "y", vec![])], edges)
        }),
        ("leaky", one("LeakyRelu", vec![float("alpha", f32::NAN)])),
        ("held", {
            let shape = held("value", longs("", &[1 << 20, 1 << 20]));
            let nodes =
                vec![node("Constant", &[], "s", vec![shape]), node("ConstantOfShape", &["s"], "c", vec![])];
            added(nodes, vec![])
        }),
        (
            "large-input",
            file(net(&[1, 3, 13_000, 13_000], vec![node("Relu", &["x"], "y", vec![])], vec![]), &[]),
        ),
        (
            "long-input",
            file(net(&[1, 1, 1, 500_000_000], vec![node("Sigmoid", &["x"], "y", vec![])], vec![]), &[]),
        ),
        ("deep-bytes", (0..200_000).map(|_| 0x3b).collect()),
        // Operators of two bytes each, which grow a hundredfold when they are read.
        ("many-nothings", {
            let mut graph = net(&OPEN, vec![node("Relu", &["x"], "y", vec![])], vec![]);
            graph.node.extend(std::iter::repeat_n(NodeProto::default(), 3_000_000));
            file(graph, &[])
        }),
        ("many-tensors", {
            let names: Vec<String> = (0..100_000).map(|i| format!("t{i}")).collect();
            let tensors = names.iter().map(|n| floats(n, &[], &[1.0])).collect();
            model(vec![node("Relu", &["x"], "y", vec![])], tensors)
        }),
        ("empty", file(GraphProto::default(), &[])),
    ];
    let draws = [
        "RandomNormal",
        "RandomUniform",
        "RandomNormalLike",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
    ];
    list.extend(draws.map(|op| (op, random(op))));
    list
}
