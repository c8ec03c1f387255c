//! Vectors and their labels in Parquet files.

use crate::shown::Show;
use polars::prelude::{AnyValue, Column, DataFrame, DataType, ParquetReader, PolarsError, SerReader, Series};
use std::io;
use std::path::{Path, PathBuf};

/// Numbers of all rows `[row][number]`, numbers of a row, and the name of each row's group.
pub(super) type Rows = (Vec<f32>, usize, Vec<Option<String>>);

/// A file that vectors can't be read from.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", file.shown())]
pub struct VectorsError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub source: FileError,
}

/// What is wrong with a file of vectors.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system doesn't open it.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// It is no Parquet file, or a damaged one.
    #[error("cannot be read as Parquet: {0}")]
    Parquet(#[source] PolarsError),
    /// There is no such column.
    #[error("there is no column `{column}`; there are {}", names.join(", "))]
    NoColumn {
        /// The column wanted.
        column: String,
        /// The columns that there are.
        names: Vec<String>,
    },
    /// A row that holds no vector like the others.
    #[error("row {row}: {source}")]
    Row {
        /// The row, from 1.
        row: usize,
        /// What it holds.
        source: RowError,
    },
}

/// Why a cell is no vector like the others.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// It can't be read as numbers.
    #[error(transparent)]
    Unread(#[from] PolarsError),
    /// It holds something else.
    #[error("`{0}` is no list of numbers")]
    NoList(String),
    /// A null, NaN or infinity.
    #[error("a number that is none")]
    NoNumber,
    /// Another length.
    #[error("{found} numbers where others have {width}")]
    Length {
        /// Its numbers.
        found: usize,
        /// Those of the others.
        width: usize,
    },
}

/// Reads lists or arrays of numbers, all of one length, from `column` of the files; groups from `label`.
///
/// # Errors
/// When a file is no such file.
pub(super) fn read(files: &[PathBuf], column: &str, label: Option<&str>) -> Result<Rows, VectorsError> {
    let (mut numbers, mut width, mut texts) = (Vec::new(), 0, Vec::new());
    for path in files {
        let wrong = |source: FileError| VectorsError { file: path.clone(), source };
        let frame = open(path).map_err(wrong)?;
        let find = |name: &str| {
            let names = || frame.columns().iter().map(|c| c.name().to_string()).collect();
            let missing = || wrong(FileError::NoColumn { column: name.to_string(), names: names() });
            frame.columns().iter().find(|c| c.name().as_str() == name).ok_or_else(missing)
        };
        let vectors = find(column)?;
        for row in 0..vectors.len() {
            let at_row = |source: RowError| wrong(FileError::Row { row: row + 1, source });
            let found = vector(vectors, row).map_err(at_row)?;
            if width == 0 {
                width = found.len();
            }
            if found.is_empty() || found.len() != width {
                return Err(at_row(RowError::Length { found: found.len(), width }));
            }
            numbers.extend(found);
        }
        match label {
            Some(label) => {
                let labels = find(label)?;
                texts.extend((0..labels.len()).map(|row| match labels.get(row) {
                    Ok(AnyValue::Null) | Err(_) => None,
                    Ok(value) => Some(value.to_string()),
                }));
            }
            None => texts.resize(numbers.len() / width.max(1), None),
        }
    }
    Ok((numbers, width, texts))
}

fn open(path: &Path) -> Result<DataFrame, FileError> {
    let file = std::fs::File::open(path).map_err(FileError::Open)?;
    ParquetReader::new(file).finish().map_err(FileError::Parquet)
}

fn vector(column: &Column, row: usize) -> Result<Vec<f32>, RowError> {
    let of = |series: Series| -> Result<Vec<f32>, RowError> {
        let series = series.cast(&DataType::Float32)?;
        let finite = |v: Option<f32>| v.filter(|v| v.is_finite()).ok_or(RowError::NoNumber);
        series.f32()?.iter().map(finite).collect()
    };
    match column.get(row)? {
        AnyValue::List(series) | AnyValue::Array(series, _) => of(series),
        other => Err(RowError::NoList(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Column as Named, ColumnType, Value};

    #[test]
    fn vectors_and_labels_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let columns = [Named::new("kind", ColumnType::Text), Named::new("embedding", ColumnType::Vector(3))];
        let mut table = crate::sinks::parquet::Table::new(&columns, 2);
        for (kind, v) in [("b", 0.5f32), ("a", -1.0)] {
            table.push(vec![Value::Text(kind.into()), Value::Vector(vec![v, 2.0 * v, 3.0])]).unwrap();
        }
        std::fs::write(&path, table.finish(&[]).unwrap()).unwrap();
        let (numbers, width, labels) =
            read(&[path.clone(), path.clone()], "embedding", Some("kind")).unwrap();
        assert_eq!((width, labels.len()), (3, 4));
        assert!(labels[0].is_some() && labels[0] == labels[2] && labels[0] != labels[1]);
        assert_eq!(numbers[..6], [0.5, 1.0, 3.0, -1.0, -2.0, 3.0]);
        let missing = read(std::slice::from_ref(&path), "embeding", None).unwrap_err().to_string();
        assert!(missing.contains("a.parquet") && missing.contains("there are kind, embedding"), "{missing}");
        assert!(read(&[path], "kind", None).unwrap_err().to_string().contains("row 1"));
    }
}
