//! Lists in Parquet. The schema tells which columns are read: the paths, booleans, numbers and texts. All others, such
//! as timestamps, decimals and lists, are never decoded.

use super::budget::{Budget, INPUT};
use super::error::{ListError, Place};
use super::list::{List, Wanted, below, is_manifest};
use super::rows::{Cell, Rows};
use crate::columns::{Column, ColumnType};
use crate::error::{is_about_threads, panic_text};
use crate::shown;
use polars::prelude::{AnyValue, Column as PolarsColumn, ParquetReader, PolarsError, SerReader};
use polars_parquet::parquet::schema::Repetition;
use polars_parquet::parquet::schema::types::IntegerType;
use polars_parquet::read::{
    FileMetadata, ParquetType, PhysicalType, PrimitiveConvertedType, PrimitiveLogicalType, read_metadata,
};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a column is read as.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Bool,
    Int,
    /// Numbers of which some may be too large for a signed one.
    Unsigned,
    Float,
    Text,
    /// Bytes without a meaning of their own, which can only be paths.
    Bytes,
}

/// An open file.
struct Source {
    file: File,
    metadata: Arc<FileMetadata>,
}

/// What takes the columns that were asked for, with their rows.
type Take<'a> = &'a mut dyn FnMut(&[&PolarsColumn], usize) -> Result<(), ListError>;

/// Reads a Parquet file.
pub(super) fn read(wanted: &Wanted<'_>) -> Result<List, ListError> {
    let source = Source::open(wanted.file)?;
    let fields = source.metadata.schema().fields();
    let column = || wanted.column.to_string();
    let Some(paths) = fields.iter().find(|field| field.name() == wanted.column) else {
        let names = fields.iter().map(|field| field.name().to_string()).collect();
        return Err(ListError::NoColumn { column: column(), names });
    };
    if !matches!(held(paths), Some(Held::Text | Held::Bytes)) {
        return Err(ListError::NotPaths { column: column(), holds: words(paths) });
    }
    let (mut carried, mut left_out) = (Vec::new(), Vec::new());
    for field in fields.iter().filter(|field| field.name() != wanted.column) {
        match held(field) {
            None | Some(Held::Bytes) => left_out.push(format!("{} ({})", field.name(), words(field))),
            Some(held) => carried.push((field.name().to_string(), held)),
        }
    }
    let columns = source.columns(&carried)?;
    let mut rows = Rows::new(columns.iter().map(|column| column.kind).collect());
    let mut budget = Budget::new(wanted);
    let total = source.metadata.num_rows as u64;
    // The least that the rows can take, by what the file says of itself.
    let least =
        Budget { needed: budget.needed.saturating_add(total.saturating_mul(INPUT)), rows: total, ..budget };
    least.check(total)?;
    let names: Vec<&str> =
        std::iter::once(wanted.column).chain(carried.iter().map(|c| c.0.as_str())).collect();
    let written = wanted.written || is_manifest(fields.iter().map(ParquetType::name));
    source.groups(&names, wanted.memory, &mut |read, height| {
        for row in 0..height {
            let mut cells = read.iter().map(|column| column.get(row).unwrap_or(AnyValue::Null));
            let place = Place::Row(rows.len() as u64 + 1);
            let path = path(cells.next().as_ref(), written);
            let path = path.ok_or_else(|| ListError::NoPath { place, column: column() })?;
            let path = below(&path, wanted.root).map_err(|cell| cell.at(place))?;
            let cells: Vec<AnyValue<'_>> = cells.collect();
            // Numbers that became text live as long as their row.
            let whole = |(cell, column): (&AnyValue<'_>, &Column)| match cell {
                AnyValue::UInt64(value) if column.kind == ColumnType::Text => Some(value.to_string()),
                _ => None,
            };
            let whole: Vec<Option<String>> = cells.iter().zip(&columns).map(whole).collect();
            let texts = cells.iter().map(|cell| cell.get_str().map_or(0, str::len)).sum();
            budget.add(path.as_os_str().len(), cells.len(), texts);
            budget.check(total)?;
            let values = cells.iter().zip(&whole).zip(&columns);
            rows.push(
                &path,
                values.map(|((cell, whole), column)| typed(cell, whole.as_deref(), column.kind)),
            );
        }
        Ok(())
    })?;
    if rows.len() as u64 != total {
        return Err(ListError::Rows { told: total, found: rows.len() });
    }
    Ok(List { rows, columns, left_out })
}

impl Source {
    fn open(path: &Path) -> Result<Source, ListError> {
        let mut file = File::open(path).map_err(ListError::Open)?;
        let mut metadata = guarded(|| read_metadata(&mut file))?;
        // Its writer's own types, such as categories, do not matter: they are texts in the file.
        metadata.key_value_metadata = None;
        Ok(Source { file, metadata: Arc::new(metadata) })
    }

    /// The carried columns with their types. Whole numbers of which one is too large become texts.
    fn columns(&self, carried: &[(String, Held)]) -> Result<Vec<Column>, ListError> {
        let mut columns = Vec::new();
        for (name, held) in carried {
            let kind = match held {
                Held::Bool => ColumnType::Bool,
                Held::Float => ColumnType::Float,
                Held::Int => ColumnType::Int,
                Held::Unsigned => {
                    let mut large = false;
                    self.groups(&[name.as_str()], u64::MAX, &mut |columns, height| {
                        let mut cells =
                            columns.iter().flat_map(|c| (0..height).filter_map(|row| c.get(row).ok()));
                        large |= cells.any(|cell| is_large(&cell));
                        Ok(())
                    })?;
                    if large { ColumnType::Text } else { ColumnType::Int }
                }
                Held::Text | Held::Bytes => ColumnType::Text,
            };
            columns.push(Column::new(name.as_str(), kind));
        }
        Ok(columns)
    }

    /// Reads these columns by row groups, in their order.
    fn groups(&self, names: &[&str], memory: u64, take: Take<'_>) -> Result<(), ListError> {
        let mut start = 0;
        for group in &self.metadata.row_groups {
            let chunks = names.iter().filter_map(|name| group.columns_under_root_iter(name)).flatten();
            let bytes: u64 = chunks
                .map(|c| u64::try_from(c.uncompressed_size()).unwrap_or(u64::MAX))
                .fold(0, u64::saturating_add);
            if bytes > memory {
                return Err(ListError::RowGroup { needed: bytes, limit: memory });
            }
            let count = group.num_rows();
            if count == 0 {
                continue;
            }
            let file = self.file.try_clone().map_err(ListError::Open)?;
            let frame = guarded(|| {
                let mut reader = ParquetReader::new(file);
                reader.set_metadata(self.metadata.clone());
                let names = names.iter().map(ToString::to_string).collect();
                reader.with_columns(Some(names)).with_slice(Some((start, count))).finish()
            })?;
            let columns: Result<Vec<&PolarsColumn>, _> =
                names.iter().map(|name| frame.column(name)).collect();
            take(&columns.map_err(|e| ListError::Parquet(e.into()))?, frame.height())?;
            start += count;
        }
        Ok(())
    }
}

/// What a column is read as; none for what is left out.
fn held(field: &ParquetType) -> Option<Held> {
    use PrimitiveConvertedType as Old;
    use PrimitiveLogicalType as New;
    let ParquetType::PrimitiveType(of) = field else { return None };
    if of.field_info.repetition == Repetition::Repeated {
        return None;
    }
    match (of.physical_type, of.logical_type, of.converted_type) {
        (PhysicalType::Boolean, None, None) => Some(Held::Bool),
        (PhysicalType::Float | PhysicalType::Double, None, None) => Some(Held::Float),
        (PhysicalType::ByteArray, Some(New::String), _)
        | (PhysicalType::ByteArray, None, Some(Old::Utf8)) => Some(Held::Text),
        (PhysicalType::ByteArray, None, None) => Some(Held::Bytes),
        (PhysicalType::Int64, Some(New::Integer(IntegerType::UInt64)), _)
        | (PhysicalType::Int64, None, Some(Old::Uint64)) => Some(Held::Unsigned),
        (PhysicalType::Int32 | PhysicalType::Int64, None, None)
        | (PhysicalType::Int32 | PhysicalType::Int64, Some(New::Integer(_)), _) => Some(Held::Int),
        (
            PhysicalType::Int32 | PhysicalType::Int64,
            None,
            Some(Old::Int8 | Old::Int16 | Old::Int32 | Old::Int64 | Old::Uint8 | Old::Uint16 | Old::Uint32),
        ) => Some(Held::Int),
        _ => None,
    }
}

/// What a column holds, in words.
fn words(field: &ParquetType) -> String {
    let ParquetType::PrimitiveType(of) = field else { return "nested values".to_string() };
    if of.field_info.repetition == Repetition::Repeated {
        return "lists".to_string();
    }
    let word = match (held(field), of.logical_type, of.converted_type) {
        (Some(Held::Bool), ..) => "booleans",
        (Some(Held::Int | Held::Unsigned), ..) => "whole numbers",
        (Some(Held::Float), ..) => "numbers",
        (Some(Held::Text), ..) => "texts",
        (_, Some(PrimitiveLogicalType::Date), _) | (.., Some(PrimitiveConvertedType::Date)) => "dates",
        (_, Some(PrimitiveLogicalType::Decimal(..)), _) | (.., Some(PrimitiveConvertedType::Decimal(..))) => {
            "decimals"
        }
        (_, Some(PrimitiveLogicalType::Timestamp { .. } | PrimitiveLogicalType::Time { .. }), _) => "times",
        _ if of.physical_type == PhysicalType::Int96 => "times",
        _ => "bytes",
    };
    word.to_string()
}

/// The path in a cell; none where it is empty.
fn path(cell: Option<&AnyValue<'_>>, written: bool) -> Option<PathBuf> {
    let path = match cell? {
        AnyValue::Binary(bytes) => Path::new(OsStr::from_bytes(bytes)).to_path_buf(),
        AnyValue::BinaryOwned(bytes) => Path::new(OsStr::from_bytes(bytes)).to_path_buf(),
        cell if written => shown::decode(cell.get_str()?),
        cell => PathBuf::from(cell.get_str()?),
    };
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Whether this is a whole number that is too large for a signed one.
fn is_large(cell: &AnyValue<'_>) -> bool {
    matches!(cell, AnyValue::UInt64(value) if i64::try_from(*value).is_err())
}

/// A cell of a column of this type; `whole` is its text where it is a whole number of a column of texts.
fn typed<'a>(cell: &'a AnyValue<'_>, whole: Option<&'a str>, kind: ColumnType) -> Cell<'a> {
    let float = |value: f64| if value.is_finite() { Cell::Float(value) } else { Cell::Null };
    match (kind, cell) {
        (ColumnType::Bool, AnyValue::Boolean(value)) => Cell::Bool(*value),
        (ColumnType::Int, cell) => cell.extract::<i64>().map_or(Cell::Null, Cell::Int),
        (ColumnType::Float, cell) => cell.extract::<f64>().map_or(Cell::Null, float),
        (ColumnType::Text, cell) => whole.or_else(|| cell.get_str()).map_or(Cell::Null, Cell::Text),
        _ => Cell::Null,
    }
}

/// A damaged file makes the library fail, or panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, PolarsError>) -> Result<T, ListError> {
    let done = catch_unwind(AssertUnwindSafe(read));
    let done = done.map_err(|panic| {
        if is_about_threads(panic.as_ref()) {
            resume_unwind(panic);
        }
        ListError::Parquet(panic_text(panic.as_ref()).into())
    });
    done?.map_err(|e| ListError::Parquet(e.into()))
}
