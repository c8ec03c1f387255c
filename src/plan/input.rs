//! The section `input`, resolved: what is there, or what is made.

use crate::inputs::series::Series;
use crate::inputs::{InputPlan, List, Pages, Source, Wanted, read_list};
use crate::shown::Show;
use crate::spec::language::{FileKeys, InputKeys, SynthKeys};
use crate::spec::{self, Diagnostic, Given};
use crate::store::look;
use crate::synth::Params;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// The input; a list may take `memory` bytes.
pub(crate) fn resolve_input(
    keys: &InputKeys,
    (seed, memory): (u64, u64),
    errors: &mut Vec<Diagnostic>,
) -> Option<InputPlan> {
    match keys {
        InputKeys::Files(keys) => resolve_files(keys, memory, errors),
        InputKeys::Synthetic(keys) => Some(resolve_synthetic(keys, seed)),
    }
}

/// The input at a path; none after a mistake. A list may take `memory` bytes.
pub(crate) fn resolve_files(keys: &FileKeys, memory: u64, errors: &mut Vec<Diagnostic>) -> Option<InputPlan> {
    let path = keys.path.as_path();
    let include = globs(&keys.include, errors);
    let exclude = globs(&keys.exclude, errors);
    let kind = match look::at(path) {
        Ok(Some(kind)) => kind,
        Ok(None) => {
            errors.push(missing(&keys.path));
            return None;
        }
        Err(e) => {
            let help = Some("check the mount".into());
            errors.push(keys.path.error(format!("cannot look at {}: {e}", path.shown()), help));
            return None;
        }
    };
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("").to_ascii_lowercase();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut notes = Vec::new();
    let mut list = None;
    let (root, source, carried) = if kind.is_dir() {
        (absolute(path), Source::Folder, Vec::new())
    } else if extension == "csv" || extension == "parquet" {
        let root = absolute(keys.root.as_deref().unwrap_or(folder));
        let column = keys.column.as_str();
        match read_list(&Wanted { file: path, column, root: &root, memory, written: false }) {
            Ok(List { rows, columns, left_out }) => {
                list = Some(absolute(path));
                if !left_out.is_empty() {
                    notes.push(format!("columns of the list that are not carried: {}", left_out.join(", ")));
                }
                (root, Source::List { rows }, columns)
            }
            Err(what) => {
                errors.push(keys.path.error(format!("{} {what}", path.shown()), None));
                return None;
            }
        }
    } else {
        // What is no folder has a name.
        let relative = PathBuf::from(path.file_name().unwrap_or_default());
        (absolute(folder), Source::File { relative, absolute: absolute(path) }, Vec::new())
    };
    Some(InputPlan {
        root,
        list,
        source,
        include,
        exclude,
        shallow: keys
            .include
            .iter()
            .find(|pattern| !pattern.contains('/'))
            .map(|pattern| pattern.to_string()),
        follow_symlinks: keys.follow_symlinks,
        hidden: keys.hidden,
        strict: keys.strict,
        pages: keys.pages,
        carried,
        notes,
    })
}

/// The mistake of a path where nothing is.
pub(crate) fn missing(path: &Given<PathBuf>) -> Diagnostic {
    let (message, help) = spec::missing(path);
    path.error(message, Some(help))
}

fn resolve_synthetic(keys: &SynthKeys, seed: u64) -> InputPlan {
    let SynthKeys { synth, count, size, marks } = keys;
    let params = Params { size: *size, marks: *marks };
    InputPlan {
        root: PathBuf::new(),
        list: None,
        source: Source::Made(Series { synth, params, count: *count, seed }),
        include: GlobSet::empty(),
        exclude: GlobSet::empty(),
        shallow: None,
        follow_symlinks: false,
        strict: false,
        hidden: false,
        pages: Pages::default(),
        carried: Vec::new(),
        notes: Vec::new(),
    }
}

fn globs(patterns: &[Given<String>], errors: &mut Vec<Diagnostic>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build() {
            Ok(glob) => drop(set.add(glob)),
            Err(e) => errors.push(pattern.error(format!("bad pattern: {e}"), None)),
        }
    }
    set.build().unwrap_or_default()
}

/// An absolute path with links resolved as far as it exists.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut plain = PathBuf::new();
    for component in full.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
        // Each link is followed where it stands, so that a later `..` leaves the folder it leads to.
        if let Ok(Some(real)) = look::real(&plain) {
            plain = real;
        }
    }
    plain
}
