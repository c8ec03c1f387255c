//! References: the clean picture that each input is compared with, as a file on the disk.

mod pair_lists;
mod rule;

pub(crate) use pair_lists::PairLists;
pub(crate) use rule::Rule;

use super::identity::Identity;
use super::input::{Input, Reference, ReferenceFile};
use super::plan::InputPlan;
use super::read::identify;
use crate::codec::Format;
use crate::columns::{Column, Value};
use crate::error::{ErrorKind, ItemError};
use crate::shown::{Show, decode};
use crate::store::{FileId, look};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the references of a job are.
#[derive(Debug)]
pub(crate) enum References {
    /// Under names that follow from the pictures'.
    Named {
        /// Their folder, absolute; none for that of the input.
        folder: Option<PathBuf>,
        /// What they are called.
        rule: Rule,
        /// The rule as it was written, for messages.
        written: String,
    },
    /// In a column of the input's list, by its place.
    Listed(usize),
    /// In lists of pairs, which lie at this path.
    Paired(PathBuf, PairLists),
}

/// What lies in a folder: the names of pictures by what they are without their endings.
type Names = HashMap<OsString, Vec<OsString>>;

/// What is looked for.
enum Sought {
    /// A picture of this path, with any ending.
    Stem(PathBuf),
    /// This file, and what a list says of it.
    File(PathBuf, Vec<Value>),
}

impl References {
    /// Columns of what is told of references beside their files.
    pub(crate) fn columns(&self) -> &[Column] {
        match self {
            References::Paired(_, lists) => lists.columns(),
            References::Named { .. } | References::Listed(_) => &[],
        }
    }

    /// The folder they are in, where that is another than the input's.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            References::Named { folder, .. } => folder.as_deref(),
            References::Listed(_) => None,
            References::Paired(path, _) => Some(path),
        }
    }

    /// Looks for the reference of each input, and notes it there. Gives the folders in which some are.
    pub(crate) fn find(&self, plan: &InputPlan, inputs: &mut [Input]) -> BTreeSet<FileId> {
        let sought: Vec<Result<Sought, ItemError>> =
            inputs.par_iter().map(|input| self.sought(plan, input)).collect();
        let mut folders = BTreeSet::new();
        for sought in sought.iter().flatten() {
            let (Sought::Stem(path) | Sought::File(path, _)) = sought;
            folders.extend(path.parent().map(Path::to_path_buf));
        }
        let listed = matches!(self, References::Named { .. });
        let names: HashMap<PathBuf, io::Result<Names>> =
            folders.par_iter().filter(|_| listed).map(|folder| (folder.clone(), names_in(folder))).collect();
        let found = inputs.par_iter_mut().zip(sought).map(|(input, sought)| {
            let found = sought.and_then(|sought| self.look(sought, input, &names));
            let folder = found.as_ref().ok().and_then(|file| file.path.parent().map(Path::to_path_buf));
            input.reference = Some(Arc::new(found) as Reference);
            folder
        });
        let used: BTreeSet<PathBuf> = found.flatten().collect::<Vec<_>>().into_iter().collect();
        used.iter().filter_map(|folder| Some(FileId::of(&look::at(folder).ok()??))).collect()
    }

    fn sought(&self, plan: &InputPlan, input: &Input) -> Result<Sought, ItemError> {
        match self {
            References::Named { folder, rule, written } => {
                let path = input.relative.with_extension("");
                let named = rule.apply(path.as_os_str().as_bytes()).ok_or_else(|| {
                    let name = path.shown();
                    missing(format!(
                        "the name {name} does not match {written}; say another rule, or exclude it"
                    ))
                })?;
                let folder = folder.as_deref().unwrap_or(&plan.root);
                Ok(Sought::Stem(folder.join(OsStr::from_bytes(&named))))
            }
            References::Listed(at) => match input.carried.get(*at) {
                Some(Value::Text(cell)) if !cell.is_empty() => {
                    Ok(Sought::File(plan.root.join(decode(cell)), Vec::new()))
                }
                _ => Err(missing("the list names no reference for it".into())),
            },
            References::Paired(path, lists) => {
                let pair = input.file().and_then(|file| lists.find(file)).ok_or_else(|| {
                    missing(format!(
                        "the lists of pairs at {} have no row for it; of a folder of pairs, take the corrupted pictures \
                         alone: `include: ['**/noisy/**']`",
                        path.shown()
                    ))
                })?;
                Ok(Sought::File(pair.clean, pair.values))
            }
        }
    }

    fn look(
        &self,
        sought: Sought,
        input: &Input,
        names: &HashMap<PathBuf, io::Result<Names>>,
    ) -> Result<ReferenceFile, ItemError> {
        let (path, values) = match sought {
            Sought::File(path, values) => (path, values),
            Sought::Stem(stem) => (choose(&stem, &input.relative, names)?, Vec::new()),
        };
        if input.file() == Some(&path) {
            let what =
                "the picture itself would be it; say where the clean ones are, or how their names differ";
            return Err(missing(what.into()));
        }
        let identity: Identity = identify(&path).map_err(|e| match e.kind {
            ErrorKind::Vanished => missing(format!("{} is not there", path.shown())),
            _ => ItemError::new(e.kind, format!("its reference: {}", e.message)),
        })?;
        let named = self.folder().and_then(|folder| path.strip_prefix(folder).ok()).map(Path::to_path_buf);
        Ok(ReferenceFile { name: named.unwrap_or_else(|| path.clone()), path, identity, values })
    }
}

fn missing(what: String) -> ItemError {
    ItemError::new(ErrorKind::NoReference, format!("no reference: {what}"))
}

/// The picture of this path with any ending: that of the input where there is one, else the only one.
fn choose(stem: &Path, of: &Path, names: &HashMap<PathBuf, io::Result<Names>>) -> Result<PathBuf, ItemError> {
    let folder = stem.parent().unwrap_or(Path::new(""));
    let nothing = Vec::new();
    let found = match (names.get(folder), stem.file_name()) {
        (Some(Err(e)), _) => {
            let message = format!("cannot list {}: {e}; check its permissions and the mount", folder.shown());
            return Err(ItemError::new(ErrorKind::Unreadable, message));
        }
        (Some(Ok(names)), Some(name)) => names.get(name).unwrap_or(&nothing),
        _ => &nothing,
    };
    let same = found.iter().find(|name| Path::new(name).extension() == of.extension());
    match (same, found.as_slice()) {
        (Some(name), _) | (None, [name]) => Ok(folder.join(name)),
        (None, []) => Err(missing(format!(
            "no picture {}.* is there; check `path`, `from` and `to`, or exclude what has none",
            stem.shown()
        ))),
        (None, [first, second, ..]) => Err(missing(format!(
            "both {} and {} in {} could be it; keep one",
            Path::new(first).shown(),
            Path::new(second).shown(),
            folder.shown()
        ))),
    }
}

fn names_in(folder: &Path) -> io::Result<Names> {
    let mut names = Names::new();
    for entry in look::list(folder)?.into_iter().flatten() {
        let name = entry.file_name();
        let path = Path::new(&name);
        let ending = path.extension().and_then(OsStr::to_str);
        if ending.is_some_and(|ending| Format::from_extension(ending).is_some()) {
            let stem = path.file_stem().unwrap_or_default().to_os_string();
            names.entry(stem).or_default().push(name);
        }
    }
    names.values_mut().for_each(|names| names.sort());
    Ok(names)
}

#[cfg(test)]
mod tests;
