//! Inputs that are not what they were: another archive, much of it gone, names taken over, folders that can't be read.

use crate::support::{Ended, Job, archive, picture, save, tree};
use safelight::image::Depth;
use std::fs;
use std::path::Path;
use std::process::Command;

const STEPS: &str = "- measure: [mean]\n- write: {folder: images}\n- table: {folder: table, rows: 16}";

/// Runs the program under strace with a fault on calls about `path`; none where there is no strace.
fn struck(job: &Job, arguments: &[&str], path: &Path, fault: &str) -> Option<Ended> {
    let calls = fault.split(':').next().unwrap_or_default();
    let log = job.dir.path().join("strace.log");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&log).arg("-P").arg(path);
    command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={fault}")]);
    command.arg(env!("CARGO_BIN_EXE_safelight")).arg(arguments[0]).arg(job.pipeline()).args(&arguments[1..]);
    match command.output() {
        Ok(output) => {
            let struck = fs::read_to_string(&log).is_ok_and(|log| log.contains("(INJECTED)"));
            let ended = Ended::from(output);
            if !struck && ended.err.contains("strace:") {
                eprintln!("skipped: {}", ended.err);
                return None;
            }
            assert!(struck, "{} {fault} struck nothing", path.display());
            Some(ended)
        }
        Err(e) => {
            eprintln!("skipped: strace: {e}");
            None
        }
    }
}

#[test]
fn another_input_stops_the_run_before_anything_changes() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let before = tree(&job.output());
    let other = job.dir.path().join("other");
    archive(&other.join("sub"), 3);
    let path = format!("input.path={}", other.display());
    for command in ["run", "plan", "retry"] {
        let ended = job.call(&[command, "--set", &path]).expect(13);
        assert!(ended.err.contains("--accept-input"), "{}", ended.err);
    }
    job.call(&["run", "--prune", "--set", &path]).expect(13);
    assert!(tree(&job.output()) == before);
    job.call(&["run", "--prune", "--accept-input", "--set", &path]).expect(0);
    assert_eq!(tree(&job.output().join("images")).len(), 3);
    // The same folder under another name is no other input.
    let moved = job.dir.path().join("moved");
    fs::rename(&other, &moved).unwrap();
    job.call(&["run", "--set", &format!("input.path={}", moved.display())]).expect(0);
}

#[test]
fn an_input_that_has_lost_much_stops_the_run() {
    let job = Job::new(STEPS);
    archive(&job.input(), 60);
    job.call(&["run"]).expect(0);
    let before = tree(&job.output());
    let away = job.dir.path().join("away");
    fs::rename(job.input().join("0"), &away).unwrap();
    fs::rename(job.input().join("1/1"), job.dir.path().join("away-1")).unwrap();
    for arguments in [&["run"][..], &["run", "--prune"], &["plan"]] {
        let ended = job.call(arguments).expect(13);
        assert!(ended.err.contains("30 of 60") && ended.err.contains("--accept-input"), "{}", ended.err);
    }
    assert!(tree(&job.output()) == before);
    // A pattern that leaves much out is no better.
    fs::rename(job.dir.path().join("away-1"), job.input().join("1/1")).unwrap();
    fs::rename(&away, job.input().join("0")).unwrap();
    job.call(&["run", "--set", "input.include=['0/**']"]).expect(13);
    job.call(&["run", "--set", "limits.max_vanished=40", "--set", "input.include=['0/**']"]).expect(0);
    // What is known to be missing does not count again.
    job.call(&["run", "--set", "input.include=['0/**']"]).expect(0);
}

#[test]
fn rows_of_vanished_inputs_leave_the_table_and_come_back_with_them() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let before = tree(&job.output());
    let away = job.dir.path().join("away.png");
    let name = "0/0/img-000.png";
    fs::rename(job.input().join(name), &away).unwrap();
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains("1 images are gone"), "{}", ended.err);
    assert_eq!((&job.manifest()[name][2], job.manifest().len()), ("vanished", 6));
    assert_eq!(crate::resume::rows(&job.output().join("table")).height(), 5);
    assert!(job.output().join("images").join(name).exists());
    fs::rename(&away, job.input().join(name)).unwrap();
    job.call(&["run"]).expect(0);
    assert!(tree(&job.output()) == before);
}

#[test]
fn what_can_not_be_seen_is_not_taken_for_gone() {
    let job = Job::new(STEPS);
    archive(&job.input(), 9);
    job.call(&["run"]).expect(0);
    let before = tree(&job.output());
    let table = crate::resume::rows(&job.output().join("table")).height();
    let statx = "statx,newfstatat,stat,lstat:error=EIO";
    let opens = "openat,open:error=EIO";
    let (root, folder) = (job.input(), job.input().join("1"));
    let file = job.input().join("2/0/img-002.png");
    let output = job.output().join("images/0");
    for (path, fault) in
        [(&root, statx), (&root, opens), (&folder, statx), (&folder, opens), (&file, statx), (&output, opens)]
    {
        let Some(ended) = struck(&job, &["run", "--prune"], path, fault) else { return };
        assert!(!matches!(ended.code, Some(101) | None), "{}: {}", path.display(), ended.err);
        let images = |t: &crate::support::Tree| t.keys().filter(|p| p.starts_with("images")).count();
        assert_eq!(
            images(&tree(&job.output())),
            images(&before),
            "{} {fault}: {}",
            path.display(),
            ended.err
        );
        if path == &folder {
            assert_eq!(crate::resume::rows(&job.output().join("table")).height(), table, "{fault}");
        }
        job.call(&["run", "--prune"]).expect(0);
        assert!(tree(&job.output()) == before, "{} {fault}", path.display());
    }
}

#[test]
fn an_output_that_another_input_took_over_is_made_again_for_the_first() {
    let job = Job::new("- write: {folder: images, format: png}\n- table");
    archive(&job.input(), 3);
    save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("a.jpg"));
    job.call(&["run"]).expect(0);
    let first = fs::read(job.output().join("images/a.png")).unwrap();
    let away = job.dir.path().join("away.jpg");
    fs::rename(job.input().join("a.jpg"), &away).unwrap();
    save(&picture(30, 30, 3, Depth::U8, 2), &job.input().join("a.bmp"));
    job.call(&["run", "--prune"]).expect(0);
    assert_ne!(fs::read(job.output().join("images/a.png")).unwrap(), first);
    fs::remove_file(job.input().join("a.bmp")).unwrap();
    fs::rename(&away, job.input().join("a.jpg")).unwrap();
    // What is left of the other one stays until it is pruned.
    job.call(&["run"]).expect(10);
    assert_ne!(fs::read(job.output().join("images/a.png")).unwrap(), first);
    job.call(&["run", "--prune"]).expect(0);
    assert_eq!(fs::read(job.output().join("images/a.png")).unwrap(), first);
    job.call(&["verify"]).expect(0);
}

#[test]
fn a_renamed_input_keeps_its_output_while_the_old_one_is_pruned() {
    let job = Job::new("- write: {folder: images, format: png}\n- table");
    archive(&job.input(), 3);
    save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("a.jpg"));
    job.call(&["run"]).expect(0);
    fs::rename(job.input().join("a.jpg"), job.input().join("a.jpeg")).unwrap();
    job.call(&["run", "--prune"]).expect(0);
    assert!(job.output().join("images/a.png").exists());
    job.call(&["verify"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do"));
}

#[test]
fn a_list_whose_files_are_not_mounted_stops_the_run() {
    let job = Job::new(STEPS);
    archive(&job.input(), 30);
    let list = job.dir.path().join("list.csv");
    let names: Vec<String> = tree(&job.input()).keys().map(|p| p.display().to_string()).collect();
    fs::write(&list, format!("path\n{}\n", names.join("\n"))).unwrap();
    let set = |key: &str, value: &Path| format!("input.{key}={}", value.display());
    let (path, root) = (set("path", &list), set("root", &job.input()));
    let arguments = ["run", "--set", &path, "--set", &root];
    job.call(&arguments).expect(0);
    let before = tree(&job.output());
    fs::rename(job.input(), job.dir.path().join("away")).unwrap();
    fs::create_dir(job.input()).unwrap();
    assert!(job.call(&arguments).expect(13).err.contains("30 of 30"));
    assert!(tree(&job.output()) == before);
}

#[test]
fn a_file_that_can_not_be_read_keeps_its_row_and_its_remarks() {
    let job = Job::new("- measure: [mean]\n- write: {format: bmp}\n- table: {folder: table, rows: 16}");
    archive(&job.input(), 5);
    job.call(&["run"]).expect(0);
    let before = tree(&job.output());
    for name in ["0/0/img-000.png", "2/0/img-002.png"] {
        let Some(ended) = struck(&job, &["run"], &job.input().join(name), "statx,newfstatat:error=EIO")
        else {
            return;
        };
        assert_eq!(ended.code, Some(10), "{}", ended.err);
        assert_eq!(crate::resume::rows(&job.output().join("table")).height(), 5);
        job.call(&["run"]).expect(0);
        assert!(tree(&job.output()) == before, "{name}");
    }
}

#[test]
fn a_folder_in_place_of_a_file_makes_the_file_gone() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("a.png"));
    job.call(&["run"]).expect(0);
    fs::remove_file(job.input().join("a.png")).unwrap();
    save(&picture(20, 20, 3, Depth::U8, 2), &job.input().join("a.png/b.png"));
    job.call(&["run", "--prune"]).expect(10);
    job.call(&["run"]).expect(0);
    assert!(job.output().join("images/a.png/b.png").exists());
}

#[test]
fn what_is_left_out_is_told_on_quiet_nights_too() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let ended = job.call(&["run", "--progress", "quiet", "--set", "input.exclude=['0/**']"]).expect(0);
    assert!(ended.out.contains("2 newly left out"), "{}", ended.out);
}

#[test]
fn a_failure_is_known_by_its_content_and_another_file_is_another_input() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    let bad = job.input().join("bad.png");
    fs::write(&bad, b"no picture").unwrap();
    job.call(&["run"]).expect(10);
    job.call(&["ignore"]).expect(0);
    fs::remove_file(&bad).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&bad, b"no picture").unwrap();
    job.call(&["run"]).expect(0);
    let one = Job::new(STEPS);
    archive(&one.input(), 3);
    let set = |name: &str| format!("input.path={}", one.input().join(name).display());
    one.call(&["run", "--set", &set("0/0/img-000.png")]).expect(0);
    one.call(&["run", "--set", &set("1/1/img-001.jpg")]).expect(13);
}
