//! A table in Parquet files: its columns, its vectors, and the order of its rows.

use super::error::ExploreError;
use super::settings::FILE;
use crate::columns::parquet::Reader;
use crate::columns::{Column, ColumnType, Value};
use crate::store::look;
use std::path::{Path, PathBuf};

/// A table whose rows have vectors.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its files.
    pub files: Vec<PathBuf>,
    /// Its columns, as in the first file, without those of vectors.
    pub columns: Vec<Column>,
    /// Name of the column of vectors.
    pub vector: String,
    /// Numbers of a vector.
    pub width: usize,
    /// All vectors in the order of the rows; NaN where a row has none.
    pub vectors: Vec<f32>,
    /// The rows in order: file, and row of the file.
    pub rows: Vec<(u32, u32)>,
    /// For each row a digest of its path, its identifier, and its place among rows of the same.
    pub keys: Vec<[u8; 16]>,
}

/// The Parquet files in a folder and its folders, by name; those whose names begin with a dot or `_`, and what was found of a table before,
/// are no part of it.
/// A file is itself.
///
/// # Errors
/// When a folder can't be listed, or there is none.
pub(crate) fn parts_below(path: &Path) -> Result<Vec<PathBuf>, ExploreError> {
    let failed = |folder: &Path, source| ExploreError::List { folder: folder.to_path_buf(), source };
    if look::is_file(path).map_err(|e| failed(path, e))? {
        return Ok(vec![path.to_path_buf()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in look::list(&folder).map_err(|e| failed(&folder, e))?.unwrap_or_default() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(['.', '_']) {
                continue;
            }
            let path = entry.path();
            if look::is_folder(&path).map_err(|e| failed(&path, e))? {
                folders.push(path);
            } else if name.ends_with(".parquet") && name != FILE {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        return Err(ExploreError::NoTable { folder: path.to_path_buf() });
    }
    files.sort();
    Ok(files)
}

/// What rows are sorted by.
type Name = (Vec<u8>, Vec<u8>);

impl Source {
    /// Reads the vectors of a table in these files, and sorts its rows by `path`, then by `id`, then as they stand.
    ///
    /// # Errors
    /// When a file can't be read, or there are no vectors, or several columns of them and none is named.
    pub(crate) fn read(files: Vec<PathBuf>, column: Option<&str>) -> Result<Source, ExploreError> {
        let mut source = Source {
            files,
            columns: Vec::new(),
            vector: String::new(),
            width: 0,
            vectors: Vec::new(),
            rows: Vec::new(),
            keys: Vec::new(),
        };
        let mut names: Vec<Name> = Vec::new();
        for at in 0..source.files.len() {
            source.add(at, column, &mut names)?;
        }
        if names.len() >= u32::MAX as usize {
            return Err(ExploreError::TooLong(names.len()));
        }
        source.sort(&names);
        Ok(source)
    }

    fn add(&mut self, at: usize, wanted: Option<&str>, names: &mut Vec<Name>) -> Result<(), ExploreError> {
        let file = self.files[at].clone();
        let failed = |source| ExploreError::Read { file: file.clone(), source };
        let reader = Reader::open(&file).map_err(failed)?;
        if self.width == 0 {
            let (vector, width) = vector_of(&file, reader.columns(), wanted)?;
            if self.vector.is_empty() {
                self.columns = reader.columns().iter().filter(|c| !c.kind.is_vector()).cloned().collect();
            }
            (self.vector, self.width) = (vector, width);
        }
        for column in &self.columns {
            let other = reader.columns().iter().find(|c| c.name == column.name);
            if let Some(other) = other.filter(|other| other.kind != column.kind) {
                return Err(ExploreError::Differs {
                    file,
                    column: column.name.clone(),
                    found: other.kind.name(),
                    wanted: column.kind.name(),
                });
            }
        }
        let named: Vec<&str> = ["path", "id"]
            .into_iter()
            .filter(|name| reader.columns().iter().any(|c| c.name == *name && !c.kind.is_vector()))
            .collect();
        let asked: Vec<&str> = std::iter::once(self.vector.as_str()).chain(named.iter().copied()).collect();
        let place = |name: &str| named.iter().position(|n| *n == name).map(|at| at + 1);
        let places = [place("path"), place("id")];
        let width = self.width;
        let (vectors, rows) = (&mut self.vectors, &mut self.rows);
        reader
            .each(&asked, |group| {
                for row in 0..group.rows {
                    match group.value(0, row) {
                        Value::Vector(vector) if vector.len() == width => vectors.extend(vector),
                        Value::Vector(vector) if !vector.is_empty() => {
                            let row = group.first + row + 1;
                            return Err(crate::columns::parquet::ReadError::Vector {
                                column: asked[0].to_string(),
                                row,
                                width,
                            });
                        }
                        _ => vectors.resize(vectors.len() + width, f32::NAN),
                    }
                    let name =
                        |place: Option<usize>| place.map_or_else(Vec::new, |at| order(group.value(at, row)));
                    names.push((name(places[0]), name(places[1])));
                    rows.push((at as u32, (group.first + row) as u32));
                }
                Ok(())
            })
            .map_err(failed)
    }

    fn sort(&mut self, names: &[Name]) {
        let mut order: Vec<u32> = (0..names.len() as u32).collect();
        order.sort_by(|a, b| names[*a as usize].cmp(&names[*b as usize]));
        let mut twins = 0u64;
        for (at, row) in order.iter().enumerate() {
            let name = &names[*row as usize];
            let same = at > 0 && names[order[at - 1] as usize] == *name;
            twins = if same { twins + 1 } else { 0 };
            let mut hasher = blake3::Hasher::new();
            hasher.update(&(name.0.len() as u64).to_le_bytes()).update(&name.0).update(&name.1);
            hasher.update(&twins.to_le_bytes());
            self.keys.push(hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default());
        }
        // A table of this program is in order already.
        if order.is_sorted() {
            return;
        }
        let width = self.width;
        self.vectors =
            order.iter().flat_map(|row| &self.vectors[*row as usize * width..][..width]).copied().collect();
        self.rows = order.iter().map(|row| self.rows[*row as usize]).collect();
    }
}

/// A value in a form whose bytes sort as values do.
fn order(value: Value) -> Vec<u8> {
    match value {
        Value::Text(text) => text.into_bytes(),
        Value::Int(number) => (number as u64 ^ 1 << 63).to_be_bytes().to_vec(),
        other => other.text().into_bytes(),
    }
}

/// The column of vectors that is meant, and its numbers.
pub(super) fn vector_of(
    file: &Path,
    columns: &[Column],
    wanted: Option<&str>,
) -> Result<(String, usize), ExploreError> {
    let vectors: Vec<(&str, usize)> = columns
        .iter()
        .filter_map(|c| match c.kind {
            ColumnType::Vector(n) | ColumnType::HalfVector(n) => Some((c.name.as_str(), n)),
            _ => None,
        })
        .collect();
    let names = || vectors.iter().map(|(name, _)| (*name).to_string()).collect();
    let none = || ExploreError::NoVectors {
        file: file.to_path_buf(),
        wanted: wanted.map(str::to_string),
        vectors: names(),
    };
    let (name, width) = match (wanted, &vectors[..]) {
        (Some(wanted), all) => *all.iter().find(|(name, _)| *name == wanted).ok_or_else(none)?,
        (None, [one]) => *one,
        (None, []) => return Err(none()),
        (None, _) => return Err(ExploreError::Several { file: file.to_path_buf(), vectors: names() }),
    };
    Ok((name.to_string(), width))
}
