//! The forms of a table: what each file says of itself, folders by columns, CSV, NumPy arrays, thumbnails.

use crate::support::{Job, archive, differences, frame, tree};
use polars_parquet::read::read_metadata;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn files(job: &Job) -> Vec<PathBuf> {
    tree(&job.output().join("table")).into_keys().collect()
}

fn said(file: &Path) -> BTreeMap<String, String> {
    let metadata = read_metadata(&mut fs::File::open(file).unwrap()).unwrap();
    let pairs = metadata.key_value_metadata.unwrap();
    pairs.into_iter().filter_map(|pair| Some((pair.key, pair.value?))).collect()
}

#[test]
fn a_file_says_what_is_in_it() {
    let job = Job::new("- thumbnail: 32\n- measure: [mean, taken]\n- table");
    archive(&job.input(), 3);
    job.call(&["run"]).expect(0);
    let part = job.output().join("table").join(&files(&job)[0]);
    let said = said(&part);
    let input = said["safelight.input"].strip_prefix("file://").unwrap();
    assert_eq!(Path::new(input), job.input());
    let about: BTreeMap<String, String> = serde_json::from_str(&said["safelight.columns"]).unwrap();
    let rows = frame(&fs::read(&part).unwrap()).unwrap();
    for column in rows.columns() {
        assert!(!about[column.name().as_str()].is_empty(), "{}", column.name());
    }
    assert!(about["taken"].contains("camera's clock") && about["thumbnail"].contains("JPEG"));
    assert_eq!(said["huggingface"], r#"{"info":{"features":{"thumbnail":{"_type":"Image"}}}}"#);
    // Steps, and nothing that the rows don't follow from.
    let yaml = &said["safelight.yaml"];
    assert!(yaml.contains("thumbnail") && yaml.contains("mean"), "{yaml}");
    assert!(!yaml.contains("output") && !yaml.contains("limits"), "{yaml}");
    for uri in rows.column("uri").unwrap().str().unwrap().iter() {
        let path = uri.unwrap().strip_prefix("file://").unwrap();
        assert!(Path::new(path).is_file(), "{path}");
    }
    let metadata = read_metadata(&mut fs::File::open(&part).unwrap()).unwrap();
    let chunks: Vec<_> = metadata.row_groups.iter().flat_map(|group| group.parquet_columns()).collect();
    assert!(!chunks.is_empty());
    assert!(chunks.iter().all(|c| c.column_index_offset().is_some() && c.offset_index_offset().is_some()));
}

#[test]
fn columns_divide_the_rows_into_folders() {
    let job = Job::new("- measure: [blank, mean]\n- table: {partition_by: [format, blank]}");
    archive(&job.input(), 8);
    job.call(&["run"]).expect(0);
    let paths = |job: &Job| -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for file in files(job) {
            let folder = file.parent().unwrap().to_str().unwrap();
            let rows = frame(&fs::read(job.output().join("table").join(&file)).unwrap()).unwrap();
            assert!(rows.column("format").is_err() && rows.column("blank").is_err());
            for path in rows.column("path").unwrap().str().unwrap().iter() {
                let path = path.unwrap();
                let format = if path.ends_with(".jpg") { "format=jpeg/" } else { "format=png/" };
                assert!(folder.starts_with(format) || !path.ends_with(".png"), "{folder} {path}");
                assert!(all.insert(path.to_string()), "{path} twice");
            }
        }
        all
    };
    assert_eq!(paths(&job).len(), 8);
    // A new picture, and other columns: the folder is that of a first run.
    crate::support::save(
        &crate::support::picture(30, 20, 3, safelight::image::Depth::U8, 7),
        &job.input().join("new.png"),
    );
    job.call(&["run"]).expect(0);
    assert_eq!(paths(&job).len(), 9);
    job.steps("- measure: [blank, mean]\n- table: {partition_by: [height]}");
    job.call(&["run"]).expect(0);
    assert!(
        files(&job)
            .iter()
            .all(|file| file.starts_with("height=20") || file.to_string_lossy().starts_with("height="))
    );
    let after = tree(&job.output());
    job.call(&["verify"]).expect(0);
    job.clear_output();
    job.call(&["run"]).expect(0);
    assert_eq!(differences(&after, &tree(&job.output())), [""; 0]);
    fs::write(job.output().join("table").join(files(&job)[0].parent().unwrap()).join("mine.txt"), "mine")
        .unwrap();
    let told = job.call(&["run"]);
    assert!(told.code == Some(78) && told.err.contains("mine.txt"), "{}", told.err);
}

#[test]
fn vectors_go_into_arrays_beside_their_rows() {
    let job = Job::new("- measure: [niqe_features, mean]\n- table: {format: npy, rows: 16}");
    for n in 0..4 {
        let picture = crate::support::picture(200, 200, 3, safelight::image::Depth::U8, n);
        crate::support::save(&picture, &job.input().join(format!("{n}.png")));
    }
    job.call(&["run"]).expect(0);
    let names: Vec<String> = files(&job).iter().map(|f| f.display().to_string()).collect();
    assert_eq!(names, ["img_emb/img_emb_00000.npy", "metadata/metadata_00000.parquet"]);
    let array = fs::read(job.output().join("table").join(&names[0])).unwrap();
    let header = String::from_utf8_lossy(&array[10..128]).into_owned();
    let rows = frame(&fs::read(job.output().join("table").join(&names[1])).unwrap()).unwrap();
    assert!(header.contains("'<f4'") && header.contains(&format!("({}, ", rows.height())), "{header}");
    assert!(
        rows.column("path").is_ok()
            && rows.column("image_path").is_ok()
            && rows.column("niqe_features").is_err()
    );
    for path in rows.column("image_path").unwrap().str().unwrap().iter() {
        assert!(Path::new(path.unwrap()).is_file());
    }
    job.steps("- measure: [niqe_features, mean]\n- table: {format: csv}");
    job.call(&["run"]).expect(0);
    let csv = fs::read_to_string(job.output().join("table").join(&files(&job)[0])).unwrap();
    assert_eq!((csv.lines().count(), files(&job).len()), (rows.height() + 1, 1));
    assert!(csv.starts_with("id,path,uri,size,mtime,") && csv.contains("Z,"), "{csv}");
}

#[test]
fn mistakes_about_columns_are_told_at_once() {
    let job = Job::new(
        "- measure: [mean, taken]\n- table: {partition_by: [formt, mean, path, path], format: npy, vector: embedding}",
    );
    archive(&job.input(), 1);
    let told = job.call(&["check"]).expect(78).err;
    for part in [
        "there is no column `formt` here",
        "rows can't be divided by `mean`, which is float64",
        "a column is named twice",
        "no step before makes vectors `embedding`",
        "arrays and their rows are numbered through, not divided",
        "5 mistakes",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    job.steps("- table: {format: npy}");
    assert!(job.call(&["check"]).expect(78).err.contains("`npy` takes a column of vectors"));
}
