//! Columns of Parquet files, row group by row group: those that this program writes and those of others.

use super::super::{Column, ColumnType, Value, Zone};
use polars::prelude::{ArrowDataType, ArrowField, ArrowSchema, ArrowTimeUnit, PolarsError, pf16};
use polars_arrow::array::{
    Array, BinaryViewArray, BooleanArray, FixedSizeListArray, ListArray, PrimitiveArray, StructArray,
    Utf8ViewArray,
};
use polars_parquet::read::{
    BasicDecompressor, FileMetadata, PageReader, RowGroupMetadata, column_iter_to_arrays, infer_schema,
    read_metadata,
};
use std::any::Any;
use std::fs::File;
use std::io::{Cursor, Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Why a Parquet file is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The system refuses.
    #[error("cannot be read: {0}")]
    Io(#[from] Error),
    /// It is no Parquet file, or a damaged one, or of a kind that is not read.
    #[error("cannot be read as Parquet: {0}")]
    Parquet(String),
    /// There is no such column, or none that can be read.
    #[error("there is no column `{column}` that can be read; there are {}", names.join(", "))]
    NoColumn {
        /// The column wanted.
        column: String,
        /// Those that can be read.
        names: Vec<String>,
    },
    /// A row without a vector, or with one of another length or with a number that is none.
    #[error("column `{column}`, row {row}: no vector of {width} finite numbers")]
    Vector {
        /// The column.
        column: String,
        /// The row in the file, from 1.
        row: usize,
        /// Numbers that it should have.
        width: usize,
    },
}

impl From<PolarsError> for ReadError {
    fn from(error: PolarsError) -> ReadError {
        ReadError::Parquet(error.to_string())
    }
}

/// A Parquet file that is open.
pub(crate) struct Reader {
    file: File,
    metadata: FileMetadata,
    schema: ArrowSchema,
    columns: Vec<Column>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Some columns of a row group.
pub(crate) struct Group {
    /// Number of its first row in the file, from 0.
    pub first: usize,
    /// Rows.
    pub rows: usize,
    columns: Vec<(Column, Vec<Box<dyn Array>>)>,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is none, or is damaged.
    pub(crate) fn open(path: &Path) -> Result<Reader, ReadError> {
        let mut file = File::open(path)?;
        let (metadata, schema) = guarded(|| {
            let metadata = read_metadata(&mut file)?;
            let schema = infer_schema(&metadata)?;
            Ok((metadata, schema))
        })?;
        let mut reader = Reader { file, metadata, schema, columns: Vec::new() };
        let fields: Vec<ArrowField> = reader.schema.iter_values().cloned().collect();
        for field in fields {
            if let Some(kind) = reader.kind(&field)? {
                reader.columns.push(Column::new(field.name.to_string(), kind));
            }
        }
        Ok(reader)
    }

    /// The columns that can be read, in their order.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Rows of the file.
    pub(crate) fn rows(&self) -> usize {
        self.metadata.num_rows
    }

    /// What the file says of itself under `key`.
    pub(crate) fn says(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata.key_value_metadata.as_deref().unwrap_or_default();
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// Hands over these columns, row group by row group.
    ///
    /// # Errors
    /// When one is not there or is damaged, and those of `take`.
    pub(crate) fn each<E: From<ReadError>>(
        &self,
        names: &[&str],
        mut take: impl FnMut(&Group) -> Result<(), E>,
    ) -> Result<(), E> {
        for at in 0..self.metadata.row_groups.len() {
            let group = self.group(at, names)?;
            if group.rows > 0 {
                take(&group)?;
            }
        }
        Ok(())
    }

    /// Number of the first row of each row group, from 0.
    pub(crate) fn group_starts(&self) -> Vec<usize> {
        let lengths = self.metadata.row_groups.iter().map(RowGroupMetadata::num_rows);
        lengths.scan(0, |start, rows| Some(std::mem::replace(start, *start + rows))).collect()
    }

    /// These columns of one row group.
    ///
    /// # Errors
    /// When one is not there or is damaged.
    pub(crate) fn group(&self, at: usize, names: &[&str]) -> Result<Group, ReadError> {
        let gone = || ReadError::Parquet("a row group is gone".into());
        let group = self.metadata.row_groups.get(at).ok_or_else(gone)?;
        let first = self.metadata.row_groups[..at].iter().map(RowGroupMetadata::num_rows).sum();
        let columns = names.iter().map(|name| {
            let column = self.columns.iter().find(|c| c.name == *name).cloned();
            let column = column.ok_or_else(|| ReadError::NoColumn {
                column: (*name).to_string(),
                names: self.columns.iter().map(|c| c.name.clone()).collect(),
            })?;
            let arrays = self.arrays(group, name)?;
            Ok::<_, ReadError>((column, arrays))
        });
        let columns: Vec<_> = columns.collect::<Result<_, ReadError>>()?;
        let rows = group.num_rows();
        let whole = |(_, arrays): &(Column, Vec<Box<dyn Array>>)| {
            arrays.iter().map(|a| a.len()).sum::<usize>() == rows
        };
        if !columns.iter().all(whole) {
            return Err(ReadError::Parquet("columns of different lengths".into()));
        }
        Ok(Group { first, rows, columns })
    }

    /// The type that a column is read as; none where it is not read.
    fn kind(&self, field: &ArrowField) -> Result<Option<ColumnType>, ReadError> {
        use ArrowDataType as D;
        Ok(Some(match &field.dtype {
            D::Boolean => ColumnType::Bool,
            D::Float16 | D::Float32 | D::Float64 => ColumnType::Float,
            whole if is_number(whole) => ColumnType::Int,
            D::Utf8View | D::Utf8 | D::LargeUtf8 => ColumnType::Text,
            D::Timestamp(_, zone) => {
                ColumnType::Timestamp(if zone.is_some() { Zone::Utc } else { Zone::Local })
            }
            D::FixedSizeList(of, n) => match of.dtype {
                D::Float16 => ColumnType::HalfVector(*n),
                _ if is_number(&of.dtype) => ColumnType::Vector(*n),
                _ => return Ok(None),
            },
            D::List(of) | D::LargeList(of) if is_number(&of.dtype) => match self.width(&field.name)? {
                Some(width) => ColumnType::Vector(width),
                None => return Ok(None),
            },
            D::Struct(parts) => {
                let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
                match (&names[..], parts.first().map(|part| &part.dtype)) {
                    (["bytes", "path"], Some(D::BinaryView | D::Binary | D::LargeBinary)) => {
                        ColumnType::Image
                    }
                    (["ids", "distances"], Some(D::List(_) | D::LargeList(_))) => ColumnType::Neighbours,
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        }))
    }

    /// Numbers of the first list of a column.
    fn width(&self, name: &str) -> Result<Option<usize>, ReadError> {
        let Some(group) = self.metadata.row_groups.iter().find(|group| group.num_rows() > 0) else {
            return Ok(None);
        };
        let arrays = self.arrays(group, name)?;
        let lists = arrays.iter().filter_map(|a| as_::<ListArray<i64>>(&**a));
        let mut widths = lists.flat_map(|list| list.offsets().lengths());
        Ok(widths.find(|width| *width > 0))
    }

    fn arrays(&self, group: &RowGroupMetadata, name: &str) -> Result<Vec<Box<dyn Array>>, ReadError> {
        let unknown = || ReadError::Parquet(format!("the column `{name}` is gone"));
        let field = self.schema.get(name).cloned().ok_or_else(unknown)?;
        let chunks: Vec<_> = group.columns_under_root_iter(name).ok_or_else(unknown)?.collect();
        let bytes = |(start, length): (u64, u64)| {
            // A length that the file does not have would take all memory before it is found out.
            let end =
                start.checked_add(length).filter(|end| self.file.metadata().is_ok_and(|m| *end <= m.len()));
            let end = end.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
            let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
            self.file.read_exact_at(&mut bytes, start).map(|()| bytes)
        };
        let read = chunks.iter().map(|chunk| {
            let range = chunk.byte_range();
            bytes((range.start, range.end.saturating_sub(range.start)))
        });
        let read: Vec<Vec<u8>> = read.collect::<Result<_, _>>()?;
        guarded(|| {
            let (pages, types) = chunks
                .iter()
                .zip(read)
                .map(|(chunk, bytes)| {
                    let pages = PageReader::new(Cursor::new(bytes.into()), chunk, Vec::new(), usize::MAX);
                    let of = &chunk.descriptor().descriptor.primitive_type;
                    (BasicDecompressor::new(pages, Vec::new()), of)
                })
                .unzip();
            Ok(column_iter_to_arrays(pages, types, field, None)?.0)
        })
    }
}

impl Group {
    /// The value of a column, by its place in what was asked for, in a row of the group.
    ///
    /// Whole numbers that are too large, numbers that are none, and times outside the years 1 to 9999 are no values.
    pub(crate) fn value(&self, column: usize, row: usize) -> Value {
        let Some((column, arrays)) = self.columns.get(column) else { return Value::Null };
        let mut row = row;
        for array in arrays {
            if row < array.len() {
                return value(&**array, row, column.kind);
            }
            row -= array.len();
        }
        Value::Null
    }

    /// The first row of the group in which a column of texts, by its place in what was asked for, has this one.
    pub(crate) fn find(&self, column: usize, text: &str) -> Option<usize> {
        let (_, arrays) = self.columns.get(column)?;
        let mut before = 0;
        for array in arrays {
            let texts = as_::<Utf8ViewArray>(&**array)?;
            if let Some(row) = texts.iter().position(|found| found == Some(text)) {
                return Some(before + row);
            }
            before += array.len();
        }
        None
    }

    /// Appends the vectors of a column, by its place in what was asked for.
    ///
    /// # Errors
    /// For a row that has none, or one of another length or with a number that is none.
    pub(crate) fn vectors(&self, column: usize, to: &mut Vec<f32>) -> Result<(), ReadError> {
        self.vectors_or(column, to, |row, of, width| {
            Err(ReadError::Vector { column: of.name.clone(), row: self.first + row + 1, width })
        })
    }

    /// The same with numbers that are none for a row without a vector.
    pub(crate) fn vectors_or_none(&self, column: usize, to: &mut Vec<f32>) {
        let none = |_, _: &Column, width| Ok::<_, ReadError>(vec![f32::NAN; width]);
        // There is an answer for every row.
        self.vectors_or(column, to, none).ok();
    }

    fn vectors_or<E>(
        &self,
        column: usize,
        to: &mut Vec<f32>,
        missing: impl Fn(usize, &Column, usize) -> Result<Vec<f32>, E>,
    ) -> Result<(), E> {
        let Some((of, arrays)) = self.columns.get(column) else { return Ok(()) };
        let width = match of.kind {
            ColumnType::Vector(width) | ColumnType::HalfVector(width) => width,
            _ => 0,
        };
        // Whole where all of them are numbers of single precision, as `embed` writes them.
        let plain: Option<Vec<&[f32]>> = arrays.iter().map(|array| plain(&**array, width)).collect();
        if let Some(plain) = plain {
            plain.into_iter().for_each(|numbers| to.extend_from_slice(numbers));
            return Ok(());
        }
        for row in 0..self.rows {
            match self.value(column, row) {
                Value::Vector(vector) if vector.len() == width => to.extend(vector),
                _ => to.extend(missing(row, of, width)?),
            }
        }
        Ok(())
    }
}

fn as_<T: 'static>(array: &dyn Array) -> Option<&T> {
    array.as_any().downcast_ref()
}

/// The numbers of vectors of single precision, one after another, where there is one in every row and all are finite.
fn plain(array: &dyn Array, width: usize) -> Option<&[f32]> {
    let lists = as_::<FixedSizeListArray>(array).filter(|lists| lists.null_count() == 0)?;
    let numbers =
        as_::<PrimitiveArray<f32>>(&**lists.values()).filter(|numbers| numbers.null_count() == 0)?;
    let numbers = numbers.values().as_slice();
    (numbers.len() == lists.len() * width && numbers.iter().all(|v| v.is_finite())).then_some(numbers)
}

fn is_number(of: &ArrowDataType) -> bool {
    use ArrowDataType as D;
    let float = matches!(of, D::Float16 | D::Float32 | D::Float64);
    let signed = matches!(of, D::Int8 | D::Int16 | D::Int32 | D::Int64);
    float || signed || matches!(of, D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64)
}

fn value(array: &dyn Array, row: usize, kind: ColumnType) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let found = match kind {
        ColumnType::Bool => as_::<BooleanArray>(array).map(|a| Value::Bool(a.value(row))),
        ColumnType::Int => int(array, row).map(Value::Int),
        ColumnType::Float => float(array, row).filter(|v| v.is_finite()).map(Value::Float),
        ColumnType::Text => as_::<Utf8ViewArray>(array).map(|a| Value::Text(a.value(row).to_string())),
        ColumnType::Timestamp(zone) => time(array, row).map(|t| Value::Timestamp(t, zone)),
        ColumnType::Vector(_) | ColumnType::HalfVector(_) => {
            list(array, row).and_then(|list| floats(&*list)).map(Value::Vector)
        }
        ColumnType::Image => {
            let parts = as_::<StructArray>(array).map(StructArray::values);
            let bytes = parts.and_then(|parts| as_::<BinaryViewArray>(&**parts.first()?));
            bytes.filter(|a| !a.is_null(row)).map(|a| Value::Image(a.value(row).to_vec()))
        }
        ColumnType::Neighbours => neighbours(array, row),
    };
    found.unwrap_or(Value::Null)
}

fn int(array: &dyn Array, row: usize) -> Option<i64> {
    macro_rules! any_of {
        ($($t:ty),*) => {
            $(if let Some(a) = as_::<PrimitiveArray<$t>>(array) {
                return i64::try_from(a.value(row)).ok();
            })*
        };
    }
    any_of!(i64, i32, u32, u8, i16, u16, i8, u64);
    None
}

fn float(array: &dyn Array, row: usize) -> Option<f64> {
    if let Some(a) = as_::<PrimitiveArray<f64>>(array) {
        return Some(a.value(row));
    }
    if let Some(a) = as_::<PrimitiveArray<f32>>(array) {
        return Some(a.value(row).into());
    }
    if let Some(a) = as_::<PrimitiveArray<pf16>>(array) {
        return Some(f32::from(a.value(row).0).into());
    }
    int(array, row).map(|whole| whole as f64)
}

/// Microseconds from 1970 within the years 1 to 9999.
fn time(array: &dyn Array, row: usize) -> Option<i64> {
    const YEARS: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;
    let value = as_::<PrimitiveArray<i64>>(array)?.value(row);
    let ArrowDataType::Timestamp(unit, _) = array.dtype() else { return None };
    let microseconds = match unit {
        ArrowTimeUnit::Second => value.checked_mul(1_000_000),
        ArrowTimeUnit::Millisecond => value.checked_mul(1000),
        ArrowTimeUnit::Microsecond => Some(value),
        ArrowTimeUnit::Nanosecond => Some(value.div_euclid(1000)),
    };
    microseconds.filter(|t| YEARS.contains(t))
}

fn list(array: &dyn Array, row: usize) -> Option<Box<dyn Array>> {
    if let Some(lists) = as_::<ListArray<i64>>(array) {
        return Some(lists.value(row));
    }
    as_::<FixedSizeListArray>(array).map(|lists| lists.value(row))
}

/// All numbers of a list, where all are numbers.
fn floats(list: &dyn Array) -> Option<Vec<f32>> {
    if list.null_count() > 0 {
        return None;
    }
    let numbers: Vec<f32> = match as_::<PrimitiveArray<f32>>(list) {
        Some(numbers) => numbers.values_iter().copied().collect(),
        None => (0..list.len()).map(|i| float(list, i).map(|v| v as f32)).collect::<Option<_>>()?,
    };
    numbers.iter().all(|v| v.is_finite()).then_some(numbers)
}

fn neighbours(array: &dyn Array, row: usize) -> Option<Value> {
    let parts = as_::<StructArray>(array)?.values();
    let (ids, distances) = (list(&**parts.first()?, row)?, list(&**parts.get(1)?, row)?);
    let ids = (0..ids.len()).map(|i| int(&*ids, i)).collect::<Option<Vec<_>>>()?;
    let distances = (0..distances.len()).map(|i| float(&*distances, i)).collect::<Option<Vec<_>>>()?;
    (ids.len() == distances.len()).then_some(Value::Neighbours(ids, distances))
}

/// A damaged file makes the library fail, or panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, PolarsError>) -> Result<T, ReadError> {
    let done = catch_unwind(AssertUnwindSafe(read));
    let done = done.map_err(|panic| ReadError::Parquet(text(panic.as_ref()).to_string()))?;
    Ok(done?)
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("the file is damaged")
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    /// All vectors of a column, one after another.
    fn vectors(reader: &Reader, name: &str) -> Result<Vec<f32>, ReadError> {
        let mut all = Vec::new();
        reader.each(&[name], |group| group.vectors(0, &mut all))?;
        Ok(all)
    }

    fn kinds() -> Vec<(ColumnType, Value)> {
        vec![
            (ColumnType::Bool, Value::Bool(true)),
            (ColumnType::Int, Value::Int(-7)),
            (ColumnType::Float, Value::Float(0.1)),
            (ColumnType::Text, Value::Text("a text of more than twelve bytes".into())),
            (ColumnType::Timestamp(Zone::Utc), Value::Timestamp(-5, Zone::Utc)),
            (ColumnType::Timestamp(Zone::Local), Value::Timestamp(5, Zone::Local)),
            (ColumnType::Image, Value::Image(b"\xff\xd8".to_vec())),
            (ColumnType::Neighbours, Value::Neighbours(vec![4, 2], vec![0.5, 0.75])),
            (ColumnType::Neighbours, Value::Neighbours(vec![], vec![])),
            (ColumnType::Vector(3), Value::Vector(vec![1.0, -2.0, 3.5])),
            (ColumnType::HalfVector(2), Value::Vector(vec![0.5, 65504.0])),
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        let kinds = kinds();
        let columns: Vec<Column> =
            kinds.iter().enumerate().map(|(i, (kind, _))| Column::new(format!("c{i}"), *kind)).collect();
        let mut table = Table::new(&columns, 2);
        table.push(kinds.iter().map(|(_, value)| value.clone()).collect()).unwrap();
        let null = |(kind, value): &(ColumnType, Value)| match kind {
            ColumnType::Vector(_) | ColumnType::HalfVector(_) => value.clone(),
            _ => Value::Null,
        };
        table.push(kinds.iter().map(null).collect()).unwrap();
        let file = file(&table.finish(&[("k".into(), "v".into())]).unwrap());
        let reader = Reader::open(file.path()).unwrap();
        assert_eq!((reader.rows(), reader.says("k")), (2, Some("v")));
        assert_eq!(reader.columns(), columns);
        let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        let mut seen = 0;
        let read = reader.each(&names, |group| {
            for (at, wanted) in kinds.iter().enumerate() {
                assert_eq!(group.value(at, 0), wanted.1, "{at}");
                assert_eq!(group.value(at, 1), null(wanted), "{at}");
            }
            seen += group.rows;
            Ok::<_, ReadError>(())
        });
        read.unwrap();
        assert_eq!(seen, 2);
        assert_eq!(vectors(&reader, "c9").unwrap(), [1.0, -2.0, 3.5, 1.0, -2.0, 3.5]);
        assert_eq!(vectors(&reader, "c10").unwrap(), [0.5, 65504.0, 0.5, 65504.0]);
        assert!(matches!(vectors(&reader, "c3"), Err(ReadError::Vector { row: 1, .. })));
        assert!(matches!(vectors(&reader, "c99"), Err(ReadError::NoColumn { .. })));
    }

    #[test]
    fn row_groups_are_bounded_by_bytes() {
        let columns = [Column::new("t", ColumnType::Image), Column::new("n", ColumnType::Int)];
        let mut table = Table::new(&columns, 0);
        for n in 0..7 {
            table.push(vec![Value::Image(vec![n as u8; 20 << 20]), Value::Int(n)]).unwrap();
        }
        let file = file(&table.finish(&[]).unwrap());
        let reader = Reader::open(file.path()).unwrap();
        let mut groups = Vec::new();
        let read = reader.each(&["n"], |group| {
            groups.push((group.first, group.rows));
            assert_eq!(group.value(0, 0), Value::Int(group.first as i64));
            Ok::<_, ReadError>(())
        });
        read.unwrap();
        assert_eq!(groups, [(0, 2), (2, 2), (4, 2), (6, 1)]);
    }

    #[test]
    fn damaged_files_are_refused() {
        let mut table = Table::new(&[Column::new("v", ColumnType::Vector(4))], 1);
        (0..50).for_each(|i| table.push(vec![Value::Vector(vec![i as f32; 4])]).unwrap());
        let bytes = table.finish(&[]).unwrap();
        for cut in 0..bytes.len() {
            let file = file(&bytes[..cut]);
            assert!(Reader::open(file.path()).is_err(), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            let file = file(&bytes);
            // Whatever comes of it, it comes back.
            Reader::open(file.path()).and_then(|reader| vectors(&reader, "v")).ok();
        }
    }
}
