//! Why a table is not explored.

use crate::columns::parquet::{ReadError, TableError};
use crate::shown::Show;
use std::io;
use std::path::PathBuf;

/// Why a table is not explored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExploreError {
    /// A file of the table can't be read.
    #[error("{}: {source}", file.shown())]
    Read {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
    /// A folder can't be listed.
    #[error("cannot list {}: {source}", folder.shown())]
    List {
        /// The folder.
        folder: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no table.
    #[error("there is no Parquet file in {}; name the folder of a table", folder.shown())]
    NoTable {
        /// Where one was looked for.
        folder: PathBuf,
    },
    /// No column of the table holds vectors, or not the one that is named.
    #[error("{}: there is no column of vectors{}; {}", file.shown(), wanted.as_ref().map_or_else(String::new, |w| format!(" `{w}`")), others(vectors))]
    NoVectors {
        /// A file of the table.
        file: PathBuf,
        /// The column that is named.
        wanted: Option<String>,
        /// Columns that do.
        vectors: Vec<String>,
    },
    /// Several columns hold vectors.
    #[error("{}: several columns hold vectors; name one: {}", file.shown(), vectors.join(", "))]
    Several {
        /// A file of the table.
        file: PathBuf,
        /// The columns.
        vectors: Vec<String>,
    },
    /// A column is of another type than in the first file.
    #[error("{}: the column `{column}` is {found} where the other files have {wanted}", file.shown())]
    Differs {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// Its type there.
        found: String,
        /// Its type in the first file.
        wanted: String,
    },
    /// A row that is asked for has no vector.
    #[error("{}: row {row} has no vector in the column `{column}`", file.shown())]
    NoVector {
        /// The file.
        file: PathBuf,
        /// The row, from 1.
        row: usize,
        /// The column.
        column: String,
    },
    /// A vector of another length than the table's.
    #[error(
        "the picture's vector has {found} numbers, and those of the column `{column}` have {wanted}; ask with the pipeline that made the table"
    )]
    Width {
        /// The column.
        column: String,
        /// Numbers of the picture's vector.
        found: usize,
        /// Numbers of the table's.
        wanted: usize,
    },
    /// More rows than are counted.
    #[error("the table has {0} rows; {most} are the most", most = u32::MAX - 1)]
    TooLong(usize),
    /// The result can't be written.
    #[error(transparent)]
    Write(#[from] TableError),
}

fn others(vectors: &[String]) -> String {
    match vectors {
        [] => "`embed` makes one".to_string(),
        some => format!("there are: {}", some.join(", ")),
    }
}
