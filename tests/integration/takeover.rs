//! Shards whose owners sleep, are lost with their disks, or come back: who takes over, and that nothing is taken from them.

use crate::shards::{FOLDER, STEPS, assert_whole, shard, wait_for, whole};
use crate::support::{Ended, Job, archive, differences, picture, save, tree};
use rustix::process::{Pid, Signal, kill_process};
use safelight::image::Depth;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_shard_whose_owner_is_silent_is_taken_over() {
    let job = Job::new(
        "- resize: {scale: 12.0, enlarge: true}\n- write: {folder: images, compression: small}\n- table",
    );
    archive(&job.input(), 30);
    let wanted = whole(&job);
    // Slow enough that most is still to be done once the first pictures stand there.
    let mut command = job.command(&["run", "--shard", "1/2", "--patience", "1"]);
    command.env("SAFELIGHT_TEST_FAULT", "wait@stage:200").stderr(std::process::Stdio::piped());
    let silent = command.spawn().unwrap();
    wait_for("picture", || !tree(&job.output()).is_empty());
    signal(&silent, Signal::STOP);
    // It lives as far as anyone can tell.
    let refused = shard(&job, 1, 2).expect(1);
    assert!(refused.err.contains("is being done by process"), "{}", refused.err);
    assert!(job.call(&["gather"]).expect(1).err.contains("shards are at work: 1/2"));
    std::thread::sleep(Duration::from_millis(1500));
    let before = tree(&job.output()).len();
    job.call(&["run", "--shard", "1/2", "--patience", "1"]).expect(0);
    assert!(tree(&job.output()).len() > before);
    signal(&silent, Signal::CONT);
    let ended = Ended::from(silent.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("was taken over"), "{}", ended.err);
    shard(&job, 2, 2).expect(0);
    job.call(&["gather"]).expect(0);
    assert_whole(&job, &wanted, "taken over");
}

#[test]
fn gather_waits_for_shards_that_are_at_work() {
    let job = Job::new("- resize: {scale: 6.0, enlarge: true}\n- write: {folder: images}\n- table");
    archive(&job.input(), 20);
    let wanted = whole(&job);
    shard(&job, 2, 2).expect(0);
    let mut other = job.start(&["run", "--shard", "1/2"]);
    wait_for("lease", || job.output().join(FOLDER).join("0001-of-0002.g1").exists());
    job.call(&["gather", "--wait"]).expect(0);
    assert_eq!(other.wait().unwrap().code(), Some(0));
    assert_whole(&job, &wanted, "waited");
}

#[test]
fn a_ledger_on_a_local_disk_comes_home_and_may_be_lost() {
    let job = Job::new(
        "- resize: {scale: 8.0, enlarge: true}\n- write: {folder: images, compression: small}\n- table",
    );
    archive(&job.input(), 20);
    let wanted = whole(&job);
    let state = job.dir.path().join("state");
    let set = format!("state={}", state.display());
    let arguments = ["run", "--shard", "1/1", "--set", &set];
    let kept = |folder: &Path| tree(folder).into_keys().filter(|path| path.ends_with(".db")).count();
    let slowly = || {
        let mut command = job.command(&arguments);
        command.env("SAFELIGHT_TEST_FAULT", "wait@stage:150").stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    // Stopped, it is at home and nowhere else.
    let mut child = slowly();
    wait_for("picture", || !tree(&job.output()).is_empty());
    signal(&child, Signal::USR1);
    assert_eq!(child.wait().unwrap().code(), Some(20));
    let done = tree(&job.output().join("images")).len();
    assert!(done < 20 && kept(&state) == 0);
    assert!(job.output().join(FOLDER).join("0001-of-0001.json").exists());
    // Killed, with its disk.
    let mut child = slowly();
    wait_for("picture", || tree(&job.output().join("images")).len() > done + 2);
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_dir_all(&state).unwrap();
    // Somebody's own, where a picture would go.
    let free =
        wanted.keys().filter(|p| p.starts_with("images")).find(|p| !job.output().join(p).exists()).unwrap();
    fs::create_dir_all(job.output().join(free).parent().unwrap()).unwrap();
    fs::write(job.output().join(free), "mine").unwrap();
    let ended = job.call(&arguments).expect(10);
    assert!(ended.err.contains("not written by safelight"), "{}", ended.err);
    assert_eq!(fs::read(job.output().join(free)).unwrap(), b"mine");
    fs::remove_file(job.output().join(free)).unwrap();
    job.call(&arguments).expect(0);
    job.call(&["gather"]).expect(0);
    assert_whole(&job, &wanted, "lost");
}

#[test]
fn what_a_machine_that_was_lost_had_is_taken_over_by_waiting() {
    let job = Job::new(STEPS);
    archive(&job.input(), 8);
    let wanted = whole(&job);
    let folder = job.output().join(FOLDER);
    let elsewhere = r#"{"host":"far","pid":7,"machine":"another","started":"1","token":"t","patience":2}"#;
    // One that lives is left alone: somebody touches it.
    fs::create_dir_all(&folder).unwrap();
    let lease = folder.join("0001-of-0002.g1");
    fs::write(&lease, elsewhere).unwrap();
    let mut second = job.start_told(&["run", "--shard", "1/2"]);
    while second.try_wait().unwrap().is_none() {
        let now = std::time::SystemTime::now();
        fs::File::options().append(true).open(&lease).unwrap().set_modified(now).unwrap();
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = Ended::from(second.wait_with_output().unwrap()).expect(1);
    assert!(refused.err.contains("by process 7 on far"), "{}", refused.err);
    // One that is silent is not.
    let ended = shard(&job, 1, 2).expect(0);
    assert!(ended.err.contains("belongs to process 7 on far"), "{}", ended.err);
    shard(&job, 2, 2).expect(0);
    fs::write(folder.join("gather.g4"), elsewhere).unwrap();
    let ended = job.call(&["gather"]).expect(0);
    assert!(ended.err.contains("gathering belongs to process 7 on far"), "{}", ended.err);
    assert_whole(&job, &wanted, "lost machine");
}

/// A shard that was stopped, by the signal, in the middle of its pictures.
fn asleep(job: &Job, arguments: &[&str]) -> Child {
    let mut command = job.command(arguments);
    command.env("SAFELIGHT_TEST_FAULT", "wait@stage:300");
    let child =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_for("lease", || job.output().join(FOLDER).join("0001-of-0001.g1").exists());
    child
}

#[test]
fn an_owner_that_wakes_takes_nothing_from_who_took_over() {
    let job = Job::new(STEPS);
    archive(&job.input(), 12);
    let wanted = whole(&job);
    let names = [&["run", "--shard", "1/1", "--patience", "1"][..], &["run", "--shard", "1/1"]];
    // Before its ledger is open, and in the middle of its pictures.
    for wakes in [Duration::ZERO, Duration::from_millis(1200)] {
        let silent = asleep(&job, names[0]);
        std::thread::sleep(wakes);
        signal(&silent, Signal::STOP);
        std::thread::sleep(Duration::from_millis(1300));
        job.call(names[0]).expect(0);
        let kept = tree_of_shards(&job);
        signal(&silent, Signal::CONT);
        let ended = Ended::from(silent.wait_with_output().unwrap());
        assert!(ended.code == Some(1) && ended.err.contains("taken over"), "{wakes:?}: {}", ended.err);
        assert_eq!(tree_of_shards(&job), kept, "{wakes:?}");
        job.call(&["gather"]).expect(0);
        assert_whole(&job, &wanted, &format!("woken after {wakes:?}"));
        job.clear_output();
    }
}

/// Names and hashes of what shards keep.
fn tree_of_shards(job: &Job) -> Vec<(std::ffi::OsString, blake3::Hash)> {
    let entries = fs::read_dir(job.output().join(FOLDER)).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name(), blake3::hash(&fs::read(entry.path()).unwrap()))).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

#[test]
fn an_owner_on_a_disk_of_its_own_that_wakes_nights_later_brings_nothing_home() {
    let job = Job::new(STEPS);
    archive(&job.input(), 12);
    let set = format!("state={}", job.dir.path().join("far").display());
    let arguments = ["run", "--shard", "1/1", "--patience", "1", "--set", &set];
    let silent = asleep(&job, &arguments);
    std::thread::sleep(Duration::from_millis(1200));
    signal(&silent, Signal::STOP);
    std::thread::sleep(Duration::from_millis(1300));
    job.call(&["run", "--shard", "1/1", "--patience", "1"]).expect(0);
    job.call(&["gather"]).expect(0);
    // The next day, by one machine. The sleeper is on another, whose lock is not seen here.
    save(&picture(50, 20, 3, Depth::U8, 9), &job.input().join("0/0/img-000.png"));
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    job.call_with_fault(&["run", "--prune"], "without@locks").expect(0);
    let wanted = tree(&job.output());
    signal(&silent, Signal::CONT);
    let ended = Ended::from(silent.wait_with_output().unwrap());
    assert!(ended.code == Some(1) && ended.err.contains("taken over"), "{}", ended.err);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    // What is still on its disk is of a night that is over.
    assert!(tree(&job.dir.path().join("far")).is_empty());
    for arguments in [&arguments[..], &["gather"], &["run"]] {
        job.call(arguments).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "{arguments:?}");
    }
    assert_whole(&job, &wanted, "nights later");
}

#[test]
fn what_a_lost_night_left_on_a_disk_is_not_taken_for_a_later_nights() {
    let job = Job::new(STEPS);
    archive(&job.input(), 12);
    let on = |disk: &str| format!("state={}", job.dir.path().join(disk).display());
    let run = |disk: &str| job.call(&["run", "--shard", "1/1", "--set", &on(disk)]);
    let killed = job.call_with_fault(&["run", "--shard", "1/1", "--set", &on("one")], "kill@recorded:1");
    assert_eq!(killed.code, None, "{}", killed.err);
    run("two").expect(0);
    job.call(&["gather"]).expect(0);
    save(&picture(50, 20, 3, Depth::U8, 9), &job.input().join("0/0/img-000.png"));
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    job.call(&["run", "--prune"]).expect(0);
    let wanted = tree(&job.output());
    run("one").expect(0);
    job.call(&["gather"]).expect(0);
    assert_whole(&job, &wanted, "nights later");
}

#[test]
fn a_lost_disk_is_remembered_until_its_pictures_are_done_again() {
    let job = Job::new(STEPS);
    archive(&job.input(), 10);
    let on = |disk: &str| format!("state={}", job.dir.path().join(disk).display());
    let arguments = |disk: &str| ["run".into(), "--shard".into(), "1/1".into(), "--set".into(), on(disk)];
    let run = |disk: &str, fault: &str| {
        let words = arguments(disk);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        job.call_with_fault(&words, fault)
    };
    let wanted = whole(&job);
    // What comes after the lost one and before the one that does it all.
    for between in ["kill@filled:1", "kill@fill:1", "fail@2", "fail@4", "fail@7", "other"] {
        for known in [false, true] {
            if known {
                // Other versions of them are known.
                job.call(&["run", "--set", "seed=1"]).expect(0);
                save(&picture(50, 20, 3, Depth::U8, 9), &job.input().join("0/0/img-000.png"));
            }
            assert_eq!(run("one", "kill@recorded:1").code, None);
            match between {
                "other" => drop(job.call(&["run", "--shard", "1/1", "--set", "name=other"]).expect(78)),
                fault => assert_ne!(run("two", fault).code, Some(0), "{fault}"),
            }
            let ended = run("three", "none");
            assert_eq!(ended.code, Some(0), "{between}, {known}: {}", ended.err);
            job.call(&["gather"]).expect(0);
            job.call(&["verify"]).expect(0);
            if known {
                save(&picture(40, 30, 3, Depth::U8, 0), &job.input().join("0/0/img-000.png"));
            } else {
                // Times of originals are in manifest and table.
                let mut differing = differences(&tree(&job.output()), &wanted);
                differing.retain(|line| line.contains("images"));
                assert!(differing.is_empty(), "{between}: {differing:?}");
            }
            job.clear_output();
        }
    }
}
