//! Jobs in the state before a run that is to be disturbed, and what that run gives when nobody disturbs it.

use super::check::{Outside, harm};
use crate::support::{Ended, Job, Tree, differences, picture, root, save, tree};
use safelight::image::Depth;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names of the jobs.
pub const JOBS: [&str; 3] = ["denoise", "pairs", "shards"];

/// What there was before the run: nothing; an output, then changed inputs (also with `--prune`); the same and
/// a killed run; an output of other settings, with `--prune`.
pub const KINDS: [&str; 5] = ["fresh", "incremental", "prune", "killed", "settings"];

const PAIRS: &str = "- patches: {size: 12, mode: random, max: 2}\n\
    - corrupt: [one_of: [gaussian_noise: {sigma: [5, 50]}, shot_noise]]\n\
    - measure: [psnr]\n- pairs: {validation: 0.3, test: 0.2}\n- table";

/// The steps of a job now, and before its settings changed.
fn steps(job: &str, model: &Path) -> (String, String) {
    let model = model.display();
    let denoise = format!(
        "- measure: {{what: [noise_sigma], prefix: before_}}\n- restore: {{model: {model}}}\n\
         - measure: [noise_sigma, sharpness]\n- write: {{folder: images, format: same}}\n\
         - table: {{folder: table, rows: 16}}"
    );
    match job {
        "denoise" => {
            let before = denoise.replace("format: same", "format: qoi").replace("sharpness", "contrast");
            (denoise, before)
        }
        _ => {
            let layout =
                if job == "shards" { "pairs: {layout: webdataset, shard_size: 64KiB, " } else { "pairs: {" };
            let now = PAIRS.replace("pairs: {", layout);
            let before = now.replace("max: 2", "max: 3").replace("sigma: [5, 50]", "sigma: [5, 20]");
            (now, before)
        }
    }
}

/// A tiny denoiser, trained by the program itself.
pub fn model() -> Job {
    let job = Job::new("- write");
    job.trains(
        "{synth: dead_leaves, count: 4, size: 32}",
        "  network: {residual: {width: 8, depth: 1, latent: 8, bottom: 1}}\n  \
         corrupt: [gaussian_noise: {sigma: [5, 30]}]\n  patch: 16\n  batch: 4\n  steps: 2\n  epochs: 2\n  warmup: 1\n",
        "{memory: 2GiB, threads: 2}",
    );
    job.call(&["run"]).expect(0);
    job
}

/// One job in one state.
pub struct Case {
    pub name: String,
    job: Job,
    /// Copies, and what strace tells: outside everything that is compared.
    kept: tempfile::TempDir,
    prune: bool,
    /// The output before the run and after it.
    pub before: Tree,
    pub wanted: Tree,
    /// How the run and one after it end, and what `verify` says then.
    codes: BTreeSet<Option<i32>>,
    verified: Option<i32>,
    pub outside: Outside,
}

/// An archive with folders in folders, several formats, a name that is not text, and (if asked) a damaged file.
fn archive(folder: &Path, damaged: bool) {
    let add = |name: &OsStr, channels, depth, seed| {
        save(&picture(34, 30, channels, depth, seed), &folder.join(name))
    };
    add("a.png".as_ref(), 3, Depth::U8, 1);
    add("1/b.jpg".as_ref(), 3, Depth::U8, 2);
    add("1/c.png".as_ref(), 1, Depth::U16, 3);
    add("1/2/d.bmp".as_ref(), 3, Depth::U8, 4);
    add("1/2/e.tif".as_ref(), 3, Depth::U16, 5);
    add("3/f.png".as_ref(), 3, Depth::U8, 6);
    add(OsStr::from_bytes(b"odd \xff, 'name'.png"), 3, Depth::U8, 7);
    if damaged {
        fs::write(folder.join("1/damaged.png"), b"no picture").unwrap();
    }
}

impl Case {
    /// Prepares a job in a state and runs it undisturbed.
    pub fn new(name: &str, kind: &str, model: &Path) -> Case {
        let job = Job::new("- write");
        let own = job.dir.path().join("model.onnx");
        fs::copy(model, &own).unwrap();
        let (now, then) = steps(name, &own);
        archive(&job.input(), name == "denoise");
        for folder in ["beside", "home", "tmp", "cache"] {
            fs::create_dir(job.dir.path().join(folder)).unwrap();
        }
        fs::write(job.dir.path().join("beside/file"), "somebody's").unwrap();
        let mut case = Case {
            name: format!("{name}/{kind}"),
            job,
            kept: tempfile::tempdir().unwrap(),
            prune: ["prune", "settings"].contains(&kind),
            before: Tree::new(),
            wanted: Tree::new(),
            codes: BTreeSet::new(),
            verified: None,
            outside: Outside::default(),
        };
        if kind == "settings" {
            case.set(&then);
            case.begin();
        } else if kind != "fresh" {
            case.set(&now);
            case.begin();
            case.change_inputs();
        }
        case.set(&now);
        if kind == "killed" {
            let killed = case.command("run").env("SAFELIGHT_TEST_FAULT", "kill@15").output().unwrap();
            assert_eq!(killed.status.code(), None, "{}: {killed:?}", case.name);
        }
        for folder in ["out", "cache"] {
            copy(&case.root().join(folder), &case.kept().join(folder));
        }
        case.before = case.found();
        case.restore();
        case.outside = Outside::of(&case);
        for time in ["first", "second"] {
            let ended = case.call("run");
            assert!(matches!(ended.code, Some(0 | 10 | 12)), "{}: {ended:?}", case.name);
            case.codes.insert(ended.code);
            if time == "first" {
                case.wanted = case.found();
            }
        }
        // What is asked of a run after a disturbed one must hold for a run after an undisturbed one.
        let differing = differences(&case.found(), &case.wanted);
        assert!(differing.is_empty(), "{}: {differing:?}", case.name);
        case.verified = case.call("verify").code;
        let harm = harm(&case, &case.found());
        assert!(harm.is_empty(), "{}: {harm:?}", case.name);
        case
    }

    /// The run before all others.
    fn begin(&self) {
        let ended = self.call("run");
        assert!(matches!(ended.code, Some(0 | 10)), "{}: {ended:?}", self.name);
    }

    /// Makes these the steps.
    fn set(&self, steps: &str) {
        self.job.steps(steps);
        let text = fs::read_to_string(self.job.pipeline()).unwrap();
        fs::write(self.job.pipeline(), text + "limits: {threads: 2}\n").unwrap();
    }

    /// One changed, one gone, one new, a folder renamed.
    fn change_inputs(&self) {
        let at = |name: &str| self.job.input().join(name);
        save(&picture(31, 33, 3, Depth::U8, 11), &at("a.png"));
        fs::remove_file(at("3/f.png")).unwrap();
        save(&picture(32, 32, 3, Depth::U8, 12), &at("3/new.png"));
        fs::rename(at("1/2"), at("1/two")).unwrap();
    }

    pub fn root(&self) -> &Path {
        self.job.dir.path()
    }

    pub fn input(&self) -> PathBuf {
        self.job.input()
    }

    pub fn output(&self) -> PathBuf {
        self.job.output()
    }

    pub fn kept(&self) -> &Path {
        self.kept.path()
    }

    /// The output as it is now.
    pub fn found(&self) -> Tree {
        tree(&self.output())
    }

    /// The program with a command on this job's pipeline.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        command.arg(name).arg(self.job.pipeline()).current_dir(root());
        if name == "run" && self.prune {
            command.arg("--prune");
        }
        for (variable, folder) in [("HOME", "home"), ("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")] {
            command.env(variable, self.root().join(folder));
        }
        command
    }

    pub fn call(&self, name: &str) -> Ended {
        Ended::from(self.command(name).output().unwrap())
    }

    /// Puts the output back to what it was before the run.
    pub fn restore(&self) {
        for folder in ["out", "cache"] {
            let there = self.root().join(folder);
            if there.exists() {
                fs::remove_dir_all(&there).unwrap();
            }
            copy(&self.kept().join(folder), &there);
        }
    }

    /// Whether an undisturbed run reports no failure at all.
    pub fn succeeds(&self) -> bool {
        self.codes == BTreeSet::from([Some(0)])
    }

    /// Runs again, undisturbed; tells what is not as it should be.
    pub fn recover(&self, verify: bool) -> Vec<String> {
        let ended = self.call("run");
        let mut wrong = Vec::new();
        if !self.codes.contains(&ended.code) {
            wrong.push(format!("the clean run ends with {:?}: {}", ended.code, tail(&ended.err)));
        }
        let found = self.found();
        wrong.extend(
            differences(&found, &self.wanted).into_iter().map(|d| format!("after the clean run: {d}")),
        );
        wrong.extend(self.outside.changes(&Outside::of(self)));
        let left = walkdir::WalkDir::new(self.output()).into_iter().flatten();
        let left = left.filter(|e| e.file_name().to_string_lossy().starts_with(".safelight-tmp-"));
        wrong.extend(left.map(|e| format!("left behind: {}", e.path().display())));
        if verify && wrong.is_empty() {
            let ended = self.call("verify");
            if ended.code != self.verified {
                wrong.push(format!("verify ends with {:?}: {}{}", ended.code, ended.out, ended.err));
            }
        }
        wrong
    }

    /// Keeps the folders for a look.
    pub fn keep(self) -> PathBuf {
        let _kept = self.kept.keep();
        self.job.dir.keep()
    }
}

/// The last lines of what a program said.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join(" | ")
}

/// Copies a folder, if there is one, with its time stamps.
fn copy(from: &Path, to: &Path) {
    if from.exists() {
        let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
        assert!(status.success());
    }
}
