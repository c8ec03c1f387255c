//! Lists of inputs from CSV and Parquet: the column of paths and what can be carried into the table, read as a stream
//! and counted against the memory limit before they take any.

mod budget;
mod error;
mod from_csv;
mod from_parquet;
mod list;
mod rows;

pub(crate) use list::{List, Wanted};
pub(super) use rows::Rows;

use crate::store::look;
use error::ListError;
use std::ffi::OsStr;

/// Reads a list.
///
/// # Errors
/// What is wrong and where.
pub(crate) fn read(wanted: &Wanted<'_>) -> Result<List, ListError> {
    // A pipe could not be read twice, and may never end.
    let meta = look::there(wanted.file).map_err(|e| ListError::Read(e.into()))?;
    if !meta.is_file() {
        return Err(ListError::NotAFile);
    }
    let list = match wanted.file.extension().and_then(OsStr::to_str) {
        Some(e) if e.eq_ignore_ascii_case("parquet") => from_parquet::read(wanted)?,
        _ => from_csv::read(wanted)?,
    };
    unique(&list.rows)?;
    Ok(list)
}

/// Refuses a file that is listed twice.
fn unique(rows: &Rows) -> Result<(), ListError> {
    let Ok(count) = u32::try_from(rows.len()) else {
        return Err(ListError::TooLong(rows.len()));
    };
    let mut order: Vec<u32> = (0..count).collect();
    let path = |row: u32| rows.path(row as usize);
    order.sort_unstable_by(|a, b| path(*a).cmp(path(*b)).then(a.cmp(b)));
    let twice = order.windows(2).filter(|pair| path(pair[0]) == path(pair[1])).min_by_key(|pair| pair[1]);
    match twice {
        None => Ok(()),
        Some(pair) => {
            let (first, row) = (pair[0] + 1, pair[1] + 1);
            Err(ListError::Twice { row, first, path: path(pair[1]).to_path_buf() })
        }
    }
}

#[cfg(test)]
mod tests;
