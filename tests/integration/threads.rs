//! Threads that can't be started: a message and an exit code, whichever it is that fails.

use crate::support::{Ended, Job, archive};
use std::fs;
use std::process::Command;

#[test]
fn a_thread_that_cannot_be_started_is_no_panic() {
    if let Err(error) = Command::new("strace").arg("-V").output() {
        eprintln!("skipped: strace is not there: {error}");
        return;
    }
    let job = Job::new("- measure: [mean]\n- write: {folder: images}\n- table: {folder: table}");
    archive(&job.input(), 5);
    job.call(&["run"]).expect(0);
    let list = job.dir.path().join("list.parquet");
    fs::copy(job.output().join(".safelight/manifest.parquet"), &list).unwrap();
    // polars starts threads of its own to read a list.
    let listed = [format!("input.path={}", list.display()), format!("input.root={}", job.input().display())];
    let log = job.dir.path().join("calls");
    let call = |command: &str, at: usize, listing: bool| {
        let mut child = Command::new("strace");
        let inject = format!("inject=clone,clone3:error=EAGAIN:when={at}+");
        child.args(["-f", "-qq", "-e", "trace=clone,clone3", "-e", &inject, "-o"]).arg(&log);
        child.arg(env!("CARGO_BIN_EXE_safelight")).arg(command).arg(job.pipeline());
        child.args(["--set", "limits.threads=2"]);
        listed.iter().filter(|_| listing).for_each(|set| {
            child.args(["--set", set]);
        });
        Ended::from(child.env("POLARS_MAX_THREADS", "2").output().unwrap())
    };
    for (command, listing) in ["run", "plan", "status", "verify", "report", "ignore", "retry", "check"]
        .map(|c| (c, false))
        .into_iter()
        .chain([("check", true), ("run", true)])
    {
        let clear = || {
            if command == "run" {
                job.clear_output();
            }
        };
        clear();
        call(command, 1000, listing).expect(0);
        let threads = fs::read_to_string(&log).unwrap().matches("clone").count();
        assert!(threads >= 2, "{command} starts {threads} threads");
        for at in 1..=threads {
            clear();
            let ended = call(command, at, listing);
            let told = ended.code == Some(1) && ended.err.contains("cannot start worker threads");
            // A thread may be one that can be done without.
            let place = format!("{command} {listing}, thread {at}: {}", ended.err);
            assert!(told || at > 2 && ended.code == Some(0), "{place}");
            assert!(!ended.err.contains("panicked"), "{place}");
        }
    }
}
