//! Pairs as files: the metadata beside them, and removal of those that earlier settings left.

use super::{Layout, Own, Pairs, SPLITS};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::run::RunError;
use crate::run::inputs::{identify, path_text};
use crate::run::ledger::{Ledger, Record};
use crate::sinks::parquet::Table;
use crate::sinks::rows::Rows;
use crate::store::Store;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Every name of a metadata file.
const METADATA: [&str; 2] = ["metadata.csv", "metadata.parquet"];
const LIST: &str = "pairs.csv";

/// Writes the metadata, then removes pairs that no longer belong to any input.
pub(super) fn publish(
    pairs: &Pairs,
    store: &Store,
    ledger: &mut Ledger,
    rows: &Rows,
    records: &HashMap<Vec<u8>, Record>,
    sources: &BTreeMap<&Vec<u8>, &Record>,
) -> Result<usize, RunError> {
    let failed = |message: String| RunError::Table { folder: pairs.folder.display().to_string(), message };
    let image_folder = pairs.layout == Layout::ImageFolder;
    let names = if image_folder { ["noisy_file_name", "clean_file_name"] } else { ["noisy", "clean"] };
    let mut columns: Vec<Column> = Vec::new();
    columns.extend((!image_folder).then(|| Column::new("split", ColumnType::Text)));
    columns.extend(names.iter().chain(&["source"]).map(|name| Column::new(*name, ColumnType::Text)));
    let own = Pairs::columns().len();
    let others = rows.columns().count() - own;
    columns.extend(rows.columns().take(others).cloned());

    let mut lists: BTreeMap<&str, List> = BTreeMap::new();
    let mut count = 0;
    for path in sources.keys() {
        for row in rows.of(ledger, path)? {
            let own = Own::of(&row).ok_or_else(|| failed("the ledger is damaged".into()))?;
            let split = SPLITS.iter().find(|s| **s == own.split).copied().unwrap_or(SPLITS[0]);
            let mut values = Row::new();
            let text = |t: String| Value::Text(t);
            if image_folder {
                values.extend([text(own.noisy.into()), text(own.clean.into())]);
            } else {
                let named = |name: &str| text(format!("{split}/{name}"));
                values.extend([text(split.into()), named(own.noisy), named(own.clean)]);
            }
            values.push(text(path_text(path)));
            values.extend(own.others.iter().cloned());
            let list = match lists.entry(if image_folder { split } else { "" }) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => {
                    new.insert(List::new(&columns, pairs.parquet && image_folder).map_err(failed)?)
                }
            };
            list.push(values).map_err(failed)?;
            count += 1;
        }
    }
    let places: Vec<(&str, std::path::PathBuf)> = if image_folder {
        SPLITS.iter().map(|s| (*s, pairs.folder.join(s))).collect()
    } else {
        vec![("", pairs.folder.clone())]
    };
    for (split, folder) in places {
        let name = if image_folder { METADATA[usize::from(pairs.parquet)] } else { LIST };
        let made = lists.remove(split).map(List::finish).transpose().map_err(failed)?;
        for known in METADATA.iter().chain(&[LIST]) {
            let path = folder.join(known);
            match made.as_ref().filter(|_| *known == name) {
                Some(bytes) if std::fs::read(store.root().join(&path)).is_ok_and(|old| old == *bytes) => {}
                Some(bytes) => store.write(&path, bytes).map(|_| ())?,
                None if store.root().join(&path).exists() => store.remove(&path)?,
                None => {}
            }
        }
    }
    remove_stale(pairs, store, ledger, records)?;
    Ok(count)
}

/// Removes files that an earlier plan or an interrupted run left and no record owns: loaders that list the
/// folders would take them for pairs.
fn remove_stale(
    pairs: &Pairs,
    store: &Store,
    ledger: &mut Ledger,
    records: &HashMap<Vec<u8>, Record>,
) -> Result<(), RunError> {
    let mut gone = Vec::new();
    for orphan in ledger.orphans()? {
        let path = Path::new(OsStr::from_bytes(&orphan.path));
        if path.starts_with(&pairs.folder) {
            let now = identify(&store.root().join(path));
            if now.is_ok_and(|n| n.size == orphan.stamp.size && n.mtime_ns == orphan.stamp.mtime_ns) {
                store.remove(path)?;
            }
            gone.push(orphan);
        }
    }
    ledger.forget(&[], &gone)?;
    let owned: HashSet<&[u8]> =
        records.values().flat_map(|r| r.products.values().flatten()).map(|o| o.path.as_slice()).collect();
    for split in SPLITS {
        for kind in ["noisy", "clean"] {
            let folder = pairs.folder.join(split).join(kind);
            let Ok(entries) = std::fs::read_dir(store.root().join(&folder)) else { continue };
            for name in entries.flatten().map(|e| e.file_name()) {
                let path = folder.join(&name);
                if is_pair_name(&name.to_string_lossy()) && !owned.contains(path.as_os_str().as_bytes()) {
                    store.remove(&path)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether a file has a name as only pairs have: `…-` and 12 hexadecimal digits, then `_` or `.`.
fn is_pair_name(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, tail)| {
        let bytes = tail.as_bytes();
        bytes.len() > 13
            && bytes[..12].iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            && matches!(bytes[12], b'_' | b'.')
    })
}

/// A list of pairs being written.
enum List {
    Csv(Box<csv::Writer<Vec<u8>>>),
    Parquet(Table),
}

impl List {
    fn new(columns: &[Column], parquet: bool) -> Result<List, String> {
        if parquet {
            return Ok(List::Parquet(Table::new(columns, 0)));
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns.iter().map(|c| c.name.as_str())).map_err(|e| e.to_string())?;
        Ok(List::Csv(Box::new(writer)))
    }

    fn push(&mut self, row: Row) -> Result<(), String> {
        match self {
            List::Csv(writer) => writer.write_record(row.iter().map(Value::text)).map_err(|e| e.to_string()),
            List::Parquet(table) => table.push(row),
        }
    }

    fn finish(self) -> Result<Vec<u8>, String> {
        match self {
            List::Csv(writer) => writer.into_inner().map_err(|e| e.to_string()),
            List::Parquet(table) => table.finish(&[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_pair_name;

    #[test]
    fn only_names_of_pairs_are_taken_for_pairs() {
        assert!(is_pair_name("a-b-0123456789ab.png") && is_pair_name("a-0123456789ab_0003.png"));
        for name in ["README.md", "a-b.png", "-0123456789ab", "a-0123456789abc.png", "a-0123456789AB.png"] {
            assert!(!is_pair_name(name), "{name}");
        }
    }
}
