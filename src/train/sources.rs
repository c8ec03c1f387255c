//! Data other than pictures, found on disk: pairs written before, and vectors in Parquet files.

use super::settings::Written;
use crate::columns::Value;
use crate::inputs::Pages;
use crate::inputs::{InputPlan, Source};
use crate::inputs::{List, Wanted, read_list};
use crate::shown::{Show, decode};
use crate::store::look;
use globset::GlobSet;
use polars::prelude::{AnyValue, DataType, ParquetReader, SerReader};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The splits of the step `pairs`.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// A folder or file as an input, to keep the output out of it.
pub(super) fn folder(path: &Path) -> InputPlan {
    let file = matches!(look::at(path), Ok(Some(m)) if m.is_file());
    let root = if file { path.parent().unwrap_or(path) } else { path };
    let source = if file {
        Source::File {
            relative: path.file_name().map(PathBuf::from).unwrap_or_default(),
            absolute: path.into(),
        }
    } else {
        Source::Folder
    };
    let (include, exclude) = (GlobSet::empty(), GlobSet::empty());
    InputPlan {
        root: root.into(),
        list: None,
        source,
        include,
        exclude,
        shallow: None,
        follow_symlinks: false,
        strict: false,
        hidden: false,
        pages: Pages::default(),
        carried: Vec::new(),
        notes: Vec::new(),
    }
}

/// The pairs in a folder that the step `pairs` wrote, by split; their lists may take `memory` bytes.
///
/// # Errors
/// What is wrong with the folder, and what to do.
pub(super) fn pairs(root: &Path, memory: u64) -> Result<[Vec<Written>; 3], (String, String)> {
    let mut found: [Vec<Written>; 3] = Default::default();
    let mut any = false;
    for (at, split) in SPLITS.iter().enumerate() {
        let below = root.join(split);
        let list = ["metadata.csv", "metadata.parquet"].map(|name| below.join(name));
        let Some(list) = first_file(list)? else { continue };
        any = true;
        for (pair, _) in rows(&list, ["noisy_file_name", "clean_file_name"], &below, memory)? {
            let below = |path| Path::new(split).join(path);
            found[at].push(Written { noisy: below(pair.noisy), clean: below(pair.clean), ..pair });
        }
    }
    if !any && let Some(list) = first_file([root.join("pairs.csv")])? {
        any = true;
        for (pair, split) in rows(&list, ["noisy", "clean"], root, memory)? {
            let at = SPLITS.iter().position(|known| split.as_deref() == Some(*known)).unwrap_or(0);
            found[at].push(pair);
        }
    }
    if any && !found[0].is_empty() {
        return Ok(found);
    }
    if any {
        let help = "write some with a smaller `validation` and `test`".to_string();
        return Err(("holds no pairs of the split `train`".into(), help));
    }
    let shards = look::list(root).ok().flatten().into_iter().flatten();
    let help = if look::is_folder(&root.join("pairs")).unwrap_or(false) {
        format!("did you mean `{}`?", root.join("pairs").shown())
    } else if shards.map(|e| e.path()).any(|path| path.extension() == Some(OsStr::new("tar"))) {
        "shards are not read: write the pairs with `layout: imagefolder` or `layout: folders`".to_string()
    } else {
        "name the folder that the step `pairs` wrote, which holds `train/metadata.csv` or `pairs.csv`"
            .to_string()
    };
    Err(("is no folder of pairs".into(), help))
}

/// The first of these paths where a file is.
fn first_file(paths: impl IntoIterator<Item = PathBuf>) -> Result<Option<PathBuf>, (String, String)> {
    for path in paths {
        let unseen = |e| (format!("can't be told: {}: {e}", path.shown()), "check the mount".to_string());
        if look::is_file(&path).map_err(unseen)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// A pair, and its split if there is such a column.
type Row = (Written, Option<String>);

fn rows(
    list: &Path,
    [noisy, clean]: [&str; 2],
    root: &Path,
    memory: u64,
) -> Result<Vec<Row>, (String, String)> {
    let wrong = |what: String| {
        let help = "let the step `pairs` write it anew".to_string();
        (format!("holds a list that is not as written: {}: {what}", list.shown()), help)
    };
    let wanted = Wanted { file: list, column: noisy, root, memory, written: true };
    let List { rows, columns, .. } = read_list(&wanted).map_err(|e| wrong(e.to_string()))?;
    let place = |name: &str| columns.iter().position(|column| column.name == name);
    let clean = place(clean).ok_or_else(|| wrong(format!("no column `{clean}`")))?;
    let (split, source) = (place("split"), place("source"));
    let text = |values: &[Value], at: usize| match values.get(at) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let row = |row: usize| {
        let (noisy, values) = (rows.path(row).to_path_buf(), rows.values(row));
        let clean = text(&values, clean);
        let clean = clean.ok_or_else(|| wrong(format!("{} has no clean picture", noisy.shown())))?;
        // Lists from elsewhere may not tell.
        let source = source.and_then(|at| text(&values, at)).unwrap_or_else(|| clean.clone());
        Ok((Written { noisy, clean: decode(&clean), source }, split.and_then(|at| text(&values, at))))
    };
    (0..rows.len()).map(row).collect()
}

/// Why there are no Parquet files to be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoFiles {
    /// The system doesn't tell what is there.
    #[error("cannot be looked at: {0}")]
    Unseen(#[source] io::Error),
    /// The system doesn't list the folder.
    #[error("cannot be listed: {0}")]
    Unlisted(#[source] io::Error),
    /// Another file.
    #[error("is no .parquet file")]
    Other,
    /// A folder without any.
    #[error("holds no .parquet file")]
    Empty,
}

/// The Parquet file at a path, or those in a folder, sorted by name.
///
/// # Errors
/// When there is none.
pub(super) fn parquet_files(path: &Path) -> Result<Vec<PathBuf>, NoFiles> {
    let is_parquet = |path: &Path| match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("parquet") => {
            look::is_file(path).map_err(NoFiles::Unseen)
        }
        _ => Ok(false),
    };
    if !look::is_folder(path).map_err(NoFiles::Unseen)? {
        return if is_parquet(path)? { Ok(vec![path.into()]) } else { Err(NoFiles::Other) };
    }
    let mut files = Vec::new();
    for entry in look::list(path).map_err(NoFiles::Unlisted)?.into_iter().flatten() {
        if is_parquet(&entry.path())? {
            files.push(entry.path());
        }
    }
    files.sort();
    if files.is_empty() { Err(NoFiles::Empty) } else { Ok(files) }
}

/// The key of `train` that is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    Vectors,
    Label,
}

/// How many numbers the vectors in these files have, and how many rows there are in all.
///
/// # Errors
/// What is to blame, and what is wrong.
pub(super) fn vectors(
    files: &[PathBuf],
    column: &str,
    label: Option<&str>,
) -> Result<(usize, u64), (Blame, String)> {
    let (mut wide, mut rows) = (None, 0);
    for file in files {
        let name = file.shown();
        let wrong = |what: String| (Blame::Vectors, format!("{name} {what}"));
        let open = || File::open(file).map_err(|e| wrong(format!("cannot be opened: {e}")));
        let unreadable = |e| wrong(format!("cannot be read as Parquet: {e}"));
        let mut reader = ParquetReader::new(open()?);
        let schema = reader.schema().map_err(unreadable)?;
        rows += reader.num_rows().map_err(unreadable)? as u64;
        let has = |wanted: &str| schema.iter_names().any(|known| known.as_str() == wanted);
        let missing = |wanted: &str| {
            let names: Vec<&str> = schema.iter_names().map(|known| known.as_str()).collect();
            format!("{name} has no column `{wanted}`; it has {}", names.join(", "))
        };
        if !has(column) {
            return Err((Blame::Vectors, missing(column)));
        }
        if let Some(label) = label.filter(|label| !has(label)) {
            return Err((Blame::Label, missing(label)));
        }
        let first = ParquetReader::new(open()?)
            .with_columns(Some(vec![column.to_string()]))
            .with_slice(Some((0, 1)))
            .finish()
            .map_err(|e| wrong(format!("cannot be read: {e}")))?;
        let series = first.columns().first().ok_or_else(|| wrong("cannot be read".into()))?;
        let numbers = |kind: &DataType| kind.is_float() || kind.is_integer();
        let width = match (series.dtype(), series.get(0)) {
            (DataType::Array(kind, width), _) if numbers(kind) => Some(*width),
            (DataType::List(kind), Ok(AnyValue::List(row))) if numbers(kind) => Some(row.len()),
            // A part without rows.
            (DataType::List(kind), Err(_)) if numbers(kind) => None,
            (DataType::List(kind), _) if numbers(kind) => {
                return Err(wrong(format!("has no vector in the first row of `{column}`")));
            }
            (kind, _) => {
                return Err(wrong(format!("has {kind} in the column `{column}`, not lists of numbers")));
            }
        };
        match (wide, width) {
            (Some(wide), Some(width)) if wide != width => {
                return Err(wrong(format!("has vectors of {width} numbers, others of {wide}")));
            }
            (None, Some(0)) => return Err(wrong(format!("has empty vectors in the column `{column}`"))),
            (_, width) => wide = wide.or(width),
        }
    }
    let wide = wide.ok_or_else(|| (Blame::Vectors, format!("no file has a row with `{column}`")))?;
    Ok((wide, rows))
}
