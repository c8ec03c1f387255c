//! One run an output: an advisory lock that the system drops when its owner dies. Runs of shards share it with each other
//! and with no one else.

use super::dir::{Found, Kind};
use super::error::StoreError;
use super::names::STATE_FOLDER;
use super::output::Store;
use crate::shown::Show;
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run works on this output.
    #[error("another run ({owner}) is working on {}; wait for it to end or choose another output", output.shown())]
    Held {
        /// Output folder.
        output: PathBuf,
        /// `process` and its number as the owner wrote it, or what else is known of it.
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
    file: File,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "tests ask whether the file system was taken for one without locks")
    )]
    held: bool,
}

/// The lock's file in [`STATE_FOLDER`].
const FILE: &str = "lock";

impl Lock {
    /// Takes the lock of an output, at once or not at all. On a file system without locks nobody holds it: then it is given
    /// and says so.
    ///
    /// # Errors
    /// When another process holds or shares it, or the lock file cannot be made.
    pub(crate) fn take(store: &Store) -> Result<Lock, LockError> {
        let (mut lock, path) = Lock::acquire(store, File::try_lock)?;
        let io = |source| LockError::Io { path: path.clone(), source };
        lock.file.set_len(0).and_then(|()| lock.file.rewind()).map_err(io)?;
        write!(lock.file, "{}", std::process::id()).map_err(io)?;
        Ok(lock)
    }

    /// Shares the lock with others who share it, at once or not at all. What its owner wrote into it stays.
    ///
    /// # Errors
    /// When another process holds it alone, or the lock file cannot be made.
    pub(crate) fn share(store: &Store) -> Result<Lock, LockError> {
        Lock::acquire(store, File::try_lock_shared).map(|(lock, _)| lock)
    }

    /// Whether it keeps others away; false where the file system has no locks.
    #[cfg(test)]
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    fn acquire(
        store: &Store,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<(Lock, PathBuf), LockError> {
        let path = store.root().join(STATE_FOLDER).join(FILE);
        let io = |source| LockError::Io { path: path.clone(), source };
        let name = OsStr::new(FILE);
        let dir = store.folder(Path::new(STATE_FOLDER), true)?;
        let dir = dir.ok_or_else(|| io(io::ErrorKind::NotFound.into()))?;
        if let Some(found) = dir.look(name).map_err(io)? {
            own(&found).map_err(|what| LockError::Foreign { path: path.clone(), what })?;
        }
        let mut file = dir.keep(name).map_err(io)?;
        let answer = if store.fault().lacks("locks") {
            Err(TryLockError::Error(Errno::NOSYS.into()))
        } else {
            lock(&file)
        };
        let held = match answer {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                let owner = owner(&mut file);
                return Err(LockError::Held { output: store.root().to_path_buf(), owner });
            }
            Err(TryLockError::Error(e)) if lacks_locks(&e) => false,
            Err(TryLockError::Error(e)) => return Err(io(e)),
        };
        Ok((Lock { file, held }, path))
    }
}

/// Who holds the lock of a file.
fn owner(file: &mut File) -> String {
    // The owner's number stays when it ends, also by a kill: where the lock can be shared, it is not the owner who has it.
    if file.try_lock_shared().is_ok() {
        return "of a shard".to_string();
    }
    let mut owner = String::new();
    file.read_to_string(&mut owner).ok();
    let owner = owner.trim();
    format!("process {}", if owner.is_empty() { "unknown" } else { owner })
}

/// Whether an answer to a lock says that the file system has none: Lustre without `-o flock`, NFS without its lock service,
/// some file systems in user space.
fn lacks_locks(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSYS | Errno::NOLCK | Errno::OPNOTSUPP))
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
    /// Makes sure that files of a folder which other code opens by path, each of `names`, are safelight's own; makes the
    /// folder where it is missing and `make` is set. Gives its path.
    ///
    /// # Errors
    /// When one is a link, has a second name, or can't be looked at.
    pub fn check_own_files(
        &self,
        folder: &Path,
        names: &[impl AsRef<OsStr>],
        make: bool,
    ) -> Result<PathBuf, LockError> {
        let path = self.root().join(folder);
        let Some(dir) = self.folder(folder, make)? else { return Ok(path) };
        for name in names {
            let file = path.join(name.as_ref());
            let found = dir.look(name.as_ref());
            if let Some(found) = found.map_err(|source| LockError::Io { path: file.clone(), source })? {
                own(&found).map_err(|what| LockError::Foreign { path: file, what })?;
            }
        }
        Ok(path)
    }

    /// Whether the output's file system has the locks of `fcntl`, as far as that shows: the lock's file is asked, where
    /// there is one.
    pub fn has_locks(&self) -> bool {
        let file = || self.folder(Path::new(STATE_FOLDER), false).ok()??.read(OsStr::new(FILE)).ok();
        let answer = |file| fcntl_getlk(&file, &Flock::from(FlockType::ReadLock));
        let lacking = file().and_then(|file| answer(file).err()).is_some_and(|e| lacks_locks(&e.into()));
        !lacking && !self.fault().lacks("locks")
    }
}
