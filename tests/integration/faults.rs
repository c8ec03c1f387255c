//! System calls that fail, or are the last before a kill, one at a time: whatever the run makes of it, nothing
//! is harmed, and the next run gives what a run gives that nobody disturbed.
//!
//! `SAFELIGHT_FAULTS=2500` strikes so many times, spread over jobs, states before the run, classes of calls,
//! errors and places; `SAFELIGHT_FAULTS_ONLY=pairs/prune` keeps to some of the cases, and
//! `SAFELIGHT_FAULTS_ONE="pairs/prune fsync EIO 3 [path below the case's folder]"` strikes once and keeps the
//! folders. `SAFELIGHT_FAULTS_JOBS` works on so many cases at a time.

mod case;
mod check;
mod strace;

use case::{Case, JOBS, KINDS, tail};
use check::{crash, harm, success};
use polars::prelude::{ParquetReader, ParquetWriter, SerReader};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Cursor;
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
    let mut wrong = crash(&outcome, strike.error == "KILL");
    let found = case.found();
    wrong.extend(harm(case, &found));
    wrong.extend(success(case, &outcome, &found));
    wrong.extend(case.recover(verify));
    Some((outcome, wrong))
}

/// One violation in words.
fn described(case: &Case, strike: &Strike, outcome: &Outcome, wrong: &[String]) -> String {
    let Strike { call, error, k, path } = strike;
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
    tried: usize,
    struck: BTreeMap<String, usize>,
    /// Runs that ended as if nothing had happened.
    unmoved: usize,
    violations: Vec<String>,
}

impl Tally {
    fn count(&self) -> usize {
        self.struck.values().sum()
    }

    fn add(&mut self, other: Tally) {
        self.tried += other.tried;
        self.unmoved += other.unmoved;
        self.violations.extend(other.violations);
        for (name, count) in other.struck {
            *self.struck.entry(name).or_default() += count;
        }
    }
}

/// The places of one class and error in an order in which every beginning is spread over all of them.
struct Spread {
    class: &'static str,
    places: Vec<Strike>,
    at: f64,
    seen: BTreeSet<usize>,
}

impl Spread {
    fn next(&mut self) -> Option<Strike> {
        if self.seen.len() == self.places.len() {
            return None;
        }
        self.at = (self.at + 0.618_033_988_749_895).fract();
        let mut index = (self.at * self.places.len() as f64) as usize;
        while !self.seen.insert(index) {
            index = (index + 1) % self.places.len();
        }
        Some(self.places[index].clone())
    }
}

/// A number in [0, 1) that depends on the text only.
fn fixed(text: &str) -> f64 {
    let hash = blake3::hash(text.as_bytes());
    f64::from(u32::from_le_bytes(hash.as_bytes()[..4].try_into().unwrap())) / 2f64.powi(32)
}

/// Strikes a case `wanted` times, in turn for every class and error.
fn disturb(case: &Case, wanted: usize) -> Tally {
    case.restore();
    let calls = Calls::count(case);
    let mut spreads: Vec<Spread> = CLASSES
        .iter()
        .flat_map(|class| class.errors.iter().map(move |error| (class, error)))
        .map(|(class, error)| Spread {
            class: class.name,
            places: calls.places(class, error),
            at: fixed(&format!("{} {} {error}", case.name, class.name)),
            seen: BTreeSet::new(),
        })
        .filter(|spread| !spread.places.is_empty())
        .collect();
    // Another order for each case, so that a few strikes are not all of the first class.
    spreads.sort_by_key(|s| blake3::hash(format!("{} {} {}", case.name, s.class, s.at).as_bytes()).to_hex());
    let mut tally = Tally::default();
    while tally.count() < wanted {
        let mut ended = true;
        for spread in &mut spreads {
            let Some(place) = spread.next().filter(|_| tally.count() < wanted) else { continue };
            ended = false;
            tally.tried += 1;
            let Some((outcome, wrong)) = strike(case, &place, tally.tried % 4 == 0) else { continue };
            *tally.struck.entry(spread.class.to_string()).or_default() += 1;
            tally.unmoved += usize::from(outcome.code == Some(0));
            if !wrong.is_empty() {
                let text = described(case, &place, &outcome, &wrong);
                eprintln!("violation: {text}\n");
                tally.violations.push(text);
            }
        }
        if ended {
            break;
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
        println!("skipped: {reason}");
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
    let only = std::env::var("SAFELIGHT_FAULTS_ONLY").unwrap_or_default();
    let mut names: Vec<(&str, &str)> = JOBS.iter().flat_map(|job| KINDS.map(|kind| (*job, kind))).collect();
    match asked {
        None => names = vec![("denoise", "prune"), ("shards", "incremental")],
        Some(_) => names.retain(|(job, kind)| format!("{job}/{kind}").contains(&only)),
    }
    let each = asked.unwrap_or(10).div_ceil(names.len().max(1));
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..number("SAFELIGHT_FAULTS_JOBS").unwrap_or(1) {
            scope.spawn(|| {
                while let Some((job, kind)) = names.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let case = Case::new(job, kind, &model);
                    let tally = disturb(&case, each);
                    let seconds = start.elapsed().as_secs();
                    println!(
                        "{}: {} struck, {} violations, {seconds} s",
                        case.name,
                        tally.count(),
                        tally.violations.len()
                    );
                    all.lock().unwrap().add(tally);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    println!("struck by class: {:?}", all.struck);
    println!(
        "{} faults struck ({} tried; {} runs ended with 0 all the same), {} violations, {:.0} s",
        all.count(),
        all.tried,
        all.unmoved,
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
    let place = Strike { call: call.into(), error, k: k.parse().unwrap(), path };
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
    let mut rows = ParquetReader::new(Cursor::new(bytes.as_slice())).finish().unwrap();
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

    let ended =
        |code, signal, err: &str| Outcome { code, signal, err: err.into(), hung: false, log: String::new() };
    assert!(crash(&ended(Some(30), None, "error: no space"), false).is_empty());
    assert!(crash(&ended(None, Some(9), ""), true).is_empty());
    for planted in [
        ended(Some(101), None, ""),
        ended(Some(10), None, "thread 'worker-1' panicked at src/x.rs"),
        ended(None, Some(6), "memory allocation of 8 bytes failed"),
        ended(None, Some(11), ""),
    ] {
        assert!(!crash(&planted, false).is_empty(), "{:?}", planted.err);
    }
}

/// Whether the checker tells of something that begins or ends so.
fn sees(case: &Case, what: &str) -> bool {
    harm(case, &case.found()).iter().any(|wrong| wrong.contains(what))
}
