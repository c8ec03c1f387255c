//! Row groups of a Parquet file, and how its columns are declared.

use crate::columns::{ColumnType, Zone};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use polars::prelude::{
    ArrowDataType, ArrowField, ArrowSchema, ArrowTimeUnit, CompatLevel, DataFrame, PolarsError, SchemaExt,
    pf16,
};
use polars_arrow::array::{Array, FixedSizeListArray, PrimitiveArray};
use polars_arrow::io::ipc::write::{default_ipc_fields, schema_to_bytes};
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FallibleStreamingIterator,
    FileWriter, KeyValue, Page, StatisticsOptions, Version, WriteOptions, array_to_columns, compress,
    get_dtype_encoding,
};
use rayon::prelude::*;
use std::io::Write;

/// Pages, of a megabyte each, that are compressed at once.
const AT_ONCE: usize = 8;

/// A Parquet file whose row groups are written one after another. Times and numbers of half precision are whole numbers in
/// the frames: polars' own writer would need its types for them compiled in, which nothing else here does.
pub(super) struct Groups<W: Write> {
    writer: FileWriter<W>,
    encodings: Vec<Vec<Encoding>>,
    /// The declaration of the older layout. polars declares text as `string_view`, which pyarrow reads and then can't sort
    /// or take by; this one is written in its place, the data are the same.
    declared: ArrowSchema,
}

/// A column's pages on their way into a file.
struct Compressed {
    left: std::vec::IntoIter<CompressedPage>,
    page: Option<CompressedPage>,
}

impl FallibleStreamingIterator for Compressed {
    type Item = CompressedPage;
    type Error = PolarsError;

    fn advance(&mut self) -> Result<(), PolarsError> {
        self.page = self.left.next();
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.page.as_ref()
    }
}

/// The pages of a column, some of them compressed at once.
fn compressed(
    mut pages: impl Iterator<Item = Result<Page, PolarsError>>,
) -> Result<Vec<CompressedPage>, PolarsError> {
    let mut all = Vec::new();
    loop {
        let some: Vec<Page> = pages.by_ref().take(AT_ONCE).collect::<Result<_, _>>()?;
        if some.is_empty() {
            return Ok(all);
        }
        let part = some.into_par_iter().map(|page| compress(page, Vec::new(), OPTIONS.compression));
        all.extend(part.collect::<Result<Vec<_>, _>>()?);
    }
}

impl<W: Write> Groups<W> {
    pub(super) fn open(to: W, frame: &DataFrame, kinds: &[ColumnType]) -> Result<Groups<W>, PolarsError> {
        let declared = |level: CompatLevel| {
            let mut schema = frame.schema().to_arrow(level);
            declare(&mut schema, kinds, level);
            schema
        };
        let schema = declared(CompatLevel::newest());
        let encodings = schema.iter_values().map(|field| get_dtype_encoding(&field.dtype)).collect();
        let writer = FileWriter::try_new(to, schema, OPTIONS)?;
        Ok(Groups { writer, encodings, declared: declared(CompatLevel::oldest()) })
    }

    pub(super) fn write(&mut self, frame: &DataFrame) -> Result<(), PolarsError> {
        let fields = self.writer.parquet_schema().fields().to_vec();
        for batch in frame.iter_chunks(CompatLevel::newest(), false).filter(|batch| !batch.is_empty()) {
            let mut columns = Vec::new();
            let declared = self.declared.iter_values().map(|field| &field.dtype);
            let arrays = batch.columns().iter().zip(declared).map(|(array, dtype)| halves(&**array, dtype));
            for ((array, field), encodings) in arrays.zip(&fields).zip(&self.encodings) {
                for pages in array_to_columns(array?, field.clone(), OPTIONS, encodings)? {
                    let pages = Compressed { left: compressed(pages)?.into_iter(), page: None };
                    columns.push(Ok(DynStreamingIterator::new(pages)));
                }
            }
            self.writer.write(batch.len() as u64, DynIter::new(columns.into_iter()))?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self, metadata: &[(String, String)]) -> Result<(), PolarsError> {
        // pyarrow, and what stands on it, reads these from the declaration alone.
        for (key, value) in metadata {
            self.declared.metadata_mut().insert(key.as_str().into(), value.as_str().into());
        }
        let mut pairs = vec![declaration(&self.declared)];
        let pair =
            |(key, value): &(String, String)| KeyValue { key: key.clone(), value: Some(value.clone()) };
        pairs.extend(metadata.iter().map(pair));
        self.writer.end(Some(pairs)).map(drop)
    }
}

const OPTIONS: WriteOptions = WriteOptions {
    statistics: StatisticsOptions {
        null_count: true,
        min_value: true,
        max_value: true,
        distinct_count: false,
        // Paths are told apart by them; pictures need not stand in them whole.
        binary_statistics_truncate_length: Some(256),
    },
    compression: CompressionOptions::Zstd(None),
    version: Version::V1,
    data_page_size: None,
};

/// The columns in Arrow's terms, as its readers look for them. polars' own function for this loses what the schema says
/// beside its columns.
fn declaration(schema: &ArrowSchema) -> KeyValue {
    let message = schema_to_bytes(schema, &default_ipc_fields(schema.iter_values()), None);
    // A message of Arrow's stream: a mark, its length, itself.
    let mut stream = vec![255; 4];
    stream.extend((message.len() as u32).to_le_bytes());
    stream.extend(message);
    KeyValue { key: "ARROW:schema".to_string(), value: Some(STANDARD.encode(stream)) }
}

/// Declares what the frames have as whole numbers, and structs in the form that others look for.
fn declare(schema: &mut ArrowSchema, kinds: &[ColumnType], level: CompatLevel) {
    for (field, kind) in schema.iter_values_mut().zip(kinds) {
        match (kind, &field.dtype) {
            (ColumnType::Timestamp(zone), _) => {
                let zone = (*zone == Zone::Utc).then(|| "UTC".into());
                field.dtype = ArrowDataType::Timestamp(ArrowTimeUnit::Microsecond, zone);
            }
            (ColumnType::HalfVector(_), ArrowDataType::FixedSizeList(words, n)) => {
                let number = ArrowField { dtype: ArrowDataType::Float16, ..(**words).clone() };
                field.dtype = ArrowDataType::FixedSizeList(Box::new(number), *n);
            }
            (ColumnType::Image, ArrowDataType::Struct(parts)) if level == CompatLevel::oldest() => {
                // `datasets` takes a column for pictures only where it has just these types.
                let types = [ArrowDataType::Binary, ArrowDataType::Utf8];
                let parts = parts.iter().zip(types).map(|(part, dtype)| ArrowField { dtype, ..part.clone() });
                field.dtype = ArrowDataType::Struct(parts.collect());
            }
            _ => {}
        }
    }
}

/// Arrays of the bits of half precision as what they are; all others as they are.
fn halves(array: &dyn Array, declared: &ArrowDataType) -> Result<Box<dyn Array>, PolarsError> {
    let list = array.as_any().downcast_ref::<FixedSizeListArray>();
    let words = list.and_then(|list| list.values().as_any().downcast_ref::<PrimitiveArray<u16>>());
    let (Some(list), Some(words), ArrowDataType::FixedSizeList(..)) = (list, words, declared) else {
        return Ok(array.to_boxed());
    };
    let numbers = words.values_iter().map(|bits| pf16(half::f16::from_bits(*bits)));
    let numbers = PrimitiveArray::<pf16>::from_vec(numbers.collect()).boxed();
    Ok(FixedSizeListArray::try_new(declared.clone(), list.len(), numbers, None)?.boxed())
}
