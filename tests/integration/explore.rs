//! `explore`: neighbours, map and clusters beside a table, as a step and as a command.

use crate::crash::kill_everywhere;
use crate::embeddings::encoder;
use crate::support::{Ended, Job, Tree, differences, picture, save, tree};
use polars::prelude::{DataFrame, StructChunked};
use safelight::image::Depth;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

const STEPS: &str = "- embed: encoder.onnx\n- table: {rows: 16}\n- explore: {neighbours: 3, components: 2}";
const FILE: &str = "explore/explore.parquet";
const STATE: &str = ".safelight/explore/explore.near";

fn add(job: &Job, numbers: impl Iterator<Item = u32>) {
    for n in numbers {
        save(
            &picture(36 + n as usize % 5, 34, 3, Depth::U8, n),
            &job.input().join(format!("{}/{n:02}.png", n % 3)),
        );
    }
}

/// A job over so many pictures with an encoder in its folder.
fn job(steps: &str, pictures: u32) -> Job {
    let job = Job::new("- write");
    add(&job, 0..pictures);
    fs::write(job.dir.path().join("encoder.onnx"), encoder(&["pooler_output"])).unwrap();
    job.steps(steps);
    job
}

/// All that a reader sees, and what is kept for the next night; without manifests, which tell of what is gone.
fn whole(job: &Job) -> Tree {
    let mut all = tree(&job.output());
    all.retain(|path, _| !path.starts_with(".safelight"));
    all.insert(STATE.into(), fs::read(job.output().join(STATE)).unwrap());
    all
}

fn frame(path: &Path) -> DataFrame {
    crate::support::frame(&fs::read(path).unwrap()).unwrap()
}

/// Vectors of the table by path, in the order of paths.
fn vectors(job: &Job) -> Vec<(String, Vec<f32>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(job.output().join("table")).unwrap() {
        let part = frame(&entry.unwrap().path());
        let (paths, column) =
            (part.column("path").unwrap().str().unwrap(), part.column("embedding").unwrap());
        for (row, path) in paths.iter().enumerate() {
            let vector = column.array().unwrap().get_as_series(row).unwrap();
            all.push((path.unwrap().to_string(), vector.f32().unwrap().into_no_null_iter().collect()));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn lists(structs: &StructChunked, row: usize) -> (Vec<i64>, Vec<f64>) {
    let field = |name| structs.field_by_name(name).unwrap().list().unwrap().get_as_series(row).unwrap();
    let ids = field("ids").i64().unwrap().into_no_null_iter().collect();
    (ids, field("distances").f64().unwrap().into_no_null_iter().collect())
}

#[test]
fn the_file_says_what_is_near_and_where() {
    let job = job(STEPS, 20);
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("explore") || ended.err.contains("explore"), "{}{}", ended.out, ended.err);
    let found = frame(&job.output().join(FILE));
    let table = vectors(&job);
    assert_eq!(found.height(), 20);
    assert!(found.column("embedding").is_err());
    let unit = |v: &[f32]| {
        let length = v.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        v.iter().map(|v| f64::from(*v) / length).collect::<Vec<_>>()
    };
    let cosine = |a: &[f32], b: &[f32]| 1.0 - unit(a).iter().zip(unit(b)).map(|(a, b)| a * b).sum::<f64>();
    let paths = found.column("path").unwrap().str().unwrap();
    let neighbours = found.column("neighbors").unwrap().struct_().unwrap();
    for row in 0..20 {
        assert_eq!(paths.get(row), Some(table[row].0.as_str()));
        let (ids, distances) = lists(neighbours, row);
        assert_eq!((ids.len(), distances.len()), (3, 3));
        let mut all: Vec<f64> =
            (0..20).filter(|o| *o != row).map(|other| cosine(&table[row].1, &table[other].1)).collect();
        all.sort_by(f64::total_cmp);
        for (id, (distance, wanted)) in ids.iter().zip(distances.iter().zip(&all)) {
            let own = cosine(&table[row].1, &table[usize::try_from(*id).unwrap()].1);
            assert!(
                (distance - wanted).abs() < 1e-6 && (own - wanted).abs() < 1e-6,
                "{row}: {distance} {wanted}"
            );
        }
        let outlier = found.column("outlier").unwrap().f64().unwrap().get(row);
        assert_eq!(outlier, distances.last().copied());
    }
    for name in ["x", "y", "reconstruction_error"] {
        let column = found.column(name).unwrap().f64().unwrap();
        assert!(column.null_count() == 0 && column.into_no_null_iter().all(f64::is_finite), "{name}");
    }
    assert!(found.column("cluster").unwrap().i64().unwrap().into_no_null_iter().all(|c| (0..3).contains(&c)));
    assert_eq!(found.column("pca").unwrap().array().unwrap().width(), 2);
    job.call(&["verify"]).expect(0);
}

#[test]
fn any_history_and_any_number_of_threads_give_the_same_bytes() {
    let job = job(STEPS, 30);
    job.call(&["run"]).expect(0);
    let first = whole(&job);
    let inode = || fs::metadata(job.output().join(FILE)).unwrap().ino();
    let before = inode();
    job.call(&["run"]).expect(0);
    assert_eq!((inode(), whole(&job)), (before, first.clone()));
    // New ones, one gone, one changed.
    add(&job, 30..37);
    fs::remove_file(job.input().join("1/04.png")).unwrap();
    save(&picture(50, 41, 3, Depth::U8, 99), &job.input().join("2/05.png"));
    job.call(&["run"]).expect(0);
    let grown = whole(&job);
    assert_ne!(grown, first);
    for threads in ["1", "3"] {
        job.clear_output();
        job.call(&["run", "--set", &format!("limits.threads={threads}")]).expect(0);
        assert_eq!(differences(&whole(&job), &grown), [""; 0], "{threads} threads");
    }
}

#[test]
fn what_is_kept_saves_time_and_nothing_else() {
    let job = job(STEPS, 24);
    job.call(&["run"]).expect(0);
    let (path, first) = (job.output().join(STATE), job.dir.path().join("first"));
    let copied = Command::new("cp").arg("-a").arg(job.output()).arg(&first).status().unwrap();
    assert!(copied.success());
    add(&job, 24..27);
    job.call(&["run"]).expect(0);
    let wanted = whole(&job);
    let kept = fs::read(first.join(STATE)).unwrap();
    let mut flipped = Vec::new();
    for at in [0, 20, 60, 600, kept.len() - 40, kept.len() - 1] {
        let mut bytes = kept.clone();
        bytes[at] ^= 1;
        flipped.push(bytes);
    }
    flipped.extend([
        kept[..kept.len() / 2].to_vec(),
        Vec::new(),
        [&kept[..], b"x"].concat(),
        vec![0xff; 100],
    ]);
    for bytes in flipped {
        job.clear_output();
        let copied = Command::new("cp").arg("-a").arg(&first).arg(job.output()).status().unwrap();
        assert!(copied.success());
        fs::write(&path, &bytes).unwrap();
        job.call(&["run"]).expect(0);
        assert_eq!(differences(&whole(&job), &wanted), [""; 0], "{} bytes", bytes.len());
    }
}

#[test]
fn killed_before_every_write() {
    let job = job(STEPS, 18);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    let check = |fault: &str| {
        // Whoever reads the folder sees the whole file or none.
        if let Ok(bytes) = fs::read(job.output().join(FILE)) {
            assert_eq!(Some(&bytes), wanted.get(Path::new(FILE)), "{fault}");
        }
        job.call(&["run"]).expect(0);
        assert_eq!(differences(&tree(&job.output()), &wanted), [""; 0], "{fault}");
    };
    let reached = kill_everywhere(&job, &["run"], 1, || job.clear_output(), check);
    assert!(reached["part"] >= 3 && reached["swap"] >= 2, "{reached:?}");
}

#[test]
fn foreign_and_edited_files_are_refused() {
    let job = job(STEPS, 5);
    fs::create_dir_all(job.output().join("explore")).unwrap();
    let foreign = job.output().join("explore/mine.txt");
    fs::write(&foreign, "mine").unwrap();
    let Ended { err, .. } = job.call(&["run"]);
    assert!(err.contains("mine.txt"), "{err}");
    fs::remove_file(&foreign).unwrap();
    job.call(&["run"]).expect(0);
    let edited = job.output().join(FILE);
    fs::write(&edited, "edited").unwrap();
    add(&job, 5..6);
    let Ended { err, code, .. } = job.call(&["run"]);
    assert!(code != Some(0) && err.contains("explore.parquet"), "{err}");
    assert_eq!(fs::read(&edited).unwrap(), b"edited");
    job.call(&["run", "--replace-edited"]).expect(0);
    assert_eq!(frame(&edited).height(), 6);
}

#[test]
fn mistakes_are_told() {
    let cases = [
        ("- embed: encoder.onnx\n- explore\n- table", "no step before writes one as Parquet"),
        ("- embed: encoder.onnx\n- table: {format: csv}\n- explore", "no step before writes one as Parquet"),
        ("- table\n- explore", "no step before makes one"),
        (
            "- embed: encoder.onnx\n- table\n- explore: {column: embeding}",
            "columns of vectors are: embedding",
        ),
        (
            "- embed: {model: encoder.onnx, column: a}\n- embed: {model: encoder.onnx, column: b}\n- table\n- explore",
            "several columns of vectors",
        ),
        ("- embed: encoder.onnx\n- table\n- explore: {neighbours: 0}", "neighbours"),
        ("- embed: encoder.onnx\n- table\n- explore: {folder: table}", "table"),
    ];
    for (steps, told) in cases {
        let Ended { err, out, .. } = job(steps, 1).call(&["check"]).expect(78);
        assert!(err.contains(told) || out.contains(told), "{steps}: {out}{err}");
    }
}

fn explore(arguments: &[&Path], more: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    Ended::from(command.arg("explore").args(arguments).args(more).output().unwrap())
}

#[test]
fn an_output_without_the_step_is_explored_by_command() {
    let job = job("- embed: encoder.onnx\n- table", 12);
    let nothing = explore(&[&job.output()], &[]).expect(2);
    assert!(nothing.err.contains("nothing has been run"), "{}", nothing.err);
    job.call(&["run"]).expect(0);
    let told = explore(&[&job.output()], &["--neighbours", "2", "--json"]).expect(0).out;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((told["rows"].as_u64(), told["unchanged"].as_bool()), (Some(12), Some(false)));
    let bytes = fs::read(job.output().join(FILE)).unwrap();
    assert!(explore(&[&job.output()], &["--neighbours", "2"]).expect(0).out.contains("as it was"));
    job.call(&["verify"]).expect(0);
    // The same as the step, which then leaves it as it is.
    job.steps("- embed: encoder.onnx\n- table\n- explore: {neighbours: 2}");
    job.call(&["run"]).expect(0);
    assert_eq!(fs::read(job.output().join(FILE)).unwrap(), bytes);
    let unknown = explore(&[&job.output()], &["--column", "no"]).expect(2);
    assert!(unknown.err.contains("no column of vectors `no`"), "{}", unknown.err);
}

#[test]
fn a_table_of_others_is_explored_into_a_folder_of_choice() {
    let job = job("- embed: encoder.onnx\n- table", 12);
    job.call(&["run"]).expect(0);
    let (table, to) = (job.dir.path().join("theirs"), job.dir.path().join("result"));
    // Not the link, where there is one.
    fs::rename(fs::canonicalize(job.output().join("table")).unwrap(), &table).unwrap();
    let before = tree(&table);
    let none = explore(&[&table], &[]).expect(2);
    assert!(none.err.contains("nothing has been run") || none.err.contains("output"), "{}", none.err);
    let to_text = to.to_str().unwrap();
    explore(&[&table], &["--to", to_text]).expect(0);
    let file = to.join("explore.parquet");
    let bytes = fs::read(&file).unwrap();
    assert!(explore(&[&table], &["--to", to_text]).expect(0).out.contains("as it was"));
    explore(&[&table], &["--to", to_text, "--neighbours", "4"]).expect(0);
    assert_ne!(fs::read(&file).unwrap(), bytes);
    explore(&[&table], &["--to", to_text]).expect(0);
    assert_eq!(fs::read(&file).unwrap(), bytes);
    // Into the table's own folder, over an edited file, and over somebody's.
    let own = explore(&[&table], &["--to", table.to_str().unwrap()]);
    assert!(own.code != Some(0), "{}", own.out);
    fs::write(&file, "edited").unwrap();
    let edited = explore(&[&table], &["--to", to_text]);
    assert!(edited.code != Some(0) && edited.err.contains("explore.parquet"), "{}", edited.err);
    let other = job.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("explore.parquet"), "theirs").unwrap();
    let foreign = explore(&[&table], &["--to", other.to_str().unwrap()]);
    assert!(foreign.code != Some(0), "{}", foreign.out);
    assert_eq!(fs::read(other.join("explore.parquet")).unwrap(), b"theirs");
    assert_eq!(tree(&table), before);
    let empty = explore(&[&other.join("none")], &["--to", to_text]).expect(2);
    assert!(empty.err.contains("no Parquet file"), "{}", empty.err);
}

#[test]
fn rows_without_a_vector_are_near_nothing() {
    use polars::prelude::{
        DataType, Float64Type, IntoColumn, IntoSeries, ListBuilderTrait, ListPrimitiveChunkedBuilder,
        ParquetWriter,
    };
    let dir = tempfile::tempdir().unwrap();
    let mut vectors = ListPrimitiveChunkedBuilder::<Float64Type>::new("v".into(), 5, 10, DataType::Float64);
    vectors.append_slice(&[1.0, 2.0]);
    vectors.append_slice(&[f64::NAN, 1.0]);
    vectors.append_null();
    vectors.append_slice(&[0.0, 0.0]);
    vectors.append_slice(&[2.0, 4.0]);
    let mut table = DataFrame::new(5, vec![vectors.finish().into_series().into_column()]).unwrap();
    let (file, to) = (dir.path().join("theirs.parquet"), dir.path().join("to"));
    ParquetWriter::new(fs::File::create(&file).unwrap()).finish(&mut table).unwrap();
    explore(&[&file], &["--to", to.to_str().unwrap(), "--neighbours", "3"]).expect(0);
    let found = frame(&to.join("explore.parquet"));
    let neighbours = found.column("neighbors").unwrap().struct_().unwrap();
    let near = |row| lists(neighbours, row).0;
    assert_eq!((near(0), near(1), near(2), near(3)), (vec![4, 3], vec![], vec![], vec![0, 4]));
    for name in ["x", "y", "outlier", "reconstruction_error"] {
        let column = found.column(name).unwrap().f64().unwrap();
        let there: Vec<bool> = (0..5).map(|row| column.get(row).is_some_and(f64::is_finite)).collect();
        assert_eq!(there, [true, false, false, true, true], "{name}");
    }
    assert_eq!(found.column("cluster").unwrap().null_count(), 2);
}
