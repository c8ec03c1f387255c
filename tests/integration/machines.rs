//! For machines: what a run remembers, and commands on an output folder without its pipeline.

use crate::support::{Ended, Job, archive};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const STEPS: &str = "- measure: [mean]\n- write: {folder: images}\n- table";

/// Runs the program in a folder of the job's own.
fn call(job: &Job, arguments: &[&dyn AsRef<OsStr>]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    arguments.iter().for_each(|argument| drop(command.arg(argument.as_ref())));
    Ended::from(command.current_dir(job.dir.path()).output().unwrap())
}

fn remembered(output: &Path) -> Value {
    serde_json::from_slice(&fs::read(output.join(".safelight/run.json")).unwrap()).unwrap()
}

/// Keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_run_remembers_itself_and_those_before() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    fs::write(job.input().join("bad.png"), b"no picture").unwrap();
    // By variables and overrides, from a folder that relative paths refer to.
    let text = "version: 1\ninput: ${IN}\noutput: \"${OUT:-out}\"\nsteps: [measure: [mean], write]\n";
    fs::write(job.dir.path().join("nightly.yaml"), text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        command.args(["run", "nightly.yaml", "--set", "limits.threads=2", "--set", "steps.write.folder=w"]);
        Ended::from(command.args(arguments).env("IN", "in").current_dir(job.dir.path()).output().unwrap())
    };
    run(&[]).expect(10);
    run(&[]).expect(12);
    let last = remembered(&job.output());
    let wanted = [
        "asked",
        "directory",
        "ended",
        "exit",
        "history",
        "host",
        "input",
        "job",
        "kind",
        "models",
        "output",
        "pipeline",
        "pipeline_file",
        "safelight",
        "schema",
        "seconds",
        "started",
        "summary",
        "threads",
    ];
    assert_eq!(keys(&last), wanted);
    assert_eq!(
        (&last["schema"], &last["job"], &last["kind"]),
        (&1.into(), &"nightly".into(), &"items".into())
    );
    assert_eq!((&last["exit"], &last["threads"]), (&12.into(), &2.into()));
    let folder = fs::canonicalize(job.dir.path()).unwrap();
    assert_eq!(last["input"]["path"], folder.join("in").to_str().unwrap());
    assert_eq!(last["output"], folder.join("out").to_str().unwrap());
    assert_eq!(last["input"]["kind"], "files");
    assert_eq!((&last["summary"]["event"], &last["summary"]["standing"]), (&"ended".into(), &1.into()));
    let history = last["history"].as_array().unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(
        keys(&history[0]),
        ["bytes", "done", "ended", "exit", "failed", "pixels", "seconds", "started"]
    );
    assert_eq!(
        (&history[0]["done"], &history[0]["failed"], &history[0]["exit"]),
        (&4.into(), &1.into(), &10.into())
    );
    // The pipeline is the same job: nothing is outstanding.
    let again = job.dir.path().join("again.yaml");
    fs::write(&again, last["pipeline"].as_str().unwrap()).unwrap();
    let planned = call(&job, &[&"run", &again, &"--progress", &"json"]).expect(12);
    assert!(planned.out.contains("\"todo\":0"), "{}\n{}", planned.out, last["pipeline"]);
    assert_eq!(remembered(&job.output())["history"].as_array().unwrap().len(), 2);
}

#[test]
fn what_ended_early_is_remembered_and_what_changed_nothing_is_not() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    fs::write(job.input().join("bad.png"), b"no picture").unwrap();
    fs::write(job.input().join("worse.png"), b"no picture").unwrap();
    let strict = ["run", "--set", "limits.max_failures=0", "--set", "limits.threads=1"];
    job.call(&strict).expect(11);
    let first = remembered(&job.output());
    assert_eq!((&first["exit"], &first["summary"]["stop"]), (&11.into(), &"too_many_failures".into()));
    // Another input: nothing was changed, and nothing is remembered.
    let other = job.dir.path().join("other");
    archive(&other, 1);
    job.call(&["run", "--set", &format!("input.path={}", other.display())]).expect(13);
    assert_eq!(remembered(&job.output()), first);
}

#[test]
fn training_is_remembered() {
    let job = Job::new("- write");
    let network =
        "  network: {mlp: {latent: 2}}\n  blobs: {count: 40, dimensions: 6}\n  steps: 2\n  epochs: 2\n";
    let text = format!("version: 1\noutput: out\ntrain:\n{network}");
    fs::write(job.pipeline(), text).unwrap();
    call(&job, &[&"run", &job.pipeline()]).expect(0);
    let last = remembered(&job.output());
    assert_eq!((&last["kind"], &last["input"]["kind"]), (&"train".into(), &"synth".into()));
    assert_eq!((&last["summary"]["epochs"], &last["summary"]["steps"]), (&2.into(), &4.into()));
    fs::remove_file(job.pipeline()).unwrap();
    let told = call(&job, &[&"status", &job.output()]).expect(0).out;
    assert!(told.contains("trained  2 epochs, 4 steps") && told.contains("exit code 0"), "{told}");
    assert!(call(&job, &[&"verify", &job.output()]).expect(0).out.contains("files verified"));
}

#[test]
fn an_output_is_enough() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    fs::write(job.input().join("bad.png"), b"no picture").unwrap();
    job.call(&["run"]).expect(10);
    let with_pipeline = job.call(&["status", "--failures"]).expect(12).out;
    // Neither input nor pipeline, and another place.
    fs::remove_file(job.pipeline()).unwrap();
    fs::remove_dir_all(job.input()).unwrap();
    let moved = job.dir.path().join(OsStr::from_bytes(b"moved \xff"));
    fs::rename(job.output(), &moved).unwrap();
    let told = call(&job, &[&"status", &"--failures", &moved]).expect(12).out;
    let lines = |text: &str| text.lines().skip(1).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(lines(&told), lines(&with_pipeline));
    assert!(
        told.starts_with("test: ") && told.contains("moved \\xFF\n") && told.contains("exit code 10"),
        "{told}"
    );
    call(&job, &[&"verify", &moved]).expect(0);
    // Also without what was remembered, and as a link.
    fs::remove_file(moved.join(".safelight/run.json")).unwrap();
    let link = job.dir.path().join("link");
    std::os::unix::fs::symlink(&moved, &link).unwrap();
    let told = call(&job, &[&"status", &link]).expect(12).out;
    assert!(told.contains("  failed   1\n") && !told.contains("last run"), "{told}");
    fs::write(moved.join("images/0/0/img-000.png"), b"x").unwrap();
    call(&job, &[&"verify", &link]).expect(1);
}

#[test]
fn acknowledged_failures_are_those_of_the_last_settings() {
    let job = Job::new(STEPS);
    archive(&job.input(), 2);
    fs::write(job.input().join("bad.png"), b"no picture").unwrap();
    job.call(&["run"]).expect(10);
    job.call(&["ignore"]).expect(0);
    assert!(call(&job, &[&"status", &job.output()]).expect(0).out.contains("1 failures acknowledged"));
    job.steps("- measure: [sharpness]\n- write: {folder: images}\n- table");
    job.call(&["run"]).expect(10);
    call(&job, &[&"status", &job.output()]).expect(12);
}

#[test]
fn a_folder_that_is_no_output_is_told() {
    let job = Job::new(STEPS);
    archive(&job.input(), 1);
    job.call(&["run"]).expect(0);
    let dir = job.dir.path();
    let refused = |arguments: &[&dyn AsRef<OsStr>], code: i32, parts: &[&str]| {
        let err = call(&job, arguments).expect(code).err;
        parts.iter().for_each(|part| assert!(err.contains(part), "{part}: {err}"));
    };
    let status = |folder: PathBuf, code, parts: &[&str]| refused(&[&"status", &folder], code, parts);
    status(job.input(), 2, &["is no output", "the folder that `output`"]);
    status(dir.to_path_buf(), 2, &["is no output", "did you mean", "/out?"]);
    status(job.output().join("images/0"), 2, &["is no output", "did you mean", "/out?"]);
    status(job.output().join(".safelight"), 2, &["did you mean", "/out?"]);
    status(dir.join("nothing"), 78, &["there is no such file"]);
    refused(&[&"status", &job.output(), &"--set", &"seed=1"], 2, &["`--set` changes a pipeline"]);
    // A ledger of a later version, and one that no job has taken.
    let later = dir.join("later");
    fs::create_dir_all(later.join(".safelight")).unwrap();
    let ledger = later.join(".safelight/ledger.db");
    fs::copy(job.output().join(".safelight/ledger.db"), &ledger).unwrap();
    let mut bytes = fs::read(&ledger).unwrap();
    // SQLite's user_version.
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(&ledger, bytes).unwrap();
    status(later.clone(), 30, &["has layout 99"]);
    fs::write(&ledger, "").unwrap();
    status(later, 2, &["is no output"]);
}
