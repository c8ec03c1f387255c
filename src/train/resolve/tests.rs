//! Data of each kind resolved, and the mistakes that keys make together.

use super::super::adam::Schedule;
use super::super::loss::Loss;
use super::super::net::Size;
use super::super::settings::{Blobs, Written};
use super::*;
use crate::columns::parquet::Table;
use crate::columns::{Column, ColumnType, Value};
use crate::inputs::Source;
use crate::shown::Show;
use crate::train::vocabulary;
use std::fs;
use std::path::Path;

pub(super) fn read(text: &str) -> Result<TrainPlan, Diagnostics> {
    let (draft, mistakes) = crate::spec::draft(text, "job.yaml", &[], &|_| None, &vocabulary());
    resolve(&draft.unwrap(), mistakes)
}

/// A job of these keys, which begin in line 5, over `input`.
pub(super) fn job(input: &Path, keys: &str) -> String {
    let keys: String = keys.lines().map(|line| format!("  {}\n", line.trim_start())).collect();
    format!(
        "version: 1\ninput: {{path: {0}/in}}\noutput: {0}/out\ntrain:\n{keys}limits: {{memory: 4GiB, threads: 2}}\n",
        input.shown()
    )
}

/// The same with another line in place of its input, or without one.
pub(super) fn in_place_of_input(text: &str, line: &str) -> String {
    text.lines().map(|l| if l.starts_with("input") { line } else { l }).collect::<Vec<_>>().join("\n")
}

/// A folder with two files as input.
pub(super) fn pictures() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("in")).unwrap();
    ["a.png", "b.png"].iter().for_each(|name| fs::write(dir.path().join("in").join(name), "").unwrap());
    dir
}

#[test]
fn the_section_is_sound() {
    crate::spec::check_registry(&[&super::super::TRAIN]).unwrap();
}

#[test]
fn pictures_are_resolved_with_defaults() {
    let dir = pictures();
    let keys = "network: {residual: {width: 16, latent: 16, scale: 2}}\ncorrupt: [downscale]\ntest: TEST";
    let keys = keys.replace("TEST", &dir.path().join("in").shown().to_string());
    let plan = read(&job(dir.path(), &keys)).unwrap();
    assert_eq!((plan.name.as_str(), plan.seed, plan.model.as_str()), ("job", 0, "model.onnx"));
    assert_eq!((plan.net.input, plan.net.scale), (Size::new(32, 32, 3), 2));
    assert_eq!(
        (plan.task, plan.patch, plan.batch, plan.epochs, plan.steps),
        (Task::Restore, 64, 32, 40, 500)
    );
    assert_eq!((plan.loss, plan.schedule, plan.warmup), (Loss::Mse, Schedule::Cosine, 200));
    assert_eq!((plan.validation, plan.rate, plan.decay, plan.clip), (0.05, 0.001, 0.0, 3.0));
    assert!(
        plan.augment == Augment { turn: true, ..Augment::NOTHING }
            && plan.threads == 2
            && plan.memory < 4 << 30
            && plan.memory > 3 << 30
    );
    let Data::Pictures { inputs, test, recipe, label } = &plan.data else { panic!("{:?}", plan.data) };
    assert!(
        matches!(inputs[0].input.source, Source::Folder)
            && test.is_some()
            && recipe.is_some()
            && label.is_none()
    );
    assert!(plan.notes.is_empty(), "{:?}", plan.notes);
}

#[test]
fn views_agree_where_the_network_embeds() {
    let dir = pictures();
    let keys = "network: {scene: {latent: 8}}\npatch: 32\nagree: {temperature: 0.1}";
    let plan = read(&job(dir.path(), keys)).unwrap();
    let agreement = plan.agree.unwrap();
    assert_eq!((agreement.weight, agreement.temperature, agreement.crop), (1.0, 0.1, 0.2));
    assert_eq!((plan.patch, plan.net.input), (0, Size::new(32, 32, 3)));
    // All parts of a batch are there at once.
    let alone = memory_needed(&plan.net, plan.batch, None, 1);
    assert!(memory_needed(&plan.net, plan.batch, plan.agree, 1) > alone, "{alone}");
    for (keys, expected) in [
        ("network: residual\nagree: {}", "which `residual` does not make"),
        ("network: embedding\nagree: {crop: 0}", "a view has to show something"),
        ("network: embedding\nagree: {}\nzoom: true", "`zoom` has no meaning beside `agree`"),
        ("network: embedding\nagree: {}\nwhole: true", "`whole` has no meaning beside `agree`"),
        ("network: embedding\nagree: {temperature: 0}", "temperature"),
        ("network: {scene: {}}\npatch: 40", "a multiple of 16, not 40"),
    ] {
        let found = read(&job(dir.path(), keys)).err().unwrap().to_string();
        assert!(found.contains(expected), "{keys}\n{found}");
    }
}

#[test]
fn lists_bring_labels() {
    let dir = pictures();
    let list = dir.path().join("in/list.csv");
    fs::write(&list, "filepath,label\na.png,3\nb.png,4\n").unwrap();
    let keys = "network: {embedding: {latent: 8}}\nlabel: label\ncolour: gray\npatch: 28\nwhole: true";
    let text = job(dir.path(), keys).replace("/in}", "/in/list.csv, column: filepath}");
    let plan = read(&text).unwrap();
    assert_eq!((plan.task, plan.patch, plan.net.input), (Task::Embed, 0, Size::new(28, 28, 1)));
    let Data::Pictures { inputs, label, .. } = &plan.data else { panic!("{:?}", plan.data) };
    assert_eq!((label.as_deref(), inputs[0].input.carried[0].name.as_str()), (Some("label"), "label"));
    let found = read(&text.replace("label: label", "label: lable")).err().unwrap().to_string();
    assert!(found.contains("no column `lable`") && found.contains("its columns are label"), "{found}");
}

#[test]
fn written_pairs_keep_their_splits() {
    let dir = pictures();
    let root = dir.path().join("in");
    let keys = "network: {residual: {width: 16}}\npairs: true";
    let missing = read(&job(dir.path(), keys)).err().unwrap().to_string();
    assert!(missing.contains("is no folder of pairs") && missing.contains("train/metadata.csv"), "{missing}");
    fs::write(root.join("pairs-0.tar"), "").unwrap();
    let shards = read(&job(dir.path(), keys)).err().unwrap().to_string();
    assert!(shards.contains("layout: folders"), "{shards}");

    fs::write(
        root.join("pairs.csv"),
        "split,noisy,clean,source\ntrain,train/noisy/a.png,train/clean/a.png,a\ntest,test/noisy/b.png,test/clean/b.png,b\n",
    )
    .unwrap();
    let split = |plan: TrainPlan| match plan.data {
        Data::Pairs { pairs, validation, test, .. } => (pairs, validation.len(), test.len()),
        other => panic!("{other:?}"),
    };
    let pair =
        |noisy: &str, clean: &str| Written { noisy: noisy.into(), clean: clean.into(), source: "a".into() };
    let (pairs, ..) = split(read(&job(dir.path(), keys)).unwrap());
    assert_eq!(pairs, [pair("train/noisy/a.png", "train/clean/a.png")]);

    for (folder, rows) in [
        ("train", "noisy/a_x.png,clean/a.png,a\nnoisy/a_y.png,clean/a.png,a\n"),
        ("validation", "noisy/c.png,clean/c.png,c\n"),
    ] {
        fs::create_dir(root.join(folder)).unwrap();
        let list = format!("noisy_file_name,clean_file_name,source\n{rows}");
        fs::write(root.join(folder).join("metadata.csv"), list).unwrap();
    }
    let (pairs, validation, test) = split(read(&job(dir.path(), keys)).unwrap());
    assert_eq!(pairs[1], pair("train/noisy/a_y.png", "train/clean/a.png"));
    assert_eq!((pairs.len(), validation, test), (2, 1, 0));
}

#[test]
fn vectors_tell_how_many_numbers_they_have() {
    let dir = pictures();
    let part = |name: &str, width: usize| {
        let columns =
            [Column::new("embedding", ColumnType::Vector(width)), Column::new("group", ColumnType::Int)];
        let mut table = Table::new(&columns, 2);
        (0..2).for_each(|i| table.push(vec![Value::Vector(vec![0.5; width]), Value::Int(i)]).unwrap());
        fs::write(dir.path().join("in").join(name), table.finish(&[]).unwrap()).unwrap();
    };
    let keys = "network: {dense: {widths: [5], latent: 2}}\nvectors: embedding\nlabel: group";
    let text = job(dir.path(), keys);
    assert!(read(&text).err().unwrap().to_string().contains("holds no .parquet file"));
    part("part-0.parquet", 7);
    part("part-1.parquet", 7);
    let plan = read(&text).unwrap();
    assert_eq!((plan.net.input, plan.patch, plan.augment.clone()), (Size::new(1, 1, 7), 0, Augment::NOTHING));
    let Data::Vectors { source: Vectors::Parquet { files, column, label, .. } } = &plan.data else {
        panic!()
    };
    assert_eq!((files.len(), column.as_str(), label.as_deref()), (2, "embedding", Some("group")));
    for (from, to, message) in [
        ("vectors: embedding", "vectors: embeddin", "has no column `embeddin`; it has embedding, group"),
        ("vectors: embedding", "vectors: group", "has i64 in the column `group`, not lists of numbers"),
        ("label: group", "label: grp", "has no column `grp`"),
    ] {
        let found = read(&text.replace(from, to)).err().unwrap().to_string();
        assert!(found.contains(message), "{found}");
    }
    part("part-2.parquet", 8);
    let found = read(&text).err().unwrap().to_string();
    assert!(found.contains("has vectors of 8 numbers, others of 7"), "{found}");
}

#[test]
fn blobs_need_no_input() {
    let dir = pictures();
    let text = job(dir.path(), "network: dense\nblobs: {count: 200, dimensions: 9}\nvalidation: 10%");
    let alone = in_place_of_input(&text, "");
    let plan = read(&alone).unwrap();
    let blobs = Blobs { count: 200, dimensions: 9, centres: 20, deviation: 0.2, seed: 17 };
    assert!(matches!(&plan.data, Data::Vectors { source: Vectors::Blobs(found) } if *found == blobs));
    assert_eq!((plan.net.input, plan.validation), (Size::new(1, 1, 9), 0.1));
    let both = read(&text).err().unwrap().to_string();
    assert!(both.contains("in place of an `input`"), "{both}");
    let none = read(&alone.replace("blobs: {count: 200, dimensions: 9}", "vectors: x")).err().unwrap();
    assert!(none.to_string().contains("a pipeline needs `input`"), "{none}");
}

#[test]
fn keys_that_do_not_fit_each_other_are_told() {
    let dir = pictures();
    let noise = "network: {residual: {width: 16}}\ncorrupt: [gaussian_noise: {sigma: 5}]\n";
    // Keys, line, part of the message, part of the help.
    let table: &[(&str, usize, &str, &str)] = &[
        ("network: dense\n", 5, "`dense` takes vectors", "`vectors`"),
        ("network: residual\nvectors: v\n", 5, "`residual` takes pictures", "there is `dense`"),
        (
            "network: dense\nvectors: v\npatch: 8\ncorrupt: [fog]\n",
            7,
            "`patch` has no meaning for vectors",
            "",
        ),
        ("network: dense\nvectors: v\nblobs: {}\n", 7, "in place of `vectors`", "remove one"),
        (
            "network: residual\npairs: true\ncorrupt: [fog]\n",
            7,
            "no meaning beside `pairs`",
            "corrupted already",
        ),
        ("network: residual\npairs: true\ntest: x\n", 7, "no meaning beside `pairs`", "split `test`"),
        ("network: {residual: {scale: 2}}\n", 5, "scale 2 needs `corrupt`", "[downscale]"),
        ("network: residual\ncorrupt: [downscale]\n", 6, "`downscale` does nothing", "`scale`"),
        ("network: residual\ncorrupt: [one_of: {of: [fog], weights: [1, 2]}]\n", 6, "and 2 weights", ""),
        ("PATCH: 50\n", 7, "multiple of 4, not 50", "`patch: 48` or `patch: 52`"),
        (
            "network: {residual: {scale: 3}}\ncorrupt: [downscale]\npatch: 64\n",
            7,
            "multiple of 6",
            "`patch: 60`",
        ),
        ("network: noise_autoencoder\npatch: 56\n", 5, "it makes 52 x 52 x 3 of 56 x 56 x 3", "`patch`"),
        ("LABEL: x\n", 7, "`label` is for figures of embeddings", ""),
        ("network: {embedding: 8}\nlabel: x\n", 6, "the input has no column `x`", ".csv"),
        ("VALIDATION: 0\n", 7, "has to be held out", "`5%`"),
        ("VALIDATION: 100%\n", 7, "something to be learned", "`5%`"),
        ("WARMUP: 50000\n", 7, "there are 20000 steps in all", "smaller"),
        ("MODEL: ../x.onnx\n", 7, "no name for an ONNX file", "model.onnx"),
        ("START: nowhere.onnx\n", 7, "there is no model nowhere.onnx", "beside the pipeline file"),
        ("START: sample_data/models/denoise.onnx\n", 7, "holds another network", "`network`"),
        ("START: sample_data/models/README.md\n", 7, "not a valid ONNX model", ""),
        ("network: dense\nvectors: v\nstart: x.onnx\n", 7, "`start` has no meaning for vectors", ""),
        ("MODEL: net.pb\n", 7, "no name for an ONNX file", "model.onnx"),
        ("TEST: nowhere\n", 7, "there is no nowhere", "working directory"),
    ];
    for (keys, line, message, help) in table {
        let (first, rest) = keys.split_once(':').unwrap();
        let upper = first.chars().all(|c| c.is_ascii_uppercase());
        let keys =
            if upper { format!("{noise}{}:{rest}", first.to_lowercase()) } else { (*keys).to_string() };
        let found = read(&job(dir.path(), &keys)).err().unwrap_or_else(|| panic!("accepted:\n{keys}"));
        let hit = found.iter().any(|d| {
            d.line == *line
                && d.message.contains(message)
                && d.help.as_deref().unwrap_or_default().contains(help)
        });
        assert!(hit, "{keys}\nexpected line {line} {message} ({help}), found\n{found}");
    }
    let small = job(dir.path(), noise).replace("4GiB", "100MiB");
    let found = read(&small).err().unwrap().to_string();
    assert!(found.contains("training needs about") && found.contains("smaller network"), "{found}");
    let inside = job(dir.path(), noise).replace("/out\n", "/in/out\n");
    assert!(read(&inside).err().unwrap().to_string().contains("originals are never written to"));
    // Mistakes of the text and of the disk come together.
    let both = job(dir.path(), "network: residual\nbatch: 0\n").replace("/in}", "/inn}");
    let found = read(&both).err().unwrap();
    assert!(found.count() == 2 && found.to_string().contains("/in`?"), "{found}");
}

#[test]
fn what_is_odd_but_possible_is_noted() {
    let dir = pictures();
    let notes = |keys: &str| read(&job(dir.path(), keys)).unwrap().notes.join("\n");
    assert!(notes("network: residual\n").contains("nothing is corrupted"));
    let upscale = "network: {residual: {scale: 2}}\ncorrupt: [gaussian_blur: {sigma: 1}]\n";
    assert!(notes(upscale).contains("2 times smaller by bicubic"));
    assert_eq!(notes("network: super_resolution\ncorrupt: [rescale: 0.5, downscale]\n"), "");
}

#[test]
fn the_fingerprint_follows_what_decides_the_weights() {
    let dir = pictures();
    let keys = "network: {residual: {width: 16}}\ncorrupt: [gaussian_noise: {sigma: [5, 50]}]\nbatch: 8";
    let base = job(dir.path(), keys);
    let of = |text: &str| read(text).unwrap().fingerprint;
    let same = [
        base.replace("threads: 2", "threads: 1"),
        base.replace("/out", "/elsewhere"),
        base.replace(
            "batch: 8",
            "batch: 8\n  model: other.onnx\n  beside: [{figure: mse, value: 1, label: x}]",
        ),
        base.replace("batch: 8", "loss: mse\n  batch: 8"),
    ];
    same.iter().for_each(|text| assert!(of(text) == of(&base), "{text}"));
    let other = [
        base.replace("batch: 8", "batch: 9"),
        base.replace("50]", "51]"),
        base.replace("width: 16", "width: 20"),
        base.replace("version: 1", "version: 1\nseed: 1"),
        base.replace("batch: 8", "batch: 8\n  colour: gray"),
        base.replace("/in}", "/in, exclude: [\"a*\"]}"),
    ];
    other.iter().for_each(|text| assert!(of(text) != of(&base), "{text}"));
}

#[test]
fn the_bytes_of_a_model_to_start_from_decide_not_its_path() {
    let dir = pictures();
    let keys = "network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\nstart: MODEL\nmodel: m.onnx";
    let base = job(dir.path(), keys);
    let plan = read(&base.replace("start: MODEL", "clip: 3")).unwrap();
    let file = |name: &str, seed: u64| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let (net, facts) = (&plan.net, export::Facts::default());
        fs::write(&path, export::onnx(net, &net.init(seed), &facts, false)).unwrap();
        path.shown().to_string()
    };
    let of = |model: &str| read(&base.replace("MODEL", model)).unwrap().fingerprint;
    let (a, same, b) = (file("a.onnx", 1), file("same.onnx", 1), file("b.onnx", 2));
    assert!(of(&a) == of(&same) && of(&a) != of(&b) && of(&a) != plan.fingerprint);
    let started = read(&base.replace("MODEL", &b)).unwrap().start;
    assert!(matches!(started, Start::Model { parameters, .. } if parameters == plan.net.init(2)));
    let own = base.replace("MODEL", &file("out/m.onnx", 1));
    let found = read(&own).err().unwrap().to_string();
    assert!(found.contains("would write over the model that it starts from"), "{found}");
}

#[test]
fn what_cannot_fit_into_memory_is_refused_before_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let at =
        |keys: &str| read(&in_place_of_input(&job(dir.path(), keys), "")).expect_err("a mistake").to_string();
    let blobs = at("network: {dense: {latent: 2}}\nblobs: {count: 10000000, dimensions: 65536}");
    assert!(blobs.contains("10000000 vectors of 65536 numbers take about 15000000 MiB"), "{blobs}");
    let clock = std::time::Instant::now();
    let wide = at("network: {dense: {widths: [65536, 65536], latent: 2}}\nblobs: {}");
    assert!(wide.contains("training needs about") && clock.elapsed().as_secs() < 5, "{wide}");
}

#[test]
fn made_pictures_are_tested_on_a_folder() {
    let dir = pictures();
    fs::write(dir.path().join("in/notes.txt"), "").unwrap();
    let keys = format!("network: {{residual: {{}}}}\ntest: {}/in", dir.path().shown());
    let text = in_place_of_input(&job(dir.path(), &keys), "input: {synth: dead_leaves, count: 3}");
    let plan = read(&text).unwrap();
    let listed = super::super::inventory::list(&plan.data).unwrap();
    assert_eq!((listed.inputs[0].inputs.len(), listed.test.inputs.len()), (3, 2));
}
