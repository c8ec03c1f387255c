//! Vectors: of a column of Parquet files, or made; brought to one range.

use super::data::{Example, Known, Loaded, split};
use super::inventory::groups;
use super::settings::{TrainPlan, Vectors};
use super::{TrainError, blobs};
use crate::shown::Show;
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
        let wrong = |what: String| format!("{}: {what}", path.shown());
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

/// Loads vectors, splits them, and brings every column to \[0, 1\].
///
/// # Errors
/// When they can't be read, or are too few.
pub(super) fn load(source: &Vectors, plan: &TrainPlan) -> Result<Loaded, TrainError> {
    let (mut rows, width, labels) = match source {
        Vectors::Parquet { files, column, label, .. } => {
            read(files, column, label.as_deref()).map_err(TrainError::Data)?
        }
        Vectors::Blobs(b) => {
            let (points, labels) = blobs::make_blobs(b.count, b.dimensions, b.centres, b.deviation, b.seed);
            let labels = labels.into_iter().map(|l| Some(l.to_string())).collect();
            (points.iter().map(|v| *v as f32).collect(), b.dimensions, labels)
        }
    };
    if width != plan.net.input.c {
        let wanted = plan.net.input.c;
        return Err(TrainError::Data(format!(
            "the vectors have {width} numbers where {wanted} were planned"
        )));
    }
    let count = rows.len() / width;
    if count < 2 {
        return Err(TrainError::Data(format!("{count} vectors are too few: at least 2 are needed")));
    }
    let (kept, held) = match source {
        Vectors::Blobs(b) => blobs::train_test_split(count, plan.validation, b.seed),
        Vectors::Parquet { .. } => {
            let names: Vec<[u8; 8]> = (0..count).map(name_of).collect();
            split(&names.iter().map(|n| &n[..]).collect::<Vec<_>>(), plan.validation, plan.seed)
        }
    };
    let scaling = scale(&mut rows, width, &kept);
    if let Some(what) = too_far(&scaling) {
        return Err(TrainError::Data(what));
    }
    let groups = groups(labels.iter());
    let known = |i: &usize| Known {
        name: name_of(*i).to_vec(),
        label: labels[*i].as_ref().and_then(|l| groups.get(l).copied()),
        example: Example::Vector(rows[i * width..][..width].to_vec()),
    };
    let take = |indices: &[usize]| indices.iter().map(known).collect();
    Ok(Loaded { examples: take(&kept), held: take(&held), test: Vec::new(), scaling: Some(scaling) })
}

fn name_of(row: usize) -> [u8; 8] {
    (row as u64).to_le_bytes()
}

/// Largest distance from 0, in spans of a column, at which single precision keeps what tells its numbers apart.
const FARTHEST: f32 = 1000.0;

/// The first column whose numbers lie too close together for their distance from 0.
fn too_far((lows, spans): &(Vec<f32>, Vec<f32>)) -> Option<String> {
    let far = |&at: &usize| spans[at] > 0.0 && lows[at].abs() > FARTHEST * spans[at];
    let at = (0..lows.len()).find(far)?;
    Some(format!(
        "the {}. numbers of the vectors lie between {} and {}: too close together, so far from 0, for single precision; \
         subtract {} from them first",
        at + 1,
        lows[at],
        lows[at] + spans[at],
        lows[at]
    ))
}

/// Brings every column to \[0, 1\], as the rows of `by` span it; gives the lowest numbers and the spans, 0 for a column
/// of one number.
fn scale(rows: &mut [f32], width: usize, by: &[usize]) -> (Vec<f32>, Vec<f32>) {
    let (mut lows, mut spans) = (Vec::with_capacity(width), Vec::with_capacity(width));
    for column in 0..width {
        let values = || by.iter().map(|row| rows[row * width + column]);
        let low = values().fold(f32::INFINITY, f32::min);
        let high = values().fold(f32::NEG_INFINITY, f32::max);
        let span = (high - low).max(0.0);
        let divisor = if span > 0.0 { span } else { 1.0 };
        rows.iter_mut().skip(column).step_by(width).for_each(|v| *v = (*v - low) / divisor);
        lows.push(low);
        spans.push(span);
    }
    (lows, spans)
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

    #[test]
    fn columns_are_scaled_by_the_rows_learned_from() {
        let mut rows = [1.0, 5.0, 3.0, 5.0, 9.0, 5.0];
        let (lows, spans) = scale(&mut rows, 2, &[0, 1]);
        assert_eq!((&lows[..], &spans[..]), (&[1.0, 5.0][..], &[2.0, 0.0][..]));
        assert_eq!(rows, [0.0, 0.0, 1.0, 0.0, 4.0, 0.0]);
        assert_eq!(too_far(&(lows, spans)), None);
        let told = too_far(&(vec![0.0, -20_000.0], vec![1.0, 10.0])).unwrap();
        assert!(told.contains("the 2. numbers") && told.contains("subtract -20000"), "{told}");
    }
}
