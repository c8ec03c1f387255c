//! What the library's callers are told is what the program tells.

use crate::support::{Job, archive};
use safelight::{EmbedStep, RestoreStep, Selection, tables};
use serde_json::Value;
use std::fs;

/// Without what follows from the memory that a process has at the moment.
fn parsed(text: &str) -> Value {
    let mut told: Value = serde_json::from_str(text).unwrap();
    if let Some(estimates) = told["estimates"].as_object_mut() {
        estimates.retain(|key, _| !["items_bytes", "at_a_time", "limit_bytes"].contains(&key.as_str()));
    }
    told
}

#[test]
fn objects_are_those_of_the_program() {
    let job = Job::new("- measure: [mean]\n- write: {folder: images}\n- table");
    archive(&job.input(), 6);
    fs::write(job.input().join("bad.png"), b"no picture").unwrap();
    let library = safelight::Job::load(job.pipeline(), &[]).unwrap();
    let program = |arguments: &[&str]| parsed(&job.call(&[arguments, &["--json"]].concat()).out);
    assert_eq!(parsed(&library.plan_json(true).unwrap()), program(&["plan", "--items"]));
    assert_eq!(library.status_json(false).unwrap_err().exit(), 2);
    let ended = library.run(&safelight::RunOptions::default(), &|_| ()).unwrap();
    let told = parsed(&ended.json(&library, Selection::Outstanding));
    assert_eq!((&told["done"], &told["failed"], &told["exit"]), (&6.into(), &1.into(), &10.into()));
    assert_eq!(parsed(&library.plan_json(false).unwrap()), program(&["plan"]));
    assert_eq!(parsed(&library.status_json(true).unwrap()), program(&["status", "--failures"]));
    assert_eq!(parsed(&library.shards_json().unwrap()), program(&["status", "--shards"]));
    assert_eq!(parsed(&library.verify_json().unwrap()), program(&["verify"]));
    let image = fs::read_dir(job.output().join("images/0/0")).unwrap().next().unwrap().unwrap().path();
    fs::write(image, b"edited").unwrap();
    let changed = parsed(&library.verify_json().unwrap());
    assert_eq!((&changed["exit"], changed["problems"].as_array().unwrap().len()), (&1.into(), 1));
    // Of a job that would be refused, what it would do and why it does not.
    let elsewhere = job.dir.path().join("elsewhere");
    archive(&elsewhere, 3);
    let set = format!("input.path={}", elsewhere.display());
    let other = safelight::Job::load(job.pipeline(), std::slice::from_ref(&set)).unwrap();
    let refused = parsed(&other.plan_json(false).unwrap());
    assert_eq!(refused, program(&["plan", "--set", &set]));
    assert_eq!((&refused["exit"], &refused["total"]), (&13.into(), &3.into()), "{refused}");
}

#[test]
fn tables_are_found_by_name_and_form() {
    let steps = "- measure: [mean]\n- write: {folder: images}\n- table: {folder: a/plain}\n\
                 - table: {folder: text, format: csv}\n- table: {folder: parted, partition_by: [format]}";
    let job = Job::new(steps);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let found = tables(&job.output()).unwrap();
    let found: Vec<_> = found.iter().map(|table| (table.name.as_str(), table.format)).collect();
    assert_eq!(found, [("a/plain", "parquet"), ("parted", "parquet"), ("text", "csv")]);
    assert!(tables(&job.input()).unwrap_err().to_string().contains("is no output of safelight"));
}

#[test]
fn single_steps_tell_all_their_mistakes() {
    let told = |text: &str| RestoreStep::parse(text).unwrap_err();
    let mistakes = told("{model: nowhere.onnx, strenght: 1, tile: 3}");
    assert_eq!(mistakes.count(), 3, "{}", mistakes.render());
    assert!(mistakes.render().contains("did you mean `strength`"), "{}", mistakes.render());
    let conditional = told("{model: nowhere.onnx, when: width > 3}");
    assert!(conditional.render().contains("unknown key `when`"), "{}", conditional.render());
    let several = told("{model: nowhere.onnx}\n- embed: {model: nowhere.onnx}").render();
    assert!(several.contains("one step is expected"), "{several}");
    assert!(EmbedStep::parse("{}").unwrap_err().render().contains("`model`"));
}
