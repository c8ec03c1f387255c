//! One run an output: an advisory lock that the system drops when its owner dies.

use super::STATE_FOLDER;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run works on this output.
    #[error("another run (process {owner}) is working on {}; wait for it to end or choose another output", output.display())]
    Held {
        /// Output folder.
        output: PathBuf,
        /// Process id as the owner wrote it.
        owner: String,
    },
    /// The lock file could not be made.
    #[error("cannot lock {}: {source}", path.display())]
    Io {
        /// Lock file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// The lock on an output folder, held until dropped or the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the output folder `root`, at once or not at all.
    ///
    /// # Errors
    /// When another process holds it, or the lock file cannot be made.
    pub fn take(root: &Path) -> Result<Lock, LockError> {
        let path = root.join(STATE_FOLDER).join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        std::fs::create_dir_all(root.join(STATE_FOLDER)).map_err(io)?;
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                file.read_to_string(&mut owner).ok();
                let owner = if owner.trim().is_empty() { "unknown".into() } else { owner.trim().into() };
                return Err(LockError::Held { output: root.to_path_buf(), owner });
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        write!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Lock { _file: file })
    }
}
