//! Killed anywhere, run again: the output equals that of a run nobody disturbed.

use crate::support::{Job, Tree, archive, differences, originals, tree};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

const STEPS: &str = "- resize: {scale: 0.5}\n- measure: [mean, sharpness]\n- write: {folder: images}\n\
                     - table: {folder: table, rows: 16, partition_by: [format]}";

/// What must never be seen after a crash: a file under a final name that is not the finished file.
/// Manifests and parts change as a whole between finished states, so only images are compared here.
fn half_files(found: &Tree, wanted: &Tree) -> Vec<String> {
    found
        .iter()
        .filter(|(path, _)| path.starts_with("images"))
        .filter(|(path, bytes)| wanted.get(*path) != Some(bytes))
        .map(|(path, _)| path.display().to_string())
        .collect()
}

/// The kinds of write operations that runs are killed before.
const KINDS: [&str; 11] = [
    "record",
    "recorded",
    "stage",
    "sync",
    "rename",
    "part",
    "sync-folder",
    "swap",
    "drop-old",
    "remove",
    "retime",
];

/// How often at least, by what the run has to do: eight images, two manifests, one part.
const FRESH: &[(&str, usize)] = &[
    ("record", 1),
    ("recorded", 1),
    ("stage", 10),
    ("sync", 10),
    ("rename", 10),
    ("part", 1),
    ("sync-folder", 10),
    ("swap", 1),
    ("drop-old", 1),
];
/// Of every third operation: two images, two manifests, a part.
const INCREMENTAL: &[(&str, usize)] = &[
    ("record", 1),
    ("recorded", 1),
    ("stage", 2),
    ("sync", 2),
    ("rename", 2),
    ("part", 1),
    ("swap", 1),
    ("drop-old", 1),
];
/// Two manifests, a part, and what is removed.
const PRUNING: &[(&str, usize)] =
    &[("stage", 2), ("sync", 2), ("rename", 2), ("part", 1), ("swap", 1), ("drop-old", 1), ("remove", 3)];

/// Kills a run before every operation of each kind, or every `step`th; `begin` makes the state before the run,
/// and `check` sees what each killed one left. Gives how many kills there were of each kind.
pub fn kill_everywhere(
    job: &Job,
    arguments: &[&str],
    step: usize,
    begin: impl Fn(),
    check: impl Fn(&str),
) -> BTreeMap<&'static str, usize> {
    let mut reached = BTreeMap::new();
    for kind in KINDS {
        for place in (1..).step_by(step) {
            begin();
            let fault = format!("kill@{kind}:{place}");
            let ended = job.call_with_fault(arguments, &fault);
            if ended.code == Some(0) {
                break;
            }
            assert_eq!(ended.code, None, "{fault}, neither killed nor done: {}", ended.err);
            assert!(ended.err.contains(&format!("killed before `{kind}`")), "not by {fault}: {}", ended.err);
            *reached.entry(kind).or_default() += 1;
            check(&fault);
        }
    }
    println!("killed before: {reached:?}");
    reached
}

/// Asserts that each of these kinds was reached so often or more.
#[track_caller]
pub fn at_least(reached: &BTreeMap<&str, usize>, least: &[(&str, usize)]) {
    for (kind, least) in least {
        let count = reached.get(kind).copied().unwrap_or(0);
        assert!(count >= *least, "{count} of {least} kills before `{kind}`: {reached:?}");
    }
}

#[test]
fn the_checker_sees_a_planted_half_file() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    assert!(half_files(&wanted, &wanted).is_empty() && differences(&wanted, &wanted).is_empty());
    let mut found = wanted.clone();
    let image = found.iter_mut().find(|(p, _)| p.starts_with("images")).unwrap().1;
    image.truncate(image.len() / 2);
    assert_eq!(half_files(&found, &wanted).len(), 1);
    assert_eq!(differences(&found, &wanted).len(), 1);
}

#[test]
fn killed_before_every_single_write() {
    let job = Job::new(STEPS);
    archive(&job.input(), 8);
    let before = originals(&job.input());
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    let check = |fault: &str| {
        let halves = half_files(&tree(&job.output()), &wanted);
        assert!(halves.is_empty(), "{fault}: {halves:?}");
        job.call(&["run"]).expect(0);
        let differing = differences(&tree(&job.output()), &wanted);
        assert!(differing.is_empty(), "{fault}: {differing:?}");
        job.call(&["verify"]).expect(0);
    };
    let reached = kill_everywhere(&job, &["run"], 1, || job.clear_output(), check);
    at_least(&reached, FRESH);
    assert_eq!(originals(&job.input()), before);
}

#[test]
fn killed_during_an_incremental_run() {
    let job = Job::new(STEPS);
    archive(&job.input(), 40);
    job.call(&["run"]).expect(0);
    let first = job.dir.path().join("first");
    copy(&job.output(), &first);
    // One changed, one gone, one new.
    let changed = job.input().join("0/0/img-000.png");
    crate::support::save(&crate::support::picture(50, 20, 3, safelight::image::Depth::U8, 99), &changed);
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    archive(&job.input().join("new"), 1);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    let begin = || {
        job.clear_output();
        copy(&first, &job.output());
    };
    let check = |fault: &str| {
        job.call(&["run"]).expect(0);
        let differing = differences(&tree(&job.output()), &wanted);
        assert!(differing.is_empty(), "{fault}: {differing:?}");
    };
    at_least(&kill_everywhere(&job, &["run"], 3, begin, check), INCREMENTAL);
}

/// Copies a folder with its time stamps.
pub fn copy(from: &std::path::Path, to: &std::path::Path) {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

#[test]
fn kills_at_random() {
    let kills: u32 = std::env::var("SAFELIGHT_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(25);
    let steps =
        "- resize: {scale: 6.0, enlarge: true}\n- measure: [noise_sigma]\n- write: {folder: images}\n- table";
    let job = Job::new(steps);
    archive(&job.input(), 30);
    let before = originals(&job.input());
    let start = Instant::now();
    job.call(&["run"]).expect(0);
    let whole = start.elapsed();
    let wanted = tree(&job.output());
    let (mut interrupted, mut state) = (0, 12345u32);
    job.clear_output();
    for kill in 0..kills {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wait = whole.mul_f64(f64::from(state >> 8) / f64::from(1 << 24));
        let mut child = job.start(&["run"]);
        let start = Instant::now();
        while start.elapsed() < wait && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(300));
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            interrupted += 1;
        }
        child.wait().unwrap();
        let halves = half_files(&tree(&job.output()), &wanted);
        assert!(halves.is_empty(), "kill {kill} after {wait:?}: {halves:?}");
        // Every third kill hits a run that goes on from the one before.
        if kill % 3 == 2 {
            job.call(&["run"]).expect(0);
            let differing = differences(&tree(&job.output()), &wanted);
            assert!(differing.is_empty(), "kill {kill} after {wait:?}: {differing:?}");
            job.clear_output();
        }
    }
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    assert_eq!(originals(&job.input()), before);
    assert!(interrupted > kills / 4, "{interrupted} of {kills} runs were really killed");
    println!("{interrupted} of {kills} runs killed; 0 half files, 0 differences, originals unchanged");
}

#[test]
fn a_full_disk_stops_the_run_and_the_next_goes_on() {
    let job = Job::new(STEPS);
    archive(&job.input(), 12);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    for point in [1, 5, 14, 20, 26, 33, 40] {
        job.clear_output();
        let ended = job.call_with_fault(&["run"], &format!("fail@{point}")).expect(30);
        assert!(ended.err.contains("free space") || ended.err.contains("ledger"), "{}", ended.err);
        job.call(&["run"]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "fail@{point}");
    }
}

#[test]
fn interrupt_finishes_current_items_and_is_resumable() {
    let job = Job::new("- resize: {scale: 16.0, enlarge: true}\n- write: {compression: small}");
    archive(&job.input(), 40);
    let mut child = job.start(&["run"]);
    // As soon as the first image stands there, most are still to be done.
    while tree(&job.output()).is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(20));
    let done = tree(&job.output().join("images")).len();
    assert!((1..40).contains(&done), "{done}");
    assert_eq!(job.manifest().values().filter(|r| &r[2] == "pending").count(), 40 - done);
    job.call(&["run"]).expect(0);
    assert_eq!(tree(&job.output().join("images")).len(), 40);
    let left: Vec<_> = walkdir::WalkDir::new(job.output())
        .into_iter()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".safelight-tmp-"))
        .collect();
    assert!(left.is_empty());
}

#[test]
fn killed_while_pruning() {
    let job = Job::new(STEPS);
    archive(&job.input(), 10);
    job.call(&["run"]).expect(0);
    let first = job.dir.path().join("first");
    copy(&job.output(), &first);
    for gone in ["0/0/img-000.png", "1/1/img-001.jpg", "2/0/img-002.png"] {
        fs::remove_file(job.input().join(gone)).unwrap();
    }
    job.call(&["run", "--prune"]).expect(0);
    let wanted = tree(&job.output());
    let begin = || {
        job.clear_output();
        copy(&first, &job.output());
    };
    let check = |fault: &str| {
        job.call(&["run", "--prune"]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "{fault}");
    };
    at_least(&kill_everywhere(&job, &["run", "--prune"], 1, begin, check), PRUNING);
}
