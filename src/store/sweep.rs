//! Removing what crashed runs left: files and folders with temporary names.

use super::dir::{Dir, Kind};
use super::error::StoreError;
use super::links::{Link, place_of, text_for};
use super::names::{LEDGER_FILE, STATE_FOLDER, is_of_report, is_temporary};
use super::output::{Store, split};
use std::ffi::OsStr;
use std::io;
use std::path::Path;

impl Store {
    /// Removes what crashed runs left below the output. Returns how much.
    ///
    /// # Errors
    /// When the output can't be opened.
    pub fn sweep(&self) -> Result<usize, StoreError> {
        Ok(self.sweep_folder(&self.top()?, Path::new("")) + self.sweep_sets())
    }

    /// Sweeps a folder that is `relative` in the output.
    fn sweep_folder(&self, dir: &Dir, relative: &Path) -> usize {
        // What can't be listed is swept another time; it does no harm until then.
        let Ok(names) = dir.names() else { return 0 };
        let mut removed = 0;
        for (name, kind) in names {
            if is_temporary(&name) {
                // What can't be removed now does no harm either.
                removed += usize::from(remove(dir, &name, kind).is_ok());
            } else if kind == Kind::Folder
                && let Ok(child) = dir.child(&name)
            {
                let inside = relative.join(&name);
                if inside == Path::new(STATE_FOLDER) || !self.is_off_limits(&child) {
                    removed += self.sweep_folder(&child, &inside);
                }
            } else if kind == Kind::Link {
                // Cut off while it was removed with its folder.
                let link = Link::at(&self.root, dir, &name, &relative.join(&name));
                let gone = link.is_ok_and(|link| link.is_some_and(|link| link.folder.is_none()));
                removed += usize::from(gone && dir.unlink(&name).is_ok());
            }
        }
        removed
    }

    /// Removes folders that a link was to lead to, or has led to, when the run was cut off.
    fn sweep_sets(&self) -> usize {
        let Ok(Some(folders)) = self.folders(false) else { return 0 };
        let Ok(names) = folders.names() else { return 0 };
        let unused = names.into_iter().filter(|(name, _)| !self.may_be_used(name));
        unused.filter(|(name, kind)| remove(&folders, name, *kind).is_ok()).count()
    }

    /// Whether a link leads to the folder of this name, or it can't be told, or the name is somebody else's.
    fn may_be_used(&self, name: &OsStr) -> bool {
        let Some(place) = place_of(name) else { return true };
        let (parent, last) = split(&place);
        match self.folder(parent, false) {
            Ok(Some(dir)) => match dir.link_text(last) {
                Ok(text) => text.is_some_and(|text| Path::new(&text) == text_for(&place, name)),
                Err(_) => true,
            },
            Ok(None) => false,
            Err(_) => true,
        }
    }

    /// Whether a folder is one of the input's or the output of another job, or can't be told from one.
    fn is_off_limits(&self, folder: &Dir) -> bool {
        let ledger = |state: Dir| state.look(OsStr::new(LEDGER_FILE)).map(|found| found.is_some());
        let another = match folder.child(OsStr::new(STATE_FOLDER)) {
            Ok(state) => ledger(state).unwrap_or(true),
            Err(e) => e.kind() != io::ErrorKind::NotFound,
        };
        another || folder.itself().map_or(true, |itself| self.guard.holds(&itself))
    }
}

/// Removes a file, or a folder of parts: one that was built, or taken out of its place, when the run was cut off. What
/// is no part in it may be somebody's, and stays.
fn remove(dir: &Dir, name: &OsStr, kind: Kind) -> io::Result<()> {
    if kind != Kind::Folder {
        return dir.unlink(name);
    }
    let folder = dir.child(name)?;
    for (inner, kind) in folder.names()? {
        let text = inner.to_string_lossy();
        let part = [".parquet", ".tar", ".csv", ".npy"].iter().any(|ending| text.ends_with(ending));
        let part = part || is_of_report(&text);
        let empty = || folder.look(&inner).is_ok_and(|found| found.is_some_and(|found| found.size == 0));
        match kind {
            Kind::File if part || empty() => folder.unlink(&inner)?,
            // By columns, or by kind.
            Kind::Folder => remove(&folder, &inner, kind)?,
            _ => {}
        }
    }
    dir.remove_folder(name)
}
