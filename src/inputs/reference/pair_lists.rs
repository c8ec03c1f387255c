//! The lists of a folder of pairs: which clean picture belongs to which corrupted one, and what is told of it.

use crate::columns::{Column, ColumnType, Value};
use crate::inputs::list_file::{List, Rows, Wanted, read};
use crate::shown::{Show, decode};
use crate::store::look;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Columns of the two pictures: as lists of splits have them, and as a list for all has them.
const NAMES: [[&str; 2]; 2] = [["noisy_file_name", "clean_file_name"], ["noisy", "clean"]];
/// Names of lists.
const FILES: [&str; 3] = ["metadata.csv", "metadata.parquet", "pairs.csv"];
/// Bytes that all lists may take.
const MEMORY: u64 = 16 << 30;

/// Lists of pairs.
#[derive(Debug)]
pub(crate) struct PairLists {
    lists: Vec<One>,
    /// By a digest of the corrupted picture's path: the list and the row.
    places: HashMap<[u8; 16], (u32, u32)>,
    /// Columns that are taken along.
    columns: Vec<Column>,
    /// Names of all columns but that of the corrupted pictures.
    names: Vec<String>,
}

#[derive(Debug)]
struct One {
    /// The folder that its names lie below.
    folder: PathBuf,
    rows: Rows,
    /// Place of the column of clean pictures.
    clean: usize,
    /// Places of the columns that are taken along.
    taken: Vec<Option<usize>>,
}

/// What a list says of a pair.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// The clean picture.
    pub(crate) clean: PathBuf,
    /// The values of the columns that are taken along.
    pub(crate) values: Vec<Value>,
}

/// Why there are none: what is wrong, and what to do.
pub(crate) type Mistake = (String, String);

impl PairLists {
    /// Those at `path`: a list, or a folder with one in it or in the folders right below. Of their columns, those that
    /// `wanted` names are taken along.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub(crate) fn read(path: &Path, wanted: &[&str]) -> Result<PairLists, Mistake> {
        let files = files(path)?;
        if files.is_empty() {
            let help = "name the folder that the step `pairs` wrote in `layout: imagefolder` or `folders`, or one with \
                        a metadata.csv of the columns noisy_file_name and clean_file_name";
            return Err((format!("{} holds no list of pairs", path.shown()), help.into()));
        }
        let mut read: Vec<(One, Vec<Column>)> = Vec::new();
        for file in &files {
            read.push(one(file)?);
        }
        let mut names: Vec<String> = Vec::new();
        for column in read.iter().flat_map(|(_, own)| own) {
            if !names.contains(&column.name) {
                names.push(column.name.clone());
            }
        }
        let named = |columns: &[Column], name: &str| columns.iter().position(|column| column.name == name);
        let mut columns = Vec::new();
        for name in wanted {
            let kinds = read.iter().filter_map(|(_, own)| Some(own[named(own, name)?].kind));
            columns.extend(kinds.reduce(both).map(|kind| Column::new(*name, kind)));
        }
        let mut places = HashMap::new();
        let mut lists = Vec::new();
        for (number, (mut one, own)) in read.into_iter().enumerate() {
            one.taken = columns.iter().map(|column| named(&own, &column.name)).collect();
            for row in 0..one.rows.len() {
                let key = digest(&one.folder.join(one.rows.path(row)));
                let at = (u32::try_from(number).unwrap_or(u32::MAX), u32::try_from(row).unwrap_or(u32::MAX));
                places.insert(key, at);
            }
            lists.push(one);
        }
        Ok(PairLists { lists, places, columns, names })
    }

    /// The names of all columns of the lists.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The columns that are taken along.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What is said of the corrupted picture at `path`; none where it is in no list. The cell of the clean picture may be
    /// empty, or lead out of the folder: then that is the mistake.
    pub(crate) fn find(&self, path: &Path) -> Option<Pair> {
        let (list, row) = self.places.get(&digest(path))?;
        let list = self.lists.get(*list as usize)?;
        let values = list.rows.values(*row as usize);
        let Some(Value::Text(clean)) = values.get(list.clean) else { return None };
        let taken = list.taken.iter().zip(&self.columns).map(|(at, column)| {
            let value = at.and_then(|at| values.get(at)).cloned().unwrap_or(Value::Null);
            as_kind(value, column.kind)
        });
        Some(Pair { clean: list.folder.join(decode(clean)), values: taken.collect() })
    }
}

fn digest(path: &Path) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(path.as_os_str().as_bytes()).as_bytes()[..16]);
    short
}

/// The type that holds the values of both.
fn both(a: ColumnType, b: ColumnType) -> ColumnType {
    use ColumnType::{Float, Int, Text};
    match (a, b) {
        (a, b) if a == b => a,
        (Int | Float, Int | Float) => Float,
        _ => Text,
    }
}

fn as_kind(value: Value, kind: ColumnType) -> Value {
    match (kind, value) {
        (_, Value::Null) => Value::Null,
        (ColumnType::Float, Value::Int(value)) => Value::Float(value as f64),
        (ColumnType::Text, Value::Text(text)) => Value::Text(text),
        (ColumnType::Text, other) => Value::Text(other.text()),
        (_, value) => value,
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Mistake> {
    let unseen = |path: &Path, e: std::io::Error| {
        (format!("cannot look at {}: {e}", path.shown()), "check the mount".to_string())
    };
    if look::is_file(path).map_err(|e| unseen(path, e))? {
        return Ok(vec![path.to_path_buf()]);
    }
    let Some(entries) = look::list(path).map_err(|e| unseen(path, e))? else {
        return Err((format!("{} is not there", path.shown()), "check the path and the mount".into()));
    };
    let mut folders: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    folders.sort();
    folders.insert(0, path.to_path_buf());
    let mut found = Vec::new();
    for folder in folders {
        for name in FILES {
            let file = folder.join(name);
            if look::is_file(&file).map_err(|e| unseen(&file, e))? {
                found.push(file);
            }
        }
    }
    Ok(found)
}

/// A list and its carried columns.
fn one(file: &Path) -> Result<(One, Vec<Column>), Mistake> {
    let wrong = |what: String| {
        let help = "a list of pairs has the columns noisy_file_name and clean_file_name, or noisy and clean";
        (format!("{} {what}", file.shown()), help.to_string())
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let folder = look::real_of(folder).map_err(|e| wrong(format!("can't be found: {e}")))?;
    let mut first = None;
    for [noisy, clean] in NAMES {
        let wanted = Wanted { file, column: noisy, root: &folder, memory: MEMORY, written: true };
        match read(&wanted) {
            Ok(List { rows, columns, .. }) => {
                let at = columns.iter().position(|column| column.name == clean);
                let at = at.ok_or_else(|| wrong(format!("has no column `{clean}`")))?;
                return Ok((One { folder: folder.clone(), rows, clean: at, taken: Vec::new() }, columns));
            }
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(wrong(first.map_or_else(String::new, |error| error.to_string())))
}
