//! The summary of a run as JSON: the event `ended` of JSON lines, and what `run.json` keeps.

use crate::run::event::{Stop, Summary};
use crate::shown::Show;
use crate::train::Summary as TrainSummary;
use serde_json::{Map, Value, json};

/// The name of a stop in machine-readable output.
pub(crate) fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::Interrupted => "interrupted",
        Stop::TooManyFailures => "too_many_failures",
        Stop::StorageFailed => "storage_failed",
        Stop::ShardsMissing => "shards_missing",
    }
}

/// Of a run over items.
pub(crate) fn ended(s: &Summary) -> Value {
    let step =
        |(index, (name, seconds)): (usize, &(String, f64))| (format!("{index}.{name}"), json!(seconds));
    let steps: Map<String, Value> = s.steps.iter().enumerate().map(step).collect();
    let losses: Map<String, Value> =
        s.losses.iter().map(|(loss, n)| (loss.key().to_owned(), json!(n))).collect();
    let tables: Vec<Value> = s.tables.iter().map(|(f, n)| json!({"folder": f, "rows": n})).collect();
    let refused: Vec<Value> =
        s.refused.iter().map(|(condition, n)| json!({"condition": condition, "count": n})).collect();
    json!({"event": "ended", "total": s.total, "done": s.done, "failed": s.failed, "again": s.again,
           "standing": s.standing, "ignored": s.ignored, "skipped": s.skipped, "not_selected": s.not_selected,
           "vanished": s.vanished, "newly_vanished": s.newly_vanished, "newly_left_out": s.newly_left_out,
           "pruned": s.pruned, "seconds": s.seconds, "bytes": s.bytes, "pixels": s.pixels,
           "step_seconds": steps, "tables": tables, "losses": losses, "refused": refused,
           "unchanged": s.unchanged, "stop": s.stop.map(stop)})
}

/// Of a training job.
pub(crate) fn trained(summary: &TrainSummary) -> Value {
    let other = |other: &Option<(String, f64)>| {
        other.as_ref().map(|(label, value)| json!({"label": label, "value": value}))
    };
    let figures: Vec<Value> = summary
        .figures
        .iter()
        .map(|f| {
            json!({"name": f.name, "value": f.value, "baseline": other(&f.baseline), "beside": other(&f.beside)})
        })
        .collect();
    json!({"event": "ended", "epochs": summary.epochs, "steps": summary.steps,
           "stopped_early": summary.stopped_early, "figures": figures,
           "model": summary.model.shown().to_string()})
}
