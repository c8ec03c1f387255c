//! Models that are damaged or mean harm: an error within seconds, never a panic or a huge allocation.

use super::*;
use std::path::{Path, PathBuf};

/// One protobuf field: number and contents.
pub(super) fn field(number: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    varint(u64::from(number) << 3 | 2, &mut out);
    varint(contents.len() as u64, &mut out);
    out.extend(contents);
    out
}

pub(super) fn int(number: u8, value: u64) -> Vec<u8> {
    let mut out = vec![];
    varint(u64::from(number) << 3, &mut out);
    varint(value, &mut out);
    out
}

fn varint(mut v: u64, out: &mut Vec<u8>) {
    while v >= 128 {
        out.push(v as u8 | 128);
        v >>= 7;
    }
    out.push(v as u8);
}

fn value_info(name: &str, dims: &[u64]) -> Vec<u8> {
    let shape: Vec<u8> = dims.iter().flat_map(|d| field(1, &int(1, *d))).collect();
    let tensor = [int(1, 1), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

pub(super) fn node(op: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|i| field(1, i.as_bytes())).collect();
    [inputs, field(2, output.as_bytes()), field(4, op.as_bytes())].concat()
}

pub(super) fn tensor(name: &str, dtype: u64, dims: &[u64], raw: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|d| int(1, *d)).collect();
    [dims, int(2, dtype), field(8, name.as_bytes()), field(9, raw)].concat()
}

/// A model with one input `x` and one output `y`.
pub(super) fn model(input: &[u64], nodes: &[Vec<u8>], tensors: &[Vec<u8>]) -> Vec<u8> {
    let mut graph: Vec<u8> = nodes.iter().flat_map(|n| field(1, n)).collect();
    graph.extend(tensors.iter().flat_map(|t| field(5, t)));
    graph.extend(field(11, &value_info("x", input)));
    graph.extend(field(12, &value_info("y", &[])));
    let opset = [field(1, b""), int(2, 17)].concat();
    [int(1, 8), field(7, &graph), field(8, &opset)].concat()
}

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("safelight-nn-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn load(&self, bytes: &[u8]) -> Result<Network, ModelError> {
        let path = self.0.join("model.onnx");
        std::fs::write(&path, bytes).expect("written");
        Network::load(&path, &LoadOptions::default())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn external(location: &str) -> Vec<u8> {
    let entry = |k: &str, v: &str| field(13, &[field(1, k.as_bytes()), field(2, v.as_bytes())].concat());
    let dims = [int(1, 1), int(1, 1), int(1, 1), int(1, 1)].concat();
    [dims, int(2, 1), field(8, b"k"), entry("location", location), int(14, 1)].concat()
}

#[test]
fn the_builder_makes_valid_models() {
    let folder = Folder::new("valid");
    let kernel = tensor("k", 1, &[1, 1, 1, 1], &1.0f32.to_le_bytes());
    let bytes = model(&[1, 1, 8, 8], &[node("Conv", &["x", "k"], "y")], &[kernel]);
    let network = folder.load(&bytes).expect("loads");
    assert_eq!((network.info().scale, network.info().parameters), (Some(1), 1));
}

#[test]
fn cut_off_files_are_refused() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models/mnist.onnx");
    let Ok(bytes) = std::fs::read(path) else {
        eprintln!("skipped: no model to cut");
        return;
    };
    let folder = Folder::new("cut");
    for percent in 0..100 {
        let result = folder.load(&bytes[..bytes.len() * percent / 100]);
        let error = result.err().map(|e| e.to_string());
        // A cut in trailing metadata may leave a whole graph.
        assert!(error.is_some() || percent > 90, "{percent} %");
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let folder = Folder::new("flip");
    let kernel = tensor("k", 1, &[1, 1, 1, 1], &1.0f32.to_le_bytes());
    let bytes = model(&[1, 1, 8, 8], &[node("Conv", &["x", "k"], "y")], &[kernel]);
    for i in 0..bytes.len() {
        for bit in [0, 3, 7] {
            let mut bad = bytes.clone();
            bad[i] ^= 1 << bit;
            let _ = folder.load(&bad);
        }
    }
}

#[test]
fn absurd_sizes_are_refused() {
    let folder = Folder::new("large");
    let relu = node("Relu", &["x"], "y");
    let big = 1_000_000_000;
    let refused = |bytes: Vec<u8>| {
        let error = folder.load(&bytes).expect_err("refused");
        assert!(matches!(error, ModelError::TooLarge { .. } | ModelError::Build { .. }), "{error}");
    };
    refused(model(&[1, 1, big, big], std::slice::from_ref(&relu), &[]));
    let huge = tensor("k", 1, &[big, big], b"");
    refused(model(&[1, 1, 8, 8], std::slice::from_ref(&relu), &[huge]));
    let shape = tensor("s", 7, &[2], &[big.to_le_bytes(), big.to_le_bytes()].concat());
    let fill = [node("ConstantOfShape", &["s"], "c"), node("Add", &["x", "c"], "y")];
    refused(model(&[1, 1, 8, 8], &fill, &[shape]));
    let repeats: Vec<u8> = [1u64, 1, 100_000, 100_000].iter().flat_map(|v| v.to_le_bytes()).collect();
    let tile = tensor("r", 7, &[4], &repeats);
    refused(model(&[1, 1, 8, 8], &[node("Tile", &["x", "r"], "y")], &[tile]));
}

#[test]
fn constants_that_grow_are_refused() {
    let folder = Folder::new("grow");
    let add = node("Add", &["x", "c"], "y");
    let load = |nodes: &[Vec<u8>], tensors: &[Vec<u8>]| {
        folder.load(&model(&[1, 1, 8, 8], &[nodes, std::slice::from_ref(&add)].concat(), tensors))
    };
    let refused = |nodes: &[Vec<u8>], tensors: &[Vec<u8>]| {
        let error = load(nodes, tensors).expect_err("refused");
        assert!(matches!(error, ModelError::TooLarge { .. }), "{error}");
    };
    let ints = |name: &str, v: &[i64]| {
        let raw: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensor(name, 7, &[v.len() as u64], &raw)
    };
    let scalar = |name: &str, v: f32| tensor(name, 1, &[], &v.to_le_bytes());
    let range = [node("Range", &["from", "to", "step"], "c")];
    let numbers = |to: f32, step: f32| [scalar("from", 0.0), scalar("to", to), scalar("step", step)];
    refused(&range, &numbers((1u64 << 33) as f32, 1.0));
    refused(&range, &numbers(8.0, 1e-9));
    refused(&range, &numbers(8.0, 0.0));
    load(&range, &numbers(8.0, 1.0)).expect("eight numbers");
    let one = tensor("one", 1, &[1, 1, 1, 1], &1.0f32.to_le_bytes());
    let pads = ints("p", &[0, 0, 1 << 20, 1 << 20, 0, 0, 0, 0]);
    refused(&[node("Pad", &["one", "p"], "c")], &[one.clone(), pads]);
    let scales: Vec<u8> = [1.0f32, 1.0, 1e6, 1e6].iter().flat_map(|v| v.to_le_bytes()).collect();
    let scales = tensor("s", 1, &[4], &scales);
    refused(&[node("Resize", &["one", "", "s"], "c")], &[one.clone(), scales]);
    // Each is within bounds, but not one upon the other, and not all together.
    let repeats = ints("r", &[1, 1, 1 << 10, 1 << 10]);
    let twice = [node("Tile", &["one", "r"], "a"), node("Tile", &["a", "r"], "c")];
    refused(&twice, &[one, repeats]);
    let many: Vec<Vec<u8>> = (0..5).map(|i| node("ConstantOfShape", &["n"], &format!("c{i}"))).collect();
    let many = [many, vec![node("Sum", &["c0", "c1", "c2", "c3", "c4"], "c")]].concat();
    refused(&many, &[ints("n", &[1 << 27])]);
}

/// A graph attribute, as a model is built of one graph.
fn within(nodes: &[Vec<u8>]) -> Vec<u8> {
    let graph: Vec<u8> = nodes.iter().flat_map(|n| field(1, n)).collect();
    field(5, &[field(1, b"then_branch"), field(6, &graph), int(20, 5)].concat())
}

#[test]
fn random_numbers_are_refused_wherever_they_are_drawn() {
    let folder = Folder::new("random");
    let refused = |bytes: Vec<u8>, name: &str| match folder.load(&bytes) {
        Err(ModelError::RandomOperators { operators, .. }) => assert_eq!(operators, [name]),
        other => panic!("{name}: {other:?}"),
    };
    let add = node("Add", &["x", "r"], "y");
    let draws = ["RandomNormal", "RandomUniform", "Bernoulli", "Multinomial", "RandomUniformLike"];
    for name in draws {
        refused(model(&[1, 1, 8, 8], &[node(name, &[], "r"), add.clone()], &[]), name);
    }
    // In a branch.
    let branch = [node("If", &["x"], "r"), within(&[node("RandomNormalLike", &["x"], "q")])].concat();
    refused(model(&[1, 1, 8, 8], &[branch, add.clone()], &[]), "RandomNormalLike");
    // In a function of the model.
    let function = [field(1, b"f"), field(7, &node("RandomNormal", &[], "q"))].concat();
    let relu = node("Relu", &["x"], "y");
    let plain = model(&[1, 1, 8, 8], std::slice::from_ref(&relu), &[]);
    refused([plain, field(25, &function)].concat(), "RandomNormal");
    // Dropout only where it drops, or may.
    let dropout = |inputs: &[&str], on: u8| {
        let switch = tensor("on", 9, &[], &[on]);
        model(&[1, 1, 8, 8], &[node("Dropout", inputs, "y")], &[switch])
    };
    refused(dropout(&["x", "", "on"], 1), "Dropout");
    refused(dropout(&["x", "", "x"], 0), "Dropout");
    for inputs in [&["x"][..], &["x", "", "on"]] {
        let result = folder.load(&dropout(inputs, 0));
        assert!(!matches!(result, Err(ModelError::RandomOperators { .. })), "{result:?}");
    }
}

#[test]
fn what_another_size_would_take_is_found_before_it_is_taken() {
    let folder = Folder::new("sizes");
    let ints = |name: &str, v: &[i64]| {
        let raw: Vec<u8> = v.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensor(name, 7, &[v.len() as u64], &raw)
    };
    let axes =
        |name: &str, value: u64| field(5, &[field(1, name.as_bytes()), int(3, value), int(20, 2)].concat());
    let mean = [node("ReduceMean", &["c"], "m"), axes("keepdims", 0)].concat();
    let add = node("Add", &["x", "m"], "y");
    // Every pixel with every other one.
    let outer = [
        node("Reshape", &["x", "tall"], "a"),
        node("Reshape", &["x", "flat"], "b"),
        node("Add", &["a", "b"], "c"),
        mean.clone(),
        add.clone(),
    ];
    let open = |nodes: &[Vec<u8>], tensors: &[Vec<u8>]| {
        // A size of 0 counts as open.
        folder.load(&model(&[1, 1, 0, 0], nodes, tensors)).expect("it loads at the sizes that are tried")
    };
    let network = open(&outer, &[ints("tall", &[-1, 1]), ints("flat", &[1, -1])]);
    assert!(network.plan(64, 64, None).is_ok());
    let large = network.plan(160, 160, None).err();
    assert!(large.is_some(), "two tensors of 2.6 GB");
    assert!(matches!(
        network.plan(2048, 2048, None),
        Err(ModelError::Build { .. } | ModelError::RunMemory { .. })
    ));
    // A constant of a size that the input's tells is computed while the plan is made.
    let constant = [
        node("Shape", &["x"], "s"),
        node("Mul", &["s", "s"], "n"),
        node("ConstantOfShape", &["n"], "c"),
        mean,
        add,
    ];
    let network = open(&constant, &[]);
    assert!(network.plan(64, 64, None).is_ok());
    let started = std::time::Instant::now();
    let error = network.plan(1024, 1024, None).expect_err("4 TiB").to_string();
    assert!(error.contains("ConstantOfShape") && error.contains("MiB"), "{error}");
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn far_reaching_convolutions_are_left_to_the_engine_or_refused() {
    let folder = Folder::new("far");
    let kernel = tensor("k", 1, &[1, 1, 3, 3], &[0; 36]);
    let list = |name: &str, v: &[u64]| {
        let ints: Vec<u8> = v.iter().flat_map(|v| int(8, *v)).collect();
        field(5, &[field(1, name.as_bytes()), ints, int(20, 7)].concat())
    };
    for far in [1 << 10, 1_000_000, 1 << 40, u64::MAX >> 1] {
        let conv = [node("Conv", &["x", "k"], "y"), list("dilations", &[far, far]), list("pads", &[far; 4])];
        let bytes = model(&[1, 1, 0, 0], &[conv.concat()], std::slice::from_ref(&kernel));
        let Ok(network) = folder.load(&bytes) else { continue };
        if let Ok(plan) = network.plan(40, 50, None) {
            let result = plan.run(&[1.0; 2000]).map(|v| v.len());
            // Beyond that the engine's own sums wrap around, to a failure or to nothing.
            assert!(far > 1 << 30 || result == Ok(2000), "{far}: {result:?}");
        }
    }
}

#[test]
fn odd_graphs_are_explained() {
    let folder = Folder::new("odd");
    let error = |bytes: Vec<u8>| folder.load(&bytes).expect_err("refused");
    let relu = node("Relu", &["x"], "y");
    assert!(matches!(error(vec![]), ModelError::Parse { .. }));
    assert!(matches!(error(b"not a model at all".to_vec()), ModelError::Parse { .. }));
    let missing = error(model(&[1, 1, 8, 8], &[node("Relu", &["ghost"], "y")], &[]));
    assert!(missing.to_string().contains("ghost"), "{missing}");
    let unknown = error(model(&[1, 1, 8, 8], &[node("Frobnicate", &["x"], "y")], &[]));
    assert!(
        matches!(&unknown, ModelError::UnsupportedOperators { operators, .. } if operators == &["Frobnicate"])
    );
    let flat = error(model(&[1, 784], std::slice::from_ref(&relu), &[]));
    assert!(matches!(flat, ModelError::NotAnImageModel { .. }), "{flat}");
    let four = error(model(&[1, 12, 16, 16], std::slice::from_ref(&relu), &[]));
    assert!(matches!(four, ModelError::NotAnImageModel { .. }), "{four}");
    let short = tensor("k", 1, &[1, 1, 3, 3], &[0; 20]);
    let cut = error(model(&[1, 1, 8, 8], &[node("Conv", &["x", "k"], "y")], &[short]));
    assert!(matches!(cut, ModelError::Parse { .. }), "{cut}");
    let absent = Network::load(&folder.0.join("absent.onnx"), &LoadOptions::default()).err();
    assert!(matches!(absent, Some(ModelError::Read { .. })));
}

#[test]
fn weights_elsewhere_must_lie_beside_the_model() {
    let folder = Folder::new("external");
    let load = |location: &str| {
        folder.load(&model(&[1, 1, 8, 8], &[node("Conv", &["x", "k"], "y")], &[external(location)]))
    };
    std::fs::write(folder.0.join("weights.bin"), 1.0f32.to_le_bytes()).expect("written");
    let good = load("weights.bin").expect("beside the model");
    std::fs::write(folder.0.join("weights.bin"), 2.0f32.to_le_bytes()).expect("written");
    let other = load("weights.bin").expect("beside the model");
    assert_ne!(good.info().hash, other.info().hash);
    let secret = std::env::temp_dir().join(format!("safelight-nn-secret-{}", std::process::id()));
    std::fs::write(&secret, [0; 4]).expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.0.join("link.bin")).expect("linked");
    std::fs::write(folder.0.join("short.bin"), [0; 3]).expect("written");
    let up = format!("../{}", secret.file_name().and_then(|n| n.to_str()).expect("a name"));
    let absolute = secret.to_string_lossy().into_owned();
    for location in [up.as_str(), absolute.as_str(), "link.bin", "short.bin", "absent.bin", "", "."] {
        let error = load(location).expect_err("refused");
        assert!(matches!(error, ModelError::ExternalData { .. }), "{location}: {error}");
    }
    std::fs::remove_file(secret).expect("removed");
}
