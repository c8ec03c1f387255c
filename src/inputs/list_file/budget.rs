//! The memory that a run over a list takes, counted before it takes any.

use super::error::ListError;
use super::list::Wanted;

/// Bytes that a run keeps of an input beside its path and its values, as measured.
pub(super) const INPUT: u64 = 1_400;
/// Memory kept back for the program itself.
const RESERVE: u64 = 96 << 20;

/// Counts what a run over the list takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) memory: u64,
    /// Bytes of the root's path, which comes before every path.
    pub(super) root: u64,
    pub(super) needed: u64,
    pub(super) rows: u64,
}

impl Budget {
    pub(super) fn new(wanted: &Wanted<'_>) -> Budget {
        let root = wanted.root.as_os_str().len() as u64;
        Budget { memory: wanted.memory, root, needed: RESERVE, rows: 0 }
    }

    /// Counts a row with a path and texts of these lengths.
    pub(super) fn add(&mut self, path: usize, cells: usize, texts: usize) {
        self.rows += 1;
        // In the list, as the input's name and as its place; values in the list and with the input.
        self.needed += INPUT + self.root + 3 * path as u64 + 48 * cells as u64 + 2 * texts as u64;
    }

    /// Fails when the rows so far, of `all`, take too much.
    pub(super) fn check(&self, all: u64) -> Result<(), ListError> {
        if self.needed <= self.memory {
            return Ok(());
        }
        let each = (self.needed - RESERVE) / self.rows.max(1);
        let needed = RESERVE.saturating_add(each.saturating_mul(all.max(self.rows)));
        Err(ListError::Memory { rows: all, each, needed, limit: self.memory })
    }
}
