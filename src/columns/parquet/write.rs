//! Rows to Parquet files through polars: Zstandard, fixed-size vectors.

use super::groups::Groups;
use crate::columns::{Column, ColumnType, Value, Zone};
use polars::prelude::{
    BinaryChunkedBuilder, Column as PolarsColumn, DataFrame, DataType, Float32Chunked, Float64Type,
    Int64Type, IntoColumn, IntoSeries, ListBuilderTrait, ListPrimitiveChunkedBuilder, NamedFrom, PlSmallStr,
    PolarsError, ReshapeDimension, Series, StringChunkedBuilder, StructChunked, UInt16Chunked,
};
use std::io::Write;

/// Why rows don't become a Parquet file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// A row of another length.
    #[error("a row has {values} values for {columns} columns")]
    Width {
        /// Its values.
        values: usize,
        /// The table's columns.
        columns: usize,
    },
    /// A value of another type than its column, which is named.
    #[error("the column `{0}` has a value of another type")]
    Type(String),
    /// As CSV.
    #[error("{0}")]
    Csv(String),
    /// The file could not be begun.
    #[error("the file is not open")]
    Closed,
    /// The library refuses, or what it writes to.
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

/// Bytes of the values of a row group, at most, but for one row that has more.
const GROUP_BYTES: usize = 48 << 20;
/// Rows gathered by column.
pub(crate) struct Table {
    columns: Vec<(Column, Cells)>,
    rows: usize,
    /// Bytes of the values since the last cut.
    bytes: usize,
    /// Rows where a row group ends before the last.
    cuts: Vec<usize>,
}

enum Cells {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    /// polars' own form, which holds short texts without an allocation.
    Text(Box<StringChunkedBuilder>),
    Timestamp(Zone, Vec<Option<i64>>),
    Vector(usize, Vec<f32>),
    /// As the bits of each number.
    HalfVector(usize, Vec<u16>),
    /// With which rows have one.
    Image(Box<BinaryChunkedBuilder>, Vec<bool>),
    /// Likewise.
    Neighbours(Box<Lists<Int64Type>>, Box<Lists<Float64Type>>, Vec<bool>),
}

type Lists<T> = ListPrimitiveChunkedBuilder<T>;

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Table {
    /// An empty table with room for `rows`.
    pub(crate) fn new(columns: &[Column], rows: usize) -> Table {
        let cells = |column: &Column| match column.kind {
            ColumnType::Bool => Cells::Bool(Vec::with_capacity(rows)),
            ColumnType::Int => Cells::Int(Vec::with_capacity(rows)),
            ColumnType::Float => Cells::Float(Vec::with_capacity(rows)),
            ColumnType::Text => {
                Cells::Text(Box::new(StringChunkedBuilder::new(column.name.as_str().into(), rows)))
            }
            ColumnType::Timestamp(zone) => Cells::Timestamp(zone, Vec::with_capacity(rows)),
            ColumnType::Vector(n) => Cells::Vector(n, Vec::with_capacity(rows * n)),
            ColumnType::HalfVector(n) => Cells::HalfVector(n, Vec::with_capacity(rows * n)),
            ColumnType::Image => {
                Cells::Image(Box::new(BinaryChunkedBuilder::new("bytes".into(), rows)), Vec::new())
            }
            ColumnType::Neighbours => Cells::Neighbours(
                Box::new(Lists::new("ids".into(), rows, 8 * rows, DataType::Int64)),
                Box::new(Lists::new("distances".into(), rows, 8 * rows, DataType::Float64)),
                Vec::new(),
            ),
        };
        let columns = columns.iter().map(|c| (c.clone(), cells(c))).collect();
        Table { columns, rows: 0, bytes: 0, cuts: Vec::new() }
    }

    /// Adds a row, one value a column in order.
    ///
    /// # Errors
    /// When the values don't fit the columns; the table is then not to be used.
    pub(crate) fn push(&mut self, values: Vec<Value>) -> Result<(), TableError> {
        if values.len() != self.columns.len() {
            return Err(TableError::Width { values: values.len(), columns: self.columns.len() });
        }
        let bytes = values.iter().map(size).sum::<usize>();
        if self.bytes > 0 && self.bytes + bytes > GROUP_BYTES {
            self.cuts.push(self.rows);
            self.bytes = 0;
        }
        self.bytes += bytes;
        for ((column, cells), value) in self.columns.iter_mut().zip(values) {
            match (cells, value) {
                (Cells::Bool(c), Value::Bool(v)) => c.push(Some(v)),
                (Cells::Int(c), Value::Int(v)) => c.push(Some(v)),
                (Cells::Float(c), Value::Float(v)) => c.push(Some(v)),
                (Cells::Text(c), Value::Text(v)) => c.append_value(v),
                (Cells::Timestamp(zone, c), Value::Timestamp(v, of)) if of == *zone => c.push(Some(v)),
                (Cells::Vector(n, c), Value::Vector(v)) if v.len() == *n => c.extend(v),
                (Cells::HalfVector(n, c), Value::Vector(v)) if v.len() == *n => {
                    c.extend(v.into_iter().map(|v| half::f16::from_f32(v).to_bits()));
                }
                (Cells::Image(c, valid), Value::Image(v)) => {
                    c.append_value(v);
                    valid.push(true);
                }
                (Cells::Neighbours(i, d, valid), Value::Neighbours(ids, distances))
                    if ids.len() == distances.len() =>
                {
                    i.append_slice(&ids);
                    d.append_slice(&distances);
                    valid.push(true);
                }
                (Cells::Image(c, valid), Value::Null) => {
                    c.append_null();
                    valid.push(false);
                }
                (Cells::Neighbours(ids, distances, valid), Value::Null) => {
                    ids.append_null();
                    distances.append_null();
                    valid.push(false);
                }
                (Cells::Bool(c), Value::Null) => c.push(None),
                (Cells::Int(c), Value::Null) => c.push(None),
                (Cells::Float(c), Value::Null) => c.push(None),
                (Cells::Text(c), Value::Null) => c.append_null(),
                (Cells::Timestamp(_, c), Value::Null) => c.push(None),
                _ => return Err(TableError::Type(column.name.clone())),
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The table as the bytes of one Parquet file.
    ///
    /// # Errors
    /// When polars refuses.
    pub(crate) fn finish(self, metadata: &[(String, String)]) -> Result<Vec<u8>, TableError> {
        let kinds: Vec<ColumnType> = self.columns.iter().map(|(column, _)| column.kind).collect();
        let (cuts, rows, room) = (self.cuts.clone(), self.rows, self.bytes);
        let frame = self.into_frame()?;
        // Of what is not compressible more; a buffer that grows is copied.
        let mut bytes = Vec::with_capacity(room + (64 << 10));
        let mut file = Groups::open(&mut bytes, &frame, &kinds)?;
        let mut start = 0;
        for end in cuts.into_iter().chain([rows]) {
            file.write(&frame.slice(start as i64, end - start))?;
            start = end;
        }
        file.end(metadata)?;
        Ok(bytes)
    }

    fn into_frame(self) -> Result<DataFrame, TableError> {
        let columns = self.columns.into_iter().map(|(c, cells)| cells.into_column(&c.name));
        let columns: Vec<PolarsColumn> = columns.collect::<Result<_, _>>()?;
        Ok(DataFrame::new(self.rows, columns)?)
    }
}

/// Rows that go to a Parquet file group by group, so that a long table takes little memory.
pub(crate) struct Stream<W: Write> {
    columns: Vec<Column>,
    waiting: Table,
    to: Option<W>,
    file: Option<Groups<W>>,
}

impl<W: Write> Stream<W> {
    /// Rows a group has at most.
    const GROUP: usize = 1 << 16;

    /// A file without rows.
    pub(crate) fn new(to: W, columns: &[Column]) -> Stream<W> {
        Stream { columns: columns.to_vec(), waiting: Table::new(columns, 0), to: Some(to), file: None }
    }

    /// Adds a row, one value a column in order.
    ///
    /// # Errors
    /// When the values don't fit the columns, or can't be written; the file is then not to be used.
    pub(crate) fn push(&mut self, values: Vec<Value>) -> Result<(), TableError> {
        let full = self.waiting.bytes + values.iter().map(size).sum::<usize>() > GROUP_BYTES;
        if self.waiting.rows >= Stream::<W>::GROUP || (full && self.waiting.rows > 0) {
            self.flush()?;
        }
        self.waiting.push(values)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        let frame = std::mem::replace(&mut self.waiting, Table::new(&self.columns, 0)).into_frame()?;
        if let Some(to) = self.to.take() {
            let kinds: Vec<ColumnType> = self.columns.iter().map(|column| column.kind).collect();
            self.file = Some(Groups::open(to, &frame, &kinds)?);
        }
        let file = self.file.as_mut().ok_or(TableError::Closed)?;
        Ok(file.write(&frame)?)
    }

    /// Writes what waits, and the end.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn finish(mut self, metadata: &[(String, String)]) -> Result<(), TableError> {
        if self.waiting.rows > 0 || self.file.is_none() {
            self.flush()?;
        }
        let file = self.file.as_mut().ok_or(TableError::Closed)?;
        Ok(file.end(metadata)?)
    }
}

/// Bytes of a value, about.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Int(_) | Value::Float(_) | Value::Timestamp(..) => 8,
        Value::Text(text) => 4 + text.len(),
        Value::Vector(v) => 4 * v.len(),
        Value::Image(bytes) => 4 + bytes.len(),
        Value::Neighbours(ids, _) => 8 + 16 * ids.len(),
    }
}

impl Cells {
    fn into_column(self, name: &str) -> Result<PolarsColumn, PolarsError> {
        let name = name.into();
        Ok(match self {
            Cells::Bool(c) => Series::new(name, c).into_column(),
            Cells::Int(c) => Series::new(name, c).into_column(),
            Cells::Float(c) => Series::new(name, c).into_column(),
            Cells::Timestamp(_, c) => Series::new(name, c).into_column(),
            Cells::Text(c) => c.finish().into_series().into_column(),
            // `from_vec` takes the numbers over as they lie; a series of a slice copies them.
            Cells::Vector(n, c) => {
                Float32Chunked::from_vec(name, c).into_series().reshape_array(&rows_of(n))?.into_column()
            }
            Cells::HalfVector(n, c) => {
                UInt16Chunked::from_vec(name, c).into_series().reshape_array(&rows_of(n))?.into_column()
            }
            Cells::Image(c, valid) => {
                let path = Series::full_null("path".into(), valid.len(), &DataType::String);
                structs(name, &[c.finish().into_series(), path], &valid)?
            }
            Cells::Neighbours(mut ids, mut distances, valid) => {
                structs(name, &[ids.finish().into_series(), distances.finish().into_series()], &valid)?
            }
        })
    }
}

/// A column of structs with these parts.
fn structs(name: PlSmallStr, parts: &[Series], valid: &[bool]) -> Result<PolarsColumn, PolarsError> {
    let structs = StructChunked::from_series(name, valid.len(), parts.iter())?;
    let nulls = valid.iter().any(|v| !v).then(|| valid.iter().copied().collect());
    Ok(structs.with_outer_validity(nulls).into_series().into_column())
}

/// Rows of `n` numbers.
fn rows_of(n: usize) -> [ReshapeDimension; 2] {
    [ReshapeDimension::Infer, ReshapeDimension::new_dimension(n as u64)]
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
    fn half_precision_is_declared_and_written_as_such() {
        let columns = [Column::new("v", ColumnType::HalfVector(3)), Column::new("n", ColumnType::Int)];
        let mut table = Table::new(&columns, 2);
        table.push(vec![Value::Vector(vec![1.0, -2.5, 65504.0]), Value::Null]).unwrap();
        table.push(vec![Value::Vector(vec![6e-8, -0.0, 0.333_251_95]), Value::Int(4)]).unwrap();
        let bytes = table.finish(&[]).unwrap();
        let metadata = read_metadata(&mut std::io::Cursor::new(&bytes)).unwrap();
        let number = &metadata.schema().columns()[0].descriptor.primitive_type;
        assert_eq!(number.logical_type, Some(PrimitiveLogicalType::Float16));
        assert_eq!(Table::new(&columns, 0).finish(&[]).map(|bytes| bytes.is_empty()).ok(), Some(false));
        let mut table = Table::new(&columns, 1);
        assert!(table.push(vec![Value::Vector(vec![1.0]), Value::Int(4)]).is_err());
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
