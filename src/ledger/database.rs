//! The open database.

use super::error::LedgerError;
use super::layout::{FILES, LAYOUT, SCHEMA, UPGRADES};
use crate::store::names::LEDGER_FILE;
use crate::store::{Stamp, Store};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;

/// The open ledger of an output folder.
#[derive(Debug)]
pub struct Ledger {
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    /// That of a shard: the job's ledger as it was, which says what this one does not.
    pub(super) base: Option<Box<Ledger>>,
}

impl Ledger {
    /// Opens the ledger of an output, creating it when absent.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, has another layout, or is a link to a file elsewhere.
    pub fn open(store: &Store) -> Result<Ledger, LedgerError> {
        let path = store.check_state_files(&FILES, true)?.join(LEDGER_FILE);
        let sql = |source| LedgerError::Sql { path: path.clone(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let db = Connection::open_with_flags(&path, flags).map_err(sql)?;
        // SQLite opens by path: what it opened has to be what stands in the folder held open.
        store.check_state_files(&FILES, true)?;
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
            .map_err(sql)?;
        // Without it, SQLite prepares a statement anew each time that other values are bound to it.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sql)?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sql)?;
        match usize::try_from(found) {
            Ok(0) => {
                let create = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={LAYOUT}; COMMIT;");
                db.execute_batch(&create).map_err(sql)?;
            }
            Ok(found) if found <= UPGRADES.len() => {
                let steps = UPGRADES[found - 1..].concat();
                let upgrade = format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version={LAYOUT}; COMMIT;");
                db.execute_batch(&upgrade).map_err(sql)?;
            }
            _ if found == LAYOUT => {}
            _ => return Err(LedgerError::Layout { path, found }),
        }
        Ok(Ledger { path, db, base: None })
    }

    pub(super) fn sql(&self) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        let path = self.path.clone();
        move |source| LedgerError::Sql { path: path.clone(), source }
    }

    /// The same ledger, opened once more for another thread, to read.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn again(&self) -> Result<Ledger, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let db = Connection::open_with_flags(&self.path, flags).map_err(self.sql())?;
        Ok(Ledger { path: self.path.clone(), db, base: None })
    }
}

/// A stamp in three columns from `first` on.
pub(super) fn stamp(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Stamp> {
    Ok(Stamp { size: row.get(first)?, mtime_ns: row.get(first + 1)?, hash: row.get(first + 2)? })
}
