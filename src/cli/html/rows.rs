//! The table of an output, as far as the page shows it: paths, numbers, categories, and the small pictures in it.

use polars::prelude::{ArrowDataType, DataFrame, DataType, ParquetReader, PolarsError, SerReader};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Different texts up to which a column is one of categories.
const CATEGORIES: usize = 5000;
/// Columns that name a row and tell nothing of it, or that are not shown.
const NAMES: [&str; 6] = ["id", "path", "hash", "uri", "thumbnail", "neighbors"];
/// Rows whose small pictures are read at once.
const AT_ONCE: usize = 4096;

/// A table that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the table in {} can't be read ({what}); run the job again, which writes it anew", file.display())]
pub(super) struct RowsError {
    file: PathBuf,
    what: String,
}

/// A column of few different texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Category {
    /// Name of the column.
    pub name: String,
    /// The texts, in the order in which they first stand there.
    pub labels: Vec<String>,
    /// For each row the place of its text; none where there is no value.
    pub values: Vec<Option<u32>>,
}

/// Rows of a table, column by column.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Paths of the inputs, as data.
    pub paths: Vec<String>,
    /// Columns of numbers; no value is NaN.
    pub numbers: Vec<(String, Vec<f64>)>,
    /// Columns of texts and of truth values.
    pub categories: Vec<Category>,
    /// Whether there is a column of vectors.
    pub vectors: bool,
    /// Whether there are small pictures.
    pub thumbnails: bool,
}

impl Rows {
    /// The numbers of a column.
    pub(super) fn number(&self, name: &str) -> Option<&[f64]> {
        self.numbers.iter().find(|(n, _)| n == name).map(|(_, values)| &values[..])
    }

    /// A column of categories.
    pub(super) fn category(&self, name: &str) -> Option<&Category> {
        self.categories.iter().find(|c| c.name == name)
    }
}

/// What a column is taken for.
enum Shape {
    Number,
    Text,
    Truth,
}

fn shape(kind: &ArrowDataType) -> Option<Shape> {
    use ArrowDataType::*;
    match kind {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Float32 | Float64 => Some(Shape::Number),
        Utf8 | LargeUtf8 | Utf8View => Some(Shape::Text),
        Boolean => Some(Shape::Truth),
        _ => None,
    }
}

/// Reads Parquet files of one layout, one after the other.
///
/// # Errors
/// With the file that can't be read.
pub(super) fn read(files: &[PathBuf]) -> Result<Rows, RowsError> {
    let mut rows = Rows::default();
    let mut places: Vec<HashMap<String, u32>> = Vec::new();
    for file in files {
        let wrong = |e: PolarsError| RowsError { file: file.clone(), what: e.to_string() };
        let fields = fields(file).map_err(wrong)?;
        rows.vectors |= fields.iter().any(|(name, kind)| {
            matches!(kind, ArrowDataType::FixedSizeList(..)) && name != "pca"
        });
        rows.thumbnails |= fields.iter().any(|(name, kind)| name == "thumbnail" && matches!(kind, ArrowDataType::Struct(_)));
        let wanted: Vec<(String, Shape)> = fields
            .into_iter()
            .filter(|(name, _)| name == "path" || !NAMES.contains(&name.as_str()))
            .filter_map(|(name, kind)| Some((name, shape(&kind)?)))
            .collect();
        let names = wanted.iter().map(|(name, _)| name.clone()).collect();
        let frame = frame(file, names, None).map_err(wrong)?;
        add(&mut rows, &mut places, &frame, &wanted).map_err(wrong)?;
    }
    rows.categories.retain(|category| category.labels.len() <= CATEGORIES);
    Ok(rows)
}

fn fields(file: &Path) -> Result<Vec<(String, ArrowDataType)>, PolarsError> {
    let schema = ParquetReader::new(File::open(file)?).schema()?;
    Ok(schema.iter_values().map(|field| (field.name.to_string(), field.dtype.clone())).collect())
}

fn frame(file: &Path, columns: Vec<String>, slice: Option<(usize, usize)>) -> Result<DataFrame, PolarsError> {
    let reader = ParquetReader::new(File::open(file)?).with_columns(Some(columns));
    reader.with_slice(slice).finish()
}

/// Adds the rows of a file. A column that earlier files lack, or that this one lacks, has no values there.
fn add(
    rows: &mut Rows,
    places: &mut Vec<HashMap<String, u32>>,
    frame: &DataFrame,
    wanted: &[(String, Shape)],
) -> Result<(), PolarsError> {
    let (before, height) = (rows.paths.len(), frame.height());
    for (name, shape) in wanted {
        let series = frame.column(name)?.as_materialized_series();
        if name == "path" {
            if let Ok(paths) = series.str() {
                rows.paths.extend(paths.iter().map(|p| p.unwrap_or_default().to_string()));
            }
            continue;
        }
        match shape {
            Shape::Number => {
                let values = series.cast(&DataType::Float64)?;
                let place = rows.numbers.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
                    rows.numbers.push((name.clone(), vec![f64::NAN; before]));
                    rows.numbers.len() - 1
                });
                rows.numbers[place].1.extend(values.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)));
            }
            Shape::Text | Shape::Truth => {
                let place = rows.categories.iter().position(|c| c.name == *name).unwrap_or_else(|| {
                    let values = vec![None; before];
                    rows.categories.push(Category { name: name.clone(), labels: Vec::new(), values });
                    places.push(HashMap::new());
                    rows.categories.len() - 1
                });
                let (category, known) = (&mut rows.categories[place], &mut places[place]);
                let mut put = |text: Option<&str>| {
                    category.values.push(text.map(|text| match known.get(text) {
                        Some(place) => *place,
                        None => {
                            let next = category.labels.len() as u32;
                            // What has more than can be told apart is dropped in the end.
                            if category.labels.len() <= CATEGORIES {
                                category.labels.push(text.to_string());
                                known.insert(text.to_string(), next);
                            }
                            next
                        }
                    }));
                };
                match shape {
                    Shape::Truth => series.bool()?.iter().for_each(|v| put(v.map(|v| if v { "true" } else { "false" }))),
                    _ => series.str()?.iter().for_each(&mut put),
                }
            }
        }
    }
    let whole = before + height;
    rows.paths.resize(whole, String::new());
    rows.numbers.iter_mut().for_each(|(_, values)| values.resize(whole, f64::NAN));
    rows.categories.iter_mut().for_each(|c| c.values.resize(whole, None));
    Ok(())
}

/// The small pictures, as files, of these rows of all files together; rows without one are left out.
///
/// # Errors
/// With the file that can't be read.
pub(super) fn thumbnails(files: &[PathBuf], wanted: &[usize]) -> Result<BTreeMap<usize, Vec<u8>>, RowsError> {
    let mut found = BTreeMap::new();
    let mut first = 0;
    for file in files {
        let wrong = |e: PolarsError| RowsError { file: file.clone(), what: e.to_string() };
        let height = ParquetReader::new(File::open(file).map_err(|e| wrong(e.into()))?).num_rows().map_err(wrong)?;
        for at in (0..height).step_by(AT_ONCE) {
            let (from, to) = (first + at, first + (at + AT_ONCE).min(height));
            let these = &wanted[wanted.partition_point(|r| *r < from)..wanted.partition_point(|r| *r < to)];
            if these.is_empty() {
                continue;
            }
            let frame = frame(file, vec!["thumbnail".into()], Some((at, to - from))).map_err(wrong)?;
            let mut pictures = || -> Result<(), PolarsError> {
                let bytes = frame.column("thumbnail")?.as_materialized_series().struct_()?.field_by_name("bytes")?;
                let bytes = bytes.binary()?;
                for row in these {
                    if let Some(picture) = bytes.get(row - from) {
                        found.insert(*row, picture.to_vec());
                    }
                }
                Ok(())
            };
            pictures().map_err(wrong)?;
        }
        first += height;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Column, ColumnType, Value};

    #[test]
    fn columns_come_by_kind_and_parts_may_differ() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, columns: &[(&str, ColumnType)], values: Vec<Vec<Value>>| {
            let columns: Vec<Column> = columns.iter().map(|(n, k)| Column::new(*n, *k)).collect();
            let mut table = crate::sinks::parquet::Table::new(&columns, values.len());
            values.into_iter().for_each(|row| table.push(row).unwrap());
            let path = folder.path().join(name);
            std::fs::write(&path, table.finish(&[]).unwrap()).unwrap();
            path
        };
        use ColumnType::{Bool, Float, Int, Text, Vector};
        let text = |t: &str| Value::Text(t.into());
        let a = write(
            "a.parquet",
            &[("path", Text), ("n", Int), ("v", Vector(2)), ("format", Text), ("blank", Bool)],
            vec![
                vec![text("x"), Value::Int(3), Value::Vector(vec![0.0, 1.0]), text("png"), Value::Bool(true)],
                vec![text("y"), Value::Null, Value::Vector(vec![0.0, 1.0]), text("jpeg"), Value::Null],
            ],
        );
        let b = write("b.parquet", &[("path", Text), ("f", Float), ("format", Text)], vec![
            vec![text("z"), Value::Float(0.5), text("png")],
        ]);
        let rows = read(&[a, b]).unwrap();
        assert_eq!(rows.paths, ["x", "y", "z"]);
        assert!(rows.vectors && !rows.thumbnails);
        let n = rows.number("n").unwrap();
        assert!(n[0] == 3.0 && n[1].is_nan() && n[2].is_nan());
        assert_eq!(rows.number("f").unwrap()[2], 0.5);
        let format = rows.category("format").unwrap();
        assert_eq!((&format.labels[..], &format.values[..]), (&["png".to_string(), "jpeg".into()][..], &[Some(0), Some(1), Some(0)][..]));
        assert_eq!(rows.category("blank").unwrap().values, [Some(0), None, None]);
        let none = folder.path().join("none.parquet");
        std::fs::write(&none, "no table").unwrap();
        assert!(read(&[none]).unwrap_err().to_string().contains("none.parquet"));
    }
}
