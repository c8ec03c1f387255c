//! Vectors in a column of Parquet files.

use polars::prelude::{AnyValue, Column, DataType, ParquetReader, SerReader, Series};
use std::path::{Path, PathBuf};

/// Numbers of all rows `[row][number]`, numbers of a row, and the name of each row's group.
pub type Rows = (Vec<f32>, usize, Vec<Option<String>>);

/// Reads lists or arrays of numbers, all of one length, from `column` of the files; groups from `label`.
///
/// # Errors
/// What is wrong, with the file.
pub fn read(files: &[PathBuf], column: &str, label: Option<&str>) -> Result<Rows, String> {
    let (mut numbers, mut width, mut texts) = (Vec::new(), 0, Vec::new());
    for path in files {
        let wrong = |what: String| format!("{}: {what}", path.display());
        let frame = open(path).map_err(wrong)?;
        let find = |name: &str| {
            let names: Vec<&str> = frame.columns().iter().map(|c| c.name().as_str()).collect();
            let missing = || wrong(format!("there is no column `{name}`; there are {}", names.join(", ")));
            frame.columns().iter().find(|c| c.name().as_str() == name).ok_or_else(missing)
        };
        let vectors = find(column)?;
        for row in 0..vectors.len() {
            let found = vector(vectors, row).map_err(|e| wrong(format!("row {}: {e}", row + 1)))?;
            if width == 0 {
                width = found.len();
            }
            if found.is_empty() || found.len() != width {
                return Err(wrong(format!(
                    "row {}: {} numbers where others have {width}",
                    row + 1,
                    found.len()
                )));
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

fn open(path: &Path) -> Result<polars::prelude::DataFrame, String> {
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be opened: {e}"))?;
    ParquetReader::new(file).finish().map_err(|e| format!("cannot be read as Parquet: {e}"))
}

fn vector(column: &Column, row: usize) -> Result<Vec<f32>, String> {
    let of = |series: Series| -> Result<Vec<f32>, String> {
        let series = series.cast(&DataType::Float32).map_err(|e| e.to_string())?;
        let numbers = series.f32().map_err(|e| e.to_string())?;
        let finite = |v: Option<f32>| v.filter(|v| v.is_finite()).ok_or("a number that is none".to_string());
        numbers.iter().map(finite).collect()
    };
    match column.get(row).map_err(|e| e.to_string())? {
        AnyValue::List(series) | AnyValue::Array(series, _) => of(series),
        other => Err(format!("`{other}` is no list of numbers")),
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
        let missing = read(std::slice::from_ref(&path), "embeding", None).unwrap_err();
        assert!(missing.contains("a.parquet") && missing.contains("there are kind, embedding"), "{missing}");
        assert!(read(&[path], "kind", None).unwrap_err().contains("row 1"));
    }
}
