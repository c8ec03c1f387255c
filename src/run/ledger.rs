//! The ledger: what has been done, in SQLite, one transaction a batch. Written by one thread only.

mod entry;
mod read;

pub use super::record::{Entry, Facts, Fingerprint, Outcome, Output, PartRecord, Payload, Record};

use crate::error::{ErrorKind, ItemError};
use crate::store::{Fault, STATE_FOLDER, Stamp};
use entry::EntryWriter;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A ledger that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite refused.
    #[error("ledger {}: {source}; if it is damaged, move the whole output folder away and run again", path.display())]
    Sql {
        /// Database file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },
    /// Written by another version.
    #[error("ledger {} has layout {found}, this program reads layout {LAYOUT}; use the version that wrote it or choose another output", path.display())]
    Layout {
        /// Database file.
        path: PathBuf,
        /// Layout found.
        found: i64,
    },
    /// Another job's.
    #[error("the output already holds the results of the job `{owner}` ({}); give this job an output of its own, or the same `name` if it is the same job", path.display())]
    Owner {
        /// Database file.
        path: PathBuf,
        /// The job it belongs to.
        owner: String,
    },
    /// A planted fault.
    #[error("ledger {}: {source}", path.display())]
    Io {
        /// Database file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

const LAYOUT: i64 = 3;
/// From layout 1, which had one row an input and no shards.
const UPGRADE: &str = "
ALTER TABLE products ADD COLUMN rows INTEGER NOT NULL DEFAULT 1;
ALTER TABLE parts ADD COLUMN digest TEXT NOT NULL DEFAULT '';
";
/// From layout 2, which knew of no acknowledged failures.
const UPGRADE_2: &str = "ALTER TABLE items ADD COLUMN ignored INTEGER NOT NULL DEFAULT 0;";
const SCHEMA: &str = "
CREATE TABLE items(
  id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB,
  outcome TEXT NOT NULL, error_kind TEXT, message TEXT, failed_plan BLOB,
  width INTEGER, height INTEGER, channels INTEGER, bit_depth INTEGER, format TEXT,
  notes TEXT NOT NULL, seconds REAL NOT NULL, ignored INTEGER NOT NULL DEFAULT 0);
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
CREATE TABLE parts(
  folder TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, hash BLOB NOT NULL,
  digest TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(folder, name)) WITHOUT ROWID;
";

/// The open ledger of an output folder.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    db: Connection,
}

impl Ledger {
    /// Opens the ledger in the output folder `root`, creating it when absent.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, or has another layout.
    pub fn open(root: &Path) -> Result<Ledger, LedgerError> {
        let path = root.join(STATE_FOLDER).join("ledger.db");
        let sql = |source| LedgerError::Sql { path: path.clone(), source };
        let db = Connection::open(&path).map_err(sql)?;
        db.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
            .map_err(sql)?;
        // Without it, SQLite prepares a statement anew each time that other values are bound to it.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sql)?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sql)?;
        if found == 0 {
            let create = format!("BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={LAYOUT}; COMMIT;");
            db.execute_batch(&create).map_err(sql)?;
        } else if found < LAYOUT {
            let first = if found == 1 { UPGRADE } else { "" };
            let upgrade =
                format!("BEGIN IMMEDIATE; {first} {UPGRADE_2} PRAGMA user_version={LAYOUT}; COMMIT;");
            db.execute_batch(&upgrade).map_err(sql)?;
        } else if found != LAYOUT {
            return Err(LedgerError::Layout { path, found });
        }
        Ok(Ledger { path, db })
    }

    fn sql(&self) -> impl Fn(rusqlite::Error) -> LedgerError + use<> {
        let path = self.path.clone();
        move |source| LedgerError::Sql { path: path.clone(), source }
    }

    /// Name of the job that runs into this output; none before its first run.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn owner(&self) -> Result<Option<String>, LedgerError> {
        let read =
            || self.db.query_row("SELECT value FROM meta WHERE key = 'job'", [], |r| r.get(0)).optional();
        read().map_err(self.sql())
    }

    /// Makes this the output of the job `name`.
    ///
    /// # Errors
    /// [`LedgerError::Owner`] when another job runs into it: each would take the other's files for its own.
    pub fn adopt(&mut self, name: &str) -> Result<(), LedgerError> {
        match self.owner()? {
            Some(owner) if owner != name => Err(LedgerError::Owner { path: self.path.clone(), owner }),
            Some(_) => Ok(()),
            None => {
                let write = self.db.execute("INSERT INTO meta VALUES('job', ?1)", [name]);
                write.map(drop).map_err(self.sql())
            }
        }
    }

    /// Everything known, by relative path of the input.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn records(&self) -> Result<HashMap<Vec<u8>, Record>, LedgerError> {
        self.read_records().map_err(self.sql())
    }

    fn read_records(&self) -> rusqlite::Result<HashMap<Vec<u8>, Record>> {
        let mut outputs: HashMap<i64, Vec<(Fingerprint, Output)>> = HashMap::new();
        let mut query = self
            .db
            .prepare("SELECT item, fingerprint, path, size, mtime_ns, hash FROM outputs ORDER BY path")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let stamp = Stamp { size: row.get(3)?, mtime_ns: row.get(4)?, hash: row.get(5)? };
            let output = Output { path: row.get(2)?, stamp };
            outputs.entry(row.get(0)?).or_default().push((row.get(1)?, output));
        }
        // Read side by side with the items, both by the item's number.
        let mut query = self.db.prepare("SELECT item, fingerprint FROM products ORDER BY item")?;
        let product = |r: &rusqlite::Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, Fingerprint>(1)?));
        let mut products = query.query_map([], product)?.peekable();
        let count: usize = self.db.query_row("SELECT count(*) FROM items", [], |r| r.get(0))?;
        let mut query = self.db.prepare(
            "SELECT id, path, size, mtime_ns, hash, outcome, error_kind, message, failed_plan,
             width, height, channels, bit_depth, format, notes, seconds, ignored FROM items ORDER BY id",
        )?;
        let mut rows = query.query([])?;
        let mut records = HashMap::with_capacity(count);
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let outcome = if row.get::<_, String>(5)? == "done" {
                Outcome::Done(Facts {
                    width: row.get(9)?,
                    height: row.get(10)?,
                    channels: row.get(11)?,
                    bit_depth: row.get(12)?,
                    format: row.get(13)?,
                })
            } else {
                let kind = row.get::<_, String>(6)?;
                let kind = ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Panic);
                Outcome::Failed { error: ItemError::new(kind, row.get::<_, String>(7)?), plan: row.get(8)? }
            };
            let mut made: BTreeMap<Fingerprint, Vec<Output>> = BTreeMap::new();
            while let Some(product) = products.next_if(|p| p.as_ref().map_or(true, |(item, _)| *item <= id)) {
                made.insert(product?.1, Vec::new());
            }
            for (fingerprint, output) in outputs.remove(&id).unwrap_or_default() {
                made.entry(fingerprint).or_default().push(output);
            }
            let notes: String = row.get(14)?;
            let record = Record {
                size: row.get(2)?,
                mtime_ns: row.get(3)?,
                hash: row.get(4)?,
                outcome,
                notes: notes.lines().map(str::to_string).collect(),
                seconds: row.get(15)?,
                ignored: row.get(16)?,
                products: made,
            };
            records.insert(row.get(1)?, record);
        }
        Ok(records)
    }

    /// Acknowledges the failures of these inputs; gives how many were not acknowledged before.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn ignore(&mut self, paths: &[Vec<u8>]) -> Result<usize, LedgerError> {
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            let mut changed = 0;
            for path in paths {
                let set =
                    "UPDATE items SET ignored = 1 WHERE path = ?1 AND outcome = 'failed' AND NOT ignored";
                changed += tx.prepare_cached(set)?.execute([path])?;
            }
            tx.commit()?;
            Ok(changed)
        };
        write().map_err(sql)
    }

    /// Output paths this folder's runs have announced and may have written without recording.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn claims(&self) -> Result<BTreeSet<Vec<u8>>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeSet<Vec<u8>>> {
            let mut query = self.db.prepare("SELECT path FROM claims")?;
            query.query_map([], |r| r.get(0))?.collect()
        };
        read().map_err(self.sql())
    }

    /// Announces that these outputs are about to be written.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn claim<'a>(&mut self, paths: impl Iterator<Item = &'a [u8]>) -> Result<(), LedgerError> {
        let sql = self.sql();
        let write = || {
            let tx = self.db.transaction()?;
            {
                let mut insert = tx.prepare("INSERT OR IGNORE INTO claims VALUES(?1)")?;
                for path in paths {
                    insert.execute([path])?;
                }
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// Takes announcements back.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn unclaim(&mut self, paths: &[Vec<u8>]) -> Result<(), LedgerError> {
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            for path in paths {
                tx.prepare_cached("DELETE FROM claims WHERE path = ?1")?.execute([path])?;
            }
            tx.commit()
        };
        write().map_err(sql)
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

    /// Outputs that earlier settings made and the present ones do not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn orphans(&self) -> Result<Vec<Output>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<Output>> {
            let mut query =
                self.db.prepare("SELECT path, size, mtime_ns, hash FROM orphans ORDER BY path")?;
            let row = |r: &rusqlite::Row<'_>| {
                let stamp = Stamp { size: r.get(1)?, mtime_ns: r.get(2)?, hash: r.get(3)? };
                Ok(Output { path: r.get(0)?, stamp })
            };
            query.query_map([], row)?.collect()
        };
        read().map_err(self.sql())
    }

    /// Forgets inputs with all their outputs, and orphaned outputs. The files have to be gone already.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget(&mut self, inputs: &[Vec<u8>], orphans: &[Output]) -> Result<(), LedgerError> {
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            for path in inputs {
                tx.prepare_cached("DELETE FROM items WHERE path = ?1")?.execute([path])?;
            }
            for orphan in orphans {
                tx.prepare_cached("DELETE FROM orphans WHERE path = ?1")?.execute([&orphan.path])?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }

    /// The table parts or shards last published in `folder`, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn parts(&self, folder: &str) -> Result<BTreeMap<String, Stamp>, LedgerError> {
        let read = || -> rusqlite::Result<BTreeMap<String, Stamp>> {
            let mut query =
                self.db.prepare("SELECT name, size, mtime_ns, hash FROM parts WHERE folder = ?1")?;
            query.query_map([folder], |r| Ok((r.get(0)?, stamp(r, 1)?)))?.collect()
        };
        read().map_err(self.sql())
    }

    /// As [`Ledger::parts`], with what each was made of.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn part_records(&self, folder: &str) -> Result<Vec<PartRecord>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<PartRecord>> {
            let sql = "SELECT name, size, mtime_ns, hash, digest FROM parts WHERE folder = ?1 ORDER BY name";
            let row = |r: &rusqlite::Row<'_>| {
                Ok(PartRecord { name: r.get(0)?, stamp: stamp(r, 1)?, digest: r.get(4)? })
            };
            self.db.prepare(sql)?.query_map([folder], row)?.collect()
        };
        read().map_err(self.sql())
    }

    /// Folders of the tables published here.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn part_folders(&self) -> Result<Vec<String>, LedgerError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut query = self.db.prepare("SELECT DISTINCT folder FROM parts ORDER BY folder")?;
            query.query_map([], |r| r.get(0))?.collect()
        };
        read().map_err(self.sql())
    }

    /// Records the parts just published in `folder`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_parts(&mut self, folder: &str, parts: &[PartRecord]) -> Result<(), LedgerError> {
        let sql = self.sql();
        let mut write = || {
            let tx = self.db.transaction()?;
            tx.execute("DELETE FROM parts WHERE folder = ?1", [folder])?;
            for PartRecord { name, digest, stamp } in parts {
                tx.execute(
                    "INSERT INTO parts(folder, name, size, mtime_ns, hash, digest) VALUES(?1,?2,?3,?4,?5,?6)",
                    params![folder, name, stamp.size, stamp.mtime_ns, stamp.hash, digest],
                )?;
            }
            tx.commit()
        };
        write().map_err(sql)
    }
}

/// A stamp in three columns from `first` on.
fn stamp(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Stamp> {
    Ok(Stamp { size: row.get(first)?, mtime_ns: row.get(first + 1)?, hash: row.get(first + 2)? })
}

#[cfg(test)]
mod tests;
