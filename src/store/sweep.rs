//! Removing what crashed runs left: files and folders with temporary names.

use super::dir::{Dir, Kind};
use super::names::{LEDGER_FILE, STATE_FOLDER, is_temporary};
use super::{Store, StoreError, io_error};
use std::ffi::OsStr;
use std::io;

impl Store {
    /// Removes what crashed runs left below the output. Returns how much.
    ///
    /// # Errors
    /// When something can't be removed.
    pub fn sweep(&self) -> Result<usize, StoreError> {
        self.sweep_folder(&self.top()?, true)
    }

    fn sweep_folder(&self, dir: &Dir, top: bool) -> Result<usize, StoreError> {
        // What can't be listed is swept another time; it does no harm until then.
        let Ok(names) = dir.names() else { return Ok(0) };
        let mut removed = 0;
        for (name, kind) in names {
            if is_temporary(&name) {
                remove(dir, &name, kind).map_err(|e| io_error("remove", &dir.path().join(&name), e))?;
                removed += 1;
            } else if kind == Kind::Folder
                && let Ok(child) = dir.child(&name)
            {
                let own = top && name == STATE_FOLDER;
                if own || !self.is_off_limits(&child) {
                    removed += self.sweep_folder(&child, false)?;
                }
            }
        }
        Ok(removed)
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

/// Removes a file, or a folder with all that is in it.
pub(super) fn remove(dir: &Dir, name: &OsStr, kind: Kind) -> io::Result<()> {
    if kind != Kind::Folder {
        return dir.unlink(name);
    }
    let folder = dir.child(name)?;
    for (inner, kind) in folder.names()? {
        remove(&folder, &inner, kind)?;
    }
    dir.remove_folder(name)
}
