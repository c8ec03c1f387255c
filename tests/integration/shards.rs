//! A job done in shards comes to what one machine makes of it, whatever happens to the shards and to gathering.

use crate::support::{Ended, Job, Tree, archive, differences, originals, picture, save, tree};
use rustix::process::{Pid, Signal, kill_process};
use safelight::image::Depth;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

const STEPS: &str = "- resize: {scale: 0.5}\n- measure: [mean, sharpness]\n- write: {folder: images}\n\
                     - table: {folder: table, rows: 16, partition_by: [format]}";
const PAIRS: &str = "- corrupt: [{gaussian_noise: {sigma: 10}}]\n- pairs: {folder: pairs, layout: webdataset, shard_size: 1MiB}";
const FOLDER: &str = ".safelight/shards";

/// What one machine makes of the job, from nothing.
fn whole(job: &Job) -> Tree {
    job.clear_output();
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    job.clear_output();
    wanted
}

fn shard(job: &Job, number: u32, count: u32) -> Ended {
    job.call(&["run", "--shard", &format!("{number}/{count}")])
}

/// Asserts that the output is that of one machine, that nothing is left of shards, and that a run finds nothing to do.
#[track_caller]
fn assert_whole(job: &Job, wanted: &Tree, context: &str) {
    let differing = differences(&tree(&job.output()), wanted);
    assert!(differing.is_empty(), "{context}: {differing:?}");
    assert!(!job.output().join(FOLDER).exists(), "{context}");
    job.call(&["verify"]).expect(0);
    let again = job.call(&["run", "--progress", "json"]).expect(0);
    assert!(again.out.contains("\"todo\":0"), "{context}: {}", again.out);
    assert!(differences(&tree(&job.output()), wanted).is_empty(), "{context}, run again");
}

fn wait_for(what: &str, found: impl Fn() -> bool) {
    let start = Instant::now();
    while !found() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn any_number_of_shards_comes_to_the_same() {
    for steps in [STEPS, PAIRS] {
        let job = Job::new(steps);
        archive(&job.input(), 30);
        let before = originals(&job.input());
        let wanted = whole(&job);
        for (count, by) in [(1, "path"), (3, "path"), (5, "size"), (40, "path")] {
            // In any order.
            for number in (1..=count).rev() {
                let text = format!("{number}/{count}");
                job.call(&["run", "--shard", &text, "--shard-by", by]).expect(0);
            }
            job.call(&["gather"]).expect(0);
            assert_whole(&job, &wanted, &format!("{count} by {by}"));
            job.clear_output();
        }
        assert_eq!(originals(&job.input()), before);
    }
}

#[test]
fn pictures_that_are_made_are_shared_out_too() {
    let job = Job::new(PAIRS);
    let text = fs::read_to_string(job.pipeline()).unwrap();
    let input = format!("{{path: {}}}", job.input().display());
    fs::write(job.pipeline(), text.replace(&input, "{synth: dead_leaves, count: 12, size: 48}")).unwrap();
    let wanted = whole(&job);
    (1..=3).for_each(|number| drop(shard(&job, number, 3).expect(0)));
    job.call(&["gather"]).expect(0);
    assert_whole(&job, &wanted, "synth");
}

/// Changes an archive as a day does.
fn day(input: &Path, seed: u32) {
    save(&picture(50, 20, 3, Depth::U8, seed), &input.join("0/0/img-000.png"));
    let extension = ["png", "jpg", "png", "bmp", "tif"][seed as usize % 5];
    fs::remove_file(input.join(format!("1/1/img-{seed:03}.{extension}"))).unwrap();
    save(&picture(33, 21, 3, Depth::U8, seed + 7), &input.join(format!("new/{seed}.png")));
}

#[test]
fn night_after_night_with_any_number() {
    for prune in [&[][..], &["--prune"]] {
        let [one, many] = [(); 2].map(|()| {
            let job = Job::new(STEPS);
            archive(&job.input(), 30);
            job
        });
        let [gather, run] = ["gather", "run"].map(|command| [&[command], prune].concat());
        // With what seed the day before changed the archive, and in how many shards the night is done; none: one machine.
        for (night, (seed, count)) in
            [(0, Some(3)), (1, None), (13, Some(4)), (25, Some(1))].into_iter().enumerate()
        {
            if seed > 0 {
                [&one, &many].iter().for_each(|job| day(&job.input(), seed));
            }
            one.call(&run).expect(0);
            match count {
                Some(count) => {
                    (1..=count).for_each(|number| drop(shard(&many, number, count).expect(0)));
                    many.call(&gather).expect(0);
                }
                None => drop(many.call(&run).expect(0)),
            }
            // Times of originals are in manifest and table, and these are two archives.
            let timeless = |line: &String| !line.contains("manifest") && !line.contains("table");
            let mut differing = differences(&tree(&many.output()), &tree(&one.output()));
            differing.retain(timeless);
            assert!(differing.is_empty(), "night {night}: {differing:?}");
            let rows = |job: &Job| -> Vec<(String, String)> {
                job.manifest().into_iter().map(|(path, row)| (path, row[2].to_string())).collect()
            };
            assert_eq!(rows(&many), rows(&one), "night {night}");
        }
    }
}

/// Kills `command` before each of its writes in turn, or every `step`th, until it comes to its end.
fn kill_everywhere(
    job: &Job,
    (command, step): (&[&str], usize),
    begin: impl Fn(),
    check: impl Fn(&str),
) -> usize {
    for place in (1..).step_by(step) {
        begin();
        let fault = format!("kill@{place}");
        let ended = job.call_with_fault(command, &fault);
        if ended.code == Some(0) {
            return (place - 1) / step;
        }
        assert_eq!(ended.code, None, "{fault}, neither killed nor done: {}", ended.err);
        check(&format!("{fault}, {}", ended.err.trim()));
    }
    unreachable!("it ends")
}

#[test]
fn a_shard_that_is_killed_anywhere_is_run_again() {
    for (steps, step) in [(STEPS, 1), (PAIRS, 4)] {
        let job = Job::new(steps);
        archive(&job.input(), 8);
        let wanted = whole(&job);
        let kills = kill_everywhere(
            &job,
            (&["run", "--shard", "1/2"], step),
            || job.clear_output(),
            |fault| {
                shard(&job, 2, 2).expect(0);
                shard(&job, 1, 2).expect(0);
                job.call(&["gather"]).expect(0);
                assert_whole(&job, &wanted, fault);
            },
        );
        assert!(kills * step > 15, "{kills}");
    }
}

#[test]
fn gathering_that_is_killed_anywhere_is_done_again() {
    for (steps, step) in [(STEPS, 1), (PAIRS, 4)] {
        let job = Job::new(steps);
        archive(&job.input(), 8);
        let wanted = whole(&job);
        let shards = job.dir.path().join("shards");
        (1..=2).for_each(|number| drop(shard(&job, number, 2).expect(0)));
        let copy = |from: &Path, to: &Path| {
            let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
            assert!(status.success());
        };
        copy(&job.output(), &shards);
        let begin = || {
            job.clear_output();
            copy(&shards, &job.output());
        };
        let kills = kill_everywhere(&job, (&["gather"], step), begin, |fault| {
            // What was gathered in part can be gathered on, also after a shard was run once more.
            if fault.len() % 2 == 0 {
                shard(&job, 1, 2);
            }
            job.call(&["gather"]).expect(0);
            assert_whole(&job, &wanted, fault);
        });
        assert!(kills * step > 15, "{kills}");
    }
}

#[test]
fn what_every_run_tries_again_leaves_no_shard_unfinished() {
    let job = Job::new(&STEPS.replace("{folder: images}", "{folder: images, format: png}"));
    archive(&job.input(), 6);
    // Two names for one output: the second fails, and is tried again each time.
    for name in ["same.png", "same.bmp"] {
        save(&picture(30, 20, 3, Depth::U8, 7), &job.input().join(name));
    }
    job.call(&["run"]).expect(10);
    let wanted = tree(&job.output());
    for place in (1..).step_by(7) {
        job.clear_output();
        let ended: Vec<_> = (1..=2).map(|number| shard(&job, number, 2).code).collect();
        assert!(ended.contains(&Some(10)), "{ended:?}");
        let killed = job.call_with_fault(&["gather"], &format!("kill@{place}")).code;
        let again = job.call(&["gather"]);
        assert!(matches!(again.code, Some(10 | 12)), "{place}: {:?} {}", again.code, again.err);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "{place}");
        if killed.is_some() {
            assert!(killed == Some(10) && place > 20, "{place}: {killed:?}");
            // One shard alone, as if it had been lost: the other one has nothing to do that it did not try.
            shard(&job, 1, 2);
            let again = job.call(&["gather"]);
            assert!(matches!(again.code, Some(10 | 12)), "{:?} {}", again.code, again.err);
            break;
        }
    }
}

#[test]
fn a_shard_whose_owner_is_silent_is_taken_over() {
    let job = Job::new(
        "- resize: {scale: 12.0, enlarge: true}\n- write: {folder: images, compression: small}\n- table",
    );
    archive(&job.input(), 30);
    let wanted = whole(&job);
    let silent = job.start_told(&["run", "--shard", "1/2", "--patience", "1"]);
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
fn what_does_not_fit_together_is_refused_and_loses_nothing() {
    let job = Job::new(STEPS);
    archive(&job.input(), 12);
    let wanted = whole(&job);
    for (text, saying) in [
        ("0/3", "counted from 1"),
        ("4/3", "no shard 4 of 3"),
        ("x", "is no shard"),
        ("auto", "no engine"),
        ("auto/x", "is no shard"),
    ] {
        let refused = job.command(&["run", "--shard", text]).env_clear().output().unwrap();
        let refused = Ended::from(refused).expect(2);
        assert!(refused.err.contains(saying), "{text}: {}", refused.err);
    }
    shard(&job, 1, 3).expect(0);
    for arguments in
        [&["run"][..], &["run", "--shard", "1/2"], &["run", "--shard", "2/3", "--shard-by", "size"]]
    {
        let refused = job.call(arguments).expect(1);
        assert!(refused.err.contains("safelight gather"), "{}", refused.err);
    }
    // What is there is published, and told to be not all.
    let gathered = job.call(&["gather"]).expect(20);
    assert!(gathered.err.contains("shard 2/3 is missing") && gathered.err.contains("shard 3/3 is missing"));
    let some = job.manifest().values().filter(|row| &row[2] == "done").count();
    assert!((1..12).contains(&some), "{some}");
    job.call(&["verify"]).expect(0);
    // Any number goes on from there; one that is not run is missed only where there is something left for it.
    (2..=3).for_each(|number| drop(shard(&job, number, 3).expect(0)));
    job.call(&["gather"]).expect(0);
    assert_whole(&job, &wanted, "in two goes");
    let train = Job::new("- table");
    train.trains("{synth: dead_leaves, count: 8}", "  network: {residual: {}}\n", "{threads: 1}");
    for arguments in [&["run", "--shard", "1/2"][..], &["gather"]] {
        let ended = train.call(arguments);
        assert!(ended.code == Some(2) && ended.err.contains("training job"), "{}", ended.err);
    }
}

#[test]
fn an_output_without_shards_is_gathered_as_it_is() {
    let job = Job::new(STEPS);
    archive(&job.input(), 5);
    let gathered = job.call(&["gather"]).expect(20);
    assert!(gathered.out.contains("not all is done"), "{}", gathered.out);
    let wanted = whole(&job);
    job.call(&["run"]).expect(0);
    job.call(&["gather"]).expect(0);
    assert_whole(&job, &wanted, "twice");
}

#[test]
fn failures_are_told_as_one_machine_tells_them() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    fs::write(job.input().join("broken.png"), "no picture").unwrap();
    let night = |shards: [i32; 2], gather: i32| {
        let ended = [1, 2].map(|number| shard(&job, number, 2).code.unwrap());
        let mut sorted = ended;
        sorted.sort_unstable();
        assert_eq!(sorted, shards);
        let status = job.call(&["status", "--shards", "--json"]).expect(0);
        assert_eq!(status.out.matches("\"state\":\"finished\"").count(), 2, "{}", status.out);
        job.call(&["gather"]).expect(gather);
        let status = job.call(&["status", "--shards"]).expect(0);
        assert!(status.out.contains("no shards"), "{}", status.out);
    };
    night([0, 10], 10);
    night([0, 12], 12);
    assert_eq!(&job.manifest()["broken.png"][2], "failed");
    for number in 1..=2 {
        let text = format!("{number}/2");
        job.call(&["run", "--shard", &text, "--exit-zero-on-item-failures"]).expect(0);
    }
    job.call(&["gather", "--exit-zero-on-item-failures"]).expect(0);
    fs::remove_file(job.input().join("broken.png")).unwrap();
    night([0, 0], 0);
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
    // Stopped, it is at home and nowhere else.
    let mut child = job.start(&arguments);
    wait_for("picture", || !tree(&job.output()).is_empty());
    signal(&child, Signal::USR1);
    assert_eq!(child.wait().unwrap().code(), Some(20));
    let done = tree(&job.output().join("images")).len();
    assert!(done < 20 && kept(&state) == 0);
    assert!(job.output().join(FOLDER).join("0001-of-0001.json").exists());
    // Killed, with its disk.
    let mut command = job.command(&arguments);
    command.env("SAFELIGHT_TEST_FAULT", "wait@stage:40").stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
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
fn a_state_among_originals_or_results_is_refused() {
    let job = Job::new(STEPS);
    archive(&job.input(), 1);
    for folder in [job.input(), job.output().join("state"), job.dir.path().to_path_buf()] {
        let refused = job.call(&["check", "--set", &format!("state={}", folder.display())]).expect(78);
        assert!(refused.err.contains("the state"), "{}", refused.err);
    }
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

#[test]
fn shards_of_another_job_or_input_are_refused() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    shard(&job, 1, 2).expect(0);
    let other = job.dir.path().join("other");
    archive(&other, 6);
    let set = format!("input.path={}", other.display());
    let refused = job.call(&["run", "--shard", "2/2", "--set", &set]).expect(13);
    assert!(refused.err.contains("--accept-input"), "{}", refused.err);
    let refused = job.call(&["run", "--shard", "2/2", "--set", "name=another"]).expect(78);
    assert!(refused.err.contains("the job `test`"), "{}", refused.err);
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
fn what_comes_after_its_shard_had_looked_is_told() {
    let job = Job::new(STEPS);
    archive(&job.input(), 8);
    (1..=2).for_each(|number| drop(shard(&job, number, 2).expect(0)));
    save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("late.png"));
    let gathered = job.call(&["gather"]).expect(20);
    assert!(gathered.err.contains("1 outstanding that came or changed"), "{}", gathered.err);
    (1..=2).for_each(|number| drop(shard(&job, number, 2).expect(0)));
    job.call(&["gather"]).expect(0);
    let found = tree(&job.output());
    assert!(differences(&found, &whole(&job)).is_empty());
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

#[test]
fn what_is_another_jobs_or_no_set_at_all_is_not_gathered() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    (1..=2).for_each(|number| drop(shard(&job, number, 2).expect(0)));
    let refused = job.call(&["gather", "--set", "name=another"]).expect(78);
    assert!(refused.err.contains("the job `test`"), "{}", refused.err);
    let file = job.output().join(FOLDER).join("set.json");
    let set = fs::read_to_string(&file).unwrap();
    for (from, to) in [
        ("\"count\":2", "\"count\":4000000000"),
        ("\"count\":2", "\"count\":3"),
        ("\"id\":\"", "\"id\":\"../"),
    ] {
        fs::write(&file, set.replace(from, to)).unwrap();
        for arguments in [&["gather"][..], &["status", "--shards"], &["run", "--shard", "1/2"], &["run"]] {
            let refused = job.call(arguments).expect(1);
            assert!(refused.err.contains("is not as safelight writes it"), "{arguments:?}: {}", refused.err);
        }
    }
    fs::write(&file, set).unwrap();
    job.call(&["gather"]).expect(0);
    assert!(!job.output().join(FOLDER).exists());
}
