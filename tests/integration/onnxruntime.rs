//! Networks run by a library of the user's. Tests that run some need ORT_DYLIB_PATH (`make test-ort`).

use crate::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, file, ints, kernel, longs, net, node, text,
};
use crate::support::{Ended, Job, archive, differences, picture, root, save, tree};
use prost::Message;
use safelight::image::{Depth, Image};
use safelight::nn::{Device, EmbedOptions, Embedder, Engine, LoadOptions, Network, Pool};
use safelight::{Limits, decode};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tract_onnx::pb::{OperatorSetIdProto, StringStringEntryProto, TensorProto};

/// The library, or `None` (with the reason printed) where none is named.
fn library() -> Option<PathBuf> {
    let path = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no onnxruntime library");
    }
    path
}

/// `safelight model` with these arguments.
fn model(path: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    Ended::from(command.arg("model").arg(path).args(arguments).current_dir(root()).output().unwrap())
}

fn opened(path: &Path) -> Image {
    decode(&fs::read(path).unwrap(), path, &Limits::default()).unwrap().image
}

/// The largest difference of two pictures' samples, on the [0, 1] scale.
fn farthest(a: &Image, b: &Image) -> f32 {
    assert_eq!((a.width(), a.height(), a.channels()), (b.width(), b.height(), b.channels()));
    (0..a.samples().len()).map(|i| (a.samples().get(i) - b.samples().get(i)).abs()).fold(0.0, f32::max)
}

/// Two convolutions on gray pictures of any size, with what `between` puts between them.
fn gray(between: Vec<NodeProto>, initializers: Vec<TensorProto>) -> GraphProto {
    let pads = || vec![ints("pads", &[1, 1, 1, 1])];
    let mut nodes = vec![node("Conv", &["x", "w1"], "a", pads())];
    nodes.extend(between);
    nodes.push(node("Conv", &["b", "w2"], "c", pads()));
    nodes.push(node("Add", &["x", "c"], "y", vec![]));
    let mut weights = vec![kernel("w1", &[4, 1, 3, 3]), kernel("w2", &[1, 4, 3, 3])];
    weights.extend(initializers);
    net(&[1, 1, 0, 0], nodes, weights)
}

/// A job that restores the archive's pictures by the model's file in its folder.
fn restoring(bytes: &[u8], engine: &str) -> Job {
    let job = Job::new("");
    let path = job.dir.path().join("m.onnx");
    fs::write(&path, bytes).unwrap();
    let options = format!("model: {}, range: 0-1, check: finite, engine: {engine}", path.display());
    job.steps(&format!("- restore: {{{options}}}\n- write: {{folder: images, format: png}}"));
    job
}

#[test]
fn what_does_not_suit_is_a_mistake_with_its_line() {
    let job = Job::new("");
    let mistake = |step: &str, words: &[&str]| {
        job.steps(&format!(
            "- restore: {{model: sample_data/models/denoise.onnx, {step}}}\n- write: {{folder: images}}"
        ));
        let err = job.call(&["check"]).expect(78).err;
        let place = "job.yaml:6:";
        assert!(err.contains(place) && words.iter().all(|word| err.contains(word)), "{step}: {err}");
    };
    mistake(
        "engine: onnxruntime, engine_library: /nowhere/libonnxruntime.so",
        &["/nowhere/libonnxruntime.so", "`engine_library`"],
    );
    mistake(
        "engine: onnxruntime, engine_library: Cargo.toml",
        &["can't be used as an onnxruntime library", "1.17 or later"],
    );
    mistake("device: cuda", &["`device` is for `engine: onnxruntime`"]);
    mistake("engine: plain, engine_library: x.so", &["`engine_library` is for `engine: onnxruntime`"]);
    mistake("engine: onnxruntime, exact: true", &["`exact`"]);
    mistake("engine: onnxrt", &["onnxruntime"]);
    let path = root().join("sample_data/models/denoise.onnx");
    let told = model(&path, &["--engine", "onnxruntime", "--engine-library", "/nowhere/x.so"]).expect(78);
    assert!(told.err.contains("/nowhere/x.so"), "{}", told.err);
}

#[test]
fn what_the_environment_names_must_be_there() {
    let job = restoring(&file(gray(vec![node("Relu", &["a"], "b", vec![])], vec![]), &[]), "onnxruntime");
    let ended =
        Ended::from(job.command(&["check"]).env("ORT_DYLIB_PATH", "/nowhere").output().unwrap()).expect(78);
    assert!(ended.err.contains("ORT_DYLIB_PATH") && ended.err.contains("/nowhere"), "{}", ended.err);
}

#[test]
fn a_restoration_is_the_one_of_our_engine() {
    if library().is_none() {
        return;
    }
    let restored = |engine: &str, threads: &str| {
        let job = Job::new("");
        archive(&job.input(), 10);
        save(&picture(700, 500, 3, Depth::U8, 77), &job.input().join("large.png"));
        let steps = format!(
            "- restore: {{model: sample_data/models/denoise.onnx, engine: {engine}, guard: off}}\n\
             - write: {{folder: images, format: png}}"
        );
        job.steps(&steps);
        job.call(&["run", "--set", &format!("limits.threads={threads}")]).expect(0);
        job
    };
    let (ours, one, two) =
        (restored("fast", "2"), restored("onnxruntime", "1"), restored("onnxruntime", "2"));
    let images = |job: &Job| tree(&job.output().join("images"));
    assert_eq!(differences(&images(&one), &images(&two)), [""; 0]);
    let found = images(&ours);
    assert_eq!(found.len(), 11);
    for path in found.keys() {
        let [ours, theirs] = [&ours, &one].map(|job| opened(&job.output().join("images").join(path)));
        let difference = farthest(&ours, &theirs);
        assert!(difference <= 1.01 / 255.0, "{}: {difference}", path.display());
    }
    // Another engine, or none of its own: the results follow from it, and from its version.
    two.call(&["run"]).expect(0);
    let before = fs::metadata(two.output().join("images/large.png")).unwrap().modified().unwrap();
    let steps = "- restore: {model: sample_data/models/denoise.onnx, guard: off}\n- write: {folder: images, format: png}";
    two.steps(steps);
    two.call(&["run"]).expect(0);
    assert_ne!(fs::metadata(two.output().join("images/large.png")).unwrap().modified().unwrap(), before);
    assert_eq!(differences(&images(&two), &found), [""; 0]);
}

#[test]
fn what_our_engine_refuses_runs_there() {
    if library().is_none() {
        return;
    }
    let quick = NodeProto {
        op_type: "QuickGelu".into(),
        domain: "com.microsoft".into(),
        input: vec!["a".into()],
        output: vec!["b".into()],
        attribute: vec![AttributeProto {
            name: "alpha".into(),
            r#type: 1,
            f: 1.0,
            ..AttributeProto::default()
        }],
        ..NodeProto::default()
    };
    let mut foreign = ModelProto::decode(file(gray(vec![quick], vec![]), &[]).as_slice()).unwrap();
    foreign.opset_import.push(OperatorSetIdProto { domain: "com.microsoft".into(), version: 1 });
    // Standard, but unknown to our engine.
    let unknown = gray(vec![node("LpPool", &["a"], "b", vec![ints("kernel_shape", &[1, 1])])], vec![]);
    for (name, bytes) in [("foreign", foreign.encode_to_vec()), ("unknown", file(unknown, &[]))] {
        let job = restoring(&bytes, "onnxruntime");
        archive(&job.input(), 5);
        let path = job.dir.path().join("m.onnx");
        let refused = model(&path, &[]);
        assert_ne!(refused.code, Some(0), "{name}: {}", refused.out);
        let told = model(&path, &["--engine", "onnxruntime"]).expect(0).out;
        assert!(
            told.contains("restore          yes, scale x1") && told.contains("onnxruntime 1."),
            "{name}: {told}"
        );
        job.call(&["run"]).expect(0);
        assert_eq!(tree(&job.output().join("images")).len(), 5);
    }
}

#[test]
fn a_batch_that_the_file_fixes_does_not_matter() {
    if library().is_none() {
        return;
    }
    let mut graph = gray(vec![node("Relu", &["a"], "b", vec![])], vec![]);
    let one = restoring(&file(graph.clone(), &[]), "onnxruntime");
    graph.input = net(&[3, 1, 0, 0], vec![], vec![]).input;
    let three = restoring(&file(graph, &[]), "onnxruntime");
    for job in [&one, &three] {
        archive(&job.input(), 3);
        job.call(&["run"]).expect(0);
    }
    let images = |job: &Job| tree(&job.output().join("images"));
    assert_eq!(images(&one).len(), 3);
    assert_eq!(differences(&images(&one), &images(&three)), [""; 0]);
}

#[test]
fn weights_beside_the_file_are_read() {
    if library().is_none() {
        return;
    }
    let whole = gray(vec![node("Relu", &["a"], "b", vec![])], vec![]);
    let one = restoring(&file(whole.clone(), &[]), "onnxruntime");
    let mut parted = whole;
    let mut weights = vec![0u8; 8];
    for tensor in &mut parted.initializer {
        let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
        tensor.data_location = Some(1);
        tensor.external_data = vec![
            entry("location", "m.data".into()),
            entry("offset", weights.len().to_string()),
            entry("length", tensor.raw_data.len().to_string()),
        ];
        weights.append(&mut tensor.raw_data);
    }
    let two = restoring(&file(parted, &[]), "onnxruntime");
    fs::write(two.dir.path().join("m.data"), weights).unwrap();
    for job in [&one, &two] {
        archive(&job.input(), 3);
        job.call(&["run"]).expect(0);
    }
    let images = |job: &Job| tree(&job.output().join("images"));
    assert_eq!(differences(&images(&one), &images(&two)), [""; 0]);
    fs::remove_file(two.dir.path().join("m.data")).unwrap();
    assert!(two.call(&["check"]).expect(78).err.contains("m.data"));
}

#[test]
fn a_run_that_fails_is_its_pictures_row() {
    if library().is_none() {
        return;
    }
    // Reflection of more pixels than there are is refused when the network runs.
    let pads = longs("pads", &[0, 0, 40, 40, 0, 0, 40, 40]);
    let cut = |name: &str, values: &[i64]| longs(name, values);
    let nodes = vec![
        node("Pad", &["a", "pads"], "p", vec![text("mode", "reflect")]),
        node("Slice", &["p", "from", "to", "axes"], "b", vec![]),
    ];
    let more = vec![pads, cut("from", &[40, 40]), cut("to", &[-40, -40]), cut("axes", &[2, 3])];
    let job = restoring(&file(gray(nodes, more), &[]), "onnxruntime");
    for n in 0..99 {
        save(&picture(64, 64, 1, Depth::U8, n), &job.input().join(format!("{n:03}.png")));
    }
    save(&picture(20, 20, 1, Depth::U8, 5), &job.input().join("small.png"));
    fs::write(job.input().join("broken.png"), b"\x89PNG\r\n\x1a\nno more").unwrap();
    let ended = job.call(&["run", "--set", "limits.max_failures=10"]).expect(10);
    let manifest = job.manifest();
    let row = |name: &str| manifest[name].iter().collect::<Vec<_>>().join(",");
    assert!(row("small.png").contains("the model failed"), "{}\n{}", row("small.png"), ended.err);
    assert_eq!(tree(&job.output().join("images")).len(), 99);
}

#[test]
fn vectors_are_those_of_our_engine() {
    if library().is_none() {
        return;
    }
    let image = picture(300, 200, 3, Depth::U8, 3);
    let vectors = |engine: Engine| {
        let options = LoadOptions { engine, ..LoadOptions::default() };
        let network = Network::load(&root().join("sample_data/models/denoise.onnx"), &options).unwrap();
        let network = Arc::new(network);
        // The best candidate, an output, and a tensor inside.
        let inside =
            network.info().candidates.iter().map(|c| c.name.clone()).find(|name| name != "bottleneck");
        [None, Some("bottleneck".to_string()), inside]
            .map(|bottleneck| {
                let options = EmbedOptions { bottleneck, pool: Some(Pool::Mean), ..EmbedOptions::default() };
                Embedder::new(network.clone(), &options).unwrap().embed(&image).unwrap()
            })
            .concat()
    };
    let (ours, theirs) = (vectors(Engine::default()), vectors(Engine::Onnxruntime(Device::Cpu)));
    assert!(ours.len() > 100 && ours.len() == theirs.len(), "{} {}", ours.len(), theirs.len());
    let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max);
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn random_operators_are_refused_there_as_well() {
    if library().is_none() {
        return;
    }
    let noise = vec![node("RandomNormalLike", &["a"], "b", vec![])];
    let job = restoring(&file(gray(noise, vec![]), &[]), "onnxruntime");
    assert!(job.call(&["check"]).expect(78).err.contains("draws random numbers"));
}

#[test]
fn a_library_without_cuda_says_so() {
    if library().is_none() {
        return;
    }
    let job = Job::new(
        "- restore: {model: sample_data/models/denoise.onnx, engine: onnxruntime, device: cuda}\n- write: {folder: images}",
    );
    let ended = job.call(&["check"]);
    if ended.code == Some(0) {
        return eprintln!("skipped: the library has CUDA, and there is a card");
    }
    assert!(ended.err.contains("CUDA") && ended.err.contains("job.yaml:6:"), "{}", ended.err);
}

#[test]
fn killed_and_run_again_it_ends_as_undisturbed() {
    if library().is_none() {
        return;
    }
    let steps = "- restore: {model: sample_data/models/denoise.onnx, engine: onnxruntime}\n- write: {folder: images, format: png}";
    let undisturbed = Job::new(steps);
    archive(&undisturbed.input(), 30);
    undisturbed.call(&["run"]).expect(0);
    let wanted = tree(&undisturbed.output().join("images"));
    let job = Job::new(steps);
    archive(&job.input(), 30);
    let mut child = job.start(&["run"]);
    while tree(&job.output().join("images")).len() < 5 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    job.call(&["run"]).expect(0);
    assert_eq!(differences(&tree(&job.output().join("images")), &wanted), [""; 0]);
}

#[test]
fn engines_are_compared() {
    if library().is_none() {
        return;
    }
    let path = root().join("sample_data/models/denoise.onnx");
    let told =
        model(&path, &["--engine", "onnxruntime", "--compare", "--size", "64", "--json"]).expect(0).out;
    let json: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(json["comparison"]["onnxruntime_seconds"].as_f64().unwrap() > 0.0, "{told}");
    assert!(json["comparison"]["onnxruntime_difference"].as_f64().unwrap() < 1e-3, "{told}");
    assert!(json["engine"].as_str().unwrap().starts_with("onnxruntime 1."), "{told}");
}
