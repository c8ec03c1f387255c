//! Models that nobody knows: each comes to a verdict in its time and memory, and never takes the program along.
//! `SAFELIGHT_MODEL_MUTATIONS` says how many mutations are tried, under the usual budget then.

use crate::crafted::crafted;
use crate::mutated::{bases, mutate};
use crate::onnx::{file, ints, kernel, net, node};
use crate::support::{Ended, Job, picture, root, save};
use safelight::image::Depth;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// How a command on a model went.
#[derive(Debug)]
struct Verdict {
    ended: Ended,
    signal: Option<i32>,
    seconds: f64,
    /// Most bytes resident in the process and its children together.
    peak: u64,
}

impl Verdict {
    /// What must hold of every model, however bad.
    #[track_caller]
    fn check(&self, name: &str, codes: &[i32], most: u64) {
        let Ended { code, err, .. } = &self.ended;
        assert!(self.signal.is_none() && code.is_some_and(|c| codes.contains(&c)), "{name}: {self:?}");
        for word in ["panicked", "RUST_BACKTRACE", "memory allocation", "overflowed its stack", "mimalloc"] {
            assert!(!err.contains(word), "{name}: {err}");
        }
        assert!(self.seconds < 60.0, "{name}: {} s", self.seconds);
        assert!(self.peak <= most, "{name}: {} MiB", self.peak / MIB);
        assert!(*code == Some(0) || err.contains(".onnx"), "{name}: {err}");
    }
}

/// `safelight` with these arguments, its verdicts kept below `cache`.
fn program(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.args(arguments).env("XDG_CACHE_HOME", cache).current_dir(root());
    command
}

fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Processes that `process` started and waits for.
fn children(process: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

fn watched(command: &mut Command) -> Verdict {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    std::thread::scope(|scope| {
        let out = scope.spawn(move || {
            let mut bytes = vec![];
            out.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let err = scope.spawn(move || {
            let mut bytes = vec![];
            err.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut peak = 0;
        let status = loop {
            let all = children(child.id()).into_iter().chain([child.id()]).map(resident).sum();
            peak = peak.max(all);
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let ended =
            Ended { code: status.code(), out: text(out.join().unwrap()), err: text(err.join().unwrap()) };
        Verdict { ended, signal: status.signal(), seconds: start.elapsed().as_secs_f64(), peak }
    })
}

/// A folder of models, with a cache of its own.
struct Models {
    dir: tempfile::TempDir,
}

impl Models {
    fn new() -> Models {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("cache")).unwrap();
        Models { dir }
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(format!("{name}.onnx"));
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What `model` makes of a file.
    fn asked(&self, path: &Path, more: &[&str]) -> Verdict {
        watched(program(&self.cache(), &["model"]).arg(path).args(more))
    }

    fn verdicts(&self) -> Vec<PathBuf> {
        let folder = self.cache().join("safelight/models");
        fs::read_dir(folder).map(|all| all.map(|e| e.unwrap().path()).collect()).unwrap_or_default()
    }
}

/// How many mutations are tried, and whether that is the long run.
fn mutations() -> (u64, bool) {
    let asked = std::env::var("SAFELIGHT_MODEL_MUTATIONS").ok().and_then(|m| m.parse().ok());
    (asked.unwrap_or(100), asked.is_some())
}

/// Tells what a long run found.
fn tell(what: &str, verdicts: &Mutex<Vec<(String, f64, u64, bool)>>) {
    let found = verdicts.lock().unwrap();
    let slowest = found.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let largest = found.iter().max_by_key(|v| v.2).unwrap();
    println!(
        "{what}: {} models, {} accepted, 0 aborts, slowest {:.1} s ({}), largest {} MiB ({})",
        found.len(),
        found.iter().filter(|v| v.3).count(),
        slowest.1,
        slowest.0,
        largest.2 / MIB,
        largest.0
    );
}

/// Does `work` for each number below `count`, on two threads.
fn each(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::SeqCst);
                    if i >= count {
                        break;
                    }
                    work(i);
                }
            });
        }
    });
}

#[test]
fn crafted_models_come_to_a_verdict_and_harm_no_run() {
    let models = Models::new();
    let (long, list) = (mutations().1, crafted());
    assert!(list.len() >= 60);
    let (budget, most): (&[&str], u64) =
        if long { (&[], 4096 + 256) } else { (&["--memory", "1GiB", "--seconds", "4"], 1024 + 256) };
    let verdicts = Mutex::new(Vec::new());
    each(list.len(), |i| {
        let (name, bytes) = &list[i];
        let path = models.put(name, bytes);
        let verdict = models.asked(&path, budget);
        verdict.check(name, &[0, 78], most * MIB);
        let accepted = verdict.ended.code == Some(0);
        let draws = ["Random", "Multinomial", "Bernoulli", "training"].iter().any(|w| name.starts_with(w));
        assert!(!draws || verdict.ended.err.contains("draws random numbers"), "{name}: {verdict:?}");
        if long {
            let line = verdict.ended.err.lines().next().unwrap_or("accepted");
            println!("{name}: {:.1} s, {} MiB, {line}", verdict.seconds, verdict.peak / MIB);
        }
        verdicts.lock().unwrap().push((name.to_string(), verdict.seconds, verdict.peak, accepted));
        if accepted && !["average", "largest"].contains(name) {
            runs(&models, name, &path);
        }
    });
    tell("crafted", &verdicts);
}

/// Restores and embeds a picture with a model that was accepted: it may fail, as a row.
fn runs(models: &Models, name: &str, path: &Path) {
    for step in ["restore", "embed"] {
        let job = Job::new(&format!("- {step}: {{model: {}}}\n- {}", path.display(), "table"));
        save(&picture(331, 257, 3, Depth::U8, 1), &job.input().join("a.png"));
        let mut run = program(&models.cache(), &["run"]);
        run.arg(job.pipeline()).args(["--set", "limits.memory=1GiB", "--set", "limits.threads=2"]);
        run.args(["--set", "limits.model_seconds=20"]);
        watched(&mut run).check(name, &[0, 10, 78], (1024 + 512) * MIB);
    }
}

#[test]
fn mutated_models_come_to_a_verdict() {
    let (models, bases) = (Models::new(), bases());
    let (count, long) = mutations();
    let (budget, most): (&[&str], u64) =
        if long { (&[], 4096 + 256) } else { (&["--memory", "1GiB", "--seconds", "10"], 1024 + 256) };
    for (i, base) in bases.iter().enumerate() {
        let path = models.put(&format!("base-{i}"), base);
        models.asked(&path, &[]).check("base", &[0, 78], (4096 + 256) * MIB);
    }
    let verdicts = Mutex::new(Vec::new());
    each(count as usize, |i| {
        let name = format!("mutated-{i}");
        let path = models.put(&name, &mutate(&bases[i % bases.len()], i as u64));
        let verdict = models.asked(&path, budget);
        verdict.check(&name, &[0, 78], most * MIB);
        fs::remove_file(path).unwrap();
        verdicts.lock().unwrap().push((name, verdict.seconds, verdict.peak, verdict.ended.code == Some(0)));
    });
    tell("mutated", &verdicts);
}

/// A network that takes a moment and some memory to load: many weights.
fn heavy() -> Vec<u8> {
    let nodes = vec![
        node("Conv", &["x", "k"], "a", vec![ints("pads", &[1, 1, 1, 1])]),
        node("Conv", &["a", "l"], "y", vec![ints("pads", &[1, 1, 1, 1])]),
    ];
    file(net(&[1, 3, 0, 0], nodes, vec![kernel("k", &[512, 3, 3, 3]), kernel("l", &[3, 512, 3, 3])]), &[])
}

#[test]
fn a_model_is_inspected_once_and_remembered_in_private() {
    let models = Models::new();
    let path = models.put("good", &bases()[0]);
    let first = models.asked(&path, &[]).ended.expect(0);
    let [verdict] = models.verdicts().try_into().unwrap();
    let about = fs::metadata(&verdict).unwrap();
    assert_eq!(about.mode() & 0o077, 0);
    assert_eq!(fs::metadata(verdict.parent().unwrap()).unwrap().mode() & 0o077, 0);
    // Every inspection that passes writes its verdict anew.
    let again = models.asked(&path, &[]).ended.expect(0);
    assert_eq!(first.out, again.out);
    assert_eq!(models.verdicts(), std::slice::from_ref(&verdict));
    assert_eq!(fs::metadata(&verdict).unwrap().ino(), about.ino());
    // What is said about it holds for its bytes only, and a smaller budget is looked at anew.
    let tight = models.asked(&path, &["--memory", "1MiB"]).ended.expect(78);
    assert!(tight.err.contains("takes more than 1 MiB") && tight.err.contains("--memory"), "{}", tight.err);
    let other = models.put("good", &crafted()[0].1);
    models.asked(&other, &["--seconds", "4", "--memory", "1GiB"]).check("other", &[0, 78], 1300 * MIB);
    // A verdict that others may have written is none: the model is inspected again, and the file replaced.
    let path = models.put("good", &bases()[0]);
    fs::write(&verdict, "{\"hash\": 1}").unwrap();
    models.asked(&path, &[]).ended.expect(0);
    assert!(fs::read_to_string(&verdict).unwrap().contains("\"memory\""));
    fs::set_permissions(&verdict, fs::Permissions::from_mode(0o666)).unwrap();
    let before = fs::metadata(&verdict).unwrap().ino();
    models.asked(&path, &[]).ended.expect(0);
    assert_ne!(fs::metadata(&verdict).unwrap().ino(), before);
    assert_eq!(fs::metadata(&verdict).unwrap().mode() & 0o022, 0);
}

#[test]
fn no_cache_is_no_error() {
    let models = Models::new();
    let path = models.put("good", &bases()[0]);
    for cache in ["/proc/nowhere", "relative"] {
        let ended = Ended::from(
            program(Path::new(cache), &["model"]).arg(&path).env("HOME", "/proc/1").output().unwrap(),
        );
        ended.expect(0);
    }
    assert!(!root().join("relative").is_dir());
    let mut command = program(&models.cache(), &["model"]);
    Ended::from(command.arg(&path).env_remove("XDG_CACHE_HOME").env_remove("HOME").output().unwrap())
        .expect(0);
    assert!(models.verdicts().is_empty());
}

#[test]
fn the_budget_names_what_raises_it() {
    let models = Models::new();
    let path = models.put("heavy", &heavy());
    let job = Job::new(&format!("- restore: {{model: {}}}\n- write", path.display()));
    save(&picture(40, 30, 3, Depth::U8, 1), &job.input().join("a.png"));
    let check = |set: &str| {
        let mut command = program(&models.cache(), &["check"]);
        Ended::from(command.arg(job.pipeline()).args(["--set", set]).output().unwrap())
    };
    let tight = check("limits.model_memory=2MiB").expect(78);
    assert!(tight.err.contains("limits.model_memory"), "{}", tight.err);
    check("limits.model_memory=1GiB").expect(0);
    let slow = models.put("slow", &crafted().into_iter().find(|c| c.0 == "relus-100000").unwrap().1);
    let ended = models.asked(&slow, &["--seconds", "1"]).ended.expect(78);
    assert!(ended.err.contains("limits.model_seconds") && ended.err.contains("--seconds"), "{}", ended.err);
}

#[test]
fn the_inspector_dies_with_its_parent() {
    let models = Models::new();
    let slow = models.put("slow", &crafted().into_iter().find(|c| c.0 == "relus-100000").unwrap().1);
    let mut parent = program(&models.cache(), &["model"]).arg(&slow).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let child = loop {
        match children(parent.id()).first() {
            Some(child) => break *child,
            None => assert!(started.elapsed() < Duration::from_secs(20), "no inspector"),
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    std::thread::sleep(Duration::from_millis(300));
    parent.kill().unwrap();
    parent.wait().unwrap();
    let gone = || match fs::read_to_string(format!("/proc/{child}/stat")) {
        Ok(stat) => stat.contains(") Z "),
        Err(_) => true,
    };
    while !gone() {
        assert!(started.elapsed() < Duration::from_secs(40), "the inspector lives on");
        std::thread::sleep(Duration::from_millis(10));
    }
}
