//! The lists beside pairs that are files.

use super::row::{self, Own, SPLITS, Source};
use crate::columns::parquet::{Table, TableError};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::inputs::path_text;
use crate::ledger::Ledger;
use crate::pipeline::{Rows, SinkError};
use crate::sinks::files;
use crate::store::Store;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

/// The lists of one sink.
pub(super) struct Lists<'a> {
    /// Folder of the pairs, relative to the output.
    pub(super) folder: &'a Path,
    /// One beside the pictures of each split, instead of one for all.
    pub(super) in_splits: bool,
    /// Those of splits are Parquet files.
    pub(super) parquet: bool,
}

impl Lists<'_> {
    /// The file name of a list.
    fn name(&self) -> &'static str {
        match (self.in_splits, self.parquet) {
            (false, _) => "pairs.csv",
            (true, false) => "metadata.csv",
            (true, true) => "metadata.parquet",
        }
    }

    /// Where lists may stand, relative to the folder of the self.
    pub(super) fn names(&self) -> Vec<String> {
        if self.in_splits {
            SPLITS.iter().map(|split| format!("{split}/{}", self.name())).collect()
        } else {
            vec![self.name().to_string()]
        }
    }

    /// Writes the lists and removes those of another layout.
    pub(super) fn publish(
        &self,
        store: &Store,
        ledger: &mut Ledger,
        rows: &Rows,
        sources: &[Source<'_>],
        replace_edited: bool,
    ) -> Result<usize, SinkError> {
        let failed = |what: &dyn Display| SinkError::Table {
            folder: self.folder.to_string_lossy().into_owned(),
            message: what.to_string(),
        };
        let in_splits = self.in_splits;
        let names = if in_splits { ["noisy_file_name", "clean_file_name"] } else { ["noisy", "clean"] };
        let mut columns: Vec<Column> = Vec::new();
        columns.extend((!in_splits).then(|| Column::new("split", ColumnType::Text)));
        columns.extend(names.iter().chain(&["source"]).map(|name| Column::new(*name, ColumnType::Text)));
        let own = row::columns().len();
        let others = rows.columns().count() - own;
        columns.extend(rows.columns().take(others).cloned());

        let mut lists: BTreeMap<&str, List> = BTreeMap::new();
        let mut count = 0;
        for Source { path, .. } in sources {
            for row in rows.of(ledger, path)?.into_iter().filter(|row| !row::is_refused(row)) {
                let own = Own::of(&row).ok_or_else(|| failed(&"the ledger is damaged"))?;
                let split = SPLITS.iter().find(|s| **s == own.split).copied().unwrap_or(SPLITS[0]);
                let mut values = Row::new();
                let text = |t: String| Value::Text(t);
                if in_splits {
                    values.extend([text(own.noisy.into()), text(own.clean.into())]);
                } else {
                    let named = |name: &str| text(format!("{split}/{name}"));
                    values.extend([text(split.into()), named(own.noisy), named(own.clean)]);
                }
                values.push(text(path_text(path)));
                values.extend(own.others.iter().cloned());
                let list = match lists.entry(if in_splits { split } else { "" }) {
                    std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::btree_map::Entry::Vacant(new) => {
                        new.insert(List::new(&columns, self.parquet && in_splits).map_err(|e| failed(&e))?)
                    }
                };
                list.push(values).map_err(|e| failed(&e))?;
                count += 1;
            }
        }
        let name = self.name();
        let files = lists.into_iter().map(|(split, list)| {
            let name = if split.is_empty() { name.to_string() } else { format!("{split}/{name}") };
            Ok((name, list.finish().map_err(|e| failed(&e))?))
        });
        // Lists of splits that are empty now, and those or the shards of another layout, go.
        files::publish((store, ledger), self.folder, files, replace_edited)?;
        Ok(count)
    }
}

/// Why a list can't be written.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    #[error(transparent)]
    Parquet(#[from] TableError),
}

/// A list of pairs being written.
enum List {
    Csv(Box<csv::Writer<Vec<u8>>>),
    Parquet(Table),
}

impl List {
    fn new(columns: &[Column], parquet: bool) -> Result<List, ListError> {
        if parquet {
            return Ok(List::Parquet(Table::new(columns, 0)));
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(columns.iter().map(|c| c.name.as_str()))?;
        Ok(List::Csv(Box::new(writer)))
    }

    fn push(&mut self, row: Row) -> Result<(), ListError> {
        match self {
            List::Csv(writer) => writer.write_record(row.iter().map(Value::text))?,
            List::Parquet(table) => table.push(row)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, ListError> {
        Ok(match self {
            List::Csv(writer) => writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))?,
            List::Parquet(table) => table.finish(&[])?,
        })
    }
}
