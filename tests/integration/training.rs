//! Training jobs from the command line.

use crate::support::{Job, archive, root};
use std::fs;
use std::process::Command;

/// A training job over a small archive.
fn job(keys: &str) -> Job {
    let job = Job::new("- write");
    archive(&job.input(), 4);
    job.trains(&format!("{{path: {}}}", job.input().display()), keys, "{memory: 2GiB, threads: 2}");
    job
}

const NOISE: &str = "  network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\n  \
                     corrupt: [gaussian_noise: {sigma: 20}]\n  patch: 16\n";

#[test]
fn check_and_plan_tell_of_the_network_and_touch_nothing() {
    let job = job(NOISE);
    let ended = job.call(&["check"]).expect(0);
    assert!(ended.out.contains("valid\n  network  residual: "), "{}", ended.out);
    let ended = job.call(&["plan"]).expect(0);
    for part in [
        "4 pictures, 5 % held out",
        "16 x 16 x 3 in, 16 x 16 x 3 out, bottleneck 4 x 4 x 8",
        "at most 40 epochs of 500 steps of 32 patches: 20,000 steps, 640,000 patches",
        "on 2 threads",
        "nothing to go on from",
        "model.onnx",
    ] {
        assert!(ended.out.contains(part), "{part}\n{}", ended.out);
    }
    assert!(!job.output().exists());
    let nothing = job.call(&["plan", "--set", "input.include=[\"*.xyz\"]"]).expect(78);
    assert!(nothing.err.contains("matches input.include"), "{}", nothing.err);
}

#[test]
fn commands_over_items_say_that_there_are_none() {
    let job = job(NOISE);
    assert!(job.call(&["retry"]).expect(2).err.contains("nothing has been run into"));
    assert!(job.call(&["verify"]).expect(2).err.contains("nothing has been run into"));
    assert!(job.call(&["ignore"]).expect(2).err.contains("no failed items"));
    assert!(job.call(&["status"]).expect(2).err.contains("nothing has been run into"));
    assert!(job.call(&["report"]).expect(2).err.contains("nothing has been run into"));
    assert!(!job.output().exists());
}

#[test]
fn a_model_of_somebody_else_is_not_replaced() {
    let job = job(NOISE);
    fs::create_dir(job.output()).unwrap();
    fs::write(job.output().join("model.onnx"), "theirs").unwrap();
    assert!(job.call(&["run"]).expect(78).err.contains("was not written by this job"));
    assert_eq!(fs::read(job.output().join("model.onnx")).unwrap(), b"theirs");
}

#[test]
fn pairs_that_were_written_are_understood() {
    for layout in ["imagefolder", "folders"] {
        let job = Job::new(&format!(
            "- corrupt: [gaussian_noise: {{sigma: 20}}]\n- pairs: {{layout: {layout}, validation: 0.4}}"
        ));
        archive(&job.input(), 12);
        job.call(&["run"]).expect(0);
        let text = format!(
            "version: 1\ninput: {{path: {0}/pairs}}\noutput: {0}-trained\ntrain:\n  network: residual\n  pairs: true\n  patch: 16\n",
            job.output().display()
        );
        fs::write(job.pipeline(), text).unwrap();
        let ended = job.call(&["plan"]).expect(0);
        let number = |word: &str| {
            let before = ended.out.split(word).next().unwrap();
            before.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
        };
        let (train, validation) = (number(" pairs to learn from"), number(" to validate"));
        assert!(train + validation == 12 && validation > 0, "{}", ended.out);
    }
}

#[test]
fn networks_are_listed() {
    let list = |name: &str| {
        let ended = Command::new(env!("CARGO_BIN_EXE_safelight")).args(["list", name]).output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned())
    };
    let (code, all) = list("networks");
    for network in safelight::train::networks::NETWORKS {
        assert!(code == Some(0) && all.contains(network.descriptor.example), "{all}");
    }
    assert!(list("dense").1.contains("widths") && list("train").1.contains("validation"));
    assert_eq!(list("densse").0, Some(2));
}

#[test]
fn shipped_training_jobs_are_valid() {
    let pipelines = [
        "train_denoise_leaves",
        "train_denoise_photos",
        "train_denoise",
        "train_deblock",
        "train_upscale",
        "train_upscale_x4",
        "train_features",
        "train_scenes",
        "ancestor_reduce",
    ];
    for pipeline in pipelines {
        let path = format!("pipelines/{pipeline}.yaml");
        let mut args = vec!["check", &path];
        if ["train_denoise_photos", "train_denoise", "train_deblock"].contains(&pipeline) {
            // In place of what the trainings before make in an hour.
            args.extend(["--set", "train.start=sample_data/models/denoise.onnx"]);
        }
        let ended = Command::new(env!("CARGO_BIN_EXE_safelight"))
            .args(&args)
            .current_dir(root())
            .env("PHOTOS", "sample_data/archive")
            .output()
            .unwrap();
        assert!(ended.status.success(), "{pipeline}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}
