//! Lists in CSV. The file is read twice: first to find each column's type and what the rows take, then for the rows.

use super::budget::Budget;
use super::error::{CellError, ListError, Place};
use super::list::{List, Wanted, below, is_manifest};
use super::rows::{Cell, Rows};
use crate::columns::csv::unguarded;
use crate::columns::{Column, ColumnType};
use crate::shown;
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Largest whole number up to which a float holds every one.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// What is known before the rows are read.
struct Survey {
    names: Vec<String>,
    /// Place of the column of paths.
    at: usize,
    /// Whether the cells are those of a manifest.
    manifest: bool,
    /// Type of each column but that of the paths.
    kinds: Vec<ColumnType>,
    rows: u64,
}

/// Reads a CSV file with a header row.
///
/// A column whose every value is a whole number written plainly (`007` is not) becomes `Int`, else `Float` where all
/// are finite numbers that a float can hold, else `Text`; empty cells are null in the first two.
pub(super) fn read(wanted: &Wanted<'_>) -> Result<List, ListError> {
    let survey = survey(wanted)?;
    let mut rows = Rows::new(survey.kinds.clone());
    let mut reader = open(wanted)?;
    let mut record = ByteRecord::new();
    while next(&mut reader, &mut record)? {
        let told = |cell: CellError| cell.at(line(&record));
        let path = record.get(survey.at).unwrap_or_default();
        let path = match wanted.written || survey.manifest {
            true => shown::decode(&text(path, survey.manifest).map_err(told)?),
            false => Path::new(OsStr::from_bytes(path)).to_path_buf(),
        };
        let relative = below(&path, wanted.root).map_err(told)?;
        let others = record.iter().enumerate().filter(|(at, _)| *at != survey.at).map(|(_, cell)| cell);
        let texts: Result<Vec<Cow<'_, str>>, CellError> =
            others.map(|cell| text(cell, survey.manifest)).collect();
        let texts = texts.map_err(told)?;
        rows.push(&relative, texts.iter().zip(&survey.kinds).map(|(text, kind)| typed(text, *kind)));
    }
    if rows.len() as u64 != survey.rows {
        return Err(ListError::Changed);
    }
    let names = survey.names.into_iter().enumerate().filter(|(at, _)| *at != survey.at);
    let columns = names.zip(&survey.kinds).map(|((_, name), kind)| Column::new(name, *kind)).collect();
    Ok(List { rows, columns, left_out: Vec::new() })
}

fn survey(wanted: &Wanted<'_>) -> Result<Survey, ListError> {
    let mut reader = open(wanted)?;
    let header = reader.byte_headers().map_err(ListError::Header)?;
    let names: Result<Vec<String>, _> = header.iter().map(|name| String::from_utf8(name.to_vec())).collect();
    let names = names.map_err(|_| ListError::HeaderText)?;
    let Some(at) = names.iter().position(|name| name == wanted.column) else {
        return Err(ListError::NoColumn { column: wanted.column.to_string(), names });
    };
    let manifest = is_manifest(names.iter().map(String::as_str));
    let mut guesses = vec![Guess::default(); names.len()];
    let mut budget = Budget::new(wanted);
    let mut record = ByteRecord::new();
    while next(&mut reader, &mut record)? {
        let path = record.get(at).unwrap_or_default();
        if path.is_empty() {
            return Err(ListError::NoPath { place: line(&record), column: wanted.column.to_string() });
        }
        let mut texts = 0;
        for (place, cell) in record.iter().enumerate().filter(|(place, _)| *place != at) {
            // A manifest's guarded texts look like numbers only with their apostrophes gone.
            guesses[place].see(std::str::from_utf8(cell).unwrap_or("text"));
            texts += cell.len();
        }
        budget.add(path.len(), names.len() - 1, texts);
    }
    budget.check(budget.rows)?;
    let others = guesses.iter().enumerate().filter(|(place, _)| *place != at);
    let kinds = others.map(|(_, guess)| guess.kind()).collect();
    Ok(Survey { names, at, manifest, kinds, rows: budget.rows })
}

fn open(wanted: &Wanted<'_>) -> Result<Reader<File>, ListError> {
    let file = File::open(wanted.file).map_err(|e| ListError::Read(e.into()))?;
    Ok(ReaderBuilder::new().buffer_capacity(1 << 16).from_reader(file))
}

fn next(reader: &mut Reader<File>, record: &mut ByteRecord) -> Result<bool, ListError> {
    reader.read_byte_record(record).map_err(|e| ListError::Read(e.into()))
}

/// Where a row begins.
fn line(record: &ByteRecord) -> Place {
    Place::Line(record.position().map_or(0, csv::Position::line))
}

fn text(cell: &[u8], manifest: bool) -> Result<Cow<'_, str>, CellError> {
    let text = std::str::from_utf8(cell).map_err(|_| CellError::Text)?;
    Ok(Cow::Borrowed(if manifest { unguarded(text) } else { text }))
}

/// What all cells of a column could be.
#[derive(Clone, Copy, Debug)]
struct Guess {
    filled: bool,
    whole: bool,
    number: bool,
}

impl Default for Guess {
    fn default() -> Guess {
        Guess { filled: false, whole: true, number: true }
    }
}

impl Guess {
    fn see(&mut self, cell: &str) {
        if cell.is_empty() {
            return;
        }
        self.filled = true;
        self.whole = self.whole && whole(cell).is_some();
        self.number = self.number && number(cell).is_some();
    }

    fn kind(self) -> ColumnType {
        match self {
            Guess { filled: true, whole: true, .. } => ColumnType::Int,
            Guess { filled: true, number: true, .. } => ColumnType::Float,
            _ => ColumnType::Text,
        }
    }
}

/// A whole number that is written as this program would.
fn whole(cell: &str) -> Option<i64> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain && cell != "-0" { cell.parse().ok() } else { None }
}

/// A finite number. Signs and zeros in front, and more digits of a whole number than a float holds, are of
/// identifiers.
fn number(cell: &str) -> Option<f64> {
    let digits = cell.strip_prefix('-').unwrap_or(cell).as_bytes();
    let padded = matches!(digits, [b'0', second, ..] if second.is_ascii_digit());
    let signed = digits.first().is_some_and(|first| matches!(first, b'+' | b'-'));
    if padded || signed {
        return None;
    }
    let value = cell.parse::<f64>().ok().filter(|value| value.is_finite())?;
    let whole = digits.iter().all(u8::is_ascii_digit);
    (!whole || value.abs() <= WHOLE).then_some(value)
}

fn typed(cell: &str, kind: ColumnType) -> Cell<'_> {
    match kind {
        ColumnType::Int => whole(cell).map_or(Cell::Null, Cell::Int),
        ColumnType::Float => number(cell).map_or(Cell::Null, Cell::Float),
        _ => Cell::Text(cell),
    }
}
