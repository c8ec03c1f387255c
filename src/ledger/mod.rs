//! The ledger: what has been done, in SQLite, one transaction a batch. Written by one thread only.

mod entry;
mod meta;
mod outputs;
mod read;
mod record;
mod records;
mod rename;

pub use record::{Entry, Facts, Fingerprint, Outcome, Output, PartRecord, Payload, Record};
pub use records::Side;

use crate::shown::Show;
use crate::store::names::LEDGER_FILE;
use crate::store::{Fault, LockError, Stamp, Store};
use entry::EntryWriter;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::collections::HashMap;
use std::path::PathBuf;

/// A ledger that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused.
    #[error("ledger {}: {source}; if it is damaged, move the whole output folder away and run again", path.shown())]
    Sql {
        /// Database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// Written by another version.
    #[error("ledger {} has layout {found}, this program reads layout {LAYOUT}; use the version that wrote it or choose another output", path.shown())]
    Layout {
        /// Database file.
        path: PathBuf,
        /// Layout found.
        found: i64,
    },
    /// Another job's.
    #[error("the output already holds the results of the job `{owner}` ({}); give this job an output of its own, or the same `name` if it is the same job", path.shown())]
    Owner {
        /// Database file.
        path: PathBuf,
        /// The job it belongs to.
        owner: String,
    },
    /// Its file is not safelight's own, or can't be looked at.
    #[error(transparent)]
    File(#[from] LockError),
    /// Its file can't be read or written.
    #[error("ledger {}: {source}", path.shown())]
    Io {
        /// Database file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

const LAYOUT: i64 = 4;
/// From the layout of each place, counted from 1, to the next. The first had one row an input and no shards; the second
/// knew no acknowledged failures and claimed names without saying what would stand there; the third named products by
/// texts in forms of Rust's ([`Ledger::rename`] gives them the present names, since that takes a plan).
const UPGRADES: [&str; 3] = [
    "ALTER TABLE products ADD COLUMN rows INTEGER NOT NULL DEFAULT 1;
     ALTER TABLE parts ADD COLUMN digest TEXT NOT NULL DEFAULT '';",
    "ALTER TABLE items ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE items ADD COLUMN vanished INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE announced(path BLOB NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL,
       PRIMARY KEY(path, hash)) WITHOUT ROWID;",
    "INSERT OR REPLACE INTO meta VALUES('named', 'before');",
];
const SCHEMA: &str = "
CREATE TABLE items(
  id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB,
  outcome TEXT NOT NULL, error_kind TEXT, message TEXT, failed_plan BLOB,
  width INTEGER, height INTEGER, channels INTEGER, bit_depth INTEGER, format TEXT,
  notes TEXT NOT NULL, seconds REAL NOT NULL,
  ignored INTEGER NOT NULL DEFAULT 0, vanished INTEGER NOT NULL DEFAULT 0);
CREATE TABLE products(
  item INTEGER NOT NULL REFERENCES items(id) ON DELETE CASCADE, fingerprint BLOB NOT NULL, payload BLOB NOT NULL,
  rows INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY(item, fingerprint)) WITHOUT ROWID;
CREATE TABLE outputs(
  path BLOB PRIMARY KEY, item INTEGER NOT NULL, fingerprint BLOB NOT NULL,
  size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL,
  FOREIGN KEY(item, fingerprint) REFERENCES products(item, fingerprint) ON DELETE CASCADE) WITHOUT ROWID;
CREATE INDEX outputs_by_product ON outputs(item, fingerprint);
CREATE TABLE orphans(path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE claims(path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE announced(
  path BLOB NOT NULL, size INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY(path, hash)) WITHOUT ROWID;
CREATE TABLE parts(
  folder TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL,
  digest TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(folder, name)) WITHOUT ROWID;
";

/// Files that SQLite keeps a ledger in.
const FILES: [&str; 4] = [LEDGER_FILE, "ledger.db-wal", "ledger.db-shm", "ledger.db-journal"];

/// The open ledger of an output folder.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    db: Connection,
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
        Ok(Ledger { path, db })
    }

    fn sql(&self) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        let path = self.path.clone();
        move |source| LedgerError::Sql { path: path.clone(), source }
    }

    /// Everything known, by relative path of the input.
    #[cfg(test)]
    pub fn records(&self) -> Result<HashMap<Vec<u8>, Record>, LedgerError> {
        let mut records = HashMap::new();
        self.each(|path, record| {
            records.insert(path.to_vec(), record);
            Ok::<_, LedgerError>(())
        })?;
        Ok(records)
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
        Ok(Ledger { path: self.path.clone(), db })
    }

    /// Records a batch in one transaction. The files it names have to be published already.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing of the batch is recorded.
    pub fn commit(&mut self, batch: &[Entry], fault: &Fault) -> Result<(), LedgerError> {
        let io = |source| LedgerError::Io { path: self.path.clone(), source };
        fault.hit("record").map_err(io)?;
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            let mut writer = EntryWriter::new(&tx)?;
            for entry in batch {
                writer.write(entry)?;
            }
            drop(writer);
            tx.commit()
        };
        write().map_err(sql)?;
        fault.hit("recorded").map_err(|source| LedgerError::Io { path: self.path.clone(), source })
    }

    /// Row values of one product of one input.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn payload(&self, path: &[u8], fingerprint: &Fingerprint) -> Result<Option<Vec<u8>>, LedgerError> {
        let sql = "SELECT payload FROM products JOIN items ON items.id = products.item
                   WHERE items.path = ?1 AND products.fingerprint = ?2";
        let read =
            || self.db.prepare_cached(sql)?.query_row(params![path, fingerprint], |r| r.get(0)).optional();
        read().map_err(self.sql())
    }

    /// The same for several inputs, sorted by path, in their order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn payloads(
        &self,
        paths: &[&[u8]],
        fingerprint: &Fingerprint,
    ) -> Result<Vec<Option<Vec<u8>>>, LedgerError> {
        let mut found = vec![None; paths.len()];
        let (Some(first), Some(last)) = (paths.first(), paths.last()) else { return Ok(found) };
        let sql = "SELECT items.path, payload FROM items CROSS JOIN products ON products.item = items.id
                   WHERE items.path BETWEEN ?1 AND ?2 AND products.fingerprint = ?3 ORDER BY items.path";
        let mut read = || -> rusqlite::Result<()> {
            let mut query = self.db.prepare_cached(sql)?;
            let mut rows = query.query(params![first, last, fingerprint])?;
            let mut next = 0;
            while let Some(row) = rows.next()? {
                let path = row.get_ref(0)?.as_blob()?;
                while paths.get(next).is_some_and(|wanted| *wanted < path) {
                    next += 1;
                }
                if paths.get(next) == Some(&path) {
                    found[next] = Some(row.get(1)?);
                }
            }
            Ok(())
        };
        read().map_err(self.sql())?;
        Ok(found)
    }

    /// How many rows each input has in a product.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn row_counts(&self, fingerprint: &Fingerprint) -> Result<HashMap<Vec<u8>, usize>, LedgerError> {
        let sql = "SELECT items.path, products.rows FROM products JOIN items ON items.id = products.item
                   WHERE products.fingerprint = ?1";
        let read = || -> rusqlite::Result<HashMap<Vec<u8>, usize>> {
            self.db.prepare(sql)?.query_map([fingerprint], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        };
        read().map_err(self.sql())
    }
}

/// A stamp in three columns from `first` on.
fn stamp(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Stamp> {
    Ok(Stamp { size: row.get(first)?, mtime_ns: row.get(first + 1)?, hash: row.get(first + 2)? })
}

#[cfg(test)]
mod tests;
