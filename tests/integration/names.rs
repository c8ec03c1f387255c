//! Names of outputs: what can't be is one item's failure, and no input takes another's place.

use crate::support::{Job, picture, save, shared, tree};
use safelight::image::Depth;
use std::fs;
use std::path::Path;

fn photo(path: &Path, seed: u32) {
    save(&picture(20, 20, 3, Depth::U8, seed), path);
}

/// Status and kind of error.
fn standing(job: &Job, name: &str) -> (String, String) {
    let row = &job.manifest()[name];
    (row[2].to_string(), row[3].to_string())
}

fn done() -> (String, String) {
    ("done".into(), String::new())
}

fn collides() -> (String, String) {
    ("failed".into(), "collision".into())
}

#[test]
fn of_two_inputs_with_one_output_name_the_first_has_it_and_keeps_it() {
    let job = Job::new("- write: {format: png}\n- table");
    photo(&job.input().join("b.png"), 1);
    photo(&job.input().join("c/d.bmp"), 2);
    photo(&job.input().join("b.jpg"), 3);
    for command in ["check", "plan"] {
        let ended = job.call(&[command]).expect(0);
        assert!(
            ended.out.contains("1 output names belong to other inputs") && ended.out.contains("format: same"),
            "{}",
            ended.out
        );
    }
    for code in [10, 12, 12] {
        job.call(&["run"]).expect(code);
        assert_eq!((standing(&job, "b.jpg"), standing(&job, "b.png")), (done(), collides()));
        assert!(job.manifest()["b.png"][4].contains("b.jpg, which has it"), "{:?}", job.manifest()["b.png"]);
        assert_eq!(standing(&job, "c/d.bmp"), done());
    }
    let first = tree(&job.output().join("images"));
    assert_eq!(first.len(), 2);
    // One that comes later takes nothing over, though its name stands before.
    photo(&job.input().join("b.bmp"), 4);
    job.call(&["run"]).expect(10);
    assert_eq!((standing(&job, "b.jpg"), standing(&job, "b.bmp")), (done(), collides()));
    assert!(tree(&job.output().join("images")) == first);
    // Also where what has it is to be made again, and fails.
    fs::write(job.input().join("b.jpg"), b"no picture").unwrap();
    job.call(&["run", "--prune"]).expect(10);
    assert_eq!(standing(&job, "b.bmp"), collides());
    assert!(tree(&job.output().join("images")) == first);
    // Once it has gone, its output is all that is left of it, until that is pruned; then the next one has the name.
    fs::remove_file(job.input().join("b.jpg")).unwrap();
    job.call(&["run"]);
    assert_eq!((standing(&job, "b.bmp"), standing(&job, "b.png")), (collides(), collides()));
    assert!(job.manifest()["b.bmp"][4].contains("no input any more"), "{:?}", job.manifest()["b.bmp"]);
    assert!(tree(&job.output().join("images")) == first);
    job.call(&["run", "--prune"]);
    assert_eq!((standing(&job, "b.bmp"), standing(&job, "b.png")), (done(), collides()));
    assert!(tree(&job.output().join("images")) != first);
    job.call(&["verify"]).expect(0);
}

#[test]
fn names_of_many_samples_collide_likewise() {
    let steps = "- patches: {size: 10}\n- write: {folder: images, format: png}";
    let job = Job::new(steps);
    photo(&job.input().join("b.png"), 1);
    job.call(&["run"]).expect(0);
    let first = tree(&job.output().join("images"));
    photo(&job.input().join("b.bmp"), 2);
    job.call(&["run"]).expect(10);
    assert_eq!((standing(&job, "b.png"), standing(&job, "b.bmp")), (done(), collides()));
    assert!(tree(&job.output().join("images")) == first);
    job.clear_output();
    job.call(&["run"]).expect(10);
    assert_eq!((standing(&job, "b.png"), standing(&job, "b.bmp")), (collides(), done()));
}

#[test]
fn a_file_where_others_need_a_folder_is_its_own_failure() {
    let job = Job::new("- write: {format: png}");
    photo(&job.input().join("a.jpg"), 1);
    photo(&job.input().join("a.png/b.jpg"), 2);
    photo(&job.input().join("a.png/c/d.jpg"), 3);
    job.call(&["run"]).expect(10);
    assert_eq!(standing(&job, "a.jpg"), collides());
    assert_eq!((standing(&job, "a.png/b.jpg"), standing(&job, "a.png/c/d.jpg")), (done(), done()));
    // The other way round: the file was there first.
    let job = Job::new("- write: {format: png}");
    photo(&job.input().join("a.jpg"), 1);
    job.call(&["run"]).expect(0);
    photo(&job.input().join("a.png/b.jpg"), 2);
    photo(&job.input().join("z.jpg"), 2);
    job.call(&["run"]).expect(10);
    assert_eq!((standing(&job, "a.jpg"), standing(&job, "a.png/b.jpg")), (done(), collides()));
    assert_eq!(standing(&job, "z.jpg"), done());
}

#[test]
fn what_a_list_names_and_is_gone_holds_no_name() {
    let job = Job::new("- write: {format: png}");
    photo(&job.input().join("a.jpg"), 1);
    let list = job.dir.path().join("list.csv");
    fs::write(&list, "path\nin/a.bmp\nin/a.jpg\n").unwrap();
    job.call(&["run", "--set", &format!("input.path={}", list.display())]).expect(10);
    assert_eq!(standing(&job, "in/a.jpg"), done());
}

#[test]
fn settings_without_the_collision_make_all() {
    let job = Job::new("- write: {format: png}");
    photo(&job.input().join("a.jpg"), 1);
    photo(&job.input().join("a.tif"), 2);
    job.call(&["run"]).expect(10);
    job.steps("- write: {format: same}");
    job.call(&["run", "--prune"]).expect(0);
    assert_eq!(tree(&job.output().join("images")).len(), 2);
    job.steps("- write: {format: png}");
    job.call(&["run", "--prune"]).expect(10);
    assert_eq!(standing(&job, "a.tif"), collides());
}

#[test]
fn the_case_of_a_long_name() {
    let job = Job::new("- write: {suffix: _restored}");
    match shared("data/cases/long-name-stops-run") {
        Some(case) => {
            tree(&case).iter().for_each(|(path, bytes)| fs::write(job.input().join(path), bytes).unwrap());
        }
        None => {
            let long = format!("Scan 1954 {}.jpg", "Großmutter ".repeat(19).trim_end());
            for name in [long.as_str(), "a.jpg", "b.jpg"] {
                save(&picture(20, 16, 3, Depth::U8, 1), &job.input().join(name));
            }
        }
    }
    for code in [10, 12] {
        job.call(&["run"]).expect(code);
        let manifest = job.manifest();
        let failed: Vec<_> = manifest.values().filter(|row| &row[2] == "failed").collect();
        assert_eq!((failed.len(), &failed[0][3]), (1, "output_name"));
        assert_eq!(manifest.values().filter(|row| &row[2] == "done").count(), manifest.len() - 1);
    }
}

#[test]
fn names_that_are_too_long_are_told_before_the_run() {
    let job = Job::new("- write: {folder: images, format: png}");
    save(&picture(8, 8, 1, Depth::U8, 1), &job.input().join(format!("{}.bmp", "a".repeat(251))));
    save(&picture(8, 8, 1, Depth::U8, 1), &job.input().join(format!("{}.tif", "b".repeat(246))));
    save(&picture(8, 8, 1, Depth::U8, 1), &job.input().join(format!("{}.ff", "c".repeat(252))));
    let planned = |wanted: &[&str]| {
        let told = job.call(&["plan"]).expect(0).out;
        let says = format!("{} outputs can't be put in their places", wanted.len());
        assert!(wanted.is_empty() != told.contains(&says), "{told}");
        wanted.iter().for_each(|name| assert!(told.contains(name), "{told}"));
        let ended = job.call(&["run"]);
        let failed: Vec<_> = job.manifest().into_values().filter(|row| &row[2] == "failed").collect();
        assert_eq!(failed.len(), wanted.len(), "{}", ended.out);
        assert!(failed.iter().all(|row| &row[3] == "output_name"), "{failed:?}");
    };
    planned(&["ccc"]);
    // What patches add to a name makes none shorter.
    fs::remove_file(job.input().join(format!("{}.bmp", "a".repeat(251)))).unwrap();
    job.steps("- patches: {size: 4}\n- write: {folder: patches, format: png}");
    planned(&["ccc"]);
}
