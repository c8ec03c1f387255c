//! What a disturbed run must not have done.

use super::case::{Case, tail};
use super::strace::{Outcome, Strike};
use crate::support::{Tree, differences};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Everything beside the output.
#[derive(Default)]
pub struct Outside(BTreeMap<PathBuf, Entry>);

#[derive(PartialEq)]
struct Entry {
    /// Kind and permissions.
    mode: u32,
    /// Modification time: seconds, nanoseconds.
    time: (i64, i64),
    content: Vec<u8>,
}

impl Outside {
    pub fn of(case: &Case) -> Outside {
        let mut all = BTreeMap::new();
        let ours = [case.output(), case.root().join("cache")];
        let walk = walkdir::WalkDir::new(case.root()).min_depth(1).into_iter();
        for entry in walk.filter_entry(|e| !ours.iter().any(|folder| folder == e.path())) {
            let entry = entry.unwrap();
            let (path, meta) = (entry.path(), fs::symlink_metadata(entry.path()).unwrap());
            let content = match entry.file_type() {
                kind if kind.is_dir() => Vec::new(),
                kind if kind.is_symlink() => fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec(),
                _ => fs::read(path).unwrap(),
            };
            let time = (meta.mtime(), meta.mtime_nsec());
            all.insert(path.to_path_buf(), Entry { mode: meta.mode(), time, content });
        }
        Outside(all)
    }

    /// What differs `now`.
    pub fn changes(&self, now: &Outside) -> Vec<String> {
        let told = |what: &str, path: &Path| format!("outside the output: {what} {}", path.display());
        let gone = self.0.iter().filter_map(|(path, was)| match now.0.get(path) {
            None => Some(told("gone", path)),
            Some(is) if is != was => Some(told("changed", path)),
            Some(_) => None,
        });
        let new = now.0.keys().filter(|path| !self.0.contains_key(*path)).map(|path| told("new", path));
        gone.chain(new).collect()
    }
}

/// How the disturbed run itself must not end.
pub fn crash(outcome: &Outcome, strike: &Strike) -> Vec<String> {
    let mut wrong = Vec::new();
    if outcome.hung {
        wrong.push("it hangs".to_string());
    }
    // Loader and runtime may end a program that has not begun.
    if strike.starting || wants_memory(outcome) {
        return wrong;
    }
    if outcome.code == Some(101) || outcome.err.contains("panicked") {
        wrong.push(format!("it panics: {}", tail(&outcome.err)));
    }
    let expected = strike.error == "KILL" || outcome.hung;
    if let Some(signal) = outcome.signal.filter(|_| !expected) {
        wrong.push(format!("it dies of signal {signal}: {}", tail(&outcome.err)));
    }
    wrong
}

/// Whether the language's runtime ended the process because an allocation, or that of a new thread's signal
/// stack, failed: no code of ours is asked then, and it is as if the system had killed it.
pub fn wants_memory(outcome: &Outcome) -> bool {
    let said = ["memory allocation of", "failed to allocate an alternative stack"];
    outcome.signal == Some(6) && said.iter().any(|text| outcome.err.contains(text))
}

/// What harm there is in the output and around it, before anything is repaired.
pub fn harm(case: &Case, found: &Tree) -> Vec<String> {
    let mut wrong = case.outside.changes(&Outside::of(case));
    for (path, bytes) in found {
        let known = [&case.before, &case.wanted].iter().any(|tree| tree.get(path) == Some(bytes));
        if !known && !whole(path, bytes) {
            wrong.push(format!("half written or foreign: {}", path.display()));
        }
        wrong.extend(unfulfilled(path, bytes, found));
    }
    // What a run neither makes anew nor prunes stands through it.
    let stays = |path: &&PathBuf| {
        case.wanted.contains_key(*path) && (!listing(path) || path.ends_with("manifest.csv"))
    };
    let lost = case.before.keys().filter(stays).filter(|path| !found.contains_key(*path));
    wrong.extend(lost.map(|path| format!("gone: {}", path.display())));
    wrong
}

/// A run that reports success has done everything.
pub fn success(case: &Case, outcome: &Outcome, found: &Tree) -> Vec<String> {
    if outcome.code != Some(0) || !case.succeeds() {
        return Vec::new();
    }
    differences(found, &case.wanted).into_iter().map(|d| format!("though it reports success: {d}")).collect()
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default()
}

/// Files that are made from all inputs: they may tell of fewer after a failure.
fn listing(path: &Path) -> bool {
    ["csv", "parquet", "tar"].contains(&extension(path))
}

/// Whether a file made from several inputs is complete in itself.
fn whole(path: &Path, bytes: &[u8]) -> bool {
    match extension(path) {
        "csv" => {
            let mut reader = csv::Reader::from_reader(bytes);
            bytes.ends_with(b"\n") && reader.records().all(|record| record.is_ok())
        }
        "parquet" => crate::support::frame(bytes).is_ok(),
        "tar" => {
            let mut archive = tar::Archive::new(bytes);
            let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
                entry.and_then(|mut e| e.read_to_end(&mut Vec::new())).is_ok()
            };
            bytes.ends_with(&[0; 1024]) && archive.entries().is_ok_and(|mut entries| entries.all(read))
        }
        _ => false,
    }
}

/// Pairs that a list names and that are not there.
fn unfulfilled(path: &Path, bytes: &[u8], found: &Tree) -> Vec<String> {
    let (true, Some(folder)) = (path.ends_with("metadata.csv"), path.parent()) else { return Vec::new() };
    let mut reader = csv::Reader::from_reader(bytes);
    let names = reader.headers().cloned().unwrap_or_default();
    let files = names.iter().enumerate().filter(|(_, name)| name.ends_with("file_name"));
    let columns: Vec<usize> = files.map(|(column, _)| column).collect();
    let rows = reader.records().flatten();
    rows.flat_map(|row| columns.iter().map(|c| folder.join(&row[*c])).collect::<Vec<_>>())
        .filter(|file| !found.contains_key(file))
        .map(|file| format!("{} names {}, which is not there", path.display(), file.display()))
        .collect()
}
