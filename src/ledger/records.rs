//! Reading what is known of inputs: one by one, in the order of their paths, never all at once.

use super::database::{Ledger, stamp};
use super::error::LedgerError;
use super::record::{Facts, Fingerprint, Outcome, Output, Record};
use crate::error::{ErrorKind, ItemError};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Rows, params};
use std::collections::BTreeMap;

/// An input itself.
const ITEM: &str =
    "i.id, i.path, i.size, i.mtime_ns, i.hash, i.outcome, i.error_kind, i.message, i.failed_plan,
   i.width, i.height, i.channels, i.bit_depth, i.format, i.notes, i.seconds, i.ignored, i.vanished";

/// What was made of it, a row for each output.
const MADE: &str = "p.fingerprint, o.path, o.size, o.mtime_ns, o.hash
 FROM items i LEFT JOIN products p ON p.item = i.id
   LEFT JOIN outputs o ON o.item = p.item AND o.fingerprint = p.fingerprint";

/// A key and what the ledger holds of it, or either alone.
#[derive(Debug)]
pub enum Side<'a> {
    /// The key of this number is not known.
    Unknown(usize),
    /// The key of this number is known.
    Known(usize, Record),
    /// An input that is none of the keys.
    Other(&'a [u8], Record),
}

impl Ledger {
    /// Everything known, by relative path of the input.
    #[cfg(test)]
    pub fn records(&self) -> Result<std::collections::HashMap<Vec<u8>, Record>, LedgerError> {
        let mut records = std::collections::HashMap::new();
        self.each(|path, record| {
            records.insert(path.to_vec(), record);
            Ok::<_, LedgerError>(())
        })?;
        Ok(records)
    }

    /// Hands over all that is known, in the order of the paths' bytes.
    ///
    /// # Errors
    /// When the database cannot be read, and those of `take`.
    pub fn each<E: From<LedgerError>>(
        &self,
        take: impl FnMut(&[u8], Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!("SELECT {ITEM}, {MADE} ORDER BY i.path");
        let mut query = self.db.prepare(&sql).map_err(|e| E::from(self.sql()(e)))?;
        let rows = query.query([]).map_err(|e| E::from(self.sql()(e)))?;
        self.hand_over(rows, take)
    }

    /// The same for paths from `first` to `last`.
    ///
    /// # Errors
    /// As [`Ledger::each`].
    pub fn each_between<E: From<LedgerError>>(
        &self,
        (first, last): (&[u8], &[u8]),
        take: impl FnMut(&[u8], Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!("SELECT {ITEM}, {MADE} WHERE i.path BETWEEN ?1 AND ?2 ORDER BY i.path");
        let mut query = self.db.prepare_cached(&sql).map_err(|e| E::from(self.sql()(e)))?;
        let rows = query.query(params![first, last]).map_err(|e| E::from(self.sql()(e)))?;
        self.hand_over(rows, take)
    }

    /// The same without what was made of them.
    ///
    /// # Errors
    /// As [`Ledger::each`].
    pub fn items_between<E: From<LedgerError>>(
        &self,
        (first, last): (&[u8], &[u8]),
        mut take: impl FnMut(&[u8], Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |e| E::from(self.sql()(e));
        let sql = format!("SELECT {ITEM} FROM items i WHERE i.path BETWEEN ?1 AND ?2 ORDER BY i.path");
        let mut query = self.db.prepare_cached(&sql).map_err(failed)?;
        let mut rows = query.query(params![first, last]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let path = row.get_ref(1).map_err(failed)?.as_blob().map_err(|e| failed(e.into()))?;
            take(path, item(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// What is known of one input.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn record(&self, path: &[u8]) -> Result<Option<Record>, LedgerError> {
        let mut found = None;
        self.each_between((path, path), |_, record| {
            found = Some(record);
            Ok::<_, LedgerError>(())
        })?;
        match (&self.base, found) {
            (Some(base), None) => base.record(path),
            (_, found) => Ok(found),
        }
    }

    /// Goes through `keys`, which are sorted, and all that is known, side by side.
    ///
    /// # Errors
    /// As [`Ledger::each`].
    pub fn compare<'k, E: From<LedgerError>>(
        &self,
        keys: impl Iterator<Item = &'k [u8]>,
        mut take: impl FnMut(Side<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut keys = keys.enumerate().peekable();
        self.each(|path, record| {
            while let Some((at, _)) = keys.next_if(|(_, key)| *key < path) {
                take(Side::Unknown(at))?;
            }
            // A list may name one twice.
            let mut listed = false;
            while let Some((at, _)) = keys.next_if(|(_, key)| *key == path) {
                listed = true;
                take(Side::Known(at, record.clone()))?;
            }
            if listed { Ok(()) } else { take(Side::Other(path, record)) }
        })?;
        keys.try_for_each(|(at, _)| take(Side::Unknown(at)))
    }

    /// The input that has an output of this path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn owner_of(&self, path: &[u8]) -> Result<Option<Vec<u8>>, LedgerError> {
        let sql = "SELECT i.path FROM outputs o JOIN items i ON i.id = o.item WHERE o.path = ?1";
        let found = || self.db.prepare_cached(sql)?.query_row([path], |r| r.get(0)).optional();
        match (&self.base, found().map_err(self.sql())?) {
            (Some(base), None) => base.owner_of(path),
            (_, found) => Ok(found),
        }
    }

    /// Whether an output of any input has this path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_output(&self, path: &[u8]) -> Result<bool, LedgerError> {
        let sql = "SELECT 1 FROM outputs WHERE path = ?1";
        let found = || self.db.prepare_cached(sql)?.query_row([path], |_| Ok(())).optional();
        let found = found().map_err(self.sql())?.is_some();
        match &self.base {
            Some(base) if !found => base.has_output(path),
            _ => Ok(found),
        }
    }

    fn hand_over<E: From<LedgerError>>(
        &self,
        mut rows: Rows<'_>,
        mut take: impl FnMut(&[u8], Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |e| E::from(self.sql()(e));
        let mut open: Option<(i64, Vec<u8>, Record)> = None;
        while let Some(row) = rows.next().map_err(failed)? {
            let id: i64 = row.get(0).map_err(failed)?;
            if open.as_ref().is_none_or(|(known, ..)| *known != id) {
                if let Some((_, path, record)) = open.take() {
                    take(&path, record)?;
                }
                open = Some((id, row.get(1).map_err(failed)?, item(row).map_err(failed)?));
            }
            if let Some((_, _, record)) = &mut open {
                product(row, &mut record.products).map_err(failed)?;
            }
        }
        match open {
            Some((_, path, record)) => take(&path, record),
            None => Ok(()),
        }
    }
}

/// An input without its products.
fn item(row: &Row<'_>) -> rusqlite::Result<Record> {
    let facts = || -> rusqlite::Result<Facts> {
        Ok(Facts {
            width: row.get(9)?,
            height: row.get(10)?,
            channels: row.get(11)?,
            bit_depth: row.get(12)?,
            format: row.get(13)?,
        })
    };
    let mut last = None;
    let outcome = if row.get_ref(5)? == ValueRef::Text(b"done") {
        Outcome::Done(facts()?)
    } else {
        if row.get_ref(9)? != ValueRef::Null {
            last = Some(facts()?);
        }
        let kind = row.get::<_, String>(6)?;
        let kind = ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Panic);
        Outcome::Failed { error: ItemError::new(kind, row.get::<_, String>(7)?), plan: row.get(8)? }
    };
    let notes = row.get_ref(14)?.as_str()?;
    Ok(Record {
        size: row.get(2)?,
        mtime_ns: row.get(3)?,
        hash: row.get(4)?,
        outcome,
        notes: notes.lines().map(str::to_string).collect(),
        seconds: row.get(15)?,
        products: BTreeMap::new(),
        last,
        ignored: row.get(16)?,
        vanished: row.get(17)?,
    })
}

/// Adds a row's product and its output, where there are such.
fn product(row: &Row<'_>, products: &mut BTreeMap<Fingerprint, Vec<Output>>) -> rusqlite::Result<()> {
    let Some(fingerprint) = row.get::<_, Option<Fingerprint>>(18)? else { return Ok(()) };
    let outputs = products.entry(fingerprint).or_default();
    if let Some(path) = row.get(19)? {
        outputs.push(Output { path, stamp: stamp(row, 20)? });
        // They come sorted, as the index has them.
        if let [.., before, last] = &outputs[..]
            && before.path > last.path
        {
            outputs.sort_by(|a, b| a.path.cmp(&b.path));
        }
    }
    Ok(())
}
