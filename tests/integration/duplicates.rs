//! Copies planted among the shipped pictures are found and told apart; `similar` answers what is like a picture.

use crate::support::{Ended, Job, frame, root};
use image::imageops::{self, FilterType};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const FILE: &str = "explore/explore.parquet";
const STEPS: &str = "- measure: [pixel_hash, signature]\n- embed: sample_data/models/embed.onnx\n- table";

/// The shipped photographs, and copies of some of them.
fn planted(steps: &str) -> Job {
    let job = Job::new(steps);
    let archive = root().join("sample_data/archive");
    let to = |name: &str| job.input().join(name);
    for name in [
        "2019/house.jpg",
        "2019/lake.jpg",
        "2019/autumn/leaves.jpg",
        "2019/summer/fruit.png",
        "2021/night.jpg",
    ] {
        let file = Path::new(name).file_name().unwrap().to_str().unwrap();
        fs::copy(archive.join(name), to(file)).unwrap();
    }
    fs::copy(to("lake.jpg"), to("lake again.jpg")).unwrap();
    let house = image::open(to("house.jpg")).unwrap().to_rgb8();
    let fruit = image::open(to("fruit.png")).unwrap();
    fruit.save(to("fruit.tiff")).unwrap();
    let (width, height) = (house.width(), house.height());
    imageops::resize(&house, width * 6 / 10, height * 6 / 10, FilterType::Lanczos3)
        .save(to("house-small.png"))
        .unwrap();
    imageops::crop_imm(&house, width / 20, height / 30, width * 9 / 10, height * 9 / 10)
        .to_image()
        .save(to("house-cut.png"))
        .unwrap();
    imageops::flip_horizontal(&house).save(to("house-mirror.png")).unwrap();
    // Blank scans are copies of nothing.
    for (name, tone) in [("blank 1.png", 250), ("blank 2.png", 251)] {
        image::RgbImage::from_pixel(300, 200, image::Rgb([tone; 3])).save(to(name)).unwrap();
    }
    job
}

fn similar(arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    // From anywhere: the output knows what the pipeline's paths refer to.
    let command = command.arg("similar").args(arguments).current_dir(std::env::temp_dir());
    Ended::from(command.output().unwrap())
}

fn nearest(ended: &Ended) -> Vec<(String, f64, Option<String>, Option<String>)> {
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    let text = |value: &Value| value.as_str().map(str::to_string);
    let rows = told["nearest"].as_array().unwrap().iter();
    rows.map(|row| {
        let distance = row["distance"].as_f64().unwrap();
        (text(&row["path"]).unwrap(), distance, text(&row["class"]), text(&row["reason"]))
    })
    .collect()
}

#[test]
fn planted_copies_are_found_and_told_apart() {
    let job = planted(&format!("{STEPS}\n- explore"));
    job.call(&["run"]).expect(0);
    let found = frame(&fs::read(job.output().join(FILE)).unwrap()).unwrap();
    let texts = |name: &str| -> Vec<Option<String>> {
        let column = found.column(name).unwrap().str().unwrap().clone();
        column.iter().map(|text| text.map(str::to_string)).collect()
    };
    let (paths, classes, reasons) = (texts("path"), texts("duplicate"), texts("duplicate_reason"));
    let near: Vec<Option<i64>> = found.column("near_group").unwrap().i64().unwrap().iter().collect();
    let keeper: Vec<Option<bool>> = found.column("keeper").unwrap().bool().unwrap().iter().collect();
    let rows = paths.iter().enumerate().map(|(row, path)| {
        let told = (classes[row].as_deref(), reasons[row].as_deref(), keeper[row]);
        (path.clone().unwrap(), (near[row].and_then(|first| paths[first as usize].clone()), told))
    });
    let rows: BTreeMap<String, _> = rows.collect();
    let told = |path: &str| {
        let (group, (class, reason, keeper)) = &rows[path];
        (group.as_deref(), class.unwrap_or_default(), reason.unwrap_or_default(), *keeper)
    };
    let house = Some("house-cut.png");
    assert_eq!(told("house.jpg").0, house);
    let small = told("house-small.png");
    assert!(
        (small.0, small.1, small.3) == (house, "near", Some(false)) && small.2.starts_with("same shot"),
        "{small:?}"
    );
    assert_eq!(
        (told("house-cut.png").0, told("house-cut.png").1, told("house-cut.png").3),
        (house, "near", Some(false))
    );
    assert_eq!((told("house-mirror.png").0, told("house-mirror.png").1), (house, "near"));
    assert_eq!(told("lake.jpg"), (Some("lake again.jpg"), "identical", "same bytes", Some(false)));
    assert_eq!(told("lake again.jpg").3, Some(true));
    assert_eq!(told("fruit.png").0, Some("fruit.png"));
    assert_eq!((told("fruit.tiff").0, told("fruit.tiff").1), (Some("fruit.png"), "identical"));
    for alone in ["leaves.jpg", "night.jpg", "blank 1.png", "blank 2.png"] {
        assert_eq!((told(alone).0, told(alone).3), (None, None), "{alone}");
    }
    // The list for people has the groups, the one to keep first.
    let list = fs::read_to_string(job.output().join("explore/duplicates.csv")).unwrap();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!((lines[0], lines.len()), ("class,group,path,keep,why,bytes,width,height", 9), "{list}");
    assert!(lines[1].contains(",yes,") && list.matches(",yes,").count() == 3, "{list}");
    job.call(&["verify"]).expect(0);
    job.call(&["run"]).expect(0);
    assert_eq!(fs::read_to_string(job.output().join("explore/duplicates.csv")).unwrap(), list);
}

#[test]
fn similar_answers_for_rows_pictures_of_the_archive_and_others() {
    let job = planted(STEPS);
    let moved = |name: &str| {
        let away = job.dir.path().join(name);
        fs::rename(job.input().join(name), &away).unwrap();
        away
    };
    let (fruit, mirror) = (moved("fruit.tiff"), moved("house-mirror.png"));
    job.call(&["run"]).expect(0);
    let output = job.output();
    let table = output.to_str().unwrap();
    let by_row = similar(&["--row", "house.jpg", "--table", table, "--json", "-k", "4"]).expect(0);
    let house = job.input().join("house.jpg");
    let by_bytes = similar(&[house.to_str().unwrap(), "--table", table, "--json", "-k", "4"]).expect(0);
    assert_eq!(nearest(&by_row), nearest(&by_bytes));
    assert_eq!(nearest(&by_row).len(), 4);
    assert!(nearest(&by_row).iter().all(|row| row.0 != "house.jpg"));
    assert!(nearest(&by_row).windows(2).all(|pair| pair[0].1 <= pair[1].1));
    let small = nearest(&by_row).into_iter().find(|row| row.0 == "house-small.png").unwrap();
    assert_eq!((small.2.as_deref(), small.3.as_deref()), (Some("near"), Some("same shot")));
    // A picture that is no row gets the vector that it would have had, bit for bit.
    let parts = output.join("table");
    let same = similar(&[fruit.to_str().unwrap(), "--table", parts.to_str().unwrap(), "--json"]).expect(0);
    let first = nearest(&same).remove(0);
    assert_eq!(first, ("fruit.png".into(), 0.0, Some("identical".into()), Some("same pixels".into())));
    let text = similar(&[mirror.to_str().unwrap(), "--table", table]).expect(0);
    assert!(text.out.contains("house.jpg  near: same shot, mirrored"), "{}", text.out);
}

#[test]
fn what_can_not_be_answered_is_said() {
    let job = planted(STEPS);
    let other = job.dir.path().join("other.png");
    fs::rename(job.input().join("house-cut.png"), &other).unwrap();
    job.call(&["run"]).expect(0);
    let table = job.output();
    let (table, other) = (table.to_str().unwrap(), other.to_str().unwrap());
    let house = job.input().join("house.jpg");
    let cases: &[(&[&str], &str)] = &[
        (&["--row", "nobody.png", "--table", table], "no row of"),
        (&["missing.png", "--table", table], "missing.png"),
        (&[house.to_str().unwrap(), "--table", "/nowhere"], "/nowhere"),
        (&["--row", "house.jpg", "--table", table, "--column", "clip"], "clip"),
        (&["--table", table], "required"),
    ];
    for (arguments, said) in cases {
        let ended = similar(arguments);
        assert!(ended.code == Some(2) && ended.err.contains(said), "{arguments:?}: {ended:?}");
    }
    // A table alone says nothing of the pipeline.
    let alone = job.dir.path().join("alone");
    fs::create_dir(&alone).unwrap();
    for part in fs::read_dir(job.output().join("table")).unwrap() {
        let part = part.unwrap();
        fs::copy(part.path(), alone.join(part.file_name())).unwrap();
    }
    let alone = alone.to_str().unwrap();
    let ended = similar(&[other, "--table", alone]).expect(2);
    assert!(ended.err.contains("--pipeline"), "{}", ended.err);
    similar(&["--row", "house.jpg", "--table", alone]).expect(0);
    let pipeline = job.pipeline();
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    let command =
        command.args(["similar", other, "--table", alone, "--pipeline"]).arg(pipeline).current_dir(root());
    Ended::from(command.output().unwrap()).expect(0);
    // Without vectors there is nothing to compare.
    job.steps("- measure: [signature]\n- table");
    job.call(&["run", "--prune"]).expect(0);
    let ended = similar(&["--row", "house.jpg", "--table", table]).expect(2);
    assert!(ended.err.contains("no column of vectors"), "{}", ended.err);
}
