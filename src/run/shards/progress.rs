//! How far a shard is: a small file that it writes every few seconds and when it ends.

use super::place::file;
use crate::run::clock::now;
use crate::run::event::{Event, Summary};
use crate::run::shard::Shard;
use crate::store::{Process, Store};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How far a shard is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Version of the keys.
    schema: u32,
    /// The set that it belongs to.
    pub(super) set: String,
    /// Its number, from 1.
    pub shard: u32,
    /// How many there are.
    pub count: u32,
    /// Who does it.
    pub host: String,
    /// Number of the process there.
    pub pid: u32,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// When this was written, likewise.
    pub updated: String,
    /// Wall-clock seconds until then.
    pub seconds: f64,
    /// Inputs of its own.
    pub total: u64,
    /// Items to process.
    pub todo: u64,
    /// Items done in this run of it.
    pub done: u64,
    /// Items that failed in this run of it, whether they had before or not.
    pub failed: u64,
    /// Input bytes of the items done.
    pub bytes: u64,
    /// Exit code; none while it works, or was killed at it.
    pub exit: Option<u8>,
    /// What ended it, where that was an error.
    pub error: Option<String>,
}

/// Where that of a shard stands.
pub(super) fn path(name: &str) -> PathBuf {
    file(&format!("{name}.json"))
}

/// That of the shard of this name; none where there is none, or one of another kind.
pub(super) fn read(store: &Store, name: &str) -> Option<Progress> {
    let bytes = store.read(&path(name)).ok()??;
    serde_json::from_slice(&bytes).ok().filter(|progress: &Progress| progress.schema == 1)
}

/// What a run at work counts, from all its threads.
#[derive(Debug)]
pub(super) struct Counter {
    first: Progress,
    start: Instant,
    total: AtomicU64,
    todo: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    /// Of a shard that begins.
    pub(super) fn new(set: &str, shard: Shard, start: Instant) -> Counter {
        let Process { host, pid, .. } = Process::this();
        let first = Progress {
            schema: 1,
            set: set.to_string(),
            shard: shard.index() + 1,
            count: shard.count(),
            host,
            pid,
            started: now(),
            updated: String::new(),
            seconds: 0.0,
            total: 0,
            todo: 0,
            done: 0,
            failed: 0,
            bytes: 0,
            exit: None,
            error: None,
        };
        let [total, todo, done, failed, bytes] = std::array::from_fn(|_| AtomicU64::new(0));
        Counter { first, start, total, todo, done, failed, bytes }
    }

    /// Counts what is told.
    pub(super) fn see(&self, event: &Event) {
        let add = |count: &AtomicU64, by: u64| {
            count.fetch_add(by, Ordering::Relaxed);
        };
        match event {
            Event::Planned { total, todo, .. } => {
                add(&self.total, *total as u64);
                add(&self.todo, *todo as u64);
            }
            Event::Finished { bytes, .. } => {
                add(&self.done, 1);
                add(&self.bytes, *bytes);
            }
            Event::Failed { .. } => add(&self.failed, 1),
            _ => {}
        }
    }

    /// As it is now.
    pub(super) fn now(&self) -> Progress {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Progress {
            updated: now(),
            seconds: self.start.elapsed().as_secs_f64(),
            total: of(&self.total),
            todo: of(&self.todo),
            done: of(&self.done),
            failed: of(&self.failed),
            bytes: of(&self.bytes),
            ..self.first.clone()
        }
    }
}

/// Writes it. One that can't be written is no reason to stop: it is there to be looked at.
pub(super) fn write(store: &Store, name: &str, progress: &Progress) {
    if let Ok(bytes) = serde_json::to_vec(progress) {
        store.write(&path(name), &bytes).ok();
    }
}

/// Counts for a summary what the runner told of it.
pub(super) fn ended(
    counter: &Counter,
    exit: u8,
    error: Option<String>,
    summary: Option<&Summary>,
) -> Progress {
    let mut progress = Progress { exit: Some(exit), error, ..counter.now() };
    if let Some(summary) = summary {
        progress.total = summary.total as u64;
    }
    progress
}
