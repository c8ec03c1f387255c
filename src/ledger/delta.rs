//! The ledger of a shard: what it did, beside the job's ledger as it was, and how that is put into the job's ledger.
//!
//! It begins with what is known of the shard's own items, without their rows; everything else it is asked is answered
//! from the base. What it records is put into the job's ledger by the same writes, so that the two come to the same as
//! if one machine had done it; doing that twice changes nothing.

use super::database::Ledger;
use super::entry::EntryWriter;
use super::error::LedgerError;
use super::record::{Entry, Fingerprint, Payload, Record};
use super::records::Side;
use crate::store::Fault;
use rusqlite::config::DbConfig;
use rusqlite::params;
use std::collections::{BTreeSet, HashMap};

/// Marks what a ledger was filled with. Products from the base have no rows here, which their number says; what is made
/// replaces it. Inputs that are recorded from now on are remembered, with how they had failed in the base. (`OR IGNORE` in
/// a trigger would give way to what the statement that fires it says of conflicts.)
const MARKS: &str = "
UPDATE products SET rows = -1;
CREATE TABLE touched(path BLOB PRIMARY KEY, error_kind TEXT, size INTEGER, mtime_ns INTEGER, hash BLOB) WITHOUT ROWID;
CREATE TRIGGER item_made AFTER INSERT ON items BEGIN
  INSERT INTO touched SELECT NEW.path, NULL, NULL, NULL, NULL
    WHERE NOT EXISTS (SELECT 1 FROM touched WHERE path = NEW.path); END;
CREATE TRIGGER item_changed AFTER UPDATE ON items BEGIN
  INSERT INTO touched SELECT NEW.path, OLD.error_kind, OLD.size, OLD.mtime_ns, OLD.hash
    WHERE NOT EXISTS (SELECT 1 FROM touched WHERE path = NEW.path); END;
INSERT OR REPLACE INTO meta VALUES('filled', 'yes');";

/// What is taken over from the base later, such as of an input that was missing when the ledger was filled.
const MARK_LATE: [&str; 2] = [
    "UPDATE products SET rows = -1 WHERE item = (SELECT id FROM items WHERE path = ?1)",
    "DELETE FROM touched WHERE path = ?1",
];

/// Entries that are put into the job's ledger at once.
const AT_ONCE: usize = 2048;

impl Ledger {
    /// Makes a ledger, just opened, that of a shard with these items, by their keys, which are sorted.
    ///
    /// # Errors
    /// When it can't be written, or the base not be read.
    pub fn over(mut self, base: Option<Ledger>, own: &[&[u8]], fault: &Fault) -> Result<Ledger, LedgerError> {
        let (path, sql) = (self.path.clone(), self.sql());
        let io = |source| LedgerError::Io { path: path.clone(), source };
        let filled = self.meta("filled")?.is_some();
        if !filled {
            fault.hit("fill").map_err(io)?;
        }
        // One that is cut off has left nothing: all of it is one transaction.
        let tx = self.db.transaction().map_err(&sql)?;
        let mut writer = EntryWriter::new(&tx).map_err(&sql)?;
        if let Some(base) = &base {
            base.compare(own.iter().copied(), |side| {
                let Side::Known(at, record) = side else { return Ok(()) };
                let path = own[at];
                let known = || tx.prepare_cached("SELECT 1 FROM items WHERE path = ?1")?.exists([path]);
                if filled && known().map_err(&sql)? {
                    return Ok(());
                }
                writer.write(&entry(path, record)).map_err(&sql)?;
                if filled {
                    let mark = |mark: &str| tx.prepare_cached(mark)?.execute([path]).map(drop);
                    MARK_LATE.iter().try_for_each(|text| mark(text)).map_err(&sql)?;
                }
                Ok::<_, LedgerError>(())
            })?;
        }
        drop(writer);
        if !filled {
            tx.execute_batch(MARKS).map_err(&sql)?;
        }
        tx.commit().map_err(&sql)?;
        if !filled {
            fault.hit("filled").map_err(io)?;
        }
        self.base = base.map(Box::new);
        Ok(self)
    }

    /// Brings all that the log holds into the ledger itself, which from then on is written to by this call alone: so that it can
    /// be copied at any time between, with as much of the log as there is, even if its owner sleeps and wakes.
    ///
    /// # Errors
    /// When it can't be written, or is damaged.
    pub fn settle(&self) -> Result<(), LedgerError> {
        let settle = || {
            let sound: String = self.db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
            self.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint=0;")?;
            self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            Ok(sound)
        };
        match settle().map_err(self.sql())? {
            sound if sound == "ok" => Ok(()),
            damage => Err(LedgerError::Io { path: self.path.clone(), source: std::io::Error::other(damage) }),
        }
    }

    /// Records what a shard's ledger has recorded: in place of what is known of its inputs, products that it did not make
    /// are kept. `tell` gets each, and whether it failed as it had before the shards began.
    ///
    /// # Errors
    /// When the one can't be read, or the other not be written; what was put in until then holds.
    pub fn fold(
        &mut self,
        delta: &Ledger,
        fault: &Fault,
        tell: &mut dyn FnMut(&Entry, bool),
    ) -> Result<(), LedgerError> {
        // Cut off before it was filled: it holds nothing.
        if delta.meta("filled")?.is_none() {
            return Ok(());
        }
        if delta.state_lost()? {
            self.set_state_lost(true)?;
        }
        let claims = delta.claims()?;
        self.claim(claims.iter().map(Vec::as_slice))?;
        // Before the records: these take back what they name.
        let announced = delta.announced()?;
        let named = announced
            .iter()
            .flat_map(|(path, files)| files.iter().map(|file| (path.as_slice(), file.clone())));
        self.announce(named)?;
        let mut entries = Vec::new();
        delta.each_touched(|entry, known| {
            tell(&entry, known);
            entries.push(entry);
            if entries.len() == AT_ONCE {
                self.commit(&std::mem::take(&mut entries), fault)?;
            }
            Ok(())
        })?;
        if entries.is_empty() { Ok(()) } else { self.commit(&entries, fault) }
    }

    /// Hands over what was recorded since the ledger was filled, by path.
    fn each_touched(
        &self,
        mut take: impl FnMut(Entry, bool) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let read = || -> rusqlite::Result<Vec<(Vec<u8>, bool)>> {
            let sql = "SELECT t.path, t.error_kind IS i.error_kind AND i.error_kind NOT NULL
                         AND ((t.size = i.size AND t.mtime_ns = i.mtime_ns) OR (t.hash NOT NULL AND t.hash IS i.hash))
                       FROM touched t JOIN items i ON i.path = t.path ORDER BY t.path";
            self.db.prepare(sql)?.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
        };
        let touched = read().map_err(self.sql())?;
        self.compare(touched.iter().map(|(path, _)| path.as_slice()), |side| match side {
            Side::Known(at, record) => {
                let (path, known) = &touched[at];
                let made = self.made(path).map_err(self.sql())?;
                let mut entry = entry(path, record);
                for (product, outputs) in std::mem::take(&mut entry.record.products) {
                    if made.contains_key(&product) {
                        entry.record.products.insert(product, outputs);
                    } else {
                        entry.keep.insert(product);
                        entry.restamp.extend(outputs);
                    }
                }
                entry.payloads = made;
                take(entry, *known)
            }
            Side::Unknown(_) | Side::Other(..) => Ok(()),
        })
    }

    /// The rows of the products that were made of an input.
    fn made(&self, path: &[u8]) -> rusqlite::Result<HashMap<Fingerprint, Payload>> {
        let mut query = self.db.prepare_cached(
            "SELECT p.fingerprint, p.rows, p.payload FROM items i JOIN products p ON p.item = i.id
             WHERE i.path = ?1 AND p.rows >= 0",
        )?;
        let row = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, Payload { rows: r.get(1)?, bytes: r.get(2)? }));
        query.query_map(params![path], row)?.collect()
    }
}

/// Everything that is known of an input, to be recorded elsewhere.
fn entry(path: &[u8], record: Record) -> Entry {
    Entry {
        path: path.to_vec(),
        record,
        payloads: HashMap::new(),
        keep: BTreeSet::new(),
        restamp: Vec::new(),
        withdrawn: Vec::new(),
    }
}
