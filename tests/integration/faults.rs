//! System calls that fail, or are the last before a kill, one at a time: whatever the run makes of it, nothing
//! is harmed, and the next run gives what a run gives that nobody disturbed.
//!
//! `SAFELIGHT_FAULTS=3000` strikes so many times, spread over jobs, states before the run, classes of calls,
//! errors and places; `SAFELIGHT_FAULTS_ONLY="/prune stat EIO"` keeps to those with all these words, and
//! `SAFELIGHT_FAULTS_ONE="pairs/prune fsync EIO 3 [path below the case's folder]"` strikes once and keeps the
//! folders. `SAFELIGHT_FAULTS_JOBS` works on so many cases at a time.

mod case;
mod check;
mod order;
mod strace;

use case::{Case, JOBS, KINDS, tail};
use check::{crash, harm, success, wants_memory};
use order::{has_any, order};
use polars::prelude::ParquetWriter;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use strace::{CLASSES, Calls, Outcome, Strike};

/// Strikes once; tells where, and what is wrong thereafter. None when the call was never reached.
fn strike(case: &Case, strike: &Strike, verify: bool) -> Option<(Outcome, Vec<String>)> {
    case.restore();
    let outcome = strace::run(case, &strike.arguments());
    outcome.struck()?;
    let mut wrong = crash(&outcome, strike);
    let found = case.found();
    wrong.extend(harm(case, &found));
    wrong.extend(success(case, &outcome, &found));
    wrong.extend(case.recover(verify));
    Some((outcome, wrong))
}

/// One violation in words.
fn described(case: &Case, strike: &Strike, outcome: &Outcome, wrong: &[String]) -> String {
    let Strike { call, error, k, path, .. } = strike;
    let root = case.root().display().to_string();
    let path = path.as_deref().unwrap_or_default().replace(&root, "").trim_start_matches('/').to_string();
    let text = format!(
        "SAFELIGHT_FAULTS_ONE=\"{} {call} {error} {k} {path}\"\n  strace {}\n  struck: {}\n  code {:?}: {}\n    {}",
        case.name,
        strike.arguments().join(" "),
        outcome.struck().unwrap_or("never"),
        outcome.code,
        tail(&outcome.err),
        wrong[..wrong.len().min(6)].join("\n    "),
    );
    text.replace(&root, "")
}

#[derive(Default)]
struct Tally {
    /// Faults that there are: errors at places.
    places: usize,
    tried: usize,
    struck: BTreeMap<&'static str, usize>,
    /// Runs that ended as if nothing had happened.
    unmoved: usize,
    /// Runs that were ended for want of memory.
    starved: usize,
    violations: Vec<String>,
}

impl Tally {
    fn count(&self) -> usize {
        self.struck.values().sum()
    }

    fn add(&mut self, other: Tally) {
        self.places += other.places;
        self.tried += other.tried;
        self.unmoved += other.unmoved;
        self.starved += other.starved;
        self.violations.extend(other.violations);
        for (name, count) in other.struck {
            *self.struck.entry(name).or_default() += count;
        }
    }
}

/// Strikes a case `wanted` times, as far as it has so many faults that are asked for.
fn disturb(case: &Case, wanted: usize, words: &str) -> Tally {
    case.restore();
    let order = order(&case.name, &Calls::count(case), words);
    let mut tally = Tally { places: order.len(), ..Tally::default() };
    for (class, place) in order {
        if tally.count() == wanted {
            break;
        }
        tally.tried += 1;
        let Some((outcome, wrong)) = strike(case, &place, tally.tried.is_multiple_of(4)) else { continue };
        *tally.struck.entry(class).or_default() += 1;
        tally.unmoved += usize::from(outcome.code == Some(0));
        tally.starved += usize::from(wants_memory(&outcome));
        if !wrong.is_empty() {
            let text = described(case, &place, &outcome, &wrong);
            eprintln!("violation: {text}\n");
            tally.violations.push(text);
        }
    }
    tally
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn injected_faults_do_no_harm() {
    if let Some(reason) = strace::missing() {
        eprintln!("skipped: {reason}");
        return;
    }
    let start = Instant::now();
    let trained = case::model();
    let model = trained.output().join("model.onnx");
    if let Ok(one) = std::env::var("SAFELIGHT_FAULTS_ONE") {
        return single(&one, &model);
    }
    let asked = number("SAFELIGHT_FAULTS");
    let words = std::env::var("SAFELIGHT_FAULTS_ONLY").unwrap_or_default();
    let mut names: Vec<(&str, &str)> = JOBS.iter().flat_map(|job| KINDS.map(|kind| (*job, kind))).collect();
    match asked {
        None => names = vec![("denoise", "prune"), ("shards", "incremental")],
        Some(_) => names.retain(|(job, kind)| has_any(&format!("{job}/{kind}"), &words)),
    }
    let each = asked.unwrap_or(10).div_ceil(names.len().max(1));
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..number("SAFELIGHT_FAULTS_JOBS").unwrap_or(1) {
            scope.spawn(|| {
                while let Some((job, kind)) = names.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let case = Case::new(job, kind, &model);
                    let tally = disturb(&case, each, &words);
                    let seconds = start.elapsed().as_secs();
                    let (struck, places, wrong) = (tally.count(), tally.places, tally.violations.len());
                    println!("{}: {struck} of {places} struck, {wrong} violations, {seconds} s", case.name);
                    all.lock().unwrap().add(tally);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    println!("struck by class: {:?}", all.struck);
    println!(
        "{} faults of {} struck ({} tried; {} runs ended with 0 all the same, {} for want of memory), \
         {} violations, {:.0} s",
        all.count(),
        all.places,
        all.tried,
        all.unmoved,
        all.starved,
        all.violations.len(),
        start.elapsed().as_secs_f64()
    );
    assert!(all.count() >= asked.unwrap_or(10), "only {} faults struck", all.count());
    assert!(all.violations.is_empty(), "{}", all.violations.join("\n\n"));
}

/// One fault, told in full.
fn single(text: &str, model: &Path) {
    let words: Vec<&str> = text.splitn(5, ' ').map(str::trim).collect();
    let [name, call, error, k, ..] = words[..] else { panic!("case, call, error, number: {text}") };
    let (job, kind) = name.split_once('/').unwrap();
    let case = Case::new(job, kind, model);
    let errors = CLASSES.iter().flat_map(|class| class.errors);
    let error = errors.copied().find(|known| *known == error).expect("an error of the list");
    let path =
        words.get(4).filter(|path| !path.is_empty()).map(|p| case.root().join(p).display().to_string());
    let place = Strike { call: call.into(), error, k: k.parse().unwrap(), path, starting: false };
    let found = strike(&case, &place, true);
    let (outcome, wrong) = found.unwrap_or_else(|| panic!("never reached"));
    let told = described(&case, &place, &outcome, &wrong);
    println!("{told}\n{}\n{}\nkept: {}", wrong.join("\n"), outcome.err, case.keep().display());
    assert!(wrong.is_empty());
}

/// A file of the output that ends so.
fn file(case: &Case, ending: &str) -> PathBuf {
    let tree = case.found();
    let found = tree
        .keys()
        .find(|path| path.display().to_string().ends_with(ending) && case.before.contains_key(*path));
    let found = found.or_else(|| tree.keys().find(|path| path.display().to_string().ends_with(ending)));
    case.output().join(found.unwrap_or_else(|| panic!("{}: no {ending}", case.name)))
}

#[test]
fn the_checker_sees_planted_faults() {
    let trained = case::model();
    let model = trained.output().join("model.onnx");
    for (job, endings) in [
        ("denoise", vec!["a.png", "1/b.jpg", "manifest.csv", ".parquet"]),
        ("pairs", vec![".png", "metadata.csv"]),
        ("shards", vec![".tar"]),
    ] {
        let case = Case::new(job, "prune", &model);
        let found = case.found();
        assert_eq!((harm(&case, &found), case.recover(true)), (Vec::new(), Vec::new()));
        for ending in endings {
            let path = file(&case, ending);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() - bytes.len() / 3 - 1]).unwrap();
            assert!(sees(&case, "half written"), "{job}: half of {}", path.display());
            fs::write(&path, &bytes).unwrap();
        }
    }
    let case = Case::new("pairs", "prune", &model);
    let pair = file(&case, ".png");
    fs::remove_file(&pair).unwrap();
    assert!(
        sees(&case, "gone: ") && sees(&case, "which is not there"),
        "a pruned pair of an input that is there"
    );

    let case = Case::new("denoise", "incremental", &model);
    fs::remove_file(file(&case, "1/b.jpg")).unwrap();
    assert!(sees(&case, "gone: "), "a pruned output of an input that is there");
    case.call("run");
    let part = file(&case, ".parquet");
    let bytes = fs::read(&part).unwrap();
    let mut rows = crate::support::frame(&bytes).unwrap();
    rows = rows.head(Some(rows.height() - 1));
    ParquetWriter::new(File::create(&part).unwrap()).finish(&mut rows).unwrap();
    assert!(!crate::support::differences(&case.found(), &case.wanted).is_empty(), "a lost row");
    fs::write(&part, bytes).unwrap();

    let original = case.input().join("a.png");
    let (bytes, time) = (fs::read(&original).unwrap(), fs::metadata(&original).unwrap().modified().unwrap());
    let at = |time| File::options().append(true).open(&original).unwrap().set_modified(time).unwrap();
    fs::write(&original, &bytes[1..]).unwrap();
    at(time);
    assert!(sees(&case, "outside the output: changed"), "an original's content");
    fs::write(&original, &bytes).unwrap();
    at(time + std::time::Duration::from_nanos(1));
    assert!(sees(&case, "outside the output: changed"), "an original's time");
    at(time);
    assert!(!sees(&case, ""), "all is back: {:?}", harm(&case, &case.found()));
    fs::write(case.root().join("beside/new"), "").unwrap();
    assert!(sees(&case, "outside the output: new"), "a file outside");
    fs::remove_file(case.root().join("beside/new")).unwrap();
    assert!(sees(&case, "outside the output: changed"), "a file that was outside for a while");

    let ended = |code, signal, err: &str| {
        let outcome = Outcome { code, signal, err: err.into(), hung: false, log: String::new() };
        let strike = |error| Strike { call: "read".into(), error, k: 1, path: None, starting: false };
        ["EIO", "KILL"].map(|error| crash(&outcome, &strike(error)).is_empty())
    };
    assert_eq!(ended(Some(30), None, "error: no space"), [true, true]);
    assert_eq!(ended(None, Some(6), "memory allocation of 8 bytes failed"), [true, true]);
    assert_eq!(ended(Some(101), None, ""), [false, false]);
    assert_eq!(ended(Some(10), None, "thread 'worker-1' panicked at src/x.rs"), [false, false]);
    assert_eq!(ended(None, Some(6), "corrupted"), [false, true]);
    assert_eq!(ended(None, Some(9), ""), [false, true]);
}

/// Whether the checker tells of something that begins or ends so.
fn sees(case: &Case, what: &str) -> bool {
    harm(case, &case.found()).iter().any(|wrong| wrong.contains(what))
}
