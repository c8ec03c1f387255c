//! One run an output: an advisory lock that the system drops when its owner dies.

use super::dir::{Found, Kind};
use super::error::StoreError;
use super::names::STATE_FOLDER;
use super::output::Store;
use crate::shown::Show;
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run works on this output.
    #[error("another run (process {owner}) is working on {}; wait for it to end or choose another output", output.shown())]
    Held {
        /// Output folder.
        output: PathBuf,
        /// Process id as the owner wrote it.
        owner: String,
    },
    /// The lock file could not be made.
    #[error("cannot open {}: {source}; check its permissions and the mount", path.shown())]
    Io {
        /// Lock file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Something else stands at its name.
    #[error("{} is not safelight's alone ({what}), and writing to it would change another file: copy it over itself, or move it away if it is none of safelight's", path.shown())]
    Foreign {
        /// Lock file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The folder that it is in could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The lock on an output folder, held until dropped or the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of an output, at once or not at all.
    ///
    /// # Errors
    /// When another process holds it, or the lock file cannot be made.
    pub(crate) fn take(store: &Store) -> Result<Lock, LockError> {
        let path = store.root().join(STATE_FOLDER).join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        let name = OsStr::new("lock");
        let dir = store.folder(Path::new(STATE_FOLDER), true)?;
        let dir = dir.ok_or_else(|| io(io::ErrorKind::NotFound.into()))?;
        if let Some(found) = dir.look(name).map_err(io)? {
            own(&found).map_err(|what| LockError::Foreign { path: path.clone(), what })?;
        }
        let mut file = dir.keep(name).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                file.read_to_string(&mut owner).ok();
                let owner = if owner.trim().is_empty() { "unknown".into() } else { owner.trim().into() };
                return Err(LockError::Held { output: store.root().to_path_buf(), owner });
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        write!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Lock { _file: file })
    }
}

/// Whether a file is one that may be written into: a regular one without a second name elsewhere.
fn own(found: &Found) -> Result<(), &'static str> {
    match found.kind {
        Kind::File if found.links > 1 => Err("a file with another name elsewhere"),
        Kind::File => Ok(()),
        kind => Err(kind.text()),
    }
}

impl Store {
    /// Makes sure that files of the state folder which other code opens by path, each of `names`, are safelight's own;
    /// makes the folder where it is missing and `make` is set. Gives its path.
    ///
    /// # Errors
    /// When one is a link, has a second name, or can't be looked at.
    pub fn check_state_files(&self, names: &[&str], make: bool) -> Result<PathBuf, LockError> {
        let path = self.root().join(STATE_FOLDER);
        let Some(dir) = self.folder(Path::new(STATE_FOLDER), make)? else { return Ok(path) };
        for name in names {
            let file = path.join(name);
            let found = dir.look(OsStr::new(name));
            if let Some(found) = found.map_err(|source| LockError::Io { path: file.clone(), source })? {
                own(&found).map_err(|what| LockError::Foreign { path: file, what })?;
            }
        }
        Ok(path)
    }
}
