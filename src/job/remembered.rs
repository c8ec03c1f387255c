//! What an output remembers of the last run into it: `.safelight/run.json`, the only file there that holds times.
//!
//! Written as the last thing of every run that had begun, through the store. It decides nothing: without it, with a torn
//! one or one of another version, all works that the ledger alone can tell.

use crate::inputs::{InputPlan, Source};
use crate::ledger::hex;
use crate::plan::Plan;
use crate::run::clock::now;
use crate::shown;
use crate::store::{STATE_FOLDER, Store, StoreError, host, look};
use crate::train::{Data, Start, TrainPlan, Vectors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Name of the file in the state folder.
const FILE: &str = "run.json";
/// Version of its keys.
const SCHEMA: u32 = 1;
/// Earlier runs that are kept.
const RUNS: usize = 400;
/// Bytes of a file that is looked at; a longer one is none of ours.
const MOST: u64 = 64 << 20;

/// What is remembered of a run. Paths are in their form for data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// Version of the keys.
    schema: u32,
    /// Version of the program.
    pub safelight: String,
    /// `items` or `train`.
    pub kind: String,
    /// Name of the job.
    pub job: String,
    /// The pipeline as YAML that needs neither overrides nor the environment; paths as written.
    pub pipeline: String,
    /// The file that it came from, absolute; none where it was no file.
    pub pipeline_file: Option<String>,
    /// The working directory, which relative paths of the pipeline refer to.
    pub directory: String,
    /// Where inputs came from.
    pub input: Origin,
    /// The output folder as it was then.
    pub output: String,
    /// Files that results depend on.
    pub models: Vec<Model>,
    /// Worker threads.
    pub threads: usize,
    /// Name of the machine; empty where it can't be told.
    pub host: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// When it ended, likewise.
    pub ended: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Exit code of the program.
    pub exit: u8,
    /// Digest of what the items were asked for, in hexadecimal; empty for training.
    #[serde(default)]
    pub asked: String,
    /// What JSON lines tell as `ended`; null where training came to no end.
    pub summary: Value,
    /// Runs before this one, the oldest first.
    #[serde(default)]
    pub history: Vec<Past>,
}

/// Where inputs came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Folder that the items' paths refer to, absolute; none where inputs were made.
    pub path: Option<String>,
    /// `files`, `list`, `pairs`, `vectors` or `synth`.
    pub kind: String,
}

/// A file that results depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Its path as written.
    pub name: String,
    /// BLAKE3 of its content, in hexadecimal.
    pub hash: String,
}

/// An earlier run. Numbers of items are none for training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// When it ended, likewise.
    pub ended: String,
    /// Items done.
    pub done: Option<u64>,
    /// Items that failed and had not failed so before.
    pub failed: Option<u64>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Pixels of the inputs done.
    pub pixels: Option<u64>,
    /// Bytes of the inputs done.
    pub bytes: Option<u64>,
    /// Exit code.
    pub exit: u8,
}

/// What is known of a job before it runs.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// The pipeline as YAML that needs nothing else.
    pub pipeline: &'a str,
    /// The file that it came from.
    pub file: Option<&'a Path>,
}

impl Remembered {
    /// What is known of a run over items before it has ended.
    pub(super) fn of_items(plan: &Plan, facts: &Facts<'_>) -> Remembered {
        let models = plan.models.iter().map(|(name, hash)| model(name, hash)).collect();
        let asked = hex(&plan.products_digest);
        let whole = (plan.name.as_str(), plan.output.as_path(), plan.limits.threads);
        Remembered { models, asked, ..Remembered::new("items", whole, origin(&plan.input), facts) }
    }

    /// The same of training.
    pub(super) fn of_training(plan: &TrainPlan, facts: &Facts<'_>) -> Remembered {
        let root = |path: &Path, kind: &str| Origin { path: Some(data(path)), kind: kind.into() };
        let input = match &plan.data {
            Data::Pictures { inputs, .. } => match &inputs[..] {
                [one] => origin(&one.input),
                several => {
                    let path = several.iter().find_map(|mixed| origin(&mixed.input).path);
                    Origin { path, kind: "several".into() }
                }
            },
            Data::Pairs { root: folder, .. } => root(folder, "pairs"),
            Data::Vectors { source: Vectors::Parquet { files, .. } } => {
                let folder = files.first().and_then(|file| file.parent()).map(crate::plan::absolute);
                Origin { path: folder.map(|folder| data(&folder)), kind: "vectors".into() }
            }
            Data::Vectors { source: Vectors::Blobs(_) } => Origin { path: None, kind: "synth".into() },
        };
        let models = match &plan.start {
            Start::Random => Vec::new(),
            Start::Model { path, hash, .. } => vec![model(path, hash)],
        };
        let whole = (plan.name.as_str(), plan.output.as_path(), plan.threads);
        Remembered { models, ..Remembered::new("train", whole, input, facts) }
    }

    fn new(
        kind: &str,
        (job, output, threads): (&str, &Path, usize),
        input: Origin,
        facts: &Facts<'_>,
    ) -> Remembered {
        let now = now();
        Remembered {
            schema: SCHEMA,
            safelight: env!("CARGO_PKG_VERSION").into(),
            kind: kind.into(),
            job: job.into(),
            pipeline: facts.pipeline.into(),
            pipeline_file: facts.file.map(|file| data(&std::path::absolute(file).unwrap_or(file.into()))),
            directory: std::env::current_dir().map(|folder| data(&folder)).unwrap_or_default(),
            input,
            output: data(output),
            models: Vec::new(),
            threads,
            host: host(),
            started: now.clone(),
            ended: now,
            seconds: 0.0,
            exit: 0,
            asked: String::new(),
            summary: Value::Null,
            history: Vec::new(),
        }
    }

    /// Whether the job trains.
    pub(crate) fn trains(&self) -> bool {
        self.kind == "train"
    }

    /// Reads what was remembered in an output folder; none where nothing is that this version can read.
    pub(crate) fn read(output: &Path) -> Option<Remembered> {
        let path = output.join(STATE_FOLDER).join(FILE);
        look::at(&path).ok().flatten().filter(|meta| meta.is_file() && meta.len() <= MOST)?;
        let bytes = look::read(&path).ok().flatten()?;
        let found: Remembered = serde_json::from_slice(&bytes).ok()?;
        (found.schema == SCHEMA).then_some(found)
    }

    /// Writes it at the end of a run, with the runs before it.
    ///
    /// # Errors
    /// When the output can't be written. Something else of that name is no error: then nothing is remembered.
    pub(super) fn write(
        self,
        store: &Store,
        (exit, seconds): (u8, f64),
        summary: Value,
    ) -> Result<(), StoreError> {
        let before = Remembered::read(store.root());
        let ended = Remembered { ended: now(), seconds, exit, summary, history: history(before), ..self };
        let mut text = serde_json::to_vec(&ended).unwrap_or_default();
        text.push(b'\n');
        match store.write(&Path::new(STATE_FOLDER).join(FILE), &text) {
            Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Seconds since 1970 of a time as it is written here.
    pub(crate) fn seconds_of(time: &str) -> Option<i64> {
        let number = |from: usize, to: usize| time.get(from..to)?.parse::<i64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        // Howard Hinnant's `days_from_civil`.
        let year = if month <= 2 { year - 1 } else { year };
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468;
        Some(((days * 24 + number(11, 13)?) * 60 + number(14, 16)?) * 60 + number(17, 19)?)
    }

    /// This run as one of the past.
    pub(crate) fn past(&self) -> Past {
        let count = |key: &str| self.summary.get(key).and_then(Value::as_u64);
        Past {
            started: self.started.clone(),
            ended: self.ended.clone(),
            done: count("done"),
            failed: count("failed"),
            seconds: self.seconds,
            pixels: count("pixels"),
            bytes: count("bytes"),
            exit: self.exit,
        }
    }
}

/// The runs up to the last one.
fn history(last: Option<Remembered>) -> Vec<Past> {
    let Some(last) = last else { return Vec::new() };
    let past = last.past();
    let mut runs = last.history;
    runs.push(past);
    runs.split_off(runs.len().saturating_sub(RUNS))
}

fn origin(input: &InputPlan) -> Origin {
    let (path, kind) = match &input.source {
        Source::Made(_) => (None, "synth"),
        Source::List { .. } => (Some(data(&input.root)), "list"),
        Source::Folder | Source::File { .. } => (Some(data(&input.root)), "files"),
    };
    Origin { path, kind: kind.into() }
}

fn model(path: &Path, hash: &str) -> Model {
    Model { name: data(path), hash: hash.into() }
}

fn data(path: &Path) -> String {
    shown::data(path.as_os_str().as_bytes())
}

/// The time, to the second.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Value as Cell, Zone};
    use crate::store::{Fault, Guard};
    use std::fs;

    fn some() -> Remembered {
        let origin = Origin { path: Some("/in\\xFF".into()), kind: "files".into() };
        let facts = Facts { pipeline: "version: 1\n", file: Some(Path::new("a.yaml")) };
        Remembered::new("items", ("job", Path::new("/out"), 2), origin, &facts)
    }

    #[test]
    fn runs_before_are_kept_and_something_foreign_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Guard::default(), Fault::default()).unwrap();
        let file = folder.path().join(STATE_FOLDER).join(FILE);
        assert_eq!(Remembered::read(folder.path()), None);
        let summary = |done: u64| serde_json::json!({"done": done, "failed": 0, "pixels": 7, "bytes": 9});
        for run in 0..RUNS as u64 + 3 {
            some().write(&store, (10, 1.5), summary(run)).unwrap();
        }
        let found = Remembered::read(folder.path()).unwrap();
        let done: Vec<u64> = found.history.iter().filter_map(|past| past.done).collect();
        assert_eq!(done, (2..RUNS as u64 + 2).collect::<Vec<_>>());
        assert_eq!((found.exit, found.history[0].seconds, found.history[0].pixels), (10, 1.5, Some(7)));
        assert_eq!(shown::decode(&found.input.path.unwrap()).as_os_str().as_bytes(), b"/in\xff");
        // Torn, of another version, of somebody else, empty.
        let whole = fs::read_to_string(&file).unwrap();
        let newer = whole.replace("\"schema\":1", "\"schema\":2");
        assert_ne!(newer, whole);
        for text in [&whole[..whole.len() / 2], &newer, "[1]", ""] {
            fs::write(&file, text).unwrap();
            assert_eq!(Remembered::read(folder.path()), None);
            some().write(&store, (0, 1.5), summary(1)).unwrap();
            assert!(Remembered::read(folder.path()).unwrap().history.is_empty());
        }
        // What can't be replaced stays, and the run is none the worse.
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        some().write(&store, (0, 1.5), summary(1)).unwrap();
        assert_eq!(Remembered::read(folder.path()), None);
    }

    #[test]
    fn times_are_of_the_calendar() {
        let now = now();
        assert!(now.len() == 20 && now.starts_with("20") && now.ends_with('Z'), "{now}");
        for seconds in [0, 951_782_399, 951_782_400, 1_709_251_199, 1_764_435_600, 4_102_444_800] {
            let text = Cell::Timestamp(seconds * 1_000_000, Zone::Utc).text();
            assert_eq!(Remembered::seconds_of(&text), Some(seconds), "{text}");
        }
        assert_eq!(Remembered::seconds_of("yesterday"), None);
    }
}
