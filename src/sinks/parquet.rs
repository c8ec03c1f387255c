//! Rows to Parquet bytes through polars: one row group, Zstandard, fixed-size vectors.

use crate::columns::{Column, ColumnType, Value, Zone};
use polars::prelude::{
    ArrowDataType, ArrowSchema, ArrowTimeUnit, Column as PolarsColumn, CompatLevel, DataFrame, IntoColumn,
    IntoSeries, NamedFrom, PolarsError, ReshapeDimension, SchemaExt, Series, StringChunkedBuilder,
};
use polars_parquet::read::ParquetError;
use polars_parquet::write::{
    CompressionOptions, Compressor, DynIter, DynStreamingIterator, FileWriter, KeyValue, StatisticsOptions,
    Version, WriteOptions, array_to_columns, get_dtype_encoding, schema_to_metadata_key,
};

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
    Timestamp(Zone, Vec<Option<i64>>),
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
            ColumnType::Timestamp(zone) => Cells::Timestamp(zone, Vec::with_capacity(rows)),
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
                (Cells::Timestamp(zone, c), Value::Timestamp(v, of)) if of == *zone => c.push(Some(v)),
                (Cells::Vector(n, c), Value::Vector(v)) if v.len() == *n => c.extend(v),
                (Cells::Bool(c), Value::Null) => c.push(None),
                (Cells::Int(c), Value::Null) => c.push(None),
                (Cells::Float(c), Value::Null) => c.push(None),
                (Cells::Text(c), Value::Null) => c.append_null(),
                (Cells::Timestamp(_, c), Value::Null) => c.push(None),
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
        let kinds: Vec<ColumnType> = self.columns.iter().map(|(column, _)| column.kind).collect();
        let columns: Vec<PolarsColumn> = self
            .columns
            .into_iter()
            .map(|(c, cells)| cells.into_column(&c.name))
            .collect::<Result<_, _>>()?;
        let frame = DataFrame::new(self.rows, columns).map_err(|e| e.to_string())?;
        write(&frame, &kinds, metadata).map_err(|e| e.to_string())
    }
}

/// The frame as one row group. Times are whole numbers in it: polars' own writer would need its times and zones
/// compiled in, which nothing else here does.
fn write(
    frame: &DataFrame,
    kinds: &[ColumnType],
    metadata: &[(String, String)],
) -> Result<Vec<u8>, PolarsError> {
    let declared = |level: CompatLevel| {
        let mut schema = frame.schema().to_arrow(level);
        declare_times(&mut schema, kinds);
        schema
    };
    let schema = declared(CompatLevel::newest());
    let encodings: Vec<_> = schema.iter_values().map(|field| get_dtype_encoding(&field.dtype)).collect();
    let options = WriteOptions {
        statistics: StatisticsOptions::default(),
        compression: CompressionOptions::Zstd(None),
        version: Version::V1,
        data_page_size: None,
    };
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new(&mut bytes, schema, options)?;
    let fields = writer.parquet_schema().fields().to_vec();
    for batch in frame.iter_chunks(CompatLevel::newest(), false).filter(|batch| !batch.is_empty()) {
        let mut columns = Vec::new();
        for ((array, field), encodings) in batch.columns().iter().zip(&fields).zip(&encodings) {
            for pages in array_to_columns(array, field.clone(), options, encodings)? {
                let pages =
                    pages.map(|page| page.map_err(|e| ParquetError::FeatureNotSupported(e.to_string())));
                let compressed = Compressor::new_from_vec(pages, options.compression, Vec::new());
                columns.push(Ok(DynStreamingIterator::new(
                    polars_parquet::write::FallibleStreamingIterator::map_err(compressed, PolarsError::from),
                )));
            }
        }
        writer.write(batch.len() as u64, DynIter::new(columns.into_iter()))?;
    }
    // polars declares text as `string_view`, which pyarrow reads and then can't sort or take by; the
    // declaration of the older layout is written in its place, the data are the same.
    let mut pairs = vec![schema_to_metadata_key(&declared(CompatLevel::oldest()))];
    let pair = |(key, value): &(String, String)| KeyValue { key: key.clone(), value: Some(value.clone()) };
    pairs.extend(metadata.iter().map(pair));
    writer.end(Some(pairs))?;
    Ok(bytes)
}

fn declare_times(schema: &mut ArrowSchema, kinds: &[ColumnType]) {
    for (field, kind) in schema.iter_values_mut().zip(kinds) {
        if let ColumnType::Timestamp(zone) = kind {
            let zone = (*zone == Zone::Utc).then(|| "UTC".into());
            field.dtype = ArrowDataType::Timestamp(ArrowTimeUnit::Microsecond, zone);
        }
    }
}

impl Cells {
    fn into_column(self, name: &str) -> Result<PolarsColumn, String> {
        let name = name.into();
        Ok(match self {
            Cells::Bool(c) => Series::new(name, c).into_column(),
            Cells::Int(c) => Series::new(name, c).into_column(),
            Cells::Float(c) => Series::new(name, c).into_column(),
            Cells::Timestamp(_, c) => Series::new(name, c).into_column(),
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
    use polars_parquet::parquet::schema::types::TimeUnit;
    use polars_parquet::read::{ParquetType, PrimitiveLogicalType, read_metadata};

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
    fn times_are_declared_with_and_without_zone() {
        let columns = [Zone::Local, Zone::Utc]
            .map(|zone| Column::new(format!("{zone:?}"), ColumnType::Timestamp(zone)));
        let mut table = Table::new(&columns, 2);
        table.push(vec![Value::Timestamp(-5, Zone::Local), Value::Null]).unwrap();
        table.push(vec![Value::Null, Value::Timestamp(7, Zone::Utc)]).unwrap();
        assert!(table.push(vec![Value::Null, Value::Timestamp(7, Zone::Local)]).is_err());
        let mut table = Table::new(&columns, 1);
        table.push(vec![Value::Timestamp(-5, Zone::Local), Value::Null]).unwrap();
        let bytes = table.finish(&[]).unwrap();
        let metadata = read_metadata(&mut std::io::Cursor::new(&bytes)).unwrap();
        let times = metadata.schema().fields().iter().map(|field| {
            let ParquetType::PrimitiveType(field) = field else { panic!() };
            field.logical_type
        });
        let time = |is_adjusted_to_utc| {
            Some(PrimitiveLogicalType::Timestamp { is_adjusted_to_utc, unit: TimeUnit::Microseconds })
        };
        assert_eq!(times.collect::<Vec<_>>(), [time(false), time(true)]);
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
