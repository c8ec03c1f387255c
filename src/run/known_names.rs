//! What is known of names in the output before the run.

use super::collisions::Clashes;
use super::resume::Disk;
use crate::store::Written;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

/// What the ledger and the disk say of names in the output.
pub struct Names {
    /// What stands at the outputs that the ledger knows.
    pub disk: Disk,
    /// Announced and not recorded.
    pub announced: HashMap<Vec<u8>, Vec<Written>>,
    /// Known for other reasons: left over, or claimed by an earlier layout.
    pub others: BTreeSet<Vec<u8>>,
    /// What the file system refuses.
    pub refused: HashMap<PathBuf, String>,
    /// What other inputs have.
    pub clashes: Clashes,
}
