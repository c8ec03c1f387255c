//! Rows of a list in memory: bytes and numbers by column, in chunks, so that millions of rows take little more than
//! their text and are never copied while they grow.

use crate::columns::{ColumnType, Value};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Rows in a chunk.
const CHUNK: usize = 1 << 14;
/// Bytes of text in a chunk's column after which the next chunk begins.
const FULL: usize = 1 << 30;

/// A cell on its way into the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// Boolean.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Float, finite.
    Float(f64),
    /// Text.
    Text(&'a str),
}

/// The rows of a list: a path and the values of the carried columns each.
#[derive(Debug, Default)]
pub struct Rows {
    kinds: Vec<ColumnType>,
    chunks: Vec<Chunk>,
    /// Number of each chunk's first row.
    firsts: Vec<usize>,
    rows: usize,
}

#[derive(Debug)]
struct Chunk {
    rows: usize,
    paths: Texts,
    columns: Vec<Cells>,
}

/// Texts one after the other.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

#[derive(Debug)]
struct Cells {
    /// Rows without a value.
    nulls: Vec<u32>,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Texts),
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        // A chunk ends long before.
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    fn get(&self, row: usize) -> &[u8] {
        let end = |row: usize| self.ends.get(row).map_or(0, |end| *end as usize);
        let start = row.checked_sub(1).map_or(0, end);
        self.bytes.get(start..end(row)).unwrap_or_default()
    }
}

impl Cells {
    fn new(kind: ColumnType) -> Cells {
        let data = match kind {
            ColumnType::Bool => Data::Bool(Vec::new()),
            ColumnType::Int => Data::Int(Vec::new()),
            ColumnType::Float => Data::Float(Vec::new()),
            // Lists hold nothing else.
            _ => Data::Text(Texts::default()),
        };
        Cells { nulls: Vec::new(), data }
    }

    fn push(&mut self, row: usize, cell: Cell<'_>) {
        let null = match (&mut self.data, cell) {
            (Data::Bool(values), Cell::Bool(value)) => {
                values.push(value);
                false
            }
            (Data::Int(values), Cell::Int(value)) => {
                values.push(value);
                false
            }
            (Data::Float(values), Cell::Float(value)) => {
                values.push(value);
                false
            }
            (Data::Text(texts), Cell::Text(text)) => {
                texts.push(text.as_bytes());
                false
            }
            (Data::Bool(values), _) => {
                values.push(false);
                true
            }
            (Data::Int(values), _) => {
                values.push(0);
                true
            }
            (Data::Float(values), _) => {
                values.push(0.0);
                true
            }
            (Data::Text(texts), _) => {
                texts.push(b"");
                true
            }
        };
        if null {
            self.nulls.push(u32::try_from(row).unwrap_or(u32::MAX));
        }
    }

    fn get(&self, row: usize) -> Value {
        let is_null = u32::try_from(row).is_ok_and(|row| self.nulls.binary_search(&row).is_ok());
        let value = match &self.data {
            _ if is_null => None,
            Data::Bool(values) => values.get(row).copied().map(Value::Bool),
            Data::Int(values) => values.get(row).copied().map(Value::Int),
            Data::Float(values) => values.get(row).copied().map(Value::Float),
            Data::Text(texts) => Some(Value::Text(String::from_utf8_lossy(texts.get(row)).into_owned())),
        };
        value.unwrap_or(Value::Null)
    }

    fn texts(&self) -> Option<&Texts> {
        match &self.data {
            Data::Text(texts) => Some(texts),
            _ => None,
        }
    }

    fn shrink(&mut self) {
        self.nulls.shrink_to_fit();
        match &mut self.data {
            Data::Bool(values) => values.shrink_to_fit(),
            Data::Int(values) => values.shrink_to_fit(),
            Data::Float(values) => values.shrink_to_fit(),
            Data::Text(texts) => texts.shrink(),
        }
    }

    fn bytes(&self) -> usize {
        let data = match &self.data {
            Data::Bool(values) => values.capacity(),
            Data::Int(values) => 8 * values.capacity(),
            Data::Float(values) => 8 * values.capacity(),
            Data::Text(texts) => texts.held(),
        };
        4 * self.nulls.capacity() + data
    }
}

impl Texts {
    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn held(&self) -> usize {
        self.bytes.capacity() + 4 * self.ends.capacity()
    }
}

impl Chunk {
    fn is_full(&self) -> bool {
        let long = |texts: &Texts| texts.bytes.len() >= FULL;
        self.rows >= CHUNK || long(&self.paths) || self.columns.iter().filter_map(Cells::texts).any(long)
    }

    fn shrink(&mut self) {
        self.paths.shrink();
        self.columns.iter_mut().for_each(Cells::shrink);
    }
}

impl Rows {
    /// No rows yet, of carried columns of these types.
    pub fn new(kinds: Vec<ColumnType>) -> Rows {
        Rows { kinds, ..Rows::default() }
    }

    /// Adds a row; one cell for each carried column.
    pub fn push<'a>(&mut self, path: &Path, cells: impl IntoIterator<Item = Cell<'a>>) {
        if self.chunks.last().is_none_or(Chunk::is_full) {
            if let Some(full) = self.chunks.last_mut() {
                full.shrink();
            }
            let columns = self.kinds.iter().map(|kind| Cells::new(*kind)).collect();
            self.chunks.push(Chunk { rows: 0, paths: Texts::default(), columns });
            self.firsts.push(self.rows);
        }
        let Some(chunk) = self.chunks.last_mut() else { return };
        chunk.paths.push(path.as_os_str().as_bytes());
        for (column, cell) in chunk.columns.iter_mut().zip(cells) {
            column.push(chunk.rows, cell);
        }
        chunk.rows += 1;
        self.rows += 1;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes they take in memory.
    pub fn bytes(&self) -> usize {
        let chunk =
            |chunk: &Chunk| chunk.paths.held() + chunk.columns.iter().map(Cells::bytes).sum::<usize>();
        self.chunks.iter().map(chunk).sum()
    }

    /// The chunk of a row, and the row's place in it.
    fn find(&self, row: usize) -> Option<(&Chunk, usize)> {
        let at = self.firsts.partition_point(|first| *first <= row).checked_sub(1)?;
        let (chunk, first) = (self.chunks.get(at)?, self.firsts.get(at)?);
        (row - first < chunk.rows).then_some((chunk, row - first))
    }

    /// The path of a row, below the list's root; empty for a row that is not there.
    pub fn path(&self, row: usize) -> &Path {
        let bytes = self.find(row).map_or(&b""[..], |(chunk, row)| chunk.paths.get(row));
        Path::new(OsStr::from_bytes(bytes))
    }

    /// The values of a row's carried columns.
    pub fn values(&self, row: usize) -> Vec<Value> {
        self.find(row)
            .map_or_else(Vec::new, |(chunk, row)| chunk.columns.iter().map(|c| c.get(row)).collect())
    }

    /// The paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        (0..self.rows).map(|row| self.path(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::ColumnType::{Bool, Float, Int, Text};

    #[test]
    fn rows_come_back_as_they_were_over_all_chunks() {
        let mut rows = Rows::new(vec![Int, Text, Float, Bool]);
        let text = |i: usize| format!("label {}", i % 7);
        let count = 2 * CHUNK + 5;
        for i in 0..count {
            let text = text(i);
            let label = if i % 11 == 0 { Cell::Null } else { Cell::Text(&text) };
            let number = if i % 5 == 0 { Cell::Null } else { Cell::Int(i as i64) };
            let cells = [number, label, Cell::Float(i as f64 / 3.0), Cell::Bool(i % 2 == 0)];
            rows.push(Path::new(&format!("a/{i}")), cells);
        }
        assert_eq!((rows.len(), rows.paths().count()), (count, count));
        for i in [0, 1, 5, 11, CHUNK - 1, CHUNK, CHUNK + 1, count - 1] {
            assert_eq!(rows.path(i), Path::new(&format!("a/{i}")));
            let number = if i % 5 == 0 { Value::Null } else { Value::Int(i as i64) };
            let label = if i % 11 == 0 { Value::Null } else { Value::Text(text(i)) };
            assert_eq!(
                rows.values(i),
                [number, label, Value::Float(i as f64 / 3.0), Value::Bool(i % 2 == 0)]
            );
        }
        assert_eq!((rows.path(count), rows.values(count)), (Path::new(""), vec![]));
        assert!(rows.bytes() / count < 50, "{}", rows.bytes() / count);
    }
}
