//! Row groups of a table's files, of which a few stay in memory: rows that are asked for in nearly their order read each
//! group once.

use super::error::ExploreError;
use crate::columns::Value;
use crate::columns::parquet::{Group, Reader};
use std::path::PathBuf;

/// Groups that stay in memory.
const KEPT: usize = 4;

/// Some columns of some files, row by row.
pub(super) struct Groups<'a> {
    files: &'a [PathBuf],
    names: Vec<String>,
    /// The file that was used last, with the first row of each of its groups.
    open: Option<(usize, Reader, Vec<usize>)>,
    /// The one used last is the last: its file, the columns' places in it, and the group.
    kept: Vec<(usize, Vec<Option<usize>>, Group)>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(files: &'a [PathBuf], names: Vec<String>) -> Groups<'a> {
        Groups { files, names, open: None, kept: Vec::new() }
    }

    /// Values of the columns in a row of a file; null where the file has no such column.
    pub(super) fn row(&mut self, file: usize, row: usize) -> Result<Vec<Value>, ExploreError> {
        let holds = |(of, _, group): &(usize, Vec<Option<usize>>, Group)| {
            *of == file && (group.first..group.first + group.rows).contains(&row)
        };
        match self.kept.iter().rposition(holds) {
            Some(at) if at + 1 == self.kept.len() => {}
            Some(at) => {
                let used = self.kept.remove(at);
                self.kept.push(used);
            }
            None => self.read(file, row)?,
        }
        let Some((_, places, group)) = self.kept.last() else { return Ok(Vec::new()) };
        let value =
            |place: &Option<usize>| place.map_or(Value::Null, |at| group.value(at, row - group.first));
        Ok(places.iter().map(value).collect())
    }

    fn read(&mut self, file: usize, row: usize) -> Result<(), ExploreError> {
        let path = &self.files[file];
        let failed = |source| ExploreError::Read { file: path.clone(), source };
        if self.open.as_ref().is_none_or(|(of, ..)| *of != file) {
            let reader = Reader::open(path).map_err(failed)?;
            let starts = reader.group_starts();
            self.open = Some((file, reader, starts));
        }
        let Some((_, reader, starts)) = &self.open else { return Ok(()) };
        let number = starts.partition_point(|start| *start <= row).saturating_sub(1);
        let has = |name: &&String| reader.columns().iter().any(|c| c.name == **name);
        let present: Vec<&str> = self.names.iter().filter(has).map(String::as_str).collect();
        let place = |name: &String| present.iter().position(|p| p == name);
        let places = self.names.iter().map(place).collect();
        let group = reader.group(number, &present).map_err(failed)?;
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push((file, places, group));
        Ok(())
    }
}
