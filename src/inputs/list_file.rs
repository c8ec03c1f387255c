//! Lists of inputs from CSV and Parquet: the column of paths and what can be carried into the table, read as a stream
//! and counted against the memory limit before they take any.

mod from_csv;
mod from_parquet;
mod rows;

pub use rows::Rows;

use crate::columns::Column;
use crate::memory::mib;
use crate::shown::Show;
use crate::store::look;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Bytes that a run keeps of an input beside its path and its values, as measured.
const INPUT: u64 = 1_400;
/// Memory kept back for the program itself.
const RESERVE: u64 = 96 << 20;

/// Which list to read, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The file: Parquet by its ending, or else CSV with a header.
    pub file: &'a Path,
    /// Column of the paths.
    pub column: &'a str,
    /// Folder that they lie below.
    pub root: &'a Path,
    /// Bytes that a run over the list may take.
    pub memory: u64,
    /// Whether this program wrote the list, names in the form of [`crate::shown::data`]; manifests are known anyway.
    pub written: bool,
}

/// A list.
#[derive(Debug)]
pub struct List {
    /// Paths below the root, and the values of the carried columns.
    pub rows: Rows,
    /// The carried columns.
    pub columns: Vec<Column>,
    /// Columns that are not carried, with what they hold.
    pub left_out: Vec<String>,
}

/// Reads a list.
///
/// # Errors
/// A message, to follow the list's name, that says what is wrong and where.
pub fn read(wanted: &Wanted<'_>) -> Result<List, String> {
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

/// Whether these are the columns of a manifest, whose cells are written so that spreadsheets do them no harm.
fn is_manifest<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().take(3).eq(["id", "path", "status"])
}

/// The message for a column of paths that is not there.
fn missing(column: &str, names: &[String]) -> String {
    let all = names.join(", ");
    match names {
        [one] if one.contains([';', '\t']) => {
            format!("has no column `{column}`: its cells are not separated by commas, as `{all}` shows")
        }
        _ => format!("has no column `{column}`; it has {all}: set `input.column`"),
    }
}

/// The path below the root that a cell names.
fn below(path: &Path, root: &Path) -> Result<PathBuf, String> {
    let inside = || {
        let relative = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
        let clean: PathBuf = relative.components().filter(|c| !matches!(c, Component::CurDir)).collect();
        let inside = clean.components().all(|c| matches!(c, Component::Normal(_)));
        (inside && !clean.as_os_str().is_empty()).then_some(clean)
    };
    inside().ok_or_else(|| {
        let (path, root) = (path.shown(), root.shown());
        format!("{path} is not below {root}; set `input.root` to a common folder")
    })
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

/// Counts what a run over the list takes.
#[derive(Clone, Copy, Debug)]
struct Budget {
    memory: u64,
    /// Bytes of the root's path, which comes before every path.
    root: u64,
    needed: u64,
    rows: u64,
}

impl Budget {
    fn new(wanted: &Wanted<'_>) -> Budget {
        let root = wanted.root.as_os_str().len() as u64;
        Budget { memory: wanted.memory, root, needed: RESERVE, rows: 0 }
    }

    /// Counts a row with a path and texts of these lengths.
    fn add(&mut self, path: usize, cells: usize, texts: usize) {
        self.rows += 1;
        // In the list, as the input's name and as its place; values in the list and with the input.
        self.needed += INPUT + self.root + 3 * path as u64 + 48 * cells as u64 + 2 * texts as u64;
    }

    /// Fails when the rows so far, of `all`, take too much.
    fn check(&self, all: u64) -> Result<(), String> {
        if self.needed <= self.memory {
            return Ok(());
        }
        let each = (self.needed - RESERVE) / self.rows.max(1);
        let total = RESERVE.saturating_add(each.saturating_mul(all.max(self.rows)));
        Err(format!(
            "has {all} rows, which take about {} MiB in a run ({each} bytes a row), over the {} MiB of limits.memory; \
             raise it or split the list",
            mib(total),
            mib(self.memory)
        ))
    }
}

#[cfg(test)]
mod tests;
