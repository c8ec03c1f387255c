//! What must never be written into: the folders that inputs lie in, known by device and inode, so that no link and
//! no mount hides them.

use super::dir::Found;
use std::collections::HashSet;

/// What tells a file or folder apart on this machine, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
}

impl FileId {
    /// Of what `metadata` describes.
    pub fn of(metadata: &std::fs::Metadata) -> FileId {
        use std::os::unix::fs::MetadataExt;
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The files and folders of an input.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    ids: HashSet<FileId>,
}

impl Guard {
    /// Guards these.
    pub fn new(ids: impl IntoIterator<Item = FileId>) -> Guard {
        Guard { ids: ids.into_iter().collect() }
    }

    /// Whether this is one of them.
    pub fn holds(&self, found: &Found) -> bool {
        self.ids.contains(&found.id)
    }
}
