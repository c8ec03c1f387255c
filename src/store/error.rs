//! What can go wrong with a write, and whether it is one file's business or that of the whole output.

use super::dir::Kind;
use crate::shown::Show;
use rustix::io::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// A write that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check free space, permissions and the mount, then run again", path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// One file's own refusal; others can still be written.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why one file is not written. Nothing has changed on the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A name the file system can't take, or that is kept.
    #[error("cannot write {}: {reason}; rename the input or choose another format, suffix or output", path.shown())]
    Name {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A name that would leave the output folder.
    #[error("refusing to write {}: the name leaves the output folder", path.shown())]
    Outside {
        /// The offending relative path.
        path: PathBuf,
    },
    /// Something stands at the name, or on the way to it, that safelight did not put there.
    #[error("{}: {what}; move it away or choose another output", path.shown())]
    Taken {
        /// Where it stands.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// What safelight wrote there has been changed by somebody since.
    #[error(
        "{} was edited since it was written and is kept; move it away, or take it over with --replace-edited",
        path.shown()
    )]
    Edited {
        /// The file.
        path: PathBuf,
    },
}

/// Why the parts of a folder can't be told.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// It can't be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can't be listed.
    #[error("{} can't be listed: {source}", folder.shown())]
    List {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something of somebody else's.
    #[error("{} holds {}, which is not a part; move it out, the folder is replaced as a whole", folder.shown(), name.shown())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The name in it.
        name: PathBuf,
    },
}

impl Refusal {
    /// A file that safelight did not write has the name.
    pub fn foreign(path: &Path) -> Refusal {
        Refusal::Taken { path: path.to_path_buf(), what: "exists and was not written by safelight".into() }
    }

    /// A file or folder of the input has the name.
    pub fn original(path: &Path) -> Refusal {
        let what = "belongs to the input under another name, and originals are never written to".into();
        Refusal::Taken { path: path.to_path_buf(), what }
    }

    /// Something that is no regular file has the name, or the place of a folder.
    pub fn stands(path: &Path, kind: Kind) -> Refusal {
        let what = match kind {
            Kind::Link => "is a symbolic link, and outputs are never written through links".to_string(),
            kind => format!("{} stands there", kind.text()),
        };
        Refusal::Taken { path: path.to_path_buf(), what }
    }
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_path_buf(), source }
}

/// An error about a name: the file's own business where the file system can't take it.
pub(super) fn name_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    if refuses_name(&source) {
        Refusal::Name { path: path.to_path_buf(), reason: source.to_string() }.into()
    } else {
        io_error(action, path, source)
    }
}

/// Whether the system says that a name can't be used, wherever it stands.
pub(super) fn refuses_name(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ))
        || error.kind() == io::ErrorKind::InvalidInput
}
