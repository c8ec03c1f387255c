//! Training on several inputs with weights, and on patches that are varied.

use crate::support::{Job, archive};
use std::fs;

const KEYS: &str = "  network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\n  \
     corrupt: [gaussian_noise: {sigma: [5, 30]}]\n  patch: 16\n  batch: 8\n  steps: 6\n  epochs: 2\n  warmup: 2\n  \
     augment: {rescale: [1, 2], gamma: [0.8, 1.25], channels: true}\n";

/// A job over eight pictures and twelve made ones.
fn job() -> Job {
    let job = Job::new("- write");
    archive(&job.input(), 8);
    let list = format!(
        "[{{path: {}, weight: 3}}, {{synth: dead_leaves, count: 12, size: 48}}]",
        job.input().display()
    );
    job.trains(&list, KEYS, "{memory: 1GiB, threads: 2}");
    job
}

#[test]
fn several_inputs_are_told_trained_on_and_named_in_the_model() {
    let job = job();
    let planned = job.call(&["plan"]).expect(0).out;
    for part in ["in: 8 pictures, 75 % of the examples", "dead_leaves: 12 pictures, 25 % of the examples"] {
        assert!(planned.contains(part), "{part}\n{planned}");
    }
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    let model = job.model();
    let described = job.described();
    assert!(described.contains("inputs in (weight 3) and dead_leaves (weight 1)"), "{described}");
    assert!(job.call(&["run"]).expect(0).err.contains("nothing to do"));
    assert!(job.call(&["status"]).expect(0).out.contains("trained, see"));
    job.call(&["verify"]).expect(0);
    // Killed before every write in turn, until a run gets through.
    job.clear_output();
    for point in (1..).step_by(6) {
        if job.call_with_fault(&["run"], &format!("kill@{point}")).code.is_some() {
            break;
        }
    }
    assert!(job.model() == model, "kills or threads changed the model");
    // Another weight is another job.
    assert!(job.call(&["plan", "--set", "input.0.weight=2"]).expect(0).out.contains("start anew"));
    // In place of all of them, one.
    let one = format!("input={}", job.input().display());
    let planned = job.call(&["plan", "--set", &one]).expect(0).out;
    assert!(
        planned.contains("in: 8 pictures, 5 % held out") && !planned.contains("dead_leaves"),
        "{planned}"
    );
}

#[test]
fn nothing_is_written_into_any_of_the_inputs() {
    let job = job();
    let inside = format!("output={}/out", job.input().display());
    let told = job.call(&["run", "--set", &inside]).expect(78).err;
    assert!(told.contains("lies inside the input"), "{told}");
    // An input without a file is told by where it is.
    let empty = job.input().with_file_name("empty");
    fs::create_dir(&empty).unwrap();
    let set = format!("input.1={{path: {}}}", empty.display());
    let told = job.call(&["plan", "--set", &set]).expect(78).err;
    assert!(told.contains("no file below") && told.contains("empty"), "{told}");
}
