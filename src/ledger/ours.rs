//! Which names in the output are safelight's own.

use super::database::Ledger;
use super::error::LedgerError;
use std::collections::HashSet;

/// The names that safelight wrote to or meant to: outputs, parts of tables, shards and lists, leftovers of earlier
/// settings, what a run announced that was cut off, and what an earlier layout claimed. None without a ledger.
pub struct Ours<'a> {
    ledger: Option<&'a Ledger>,
    /// All but the outputs, which may be very many and are looked up.
    others: HashSet<Vec<u8>>,
}

impl<'a> Ours<'a> {
    /// As they are now.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn of(ledger: Option<&'a Ledger>) -> Result<Ours<'a>, LedgerError> {
        let mut others = HashSet::new();
        if let Some(ledger) = ledger {
            others.extend(ledger.claims()?);
            others.extend(ledger.orphans()?.into_iter().map(|orphan| orphan.path));
            others.extend(ledger.announced()?.into_keys());
            others.extend(ledger.part_paths()?);
        }
        Ok(Ours { ledger, others })
    }

    /// Whether this path, relative to the output, is one of them.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn holds(&self, path: &[u8]) -> Result<bool, LedgerError> {
        let output = || self.ledger.map_or(Ok(false), |ledger| ledger.has_output(path));
        if self.others.contains(path) { Ok(true) } else { output() }
    }
}
