//! What is known of names in the output before the run.

use super::resume::Disk;
use crate::store::Written;
use std::collections::HashMap;

/// What the ledger and the disk say of names in the output.
pub(super) struct Names<'a> {
    /// What stands at the outputs that the ledger knows.
    pub disk: Disk,
    /// Announced and not recorded.
    pub announced: &'a HashMap<Vec<u8>, Vec<Written>>,
    /// Files may stand there of a shard whose records are lost.
    pub lost: bool,
}
