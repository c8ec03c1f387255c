//! The manifest: the ledger's contents as `manifest.csv` and `manifest.parquet` in `.safelight`, one row an input.
//!
//! Times and durations of the run are left out on purpose: equal runs give equal manifests.

use super::error::RunError;
use super::prepare::Prepared;
use crate::columns::csv::cell;
use crate::columns::parquet::{Reader, Stream};
use crate::columns::{Column, ColumnType, Value};
use crate::inputs::Identity;
use crate::inputs::Source;
use crate::inputs::{Input, item_id, path_text};
use crate::ledger::{Ledger, Outcome, Record, Side};
use crate::pipeline::Remark;
use crate::plan::Plan;
use crate::store::names::{FORMER_MANIFESTS, MANIFESTS};
use crate::store::{Known, STATE_FOLDER, Store};
use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;

const COLUMNS: [(&str, ColumnType); 14] = [
    ("id", ColumnType::Text),
    ("path", ColumnType::Text),
    ("status", ColumnType::Text),
    ("error_kind", ColumnType::Text),
    ("error_message", ColumnType::Text),
    ("notes", ColumnType::Text),
    ("size", ColumnType::Int),
    ("mtime", ColumnType::Int),
    ("hash", ColumnType::Text),
    ("width", ColumnType::Int),
    ("height", ColumnType::Int),
    ("format", ColumnType::Text),
    ("outputs", ColumnType::Text),
    ("refused", ColumnType::Text),
];

/// Outputs of one input that are named; one that gives thousands of patches is not to fill the manifest.
const OUTPUTS: usize = 100;

/// Writes both files anew, in place of those that are there where something has changed.
///
/// Inputs not yet processed have the status `pending`, those of the ledger that are gone `vanished`, those that today's
/// patterns or list leave out `left_out`, and those of which nothing can be told now `unseen`.
///
/// # Errors
/// When the ledger can't be read, a format refuses a row, or the output can't be written.
pub(super) fn write(
    plan: &Plan,
    prepared: &Prepared,
    ledger: &Ledger,
    store: &Store,
) -> Result<(), RunError> {
    let failed =
        |what: &dyn Display| RunError::Table { folder: "manifest".into(), message: what.to_string() };
    let columns: Vec<Column> = COLUMNS.iter().map(|(n, k)| Column::new(*n, *k)).collect();
    let inputs = prepared.shown();
    let unseen: HashSet<&[u8]> = prepared.unseen.iter().map(Input::key).collect();
    let left_out: HashSet<&[u8]> = prepared.left_out.iter().map(|missing| missing.path.as_slice()).collect();
    let [csv_file, parquet_file] = MANIFESTS.map(|name| store.begin(Path::new(name)));
    let (mut csv_file, mut parquet_file) = (csv_file?, parquet_file?);
    let mut csv = csv::Writer::from_writer(&mut csv_file);
    let mut table = Stream::new(&mut parquet_file, &columns);
    csv.write_record(columns.iter().map(|c| c.name.as_str())).map_err(|e| failed(&e))?;
    ledger.compare(inputs.iter().map(|input| input.key()), |side| {
        let listed = |at: usize| {
            let nothing = Identity { size: 0, mtime_ns: 0 };
            (inputs[at].key(), Some(inputs[at].identity.clone().unwrap_or(nothing)))
        };
        let (path, now, record) = match &side {
            Side::Unknown(at) => (listed(*at).0, listed(*at).1, None),
            Side::Known(at, record) => (listed(*at).0, listed(*at).1, Some(record)),
            Side::Other(path, record) => (*path, None, Some(record)),
        };
        let mut values = row(plan, path, record, now);
        let missing = [(&unseen, "unseen"), (&left_out, "left_out")];
        if let Some((_, status)) = missing.iter().find(|(set, _)| set.contains(path)) {
            values[2] = Value::Text((*status).to_string());
        }
        csv.write_record(values.iter().map(cell)).map_err(|e| failed(&e))?;
        table.push(values).map_err(|e| failed(&e))
    })?;
    csv.flush().map_err(|e| failed(&e))?;
    drop(csv);
    let metadata = [("safelight.version".to_string(), env!("CARGO_PKG_VERSION").to_string())];
    table.finish(&metadata).map_err(|e| failed(&e))?;
    store.end(csv_file)?;
    store.end(parquet_file)?;
    remove_former(store)
}

/// Removes manifests that an earlier version wrote into the output itself. A file of that name that is somebody else's
/// stays.
fn remove_former(store: &Store) -> Result<(), RunError> {
    let [csv_file, parquet_file] = FORMER_MANIFESTS;
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).take(3).collect();
    let csv_ours = || {
        let header = csv::Reader::from_path(store.root().join(csv_file)).ok()?.headers().ok()?.clone();
        Some(header.iter().take(3).eq(names.iter().copied()))
    };
    let parquet_ours = || {
        let reader = Reader::open(&store.root().join(parquet_file)).ok()?;
        let header = reader.columns().iter().take(3).map(|column| column.name.as_str());
        Some(reader.says("safelight.version").is_some() && header.eq(names.iter().copied()))
    };
    for (file, ours) in [(csv_file, csv_ours()), (parquet_file, parquet_ours())] {
        if ours == Some(true) {
            store.remove(Path::new(file), &Known::anything())?;
        }
    }
    Ok(())
}

/// `now` is the input as it was listed; none when it is gone.
fn row(plan: &Plan, path: &[u8], record: Option<&Record>, now: Option<Identity>) -> Vec<Value> {
    let text = |t: Option<String>| t.map_or(Value::Null, Value::Text);
    let int = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
    let (mut status, mut error, mut facts) = ("pending", None, None);
    match record.map(|r| (&r.outcome, r)) {
        Some((Outcome::Done(f), r)) => {
            let whole = plan.products.iter().all(|p| r.products.contains_key(p));
            let same = now == Some(Identity { size: r.size, mtime_ns: r.mtime_ns });
            status = if whole && same { "done" } else { "pending" };
            facts = Some(f);
        }
        Some((Outcome::Failed { error: e, .. }, _)) => {
            status = "failed";
            error = Some(e);
        }
        None => {}
    }
    if now.is_none() {
        status = "vanished";
    }
    // What shards are put together from is safelight's own.
    let own = |path: &[u8]| path.starts_with(STATE_FOLDER.as_bytes());
    let all = record.into_iter().flat_map(|r| r.products.values().flatten());
    let mut outputs: Vec<String> = all.filter(|o| !own(&o.path)).map(|o| path_text(&o.path)).collect();
    outputs.sort();
    if outputs.len() > OUTPUTS {
        let more = outputs.len() - OUTPUTS;
        outputs.truncate(OUTPUTS);
        outputs.push(format!("and {more} more"));
    }
    let all = || record.into_iter().flat_map(|r| &r.notes);
    let notes = |kept: &dyn Fn(Remark<'_>) -> bool| {
        let notes: Vec<&str> = all().map(String::as_str).filter(|note| kept(Remark::of(note))).collect();
        text(Some(notes.join("; ")).filter(|notes| !notes.is_empty()))
    };
    let mut refused: Vec<&str> = all()
        .filter_map(|note| match Remark::of(note) {
            Remark::Refused(condition) => Some(condition),
            _ => None,
        })
        .collect();
    // Some may stand from earlier runs.
    refused.sort_unstable();
    let known = record.filter(|r| r.hash.is_some());
    // That of a picture that is made is no time.
    let dated = known.filter(|_| !matches!(plan.input.source, Source::Made(_)));
    vec![
        Value::Text(item_id(path)),
        Value::Text(path_text(path)),
        Value::Text(status.to_string()),
        text(error.map(|e| e.kind.name().to_string())),
        text(error.map(|e| e.message.clone())),
        notes(&|remark| !matches!(remark, Remark::Refused(_))),
        int(known.and_then(|r| i64::try_from(r.size).ok())),
        int(dated.map(|r| r.mtime_ns / 1000)),
        text(record.and_then(|r| r.hash).map(|h| blake3::Hash::from(h).to_hex().to_string())),
        int(facts.map(|f| f.width.into())),
        int(facts.map(|f| f.height.into())),
        text(facts.map(|f| f.format.clone())),
        text(Some(outputs.join("\n")).filter(|o| !o.is_empty())),
        text(Some(refused.join("; ")).filter(|r| !r.is_empty())),
    ]
}
