//! How shards stand.

use super::words::path;
use crate::job::{Overview, Progress, ShardState};
use serde_json::{Value, json};
use std::path::Path;

/// All that are not gathered yet.
pub(crate) fn shards((name, output): (&str, &Path), overview: Option<&Overview>) -> Value {
    let shards: Vec<Value> =
        overview.into_iter().flat_map(each).map(|(number, state, told)| one(number, state, told)).collect();
    json!({"job": name, "output": path(output), "count": shards.len(), "shards": shards})
}

/// Each with its number, from 1.
pub(crate) fn each(overview: &Overview) -> impl Iterator<Item = (usize, ShardState, Option<&Progress>)> {
    overview.shards.iter().enumerate().map(|(at, (state, told))| (at + 1, *state, told.as_ref()))
}

fn one(number: usize, state: ShardState, told: Option<&Progress>) -> Value {
    let mut one = json!({"shard": number, "state": state.name()});
    if let (Value::Object(one), Some(told)) = (&mut one, told) {
        let fields = json!({"host": told.host, "pid": told.pid, "started": told.started, "updated": told.updated,
                            "seconds": told.seconds, "total": told.total, "todo": told.todo, "done": told.done,
                            "failed": told.failed, "bytes": told.bytes, "exit": told.exit, "error": told.error});
        if let Value::Object(fields) = fields {
            one.extend(fields);
        }
    }
    one
}
