//! What could harm an archive without any crash: links and mounts in the output, files of others, inputs that are not
//! what they were.

use crate::support::{Job, archive, originals, picture, save, tree};
use safelight::image::Depth;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const STEPS: &str = "- measure: [mean]\n- write: {folder: images}\n- table: {folder: table, rows: 16}";

/// Replaces a picture by another, so that its output is to be written again.
fn change(job: &Job, name: &str) {
    save(&picture(33, 21, 3, Depth::U8, 4711), &job.input().join(name));
}

fn kind(job: &Job, name: &str) -> String {
    job.manifest()[name][3].to_string()
}

/// Runs `mount` with these arguments; says why it is skipped where that is not allowed.
fn mount(arguments: &[&str], at: &Path) -> Option<Mounted> {
    let mut command = Command::new("mount");
    let tried = command.args(arguments).arg(at).output();
    if !tried.as_ref().is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: `mount {}` is not possible here", arguments.join(" "));
        return None;
    }
    Some(Mounted(at.to_path_buf()))
}

struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // A panic here would hide the test's own.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_link_in_the_output_leads_no_write_to_the_originals() {
    let job = Job::new(STEPS);
    archive(&job.input(), 8);
    job.call(&["run"]).expect(0);
    change(&job, "0/0/img-000.png");
    change(&job, "1/1/img-007.bmp");
    let before = originals(&job.input());
    for (link, to) in [("images/0", "../../in/0"), ("images/1/1", "../../../in/1/1")] {
        fs::remove_dir_all(job.output().join(link)).unwrap();
        symlink(to, job.output().join(link)).unwrap();
    }
    for arguments in [&["run"][..], &["run", "--replace-edited"], &["run", "--prune", "--replace-edited"]] {
        job.call(arguments);
        assert_eq!(originals(&job.input()), before, "{arguments:?}");
        assert_eq!(
            (kind(&job, "0/0/img-000.png"), kind(&job, "1/1/img-007.bmp")),
            ("exists".into(), "exists".into())
        );
    }
    // Gone with the link.
    fs::remove_file(job.output().join("images/0")).unwrap();
    fs::remove_file(job.output().join("images/1/1")).unwrap();
    job.call(&["run"]).expect(0);
}

#[test]
fn pruning_does_not_go_through_a_link() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    // Whoever moved the outputs elsewhere and linked to them keeps them.
    let away = job.dir.path().join("away");
    fs::rename(job.output().join("images/0"), &away).unwrap();
    symlink(&away, job.output().join("images/0")).unwrap();
    let kept = tree(&away);
    fs::remove_dir_all(job.input().join("0")).unwrap();
    job.call(&["run", "--prune"]).expect(0);
    assert!(tree(&away) == kept && !kept.is_empty());
}

#[test]
fn a_mount_of_the_input_in_the_output_is_refused() {
    let job = Job::new(STEPS);
    archive(&job.input(), 8);
    job.call(&["run"]).expect(0);
    change(&job, "0/0/img-000.png");
    fs::write(job.input().join("0/.safelight-tmp-1-1"), b"mine").unwrap();
    let before = originals(&job.input());
    let place = job.output().join("images/0");
    let Some(_mounted) = mount(&["--bind", job.input().join("0").to_str().unwrap()], &place) else { return };
    for (arguments, code) in [(&["run"][..], 10), (&["run", "--prune", "--replace-edited"], 12)] {
        job.call(arguments).expect(code);
        assert_eq!(originals(&job.input()), before);
        assert_eq!(kind(&job, "0/0/img-000.png"), "exists");
    }
    assert!(job.input().join("0/.safelight-tmp-1-1").exists());
}

#[test]
fn files_of_others_and_edited_ones_are_kept() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    let theirs = job.output().join("images/0/0/img-000.png");
    fs::create_dir_all(theirs.parent().unwrap()).unwrap();
    fs::write(&theirs, b"theirs").unwrap();
    job.call(&["run"]).expect(10);
    assert_eq!(
        (kind(&job, "0/0/img-000.png"), fs::read(&theirs).unwrap()),
        ("exists".into(), b"theirs".to_vec())
    );
    fs::remove_file(&theirs).unwrap();
    job.call(&["run"]).expect(0);
    // Edited, and to be made anew: because of its input, or of the settings.
    fs::write(&theirs, b"edited by hand").unwrap();
    change(&job, "0/0/img-000.png");
    job.call(&["run"]).expect(10);
    assert_eq!(
        (kind(&job, "0/0/img-000.png"), fs::read(&theirs).unwrap()),
        ("edited".into(), b"edited by hand".to_vec())
    );
    job.steps(&STEPS.replace("folder: images", "folder: images, compression: small"));
    job.call(&["run"]);
    assert_eq!(
        (kind(&job, "0/0/img-000.png"), fs::read(&theirs).unwrap()),
        ("edited".into(), b"edited by hand".to_vec())
    );
    job.call(&["run", "--replace-edited"]).expect(0);
    assert_ne!(fs::read(&theirs).unwrap(), b"edited by hand");
    job.call(&["verify"]).expect(0);
}

#[test]
fn lock_and_ledger_are_not_followed() {
    for name in ["lock", "ledger.db"] {
        let job = Job::new(STEPS);
        archive(&job.input(), 2);
        let original = job.input().join("0/0/img-000.png");
        let before = originals(&job.input());
        fs::create_dir_all(job.output().join(".safelight")).unwrap();
        symlink(&original, job.output().join(".safelight").join(name)).unwrap();
        let ended = job.call(&["run"]).expect(30);
        assert!(ended.err.contains(name), "{}", ended.err);
        assert_eq!(originals(&job.input()), before);
    }
    let job = Job::new(STEPS);
    archive(&job.input(), 2);
    fs::create_dir_all(job.output()).unwrap();
    symlink(job.input(), job.output().join(".safelight")).unwrap();
    let before = originals(&job.input());
    assert_ne!(job.call(&["run"]).code, Some(0));
    assert_eq!(originals(&job.input()), before);
}

#[test]
fn outputs_never_become_inputs() {
    for target in ["out", "out/images", "out/images/0"] {
        let job = Job::new(STEPS);
        archive(&job.input(), 5);
        fs::create_dir_all(job.output().join("images/0")).unwrap();
        symlink(job.dir.path().join(target), job.input().join("cleaned")).unwrap();
        for _ in 0..3 {
            job.call(&["run", "--set", "input.follow_symlinks=true"]).expect(0);
            assert_eq!(tree(&job.output().join("images")).len(), 5, "{target}");
        }
    }
}

#[test]
fn links_are_followed_only_where_asked() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    let elsewhere = job.dir.path().join("elsewhere");
    archive(&elsewhere, 2);
    symlink(&elsewhere, job.input().join("folder")).unwrap();
    symlink(elsewhere.join("0/0/img-000.png"), job.input().join("file.png")).unwrap();
    symlink(job.input().join("nowhere"), job.input().join("dangling.png")).unwrap();
    job.call(&["run"]).expect(0);
    assert_eq!(tree(&job.output().join("images")).len(), 3);
    job.call(&["run", "--set", "input.follow_symlinks=true"]).expect(10);
    assert_eq!(tree(&job.output().join("images")).len(), 6);
    assert_eq!(kind(&job, "dangling.png"), "vanished");
}

#[test]
fn inputs_may_have_names_like_those_of_safelight() {
    let job = Job::new(STEPS);
    for name in [".safelight-tmp-x.png", ".safelight/a.png", "b/.safelight/c.png", ".safelight-tmp-/d.png"] {
        save(&picture(20, 20, 3, Depth::U8, 3), &job.input().join(name));
    }
    for _ in 0..2 {
        job.call(&["run", "--set", "input.hidden=true"]).expect(0);
        assert_eq!(tree_of_all(&job.output().join("images")), 4);
        // Left by a crash beside one of them.
        let left = job.output().join("images/b/.safelight/.safelight-tmp-99-1");
        fs::write(&left, b"half").unwrap();
        job.call(&["run", "--set", "input.hidden=true"]).expect(0);
        assert!(!left.exists());
    }
    job.steps("- write: {folder: .safelight-tmp-x}");
    job.call(&["check"]).expect(78);
}

fn tree_of_all(folder: &Path) -> usize {
    walkdir::WalkDir::new(folder).into_iter().filter(|e| e.as_ref().unwrap().file_type().is_file()).count()
}

#[test]
fn names_too_long_fail_alone_in_the_first_run_as_in_the_second() {
    let job = Job::new("- write: {folder: images, suffix: _restored}");
    let long = format!("{}abcdefghij", "Gro\u{df}vater Garten ".repeat(13));
    let names =
        [format!("{long}.png"), format!("{}.png", "n".repeat(250)), format!("{}.png", "N".repeat(250))];
    for name in names.iter().map(String::as_str).chain(["a.png", "b/c.png"]) {
        save(&picture(8, 8, 3, Depth::U8, 1), &job.input().join(name));
    }
    for code in [10, 12] {
        job.call(&["run"]).expect(code);
        let manifest = job.manifest();
        assert_eq!(manifest.values().filter(|r| &r[2] == "done").count(), 2);
        assert_eq!(manifest.values().filter(|r| &r[3] == "output_name").count(), 3);
    }
}

#[test]
fn names_that_are_one_on_the_target_go_to_one_input() {
    let job = Job::new(STEPS);
    for name in ["a/x.png", "A/x.png", "b.png", "B.png", "c.png"] {
        save(&picture(20, 20, 3, Depth::U8, 3), &job.input().join(name));
    }
    // The target of the tests tells them apart.
    job.call(&["run"]).expect(0);
    assert_eq!(tree(&job.output().join("images")).len(), 5);
    job.clear_output();
    fs::create_dir(job.output()).unwrap();
    let Some(_mounted) = mount(&["-t", "tmpfs", "-o", "casefold,size=32m", "tmpfs"], &job.output()) else {
        return;
    };
    if !Command::new("chattr").arg("+F").arg(job.output()).status().is_ok_and(|s| s.success()) {
        eprintln!("skipped: capitals can't be ignored here");
        return;
    }
    for code in [10, 12] {
        let ended = job.call(&["run"]).expect(code);
        assert!(ended.err.contains("b.png") && ended.err.contains("A/x.png"), "{}", ended.err);
        assert_eq!((kind(&job, "b.png"), kind(&job, "a/x.png")), ("collision".into(), "collision".into()));
        assert_eq!(tree(&job.output().join("images")).len(), 3);
    }
    fs::remove_file(job.input().join("B.png")).unwrap();
    fs::remove_dir_all(job.input().join("A")).unwrap();
    job.call(&["run"]).expect(0);
}

#[test]
fn what_somebody_puts_among_parts_and_shards_is_kept() {
    for (steps, name) in [
        (STEPS, "table/part-0123456789abcdef.parquet"),
        (
            "- patches: {size: 12}\n- corrupt: [shot_noise]\n- pairs: {layout: webdataset}",
            "pairs/train-000100.tar",
        ),
    ] {
        for first in [true, false] {
            let job = Job::new(steps);
            archive(&job.input(), 4);
            if !first {
                job.call(&["run"]).expect(0);
                change(&job, "0/0/img-000.png");
            }
            let theirs = job.output().join(name);
            fs::create_dir_all(theirs.parent().unwrap()).unwrap();
            fs::write(&theirs, b"theirs").unwrap();
            for arguments in [&["run"][..], &["run", "--replace-edited", "--prune"]] {
                let ended = job.call(arguments).expect(78);
                assert!(ended.err.contains("was not written by safelight"), "{}", ended.err);
                assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
            }
        }
    }
}

#[test]
fn a_single_input_is_not_overwritten_by_way_of_a_mount() {
    let job = Job::new("- grayscale\n- write: {folder: images}");
    save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("a.png"));
    let set = format!("input.path={}", job.input().join("a.png").display());
    job.call(&["run", "--set", &set]).expect(0);
    let before = originals(&job.input());
    let Some(_mounted) = mount(&["--bind", job.input().to_str().unwrap()], &job.output().join("images"))
    else {
        return;
    };
    job.call(&["run", "--replace-edited", "--set", &set]).expect(10);
    assert_eq!(originals(&job.input()), before);
}

#[test]
fn a_mount_of_a_folder_of_the_input_as_the_output_or_a_sink_is_refused() {
    for place in ["", "images"] {
        let job = Job::new("- grayscale\n- write: {folder: images}\n- table");
        archive(&job.input(), 8);
        save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("img-000.png"));
        if place == "images" {
            job.call(&["run"]).expect(0);
        }
        let before = originals(&job.input());
        let at = job.output().join(place);
        fs::create_dir_all(&at).unwrap();
        let Some(_mounted) = mount(&["--bind", job.input().join("0/0").to_str().unwrap()], &at) else {
            return;
        };
        for arguments in [&["run"][..], &["run", "--prune", "--replace-edited"]] {
            assert_ne!(job.call(arguments).code, Some(0));
            assert_eq!(originals(&job.input()), before, "{place} {arguments:?}");
        }
    }
}

#[test]
fn outputs_of_steps_that_are_no_more_are_pruned() {
    let job = Job::new("- write: {folder: images}\n- write: {folder: small, format: png}\n- table");
    archive(&job.input(), 4);
    job.call(&["run"]).expect(0);
    job.steps("- write: {folder: images}\n- table");
    job.call(&["run", "--prune"]).expect(0);
    assert!(!job.output().join("small").exists());
    let pruned = tree(&job.output());
    job.clear_output();
    job.call(&["run"]).expect(0);
    assert!(tree(&job.output()) == pruned);
}
