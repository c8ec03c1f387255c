//! A job done in shards comes to what one machine makes of it, whatever happens to the shards and to gathering.

use crate::support::{Ended, Job, Tree, archive, differences, originals, picture, save, tree};
use safelight::image::Depth;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

pub const STEPS: &str = "- resize: {scale: 0.5}\n- measure: [mean, sharpness]\n- write: {folder: images}\n\
                     - table: {folder: table, rows: 16, partition_by: [format]}";
const PAIRS: &str = "- corrupt: [{gaussian_noise: {sigma: 10}}]\n- pairs: {folder: pairs, layout: webdataset, shard_size: 1MiB}";
pub const FOLDER: &str = ".safelight/shards";

/// What one machine makes of the job, from nothing.
pub fn whole(job: &Job) -> Tree {
    job.clear_output();
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    job.clear_output();
    wanted
}

pub fn shard(job: &Job, number: u32, count: u32) -> Ended {
    job.call(&["run", "--shard", &format!("{number}/{count}")])
}

/// Asserts that the output is that of one machine, that nothing is left of shards, and that a run finds nothing to do.
#[track_caller]
pub fn assert_whole(job: &Job, wanted: &Tree, context: &str) {
    let differing = differences(&tree(&job.output()), wanted);
    assert!(differing.is_empty(), "{context}: {differing:?}");
    assert!(!job.output().join(FOLDER).exists(), "{context}");
    job.call(&["verify"]).expect(0);
    let again = job.call(&["run", "--progress", "json"]).expect(0);
    assert!(again.out.contains("\"todo\":0"), "{context}: {}", again.out);
    assert!(differences(&tree(&job.output()), wanted).is_empty(), "{context}, run again");
}

pub fn wait_for(what: &str, found: impl Fn() -> bool) {
    let start = Instant::now();
    while !found() {
        assert!(start.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
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
pub fn day(input: &Path, seed: u32) {
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
fn a_state_among_originals_or_results_is_refused() {
    let job = Job::new(STEPS);
    archive(&job.input(), 1);
    for folder in [job.input(), job.output().join("state"), job.dir.path().to_path_buf()] {
        let refused = job.call(&["check", "--set", &format!("state={}", folder.display())]).expect(78);
        assert!(refused.err.contains("the state"), "{}", refused.err);
    }
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

#[test]
fn the_limit_on_failures_is_that_of_the_whole_job() {
    let job = Job::new(STEPS);
    archive(&job.input(), 17);
    (0..3).for_each(|n| fs::write(job.input().join(format!("broken-{n}.png")), "no picture").unwrap());
    let limited = |arguments: &[&str], limit: &str| {
        let set = format!("limits.max_failures={limit}");
        job.call(&[arguments, &["--set", &set]].concat())
    };
    limited(&["run"], "20%").expect(10);
    let wanted = tree(&job.output());
    job.clear_output();
    for number in 1..=6 {
        let ended = limited(&["run", "--shard", &format!("{number}/6")], "20%");
        assert!(matches!(ended.code, Some(0 | 10)), "{number}: {}", ended.err);
    }
    limited(&["gather"], "20%").expect(10);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    job.clear_output();
    for number in 1..=20 {
        let ended = limited(&["run", "--shard", &format!("{number}/20")], "2");
        assert!(matches!(ended.code, Some(0 | 10)), "{number}: {}", ended.err);
    }
    limited(&["gather"], "2").expect(11);
}
