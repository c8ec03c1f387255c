//! Training jobs run to their end, interrupted, and gone wrong; and their models at work.

use crate::support::{Job, archive, differences, tree};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

const SYNTH: &str = "{synth: dead_leaves, count: 12, size: 48}";
const DENOISER: &str = "  network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\n  \
     corrupt: [gaussian_noise: {sigma: [5, 30]}]\n  patch: 16\n  batch: 8\n  steps: 12\n  epochs: 4\n  warmup: 4\n";

/// A training job with this input and these keys.
fn job(input: &str, keys: &str) -> Job {
    let job = Job::new("- write");
    job.trains(input, keys, "{memory: 2GiB, threads: 2}");
    job
}

/// Uses the model of `trained` in a job of its own over four pictures.
fn apply(trained: &Job, step: &str) -> Job {
    let path = trained.output().join("model.onnx");
    let job = Job::new(&step.replace("MODEL", &path.display().to_string()));
    archive(&job.input(), 4);
    job.call(&["run"]).expect(0);
    job
}

#[test]
fn a_denoiser_is_trained_written_and_restores() {
    let job = job(SYNTH, DENOISER);
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains("psnr") || ended.out.contains("psnr"), "{}{}", ended.out, ended.err);
    let progress = tree(&job.output().join("progress"));
    for name in ["loss.svg", "history.csv", "epoch_0001.png", "epoch_0004.png"] {
        assert!(progress.contains_key(Path::new(name)), "{name}");
    }
    assert_eq!(
        progress[Path::new("history.csv")].split(|b| *b == b'\n').filter(|l| !l.is_empty()).count(),
        5
    );
    let described = job.described();
    for fact in
        ["task: restore", "colour: rgb", "size_multiple: 4", "recipe: ", "scores: psnr", "any multiple of 4"]
    {
        assert!(described.contains(fact), "{fact}\n{described}");
    }
    let restored = apply(&job, "- restore: {model: MODEL}\n- write");
    assert_eq!(tree(&restored.output().join("images")).len(), 4);
    // Done is done.
    let before = tree(&job.output());
    assert!(job.call(&["run"]).expect(0).err.contains("nothing to do"));
    assert!(differences(&tree(&job.output()), &before).is_empty());
    assert!(job.call(&["status"]).expect(0).out.contains("trained, see"));
    assert!(job.call(&["plan"]).expect(0).out.contains("nothing to do"));
    // Facts beside the weights are written anew without training.
    let ended = job.call(&["run", "--set", "train.licence=CC0-1.0"]).expect(0);
    assert!(!ended.err.contains("epoch 1/") && job.model() != before[Path::new("model.onnx")]);
    job.call(&["run"]).expect(0);
    assert!(job.model() == before[Path::new("model.onnx")]);
    // Other settings start anew, and a lost model is written again from the checkpoint.
    fs::remove_file(job.output().join("model.onnx")).unwrap();
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output()), &before).is_empty());
    let ended = job.call(&["run", "--set", "seed=1"]).expect(0);
    assert!(ended.err.contains("settings have changed"), "{}", ended.err);
    assert_ne!(job.model(), before[Path::new("model.onnx")]);
}

#[test]
fn what_training_wrote_is_verified_and_tried_again() {
    let job = job(SYNTH, DENOISER);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    // The model, the curve, the history and a sheet for each epoch.
    let count = wanted.len();
    assert!(job.call(&["verify"]).expect(0).out.contains(&format!("{count} files verified")), "{count}");
    assert!(job.call(&["retry"]).expect(0).err.contains("nothing to do"));
    let model = job.output().join("model.onnx");
    fs::write(&model, "theirs").unwrap();
    fs::remove_file(job.output().join("progress/loss.svg")).unwrap();
    let told = job.call(&["verify"]).expect(1).err;
    for part in ["model.onnx: changed since written", "progress/loss.svg: missing", "2 of"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    // As the checkpoint has it.
    job.call(&["retry"]).expect(0);
    assert_eq!(job.model(), wanted[Path::new("model.onnx")]);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
    job.call(&["verify"]).expect(0);
    fs::remove_dir_all(job.output().join("progress")).unwrap();
    assert!(job.call(&["report"]).expect(2).err.contains("`run` writes what belongs there"));
    job.call(&["run"]).expect(0);
    job.call(&["verify"]).expect(0);
    assert!(job.output().join("progress/loss.svg").exists());
    // Killed between a file's name and its record: what it announced is as good.
    let job = self::job(SYNTH, DENOISER);
    for point in [7, 12, 19, 25] {
        job.clear_output();
        let ended = job.call_with_fault(&["run"], &format!("kill@{point}"));
        assert_eq!(ended.code, None, "{point}");
        job.call(&["verify"]).expect(0);
        job.call(&["run"]).expect(0);
        job.call(&["verify"]).expect(0);
    }
}

#[test]
fn threads_and_kills_change_no_byte_of_the_model() {
    let job = job(SYNTH, DENOISER);
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    let wanted = job.model();
    job.clear_output();
    job.call(&["run", "--set", "limits.threads=3"]).expect(0);
    assert!(job.model() == wanted, "threads changed the model");
    // Killed before every write in turn, until a run gets through.
    let mut kills = 0;
    job.clear_output();
    for point in (1..).step_by(5) {
        if job.call_with_fault(&["run"], &format!("kill@{point}")).code.is_some() {
            break;
        }
        kills += 1;
        assert!(!job.output().join("model.onnx").exists() || job.model() == wanted, "kill@{point}");
    }
    assert!(kills > 3, "{kills}");
    assert!(job.model() == wanted, "kills changed the model");
    // And by the system, in the middle of an epoch.
    job.clear_output();
    let mut child = job.start_told(&["run", "--progress", "lines", "--set", "train.epochs=5"]);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("epoch 2/5")), "no second epoch");
    child.kill().unwrap();
    child.wait().unwrap();
    let ended = job.call(&["run", "--set", "train.epochs=5"]).expect(0);
    assert!(ended.err.contains("going on from epoch"), "{}", ended.err);
    let killed = job.model();
    job.clear_output();
    job.call(&["run", "--set", "train.epochs=5"]).expect(0);
    assert!(job.model() == killed, "the kill changed the model");
}

#[test]
fn an_interrupt_saves_and_the_next_run_goes_on() {
    let job = job(SYNTH, DENOISER);
    let sets = ["--set", "train.steps=2000", "--progress", "lines"];
    let mut child = job.start_told(&[&["run"][..], &sets[..]].concat());
    let lines = BufReader::new(child.stderr.take().unwrap());
    // Training has started when the network is told.
    let mut lines = lines.lines();
    assert!(lines.any(|line| line.unwrap().contains("parameters")));
    use rustix::process::Signal;
    let signal = if crate::support::ignores_hangups() { Signal::INT } else { Signal::HUP };
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(20));
    let planned = job.call(&["plan", "--set", "train.steps=2000"]).expect(0);
    assert!(planned.out.contains("resume   from epoch 1, step "), "{}", planned.out);
    // From the middle of an epoch to the same model as without the interruption.
    let once = ["run", "--set", "train.steps=2000", "--set", "train.epochs=1"];
    let mut child = job.start_told(&[&once[..], &["--progress", "lines"]].concat());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("parameters")));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(20));
    let ended = job.call(&once).expect(0);
    assert!(ended.err.contains("going on from epoch 1, step"), "{}", ended.err);
    let resumed = job.model();
    job.clear_output();
    job.call(&once).expect(0);
    assert!(job.model() == resumed, "the interruption changed the model");
}

#[test]
fn a_loss_that_leaves_the_numbers_stops() {
    let job = job(
        SYNTH,
        &DENOISER
            .replace("depth: 1", "depth: 16")
            .replace("warmup: 4", "warmup: 400\n  rate: 1.0\n  clip: 0"),
    );
    let ended = job.call(&["run", "--set", "train.epochs=40"]).expect(14);
    assert!(ended.err.contains("the loss became") && ended.err.contains("Lower `rate`"), "{}", ended.err);
    assert!(!job.checkpoints().is_empty());
    // What was good is written, and nothing else.
    let written = ended.err.contains("the best model so far is written");
    assert_eq!(job.output().join("model.onnx").exists(), written, "{}", ended.err);
    assert!(ended.err.contains("epoch 1/40"), "{}", ended.err);
}

#[test]
fn weights_in_half_precision_are_those_of_the_file_alone() {
    let (first, fresh) = (job(SYNTH, DENOISER), job(SYNTH, DENOISER));
    first.call(&["run", "--set", "train.half=true"]).expect(0);
    let half = first.model();
    // Nothing is left to learn; the file is written anew from what was learned.
    let again = first.call(&["run"]).expect(0);
    assert!(!again.err.contains("epoch 1/"), "{}", again.err);
    fresh.call(&["run"]).expect(0);
    assert!(first.model() == fresh.model() && half != fresh.model());
}

#[test]
fn a_diverged_training_says_so_and_replaces_no_model() {
    let job = job(SYNTH, DENOISER);
    let wild = ["run", "--set", "train.rate=0.5", "--set", "train.clip=0"];
    // Where nothing stands, nothing is written.
    let ended = job.call(&wild).expect(14);
    assert!(
        ["training diverged: ", "training made it worse: "].iter().any(|what| ended.err.contains(what))
            && ended.err.contains("no model is written"),
        "{}",
        ended.err
    );
    let warned = job.call(&["check", "--set", "train.rate=0.5"]).expect(0);
    assert!(warned.err.contains("a learning rate of 0.5 is so high"), "{}", warned.err);
    assert!(!job.output().join("model.onnx").exists());
    job.call(&["run"]).expect(0);
    let good = job.model();
    for _ in 0..2 {
        let ended = job.call(&wild).expect(14);
        assert!(ended.err.contains("the model that is there is kept as it was"), "{}", ended.err);
        assert!(job.model() == good);
    }
    // It is over, and is not trained anew to say so again.
    assert!(!job.call(&wild).expect(14).err.contains("epoch 1/"));
    assert!(job.call(&["run"]).expect(0).err.contains("nothing to do"));
}

#[test]
fn broken_and_small_pictures_are_left_out_and_told() {
    let job = Job::new("- write");
    archive(&job.input(), 6);
    fs::write(job.input().join("broken.png"), b"no picture").unwrap();
    crate::support::save(
        &crate::support::picture(9, 30, 3, safelight::image::Depth::U8, 1),
        &job.input().join("small.png"),
    );
    let text = format!(
        "version: 1\nname: test\ninput: {{path: {}}}\noutput: {}\ntrain:\n{DENOISER}",
        job.input().display(),
        job.output().display()
    );
    fs::write(job.pipeline(), text).unwrap();
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains("1 of 8 are smaller than 16 pixels"), "{}", ended.err);
    assert!(ended.err.contains("1 of 8 can't be read") && ended.err.contains("broken.png"), "{}", ended.err);
}

#[test]
fn upscalers_and_embedders_are_trained_and_used() {
    let upscaler = job(
        SYNTH,
        &DENOISER
            .replace("bottom: 1", "bottom: 1, scale: 2")
            .replace("gaussian_noise: {sigma: [5, 30]}", "downscale"),
    );
    let ended = upscaler.call(&["run"]).expect(0);
    assert!(ended.out.contains("bicubic") || ended.err.contains("bicubic"));
    let applied = apply(&upscaler, "- restore: {model: MODEL}\n- write");
    assert_eq!(tree(&applied.output().join("images")).len(), 4);
    let embedder = job(
        SYNTH,
        "  network: {embedding: {latent: 5, width: 8}}\n  whole: true\n  patch: 16\n  batch: 8\n  steps: 10\n  \
         epochs: 2\n",
    );
    let ended = embedder.call(&["run"]).expect(0);
    assert!(ended.out.contains("PCA") || ended.err.contains("PCA"));
    let applied = apply(&embedder, "- embed: {model: MODEL}\n- table");
    // Its table teaches a network over vectors.
    let vectors = job(
        &format!("{{path: {}}}", applied.output().join("table").display()),
        "  network: {dense: {widths: [8], latent: 2}}\n  vectors: embedding\n  batch: 4\n  steps: 5\n  epochs: 2\n  \
         validation: 30%\n",
    );
    vectors.call(&["run"]).expect(0);
    assert!(vectors.output().join("model.onnx").is_file());
}

#[test]
fn views_that_agree_are_found_by_their_vectors_at_any_number_of_threads() {
    let keys = "  network: {scene: {latent: 8, width: 4, blocks: 1, back: 4}}\n  agree: {weight: 0.05, crop: 40%}\n  \
                corrupt: [brightness: {amount: [-30, 30]}]\n  patch: 16\n  batch: 6\n  steps: 40\n  epochs: 2\n  \
                validation: 30%\n  warmup: 4\n";
    let job = job("{synth: dead_leaves, count: 24, size: 80}", keys);
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("view_recall"), "{}{}", ended.out, ended.err);
    let described = job.described();
    for fact in ["task: embed", "+ 0.05 NT-Xent (temperature 0.2, views of 40% or more)", "; view_recall "] {
        assert!(described.contains(fact), "{fact}\n{described}");
    }
    let model = job.model();
    job.clear_output();
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    assert!(job.model() == model);
    // What agrees is judged too: with another weight another loss is told.
    let course = || fs::read_to_string(job.output().join("progress/history.csv")).unwrap();
    let before = course();
    job.call(&["run", "--set", "train.agree.weight=0.5"]).expect(0);
    let loss = |text: &str| text.lines().last().unwrap().split(',').nth(2).unwrap().parse::<f64>().unwrap();
    assert!(loss(&course()) > 3.0 * loss(&before), "{} {before}", course());
    let embedded = apply(&job, "- embed: MODEL\n- table");
    assert!(embedded.output().join("table").exists());
}

#[test]
fn written_pairs_are_learned_from() {
    let made =
        Job::new("- corrupt: [gaussian_noise: {sigma: 20}]\n- pairs: {layout: folders, validation: 0.3}");
    archive(&made.input(), 10);
    made.call(&["run"]).expect(0);
    let keys = DENOISER.replace("corrupt: [gaussian_noise: {sigma: [5, 30]}]", "pairs: true");
    let job = job(&format!("{{path: {}}}", made.output().join("pairs").display()), &keys);
    job.call(&["run"]).expect(0);
    assert!(job.output().join("model.onnx").is_file());
}

/// Groups are numbered over both lists: the test's lacks the first.
#[test]
fn labels_of_a_list_give_the_accuracy_of_neighbours() {
    let job = Job::new("- write");
    let mut lists = [String::from("path,kind\n"), String::from("path,kind\n")];
    for n in 0..36u32 {
        let kind = n % 3;
        let test = n >= 24;
        if test && kind == 0 {
            continue;
        }
        let mut image = crate::support::picture(16, 16, 1, safelight::image::Depth::U16, n);
        (0..256).for_each(|i| {
            let v = image.samples().get(i);
            image.samples_mut().set(i, 0.1 + 0.35 * kind as f32 + 0.1 * v);
        });
        crate::support::save(&image, &job.input().join(format!("{n}.png")));
        lists[usize::from(test)].push_str(&format!("{n}.png,{}\n", ["ash", "bay", "clay"][kind as usize]));
    }
    fs::write(job.input().join("train.csv"), &lists[0]).unwrap();
    fs::write(job.input().join("test.csv"), &lists[1]).unwrap();
    let text = format!(
        "version: 1\nname: test\ninput: {{path: {0}/train.csv}}\noutput: {1}\ntrain:\n  network: {{embedding: \
         {{latent: 300, width: 8}}}}\n  test: {0}/test.csv\n  label: kind\n  colour: gray\n  whole: true\n  patch: 16\n  \
         batch: 8\n  steps: 20\n  epochs: 3\n",
        job.input().display(),
        job.output().display()
    );
    fs::write(job.pipeline(), text).unwrap();
    let large = job.call(&["run"]).expect(0);
    assert!(
        large.err.contains("300 would take too long") && large.out.contains("mse"),
        "{}{}",
        large.err,
        large.out
    );
    let ended = job.call(&["run", "--set", "train.network.embedding.latent=40"]).expect(0);
    let line = ended.out.lines().find(|l| l.contains("knn_accuracy")).unwrap().to_string();
    let value: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(value > 0.9, "{}", ended.out);
}

#[test]
fn training_goes_on_from_a_model_of_before() {
    let first = job(SYNTH, DENOISER);
    first.call(&["run"]).expect(0);
    let model = first.output().join("model.onnx");
    let start = format!("{DENOISER}  start: {}\n", model.display());
    let second = job(SYNTH, &start.replace("epochs: 4", "epochs: 1\n  rate: 0.0001"));
    let planned = second.call(&["plan"]).expect(0).out;
    assert!(planned.contains(&format!("start    the weights of {}", model.display())), "{planned}");
    second.call(&["run"]).expect(0);
    let score = |described: &str| {
        let (_, rest) = described.split_once("validation_loss ").unwrap();
        rest.lines().next().unwrap().to_string()
    };
    let described = second.described();
    let (before, after) = (score(&first.described()), score(&described));
    // The same pictures are held out, so that the start is where the first job ended.
    assert!(after.contains(&format!("(at the start {before})")), "{before} | {after}");
    assert!(described.contains(", from model.onnx ("), "{described}");
    let loss = |text: &str| text.split(' ').next().unwrap().parse::<f64>().unwrap();
    assert!((loss(&after) - loss(&before)).abs() < 0.1 * loss(&before), "{before} | {after}");
    assert!(second.call(&["run"]).expect(0).err.contains("nothing to do"));
}
