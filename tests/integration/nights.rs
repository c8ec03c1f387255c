//! What somebody who runs a job every night is told: only what changed, and by an exit code what that means.

use crate::support::{Ended, Job, archive, ignores_hangups, picture, root, save, tree};
use safelight::image::Depth;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

const STEPS: &str = "- measure: [mean]\n- write: {folder: images}\n- table: {folder: table, rows: 16}";
/// The commands that tell or change what a run has done.
const AFTER: [&str; 5] = ["verify", "retry", "status", "report", "ignore"];

/// A job over three good files and two bad ones.
fn job() -> Job {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    for name in ["bad.png", "b/worse.png"] {
        let path = job.input().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    job
}

fn quiet(job: &Job) -> Ended {
    job.call(&["run", "--progress", "quiet"])
}

#[test]
fn where_nothing_was_run_there_is_nothing_to_tell() {
    let job = Job::new(STEPS);
    archive(&job.input(), 1);
    let trains = Job::new("- write");
    archive(&trains.input(), 4);
    let keys = "  network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\n  \
                corrupt: [gaussian_noise: {sigma: 20}]\n  patch: 16\n";
    trains.trains(&format!("{{path: {}}}", trains.input().display()), keys, "{memory: 2GiB, threads: 1}");
    // Neither in a folder that is not there, nor in one that is, nor after a run that could not begin.
    for round in 0..3 {
        for command in AFTER {
            let ended = job.call(&[command]).expect(2);
            let said =
                ended.err.contains("nothing has been run into") && ended.err.contains("correct `output`");
            assert!(said && ended.out.is_empty(), "{command}: {}{}", ended.err, ended.out);
            let ended = trains.call(&[command]).expect(2);
            assert!(ended.err.starts_with("error: "), "{command}: {}", ended.err);
        }
        assert_eq!((job.output().exists(), trains.output().exists()), (round > 0, round > 0));
        assert!(round == 2 || !job.output().join(".safelight").exists());
        assert!(!trains.output().join(".safelight").exists());
        if round == 0 {
            fs::create_dir(job.output()).unwrap();
            fs::create_dir(trains.output()).unwrap();
        } else {
            job.call(&["run", "--set", "input.include=[\"*.nothing\"]"]).expect(78);
        }
    }
}

#[test]
fn every_command_minds_whose_output_it_is() {
    let job = job();
    job.call(&["run"]).expect(10);
    let before = tree(&job.output());
    let wanted = job.call(&["run", "--set", "name=other"]).expect(78).err;
    assert!(wanted.contains("the job `test`"), "{wanted}");
    for command in AFTER.into_iter().chain(["plan"]) {
        assert_eq!(job.call(&[command, "--set", "name=other"]).expect(78).err, wanted, "{command}");
    }
    assert!(tree(&job.output()) == before);
}

#[test]
fn old_failures_have_a_code_of_their_own() {
    let job = job();
    job.call(&["run"]).expect(10);
    job.call(&["run"]).expect(12);
    job.call(&["status"]).expect(12);
    job.call(&["retry"]).expect(10);
    let ended = job.call(&["run"]).expect(12);
    assert!(ended.out.contains("2 failed before and unchanged (see `retry`, `ignore`)"), "{}", ended.out);
    // One more is new.
    fs::write(job.input().join("third.png"), "third").unwrap();
    job.call(&["run"]).expect(10);
    job.call(&["run"]).expect(12);
    for name in ["bad.png", "b/worse.png", "third.png"] {
        save(&picture(9, 9, 3, Depth::U8, 1), &job.input().join(name));
    }
    job.call(&["run"]).expect(0);
    job.call(&["status"]).expect(0);
}

#[test]
fn acknowledged_failures_do_not_count_until_something_changes() {
    let job = job();
    job.call(&["run"]).expect(10);
    let ended = job.call(&["ignore", "bad.pnh"]).expect(2);
    assert!(ended.err.contains("near it: bad.png"), "{}", ended.err);
    assert!(job.call(&["ignore", "bad.png", "0/0/img-000.png"]).expect(2).err.contains("did not fail"));
    job.call(&["run"]).expect(12);

    job.call(&["ignore", "./bad.png"]).expect(0);
    let ended = job.call(&["run"]).expect(12);
    let counted = ["1 failed before and unchanged", "1 failed before and acknowledged"];
    assert!(counted.iter().all(|part| ended.out.contains(part)), "{}", ended.out);
    assert!(job.call(&["ignore"]).expect(0).out.contains("1 acknowledged"));
    assert!(job.call(&["ignore"]).expect(0).out.contains("acknowledged already"));
    job.call(&["run"]).expect(0);
    let ended = job.call(&["status", "--failures"]).expect(0);
    let parts = ["failed   0\n", "ignored  2 failures", "bad.png (acknowledged)"];
    assert!(parts.iter().all(|part| ended.out.contains(part)), "{}", ended.out);

    // A retry tries them all the same, and what fails as before stays acknowledged.
    assert!(job.call(&["retry"]).expect(10).err.contains("failed: bad.png"));
    // Another content counts anew, and so do other settings.
    fs::write(job.input().join("bad.png"), "bad in another way").unwrap();
    assert!(job.call(&["run"]).expect(10).err.contains("failed: bad.png"));
    job.call(&["ignore"]).expect(0);
    job.call(&["run"]).expect(0);
    job.call(&["status", "--set", "steps.write.suffix=_x"]).expect(12);
    assert_ne!(job.call(&["run", "--set", "steps.write.suffix=_x"]).code, Some(0));
}

#[test]
fn a_quiet_night_says_nothing() {
    let job = job();
    let first = quiet(&job).expect(10);
    assert!(first.err.contains("failed: bad.png") && first.out.contains("3 done, 2 failed"), "{first:?}");
    let silent = |ended: Ended| assert!(ended.out.is_empty() && ended.err.is_empty(), "{ended:?}");
    silent(quiet(&job).expect(12));
    job.call(&["ignore"]).expect(0);
    silent(quiet(&job).expect(0));

    fs::remove_file(job.input().join("0/0/img-000.png")).unwrap();
    fs::write(job.input().join("third.png"), "third").unwrap();
    let ended = quiet(&job).expect(10);
    assert!(ended.err.starts_with("failed: third.png") && ended.err.lines().count() == 1, "{}", ended.err);
    silent(quiet(&job).expect(12));
}

#[test]
fn inputs_that_are_newly_gone_are_told_once() {
    let job = job();
    quiet(&job).expect(10);
    fs::remove_file(job.input().join("0/0/img-000.png")).unwrap();
    let ended = quiet(&job).expect(12);
    assert!(ended.out.contains("1 newly gone from the input"), "{}", ended.out);
    let ended = quiet(&job).expect(12);
    assert!(ended.out.is_empty() && ended.err.is_empty(), "{ended:?}");
    let ended = job.call(&["run"]).expect(12);
    assert!(ended.out.contains("1 gone from the input"), "{}", ended.out);
    let ended = job.call(&["run", "--prune", "--progress", "quiet"]).expect(12);
    assert!(ended.out.contains("1 outputs pruned"), "{}", ended.out);
}

#[test]
fn json_lines_tell_the_remaining_time() {
    let job = Job::new("- write");
    archive(&job.input(), 6);
    let ended = job.call(&["run", "--progress", "json"]).expect(0);
    let lines = ended.out.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let left: Vec<f64> =
        lines.filter(|e| e["event"] == "finished").map(|e| e["seconds_left"].as_f64().unwrap()).collect();
    assert_eq!((left.len(), left.last()), (6, Some(&0.0)), "{left:?}");
    assert!(left.iter().all(|s| (0.0..600.0).contains(s)), "{left:?}");
}

#[test]
fn a_terminal_that_closes_stops_a_run_as_an_interrupt_does() {
    let job = Job::new("- resize: {scale: 16.0, enlarge: true}\n- write: {compression: small}");
    archive(&job.input(), 40);
    // Twice, as a shell and the system send it; under `nohup` it has no effect.
    for (shield, hangups, wanted) in [("", 2, 20), ("trap '' HUP; ", 1, 0)] {
        if shield.is_empty() && ignores_hangups() {
            eprintln!("skipped: hang-ups are ignored here");
            continue;
        }
        job.clear_output();
        let mut command = Command::new("sh");
        let script = format!("{shield}exec \"$0\" run \"$1\"");
        command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_safelight")).arg(job.pipeline());
        let mut child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while tree(&job.output()).is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..hangups {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(child.wait().unwrap().code(), Some(wanted), "{shield}");
        let done = tree(&job.output().join("images")).len();
        assert_eq!(done < 40, wanted == 20, "{done}");
    }
}

#[test]
fn the_nightly_job_has_no_archive_of_its_own() {
    let output = tempfile::tempdir().unwrap();
    let call = |archive: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        command.args(["run", "pipelines/nightly.yaml", "--prune"]).current_dir(root()).env_remove("ARCHIVE");
        command.env("OUTPUT", output.path());
        archive.map(|archive| command.env("ARCHIVE", archive));
        Ended::from(command.output().unwrap())
    };
    assert!(call(None).expect(78).err.contains("environment variable `ARCHIVE` is not set"));
    assert!(call(Some("")).expect(78).err.contains("environment variable `ARCHIVE` is empty"));
    assert!(call(Some("/nowhere/at/all")).expect(78).err.contains("/nowhere/at/all"));
    assert!(fs::read_dir(output.path()).unwrap().next().is_none());
}
