//! Vectors of image encoders as they are exported: which tensor is taken, how pictures are prepared, and how rows are kept.

use crate::onnx::{GraphProto, ValueInfoProto, file, floats, ints, kernel, longs, net, node};
use crate::support::{Ended, Job, picture, save};
use polars::prelude::{DataFrame, ParquetReader, SerReader};
use safelight::image::Depth;
use std::fs;
use std::path::Path;

/// A transformer's beginning for pictures of 32x32, though its input says any size: patches of 8 pixels with six numbers
/// each, and places added. Its outputs are the tokens and their mean.
pub fn encoder(outputs: &[&str]) -> Vec<u8> {
    let nodes = vec![
        node(
            "Conv",
            &["x", "patch"],
            "patches",
            vec![ints("kernel_shape", &[8, 8]), ints("strides", &[8, 8])],
        ),
        node("Reshape", &["patches", "shape"], "rows", vec![]),
        node("Transpose", &["rows"], "tokens", vec![ints("perm", &[0, 2, 1])]),
        node("Add", &["tokens", "places"], "last_hidden_state", vec![]),
        node(
            "ReduceMean",
            &["last_hidden_state"],
            "pooler_output",
            vec![ints("axes", &[1]), crate::onnx::int("keepdims", 0)],
        ),
    ];
    let places: Vec<f32> = (0..96).map(|i| (i % 7) as f32 / 10.0).collect();
    let weights = vec![
        kernel("patch", &[6, 3, 8, 8]),
        longs("shape", &[0, 6, -1]),
        floats("places", &[1, 16, 6], &places),
    ];
    let output = |name: &&str| ValueInfoProto { name: (*name).into(), ..Default::default() };
    let graph =
        GraphProto { output: outputs.iter().map(output).collect(), ..net(&[0, 0, 0, 0], nodes, weights) };
    file(graph, &[])
}

const SETTINGS: &str =
    r#"{"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 32}, "resample": 3}"#;

/// A job over three photographs with an encoder in its folder.
fn job(steps: &str, outputs: &[&str]) -> Job {
    let job = Job::new("- write");
    for n in 0..3 {
        save(&picture(50 + n as usize, 40, 3, Depth::U8, n), &job.input().join(format!("{n}.png")));
    }
    fs::write(job.dir.path().join("encoder.onnx"), encoder(outputs)).unwrap();
    job.steps(steps);
    job
}

fn refused(job: &Job, parts: &[&str]) {
    let Ended { err, out, .. } = job.call(&["check"]).expect(78);
    for part in parts {
        assert!(err.contains(part) || out.contains(part), "{part}: {out}{err}");
    }
}

fn table(job: &Job) -> DataFrame {
    let parts = fs::read_dir(job.output().join("table")).unwrap().map(|e| e.unwrap().path());
    let parts: Vec<_> = parts.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    crate::support::frame(&fs::read(&parts[0]).unwrap()).unwrap()
}

fn vectors(frame: &DataFrame, column: &str) -> Vec<Vec<f32>> {
    let column = frame.column(column).unwrap().array().unwrap();
    let row = |i| column.get_as_series(i).unwrap().f32().unwrap().into_no_null_iter().collect();
    (0..column.len()).map(row).collect()
}

#[test]
fn the_pooled_output_is_taken_and_told() {
    let job = job("- embed: encoder.onnx\n- table", &["last_hidden_state", "pooler_output"]);
    let told = job.call(&["run"]).expect(0);
    let wanted =
        ["6 numbers, tensor pooler_output (1x6", "stretched to 32x32", "as it was exported, on 32x32 pixels"];
    for part in wanted {
        assert!(told.err.contains(part) || told.out.contains(part), "{part}: {}{}", told.out, told.err);
    }
    assert!(vectors(&table(&job), "embedding").iter().all(|row| row.len() == 6));
}

#[test]
fn tokens_are_asked_about() {
    let job = job("- embed: encoder.onnx\n- table", &["last_hidden_state"]);
    refused(&job, &["last_hidden_state has 16 tokens of 6 numbers", "`pool: cls`", "job.yaml:6:"]);
    job.steps("- embed: {model: encoder.onnx, pool: cls, column: a}\n- embed: {model: encoder.onnx, pool: flatten, column: b}\n- table");
    job.call(&["run"]).expect(0);
    let frame = table(&job);
    for (first, all) in vectors(&frame, "a").iter().zip(vectors(&frame, "b")) {
        assert_eq!((first.as_slice(), all.len()), (&all[..6], 96));
    }
}

#[test]
fn a_file_beside_the_model_is_followed_and_belongs_to_the_identity() {
    let job = job("- embed: encoder.onnx\n- table", &["pooler_output"]);
    let run = |job: &Job| {
        let told = job.call(&["run"]).expect(0);
        (told.out + &told.err, vectors(&table(job), "embedding"))
    };
    let (_, plain) = run(&job);
    let settings = job.dir.path().join("preprocessor_config.json");
    fs::write(&settings, SETTINGS).unwrap();
    let (told, with) = run(&job);
    assert!(told.contains("resized to 32x32 (bicubic), over 255, mean [0.5, 0.5, 0.5]"), "{told}");
    assert_ne!(with, plain);
    // Another notation is no other content.
    fs::write(&settings, SETTINGS.replace(": ", " :")).unwrap();
    assert!(job.call(&["plan"]).expect(0).out.contains("0 to do") || run(&job).1 == with);
    fs::write(&settings, SETTINGS.replace("32}", "32}, \"image_mean\": [0.4, 0.4, 0.4]")).unwrap();
    let (_, changed) = run(&job);
    assert_ne!(changed, with);
    job.steps("- embed: {model: encoder.onnx, preprocess: none}\n- table");
    assert_eq!(run(&job).1, plain);
    job.steps("- embed: {model: encoder.onnx, range: 0-1}\n- table");
    assert!(run(&job).0.contains("is not followed, since `range` is given"));
}

#[test]
fn mistakes_about_preprocessing_have_their_places() {
    let job = job("- write", &["pooler_output"]);
    let check = |parameters: &str, parts: &[&str]| {
        job.steps(&format!("- embed: {{model: encoder.onnx, {parameters}}}\n- table"));
        refused(&job, parts);
    };
    check("preprocess: dinov", &["no file \"dinov\"", "did you mean `dinov2`", "job.yaml:6:46", "^^^^^"]);
    check("preprocess: clip, range: 0-1, fit: crop", &["`fit`, `range` would say it again"]);
    check("preprocess: siglip, size: 48", &["48x48"]);
    fs::write(
        job.dir.path().join("bad.json"),
        r#"{"image_processor_type": "CLIPImageProcessor", "do_pad": true, "resample": 9}"#,
    )
    .unwrap();
    check("preprocess: bad.json", &["`do_pad: true` is not supported", "`resample` is 9", "job.yaml:6:"]);
    check("preprocess: none, pool: cls", &["has the shape [1, 6] and no tokens"]);
    check("preprocess: none, tensor: pooler_outputs", &["did you mean \"pooler_output\""]);
}

#[test]
fn a_preset_follows_the_size_of_the_network() {
    let job = job("- embed: {model: encoder.onnx, preprocess: dinov2}\n- table", &["pooler_output"]);
    let told = job.call(&["run"]).expect(0);
    let told = told.out + &told.err;
    assert!(
        told.contains("shorter side to 37 (bicubic), centre 32x32") && told.contains("from preset dinov2"),
        "{told}"
    );
}

#[test]
fn several_vectors_come_from_one_decode_at_length_1_or_in_half_precision() {
    let steps = "- embed: {model: encoder.onnx, column: plain}\n\
                 - embed: {model: encoder.onnx, column: unit, normalize: true}\n\
                 - embed: {model: encoder.onnx, column: half, dtype: float16}\n- table";
    let job = job(steps, &["pooler_output"]);
    job.call(&["run"]).expect(0);
    let part = fs::read_dir(job.output().join("table")).unwrap().map(|e| e.unwrap().path()).next().unwrap();
    let declared = schema(&part);
    assert!(declared.contains("plain: Some(Float)") || declared.contains("plain: None"), "{declared}");
    assert!(declared.contains("half: Some(Float16)"), "{declared}");
    let frame = {
        let reader = ParquetReader::new(fs::File::open(&part).unwrap());
        reader.with_columns(Some(vec!["plain".into(), "unit".into()])).finish().unwrap()
    };
    for (plain, unit) in vectors(&frame, "plain").iter().zip(vectors(&frame, "unit")) {
        let length = plain.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!(plain.iter().zip(&unit).all(|(a, b)| (a / length - b).abs() < 1e-6));
    }
}

/// The columns of a Parquet file with the logical types of their numbers.
fn schema(path: &Path) -> String {
    let metadata = polars_parquet::read::read_metadata(&mut fs::File::open(path).unwrap()).unwrap();
    let leaves = metadata.schema().columns().iter();
    let text = leaves.map(|leaf| {
        format!("{}: {:?} ", leaf.path_in_schema[0], leaf.descriptor.primitive_type.logical_type)
    });
    text.collect()
}
