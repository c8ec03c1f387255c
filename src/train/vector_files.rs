//! Vectors and their labels in Parquet files.

use crate::columns::parquet::{ReadError, Reader};
use crate::columns::{ColumnType, Value};
use crate::shown::Show;
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
#[error(transparent)]
pub struct FileError(#[from] Wrong);

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("`{0}` holds no lists of numbers")]
    NoLists(String),
    #[error("{found} numbers a row where others have {width}")]
    Length { found: usize, width: usize },
}

/// Reads lists or arrays of numbers, all of one length, from `column` of the files; groups from `label`.
///
/// # Errors
/// When a file is no such file.
pub(super) fn read(files: &[PathBuf], column: &str, label: Option<&str>) -> Result<Rows, VectorsError> {
    let (mut numbers, mut width, mut texts) = (Vec::new(), 0, Vec::new());
    for path in files {
        let read = read_file(path, (column, label), (&mut numbers, &mut width, &mut texts));
        read.map_err(|wrong| VectorsError { file: path.clone(), source: wrong.into() })?;
    }
    Ok((numbers, width, texts))
}

fn read_file(
    path: &Path,
    (column, label): (&str, Option<&str>),
    (numbers, width, texts): (&mut Vec<f32>, &mut usize, &mut Vec<Option<String>>),
) -> Result<(), Wrong> {
    let reader = Reader::open(path)?;
    let names: Vec<&str> = std::iter::once(column).chain(label).collect();
    match reader.columns().iter().find(|c| c.name == column).map(|c| c.kind) {
        Some(ColumnType::Vector(found) | ColumnType::HalfVector(found)) => {
            if *width == 0 {
                *width = found;
            }
            if found != *width {
                return Err(Wrong::Length { found, width: *width });
            }
        }
        Some(_) => return Err(Wrong::NoLists(column.to_string())),
        // `each` says which columns there are; a file without rows tells no width.
        None if reader.rows() == 0 => return Ok(()),
        None => {}
    }
    reader.each(&names, |group| {
        group.vectors(0, numbers)?;
        texts.extend((0..group.rows).map(|row| match label.map(|_| group.value(1, row)) {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.text()),
        }));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Column as Named;

    #[test]
    fn vectors_and_labels_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let columns = [Named::new("kind", ColumnType::Text), Named::new("embedding", ColumnType::Vector(3))];
        let mut table = crate::columns::parquet::Table::new(&columns, 2);
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
        assert!(read(&[path], "kind", None).unwrap_err().to_string().contains("no lists of numbers"));
    }
}
