//! What is read of a list, and what its columns and cells have to be.

use super::error::CellError;
use super::rows::Rows;
use crate::columns::Column;
use std::path::{Component, Path, PathBuf};

/// Which list to read, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
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
pub(crate) struct List {
    /// Paths below the root, and the values of the carried columns.
    pub rows: Rows,
    /// The carried columns.
    pub columns: Vec<Column>,
    /// Columns that are not carried, with what they hold.
    pub left_out: Vec<String>,
}

/// Whether these are the columns of a manifest, whose cells are written so that spreadsheets do them no harm.
pub(super) fn is_manifest<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().take(3).eq(["id", "path", "status"])
}

/// The path below the root that a cell names.
pub(super) fn below(path: &Path, root: &Path) -> Result<PathBuf, CellError> {
    let inside = || {
        let relative = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
        let clean: PathBuf = relative.components().filter(|c| !matches!(c, Component::CurDir)).collect();
        let inside = clean.components().all(|c| matches!(c, Component::Normal(_)));
        (inside && !clean.as_os_str().is_empty()).then_some(clean)
    };
    inside().ok_or_else(|| CellError::Outside { path: path.to_path_buf(), root: root.to_path_buf() })
}
