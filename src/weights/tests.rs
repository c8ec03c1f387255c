//! The reader on files made here: sound, of several shapes, damaged, and meaning harm.

#[path = "../../tests/integration/state_dicts.rs"]
mod state_dicts;

use super::{WeightsError, model};
use proptest::prelude::*;
use state_dicts::{
    Weights, archive, compact, dictionary, legacy, pickle, safetensors, state, tensors, zipped,
};
use std::path::Path;
use tract_onnx::pb::ModelProto;

fn read(bytes: &[u8]) -> Result<ModelProto, WeightsError> {
    model(bytes, Path::new("a.pth")).map(|made| made.expect("no ONNX"))
}

fn fact(model: &ModelProto, key: &str) -> String {
    let found = model.metadata_props.iter().find(|fact| fact.key == key);
    found.map(|fact| fact.value.clone()).unwrap_or_default()
}

/// The weights `name` of a model.
fn weights(model: &ModelProto, name: &str) -> Vec<f32> {
    let graph = model.graph.as_ref().expect("a graph");
    let found = graph.initializer.iter().find(|tensor| tensor.name == name).expect("the weights");
    found.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[test]
fn each_format_gives_the_same_model() {
    let network = compact();
    let made = read(&safetensors(&network)).expect("safetensors");
    assert_eq!(made, read(&zipped(&network)).expect("a zip archive"));
    assert_eq!(made, read(&legacy(&network)).expect("the format before"));
    let facts = ["architecture", "scale", "colour", "range", "licence"].map(|key| fact(&made, key));
    assert_eq!(facts, ["Compact", "2", "rgb", "0-1", "unknown"]);
    assert_eq!(weights(&made, "body.2.weight"), network[3].values);
}

#[test]
fn wrappers_and_prefixes_are_looked_behind_and_averages_preferred() {
    let (last, mut average) = (compact(), compact());
    average.iter_mut().for_each(|tensor| tensor.values.iter_mut().for_each(|v| *v += 1.0));
    let wanted = read(&safetensors(&average)).expect("plain");
    let both = [last.clone(), average.clone()].concat();
    let entries = |names: [&str; 2]| {
        let parts = [state(&last, 0, false), state(&average, last.len(), false)];
        names.map(str::to_owned).into_iter().zip(parts).collect::<Vec<_>>()
    };
    for names in [["params", "params_ema"], ["state_dict", "ema"], ["optimizer", "model"], ["net_d", "net_g"]]
    {
        let file = archive(&pickle(&dictionary(&entries(names))), &both);
        assert_eq!(read(&file).expect("wrapped"), wanted, "{names:?}");
    }
    // A training's checkpoint: the network below two keys, and other things beside it.
    let inner = dictionary(&[("state_dict".to_owned(), state(&average, last.len(), false))]);
    let outer = [("epoch".to_owned(), b"K\x07".to_vec()), ("model".to_owned(), inner)];
    assert_eq!(read(&archive(&pickle(&dictionary(&outer)), &both)).expect("nested"), wanted);
    for prefix in ["module.", "net_g.module.", "_orig_mod.", "params_ema."] {
        let named = |t: &Weights| Weights { name: format!("{prefix}{}", t.name), ..t.clone() };
        let prefixed: Vec<_> = average.iter().map(named).collect();
        assert_eq!(read(&safetensors(&prefixed)).expect("prefixed"), wanted, "{prefix}");
    }
}

#[test]
fn whatever_is_no_tensor_or_container_is_refused_by_name() {
    let refused = |make: &[u8]| match read(&archive(&pickle(make), &[])) {
        Err(error @ (WeightsError::Forbidden(_) | WeightsError::Object(_))) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let named = [
        (&b"cos\nsystem\nX\x02\0\0\0ls\x85R"[..], "os.system"),
        (b"cposix\nsystem\n(X\x02\0\0\0lstR", "posix.system"),
        (b"cbuiltins\neval\nX\x01\0\0\x001\x85R", "builtins.eval"),
        // By the names of protocol 4, by the oldest operations, and inside a dictionary.
        (b"\x8c\x0asubprocess\x8c\x05Popen\x93)R", "subprocess.Popen"),
        (b"(ios\nsystem\n", "os.system"),
        (b"(X\x02\0\0\0lsios\nsystem\n", "os.system"),
        (b"}(X\x01\0\0\0acos\ngetcwd\n)Ru", "os.getcwd"),
        (b"}cargparse\nNamespace\n)\x81}b", "argparse.Namespace"),
        (b"ctorch\nload\n)R", "torch.load"),
        (b"ctorch.jit._pickle\nrestore_type_tag\n)R", "restore_type_tag"),
        (b"}(ccollections\nOrderedDict\n)o", "OBJ"),
        (b"\x82\x01", "EXT"),
        (b"PX\n", "PERSID"),
        (b"X\x01\0\0\0a}b", "BUILD"),
        (b"ccollections\nOrderedDict\n}b", "BUILD"),
        (b"\x98", "READONLY_BUFFER"),
        (b"\xff", "0xff"),
    ];
    for (make, name) in named {
        let told = refused(make);
        assert!(told.contains(name), "{name}: {told}");
    }
    // A whole network of a program.
    let told = refused(b"cbasicsr.archs.rrdbnet_arch\nRRDBNet\nq\0)\x81q\x01}b");
    assert!(told.contains("whole object of class `basicsr.archs.rrdbnet_arch.RRDBNet`"), "{told}");
    // What is known may be named, but is called with what it takes alone.
    for make in [&b"ctorch._utils\n_rebuild_tensor_v2\n)R"[..], b"ctorch\nFloatStorage\n)R", b"}}R"] {
        assert!(matches!(read(&archive(&pickle(make), &[])), Err(WeightsError::Damaged(_))));
    }
}

#[test]
fn an_unknown_network_is_told_by_its_tensors() {
    let unknown = tensors(&[("encoder.0.weight", &[4, 3, 3, 3]), ("encoder.0.bias", &[4])]);
    let told = read(&safetensors(&unknown)).expect_err("unknown").to_string();
    for part in ["ESRGAN, SPAN", "2 tensors", "encoder.0.weight [4, 3, 3, 3]", "torch.onnx.export"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let mut odd = compact();
    odd[3].dims = vec![4, 2, 3, 6];
    let told = read(&safetensors(&odd)).expect_err("it doesn't fit").to_string();
    assert!(told.contains("looks like Compact") && told.contains("body.2"), "{told}");
    let none = read(&archive(&pickle(b"}"), &[])).expect_err("nothing").to_string();
    assert!(none.contains("no dictionary of tensors"), "{none}");
}

#[test]
fn sizes_are_checked_against_what_is_there() {
    let network = compact();
    let damaged = |bytes: &[u8]| match read(bytes) {
        Err(WeightsError::Damaged(what)) => what,
        other => panic!("{other:?}"),
    };
    // Fewer numbers than the pickle tells, none at all, and cut off at every place.
    let mut short = network.clone();
    short[4].values.pop();
    let told = damaged(&archive(&pickle(&state(&network, 0, false)), &short));
    assert!(told.contains("body.2.bias"), "{told}");
    damaged(&archive(&pickle(&state(&network, 0, false)), &network[..3]));
    for file in [zipped(&network), legacy(&network), safetensors(&network)] {
        for end in (32..file.len()).step_by(97) {
            assert!(read(&file[..end]).is_err(), "{end} of {}", file.len());
        }
    }
}

#[test]
fn pickles_that_grow_cost_no_more_than_their_length() {
    // A list of itself, deep nesting, a tuple named again and again, and rows taken for sizes of tensors.
    let deep = [vec![b'('; 1 << 20], vec![b't'; 1 << 20]].concat();
    let rounds = [b"]q\0".to_vec(), b"h\0a".repeat(1 << 16)].concat();
    let doubled = [b")q\0".to_vec(), b"h\0h\0\x86q\0".repeat(1 << 16)].concat();
    let long = [b"(".to_vec(), b"K\x01".repeat(1 << 16), b"tq\0".to_vec()].concat();
    let sizes = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuJ\x01\0\0\0tQK\0h\0h\0tR";
    let long = [long, sizes.repeat(1 << 8)].concat();
    let start = std::time::Instant::now();
    for make in [deep, rounds, doubled, long] {
        assert!(read(&archive(&pickle(&make), &[])).is_err());
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn convolutions_trained_as_several_are_made_one() {
    // One channel and one middle channel: every product can be told.
    let conv = |name: &str, weights: &[f32], bias: f32| {
        let side = weights.len().isqrt();
        [
            Weights {
                name: format!("{name}.weight"),
                dims: vec![1, 1, side, side],
                values: weights.to_vec(),
            },
            Weights { name: format!("{name}.bias"), dims: vec![1], values: vec![bias] },
        ]
    };
    let middle: Vec<f32> = (1..=9).map(|v| v as f32).collect();
    let mut network = vec![];
    let mut keys = vec!["conv_1".to_owned(), "conv_2".to_owned()];
    keys.extend((1..=6).flat_map(|b| (1..=3).map(move |c| format!("block_{b}.c{c}_r"))));
    for key in &keys {
        network.extend(conv(&format!("{key}.sk"), &[100.0], 0.5));
        network.extend(conv(&format!("{key}.conv.0"), &[2.0], 1.0));
        network.extend(conv(&format!("{key}.conv.1"), &middle, 10.0));
        network.extend(conv(&format!("{key}.conv.2"), &[3.0], 0.25));
        network.extend(conv(&format!("{key}.eval_conv"), &[7.0; 9], 7.0));
    }
    network.extend(tensors(&[
        ("conv_cat.weight", &[1, 4, 1, 1]),
        ("conv_cat.bias", &[1]),
        ("upsampler.0.weight", &[4, 1, 3, 3]),
        ("upsampler.0.bias", &[4]),
        ("no_norm", &[1]),
    ]));
    let made = read(&safetensors(&network)).expect("SPAN");
    let expected: Vec<f32> = (1..=9).map(|v| 6.0 * v as f32 + if v == 5 { 100.0 } else { 0.0 }).collect();
    assert_eq!(weights(&made, "conv_1.weight"), expected);
    // 3 x (45 x 1 + 10) + 0.25 + 0.5.
    assert_eq!(weights(&made, "conv_1.bias"), [165.75]);
    // A file that was cleaned of what trains it.
    network.retain(|t| !t.name.contains(".sk.") && !t.name.contains(".conv."));
    let made = read(&safetensors(&network)).expect("SPAN");
    assert_eq!(weights(&made, "conv_1.eval_conv.weight"), [7.0; 9]);
    assert_eq!((fact(&made, "scale"), fact(&made, "colour")), ("2".into(), "gray".into()));
}

#[test]
fn parts_of_a_convolution_whose_product_is_huge_are_refused() {
    let wide = 1 << 11;
    let parts: [(&str, [usize; 4]); 4] = [
        ("sk", [wide, 1, 1, 1]),
        ("conv.0", [wide, 1, 1, 1]),
        ("conv.1", [1, wide, 3, 3]),
        ("conv.2", [wide, 1, 1, 1]),
    ];
    let mut keys = vec!["conv_1".to_owned(), "conv_2".to_owned()];
    keys.extend((1..=6).flat_map(|b| (1..=3).map(move |c| format!("block_{b}.c{c}_r"))));
    let mut sizes: Vec<(String, Vec<usize>)> =
        keys.iter().map(|key| (format!("{key}.sk.weight"), vec![1, 1, 1, 1])).collect();
    sizes.retain(|(name, _)| name != "conv_1.sk.weight");
    sizes.extend(parts.map(|(part, dims)| (format!("conv_1.{part}.weight"), dims.to_vec())));
    sizes.extend(["conv_cat", "upsampler.0"].map(|name| (format!("{name}.weight"), vec![1, 1, 1, 1])));
    let sizes: Vec<(&str, &[usize])> = sizes.iter().map(|(name, dims)| (name.as_str(), &dims[..])).collect();
    let told = read(&safetensors(&tensors(&sizes))).expect_err("refused").to_string();
    assert!(told.contains("looks like SPAN") && told.contains("2048 channels inside"), "{told}");
}

#[test]
fn pixels_that_come_as_channels_are_counted_as_onnx_counts_them() {
    let dense: Vec<(String, Vec<usize>)> = (1..=3)
        .flat_map(|part| {
            (1..=5).map(move |conv| (format!("body.0.rdb{part}.conv{conv}.weight"), vec![2, 2 * conv, 3, 3]))
        })
        .collect();
    let mut sizes: Vec<(&str, &[usize])> =
        dense.iter().map(|(name, dims)| (name.as_str(), &dims[..])).collect();
    sizes.extend([("conv_first.weight", &[2, 12, 1, 1][..]), ("conv_body.weight", &[2, 2, 3, 3])]);
    for name in ["conv_up1.weight", "conv_up2.weight", "conv_hr.weight"] {
        sizes.push((name, &[2, 2, 3, 3]));
    }
    sizes.push(("conv_last.weight", &[3, 2, 3, 3]));
    let network = tensors(&sizes);
    let made = read(&zipped(&network)).expect("Real-ESRGAN x2");
    let facts = ["architecture", "scale", "size_multiple"].map(|key| fact(&made, key));
    assert_eq!(facts, ["ESRGAN", "2", "2"]);
    // PyTorch: colour x 4 + place; ONNX: place x 3 + colour.
    let first = network.iter().find(|t| t.name == "conv_first.weight").expect("it is there");
    let moved = weights(&made, "conv_first.weight");
    for (place, colour) in (0..4).flat_map(|place| (0..3).map(move |colour| (place, colour))) {
        assert_eq!(moved[place * 3 + colour], first.values[colour * 4 + place]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_errors_or_models_and_never_panic(
        format in 0..3usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let network = compact();
        let mut file = [zipped, legacy, safetensors][format](&network);
        for (at, byte) in changes {
            // Half of the changes hit what describes the numbers.
            let most = if byte % 2 == 0 { file.len() } else { file.len().min(3000) };
            let at = at.index(most);
            file[at] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let _ = model(&file, Path::new("a.pth"));
    }

    #[test]
    fn any_pickle_is_an_error_or_a_model(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&archive(&pickle(&bytes), &[]));
        let _ = super::pickle::read(&bytes);
    }
}
