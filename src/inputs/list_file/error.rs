//! Why a list can't be read. Every message follows the list's name.

use crate::memory::mib;
use crate::shown::Show;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a row of a list is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The line of a text where it begins, from 1.
    Line(u64),
    /// Its number, from 1.
    Row(u64),
}

impl Place {
    fn unit(self) -> &'static str {
        match self {
            Place::Line(_) => "line",
            Place::Row(_) => "row",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Place::Line(number) | Place::Row(number)) = self;
        write!(f, "{} {number}", self.unit())
    }
}

/// Why a list can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// The system or the reader of CSV refuses it.
    #[error("cannot be read: {0}")]
    Read(#[source] Box<dyn Error + Send + Sync>),
    /// The system doesn't open it.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// It is no Parquet file, or a damaged one.
    #[error("cannot be read as Parquet: {0}")]
    Parquet(#[source] Box<dyn Error + Send + Sync>),
    /// A pipe, a socket or a device.
    #[error("is no regular file")]
    NotAFile,
    /// Other rows than before.
    #[error("changed while it was read; try again")]
    Changed,
    /// The file and its description of itself disagree.
    #[error("says that it has {told} rows, and {found} can be read")]
    Rows {
        /// Rows that it says it has.
        told: u64,
        /// Rows that there are.
        found: usize,
    },
    /// A header that can't be read.
    #[error("has no readable header: {0}")]
    Header(#[source] csv::Error),
    /// A header in another encoding.
    #[error("has a header that is not UTF-8 text; save it as UTF-8")]
    HeaderText,
    /// There is no column of paths.
    #[error("{}", missing(column, names))]
    NoColumn {
        /// The column wanted.
        column: String,
        /// The columns that there are.
        names: Vec<String>,
    },
    /// The column of paths holds something else.
    #[error(
        "has {holds} in the column `{column}`, not paths: set `input.column` to the column that holds them"
    )]
    NotPaths {
        /// The column.
        column: String,
        /// What it holds.
        holds: String,
    },
    /// A row without a path.
    #[error("{place} has no path: the cell of `{column}` is empty; fill it or remove the {}", place.unit())]
    NoPath {
        /// Where.
        place: Place,
        /// The column of paths.
        column: String,
    },
    /// A cell that can't be used.
    #[error("{place}: {source}")]
    Cell {
        /// Where.
        place: Place,
        /// What is wrong with it.
        source: CellError,
    },
    /// A file that is listed before.
    #[error("row {row}: {} is listed twice, first in row {first}; keep one row for each file", path.shown())]
    Twice {
        /// The row, from 1.
        row: u32,
        /// The row that listed it first.
        first: u32,
        /// The file.
        path: PathBuf,
    },
    /// More rows than can be numbered.
    #[error("has {0} rows, more than a list can have; split it")]
    TooLong(usize),
    /// Rows that take more memory than a run may.
    #[error(
        "has {rows} rows, which take about {} MiB in a run ({each} bytes a row), over the {} MiB of limits.memory; raise it \
         or split the list",
        mib(*needed), mib(*limit)
    )]
    Memory {
        /// All rows.
        rows: u64,
        /// Bytes that each takes.
        each: u64,
        /// Bytes that a run over them takes.
        needed: u64,
        /// Bytes that it may take.
        limit: u64,
    },
    /// A row group that takes more memory than a run may.
    #[error(
        "has a row group of {} MiB, over the {} MiB of limits.memory; raise it, or write smaller row groups",
        mib(*needed), mib(*limit)
    )]
    RowGroup {
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that a run may take.
        limit: u64,
    },
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CellError {
    /// A text in another encoding.
    #[error("a cell is not UTF-8 text; save the list as UTF-8")]
    Text,
    /// A path elsewhere.
    #[error("{} is not below {}; set `input.root` to a common folder", path.shown(), root.shown())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The folder that it should lie below.
        root: PathBuf,
    },
}

impl CellError {
    /// In the row at `place`.
    pub(super) fn at(self, place: Place) -> ListError {
        ListError::Cell { place, source: self }
    }
}

fn missing(column: &str, names: &[String]) -> String {
    let all = names.join(", ");
    match names {
        [one] if one.contains([';', '\t']) => {
            format!("has no column `{column}`: its cells are not separated by commas, as `{all}` shows")
        }
        _ => format!("has no column `{column}`; it has {all}: set `input.column`"),
    }
}
