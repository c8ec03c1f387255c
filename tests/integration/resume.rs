//! What a second run does: nothing, or just what changed.

use crate::support::frame;
use crate::support::{Job, archive, differences, picture, save, tree};
use polars::prelude::DataFrame;
use safelight::image::Depth;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

const STEPS: &str = "- measure: [mean]\n- write: {folder: images}\n- table: {folder: table, rows: 16}";

fn times(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    tree(folder)
        .into_keys()
        .map(|p| (p.clone(), fs::metadata(folder.join(p)).unwrap().modified().unwrap()))
        .collect()
}

fn rewritten(before: &BTreeMap<PathBuf, SystemTime>, after: &BTreeMap<PathBuf, SystemTime>) -> Vec<PathBuf> {
    after.iter().filter(|(p, t)| before.get(*p) != Some(t)).map(|(p, _)| p.clone()).collect()
}

/// All rows of a table folder.
pub fn rows(folder: &Path) -> DataFrame {
    let mut frames = Vec::new();
    for name in tree(folder).into_keys() {
        frames.push(frame(&fs::read(folder.join(name)).unwrap()).unwrap());
    }
    let mut all = frames.pop().unwrap();
    for frame in &frames {
        all.vstack_mut(frame).unwrap();
    }
    all
}

fn paths(frame: &DataFrame) -> Vec<String> {
    let column = frame.column("path").unwrap();
    let mut paths: Vec<String> = column.str().unwrap().iter().map(|p| p.unwrap().to_string()).collect();
    paths.sort();
    paths
}

#[test]
fn an_unchanged_archive_is_left_alone() {
    let job = Job::new(STEPS);
    archive(&job.input(), 10);
    job.call(&["run"]).expect(0);
    let before = times(&job.output());
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
    assert!(rewritten(&before, &times(&job.output())).is_empty());
}

#[test]
fn only_what_changed_is_done_again_and_the_table_holds_each_input_once() {
    let job = Job::new(STEPS);
    archive(&job.input(), 60);
    job.call(&["run"]).expect(0);
    let before = times(&job.output().join("images"));
    save(&picture(20, 20, 3, Depth::U8, 77), &job.input().join("0/0/img-000.png"));
    save(&picture(20, 20, 3, Depth::U8, 78), &job.input().join("new.png"));
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains("1 images are gone"), "{}", ended.err);
    let again = rewritten(&before, &times(&job.output().join("images")));
    assert_eq!(again, [PathBuf::from("0/0/img-000.png"), PathBuf::from("new.png")]);

    let listed = paths(&rows(&job.output().join("table")));
    let inputs: Vec<String> =
        tree(&job.input()).into_keys().map(|p| p.to_str().unwrap().to_string()).collect();
    assert_eq!(listed, inputs);
    // The same folder that one fresh run would have made.
    let incremental = tree(&job.output().join("table"));
    job.clear_output();
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output().join("table")), &incremental).is_empty());
}

#[test]
fn vanished_outputs_are_pruned_only_when_asked() {
    let job = Job::new(STEPS);
    archive(&job.input(), 5);
    job.call(&["run"]).expect(0);
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    let output = job.output().join("images/1/1/img-001.jpg");
    job.call(&["run"]).expect(0);
    assert!(output.exists());
    assert_eq!(&job.manifest()["1/1/img-001.jpg"][2], "vanished");
    job.call(&["run", "--prune"]).expect(0);
    assert!(!output.exists());
    assert!(!job.manifest().contains_key("1/1/img-001.jpg"));
}

#[test]
fn a_changed_setting_redoes_what_it_affects() {
    let job = Job::new(STEPS);
    archive(&job.input(), 10);
    job.call(&["run"]).expect(0);
    let before = times(&job.output().join("images"));
    // Another measurement: new columns, the same images.
    job.steps("- measure: [mean, contrast]\n- write: {folder: images}\n- table: {folder: table, rows: 16}");
    job.call(&["run"]).expect(0);
    assert!(rewritten(&before, &times(&job.output().join("images"))).is_empty());
    assert!(rows(&job.output().join("table")).column("contrast").is_ok());
    // Another image step: everything.
    job.steps(
        "- grayscale\n- measure: [mean, contrast]\n- write: {folder: images}\n- table: {folder: table}",
    );
    job.call(&["run"]).expect(0);
    assert_eq!(rewritten(&before, &times(&job.output().join("images"))).len(), 10);
    // Threads and limits: nothing.
    let ended = job.call(&["run", "--set", "limits.threads=1", "--set", "limits.memory=1GiB"]).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
}

#[test]
fn a_missing_output_is_made_again_and_one_that_was_edited_is_kept_until_it_is_given_up() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    fs::remove_file(job.output().join("images/0/0/img-000.png")).unwrap();
    fs::write(job.output().join("images/1/1/img-001.jpg"), b"vandal").unwrap();
    let part = wanted.keys().find(|p| p.starts_with("table")).unwrap();
    fs::write(job.output().join(part), b"vandal").unwrap();
    job.call(&["verify"]).expect(1);
    // The table is replaced as a whole: nothing is done before it is known what becomes of somebody's part.
    let ended = job.call(&["run"]).expect(78);
    assert!(ended.err.contains("--replace-edited"), "{}", ended.err);
    fs::remove_file(job.output().join(part)).unwrap();
    job.call(&["run"]).expect(10);
    assert_eq!(&job.manifest()["1/1/img-001.jpg"][3], "edited");
    assert_eq!(fs::read(job.output().join("images/1/1/img-001.jpg")).unwrap(), b"vandal");
    assert!(job.output().join("images/0/0/img-000.png").exists());
    job.call(&["run", "--prune", "--replace-edited"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    job.call(&["verify"]).expect(0);
}

#[test]
fn copied_and_restored_outputs_are_known_by_their_content() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    for name in wanted.keys() {
        let bytes = fs::read(job.output().join(name)).unwrap();
        fs::remove_file(job.output().join(name)).unwrap();
        fs::write(job.output().join(name), bytes).unwrap();
    }
    let before = times(&job.output().join("images"));
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    assert!(rewritten(&before, &times(&job.output().join("images"))).is_empty());
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
    // So are they when their inputs go.
    fs::remove_file(job.input().join("0/0/img-000.png")).unwrap();
    let copy = fs::read(job.output().join("images/0/0/img-000.png")).unwrap();
    fs::write(job.output().join("images/0/0/img-000.png"), copy).unwrap();
    fs::write(job.output().join("images/1/1/img-001.jpg"), b"edited").unwrap();
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    job.call(&["run", "--prune"]).expect(0);
    assert!(!job.output().join("images/0/0/img-000.png").exists());
    assert_eq!(fs::read(job.output().join("images/1/1/img-001.jpg")).unwrap(), b"edited");
    // And what stays is not forgotten: it is no stranger's when the input comes back.
    archive(&job.input(), 6);
    job.call(&["run"]).expect(10);
    assert_eq!(&job.manifest()["1/1/img-001.jpg"][3], "edited");
    job.call(&["run", "--replace-edited"]).expect(0);
}

#[test]
fn a_touched_file_is_not_processed_again() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    job.call(&["run"]).expect(0);
    let before = times(&job.output().join("images"));
    let touched = job.input().join("0/0/img-000.png");
    File::options().write(true).open(touched).unwrap().set_modified(SystemTime::now()).unwrap();
    job.call(&["run"]).expect(0);
    assert!(rewritten(&before, &times(&job.output().join("images"))).is_empty());
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
}

#[test]
fn many_unchanged_files_need_nothing() {
    // Inputs that need no decoding to be recorded: listing, stat and ledger are what is measured.
    let count: usize = std::env::var("SAFELIGHT_FILES").ok().and_then(|c| c.parse().ok()).unwrap_or(2_000);
    let job = Job::new("- measure: [mean]\n- table");
    let source = job.dir.path().join("one.png");
    save(&picture(1, 1, 1, Depth::U8, 0), &source);
    for n in 0..count {
        let folder = job.input().join(format!("{:03}", n / 1000));
        fs::create_dir_all(&folder).unwrap();
        fs::hard_link(&source, folder.join(format!("{n}.png"))).unwrap();
    }
    job.call(&["run", "--progress", "quiet"]).expect(0);
    let start = Instant::now();
    job.call(&["run", "--progress", "quiet"]).expect(0);
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} unchanged files in {seconds:.2} s");
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
}

#[test]
fn failures_are_remembered_and_retried_on_request() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    fs::write(job.input().join("bad.png"), b"no image").unwrap();
    job.call(&["run"]).expect(10);
    let ended = job.call(&["run"]).expect(12);
    assert!(ended.out.contains("nothing to do") && ended.out.contains("1 failed before"), "{}", ended.out);
    let ended = job.call(&["retry"]).expect(10);
    assert!(ended.err.contains("failed: bad.png"), "{}", ended.err);
    save(&picture(9, 9, 3, Depth::U8, 1), &job.input().join("bad.png"));
    job.call(&["retry"]).expect(0);
    assert_eq!(&job.manifest()["bad.png"][2], "done");
}

#[test]
fn a_file_damaged_later_keeps_its_last_good_output() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    job.call(&["run"]).expect(0);
    let good = fs::read(job.output().join("images/0/0/img-000.png")).unwrap();
    let input = job.input().join("0/0/img-000.png");
    let bytes = fs::read(&input).unwrap();
    fs::write(&input, &bytes[..bytes.len() / 2]).unwrap();
    job.call(&["run"]).expect(10);
    assert_eq!(fs::read(job.output().join("images/0/0/img-000.png")).unwrap(), good);
    assert!(!paths(&rows(&job.output().join("table"))).contains(&"0/0/img-000.png".to_string()));
    fs::write(&input, &bytes).unwrap();
    job.call(&["run"]).expect(0);
    assert_eq!(rows(&job.output().join("table")).height(), 3);
}

#[test]
fn a_list_carries_its_columns() {
    let job = Job::new("- measure: [mean]\n- table");
    archive(&job.input(), 3);
    let list = job.dir.path().join("list.csv");
    fs::write(&list, "file,label,width\n0/0/img-000.png,7,a\n1/1/img-001.jpg,8,b\n").unwrap();
    let set = |text: String| vec!["--set".to_string(), text];
    let mut arguments = vec!["run".to_string()];
    arguments.extend(set(format!("input.path={}", list.display())));
    arguments.extend(set("input.column=file".into()));
    arguments.extend(set(format!("input.root={}", job.input().display())));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    job.call(&arguments).expect(0);
    let table = rows(&job.output().join("table"));
    let labels: Vec<_> = table.column("label").unwrap().i64().unwrap().iter().flatten().collect();
    assert_eq!(labels, [7, 8]);
    assert!(table.column("list_width").is_ok() && table.column("width").is_ok());
    // A changed label changes the row without touching the image.
    fs::write(&list, "file,label,width\n0/0/img-000.png,9,a\n1/1/img-001.jpg,8,b\n").unwrap();
    let ended = job.call(&arguments).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
    let table = rows(&job.output().join("table"));
    let labels: Vec<_> = table.column("label").unwrap().i64().unwrap().iter().flatten().collect();
    assert_eq!(labels, [9, 8]);
}

#[test]
fn files_that_safelight_did_not_write_are_never_replaced() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    let mine = job.output().join("images/0/0/img-000.png");
    fs::create_dir_all(mine.parent().unwrap()).unwrap();
    fs::write(&mine, b"mine").unwrap();
    let ended = job.call(&["run"]).expect(10);
    assert!(ended.err.contains("not written by safelight"), "{}", ended.err);
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
    fs::remove_file(&mine).unwrap();
    job.call(&["run"]).expect(0);

    // Nor is anything in the table's folder, which is replaced as a whole: told before any work.
    archive(&job.input().join("more"), 1);
    for name in ["notes.txt", "part-00000-1234.snappy.parquet", "part-0123456789abcdef.parquet/x"] {
        let mine = job.output().join("table").join(name);
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, b"mine").unwrap();
        let ended = job.call(&["run"]).expect(78);
        assert!(ended.err.contains("not a part"), "{}", ended.err);
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        fs::remove_file(&mine).unwrap();
        if mine.parent() != Some(&job.output().join("table")) {
            fs::remove_dir(mine.parent().unwrap()).unwrap();
        }
    }
    job.call(&["run"]).expect(0);
}

#[test]
fn manifests_in_the_output_itself_go_where_an_earlier_version_wrote_them() {
    let job = Job::new(STEPS);
    archive(&job.input(), 2);
    fs::create_dir(job.output()).unwrap();
    fs::write(job.output().join("manifest.csv"), b"mine").unwrap();
    job.call(&["run"]).expect(0);
    assert_eq!(fs::read(job.output().join("manifest.csv")).unwrap(), b"mine");
    for name in ["manifest.csv", "manifest.parquet"] {
        fs::copy(job.output().join(".safelight").join(name), job.output().join(name)).unwrap();
    }
    // Of another program, though it has the name.
    fs::copy("tests/fixtures/list_types.parquet", job.output().join("manifest.parquet")).unwrap();
    job.call(&["run"]).expect(0);
    assert!(!job.output().join("manifest.csv").exists() && job.output().join("manifest.parquet").exists());
    fs::copy(job.output().join(".safelight/manifest.parquet"), job.output().join("manifest.parquet"))
        .unwrap();
    job.call(&["run"]).expect(0);
    assert!(!job.output().join("manifest.parquet").exists());
}

#[test]
fn another_job_may_not_use_the_same_output() {
    let job = Job::new(STEPS);
    archive(&job.input(), 2);
    job.call(&["run"]).expect(0);
    let ended = job.call(&["run", "--set", "name=other"]).expect(78);
    assert!(ended.err.contains("the job `test`"), "{}", ended.err);
}

#[test]
fn prune_spares_what_is_only_hidden_or_left_out() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let images = tree(&job.output().join("images"));
    // Left out by a narrower pattern: still there, so nothing vanished.
    job.call(&["run", "--prune", "--set", "input.include=['0/**']"]).expect(0);
    assert!(tree(&job.output().join("images")) == images);
    // A folder that can't be read says nothing of what lies below (a loop of links stands in for it).
    job.call(&["run"]).expect(0);
    fs::rename(job.input().join("1"), job.dir.path().join("away")).unwrap();
    std::os::unix::fs::symlink(job.input().join("1"), job.input().join("1")).unwrap();
    job.call(&["run", "--prune", "--set", "input.follow_symlinks=true"]).expect(0);
    assert!(tree(&job.output().join("images")) == images);
}

#[test]
fn a_failure_keeps_the_last_good_output_even_under_new_settings() {
    let job = Job::new("- write: {quality: 92, unchanged: encode}");
    archive(&job.input(), 2);
    job.call(&["run"]).expect(0);
    let good = fs::read(job.output().join("images/1/1/img-001.jpg")).unwrap();
    job.steps("- write: {quality: 50, unchanged: encode}");
    let input = job.input().join("1/1/img-001.jpg");
    let bytes = fs::read(&input).unwrap();
    fs::write(&input, b"damaged").unwrap();
    job.call(&["run", "--prune"]).expect(10);
    assert_eq!(fs::read(job.output().join("images/1/1/img-001.jpg")).unwrap(), good);
    fs::write(&input, bytes).unwrap();
    job.call(&["run", "--prune"]).expect(0);
    assert_ne!(fs::read(job.output().join("images/1/1/img-001.jpg")).unwrap(), good);
}

#[test]
fn outputs_of_earlier_settings_are_pruned_when_asked() {
    let job = Job::new("- write: {format: png}");
    archive(&job.input(), 2);
    job.call(&["run"]).expect(0);
    job.steps("- write: {format: qoi}");
    job.call(&["run"]).expect(0);
    assert!(job.output().join("images/1/1/img-001.png").exists());
    job.call(&["run", "--prune"]).expect(0);
    assert!(!job.output().join("images/1/1/img-001.png").exists());
    assert!(job.output().join("images/1/1/img-001.qoi").exists());
}

#[test]
fn one_bad_output_name_is_one_failure() {
    let job = Job::new("- write: {suffix: _restored}");
    archive(&job.input(), 3);
    save(&picture(8, 8, 3, Depth::U8, 1), &job.input().join(format!("{}.png", "n".repeat(249))));
    job.call(&["run"]).expect(10);
    assert_eq!(job.manifest().values().filter(|r| &r[2] == "done").count(), 3);
    assert_eq!(job.manifest().values().filter(|r| &r[3] == "output_name").count(), 1);
}
