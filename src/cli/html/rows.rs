//! The table of an output, as far as the page shows it: paths, numbers, categories, and the small pictures in it.

use crate::columns::parquet::{Group, ReadError, Reader};
use crate::columns::{Column, ColumnType, Value};
use crate::shown::Show;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Different texts up to which a column is one of categories.
const CATEGORIES: usize = 5000;
/// Columns that name a row and tell nothing of it.
const NAMES: [&str; 4] = ["id", "path", "hash", "uri"];
/// The column of small pictures.
const THUMBNAIL: &str = "thumbnail";

/// A table that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the table's file {} {what}; run the job again, which writes it anew", file.shown())]
pub(super) struct RowsError {
    file: PathBuf,
    what: ReadError,
}

/// A column of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    /// Name of the column.
    pub name: String,
    /// One for each row; no value is NaN.
    pub values: Vec<f64>,
    /// They are times, in seconds from the beginning of 1970.
    pub times: bool,
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

impl Category {
    /// The text of a row.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let place = self.values.get(row).copied().flatten()?;
        self.labels.get(place as usize).map(String::as_str)
    }
}

/// Rows of a table, column by column.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Paths of the inputs, as data.
    pub paths: Vec<String>,
    /// Columns of numbers and times.
    pub numbers: Vec<Numbers>,
    /// Columns of texts and of truth values.
    pub categories: Vec<Category>,
    /// Whether there are small pictures.
    pub thumbnails: bool,
}

impl Rows {
    /// The numbers of a column.
    pub(super) fn number(&self, name: &str) -> Option<&[f64]> {
        self.numbers.iter().find(|n| n.name == name).map(|n| &n.values[..])
    }

    /// A column of categories.
    pub(super) fn category(&self, name: &str) -> Option<&Category> {
        self.categories.iter().find(|c| c.name == name)
    }
}

/// Reads Parquet files of one layout, one after the other. A column that a file lacks has no values there.
///
/// # Errors
/// With the file that can't be read.
pub(super) fn read(files: &[PathBuf]) -> Result<Rows, RowsError> {
    let mut rows = Rows::default();
    let mut places: Vec<HashMap<String, u32>> = Vec::new();
    for file in files {
        let wrong = |what| RowsError { file: file.clone(), what };
        let reader = Reader::open(file).map_err(wrong)?;
        let wanted: Vec<Column> = reader.columns().iter().filter(|c| is_wanted(c)).cloned().collect();
        let image = |c: &Column| c.name == THUMBNAIL && c.kind == ColumnType::Image;
        rows.thumbnails |= reader.columns().iter().any(image);
        let names: Vec<&str> = wanted.iter().map(|c| c.name.as_str()).collect();
        let take = |group: &Group| {
            add(&mut rows, &mut places, group, &wanted);
            Ok::<_, ReadError>(())
        };
        reader.each(&names, take).map_err(wrong)?;
    }
    rows.categories.retain(|category| category.labels.len() <= CATEGORIES);
    Ok(rows)
}

fn is_wanted(column: &Column) -> bool {
    use ColumnType::{Bool, Float, Int, Text, Timestamp};
    let kind = matches!(column.kind, Bool | Int | Float | Text | Timestamp(_));
    kind && (column.name == "path" || !NAMES.contains(&column.name.as_str()))
}

fn add(rows: &mut Rows, places: &mut Vec<HashMap<String, u32>>, group: &Group, wanted: &[Column]) {
    let before = rows.paths.len();
    for (at, column) in wanted.iter().enumerate() {
        let values = (0..group.rows).map(|row| group.value(at, row));
        if column.name == "path" {
            rows.paths.extend(values.map(|path| path.text()));
            continue;
        }
        match column.kind {
            ColumnType::Text | ColumnType::Bool => {
                let place = rows.categories.iter().position(|c| c.name == column.name).unwrap_or_else(|| {
                    let (name, values) = (column.name.clone(), vec![None; before]);
                    rows.categories.push(Category { name, labels: Vec::new(), values });
                    places.push(HashMap::new());
                    rows.categories.len() - 1
                });
                let (category, known) = (&mut rows.categories[place], &mut places[place]);
                category.values.resize(before, None);
                for value in values {
                    let text = (value != Value::Null).then(|| value.text());
                    let place = text.map(|text| put(&mut category.labels, known, text));
                    category.values.push(place);
                }
            }
            _ => {
                let place = rows.numbers.iter().position(|n| n.name == column.name).unwrap_or_else(|| {
                    let times = matches!(column.kind, ColumnType::Timestamp(_));
                    rows.numbers.push(Numbers { name: column.name.clone(), values: Vec::new(), times });
                    rows.numbers.len() - 1
                });
                let numbers = &mut rows.numbers[place].values;
                numbers.resize(before, f64::NAN);
                numbers.extend(values.map(|value| number(&value)));
            }
        }
    }
    let whole = before + group.rows;
    rows.paths.resize(whole, String::new());
    rows.numbers.iter_mut().for_each(|n| n.values.resize(whole, f64::NAN));
    rows.categories.iter_mut().for_each(|c| c.values.resize(whole, None));
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Timestamp(microseconds, _) => *microseconds as f64 / 1e6,
        _ => f64::NAN,
    }
}

/// The place of a text among the labels. Beyond what can be told apart, none is added: such a column is dropped in the end.
fn put(labels: &mut Vec<String>, known: &mut HashMap<String, u32>, text: String) -> u32 {
    if let Some(place) = known.get(&text) {
        return *place;
    }
    let next = labels.len() as u32;
    if labels.len() <= CATEGORIES {
        labels.push(text.clone());
        known.insert(text, next);
    }
    next
}

/// The small pictures, as files, of these rows of all files together, which are sorted; rows without one are left out.
///
/// # Errors
/// With the file that can't be read.
pub(super) fn thumbnails(files: &[PathBuf], wanted: &[usize]) -> Result<BTreeMap<usize, Vec<u8>>, RowsError> {
    let mut found = BTreeMap::new();
    let mut first = 0;
    for file in files {
        let wrong = |what| RowsError { file: file.clone(), what };
        let reader = Reader::open(file).map_err(wrong)?;
        let take = |group: &Group| {
            let from = first + group.first;
            let to = from + group.rows;
            let these = wanted.partition_point(|r| *r < from)..wanted.partition_point(|r| *r < to);
            for row in &wanted[these] {
                if let Value::Image(bytes) = group.value(0, row - from) {
                    found.insert(*row, bytes);
                }
            }
            Ok::<_, ReadError>(())
        };
        reader.each(&[THUMBNAIL], take).map_err(wrong)?;
        first += reader.rows();
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
            let mut table = crate::columns::parquet::Table::new(&columns, values.len());
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
        let b = write(
            "b.parquet",
            &[("path", Text), ("f", Float), ("format", Text)],
            vec![vec![text("z"), Value::Float(0.5), text("png")]],
        );
        let rows = read(&[a, b]).unwrap();
        assert_eq!(rows.paths, ["x", "y", "z"]);
        assert!(!rows.thumbnails && rows.number("v").is_none());
        let n = rows.number("n").unwrap();
        assert!(n[0] == 3.0 && n[1].is_nan() && n[2].is_nan());
        assert_eq!(rows.number("f").unwrap()[2], 0.5);
        let format = rows.category("format").unwrap();
        assert_eq!(
            (&format.labels[..], &format.values[..]),
            (&["png".to_string(), "jpeg".into()][..], &[Some(0), Some(1), Some(0)][..])
        );
        assert_eq!(rows.category("blank").unwrap().values, [Some(0), None, None]);
        let none = folder.path().join("none.parquet");
        std::fs::write(&none, "no table").unwrap();
        assert!(read(&[none]).unwrap_err().to_string().contains("none.parquet"));
    }
}
