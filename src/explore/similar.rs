//! The rows of a table that are nearest to one vector.

use super::duplicates::{TOLD_BY, facts_of};
use super::error::ExploreError;
use super::groups::Groups;
use super::source::vector_of;
use crate::columns::parquet::Reader;
use crate::columns::{ColumnType, Value};
use crate::vectors::{Distance, DuplicateSettings, Facts, Points, relation};
use std::path::{Path, PathBuf};

/// Which row is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// The first of this path.
    Path(&'a str),
    /// The first whose file has this BLAKE3, in hexadecimal.
    Hash(&'a str),
}

/// A table that is asked.
#[derive(Debug)]
pub(crate) struct Table {
    files: Vec<PathBuf>,
    /// Name of its column of vectors.
    pub column: String,
    width: usize,
}

/// A row: its file, and its number there.
type Place = (usize, usize);

/// What is compared with the rows.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Its vector.
    pub vector: Vec<f32>,
    /// What is known of the picture.
    pub facts: Facts,
    /// Where it stands in the table itself, if it does.
    pub place: Option<Place>,
}

/// A row that is near.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Near {
    /// Its path.
    pub path: String,
    /// Cosine distance of the vectors, 0 to 2.
    pub distance: f32,
    /// `identical`, `near` or `similar`; none where it is neither.
    pub class: Option<&'static str>,
    /// What it is to the picture, where it is one of its kind.
    pub reason: Option<&'static str>,
}

impl Table {
    /// Of these files, by the column of vectors of this name, or the only one.
    ///
    /// # Errors
    /// When the first can't be read, or has no such column.
    pub(crate) fn open(files: Vec<PathBuf>, column: Option<&str>) -> Result<Table, ExploreError> {
        let Some(first) = files.first() else {
            return Err(ExploreError::NoTable { folder: PathBuf::new() });
        };
        let reader = open(first)?;
        let (column, width) = vector_of(first, reader.columns(), column)?;
        Ok(Table { files, column, width })
    }

    /// Looks for a row.
    ///
    /// # Errors
    /// When a file can't be read, or the row has no vector.
    pub(crate) fn find(&self, which: Which<'_>) -> Result<Option<Asked>, ExploreError> {
        let (name, wanted) = match which {
            Which::Path(path) => ("path", path),
            Which::Hash(hash) => ("hash", hash),
        };
        for (at, file) in self.files.iter().enumerate() {
            let reader = open(file)?;
            if !reader.columns().iter().any(|c| c.name == name && c.kind == ColumnType::Text) {
                continue;
            }
            let mut found = None;
            let failed = |source| ExploreError::Read { file: file.clone(), source };
            reader
                .each(&[name], |group| {
                    found = found.or_else(|| group.find(0, wanted).map(|row| group.first + row));
                    Ok(())
                })
                .map_err(failed)?;
            let Some(row) = found else { continue };
            let mut groups = Groups::new(&self.files, self.names());
            let mut values = groups.row(at, row)?;
            return match values.pop() {
                Some(Value::Vector(vector)) if vector.len() == self.width => {
                    Ok(Some(Asked { vector, facts: facts_of(&values).1, place: Some((at, row)) }))
                }
                _ => Err(ExploreError::NoVector {
                    file: file.clone(),
                    row: row + 1,
                    column: self.column.clone(),
                }),
            };
        }
        Ok(None)
    }

    /// What is read of a row: what tells of duplicates, and the vector.
    fn names(&self) -> Vec<String> {
        TOLD_BY.iter().map(ToString::to_string).chain([self.column.clone()]).collect()
    }

    /// The nearest `k` rows other than itself, nearest first, and how many rows there are.
    ///
    /// # Errors
    /// When a file can't be read, or the vector has another length than the table's.
    pub(crate) fn nearest(&self, asked: &Asked, k: usize) -> Result<(Vec<Near>, usize), ExploreError> {
        if asked.vector.len() != self.width {
            let (found, wanted) = (asked.vector.len(), self.width);
            return Err(ExploreError::Width { column: self.column.clone(), found, wanted });
        }
        let (mut best, mut rows): (Vec<(f32, Place)>, usize) = (Vec::new(), 0);
        for (at, file) in self.files.iter().enumerate() {
            let failed = |source| ExploreError::Read { file: file.clone(), source };
            open(file)?
                .each(&[self.column.as_str()], |group| {
                    let mut numbers = Vec::with_capacity((group.rows + 1) * self.width);
                    group.vectors_or_none(0, &mut numbers);
                    rows += group.rows;
                    numbers.extend(&asked.vector);
                    let points = Points::new(numbers, self.width, Distance::Cosine);
                    let others = (0..group.rows)
                        .filter(|row| !points.is_none(*row))
                        .map(|row| (points.distance(group.rows, row), (at, group.first + row)));
                    best.extend(others.filter(|(_, place)| asked.place != Some(*place)));
                    let order = |a: &(f32, Place), b: &(f32, Place)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
                    if best.len() > k && k > 0 {
                        best.select_nth_unstable_by(k - 1, order);
                    }
                    best.truncate(k);
                    best.sort_unstable_by(order);
                    Ok(())
                })
                .map_err(failed)?;
        }
        let mut groups = Groups::new(&self.files, TOLD_BY.iter().map(ToString::to_string).collect());
        // Row groups are read once where rows are asked for in their order.
        let mut order: Vec<usize> = (0..best.len()).collect();
        order.sort_unstable_by_key(|at| best[*at].1);
        let mut near: Vec<Option<Near>> = vec![None; best.len()];
        for at in order {
            let (distance, (file, row)) = best[at];
            let (path, facts) = facts_of(&groups.row(file, row)?);
            let found = relation(&asked.facts, &facts, distance, &DuplicateSettings::default());
            let (class, reason) =
                found.map(|(class, reason)| (class.word(), reason.map(|r| r.text()))).unzip();
            near[at] = Some(Near { path, distance, class, reason: reason.flatten() });
        }
        Ok((near.into_iter().flatten().collect(), rows))
    }
}

fn open(file: &Path) -> Result<Reader, ExploreError> {
    Reader::open(file).map_err(|source| ExploreError::Read { file: file.to_path_buf(), source })
}
