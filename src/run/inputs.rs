//! Listing the inputs: a folder tree, one file, the paths of a CSV or Parquet list, or pictures to make.

use super::made::Made;
use super::resume::Identity;
use crate::codec;
use crate::columns::Value;
use crate::error::{ErrorKind, ItemError};
use crate::plan::{InputPlan, Source};
use crate::store::{Stamp, mtime_ns};
use rayon::prelude::*;
use std::fs;
use std::io::{BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use super::list_file::{List, Rows, Wanted, read as read_list};
pub use crate::shown::data as path_text;

/// Where an input's picture comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// This file.
    File(PathBuf),
    /// It is made.
    Made(Made),
}

/// One input.
#[derive(Clone, Debug)]
pub struct Input {
    /// Path relative to the input root; names the item everywhere.
    pub relative: PathBuf,
    /// Where to get it.
    pub origin: Origin,
    /// Size and time, or why it can't be an image file.
    pub identity: Result<Identity, ItemError>,
    /// True for a folder that could not be listed: nothing is known of what lies below it.
    pub blind: bool,
    /// Values of the list's other columns, in the order of [`InputPlan::carried`].
    pub carried: Vec<Value>,
}

impl Input {
    /// The relative path as bytes, the ledger's key.
    pub fn key(&self) -> &[u8] {
        self.relative.as_os_str().as_bytes()
    }

    /// What its header says, where it can be read.
    pub fn header(&self) -> Option<codec::Header> {
        // What can't be a picture, such as a pipe, must not be opened.
        self.identity.as_ref().ok()?;
        match &self.origin {
            Origin::File(path) => {
                let file = fs::File::open(path).ok()?;
                codec::probe(BufReader::new(file), &self.relative).ok()
            }
            Origin::Made(made) => Some(made.header()),
        }
    }

    /// Stable identifier for tables: 32 hex digits of BLAKE3 over the relative path's bytes.
    pub fn id(&self) -> String {
        blake3::hash(self.key()).to_hex()[..32].to_string()
    }
}

/// Lists the inputs of a plan, sorted by the bytes of their relative paths.
///
/// Paths that can't be read become inputs with an error, so that they show up in the manifest.
pub fn list(plan: &InputPlan) -> Vec<Input> {
    let mut inputs: Vec<Input> = match &plan.source {
        Source::File { relative, absolute } => vec![examine(relative.clone(), absolute.clone(), Vec::new())],
        Source::List { rows } => {
            let read = |row: usize| {
                let relative = rows.path(row);
                examine(relative.to_path_buf(), plan.root.join(relative), rows.values(row))
            };
            (0..rows.len()).into_par_iter().map(read).collect()
        }
        Source::Made(series) => series.list(),
        Source::Folder => {
            let found = walk(plan);
            found.into_par_iter().map(|(relative, e)| resolve(&plan.root, relative, e)).collect()
        }
    };
    inputs.par_sort_by(|a, b| a.key().cmp(b.key()));
    inputs
}

fn resolve(root: &Path, relative: PathBuf, error: Option<ItemError>) -> Input {
    let absolute = root.join(&relative);
    match error {
        Some(error) => {
            // Also when it can't be told: taking a file for a folder only keeps what lies below it.
            let blind = !fs::symlink_metadata(&absolute).is_ok_and(|m| !m.is_dir());
            let origin = Origin::File(absolute);
            Input { relative, origin, identity: Err(error), blind, carried: Vec::new() }
        }
        None => examine(relative, absolute, Vec::new()),
    }
}

fn walk(plan: &InputPlan) -> Vec<(PathBuf, Option<ItemError>)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(&plan.root).follow_links(plan.follow_symlinks) {
        match entry {
            Ok(entry) => {
                let Ok(relative) = entry.path().strip_prefix(&plan.root) else { continue };
                if !entry.file_type().is_dir() && plan.matches(relative) && !links_to_folder(&entry) {
                    found.push((relative.to_path_buf(), None));
                }
            }
            Err(error) => {
                let path = error.path().unwrap_or(&plan.root);
                let relative = path.strip_prefix(&plan.root).unwrap_or(path).to_path_buf();
                if relative.as_os_str().is_empty() {
                    // The root itself can't be read: no inputs, which stops the run.
                    return Vec::new();
                }
                // A broken link inside a followed tree is an item like any other; it fails when examined.
                let wanted = error.loop_ancestor().is_some() || plan.matches(&relative) || path.is_dir();
                if wanted && !plan.excluded(&relative) {
                    let kind = ErrorKind::Unreadable;
                    found.push((relative, Some(ItemError::new(kind, format!("cannot list: {error}")))));
                }
            }
        }
    }
    found
}

fn links_to_folder(entry: &walkdir::DirEntry) -> bool {
    entry.path_is_symlink() && fs::metadata(entry.path()).is_ok_and(|m| m.is_dir())
}

fn examine(relative: PathBuf, absolute: PathBuf, carried: Vec<Value>) -> Input {
    let identity = identify(&absolute);
    Input { relative, origin: Origin::File(absolute), identity, blind: false, carried }
}

/// Size and time of a regular file.
///
/// # Errors
/// `Vanished`, `Unreadable` or `NotAFile`.
pub fn identify(path: &Path) -> Result<Identity, ItemError> {
    identity_of(path, &fs::metadata(path).map_err(|e| unreadable(path, &e))?)
}

fn identity_of(path: &Path, meta: &fs::Metadata) -> Result<Identity, ItemError> {
    if !meta.is_file() {
        let message = format!("{} is not a regular file; remove it or exclude it", path.display());
        return Err(ItemError::new(ErrorKind::NotAFile, message));
    }
    Ok(Identity { size: meta.len(), mtime_ns: mtime_ns(meta) })
}

/// A regular file's bytes, and what identifies them.
///
/// # Errors
/// As [`identify`]; `Changed` when it was written to meanwhile.
pub fn read_unchanged(path: &Path) -> Result<(Vec<u8>, Identity), ItemError> {
    // A pipe that has taken the file's place must not block.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let open = fs::File::options().read(true).custom_flags(flags).open(path);
    let mut file = open.map_err(|e| unreadable(path, &e))?;
    let identity = |file: &fs::File| identity_of(path, &file.metadata().map_err(|e| unreadable(path, &e))?);
    let before = identity(&file)?;
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0).saturating_add(1));
    // Through `take`, since a file's own `read_to_end` asks for its size and place once more.
    Read::by_ref(&mut file).take(u64::MAX).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if identity(&file)? != before || bytes.len() as u64 != before.size {
        let message = format!("{} changed while it was read; it will be tried again", path.display());
        return Err(ItemError::new(ErrorKind::Changed, message));
    }
    Ok((bytes, before))
}

/// Whether the file at `path` is still the one that was published with this stamp.
pub fn is_as_written(path: &Path, stamp: &Stamp) -> bool {
    identify(path).is_ok_and(|now| now.size == stamp.size && now.mtime_ns == stamp.mtime_ns)
}

/// The item error for a file that can't be opened or read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> ItemError {
    if error.kind() == std::io::ErrorKind::NotFound {
        ItemError::new(ErrorKind::Vanished, format!("{} is no longer there", path.display()))
    } else {
        let message = format!("cannot read {}: {error}; check its permissions and links", path.display());
        ItemError::new(ErrorKind::Unreadable, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_utf8_stays_visible() {
        assert_eq!(path_text(b"a/\xffb"), "a/\\xFFb");
        assert_eq!(path_text("ü\n".as_bytes()), "ü\n");
    }
}
