use super::parts::{
    BFLOAT16, DOUBLE, FLOAT, FLOAT16, INT64, UINT8, UINT16, cast, float, ints, node, slice, text,
};
use super::*;
use crate::image::{Depth, Image, Samples};
use crate::nn::tests_hostile::Folder;
use crate::nn::{Network, Range, RangeOrigin, Receptive, RestoreOptions, Restorer};
use prost::Message;
use std::sync::Arc;
use tract_onnx::pb::{
    AttributeProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto, type_proto,
};

/// A tensor's name, type and sides; 0 is any.
type Value<'a> = (&'a str, i32, &'a [i64]);

fn value(&(name, elem_type, dims): &Value<'_>) -> ValueInfoProto {
    let dim = |d: &i64| {
        let value = (*d > 0).then_some(tensor_shape_proto::dimension::Value::DimValue(*d));
        tensor_shape_proto::Dimension { value, ..Default::default() }
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor = type_proto::Value::TensorType(type_proto::Tensor { elem_type, shape });
    let r#type = Some(TypeProto { value: Some(tensor), ..TypeProto::default() });
    ValueInfoProto { name: name.into(), r#type, ..ValueInfoProto::default() }
}

fn model(
    version: i64,
    inputs: &[Value<'_>],
    output: Value<'_>,
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
) -> ModelProto {
    let graph = GraphProto {
        node,
        initializer,
        input: inputs.iter().map(value).collect(),
        output: vec![value(&output)],
        ..GraphProto::default()
    };
    ModelProto {
        ir_version: 8,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { version, ..OperatorSetIdProto::default() }],
        ..ModelProto::default()
    }
}

fn load(name: &str, model: &ModelProto) -> Network {
    Folder::new(&format!("normalise-{name}")).load(&model.encode_to_vec()).expect("loads")
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        data_type: FLOAT,
        dims: dims.to_vec(),
        raw_data,
        ..TensorProto::default()
    }
}

/// A picture of whole levels with noise, in channels and perhaps alpha.
fn picture(width: usize, height: usize, channels: usize, alpha: bool) -> Image {
    let mut image = crate::nn::tests::picture(width, height, channels, Depth::U8);
    if alpha {
        image.alpha = Some(Samples::U8((0..width * height).map(|i| 55 + (i * 7 % 200) as u8).collect()));
    }
    image
}

fn restored(network: Network, image: &Image, levels: &[f32]) -> Image {
    let restorer =
        Restorer::new(Arc::new(network), RestoreOptions { any_finite: true, ..Default::default() });
    let restored = restorer.expect("restores").restore_with(image, 1.0, levels).expect("runs");
    restored.image.unwrap_or_else(|| image.clone())
}

const ANY: &[i64] = &[1, 1, 0, 0];

#[test]
fn half_and_double_precision_become_single() {
    let halves = |kind, bits: u16| TensorProto {
        name: "k".into(),
        data_type: kind,
        raw_data: bits.to_le_bytes().to_vec(),
        ..TensorProto::default()
    };
    let double =
        TensorProto { name: "k".into(), data_type: DOUBLE, double_data: vec![0.5], ..TensorProto::default() };
    for (kind, half) in
        [(FLOAT16, halves(FLOAT16, 0x3800)), (BFLOAT16, halves(BFLOAT16, 0x3f00)), (DOUBLE, double)]
    {
        let nodes = vec![cast("x", "c", kind), node("Mul", &["c", "k"], "y", vec![])];
        let model = model(17, &[("x", kind, ANY)], ("y", kind, ANY), nodes, vec![half]);
        let image = picture(20, 15, 1, false);
        let network = load(&format!("half-{kind}"), &model);
        assert_ne!(network.info().inputs[0].dtype, "float");
        let out = restored(network, &image, &[]);
        for i in 0..image.samples.len() {
            assert!((out.samples.get(i) - 0.5 * image.samples.get(i)).abs() < 0.003);
        }
    }
}

#[test]
fn weights_of_half_precision_in_another_file_are_read() {
    let folder = Folder::new("normalise-external");
    std::fs::write(folder.path().join("weights.bin"), [0, 0, 0x00, 0x38, 9, 9]).expect("written");
    let entry = |key: &str, value: &str| tract_onnx::pb::StringStringEntryProto {
        key: key.into(),
        value: value.into(),
    };
    let tensor = TensorProto {
        name: "k".into(),
        data_type: FLOAT16,
        dims: vec![1],
        data_location: Some(1),
        external_data: vec![entry("location", "weights.bin"), entry("offset", "2"), entry("length", "2")],
        ..TensorProto::default()
    };
    let nodes = vec![node("Mul", &["x", "k"], "y", vec![])];
    let model = model(17, &[("x", FLOAT16, ANY)], ("y", FLOAT16, ANY), nodes, vec![tensor]);
    let network = folder.load(&model.encode_to_vec()).expect("loads");
    let image = picture(8, 8, 1, false);
    let out = restored(network, &image, &[]);
    assert!((out.samples.get(9) - 0.5 * image.samples.get(9)).abs() < 0.003);
}

#[test]
fn whole_numbers_go_in_and_out() {
    for (kind, name) in [(UINT8, "bytes"), (UINT16, "words")] {
        for version in [10, 17] {
            let nodes = vec![
                cast("x", "f", FLOAT),
                float("one", 1.0),
                node("Add", &["f", "one"], "g", vec![]),
                node("Sub", &["g", "one"], "h", vec![]),
                cast("h", "y", kind),
            ];
            let dims: &[i64] = &[1, 0, 0, 3];
            let model = model(version, &[("x", kind, dims)], ("y", kind, dims), nodes, vec![]);
            let network = load(&format!("{name}-{version}"), &model);
            let info = network.info();
            assert_eq!(
                (info.inputs[0].dtype.as_str(), info.range_origin),
                (&format!("uint{}", if kind == UINT8 { 8 } else { 16 })[..], RangeOrigin::Inferred)
            );
            assert_eq!(info.range == Range::Byte, kind == UINT8);
            let image = picture(23, 17, 3, false);
            assert_eq!(restored(network, &image, &[]), image);
        }
    }
}

#[test]
fn upsampling_of_early_versions_is_resizing() {
    let scales = AttributeProto { floats: vec![1.0, 1.0, 2.0, 2.0], ..ints("scales", &[]) };
    let scales = AttributeProto { r#type: 6, ..scales };
    let cut = slice("u", "y", &[(2, 0, 1 << 30)], 9);
    let given = floats("s", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let by_attribute = vec![node("Upsample", &["x"], "u", vec![text("mode", "nearest"), scales])];
    let by_input = vec![node("Upsample", &["x", "s"], "u", vec![text("mode", "nearest")])];
    for (version, nodes, tensors) in [(7, by_attribute, vec![]), (9, by_input, vec![given])] {
        let nodes = nodes.into_iter().chain(cut.clone()).collect();
        let model = model(version, &[("x", FLOAT, ANY)], ("y", FLOAT, ANY), nodes, tensors);
        let network = load(&format!("upsample-{version}"), &model);
        assert_eq!(network.info().scale, Some(2));
        let image = picture(9, 7, 1, false);
        let out = restored(network, &image, &[]);
        for y in 0..14 {
            for x in 0..18 {
                assert_eq!(out.samples.get(y * 18 + x), image.samples.get(y / 2 * 9 + x / 2));
            }
        }
    }
}

#[test]
fn indices_may_count_from_the_end() {
    let index = |v: [i64; 4]| TensorProto {
        name: "i".into(),
        data_type: INT64,
        dims: vec![1, 4],
        int64_data: v.to_vec(),
        ..TensorProto::default()
    };
    // The last row but one of the first channel becomes 0.5 in one pixel.
    let constant = vec![node("ScatterND", &["x", "i", "v"], "y", vec![])];
    let computed = vec![node("Neg", &["p"], "i", vec![]), node("ScatterND", &["x", "i", "v"], "y", vec![])];
    let positive = TensorProto { name: "p".into(), ..index([1, 1, 2, 3]) };
    for (nodes, tensor) in [(constant, index([-1, -1, -2, -3])), (computed, positive)] {
        let name = tensor.name.clone();
        let model = model(
            17,
            &[("x", FLOAT, &[1, 1, 6, 8])],
            ("y", FLOAT, ANY),
            nodes,
            vec![tensor, floats("v", &[1], &[0.2])],
        );
        let network = load(&format!("scatter-{name}"), &model);
        let image = picture(8, 6, 1, false);
        let out = restored(network, &image, &[]);
        for i in 0..48 {
            let want = if i == 4 * 8 + 5 { 0.2 } else { image.samples.get(i) };
            assert!((out.samples.get(i) - want).abs() < 1e-3, "{name} {i}");
        }
    }
    let nodes = vec![node("GatherND", &["x", "i"], "g", vec![]), node("Mul", &["x", "g"], "y", vec![])];
    let model =
        model(17, &[("x", FLOAT, &[1, 1, 6, 8])], ("y", FLOAT, ANY), nodes, vec![index([-1, 0, -1, -1])]);
    let network = load("gather", &model);
    let image = picture(8, 6, 1, false);
    let out = restored(network, &image, &[]);
    let want = image.samples.get(7) * image.samples.get(47);
    assert!((out.samples.get(7) - want).abs() < 0.003);
}

#[test]
fn numbers_and_maps_beside_the_picture_become_planes() {
    // x + number + map
    let nodes = vec![node("Add", &["x", "sigma"], "a", vec![]), node("Add", &["a", "map"], "y", vec![])];
    let dims: &[i64] = &[1, 3, 0, 0];
    for (name, number) in
        [("four", &[1i64, 1, 1, 1] as &[i64]), ("one", &[1]), ("none", &[]), ("batch", &[0, 1, 1, 1])]
    {
        for version in [9, 17] {
            let inputs = [("sigma", FLOAT, number), ("x", FLOAT, dims), ("map", FLOAT, ANY)];
            let network = load(
                &format!("levels-{name}-{version}"),
                &model(version, &inputs, ("y", FLOAT, dims), nodes.clone(), vec![]),
            );
            let info = network.info();
            assert_eq!((info.in_channels, info.inputs.len()), (5, 3));
            assert_eq!(info.levels, ["sigma", "map"]);
            assert_eq!(info.receptive, Receptive::Pixels(0));
            let image = picture(70, 20, 3, false);
            let out = restored(network, &image, &[0.25, -0.125]);
            for i in 0..image.samples.len() {
                let want = (image.samples.get(i) + 0.125).min(1.0);
                assert!((out.samples.get(i) - want).abs() < 0.004, "{name}");
            }
        }
    }
}

#[test]
fn alpha_goes_through_networks_of_four_channels() {
    // Every channel is halved.
    let nodes = vec![float("k", 0.5), node("Mul", &["x", "k"], "y", vec![])];
    let dims: &[i64] = &[1, 4, 0, 0];
    let network = load("rgba", &model(17, &[("x", FLOAT, dims)], ("y", FLOAT, dims), nodes, vec![]));
    let restorer =
        Restorer::new(Arc::new(network), RestoreOptions { any_finite: true, ..Default::default() });
    let restorer = restorer.expect("restores");
    assert!(restorer.levels().is_empty());
    let image = picture(30, 20, 3, true);
    let out = restorer.restore(&image).expect("runs");
    let (was, is) = (image.alpha.as_ref().expect("alpha"), out.alpha.as_ref().expect("alpha"));
    for i in 0..was.len() {
        assert!((is.get(i) - 0.5 * was.get(i)).abs() < 0.003);
    }
    assert!((out.samples.get(5) - 0.5 * image.samples.get(5)).abs() < 0.003);
    assert!(restorer.restore(&picture(30, 20, 3, false)).expect("runs").alpha.is_none());
}

#[test]
fn channels_may_come_and_go() {
    let axis = || vec![ints("axes", &[1])];
    let gray = || vec![node("ReduceMean", &["x"], "y", axis())];
    let rgb = || vec![node("Concat", &["x", "x", "x"], "y", vec![super::parts::int("axis", 1)])];
    let matte = || {
        let mut nodes = slice("x", "first", &[(1, 0, 1)], 17);
        nodes.push(node("Concat", &["x", "first"], "y", vec![super::parts::int("axis", 1)]));
        nodes
    };
    let load = |name: &str, from: i64, to: i64, nodes: Vec<NodeProto>| {
        let (a, b) = ([1, from, 0, 0], [1, to, 0, 0]);
        load(name, &model(17, &[("x", FLOAT, &a)], ("y", FLOAT, &b), nodes, vec![]))
    };
    let image = picture(40, 30, 3, false);
    let out = restored(load("gray", 3, 1, gray()), &image, &[]);
    assert_eq!((out.channels, out.samples.len(), out.alpha.is_none()), (1, 1200, true));
    let mean = (0..3).map(|c| image.samples.get(c)).sum::<f32>() / 3.0;
    assert!((out.samples.get(0) - mean).abs() < 0.003);
    let out = restored(load("rgb", 1, 3, rgb()), &picture(40, 30, 1, true), &[]);
    assert_eq!((out.channels, out.samples.len(), out.alpha.is_some()), (3, 3600, true));
    let out = restored(load("matte", 3, 4, matte()), &image, &[]);
    assert_eq!(out.samples, image.samples);
    assert_eq!(out.alpha.map(|a| a.get(7)), Some(image.samples.get(21)));
    // What stands behind the colours must be said, where the output does not tell.
    let network = Arc::new(load("level", 4, 3, slice("x", "y", &[(1, 0, 3)], 17)));
    let names = |alpha| {
        let options = RestoreOptions { alpha, ..Default::default() };
        Restorer::new(network.clone(), options).expect("restores").levels().to_vec()
    };
    assert_eq!((names(None), names(Some(true))), (vec!["channel_4".to_string()], vec![]));
}

#[test]
fn other_inputs_are_refused_by_name() {
    let inputs = [("x", FLOAT, &[1i64, 3, 0, 0] as &[i64]), ("tokens", INT64, &[1, 77])];
    let nodes = vec![cast("tokens", "t", FLOAT), node("Add", &["x", "t"], "y", vec![])];
    let bytes = model(17, &inputs, ("y", FLOAT, ANY), nodes, vec![]).encode_to_vec();
    let error = Folder::new("normalise-tokens").load(&bytes).expect_err("refused").to_string();
    assert!(error.contains("tokens: int64 1 x 77"), "{error}");
}

#[test]
fn valid_convolutions_get_their_border() {
    let kernel = || floats("k", &[1, 1, 5, 5], &[0.04; 25]);
    let nodes = || vec![node("Conv", &["x", "k"], "y", vec![])];
    for (name, dims) in [("any", ANY), ("one-size", &[1, 1, 24, 24])] {
        let network = load(
            &format!("valid-{name}"),
            &model(17, &[("x", FLOAT, dims)], ("y", FLOAT, ANY), nodes(), vec![kernel()]),
        );
        let info = network.info();
        assert_eq!((info.scale, info.receptive, info.least), (Some(1), Receptive::Pixels(2), 3));
        assert_eq!(info.fixed_size, (name == "one-size").then_some((20, 20)));
        for (w, h) in [(50, 33), (2, 1)] {
            let image = picture(w, h, 1, false);
            let restorer = Restorer::new(
                Arc::new(load(
                    &format!("valid-{name}"),
                    &model(17, &[("x", FLOAT, dims)], ("y", FLOAT, ANY), nodes(), vec![kernel()]),
                )),
                RestoreOptions { tile: Some(16), any_finite: true, ..Default::default() },
            );
            let out = restorer.expect("restores").restore(&image).expect("runs");
            let reflect = |i: isize, n: usize| crate::nn::tile::reflected(i.unsigned_abs(), n);
            let at = |x: isize, y: isize| image.samples.get(reflect(y, h) * w + reflect(x, w));
            for (y, x) in [(0, 0), (h / 2, w / 2), (h - 1, w - 1)] {
                let sum: f32 = (-2..3)
                    .flat_map(|dy| (-2..3).map(move |dx| (dx, dy)))
                    .map(|(dx, dy)| at(x as isize + dx, y as isize + dy))
                    .sum();
                assert!((out.samples.get(y * w + x) - sum / 25.0).abs() < 0.003, "{name} {w}x{h} {x} {y}");
            }
        }
    }
}

#[test]
fn parts_of_onnxruntime_s_own_are_named_with_what_to_do() {
    let own = |op: &str| NodeProto { domain: "com.microsoft".into(), ..node(op, &["x"], "y", vec![]) };
    for (op, advice) in [("QLinearAdd", "QuantFormat.QDQ"), ("FusedConv", "optimiser")] {
        let bytes = model(17, &[("x", FLOAT, ANY)], ("y", FLOAT, ANY), vec![own(op)], vec![]).encode_to_vec();
        let error = Folder::new(&format!("normalise-{op}")).load(&bytes).expect_err("refused").to_string();
        assert!(error.contains(&format!("com.microsoft:{op}")) && error.contains(advice), "{error}");
    }
}
