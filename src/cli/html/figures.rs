//! What a report says, as JSON for other programs.

use super::distribution::Spread;
use super::facts::Facts;
use super::samples::Sample;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The numbers of a report.
pub(super) fn figures(facts: &Facts<'_>) -> Value {
    let tally = facts.tally;
    let group = |(name, group): (&str, &super::tally::Group)| json!({"name": name, "count": group.count, "examples": group.paths});
    let losses: Vec<Value> = tally.losses.iter().map(|(loss, g)| group((loss.key(), g))).collect();
    let refused: Vec<Value> = tally.refused.iter().map(|(condition, g)| group((condition, g))).collect();
    let columns: Vec<Value> = facts.spreads().iter().map(column).collect();
    let samples: Vec<Value> = facts.samples.samples.iter().map(sample).collect();
    let mut duplicates: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for group in facts.groups {
        let count = duplicates.entry(group.class).or_default();
        *count = (count.0 + 1, count.1 + group.rows.len());
    }
    let duplicates: Map<String, Value> = duplicates
        .into_iter()
        .map(|(class, (groups, rows))| (class.to_string(), json!({"groups": groups, "pictures": rows})))
        .collect();
    json!({
        "safelight": env!("CARGO_PKG_VERSION"),
        "job": facts.subject.name,
        "output": crate::inputs::path_text(std::os::unix::ffi::OsStrExt::as_bytes(facts.subject.output.as_os_str())),
        "kind": if facts.subject.trains { "train" } else { "items" },
        "items": {"done": tally.done, "failed": tally.failed, "acknowledged": tally.acknowledged,
                  "vanished": tally.vanished, "unchanged": tally.unchanged},
        "failures": tally.kinds,
        "refused": refused,
        "losses": losses,
        "outputs": {"files": tally.outputs.0, "bytes": tally.outputs.1},
        "seconds": tally.seconds,
        "rows": facts.rows.paths.len(),
        "columns": columns,
        "samples": samples,
        "points": facts.points,
        "duplicates": duplicates,
        "warnings": facts.warnings,
    })
}

fn column(spread: &Spread) -> Value {
    let [least, low, median, high, greatest] = spread.quantiles;
    json!({"name": spread.name, "count": spread.count, "min": least, "p5": low, "median": median, "p95": high, "max": greatest})
}

fn sample(sample: &Sample) -> Value {
    let why: Vec<&str> = sample.why.iter().map(|why| why.name()).collect();
    let file = |shown: &Option<super::samples::Shown>| shown.as_ref().map(|s| s.file.clone());
    json!({"path": sample.path, "why": why, "remarks": sample.remarks, "before": file(&sample.before), "after": file(&sample.after)})
}
