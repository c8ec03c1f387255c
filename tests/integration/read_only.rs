//! Looking at an output where nothing can be written: read-only media, another user's folder, a killed run's ledger.

use crate::support::{Ended, Job, archive};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user and group that permissions are tried with where the tests run as root, whom none binds.
const NOBODY: u32 = 65534;

/// Where a ledger's last changes stand.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Log {
    /// In the database.
    Merged,
    /// The same, and somebody has looked at it since, which leaves an empty log.
    LookedAt,
    /// In its log, as after a kill.
    Alone,
    /// The same, with the shared memory that describes the log.
    WithMemory,
}

/// A job that ended with one failure, which was acknowledged, and a program that everybody may call.
fn finished(log: Log) -> (Job, PathBuf) {
    let job = Job::new("- measure: [mean]\n- write: {folder: images}\n- table: {folder: table}");
    archive(&job.input(), 4);
    fs::write(job.input().join("bad.png"), "bad").unwrap();
    job.call(&["run"]).expect(10);
    let state = job.output().join(".safelight");
    let file = |name: &str| state.join(name);
    let db = rusqlite::Connection::open(file("ledger.db")).unwrap();
    db.execute_batch("PRAGMA wal_autocheckpoint=0; UPDATE items SET ignored = 1 WHERE outcome = 'failed';")
        .unwrap();
    let kept: Vec<(PathBuf, Vec<u8>)> = ["ledger.db", "ledger.db-wal", "ledger.db-shm"]
        .iter()
        .map(|name| (file(name), fs::read(file(name)).unwrap()))
        .collect();
    drop(db);
    assert!(kept[1].1.len() > 4096 && !kept[1].0.exists());
    let put = match log {
        Log::Merged | Log::LookedAt => 0,
        Log::Alone => 2,
        Log::WithMemory => 3,
    };
    kept.iter().take(put).for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    if log == Log::LookedAt {
        job.call(&["status"]).expect(0);
        assert_eq!(fs::metadata(file("ledger.db-wal")).unwrap().len(), 0);
    }
    let program = job.dir.path().join("safelight");
    fs::copy(env!("CARGO_BIN_EXE_safelight"), &program).unwrap();
    fs::create_dir(job.dir.path().join("tmp")).unwrap();
    (job, program)
}

/// Sets the permissions of everything below a folder: of folders, and of files.
fn permit(folder: &Path, folders: u32, files: u32) {
    // Contents first, while the folders can still be entered.
    let entries = walkdir::WalkDir::new(folder).contents_first(true);
    for entry in entries.into_iter().map(Result::unwrap) {
        let mode = if entry.file_type().is_dir() { folders } else { files };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn as_nobody(mut command: Command, job: &Job) -> Command {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.env("TMPDIR", job.dir.path().join("tmp")).current_dir("/");
    command
}

/// What `status`, `verify` and `plan` say, and that `report`, `ignore` and the rest say what keeps them.
fn look(job: &Job, log: Log, call: &dyn Fn(&str) -> Ended) {
    // After a kill, nothing but the acknowledgement in the log makes it 0.
    let status = call("status").expect(0);
    assert!(
        status.out.contains("done     4") && status.out.contains("ignored  1"),
        "{log:?}\n{}",
        status.out
    );
    assert!(call("verify").expect(0).out.contains("5 files verified"), "{log:?}");
    let plan = call("plan").expect(0);
    assert!(
        plan.out.contains("4  up to date") && plan.out.contains("nothing to do"),
        "{log:?}\n{}",
        plan.out
    );
    for command in ["report", "ignore"] {
        let ended = call(command).expect(30);
        assert!(ended.err.contains("can't be written to"), "{command} {log:?}: {}", ended.err);
    }
    assert_eq!(fs::read_dir(job.dir.path().join("tmp")).unwrap().count(), 0, "{log:?}: a copy was left");
}

#[test]
fn without_permission_to_write() {
    for log in [Log::Merged, Log::LookedAt, Log::Alone, Log::WithMemory] {
        let (job, program) = finished(log);
        permit(job.dir.path(), 0o755, 0o755);
        fs::set_permissions(job.dir.path().join("tmp"), fs::Permissions::from_mode(0o777)).unwrap();
        permit(&job.output(), 0o555, 0o444);
        let call = |command: &str| {
            let mut child = Command::new(&program);
            child.arg(command).arg(job.pipeline());
            Ended::from(as_nobody(child, &job).output().unwrap())
        };
        look(&job, log, &call);
        // Without room for a copy, that is said.
        fs::remove_dir(job.dir.path().join("tmp")).unwrap();
        let ended = call("status");
        let told = ended.code == Some(30) && ended.err.contains("TMPDIR");
        assert!(told || log != Log::Alone && ended.code == Some(0), "{log:?}: {ended:?}");
        // What can't be looked at is not absent.
        permit(&job.output().join(".safelight"), 0o000, 0o444);
        for command in ["status", "verify", "plan", "report", "retry", "ignore"] {
            let ended = call(command).expect(30);
            assert!(ended.err.contains("ermission denied"), "{command}: {}", ended.err);
        }
        permit(&job.output(), 0o755, 0o644);
    }
}

#[test]
fn on_read_only_media() {
    let may = Command::new("unshare").args(["-rm", "sh", "-c", "mount --bind /tmp /tmp"]).output();
    if !may.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: nothing may be mounted here: {may:?}");
        return;
    }
    for log in [Log::Merged, Log::LookedAt, Log::Alone, Log::WithMemory] {
        let (job, program) = finished(log);
        let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && ! touch \"$1/x\" 2>/dev/null && \
                      exec \"$0\" \"$2\" \"$3\"";
        let call = |command: &str| {
            let mut child = Command::new("unshare");
            child
                .args(["-rm", "sh", "-c", script])
                .arg(&program)
                .arg(job.output())
                .arg(command)
                .arg(job.pipeline());
            child.env("TMPDIR", job.dir.path().join("tmp"));
            Ended::from(child.output().unwrap())
        };
        look(&job, log, &call);
    }
}
