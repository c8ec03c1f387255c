//! Training jobs whose settings, files or surroundings change between runs.

use crate::support::{Job, archive, differences, picture, save, tree};
use safelight::image::Depth;
use std::fs;
use std::path::{Path, PathBuf};

const KEYS: &str = "  network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\n  \
     corrupt: [gaussian_noise: {sigma: [5, 30]}]\n  patch: 16\n  batch: 8\n  steps: 6\n  epochs: 3\n  warmup: 2\n";

/// A job over a folder of eight pictures.
fn job(keys: &str) -> Job {
    let job = Job::new("- write");
    archive(&job.input(), 8);
    job.trains(&format!("{{path: {}}}", job.input().display()), keys, "{memory: 1GiB, threads: 2}");
    job
}

#[test]
fn going_back_to_former_settings_trains_nothing_anew() {
    let job = job(KEYS);
    job.call(&["run"]).expect(0);
    let first = tree(&job.output());
    let other = ["--set", "train.rate=0.002", "--set", "train.epochs=2"];
    let told = |command: &str| job.call(&[&[command][..], &other].concat()).expect(0).out;
    assert!(told("plan").contains("settings have changed since the last run: training would start anew"));
    assert!(told("status").contains("start anew"));
    let ended = job.call(&[&["run"][..], &other].concat()).expect(0);
    assert!(ended.err.contains("settings have changed"), "{}", ended.err);
    // No sheet of the longer job is left between the shorter one's.
    let names: Vec<PathBuf> = tree(&job.output().join("progress")).into_keys().collect();
    assert!(
        !names.contains(&"epoch_0003.png".into()) && names.contains(&"epoch_0002.png".into()),
        "{names:?}"
    );
    assert_ne!(job.model(), first[Path::new("model.onnx")]);
    // The model there is not the first job's; training is.
    assert!(job.call(&["plan"]).expect(0).out.contains("would be written anew"));
    let ended = job.call(&["run"]).expect(0);
    assert!(!ended.err.contains("anew") && !ended.err.contains("epoch 1/"), "{}", ended.err);
    assert_eq!(job.model(), first[Path::new("model.onnx")]);
    assert!(job.call(&["run"]).expect(0).err.contains("nothing to do"));
    for rate in ["0.003", "0.004", "0.005"] {
        let set = format!("train.rate={rate}");
        job.call(&["run", "--set", &set, "--set", "train.epochs=1"]).expect(0);
    }
    assert_eq!(job.checkpoints().len(), 3);
}

#[test]
fn a_changed_archive_starts_anew_and_says_so() {
    let job = job(KEYS);
    job.call(&["run"]).expect(0);
    save(&picture(40, 40, 3, Depth::U8, 77), &job.input().join("new.png"));
    let planned = job.call(&["plan"]).expect(0).out;
    assert!(planned.contains("what is learned from has changed"), "{planned}");
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains("what is learned from has changed") && ended.err.contains("epoch 1/3"));
    assert!(job.call(&["run"]).expect(0).err.contains("nothing to do"));
}

/// Other pictures would be held out.
#[test]
fn a_picture_that_became_unreadable_stops_what_goes_on() {
    let job = job(KEYS);
    job.call(&["run"]).expect(0);
    fs::remove_file(job.output().join("model.onnx")).unwrap();
    let victim = job.input().join("0/0/img-000.png");
    let (bytes, time) = (fs::read(&victim).unwrap(), fs::metadata(&victim).unwrap().modified().unwrap());
    let put = |bytes: &[u8]| {
        fs::write(&victim, bytes).unwrap();
        fs::File::options().write(true).open(&victim).unwrap().set_modified(time).unwrap();
    };
    put(&vec![0; bytes.len()]);
    let ended = job.call(&["run"]).expect(78);
    let name = victim.file_name().unwrap().to_string_lossy();
    assert!(
        ended.err.contains("other inputs can be used now") && ended.err.contains(&*name),
        "{}",
        ended.err
    );
    assert!(ended.err.contains(".safelight/checkpoint-"), "{}", ended.err);
    assert!(!job.output().join("model.onnx").exists());
    put(&bytes);
    job.call(&["run"]).expect(0);
    assert!(job.output().join("model.onnx").exists());
}

/// Large pictures wait for memory; none is left out because others are read beside it.
#[test]
fn threads_do_not_decide_which_pictures_are_learned_from() {
    let job = job(KEYS);
    for n in 0..4 {
        save(&picture(1100, 1000, 3, Depth::U8, 50 + n), &job.input().join(format!("large{n}.png")));
    }
    let run = |threads: &str| {
        job.clear_output();
        let threads = format!("limits.threads={threads}");
        let ended = job.call(&["run", "--set", &threads, "--set", "limits.memory=150MiB"]).expect(0);
        assert!(!ended.err.contains("left out"), "{}", ended.err);
        job.model()
    };
    assert!(run("1") == run("12"));
    // What is kept has to fit as well.
    job.clear_output();
    let ended = job.call(&["run", "--set", "limits.memory=106MiB", "--set", "limits.threads=1"]).expect(78);
    assert!(ended.err.contains("`train.keep`"), "{}", ended.err);
    let small = ["--set", "train.keep=4MiB", "--set", "limits.threads=1", "--set", "limits.memory=150MiB"];
    job.call(&[&["run"][..], &small].concat()).expect(0);
}

#[test]
fn files_of_others_are_not_replaced() {
    let job = job(KEYS);
    let progress = job.output().join("progress");
    fs::create_dir_all(&progress).unwrap();
    fs::write(progress.join("loss.svg"), "mine").unwrap();
    let ended = job.call(&["run"]).expect(78);
    assert!(ended.err.contains("progress exists and was not written by this job"), "{}", ended.err);
    assert_eq!(fs::read(progress.join("loss.svg")).unwrap(), b"mine");
    fs::remove_dir_all(&progress).unwrap();
    job.call(&["run"]).expect(0);
    fs::write(job.output().join("mine.onnx"), "mine").unwrap();
    let before = tree(&job.output());
    let ended = job.call(&["run", "--set", "train.model=mine.onnx"]).expect(78);
    assert!(ended.err.contains("mine.onnx exists and was not written by this job"), "{}", ended.err);
    assert!(differences(&tree(&job.output()), &before).is_empty());
}

#[test]
fn other_test_pictures_give_other_figures_without_training() {
    let job = job(KEYS);
    let test = job.output().parent().unwrap().join("test");
    archive(&test, 2);
    let set = format!("train.test={}", test.display());
    job.call(&["run", "--set", &set]).expect(0);
    let before = job.model();
    assert!(job.call(&["run", "--set", &set]).expect(0).err.contains("nothing to do"));
    save(&picture(64, 48, 3, Depth::U8, 99), &test.join("new.png"));
    let ended = job.call(&["run", "--set", &set]).expect(0);
    assert!(!ended.err.contains("epoch 1/") && !ended.err.contains("nothing to do"), "{}", ended.err);
    assert_ne!(job.model(), before, "the scores in its metadata");
}
