//! The forms of a table's files.

use crate::columns::parquet::{Table, TableError};
use crate::columns::{Column, ColumnType, Value, csv::cell};
use crate::spec::words;

/// The form of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sinks) enum Format {
    /// Parquet.
    Parquet,
    /// CSV.
    Csv,
    /// The vectors as NumPy arrays, all else as Parquet beside them.
    Npy,
}

words! { for Format { Parquet = "parquet", Csv = "csv", Npy = "npy" } }

/// A file of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// All columns, as Parquet.
    Parquet,
    /// All columns, as CSV.
    Csv,
    /// The vectors alone.
    Array,
    /// All but the vectors.
    Beside,
}

impl Format {
    /// The files that rows make.
    pub(super) fn files(self) -> &'static [File] {
        match self {
            Format::Parquet => &[File::Parquet],
            Format::Csv => &[File::Csv],
            Format::Npy => &[File::Array, File::Beside],
        }
    }
}

impl File {
    /// The path of the file of the `number`-th rows, whose digest is `digest`.
    pub(super) fn name(self, digest: &str, number: usize) -> String {
        match self {
            File::Parquet => format!("part-{}.parquet", &digest[..16]),
            File::Csv => format!("part-{}.csv", &digest[..16]),
            // What clip-retrieval and autofaiss look for: row by row the same order.
            File::Array => format!("img_emb/img_emb_{number:05}.npy"),
            File::Beside => format!("metadata/metadata_{number:05}.parquet"),
        }
    }

    /// Whether it holds such a column.
    fn holds(self, kind: ColumnType) -> bool {
        let vector = kind.is_vector();
        match self {
            File::Parquet | File::Csv => true,
            File::Array => vector,
            File::Beside => !vector,
        }
    }
}

/// Whether safelight gives a file of a table this path, or a folder where it ends in `/`.
pub(super) fn is_ours(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let digits = |text: &str| (5..20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let hex = |text: &str| text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let divided = folder.split('/').all(|name| name.is_empty() || name.contains('='));
    let middle = |before: &str, after: &str| name.strip_prefix(before)?.strip_suffix(after);
    match folder {
        "img_emb" => name.is_empty() || middle("img_emb_", ".npy").is_some_and(digits),
        "metadata" => name.is_empty() || middle("metadata_", ".parquet").is_some_and(digits),
        _ if !divided => false,
        "" if name.is_empty() => false,
        _ => {
            let part = middle("part-", ".parquet").or_else(|| middle("part-", ".csv"));
            name.is_empty() || part.is_some_and(hex)
        }
    }
}

/// The form of a table's files, by their paths in its folder; none where they are no table's.
pub(crate) fn form_of<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let first = parts.next().filter(|part| is_ours(part))?;
    Some(match first {
        part if part.starts_with("img_emb/") || part.starts_with("metadata/") => "npy",
        part if part.ends_with(".csv") => "csv",
        _ => "parquet",
    })
}

/// Rows on their way into one file.
pub(super) struct Writer {
    file: File,
    /// Places of the columns that it holds.
    held: Vec<usize>,
    rows: Rows,
}

enum Rows {
    Parquet(Table),
    Csv(Box<csv::Writer<Vec<u8>>>),
    Array { width: usize, half: bool, numbers: Vec<f32> },
}

impl Writer {
    /// An empty file with those of these columns that are not left out; an array takes the named one.
    pub(super) fn new(
        file: File,
        (columns, vector): (&[Column], Option<&str>),
        left_out: &[usize],
        rows: usize,
    ) -> Result<Writer, TableError> {
        let wanted =
            |c: &Column| file.holds(c.kind) && (file != File::Array || vector == Some(c.name.as_str()));
        let held = columns.iter().enumerate().filter(|(at, c)| wanted(c) && !left_out.contains(at));
        let (held, columns): (Vec<usize>, Vec<Column>) = held.map(|(at, c)| (at, c.clone())).unzip();
        let rows = match file {
            File::Parquet | File::Beside => Rows::Parquet(Table::new(&columns, rows)),
            File::Csv => {
                let mut csv = csv::Writer::from_writer(Vec::new());
                csv.write_record(columns.iter().map(|c| c.name.as_str())).map_err(told)?;
                Rows::Csv(Box::new(csv))
            }
            File::Array => match columns.first().map(|c| c.kind) {
                Some(ColumnType::HalfVector(width)) => Rows::Array { width, half: true, numbers: Vec::new() },
                Some(ColumnType::Vector(width)) => Rows::Array { width, half: false, numbers: Vec::new() },
                _ => Rows::Array { width: 0, half: false, numbers: Vec::new() },
            },
        };
        Ok(Writer { file, held, rows })
    }

    /// Adds a row with the values of all columns.
    pub(super) fn push(&mut self, values: Vec<Value>) -> Result<(), TableError> {
        let mut values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
        let row = self.held.iter().filter_map(|at| values.get_mut(*at)?.take());
        match &mut self.rows {
            Rows::Parquet(table) => table.push(row.collect()),
            Rows::Csv(csv) => {
                let cells: Vec<String> = row.map(|value| cell(&value)).collect();
                csv.write_record(&cells).map_err(told)
            }
            Rows::Array { width, numbers, .. } => match row.into_iter().next() {
                Some(Value::Vector(v)) if v.len() == *width => {
                    numbers.extend(v);
                    Ok(())
                }
                _ => Err(TableError::Type("vector".to_string())),
            },
        }
    }

    /// The bytes of the file.
    pub(super) fn finish(self, metadata: &[(String, String)]) -> Result<Vec<u8>, TableError> {
        debug_assert!(self.file != File::Array || self.held.len() <= 1, "one column of vectors");
        match self.rows {
            Rows::Parquet(table) => table.finish(metadata),
            Rows::Csv(csv) => csv.into_inner().map_err(|e| told(e.into_error().into())),
            Rows::Array { width, half, numbers } => Ok(npy(width, half, &numbers)),
        }
    }
}

fn told(error: csv::Error) -> TableError {
    TableError::Csv(error.to_string())
}

/// NumPy's format 1.0 of an array of rows: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
fn npy(width: usize, half: bool, numbers: &[f32]) -> Vec<u8> {
    let rows = numbers.len() / width.max(1);
    let kind = if half { "<f2" } else { "<f4" };
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {width}), }}");
    // The numbers begin at a multiple of 64 bytes.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    for number in numbers {
        if half {
            bytes.extend(half::f16::from_f32(*number).to_le_bytes());
        } else {
            bytes.extend(number.to_le_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_have_numpys_header() {
        let bytes = npy(2, false, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(bytes.len() % 64, 24);
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\x00\x76\x00");
        let header = std::str::from_utf8(&bytes[10..128]).unwrap();
        assert!(
            header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }")
                && header.ends_with(" \n")
        );
        assert_eq!(bytes[128..132], 1f32.to_le_bytes());
        assert_eq!(npy(1, true, &[1.0])[128..], half::f16::ONE.to_le_bytes());
    }

    #[test]
    fn names_are_told_from_those_of_others() {
        let digest = "0123456789abcdef0123";
        for file in [File::Parquet, File::Csv, File::Array, File::Beside] {
            assert!(is_ours(&file.name(digest, 7)) && is_ours(&file.name(digest, 1_234_567)), "{file:?}");
        }
        for path in ["a=1/part-0123456789abcdef.parquet", "a=1/b=2/", "img_emb/", "metadata/"] {
            assert!(is_ours(path), "{path}");
        }
        for path in [
            "part-0123456789abcde.parquet",
            "part-0123456789abcdeg.csv",
            "a/",
            "a=1/notes.txt",
            "x/part-0123456789abcdef.csv",
            "img_emb/img_emb_1.npy",
            "metadata/a=1/",
            "",
        ] {
            assert!(!is_ours(path), "{path}");
        }
    }

    #[test]
    fn csv_has_all_columns_and_guards_formulas() {
        let columns = [
            Column::new("t", ColumnType::Text),
            Column::new("v", ColumnType::Vector(2)),
            Column::new("n", ColumnType::Int),
        ];
        let mut writer = Writer::new(File::Csv, (&columns, None), &[2], 1).unwrap();
        writer.push(vec![Value::Text("=1".into()), Value::Vector(vec![1.0, 0.5]), Value::Int(3)]).unwrap();
        assert_eq!(writer.finish(&[]).unwrap(), b"t,v\n'=1,\"[1.0, 0.5]\"\n");
    }
}
