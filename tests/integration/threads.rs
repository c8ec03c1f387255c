//! Threads that can't be started: a message and an exit code, whichever it is that fails.

use crate::support::{Ended, Job, archive};
use std::process::Command;

#[test]
fn a_thread_that_cannot_be_started_is_no_panic() {
    if let Err(error) = Command::new("strace").arg("-V").output() {
        eprintln!("skipped: strace is not there: {error}");
        return;
    }
    let job = Job::new("- measure: [mean]\n- write: {folder: images}\n- table: {folder: table}");
    archive(&job.input(), 5);
    let call = |command: &str, at: usize| {
        let mut child = Command::new("strace");
        let inject = format!("inject=clone,clone3:error=EAGAIN:when={at}+");
        child.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=clone,clone3", "-e", &inject]);
        child
            .arg(env!("CARGO_BIN_EXE_safelight"))
            .arg(command)
            .arg(job.pipeline())
            .args(["--set", "limits.threads=2"]);
        Ended::from(child.output().unwrap())
    };
    for command in ["run", "plan", "status", "verify", "report", "ignore", "retry", "check"] {
        let mut refused = 0;
        for at in 1.. {
            if command == "run" {
                job.clear_output();
            }
            let ended = call(command, at);
            if ended.code == Some(0) {
                break;
            }
            refused += 1;
            assert_eq!(ended.code, Some(1), "{command}, thread {at}: {}", ended.err);
            assert!(
                ended.err.contains("cannot start worker threads"),
                "{command}, thread {at}: {}",
                ended.err
            );
            assert!(at < 100, "{command} never ends well");
        }
        assert!(refused >= 2, "{command}: only {refused} threads were refused");
    }
}
