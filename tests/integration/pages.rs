//! Files of several pictures: `input.pages`.

use crate::support::{Job, picture, save};
use safelight::codec::{Limits, decode};
use safelight::image::Depth;
use std::fs;
use std::path::Path;

const LIMITS: Limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 28, strict: false };
const ALL: [&str; 3] = ["run", "--set", "input.pages=all"];

fn job(steps: &str) -> Job {
    let job = Job::new(steps);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in ["disposals.gif", "blends.png", "canvas.webp"] {
        fs::copy(data.join(name), job.input().join(name)).unwrap();
    }
    save(&picture(20, 12, 3, Depth::U8, 1), &job.input().join("still.png"));
    job
}

fn names(job: &Job) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(job.output().join("images"))
        .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// Rows of the table after another run, which has nothing to do.
fn rows(job: &Job) -> usize {
    let told = job.call(&ALL).expect(0).out;
    let before = told.split(" rows").next().unwrap();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[test]
fn animations_are_refused_unless_something_is_said_of_them() {
    let job = job("- write\n- table");
    job.call(&["run"]).expect(10);
    assert_eq!(names(&job), ["still.png"]);
    let manifest = fs::read_to_string(job.output().join(crate::support::MANIFEST)).unwrap();
    assert!(manifest.contains("an animation of 6 frames: with `input.pages: first`"), "{manifest}");
    let first = ["run", "--set", "input.pages=first"];
    let told = job.call(&first).expect(0).out;
    assert_eq!(names(&job), ["blends.png", "canvas.webp", "disposals.gif", "still.png"]);
    assert!(told.contains("lost frames"), "{told}");
    // What could be made before stands.
    assert!(told.contains("3 done, 1 skipped"), "{told}");
    job.call(&["run"]).expect(10);
    job.call(&["run"]).expect(12);
}

#[test]
fn each_frame_becomes_a_file_and_a_row() {
    let job = job("- measure: [mean]\n- write\n- table");
    let told = job.call(&ALL).expect(0).out;
    assert!(!told.contains("lost frames"), "{told}");
    let mut expected: Vec<String> = vec!["still.png".into()];
    for (name, extension, count) in [("blends", "png", 5), ("canvas", "webp", 4), ("disposals", "gif", 6)] {
        expected.extend((1..=count).map(|n| format!("{name}_p{n:04}.{extension}")));
    }
    expected.sort();
    assert_eq!(names(&job), expected);
    // Frames are distinct pictures of the animation's size.
    let read = |name: &str| {
        let bytes = fs::read(job.output().join("images").join(name)).unwrap();
        decode(&bytes, Path::new(name), &LIMITS).unwrap().image
    };
    let (one, two) = (read("blends_p0001.png"), read("blends_p0002.png"));
    assert!((one.width(), one.height()) == (14, 11) && one.samples() != two.samples());
    assert_eq!(rows(&job), 5 + 4 + 6 + 1);
}

#[test]
fn pages_that_are_gone_take_their_outputs_with_them() {
    let job = job("- write\n- table");
    job.call(&ALL).expect(0);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::copy(data.join("apart.png"), job.input().join("blends.png")).unwrap();
    job.call(&[&ALL[..], &["--prune"]].concat()).expect(0);
    let left = names(&job);
    let of = |stem: &str| left.iter().filter(|name| name.starts_with(stem)).count();
    assert_eq!((of("blends"), of("canvas")), (3, 4), "{left:?}");
    fs::remove_file(job.input().join("canvas.webp")).unwrap();
    job.call(&["run", "--prune", "--set", "input.pages=all", "--set", "limits.max_vanished=100%"]).expect(0);
    assert_eq!(names(&job).iter().filter(|name| name.starts_with("canvas")).count(), 0);
    assert_eq!(rows(&job), 3 + 6 + 1);
}

#[test]
fn patches_and_pairs_of_pages_have_names_and_rows_of_their_own() {
    let job = job("- measure: [mean]\n- patches: 5\n- measure: [sharpness]\n- write\n- table");
    job.call(&ALL).expect(0);
    let names = names(&job);
    // 14 x 11 pixels hold four, 20 x 12 eight.
    assert_eq!(names.len(), (5 + 4 + 6) * 4 + 8);
    assert!(names.contains(&"blends_p0002_0003.png".into()) && names.contains(&"still_0007.png".into()));
    assert_eq!(rows(&job), names.len());
    // A step before the patches is made anew without them.
    job.steps("- measure: [mean, sharpness]\n- patches: 5\n- write\n- table");
    job.call(&ALL).expect(0);
    assert_eq!(rows(&job), names.len());
    job.steps("- corrupt: [gaussian_noise: {sigma: 20}]\n- pairs");
    job.call(&ALL).expect(0);
    let list = fs::read_to_string(job.output().join("pairs/train/metadata.csv")).unwrap();
    assert!(list.lines().next().unwrap().contains("page,page_width,page_height"), "{list}");
}

#[test]
fn a_page_and_a_file_of_its_name_collide() {
    let job = job("- write");
    fs::copy(job.input().join("still.png"), job.input().join("blends_p0006.png")).unwrap();
    job.call(&ALL).expect(0);
    fs::copy(job.input().join("still.png"), job.input().join("blends_p0002.png")).unwrap();
    let told = job.call(&ALL);
    assert!(told.code != Some(0) && told.err.contains("blends_p0002.png"), "{}", told.err);
}
