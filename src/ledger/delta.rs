//! The ledger of a shard: what it did, beside the job's ledger as it was, and how that is put into the job's ledger.
//!
//! It begins with what is known of the shard's own items, without their rows; everything else it is asked is answered
//! from the base. What it records is put into the job's ledger by the same writes, so that the two come to the same as
//! if one machine had done it; doing that twice changes nothing.

use super::database::Ledger;
use super::entry::EntryWriter;
use super::error::LedgerError;
use super::record::{Entry, Fingerprint, Outcome, Output, Payload, Record};
use super::records::Side;
use crate::store::Fault;
use rusqlite::params;
use std::collections::{BTreeSet, HashMap};

/// Marks what a ledger was filled with. Products from the base have no rows here, which their number says; what is made
/// replaces it. Inputs that are recorded from now on are remembered.
const MARKS: &str = "
UPDATE products SET rows = -1;
CREATE TABLE touched(path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER item_made AFTER INSERT ON items BEGIN INSERT OR IGNORE INTO touched VALUES(NEW.path); END;
CREATE TRIGGER item_changed AFTER UPDATE ON items BEGIN INSERT OR IGNORE INTO touched VALUES(NEW.path); END;
INSERT OR REPLACE INTO meta VALUES('filled', 'yes');";

/// Entries that are put into the job's ledger at once.
const AT_ONCE: usize = 2048;

/// What a shard's ledger brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Items done.
    pub done: usize,
    /// Items that failed.
    pub failed: usize,
    /// Input bytes of those done.
    pub bytes: u64,
    /// Input pixels of those done.
    pub pixels: u64,
}

impl Ledger {
    /// Makes a ledger, just opened, that of a shard with these items, by their keys, which are sorted.
    ///
    /// # Errors
    /// When it can't be written, or the base not be read.
    pub fn over(mut self, base: Option<Ledger>, own: &[&[u8]], fault: &Fault) -> Result<Ledger, LedgerError> {
        let (path, sql) = (self.path.clone(), self.sql());
        let io = |source| LedgerError::Io { path: path.clone(), source };
        if self.meta("filled")?.is_none() {
            fault.hit("fill").map_err(io)?;
            // One that is cut off has left nothing: all of it is one transaction.
            let tx = self.db.transaction().map_err(&sql)?;
            let mut writer = EntryWriter::new(&tx).map_err(&sql)?;
            if let Some(base) = &base {
                base.compare(own.iter().copied(), |side| match side {
                    Side::Known(at, record) => writer.write(&entry(own[at], record)).map_err(&sql),
                    Side::Unknown(_) | Side::Other(..) => Ok(()),
                })?;
            }
            drop(writer);
            tx.execute_batch(MARKS).and_then(|()| tx.commit()).map_err(&sql)?;
            fault.hit("filled").map_err(io)?;
        }
        self.base = base.map(Box::new);
        Ok(self)
    }

    /// Records what a shard's ledger has recorded: in place of what is known of its inputs, products that it did not make
    /// are kept.
    ///
    /// # Errors
    /// When the one can't be read, or the other not be written; what was put in until then holds.
    pub fn fold(&mut self, delta: &Ledger, fault: &Fault) -> Result<Folded, LedgerError> {
        let mut folded = Folded::default();
        // Cut off before it was filled: it holds nothing.
        if delta.meta("filled")?.is_none() {
            return Ok(folded);
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
        delta.each_touched(|entry| {
            match &entry.record.outcome {
                Outcome::Done(facts) => {
                    folded.done += 1;
                    folded.bytes += entry.record.size;
                    folded.pixels += u64::from(facts.width) * u64::from(facts.height);
                }
                Outcome::Failed { .. } => folded.failed += 1,
            }
            entries.push(entry);
            if entries.len() == AT_ONCE {
                self.commit(&std::mem::take(&mut entries), fault)?;
            }
            Ok(())
        })?;
        if !entries.is_empty() {
            self.commit(&entries, fault)?;
        }
        Ok(folded)
    }

    /// Hands over what was recorded since the ledger was filled, by path.
    fn each_touched(
        &self,
        mut take: impl FnMut(Entry) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let read = || -> rusqlite::Result<Vec<Vec<u8>>> {
            self.db.prepare("SELECT path FROM touched ORDER BY path")?.query_map([], |r| r.get(0))?.collect()
        };
        let touched = read().map_err(self.sql())?;
        self.compare(touched.iter().map(Vec::as_slice), |side| match side {
            Side::Known(at, record) => {
                let made = self.made(&touched[at]).map_err(self.sql())?;
                let mut entry = entry(&touched[at], record);
                let products = std::mem::take(&mut entry.record.products);
                for (product, outputs) in products {
                    if made.contains_key(&product) {
                        entry.record.products.insert(product, outputs);
                    } else {
                        entry.keep.insert(product);
                        entry.restamp.extend(outputs);
                    }
                }
                entry.payloads = made;
                take(entry)
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
