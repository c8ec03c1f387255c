//! Jobs over images that are made rather than read.

use crate::support::{Job, differences, tree};
use safelight::codec::{Format, Limits, decode};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// A job over synthetic images, with an empty folder beside it where originals would be.
fn job(input: &str, steps: &str) -> Job {
    let job = Job::new(steps);
    let text = fs::read_to_string(job.pipeline()).unwrap();
    let path = format!("{{path: {}}}", job.input().display());
    assert!(text.contains(&path));
    fs::write(job.pipeline(), text.replace(&path, input)).unwrap();
    job
}

const INPUT: &str = "{synth: dead_leaves, count: 6, size: 48}";

fn times(folder: &Path) -> Vec<SystemTime> {
    tree(folder).keys().map(|p| fs::metadata(folder.join(p)).unwrap().modified().unwrap()).collect()
}

#[test]
fn the_same_images_at_any_thread_count_and_nothing_to_do_again() {
    let job = job(INPUT, "- write");
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    let wanted = tree(&job.output());
    let images = tree(&job.output().join("images"));
    assert_eq!(images.len(), 6);
    for n in 0..6 {
        let path = format!("dead_leaves/{n:06}.png");
        let limits = Limits { max_pixels: 1 << 20, max_bytes: 1 << 30, strict: false };
        let found = decode(&images[Path::new(&path)], Path::new(&path), &limits).unwrap();
        let source = &found.source;
        assert_eq!((source.format, source.width, source.height), (Format::Png, 48, 48));
        assert_eq!((source.channels, source.bit_depth), (3, 8));
    }
    let before = times(&job.output().join("images"));
    let ended = job.call(&["plan"]).expect(0);
    assert!(ended.out.contains("dead_leaves (made, 48 x 48 pixels each): 6 images"), "{}", ended.out);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
    job.call(&["run"]).expect(0);
    assert_eq!(times(&job.output().join("images")), before);
    job.call(&["verify"]).expect(0);
    job.call(&["status"]).expect(0);
    job.call(&["retry"]).expect(0);
    job.call(&["report"]).expect(0);
    assert!(job.output().join("report/before-after.png").is_file());
    job.clear_output();
    job.call(&["run", "--set", "limits.threads=2"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    assert!(tree(&job.input()).is_empty());
}

#[test]
fn only_what_differs_is_made_again() {
    let job = job(INPUT, "- write");
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output().join("images"));
    let todo = |settings: &[&str]| {
        let sets = settings.iter().flat_map(|s| ["--set", s]);
        let arguments: Vec<&str> = ["plan"].into_iter().chain(sets).collect();
        let out = job.call(&arguments).expect(0).out;
        out.lines().filter(|l| l.trim_start().starts_with(char::is_numeric)).collect::<String>()
    };
    assert!(todo(&["input.count=8"]).contains("2  new"), "{}", todo(&["input.count=8"]));
    for other in ["seed=1", "input.size=49", "input.marks=1"] {
        assert!(todo(&[other]).contains("6  input changed"), "{other}: {}", todo(&[other]));
    }
    // More of them leave the first as they are; fewer are like files that went away.
    job.call(&["run", "--set", "input.count=8"]).expect(0);
    let more = tree(&job.output().join("images"));
    assert!(more.len() == 8 && wanted.iter().all(|(path, bytes)| more.get(path) == Some(bytes)));
    job.call(&["run", "--prune"]).expect(0);
    assert!(differences(&tree(&job.output().join("images")), &wanted).is_empty());
    // A lost one comes back the same, another seed gives others, and the first seed the first again.
    fs::remove_file(job.output().join("images/dead_leaves/000003.png")).unwrap();
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output().join("images")), &wanted).is_empty());
    job.call(&["run", "--set", "seed=1"]).expect(0);
    assert_eq!(differences(&tree(&job.output().join("images")), &wanted).len(), 6);
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output().join("images")), &wanted).is_empty());
}

#[test]
fn a_killed_run_goes_on() {
    let job = job(INPUT, "- write\n- measure: [sharpness]\n- table");
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    for point in 1..5 {
        job.clear_output();
        assert_eq!(job.call_with_fault(&["run"], &format!("kill@{point}")).code, None);
        job.call(&["run"]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "kill@{point}");
    }
}

#[test]
fn every_kind_of_step_works_on_them() {
    let job = job(
        INPUT,
        "- patches: {size: 24, mode: random, max: 2}\n- corrupt: [gaussian_noise: {sigma: 20}]\n\
         - measure: [psnr]\n- embed: {model: sample_data/models/embed.onnx}\n- pairs: {validation: 0.5}\n- table",
    );
    job.call(&["run"]).expect(0);
    let pairs = tree(&job.output().join("pairs"));
    assert!(pairs.keys().filter(|p| p.extension().is_some_and(|e| e == "png")).count() >= 12);
    assert!(tree(&job.output().join("table")).len() == 1);
    assert!(job.manifest().values().all(|row| &row[2] == "done" && row[7].is_empty()));
    // Images beyond a limit fail as files do.
    job.clear_output();
    job.call(&["run", "--set", "limits.pixels=1000"]).expect(10);
    assert!(job.manifest().values().all(|row| &row[3] == "too_large"));
}

#[test]
fn mistakes_are_told_at_once_with_their_lines() {
    let job = job(
        "\n  synth: dead_leafs\n  path: photos\n  include: ['*.png']\n  size: 5000\n  sise: 3",
        "- write",
    );
    let ended = job.call(&["check"]).expect(78);
    for part in [
        "job.yaml:4",
        "did you mean `dead_leaves`?",
        "job.yaml:5",
        "`path` is about files",
        "job.yaml:6",
        "`include` is about files",
        "job.yaml:7",
        "from 16 to 4096",
        "job.yaml:8",
        "unknown key `sise`",
        "needs `count`",
    ] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    assert!(ended.err.contains("6 mistakes"), "{}", ended.err);
}
