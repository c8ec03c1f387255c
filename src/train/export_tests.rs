//! Exported files against the plain loops of [`super::reference`].

mod for_python;

use super::export::{Facts, Reference, TOLERANCE, VerifyError, Words, facts, onnx, planar, start, verify};
use super::export::{takes_any_size, takes_vectors};
use super::net::{Net, Op, Size};
use super::networks::examples;
use super::reference::forward_sized;
use super::settings::Task;
use crate::image::{Depth, Image, Samples};
use crate::nn::{
    EmbedOptions, Embedder, Engine, LoadOptions, ModelBudget, Network, Range, Receptive, RestoreOptions,
    Restorer, Rows, Trial,
};
use crate::random::Rng;
use prost::Message;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};

/// A folder and a file in it.
fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).expect("the file is written");
    (folder, path)
}

/// The file that `net` becomes, changed.
fn changed(net: &Net, parameters: &[f32], change: impl Fn(&mut ModelProto)) -> (tempfile::TempDir, PathBuf) {
    let mut model =
        ModelProto::decode(&onnx(net, parameters, &Facts::default(), false)[..]).expect("a model");
    change(&mut model);
    written(&model.encode_to_vec())
}

/// Random parameters, biases too.
fn parameters(net: &Net, seed: u64) -> Vec<f32> {
    let mut parameters = net.init(seed);
    let mut rng = Rng::new(seed + 1);
    for place in net.places().into_iter().flatten() {
        rng.normals(&mut parameters[place.bias], |b, v| *b = 0.1 * v);
    }
    parameters
}

fn words() -> Words<'static> {
    Words { task: Task::Restore, range: "0-1", recipe: "by chance", scores: "none", licence: "" }
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|v| f64::from(*v)).collect()
}

fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.unit() as f32).collect()
}

/// What the plain loops make of random pictures.
fn reference(net: &Net, parameters: &[f32], size: Size, pictures: usize) -> Reference {
    let input = random(pictures * size.len(), 5);
    let (mut output, mut bottleneck) = (vec![], vec![]);
    for picture in input.chunks_exact(size.len()) {
        let tensors = forward_sized(net, &wide(parameters), &wide(picture), size);
        output.extend(tensors[net.output()].iter().map(|v| *v as f32));
        bottleneck.extend(tensors[net.bottleneck].iter().map(|v| *v as f32));
    }
    Reference { size, input, output, bottleneck }
}

/// Sizes that the network takes.
fn sizes(net: &Net) -> Vec<Size> {
    let other = Size::new(2 * net.multiple, 5 * net.multiple, net.input.c);
    if takes_any_size(net) { vec![net.input, other] } else { vec![net.input] }
}

fn nets() -> Vec<(String, Net)> {
    [examples::architectures(), examples::oddities()].concat()
}

#[test]
fn files_compute_what_the_plain_loops_do() {
    let mut dynamic = vec![];
    for (name, net) in nets() {
        let parameters = parameters(&net, 7);
        let bytes = onnx(&net, &parameters, &facts(&net, &words()), false);
        assert!(bytes == onnx(&net, &parameters, &facts(&net, &words()), false), "{name}: the same bytes");
        let (_folder, path) = written(&bytes);
        let references: Vec<Reference> = sizes(&net)
            .into_iter()
            .flat_map(|size| [1, 3].map(|pictures| reference(&net, &parameters, size, pictures)))
            .collect();
        let worst = verify(&path, &net, &references).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(worst <= TOLERANCE, "{name}");
        if takes_any_size(&net) {
            dynamic.push(name);
        }
    }
    let any = [
        "unet",
        "unet_gray",
        "edsr",
        "edsr_gray",
        "residual",
        "residual_x2",
        "residual_x3_gray",
        "super_resolution",
    ];
    dynamic.sort_unstable_by_key(|name| any.iter().position(|a| a == name));
    assert_eq!(dynamic, any);
}

#[test]
fn parameters_come_back_from_files() {
    for (name, net) in nets() {
        let parameters = parameters(&net, 3);
        let bytes = onnx(&net, &parameters, &facts(&net, &words()), false);
        let (_folder, path) = written(&bytes);
        let (found, hash) =
            start(&net, &path, &ModelBudget::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(found == parameters, "{name}");
        assert_eq!(hash, blake3::hash(&bytes).to_hex().as_str());
    }
}

#[test]
fn files_of_other_networks_are_nothing_to_start_from() {
    let net = &examples::architectures()[0].1;
    let refused = |change: &dyn Fn(&mut GraphProto)| {
        let change = |model: &mut ModelProto| change(model.graph.as_mut().unwrap());
        let (_folder, path) = changed(net, &parameters(net, 3), change);
        start(net, &path, &ModelBudget::default()).expect_err("a refusal").to_string()
    };
    let renamed = refused(&|graph| {
        let name = std::mem::replace(&mut graph.initializer[0].name, "else_weight".into());
        let inputs = graph.node.iter_mut().flat_map(|n| &mut n.input);
        inputs.filter(|input| **input == name).for_each(|input| *input = "else_weight".into());
    });
    assert!(renamed.contains("it has no weights"), "{renamed}");
    let more = refused(&|graph| {
        let first = graph.initializer[0].clone();
        graph.initializer.push(TensorProto { name: "another_bias".into(), ..first });
    });
    assert!(more.contains("weights `another_bias` besides"), "{more}");
    let reshaped = refused(&|graph| graph.initializer[0].dims.reverse());
    assert!(reshaped.contains("are of"), "{reshaped}");
    let broken = refused(&|graph| {
        let tensor = &mut graph.initializer[0];
        tensor.raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(broken.contains("no numbers"), "{broken}");
}

#[test]
fn our_kernels_run_the_files_without_help() {
    let mut helped = vec![];
    for (name, net) in examples::architectures() {
        let (_folder, path) = written(&onnx(&net, &parameters(&net, 1), &Facts::default(), false));
        let engine = Engine::default();
        for tap in [None, Some("bottleneck")] {
            let trial = if takes_vectors(&net) {
                Rows::load(&path).and_then(|rows| rows.trial(engine, 1, net.input.c, tap))
            } else {
                let size = (net.input.h, net.input.w);
                Network::load(&path, &LoadOptions::default())
                    .and_then(|network| Trial::tapped(&network, engine, 1, size, tap))
            };
            if !trial.expect("it runs").is_kernels_alone() {
                helped.push((name.clone(), tap));
            }
        }
    }
    assert!(helped.is_empty(), "{helped:?}");
}

/// Changes the file that `net` becomes, and expects `verify` to see it.
fn planted(net: &Net, change: impl Fn(&mut ModelProto)) -> VerifyError {
    let parameters = parameters(net, 3);
    let (_folder, path) = changed(net, &parameters, change);
    let reference = reference(net, &parameters, net.input, 2);
    verify(&path, net, &[reference]).expect_err("the fault is seen")
}

/// The floats of weight `name`, changed.
fn weights(model: &mut ModelProto, name: &str, change: impl Fn(&mut [f32], &[i64])) {
    let graph = model.graph.as_mut().expect("a graph");
    let tensor = graph.initializer.iter_mut().find(|t| t.name == name).expect("the weights");
    let raw = tensor.raw_data.chunks_exact(4);
    let mut values: Vec<f32> = raw.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    change(&mut values, &tensor.dims);
    tensor.raw_data = values.into_iter().flat_map(f32::to_le_bytes).collect();
}

#[test]
fn planted_faults_are_seen() {
    let net = |name: &str| nets().into_iter().find(|(n, _)| n == name).expect("the network").1;
    let differs = |error: VerifyError| match error {
        VerifyError::Differs { what, .. } => what,
        other => panic!("{other}"),
    };
    for name in ["residual", "embedding_16_0_0", "embedding_20_0_4", "dense_tanh"] {
        let error = planted(&net(name), |model| {
            let weight = model.graph.as_ref().expect("a graph").initializer.iter().rev();
            let last = weight.map(|t| t.name.clone()).find(|n| n.ends_with("_weight")).expect("weights");
            weights(model, &last, |values, _| values[0] += 0.01);
        });
        let text = error.to_string();
        assert!(text.contains("output of picture") && text.contains("do not use the file"), "{text}");
        assert_eq!(differs(error), "output");
    }
    // Columns in the training's order, not the file's: rows, columns, channels.
    let embedding = net("embedding_16_0_0");
    let error = planted(&embedding, |model| {
        weights(model, "bottleneck_weight", |values, dims| {
            let numbers = dims[1] as usize;
            for row in values.chunks_exact_mut(numbers) {
                row.copy_within(1..16, 0);
            }
        });
    });
    assert!(matches!(error, VerifyError::Differs { .. }));
    let error = planted(&embedding, |model| {
        let graph = model.graph.as_mut().expect("a graph");
        let blocks = graph.node.iter_mut().filter(|n| n.op_type == "DepthToSpace");
        blocks
            .flat_map(|n| &mut n.attribute)
            .filter(|a| a.name == "mode")
            .for_each(|a| a.s = b"CRD".to_vec());
    });
    assert_eq!(differs(error), "output");
    let error = planted(&net("dense_relu"), |model| {
        weights(model, "output_bias", |values, _| values[1] = f32::NAN);
    });
    assert_eq!(differs(error), "output");
}

#[test]
fn references_that_do_not_fit_are_refused() {
    let (_, net) = examples::architectures().remove(0);
    let parameters = parameters(&net, 3);
    let (_folder, path) = written(&onnx(&net, &parameters, &Facts::default(), false));
    let good = reference(&net, &parameters, net.input, 1);
    let cut = Reference { output: good.output[1..].to_vec(), ..good.clone() };
    assert!(matches!(verify(&path, &net, &[cut]), Err(VerifyError::Reference { what: "output", .. })));
    let odd = Reference { size: Size::new(15, 16, 3), ..good };
    assert!(matches!(verify(&path, &net, &[odd]), Err(VerifyError::Size { .. })));
    let gone = verify(Path::new("/nowhere/model.onnx"), &net, &[]);
    assert!(matches!(gone, Err(VerifyError::Model(_))));
}

#[test]
fn files_say_what_they_are() {
    for (name, net) in examples::architectures() {
        let facts = facts(&net, &words());
        let (_folder, path) = written(&onnx(&net, &parameters(&net, 1), &facts, false));
        let said = |key: &str| facts.0.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v.as_str());
        assert_eq!(said("parameters"), net.parameters().to_string());
        assert_eq!((said("task"), said("recipe"), said("licence")), ("restore", "by chance", ""));
        if name.starts_with("dense") {
            assert!(Network::load(&path, &LoadOptions::default()).is_err());
            let rows = Rows::load(&path).expect("rows of numbers");
            let info = rows.info();
            assert_eq!((info.numbers, info.parameters), (Some(net.input.c), net.parameters() as u64));
            assert_eq!(info.metadata, facts.0.iter().cloned().collect());
            assert_eq!(info.outputs[1].shape, format!("N x {}", net.sizes().unwrap()[net.bottleneck].c));
            continue;
        }
        let network = Network::load(&path, &LoadOptions::default()).expect("pictures");
        assert!(Rows::load(&path).is_err());
        let info = network.info();
        assert_eq!(info.metadata, facts.0.iter().cloned().collect(), "{name}");
        assert_eq!((info.in_channels, info.out_channels), (net.input.c, net.input.c), "{name}");
        assert_eq!((info.scale, said("scale")), (Some(net.scale), net.scale.to_string().as_str()), "{name}");
        assert_eq!(info.range, Range::Unit);
        assert_eq!(info.candidates[0].name, "bottleneck", "{name}");
        assert!((info.macs_per_pixel - net.macs_per_pixel()).abs() < 1.0, "{name}");
        let scales = net.nodes.iter().filter(|n| matches!(n.op, Op::Upsample(_))).count() as u64 * 4;
        assert_eq!(info.parameters, net.parameters() as u64 + scales, "{name}");
        let number = |key: &str| said(key).parse::<usize>().expect("a number");
        if takes_any_size(&net) {
            assert_eq!((info.fixed_size, number("size_multiple")), (None, net.multiple), "{name}");
            assert_eq!(info.receptive, Receptive::Pixels(number("receptive_field")), "{name}");
            assert_eq!(info.size_multiple % net.multiple, 0, "{name}");
        } else {
            assert_eq!(info.fixed_size, Some((net.input.h, net.input.w)), "{name}");
            assert_eq!(number("size_multiple"), net.input.h, "{name}");
        }
    }
}

fn image(width: usize, height: usize, channels: usize) -> Image {
    let mut image = Image::new(width, height, channels, Depth::F32);
    image.samples = Samples::F32(random(width * height * channels, 11));
    image
}

fn floats(image: &Image) -> Vec<f32> {
    (0..image.samples.len()).map(|i| image.samples.get(i)).collect()
}

#[test]
fn files_restore_pictures_of_any_size() {
    for (name, net) in examples::architectures().into_iter().filter(|(_, net)| takes_any_size(net)) {
        let parameters = parameters(&net, 2);
        let (_folder, path) = written(&onnx(&net, &parameters, &facts(&net, &words()), false));
        let network = Arc::new(Network::load(&path, &LoadOptions::default()).expect("pictures"));
        let restorer = |tile| {
            let options = RestoreOptions { any_finite: true, tile, ..Default::default() };
            Restorer::new(network.clone(), options).expect("it restores")
        };
        let (w, h, c, scale) = (37, 29, net.input.c, net.scale);
        let picture = image(w, h, c);
        let restored = restorer(None).restore(&picture).expect("restored");
        assert_eq!((restored.width, restored.height), (w * scale, h * scale));
        // The picture goes on by reflection up to the size that the network takes.
        let multiple = network.info().size_multiple;
        let size = Size::new(h.next_multiple_of(multiple), w.next_multiple_of(multiple), c);
        let inside = |i: usize, length: usize| if i < length { i } else { 2 * (length - 1) - i };
        let mut input = vec![];
        for y in 0..size.h {
            for x in 0..size.w {
                let at = (inside(y, h) * w + inside(x, w)) * c;
                input.extend((at..at + c).map(|i| f64::from(picture.samples.get(i))));
            }
        }
        let wanted = forward_sized(&net, &wide(&parameters), &input, size).swap_remove(net.output());
        for (i, found) in floats(&restored).into_iter().enumerate() {
            let (pixel, channel) = (i / c, i % c);
            let (y, x) = (pixel / (w * scale), pixel % (w * scale));
            let wanted = wanted[(y * size.w * scale + x) * c + channel] as f32;
            assert!((found - wanted).abs() < 1e-4, "{name} {x} {y} {channel}: {found}, {wanted}");
        }
        // In tiles as in one piece, up to the order of additions.
        let large = image(211, 130, c);
        let pieces = floats(&restorer(Some(16)).restore(&large).expect("restored"));
        let whole = floats(&restorer(Some(4096)).restore(&large).expect("restored"));
        let apart =
            pieces.iter().zip(&whole).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max);
        assert!(apart < 3e-5, "{name}: {apart}");
    }
}

#[test]
fn files_embed_pictures() {
    for (name, net) in examples::architectures() {
        if !name.starts_with("embedding") {
            continue;
        }
        let parameters = parameters(&net, 4);
        let (_folder, path) = written(&onnx(&net, &parameters, &facts(&net, &words()), false));
        let network = Arc::new(Network::load(&path, &LoadOptions::default()).expect("pictures"));
        let embedder = Embedder::new(network, &EmbedOptions::default()).expect("it embeds");
        let picture = image(net.input.w, net.input.h, net.input.c);
        let vector = embedder.embed(&picture).expect("a vector");
        let tensors = forward_sized(&net, &wide(&parameters), &wide(&floats(&picture)), net.input);
        assert_eq!((embedder.tensor(), embedder.dim()), ("bottleneck", 6));
        for (found, wanted) in vector.iter().zip(&tensors[net.bottleneck]) {
            assert!((f64::from(*found) - wanted).abs() < 1e-4, "{name}: {found}, {wanted}");
        }
    }
}
