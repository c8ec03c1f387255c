//! What the ledger knows of the job as a whole, and marks on its inputs.

use super::database::Ledger;
use super::error::LedgerError;
use rusqlite::OptionalExtension;

impl Ledger {
    /// Name of the job that runs into this output; none before its first run.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn owner(&self) -> Result<Option<String>, LedgerError> {
        self.meta("job")
    }

    pub(super) fn meta(&self, key: &str) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT value FROM meta WHERE key = ?1";
        let found = self.db.query_row(sql, [key], |r| r.get(0)).optional().map_err(self.sql())?;
        match (&self.base, found) {
            (Some(base), None) => base.meta(key),
            (_, found) => Ok(found),
        }
    }

    pub(super) fn set_meta(&mut self, key: &str, value: &str) -> Result<(), LedgerError> {
        let write = self.db.execute("INSERT OR REPLACE INTO meta VALUES(?1, ?2)", [key, value]);
        write.map(drop).map_err(self.sql())
    }

    /// Fails when another job runs into this output: each would take the other's files for its own.
    ///
    /// # Errors
    /// [`LedgerError::Owner`], or when the database cannot be read.
    pub fn refuse_other_owner(&self, name: &str) -> Result<(), LedgerError> {
        match self.owner()? {
            Some(owner) if owner != name => Err(LedgerError::Owner { path: self.path.clone(), owner }),
            _ => Ok(()),
        }
    }

    /// Makes this the output of the job `name`.
    ///
    /// # Errors
    /// As [`Ledger::refuse_other_owner`], or when the database cannot be written.
    pub fn adopt(&mut self, name: &str) -> Result<(), LedgerError> {
        self.refuse_other_owner(name)?;
        if self.owner()?.is_some() { Ok(()) } else { self.set_meta("job", name) }
    }

    /// The input of the last run, in the form that it was remembered in.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn input(&self) -> Result<Option<String>, LedgerError> {
        self.meta("input")
    }

    /// Whether files may stand in the output that were written by a shard whose own ledger is lost.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state_lost(&self) -> Result<bool, LedgerError> {
        Ok(self.meta("lost")?.as_deref() == Some("yes"))
    }

    /// Remembers that it may be so, or no more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_state_lost(&mut self, lost: bool) -> Result<(), LedgerError> {
        match self.state_lost()? == lost {
            true => Ok(()),
            false => self.set_meta("lost", if lost { "yes" } else { "no" }),
        }
    }

    /// Remembers the input.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_input(&mut self, input: &str) -> Result<(), LedgerError> {
        if self.input()?.as_deref() == Some(input) { Ok(()) } else { self.set_meta("input", input) }
    }

    /// Acknowledges the failures of these inputs: they no longer count until something changes. Gives how many failed
    /// inputs of these names there are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn ignore(&mut self, paths: &[Vec<u8>]) -> Result<usize, LedgerError> {
        let sql = "UPDATE items SET ignored = 1 WHERE path = ?1 AND outcome = 'failed'";
        self.mark(sql, paths)
    }

    /// Marks these inputs, and no others, as gone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_vanished(&mut self, gone: &[Vec<u8>], back: &[Vec<u8>]) -> Result<(), LedgerError> {
        self.mark("UPDATE items SET vanished = 1 WHERE path = ?1", gone)?;
        self.mark("UPDATE items SET vanished = 0 WHERE path = ?1", back).map(drop)
    }

    fn mark(&mut self, sql: &str, paths: &[Vec<u8>]) -> Result<usize, LedgerError> {
        if paths.is_empty() {
            return Ok(0);
        }
        let error = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            let mut changed = 0;
            for path in paths {
                changed += tx.prepare_cached(sql)?.execute([path])?;
            }
            tx.commit().map(|()| changed)
        };
        write().map_err(error)
    }
}
