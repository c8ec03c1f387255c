//! Products of ledgers up to layout 3, which had other names for the same bytes.

use super::{Fingerprint, Ledger, LedgerError};
use rusqlite::params;
use std::collections::BTreeMap;

impl Ledger {
    /// Gives products that were made before layout 4 their present names, once. `names` has, for each name of then, the
    /// present one; `plan` are the digests of all that was asked for, then and now. What it does not name was made by other
    /// settings, and stays what it is: unknown.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn rename(
        &mut self,
        names: &BTreeMap<Fingerprint, Fingerprint>,
        (before, now): (&Fingerprint, &Fingerprint),
    ) -> Result<(), LedgerError> {
        if self.meta("named")?.as_deref() != Some("before") {
            return Ok(());
        }
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            // Outputs refer to products, and both change.
            tx.execute_batch("PRAGMA defer_foreign_keys=ON;")?;
            for (before, now) in names {
                for table in ["products", "outputs"] {
                    let sql = format!("UPDATE OR IGNORE {table} SET fingerprint = ?2 WHERE fingerprint = ?1");
                    tx.execute(&sql, params![before, now])?;
                }
            }
            tx.execute("UPDATE items SET failed_plan = ?2 WHERE failed_plan = ?1", params![before, now])?;
            tx.execute("DELETE FROM meta WHERE key = 'named'", [])?;
            tx.commit()
        };
        write().map_err(sql)
    }

    /// The same for a ledger that is only read: as if it had been done.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read_renamed(
        &self,
        names: &BTreeMap<Fingerprint, Fingerprint>,
        (before, now): (&Fingerprint, &Fingerprint),
    ) -> Result<(), LedgerError> {
        let layout: i64 = self.db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(self.sql())?;
        if layout > 3 && self.meta("named")?.as_deref() != Some("before") {
            return Ok(());
        }
        let read = || -> rusqlite::Result<()> {
            self.db.execute_batch(
                "CREATE TEMP TABLE renamed(before BLOB PRIMARY KEY, now BLOB) WITHOUT ROWID;",
            )?;
            for (before, now) in names.iter().chain([(before, now)]) {
                self.db.execute("INSERT OR IGNORE INTO renamed VALUES(?1, ?2)", params![before, now])?;
            }
            let name = |column: &str| {
                format!("coalesce((SELECT now FROM renamed WHERE before = {column}), {column})")
            };
            let rows = if layout > 1 { "rows" } else { "1 AS rows" };
            let marks = if layout > 2 { "ignored, vanished" } else { "0 AS ignored, 0 AS vanished" };
            self.db.execute_batch(&format!(
                "DROP VIEW IF EXISTS temp.products; DROP VIEW IF EXISTS temp.items;
                 CREATE TEMP VIEW products AS SELECT item, {} AS fingerprint, payload, {rows} FROM main.products;
                 CREATE TEMP VIEW outputs AS
                   SELECT path, item, {} AS fingerprint, size, mtime_ns, hash FROM main.outputs;
                 CREATE TEMP VIEW items AS SELECT id, path, size, mtime_ns, hash, outcome, error_kind, message,
                   {} AS failed_plan, width, height, channels, bit_depth, format, notes, seconds, {marks} FROM main.items;",
                name("fingerprint"),
                name("fingerprint"),
                name("failed_plan"),
            ))
        };
        read().map_err(self.sql())
    }
}
