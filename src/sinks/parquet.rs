//! Rows to Parquet bytes through polars: one row group, Zstandard, fixed-size vectors.

use crate::columns::{Column, ColumnType, Value};
use polars::prelude::{
    Column as PolarsColumn, CompatLevel, DataFrame, IntoColumn, IntoSeries, KeyValueMetadata, NamedFrom,
    ParquetCompression, ParquetWriter, ReshapeDimension, SchemaExt, Series, StringChunkedBuilder,
};
use polars_parquet::write::schema_to_metadata_key;

/// Rows gathered by column.
pub struct Table {
    columns: Vec<(Column, Cells)>,
    rows: usize,
}

enum Cells {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    /// polars' own form, which holds short texts without an allocation.
    Text(StringChunkedBuilder),
    Vector(usize, Vec<f32>),
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Table {
    /// An empty table with room for `rows`.
    pub fn new(columns: &[Column], rows: usize) -> Table {
        let cells = |column: &Column| match column.kind {
            ColumnType::Bool => Cells::Bool(Vec::with_capacity(rows)),
            ColumnType::Int => Cells::Int(Vec::with_capacity(rows)),
            ColumnType::Float => Cells::Float(Vec::with_capacity(rows)),
            ColumnType::Text => Cells::Text(StringChunkedBuilder::new(column.name.as_str().into(), rows)),
            ColumnType::Vector(n) => Cells::Vector(n, Vec::with_capacity(rows * n)),
        };
        Table { columns: columns.iter().map(|c| (c.clone(), cells(c))).collect(), rows: 0 }
    }

    /// Adds a row, one value a column in order.
    ///
    /// # Errors
    /// When the values don't fit the columns; the table is then not to be used.
    pub fn push(&mut self, values: Vec<Value>) -> Result<(), String> {
        if values.len() != self.columns.len() {
            return Err(format!("a row has {} values for {} columns", values.len(), self.columns.len()));
        }
        for ((column, cells), value) in self.columns.iter_mut().zip(values) {
            match (cells, value) {
                (Cells::Bool(c), Value::Bool(v)) => c.push(Some(v)),
                (Cells::Int(c), Value::Int(v)) => c.push(Some(v)),
                (Cells::Float(c), Value::Float(v)) => c.push(Some(v)),
                (Cells::Text(c), Value::Text(v)) => c.append_value(v),
                (Cells::Vector(n, c), Value::Vector(v)) if v.len() == *n => c.extend(v),
                (Cells::Bool(c), Value::Null) => c.push(None),
                (Cells::Int(c), Value::Null) => c.push(None),
                (Cells::Float(c), Value::Null) => c.push(None),
                (Cells::Text(c), Value::Null) => c.append_null(),
                _ => return Err(format!("the column `{}` has a value of another type", column.name)),
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The table as the bytes of one Parquet file.
    ///
    /// # Errors
    /// When polars refuses.
    pub fn finish(self, metadata: &[(String, String)]) -> Result<Vec<u8>, String> {
        let rows = self.rows;
        let columns: Vec<PolarsColumn> = self
            .columns
            .into_iter()
            .map(|(c, cells)| cells.into_column(&c.name))
            .collect::<Result<_, _>>()?;
        let mut frame = DataFrame::new(rows, columns).map_err(|e| e.to_string())?;
        // polars declares text as `string_view`, which pyarrow reads and then can't sort or take by; the
        // declaration of the older layout is written in its place, the data are the same.
        let schema = schema_to_metadata_key(&frame.schema().to_arrow(CompatLevel::oldest()));
        let mut pairs = vec![(schema.key, schema.value.unwrap_or_default())];
        pairs.extend(metadata.iter().cloned());
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes)
            .with_compression(ParquetCompression::Zstd(None))
            .with_key_value_metadata(Some(KeyValueMetadata::from_static(pairs)))
            .with_row_group_size(Some(rows.max(1)))
            .set_parallel(false)
            .finish(&mut frame)
            .map_err(|e| e.to_string())?;
        Ok(bytes)
    }
}

impl Cells {
    fn into_column(self, name: &str) -> Result<PolarsColumn, String> {
        let name = name.into();
        Ok(match self {
            Cells::Bool(c) => Series::new(name, c).into_column(),
            Cells::Int(c) => Series::new(name, c).into_column(),
            Cells::Float(c) => Series::new(name, c).into_column(),
            Cells::Text(c) => c.finish().into_series().into_column(),
            Cells::Vector(n, c) => {
                let shape = [ReshapeDimension::Infer, ReshapeDimension::new_dimension(n as u64)];
                Series::new(name, c).reshape_array(&shape).map_err(|e| e.to_string())?.into_column()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{DataType, ParquetReader, SerReader};

    #[test]
    fn vectors_are_fixed_size_lists_and_equal_rows_give_equal_bytes() {
        let columns = [
            Column::new("id", ColumnType::Text),
            Column::new("n", ColumnType::Int),
            Column::new("v", ColumnType::Vector(3)),
        ];
        let make = || {
            let mut table = Table::new(&columns, 2);
            table
                .push(vec![Value::Text("a".into()), Value::Null, Value::Vector(vec![1.0, 2.0, 3.0])])
                .unwrap();
            table
                .push(vec![Value::Text("b".into()), Value::Int(4), Value::Vector(vec![4.0, 5.0, 6.0])])
                .unwrap();
            table.finish(&[("k".into(), "v".into())]).unwrap()
        };
        let bytes = make();
        assert_eq!(bytes, make());
        let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().unwrap();
        assert_eq!(frame.column("v").unwrap().dtype(), &DataType::Array(Box::new(DataType::Float32), 3));
        assert_eq!((frame.height(), frame.column("n").unwrap().null_count()), (2, 1));
    }

    #[test]
    fn an_empty_table_keeps_its_schema() {
        let table =
            Table::new(&[Column::new("id", ColumnType::Text), Column::new("v", ColumnType::Vector(4))], 0);
        let frame = ParquetReader::new(std::io::Cursor::new(table.finish(&[]).unwrap())).finish().unwrap();
        assert_eq!((frame.height(), frame.width()), (0, 2));
    }

    #[test]
    fn a_null_vector_is_refused() {
        let mut table = Table::new(&[Column::new("v", ColumnType::Vector(4))], 1);
        assert!(table.push(vec![Value::Null]).is_err());
    }
}
