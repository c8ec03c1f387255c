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
    for argument in arguments {
        command.arg(argument.as_ref());
    }
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
    let text = "version: 1\ninput: ${IN}\noutput: \"${OUT:-out}\"\nsteps: [resize: {scale: 0.5}, write]\n";
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
    let network = "  network: {dense: {widths: [4], latent: 2}}\n  blobs: {count: 40, dimensions: 6}\n  steps: 2\n  epochs: 2\n";
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
    job.call(&["run"]).expect(12);
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

/// The one object that a command printed.
#[track_caller]
fn object(ended: &Ended) -> Value {
    assert_eq!(ended.err, "");
    assert_eq!(ended.out.matches('\n').count(), 1, "{}", ended.out);
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(value["exit"], ended.code.unwrap());
    value
}

const ALWAYS: [&str; 4] = ["command", "error", "exit", "schema"];

#[track_caller]
fn assert_keys(value: &Value, own: &str) {
    let mut wanted: Vec<&str> = ALWAYS.into_iter().chain(own.split_whitespace()).collect();
    wanted.sort_unstable();
    assert_eq!(keys(value), wanted);
}

const PLAN: &str = "collisions estimates excluded hidden input items job kind known_left_out left_out links misplaced notes \
    output reasons steps system_files todo total unseen vanished warnings";
const STATUS: &str = "bytes done failed failed_by_kind failures folders ignored job kind last_run leftover output outputs \
    vanished work_seconds";
const VERIFY: &str = "files job kind output problems";

#[test]
fn json_has_the_documented_keys() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    let odd = job.input().join(OsStr::from_bytes(b"odd \xff\x1b\xc2\x9b.png"));
    fs::write(&odd, b"no picture").unwrap();
    let planned = object(&job.call(&["plan", "--json", "--items", "--set", "limits.threads=300"]).expect(0));
    assert_keys(&planned, PLAN);
    assert_eq!((&planned["schema"], &planned["command"]), (&1.into(), &"plan".into()));
    assert_eq!(
        (&planned["total"], &planned["todo"], &planned["reasons"]["new"]),
        (&4.into(), &4.into(), &4.into())
    );
    let estimates =
        "at_a_time basis headers_read items_bytes largest_item_bytes limit_bytes pixels seconds threads";
    assert_eq!(keys(&planned["estimates"]).join(" "), estimates);
    assert_eq!(keys(&planned["steps"][0]).join(" "), "name skip todo");
    let items = planned["items"].as_array().unwrap();
    assert_eq!(items[3]["path"], "odd \\xFF\u{1b}\u{9b}.png");
    assert_eq!(items[3]["reason"], "new");
    assert!(object(&job.call(&["plan", "--json"]))["items"].is_null());
    job.call(&["run"]).expect(10);
    let status = object(&job.call(&["status", "--json", "--failures"]).expect(12));
    assert_keys(&status, STATUS);
    assert_eq!((&status["done"], &status["failed"]), (&3.into(), &1.into()));
    assert_eq!(keys(&status["failures"][0]).join(" "), "acknowledged error_kind message path");
    assert_eq!(status["failures"][0]["path"], items[3]["path"]);
    assert_eq!(keys(&status["last_run"]).join(" "), "ended exit host safelight seconds started summary");
    let of_output = object(&call(&job, &[&"status", &"--json", &"--failures", &job.output()]).expect(12));
    assert_eq!(of_output, status);
    let verified = object(&job.call(&["verify", "--json"]).expect(0));
    assert_keys(&verified, VERIFY);
    fs::remove_file(job.output().join("images/0/0/img-000.png")).unwrap();
    let verified = object(&call(&job, &[&"verify", &"--json", &job.output()]).expect(1));
    assert_eq!(keys(&verified["problems"][0]).join(" "), "message path problem");
    assert_eq!(verified["problems"][0]["problem"], "missing");
    // An empty archive is a refusal, and all that was found out is told with it.
    fs::remove_dir_all(job.input()).unwrap();
    archive(&job.input(), 1);
    job.steps(&STEPS.replace("images", "images/x"));
    let other = job.dir.path().join("other");
    archive(&other, 1);
    let refused = object(
        &job.call(&["plan", "--json", "--set", &format!("input.path={}", other.display())]).expect(13),
    );
    assert_keys(&refused, PLAN);
    assert!(refused["error"]["message"].as_str().unwrap().contains("and the input is now"), "{refused}");
}

#[test]
fn mistakes_are_told_as_json() {
    let job = Job::new("- resize: {scael: 2}\n- wriet");
    let found = object(&job.call(&["plan", "--json"]).expect(78));
    assert_keys(&found, "");
    let mistakes = found["error"]["mistakes"].as_array().unwrap();
    assert_eq!(found["error"]["mistakes_total"], mistakes.len());
    assert!(mistakes.len() >= 2, "{found}");
    assert_eq!(keys(&mistakes[0]).join(" "), "column file help line message severity");
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake["line"].as_u64().unwrap()).collect();
    assert!(lines.contains(&6) && lines.contains(&7), "{found}");
    let nothing = object(&call(&job, &[&"verify", &"--json", &job.input()]).expect(2));
    assert_keys(&nothing, "");
    assert!(nothing["error"]["message"].as_str().unwrap().contains("is no output"));
    job.steps(STEPS);
    assert_keys(&object(&job.call(&["status", "--json"]).expect(2)), "");
}

#[test]
fn training_tells_json() {
    let job = Job::new("- write");
    let network =
        "  network: {dense: {widths: [4], latent: 2}}\n  blobs: {count: 40, dimensions: 6}\n  steps: 2\n";
    fs::write(
        job.pipeline(),
        format!("version: 1\nname: test\noutput: {}\ntrain:\n{network}  epochs: 1\n", job.output().display()),
    )
    .unwrap();
    let planned = object(&job.call(&["plan", "--json"]).expect(0));
    let own = "batch epochs job kind memory_bytes model network notes output resume steps steps_per_epoch threads warnings";
    assert_keys(&planned, own);
    assert_eq!(planned["resume"]["state"], "new");
    job.call(&["run"]).expect(0);
    let status = object(&job.call(&["status", "--json"]).expect(0));
    assert_keys(&status, "folders job kind last_run output resume");
    assert_eq!(status["resume"]["state"], "over");
    let of_output = object(&call(&job, &[&"status", &"--json", &job.output()]).expect(0));
    assert_keys(&of_output, "folders job kind last_run output resume");
    assert!(of_output["resume"].is_null());
    assert_keys(&object(&job.call(&["verify", "--json"]).expect(0)), VERIFY);
}

/// The samples of a metrics file, by name and labels.
fn samples(file: &Path) -> std::collections::BTreeMap<String, f64> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.into(), value.parse().unwrap()))
        .collect()
}

#[test]
fn metrics_tell_of_runs_that_ended_and_that_could_not_start() {
    use std::os::unix::fs::PermissionsExt;
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    fs::write(job.input().join("bad.png"), b"no picture").unwrap();
    let file = job.dir.path().join("night.prom");
    let metrics = ["run", "--progress", "quiet", "--metrics", file.to_str().unwrap()];
    // The permissions are those that the collector needs, whatever is withheld.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_safelight"), "run"])
        .arg(job.pipeline());
    Ended::from(shell.args(&metrics[1..]).output().unwrap()).expect(10);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let first = samples(&file);
    assert_eq!(first["safelight_exit_code{pipeline=\"test\"}"], 10.0);
    assert_eq!(first["safelight_items{pipeline=\"test\",outcome=\"done\"}"], 3.0);
    assert_eq!(first["safelight_items{pipeline=\"test\",outcome=\"failed\"}"], 1.0);
    let success = "safelight_last_success_timestamp_seconds{pipeline=\"test\"}";
    assert!(first[success] > 1.7e9);
    // Another input: nothing was done, and the last success stands.
    let other = job.dir.path().join("other");
    archive(&other, 1);
    let mut elsewhere = metrics.to_vec();
    let input = format!("input.path={}", other.display());
    elsewhere.extend(["--set", &input]);
    job.call(&elsewhere).expect(13);
    let refused = samples(&file);
    assert_eq!(refused["safelight_exit_code{pipeline=\"test\"}"], 13.0);
    assert!((refused[success] - first[success]).abs() <= 2.0 && refused.len() < first.len());
    // A pipeline that can't be read keeps the name.
    fs::write(job.pipeline(), "version: 1\n").unwrap();
    job.call(&metrics).expect(78);
    assert_eq!(samples(&file)["safelight_exit_code{pipeline=\"test\"}"], 78.0);
    assert_eq!(samples(&file)[success], refused[success]);
    // Somebody else's file stays, and a folder that is not there is told; the run is none the worse.
    job.steps(STEPS);
    fs::write(&file, "mine").unwrap();
    let ended = job.call(&metrics).expect(12);
    assert!(
        ended.err.contains("warning: no metrics in") && fs::read(&file).unwrap() == b"mine",
        "{}",
        ended.err
    );
    let ended = job.call(&["run", "--metrics", "nowhere/a.prom"]).expect(12);
    assert!(ended.err.contains("there is no folder nowhere"), "{}", ended.err);
    job.call(&["run", "--metrics", "a.jpg"]).expect(2);
}
