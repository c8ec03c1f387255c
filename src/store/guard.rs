//! What must never be written into: the folders that inputs lie in, known by device and inode, so that no link and
//! no mount hides them.

use super::dir::{FileId, Found};
use std::collections::HashSet;

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
