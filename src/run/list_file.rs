//! Reading a list of inputs from CSV or Parquet into typed columns.

use crate::columns::{Column, ColumnType, Value};
use polars::prelude::{AnyValue, DataType, ParquetReader, SerReader};
use std::path::Path;

/// A small table in memory.
#[derive(Debug)]
pub struct ListTable {
    /// Columns in file order.
    pub columns: Vec<Column>,
    /// Rows, one value a column.
    pub rows: Vec<Vec<Value>>,
}

/// Reads a CSV file with a header row.
///
/// A column whose every value is a whole number written plainly (`007` is not) becomes `Int`, else
/// `Float` where all are finite numbers, else `Text`; empty cells are null in the first two.
///
/// # Errors
/// What is wrong, with the line.
pub fn csv(path: &Path) -> Result<ListTable, String> {
    let mut reader = csv::Reader::from_path(path).map_err(|e| format!("cannot be read: {e}"))?;
    let names: Vec<String> = reader
        .headers()
        .map_err(|e| format!("has no readable header: {e}"))?
        .iter()
        .map(str::to_string)
        .collect();
    let mut cells: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("cannot be read: {e}"))?;
        cells.push(record.iter().map(str::to_string).collect());
    }
    let kinds: Vec<ColumnType> =
        (0..names.len()).map(|c| infer(cells.iter().map(|r| r[c].as_str()))).collect();
    let typed =
        |row: Vec<String>| row.into_iter().zip(&kinds).map(|(cell, kind)| typed(cell, *kind)).collect();
    let rows = cells.into_iter().map(typed).collect();
    let columns = names.into_iter().zip(&kinds).map(|(n, k)| Column::new(n, *k)).collect();
    Ok(ListTable { columns, rows })
}

fn infer<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> ColumnType {
    let filled = || cells.clone().filter(|c| !c.is_empty());
    let whole = |c: &str| c.parse::<i64>().is_ok_and(|i| i.to_string() == c);
    let padded = |c: &str| c.len() > 1 && c.starts_with('0') && !c.starts_with("0.");
    if filled().next().is_none() {
        ColumnType::Text
    } else if filled().all(whole) {
        ColumnType::Int
    } else if filled().all(|c| !padded(c) && c.parse::<f64>().is_ok_and(f64::is_finite)) {
        ColumnType::Float
    } else {
        ColumnType::Text
    }
}

fn typed(cell: String, kind: ColumnType) -> Value {
    match kind {
        ColumnType::Int => cell.parse().map_or(Value::Null, Value::Int),
        ColumnType::Float => cell.parse().map_or(Value::Null, Value::Float),
        _ => Value::Text(cell),
    }
}

/// Reads a Parquet file; columns that are not boolean, number or text are left out.
///
/// # Errors
/// What is wrong.
pub fn parquet(path: &Path) -> Result<ListTable, String> {
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be opened: {e}"))?;
    let frame = ParquetReader::new(file).finish().map_err(|e| format!("cannot be read as Parquet: {e}"))?;
    let mut columns = Vec::new();
    let mut rows = vec![Vec::new(); frame.height()];
    for series in frame.columns() {
        let kind = match series.dtype() {
            DataType::Boolean => ColumnType::Bool,
            t if t.is_integer() => ColumnType::Int,
            t if t.is_float() => ColumnType::Float,
            DataType::String => ColumnType::Text,
            _ => continue,
        };
        columns.push(Column::new(series.name().as_str(), kind));
        for (index, row) in rows.iter_mut().enumerate() {
            let cell = series.get(index).map_err(|e| format!("cannot be read: {e}"))?;
            row.push(match (kind, cell) {
                (_, AnyValue::Null) => Value::Null,
                (_, AnyValue::Boolean(b)) => Value::Bool(b),
                (_, AnyValue::String(s)) => Value::Text(s.to_string()),
                (_, AnyValue::StringOwned(s)) => Value::Text(s.to_string()),
                (ColumnType::Int, v) => v.extract::<i64>().map_or(Value::Null, Value::Int),
                (ColumnType::Float, v) => {
                    v.extract::<f64>().filter(|f| f.is_finite()).map_or(Value::Null, Value::Float)
                }
                _ => Value::Null,
            });
        }
    }
    Ok(ListTable { columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_columns_are_typed_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("l.csv");
        std::fs::write(&file, "path,label,zip,score,note\na.png,3,00123,1.5,\nb.png,,123,2,\"x,\ny\"\n")
            .unwrap();
        let table = csv(&file).unwrap();
        let kinds: Vec<_> = table.columns.iter().map(|c| c.kind).collect();
        use ColumnType::{Float, Int, Text};
        assert_eq!(kinds, [Text, Int, Text, Float, Text]);
        assert_eq!(table.rows[1][1], Value::Null);
        assert_eq!(table.rows[0][2], Value::Text("00123".into()));
        assert_eq!(table.rows[1][4], Value::Text("x,\ny".into()));
    }

    #[test]
    fn a_ragged_csv_is_an_error_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("l.csv");
        std::fs::write(&file, "path,label\na.png,3\nb.png\n").unwrap();
        assert!(csv(&file).unwrap_err().contains("line: 3"));
    }
}
