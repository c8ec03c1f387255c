//! `table`: one row an image, as a folder of Parquet parts that always holds each done input once.
//!
//! The folder is a projection of the ledger. Rows stand in path order and are cut into parts at places
//! that depend on the rows themselves, so that a new or changed file rewrites one part, and the folder
//! after any history equals that of a single fresh run. A changed set of parts replaces the old one in
//! one atomic exchange.

use super::cut::Cut;
use crate::columns::{self, Column, ColumnType, Value};
use crate::error::ItemError;
use crate::inputs::{Input, Origin, path_text};
use crate::ledger::{Facts, Fingerprint, Ledger, Outcome, PartRecord, Record};
use crate::pipeline::{
    Action, Build, Built, Keeps, KnownParts, Load, Outgoing, Publication, Rows, Sample, Sink, SinkError, Turn,
};
use crate::shown::Show;
use crate::spec::{Descriptor, Diagnostics, Kind, Parameters, Role, params};
use crate::store::{Part, Store, StoreError};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Bytes of rows a part aims at, uncompressed.
const PART_BYTES: usize = 32 << 20;

params! {
    /// Parameters of `table`.
    pub(super) struct Params {
        /// Folder below the output that holds the parts and nothing else.
        folder: PathBuf [Kind::Folder] = "table",
        /// Rows a part aims at; by default as many as fill about 32 MB, at most 65536.
        rows: Option<usize> [Kind::Int { min: 16, max: 1_000_000 }],
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "table",
    version: 1,
    doc: "Writes one Parquet row for each image (after `patches` or `corrupt_each`, for each sample): what the \
          file is, carried list columns, measurements and vectors.",
    role: Role::WriteRow,
    params: Params::TABLE,
    shorthand: None,
    example: "- table: {folder: table}",
};

/// The resolved sink.
#[derive(Debug)]
pub(super) struct TableSink {
    folder: PathBuf,
    rows: Option<usize>,
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { folder, rows } = params;
    Ok(Built::from(Action::Sink(Box::new(TableSink { folder, rows }))))
}

/// Columns every table begins with.
pub(super) fn base_columns() -> Vec<Column> {
    use ColumnType::{Int, Text};
    let columns = [
        ("id", Text),
        ("path", Text),
        ("size", Int),
        ("mtime", Int),
        ("hash", Text),
        ("width", Int),
        ("height", Int),
        ("channels", Int),
        ("bit_depth", Int),
        ("format", Text),
    ];
    columns.into_iter().map(|(name, kind)| Column::new(name, kind)).collect()
}

/// The rows of an input.
struct RowRef<'a> {
    input: &'a Input,
    /// Of the input and what is recorded of it.
    key: [u8; 32],
}

/// What the ledger says of an input beside the rows.
struct Base {
    size: u64,
    mtime_ns: i64,
    hash: Option<[u8; 32]>,
    facts: Facts,
}

struct Layout {
    columns: Vec<Column>,
    made: Rows,
    metadata: Vec<(String, String)>,
}

impl TableSink {
    fn layout(publication: &Publication<'_>) -> Layout {
        let mut columns = base_columns();
        let mut taken: HashSet<String> = columns.iter().map(|c| c.name.clone()).collect();
        let made = publication.rows.clone();
        taken.extend(made.columns().map(|c| c.name.clone()));
        for column in publication.carried {
            let mut name = column.name.clone();
            while !taken.insert(name.clone()) {
                name = format!("list_{name}");
            }
            columns.push(Column::new(name, column.kind));
        }
        columns.extend(made.columns().cloned());
        let ids: String = made.products().flatten().map(|b| format!("{b:02x}")).collect();
        let mut metadata = vec![
            ("safelight.version".to_string(), env!("CARGO_PKG_VERSION").to_string()),
            ("safelight.pipeline".to_string(), publication.pipeline.to_string()),
            ("safelight.fingerprint".to_string(), blake3::hash(ids.as_bytes()).to_hex()[..32].to_string()),
        ];
        metadata.push(("safelight.models".to_string(), publication.models.join(",")));
        Layout { columns, made, metadata }
    }
}

impl Sink for TableSink {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn keeps(&self) -> Keeps {
        Keeps::Nothing
    }

    fn peak_bytes(&self, _load: &Load) -> u64 {
        0
    }

    fn take(
        &self,
        _sample: &mut Sample,
        _product: &Fingerprint,
        _written: &dyn Fn(&Path) -> bool,
    ) -> Result<Outgoing, ItemError> {
        Ok(Outgoing::default())
    }

    fn turn(&self) -> Option<Turn> {
        Some(Turn::Last)
    }

    fn publish(&self, publication: &Publication<'_>, ledger: &mut Ledger) -> Result<usize, SinkError> {
        let layout = TableSink::layout(publication);
        let Publication { inputs, store, replace_edited, .. } = publication;
        let mut rows: Vec<RowRef<'_>> = Vec::new();
        publication.each(ledger, |at, record| {
            let input = inputs[at];
            if layout.made.complete(&record) && facts(&record).is_some() {
                rows.push(RowRef { input, key: row_key(input, &record) });
            }
            Ok(())
        })?;
        let target = self.rows.unwrap_or_else(|| default_rows(&layout.columns));
        let counts = layout.made.counted_by().map(|fan| ledger.row_counts(fan)).transpose()?;
        let key = |r: &RowRef<'_>| {
            let count = counts.as_ref().map_or(1, |c| c.get(r.input.key()).copied().unwrap_or(0));
            (*blake3::hash(r.input.key()).as_bytes(), count)
        };
        let keys: Vec<([u8; 32], usize)> = rows.iter().map(key).collect();
        let total = keys.iter().map(|(_, count)| count).sum();
        let schema = schema_text(&layout);
        let mut parts = Vec::new();
        for range in cut(&keys, target) {
            let rows = &rows[range];
            let mut hasher = blake3::Hasher::new();
            hasher.update(schema.as_bytes());
            for row in rows {
                hasher.update(&row.key);
            }
            parts.push((format!("part-{}.parquet", &hasher.finalize().to_hex()[..16]), rows));
        }
        let folder_name = self.folder.to_string_lossy().into_owned();
        let known = ledger.parts(&folder_name)?;
        // The run took its time: somebody may have been here since it began.
        let parts_known = KnownParts::of(Some(ledger), &folder_name, *replace_edited)?;
        let present = parts_known.present(store, &self.folder, is_part_name)?;
        let intact =
            |name: &str| known.get(name).is_some_and(|s| present.get(name) == Some(&(s.size, s.mtime_ns)));
        if present.len() == parts.len() && parts.iter().all(|(name, _)| intact(name)) {
            return Ok(total);
        }
        let mut failure = None;
        let files = parts.iter().map_while(|(name, rows)| {
            if intact(name) {
                return known.get(name).map(|stamp| {
                    let carried = Part::Carried { from: name.clone(), stamp: stamp.clone() };
                    Ok((name.clone(), carried))
                });
            }
            match part(&layout, rows, ledger) {
                Ok(bytes) => Some(Ok((name.clone(), Part::New(bytes)))),
                Err(error) => {
                    failure = Some(error);
                    let source = std::io::Error::other("a part could not be made");
                    Some(Err(StoreError::Io { action: "write", path: self.folder.clone(), source }))
                }
            }
        });
        let built = store.build_folder(&self.folder, files);
        if let Some(failure) = failure {
            return Err(failure);
        }
        let built = built?;
        ledger.announce_folder(&built)?;
        let stamps = store.put_folder(built, &present)?;
        // The names say what is in them.
        let record = |(name, stamp)| PartRecord { name, digest: String::new(), stamp };
        let parts: Vec<PartRecord> = stamps.into_iter().map(record).collect();
        ledger.set_parts(&folder_name, &parts)?;
        Ok(total)
    }

    fn check(&self, store: &Store, known: &KnownParts) -> Result<(), SinkError> {
        known.present(store, &self.folder, is_part_name).map(drop)
    }
}

/// What the input was when the rows were made of it.
fn facts(record: &Record) -> Option<&Facts> {
    match &record.outcome {
        Outcome::Done(facts) => Some(facts),
        // It could not be looked at; nothing says that it is another one now.
        Outcome::Failed { .. } => record.last.as_ref(),
    }
}

fn row_key(input: &Input, record: &Record) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(input.key());
    hasher.update(&[0]);
    hasher.update(&record.size.to_le_bytes());
    hasher.update(&record.mtime_ns.to_le_bytes());
    hasher.update(&record.hash.unwrap_or_default());
    hasher.update(&columns::encode(&input.carried));
    // Rows of another reference are other rows.
    hasher.update(input.reference_identity().unwrap_or_default().as_bytes());
    *hasher.finalize().as_bytes()
}

fn default_rows(columns: &[Column]) -> usize {
    let bytes: usize = columns
        .iter()
        .map(|c| match c.kind {
            ColumnType::Bool => 1,
            ColumnType::Int | ColumnType::Float | ColumnType::Timestamp(_) => 8,
            ColumnType::Text => 48,
            ColumnType::Vector(n) => 4 * n,
            ColumnType::HalfVector(n) => 2 * n,
            ColumnType::Image => 4096,
            ColumnType::Neighbours => 168,
        })
        .sum();
    (PART_BYTES / bytes.max(1)).clamp(64, 65_536)
}

fn schema_text(layout: &Layout) -> String {
    let columns = layout.columns.iter().map(|c| format!("{}:{};", c.name, c.kind.name()));
    let products = layout.made.products().map(|p| format!("{p:?};"));
    let metadata = layout.metadata.iter().map(|(k, v)| format!("{k}={v};"));
    columns.chain(products).chain(metadata).collect()
}

/// Cuts inputs, each a key with its number of rows, into parts: after one whose key says so, so that a change
/// elsewhere moves no boundary. Parts hold from a quarter of `target` rows (the last may hold fewer) to four
/// times as many, and the rows of one input more. At least one range, which may be empty.
fn cut(keys: &[([u8; 32], usize)], target: usize) -> Vec<std::ops::Range<usize>> {
    let (at, most) = (Cut { every: target as u64, least: target.div_ceil(4) as u64 }, target * 4);
    let mut ranges = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (index, (key, rows)) in keys.iter().enumerate() {
        length += rows;
        if at.ends_after(key, *rows as u64, length as u64) || length >= most {
            ranges.push(start..index + 1);
            (start, length) = (index + 1, 0);
        }
    }
    if start < keys.len() || ranges.is_empty() {
        ranges.push(start..keys.len());
    }
    ranges
}

/// `part-`, 16 hexadecimal digits, `.parquet`: names that other writers don't use.
fn is_part_name(name: &str) -> bool {
    let digits = name.strip_prefix("part-").and_then(|n| n.strip_suffix(".parquet"));
    digits.is_some_and(|d| d.len() == 16 && d.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn part(layout: &Layout, rows: &[RowRef<'_>], ledger: &Ledger) -> Result<Vec<u8>, SinkError> {
    let mut table = crate::columns::parquet::Table::new(&layout.columns, rows.len());
    let paths: Vec<&[u8]> = rows.iter().map(|row| row.input.key()).collect();
    let bases = bases(ledger, &paths)?;
    layout.made.each(ledger, &paths, |index, made| {
        let row = &rows[index];
        let Some(record) = bases.get(row.input.key()) else { return Ok(()) };
        let facts = &record.facts;
        let hash = record.hash.map(|h| blake3::Hash::from(h).to_hex().to_string()).unwrap_or_default();
        let mut base = vec![
            Value::Text(row.input.id()),
            Value::Text(path_text(row.input.key())),
            Value::Int(i64::try_from(record.size).unwrap_or(i64::MAX)),
            match row.input.origin {
                Origin::File(_) => Value::Int(record.mtime_ns / 1000),
                Origin::Made(_) => Value::Null,
            },
            Value::Text(hash),
            Value::Int(facts.width.into()),
            Value::Int(facts.height.into()),
            Value::Int(facts.channels.into()),
            Value::Int(facts.bit_depth.into()),
            Value::Text(facts.format.clone()),
        ];
        base.extend(row.input.carried.iter().cloned());
        for made in made {
            let values = base.iter().cloned().chain(made).collect();
            table.push(values).map_err(|e| SinkError::Table {
                folder: row.input.key().shown().to_string(),
                message: format!(
                    "{e}; the ledger is damaged, move the whole output folder away and run again"
                ),
            })?;
        }
        Ok(())
    })?;
    let failed = |message| SinkError::Table { folder: "part".into(), message };
    table.finish(&layout.metadata).map_err(|e| failed(e.to_string()))
}

fn bases(ledger: &Ledger, paths: &[&[u8]]) -> Result<HashMap<Vec<u8>, Base>, SinkError> {
    let mut bases = HashMap::with_capacity(paths.len());
    let (Some(first), Some(last)) = (paths.first(), paths.last()) else { return Ok(bases) };
    ledger.each_between((first, last), |path, record| {
        if let Some(facts) = facts(&record).cloned() {
            let Record { size, mtime_ns, hash, .. } = record;
            bases.insert(path.to_vec(), Base { size, mtime_ns, hash, facts });
        }
        Ok::<_, SinkError>(())
    })?;
    Ok(bases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(names: &[u32]) -> Vec<([u8; 32], usize)> {
        names.iter().map(|n| (*blake3::hash(&n.to_le_bytes()).as_bytes(), 1)).collect()
    }

    proptest! {
        #[test]
        fn parts_cover_every_row_once_and_are_bounded(count in 0usize..3000, target in 1usize..200) {
            let names: Vec<u32> = (0..count as u32).collect();
            let ranges = cut(&keys(&names), target);
            let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..count).collect::<Vec<_>>());
            prop_assert!(ranges.iter().all(|r| r.len() <= target * 4));
        }

        #[test]
        fn inputs_of_many_rows_fill_parts_sooner(count in 1usize..500, rows in 1usize..90) {
            let names: Vec<u32> = (0..count as u32).collect();
            let weighed: Vec<_> = keys(&names).into_iter().map(|(key, _)| (key, rows)).collect();
            let ranges = cut(&weighed, 100);
            prop_assert!(ranges.iter().all(|r| r.len() * rows < 400 + rows));
            prop_assert!(ranges.iter().rev().skip(1).all(|r| r.len() * rows >= 25));
        }
    }

    #[test]
    fn one_new_row_leaves_most_parts_alone() {
        let mut names: Vec<u32> = (0..5000).map(|n| n * 2).collect();
        let before = keys(&names);
        names.push(5001);
        names.sort_unstable();
        let after = keys(&names);
        let parts = |keys: &[([u8; 32], usize)]| -> HashSet<Vec<([u8; 32], usize)>> {
            cut(keys, 100).into_iter().map(|r| keys[r].to_vec()).collect()
        };
        let (old, new) = (parts(&before), parts(&after));
        let shared = old.intersection(&new).count();
        assert!(old.len() > 20 && shared + 3 >= old.len(), "{shared} of {}", old.len());
    }
}
