//! What the page says of failures, and of what was refused, lost and remarked.

use super::numbers::{count, path};
use super::tally::{FAILURES, Failure, Group as Told, Tally};
use super::{chart, kinds};
use serde_json::{Value, json};

/// Failures that the page lists without scripts.
const FIRST: usize = 100;

/// All failures for the table's script: kinds by name, then a list for each failure.
pub(super) fn rows(tally: &Tally) -> Value {
    let kinds: Vec<&str> = tally.kinds.keys().copied().collect();
    let place = |kind: &str| kinds.iter().position(|k| *k == kind).unwrap_or_default();
    let one = |f: &Failure| json!([f.path, place(f.kind), f.message, u8::from(f.acknowledged)]);
    json!({"kinds": kinds, "rows": tally.failures.iter().map(one).collect::<Vec<_>>()})
}

/// The section of failures; nothing where there are none.
pub(super) fn section(tally: &Tally) -> Value {
    let all = tally.failed + tally.acknowledged;
    if all == 0 {
        return Value::Null;
    }
    let mut kinds: Vec<(&str, usize)> = tally.kinds.iter().map(|(kind, n)| (*kind, *n)).collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let kind = |(name, n): (&str, usize)| json!({"name": name, "count": count(n as u64), "bar": chart::bar(n as f64 / all as f64), "meaning": kinds::meaning(name)});
    let first: Vec<Value> = tally
        .failures
        .iter()
        .take(FIRST)
        .map(|f| json!({"path": path(&f.path), "kind": f.kind, "message": crate::shown::text(&f.message), "acknowledged": f.acknowledged}))
        .collect();
    let more = (all > FIRST).then(|| {
        format!("The first {FIRST} of {}; with scripts, all can be searched here.", count(all as u64))
    });
    let beyond = (all > FAILURES).then(|| {
        format!(
            "The first {} of {}; `safelight status --failures` lists all.",
            count(FAILURES as u64),
            count(all as u64)
        )
    });
    json!({"kinds": kinds.into_iter().map(kind).collect::<Vec<_>>(), "first": first, "more": more, "beyond": beyond})
}

/// What was refused, lost and remarked; nothing where nothing was.
pub(super) fn notes(tally: &Tally) -> Value {
    let rows = |groups: Vec<(String, &Told)>| -> Vec<Value> {
        let mut groups = groups;
        groups.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(&b.0)));
        let row = |(name, told): (String, &Told)| {
            let paths: Vec<String> = told.paths.iter().take(3).map(|p| path(p)).collect();
            let wordings: Vec<_> = told.wordings.iter().take(3).map(|w| crate::shown::text(w)).collect();
            json!({"name": crate::shown::text(&name), "count": count(told.count as u64), "wordings": wordings,
                   "bar": chart::bar(told.count as f64 / tally.done.max(1) as f64), "paths": paths})
        };
        groups.into_iter().map(row).collect()
    };
    let refused = rows(tally.refused.iter().map(|(name, told)| (name.clone(), told)).collect());
    let losses = rows(tally.losses.iter().map(|(loss, told)| (loss.name().to_string(), told)).collect());
    let remarks = rows(tally.remarks.iter().map(|(name, told)| (name.clone(), told)).collect());
    let tables = [
        (
            refused,
            "Refused by conditions",
            "Condition",
            true,
            "Pictures that a step passed over, since its condition was not met.",
        ),
        (losses, "Lost on the way", "What", false, "What the files had and the outputs do not carry."),
        (remarks, "Other remarks", "Remark", false, "What else was noted of pictures that are done."),
    ];
    let table = |(rows, title, head, code, about): (Vec<Value>, &str, &str, bool, &str)| json!({"title": title, "head": head, "code": code, "about": about, "rows": rows});
    let tables: Vec<Value> = tables.into_iter().filter(|(rows, ..)| !rows.is_empty()).map(table).collect();
    if tables.is_empty() { Value::Null } else { tables.into() }
}
