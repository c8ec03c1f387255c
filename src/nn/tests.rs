//! Real and damaged models: loading, agreement with a reference implementation, and tiling.

use super::tests_hostile::{Folder, model, node, tensor};
use super::*;
use crate::image::{Depth, Image, Samples};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Models that were written elsewhere; none in a bare checkout.
fn model_path(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {name} is not there");
    None
}

fn network(name: &str) -> Option<Arc<Network>> {
    let path = model_path(name)?;
    Some(Arc::new(Network::load(&path, &LoadOptions::default()).expect("a good model loads")))
}

/// The noise that the fixtures were made with.
fn noise(n: usize) -> Vec<f32> {
    let mut s = 42u64;
    let mut next = || {
        s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (s >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..n).map(|_| next()).collect()
}

/// A picture with slopes, edges and some noise.
pub(super) fn picture(width: usize, height: usize, channels: usize, depth: Depth) -> Image {
    let mut image = Image::new(width, height, channels, depth);
    let noise = noise(width * height * channels);
    for (i, n) in noise.iter().enumerate() {
        let (c, x, y) = (i % channels, i / channels % width, i / channels / width);
        let slope = 0.5 + 0.3 * ((x as f32 * 0.05 + c as f32).sin() * (y as f32 * 0.07).cos());
        let edge = if (x / 13 + y / 17) % 2 == 0 { 0.08 } else { -0.08 };
        image.samples.set(i, slope + edge + 0.05 * (n - 0.5));
    }
    image
}

/// One line of the fixtures against what the network computes.
pub(super) fn agrees(network: &Network, fields: &[&str]) {
    let number = |i: usize| fields[i].parse::<f64>().expect("number");
    let (h, w) = (number(2) as usize, number(3) as usize);
    let info = network.info();
    let plan = network.plan(h, w, Some(fields[1]).filter(|t| !t.is_empty())).expect("plan");
    let values = plan.run(&noise(info.in_channels * h * w)).expect("run");
    let dims: Vec<String> = plan.output.iter().map(ToString::to_string).collect();
    assert_eq!(dims.join("x"), fields[4], "{}", fields[0]);
    let sum: f64 = values.iter().map(|v| f64::from(*v)).sum();
    assert!((sum - number(5)).abs() < 1e-5 * values.len() as f64 + 1e-3, "{}: {sum}", fields[0]);
    for i in 0..24 {
        let (seen, want) = (f64::from(values[(i * 7919) % values.len()]), number(6 + i));
        assert!((seen - want).abs() < 1e-4, "{} value {i}: {seen}, {want}", fields[0]);
    }
}

#[test]
fn outputs_agree_with_onnxruntime() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models.csv");
    for line in std::fs::read_to_string(fixtures).expect("fixtures").lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let Some(network) = network(fields[0]) else { return };
        agrees(&network, &fields);
    }
}

#[test]
fn models_are_described_as_they_are() {
    let Some(dncnn) = network("dncnn_25_gray.onnx") else { return };
    let info = dncnn.info();
    assert_eq!((info.layout, info.in_channels, info.out_channels, info.scale), (Layout::Nchw, 1, 1, Some(1)));
    assert_eq!((info.fixed_size, info.fixed_batch, info.size_multiple), (None, None, 1));
    assert_eq!(info.receptive, Receptive::Pixels(17));
    assert_eq!(info.range, Range::Unit);
    let macs = (9 * 64 + 15 * 9 * 64 * 64 + 9 * 64) as f64;
    assert!((info.macs_per_pixel / macs - 1.0).abs() < 0.01, "{}", info.macs_per_pixel);
    assert_eq!(info.hash.len(), 64);

    let upscale = network("super_resolution.onnx").expect("all or none");
    let info = upscale.info();
    assert_eq!((info.scale, info.fixed_size, info.fixed_batch), (Some(3), Some((224, 224)), None));
    assert!(matches!(info.receptive, Receptive::Pixels(4..=8)), "{:?}", info.receptive);

    let mnist = network("mnist.onnx").expect("all or none");
    assert_eq!((mnist.info().scale, mnist.info().fixed_batch), (None, Some(1)));
    assert!(mnist.info().not_restorer.is_some());
    assert_eq!(mnist.info().inputs.len(), 1);

    let keras = network("keras_residual_autoencoder.onnx").expect("all or none");
    let info = keras.info();
    assert_eq!(
        (info.layout, info.in_channels, info.scale, info.size_multiple),
        (Layout::Nhwc, 3, Some(1), 4)
    );
    assert!(matches!(info.receptive, Receptive::Pixels(_)), "{:?}", info.receptive);

    let dense = network("keras_convtranspose_autoencoder.onnx").expect("all or none");
    assert_eq!(dense.info().receptive, Receptive::Global);
    let best = dense.info().candidates.first().expect("a bottleneck");
    assert_eq!((best.floats, best.dense), (16, true));
}

#[test]
fn foreign_operators_are_named() {
    let Some(path) = model_path("pytorch_superresolution_with_pre_post_processing_op18.onnx") else { return };
    let error = Network::load(&path, &LoadOptions::default()).expect_err("refused");
    assert!(matches!(error, ModelError::ForeignDomain { .. }));
    assert!(error.to_string().contains("com.microsoft.extensions:DecodeImage"), "{error}");
}

#[test]
fn tiled_equals_whole() {
    for name in ["dncnn_25_gray.onnx", "keras_residual_autoencoder.onnx"] {
        let Some(network) = network(name) else { return };
        let channels = network.info().in_channels;
        let restore = |tile, image: &Image| {
            let restorer =
                Restorer::new(network.clone(), RestoreOptions { tile: Some(tile), ..Default::default() });
            restorer.expect("restores").predict_unchecked(image).expect("runs")
        };
        for (w, h) in [(1, 1), (2, 5), (31, 97), (128, 64), (101, 150), (67, 1)] {
            let image = picture(w, h, channels, Depth::F32);
            let (whole, tiled) = (restore(4096, &image), restore(64, &image));
            for i in 0..whole.len() {
                let (a, b) = (whole.get(i), tiled.get(i));
                assert!((a - b).abs() < 1e-4, "{name} {w}x{h} at {i}: {a}, {b}");
            }
        }
    }
}

#[test]
fn fixed_size_networks_run_on_any_size() {
    let Some(network) = network("super_resolution.onnx") else { return };
    let restorer = Restorer::new(network, RestoreOptions::default()).expect("restores");
    let image = picture(300, 230, 1, Depth::F32);
    let all = restorer.predict_unchecked(&image).expect("runs");
    // Away from the tile's borders, a part of the picture gives the same as the whole.
    let mut part = Image::new(224, 224, 1, Depth::F32);
    for y in 0..224 {
        for x in 0..224 {
            part.samples.set(y * 224 + x, image.at(x + 40, y + 3, 0));
        }
    }
    let part = restorer.predict_unchecked(&part).expect("runs");
    for y in 50..600 {
        for x in 50..600 {
            let (a, b) = (all.get((y + 9) * 900 + x + 120), part.get(y * 672 + x));
            assert!((a - b).abs() < 1e-4, "{x} {y}: {a} {b}");
        }
    }
    let tiny = restorer.predict_unchecked(&picture(1, 1, 1, Depth::U8)).expect("runs");
    assert_eq!(tiny.len(), 9);
}

#[test]
fn blending_leaves_no_holes() {
    let Some(network) = network("keras_convtranspose_autoencoder.onnx") else { return };
    let restorer = Restorer::new(network, RestoreOptions::default()).expect("restores");
    for (w, h) in [(32, 32), (33, 70), (100, 31), (1, 1)] {
        let out = restorer.predict_unchecked(&picture(w, h, 3, Depth::F32)).expect("runs");
        assert_eq!(out.len(), w * h * 3);
        // Random weights and a sigmoid: everything lies near one half.
        assert!((0..out.len()).all(|i| (out.get(i) - 0.5).abs() < 0.2));
    }
}

#[test]
fn denoising_lowers_the_error_at_every_depth_and_colour() {
    let Some(network) = network("dncnn_25_gray.onnx") else { return };
    for (channels, colour) in [(1, Colour::Auto), (3, Colour::Luma), (3, Colour::Each)] {
        let restorer = Restorer::new(network.clone(), RestoreOptions { colour, ..Default::default() })
            .expect("restores");
        let mut clean = Image::new(96, 80, channels, Depth::F32);
        for i in 0..clean.samples.len() {
            clean.samples.set(i, 0.5 + 0.3 * ((i / channels % 96) as f32 * 0.06).sin());
        }
        let mut noisy = clean.clone();
        let uniform = noise(clean.samples.len() * 12);
        for i in 0..clean.samples.len() {
            let gauss: f32 = uniform[i * 12..][..12].iter().sum::<f32>() - 6.0;
            noisy.samples.set(i, clean.samples.get(i) + gauss * 25.0 / 255.0);
        }
        for depth in [Depth::U8, Depth::U16, Depth::F32] {
            let mut input = Image::new(96, 80, channels, depth);
            (0..noisy.samples.len()).for_each(|i| input.samples.set(i, noisy.samples.get(i)));
            let out = restorer.restore(&input).expect("restores");
            assert_eq!((out.depth(), out.channels, out.width, out.height), (depth, channels, 96, 80));
            let mse =
                |a: &Samples| (0..a.len()).map(|i| (a.get(i) - clean.samples.get(i)).powi(2)).sum::<f32>();
            let gain = mse(&input.samples) / mse(&out.samples);
            // Luma keeps the noise of the chroma.
            let least = if colour == Colour::Luma { 1.2 } else { 15.0 };
            assert!(gain > least, "{colour:?} {depth:?}: {gain}");
        }
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let Some(network) = network("keras_denoise_mnist.onnx") else { return };
    let restorer = Restorer::new(network, RestoreOptions::default()).expect("restores");
    let image = picture(150, 90, 1, Depth::U8);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| restorer.predict_unchecked(&image)).expect("runs")
    };
    let one = run(1);
    assert_eq!(one, run(3));
    assert_eq!(one, run(1));
}

#[test]
fn sprites_keep_hidden_pixels_and_get_no_fringe() {
    let Some(network) = network("dncnn_25_gray.onnx") else { return };
    let restorer = Restorer::new(network, RestoreOptions::default()).expect("restores");
    let (w, h) = (48, 48);
    let mut image = Image::new(w, h, 3, Depth::U8);
    let inside = |x: usize, y: usize| (x as f32 - 23.5).hypot(y as f32 - 23.5) < 15.0;
    let mut alpha = vec![0u8; w * h];
    for (i, a) in alpha.iter_mut().enumerate() {
        if inside(i % w, i / w) {
            *a = 255;
            (0..3).for_each(|c| image.samples.set(i * 3 + c, 1.0));
        }
    }
    image.alpha = Some(Samples::U8(alpha.clone()));
    let out = restorer.restore(&image).expect("restores");
    assert_eq!(out.alpha, image.alpha);
    for (i, a) in alpha.iter().enumerate() {
        for c in 0..3 {
            let v = out.samples.get(i * 3 + c);
            if *a == 0 { assert_eq!(v, 0.0) } else { assert!(v > 0.97, "{i}: {v}") }
        }
    }
}

#[test]
fn nonsense_is_an_error_and_not_a_picture() {
    let Some(path) = model_path("dncnn_25_gray.onnx") else { return };
    let range = Some(Range::MeanStd { mean: vec![1e20], std: vec![1e-5] });
    let network = Network::load(&path, &LoadOptions { range, ..Default::default() }).expect("loads");
    let restorer = Restorer::new(Arc::new(network), RestoreOptions::default()).expect("restores");
    let error = restorer.restore(&picture(40, 40, 1, Depth::U8)).expect_err("nonsense");
    assert!(matches!(error, RestoreError::BadOutput { .. }), "{error}");
    assert!(error.to_string().contains("range"), "{error}");
}

#[test]
fn embeds_by_default_and_by_name() {
    let Some(dense) = network("keras_convtranspose_autoencoder.onnx") else { return };
    let embedder = Embedder::new(dense, &EmbedOptions::default()).expect("embeds");
    assert_eq!(embedder.dim(), 16);
    for (w, h, c, depth) in [(32, 32, 3, Depth::U8), (1, 1, 1, Depth::U16), (200, 31, 3, Depth::F32)] {
        let vector = embedder.embed(&picture(w, h, c, depth)).expect("embeds");
        assert_eq!(vector.len(), 16);
        assert_eq!(vector, embedder.embed(&picture(w, h, c, depth)).expect("embeds"));
    }
    let mnist = network("mnist.onnx").expect("all or none");
    let named = |name: &str, pool| {
        Embedder::new(
            mnist.clone(),
            &EmbedOptions { bottleneck: Some(name.into()), pool: Some(pool), ..Default::default() },
        )
    };
    assert_eq!(named("Pooling160_Output_0", Pool::Mean).expect("embeds").dim(), 16);
    assert_eq!(named("Pooling160_Output_0", Pool::Flatten).expect("embeds").dim(), 256);
    let error = named("Pooling16_Output", Pool::Mean).expect_err("unknown").to_string();
    assert!(error.contains("did you mean") && error.contains("Pooling"), "{error}");
    let keras = network("keras_residual_autoencoder.onnx").expect("all or none");
    let embedder =
        Embedder::new(keras, &EmbedOptions { size: Some(62), ..Default::default() }).expect("embeds");
    assert_eq!(embedder.size(), (64, 64));
    assert_eq!(embedder.embed(&picture(70, 50, 3, Depth::U8)).expect("embeds").len(), embedder.dim());
}

#[test]
fn classifiers_cannot_restore() {
    let Some(mnist) = network("mnist.onnx") else { return };
    let error = Restorer::new(mnist, RestoreOptions::default()).expect_err("no picture").to_string();
    assert!(error.contains("[1, 10]"), "{error}");
}

#[test]
fn ranges_may_differ_between_input_and_output() {
    let folder = Folder::new("ranges");
    let scalar = |name: &str, v: f32| tensor(name, 1, &[], &v.to_le_bytes());
    let load = |nodes: &[Vec<u8>], tensors: &[Vec<u8>]| {
        folder.load(&model(&[1, 1, 24, 24], nodes, tensors)).expect("a good model loads")
    };
    let byte = scalar("k", 1.0 / 255.0);
    let clip = [node("Mul", &["x", "k"], "a"), node("Clip", &["a", "low", "high"], "y")];
    let limits = [byte.clone(), scalar("low", 0.0), scalar("high", 1.0)];
    let open = [node("Mul", &["x", "k"], "y")];
    for network in [load(&clip, &limits), load(&open, std::slice::from_ref(&byte))] {
        let info = network.info();
        let seen = (&info.range, &info.out_range, info.range_origin);
        assert_eq!(seen, (&Range::Byte, &Range::Unit, RangeOrigin::Inferred));
        let restorer = Restorer::new(Arc::new(network), RestoreOptions::default()).expect("restores");
        let image = picture(40, 30, 1, Depth::U8);
        assert_eq!(restorer.restore(&image).expect("a picture"), image);
    }
    // Scaled at the front and back again at the end.
    let back = [node("Mul", &["x", "k"], "a"), node("Mul", &["a", "b"], "y")];
    let network = load(&back, &[byte, scalar("b", 255.0)]);
    assert_eq!((&network.info().range, &network.info().out_range), (&Range::Byte, &Range::Byte));
    // No operator tells, but an offset of 9 is a change of brightness for one of them alone.
    let network = load(&[node("Add", &["x", "b"], "y")], &[scalar("b", 9.0)]);
    assert_eq!((&network.info().range, &network.info().out_range), (&Range::Byte, &Range::Byte));
}

#[test]
fn residuals_of_dark_pictures_are_no_pictures() {
    let folder = Folder::new("residual");
    let small = tensor("k", 1, &[], &0.05f32.to_le_bytes());
    let network = folder.load(&model(&[1, 1, 24, 24], &[node("Mul", &["x", "k"], "y")], &[small]));
    let network = network.expect("loads");
    assert_eq!(network.info().range_origin, RangeOrigin::Assumed);
    let restorer = Restorer::new(Arc::new(network), RestoreOptions::default()).expect("restores");
    let mut dark = picture(40, 30, 1, Depth::U16);
    (0..dark.samples.len()).for_each(|i| dark.samples.set(i, dark.samples.get(i) * 0.1));
    let error = restorer.restore(&dark).expect_err("no picture");
    assert!(matches!(error, RestoreError::BadOutput { .. }), "{error}");
}

#[test]
fn sample_models_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/models");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: no sample models");
        return;
    };
    for path in entries.map(|e| e.expect("an entry").path()) {
        if path.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let network = Arc::new(Network::load(&path, &LoadOptions::default()).expect("a sample model loads"));
        let info = network.info();
        if name == "embed.onnx" {
            let best = info.candidates.first().expect("a bottleneck");
            assert_eq!((best.floats, best.dense), (64, true));
        }
        if name != "denoise.onnx" && name != "upscale_x2.onnx" {
            continue;
        }
        let image = picture(150, 117, info.in_channels, Depth::F32);
        let restore = |tile| {
            let options = RestoreOptions { tile: Some(tile), ..Default::default() };
            let restorer = Restorer::new(network.clone(), options).expect("restores");
            restorer.predict_unchecked(&image).expect("runs")
        };
        let (whole, tiled) = (restore(4096), restore(32));
        for i in 0..whole.len() {
            let (a, b) = (whole.get(i), tiled.get(i));
            assert!((a - b).abs() < 1e-4, "{name} at {i}: {a}, {b}");
        }
    }
}
