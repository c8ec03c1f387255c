//! Lists of inputs from CSV and Parquet: the column of paths and what can be carried into the table, read as a stream
//! and counted against the memory limit before they take any.

mod budget;
mod from_csv;
mod from_parquet;
mod list;
mod rows;

pub(crate) use list::{List, Wanted};
pub(super) use rows::Rows;

use crate::shown::Show;
use crate::store::look;
use std::ffi::OsStr;

/// Reads a list.
///
/// # Errors
/// A message, to follow the list's name, that says what is wrong and where.
pub(crate) fn read(wanted: &Wanted<'_>) -> Result<List, String> {
    // A pipe could not be read twice, and may never end.
    let meta = look::there(wanted.file).map_err(|e| format!("cannot be read: {e}"))?;
    if !meta.is_file() {
        return Err("is no regular file".to_string());
    }
    let list = match wanted.file.extension().and_then(OsStr::to_str) {
        Some(e) if e.eq_ignore_ascii_case("parquet") => from_parquet::read(wanted)?,
        _ => from_csv::read(wanted)?,
    };
    unique(&list.rows)?;
    Ok(list)
}

/// Refuses a file that is listed twice.
fn unique(rows: &Rows) -> Result<(), String> {
    let Ok(count) = u32::try_from(rows.len()) else {
        return Err(format!("has {} rows, more than a list can have; split it", rows.len()));
    };
    let mut order: Vec<u32> = (0..count).collect();
    let path = |row: u32| rows.path(row as usize);
    order.sort_unstable_by(|a, b| path(*a).cmp(path(*b)).then(a.cmp(b)));
    let twice = order.windows(2).filter(|pair| path(pair[0]) == path(pair[1])).min_by_key(|pair| pair[1]);
    match twice {
        None => Ok(()),
        Some(pair) => Err(format!(
            "row {}: {} is listed twice, first in row {}; keep one row for each file",
            pair[1] + 1,
            path(pair[1]).shown(),
            pair[0] + 1
        )),
    }
}

#[cfg(test)]
mod tests;
