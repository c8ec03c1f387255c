//! How a job stands.

use super::words::{last_run, path};
use crate::error::ItemError;
use crate::job::{Remembered, Status, Table};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Of a training job; `resume` is how far it is, where that is known.
pub(crate) fn training_status(
    (name, output): (&str, &Path),
    status: &Status,
    last: Option<&Remembered>,
    resume: Value,
) -> Value {
    json!({"kind": "train", "job": name, "output": path(output), "folders": folders(status),
           "resume": resume, "last_run": last_run(last)})
}

fn folders(status: &Status) -> Vec<Value> {
    let folder = |t: &Table| json!({"folder": t.folder, "files": t.parts, "bytes": t.bytes});
    status.tables.iter().map(folder).collect()
}

/// Of a job over items, the same as the text tells; with `failures`, each of them.
pub(crate) fn items(
    (name, output): (&str, &Path),
    status: &Status,
    last: Option<&Remembered>,
    failures: bool,
) -> Value {
    let listed = |all: &[(PathBuf, ItemError)], acknowledged: bool| -> Vec<Value> {
        let one = |(item, error): &(PathBuf, ItemError)| {
            json!({"path": path(item), "error_kind": error.kind.name(), "message": error.message,
                   "acknowledged": acknowledged})
        };
        all.iter().map(one).collect()
    };
    let listed = || [listed(&status.failed, false), listed(&status.ignored, true)].concat();
    json!({"kind": "items", "job": name, "output": path(output), "done": status.done,
           "failed": status.failed.len(), "failed_by_kind": kinds(status), "ignored": status.ignored.len(),
           "vanished": status.vanished, "outputs": status.outputs, "bytes": status.bytes,
           "work_seconds": status.seconds, "folders": folders(status), "leftover": status.leftover,
           "failures": failures.then(listed), "last_run": last_run(last)})
}

/// Failures that count, by kind.
pub(crate) fn kinds(status: &Status) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    status.failed.iter().for_each(|(_, error)| *kinds.entry(error.kind.name()).or_insert(0) += 1);
    kinds
}
