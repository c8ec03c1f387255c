//! Writing one input's record: its products and outputs replaced, what they displace remembered.

use super::database::Ledger;
use super::error::LedgerError;
use super::record::{Entry, Fingerprint, Outcome, Output};
use crate::store::Fault;
use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};

impl Ledger {
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
}

/// Writes the entries of a batch within its transaction.
pub(super) struct EntryWriter<'a> {
    tx: &'a Transaction<'a>,
    /// Number of the newest item; one with a larger number is new and has no products.
    newest: i64,
    item: CachedStatement<'a>,
    known: CachedStatement<'a>,
    update: CachedStatement<'a>,
    products: CachedStatement<'a>,
    product: CachedStatement<'a>,
}

impl<'a> EntryWriter<'a> {
    pub(super) fn new(tx: &'a Transaction<'_>) -> rusqlite::Result<EntryWriter<'a>> {
        let newest = tx.query_row("SELECT ifnull(max(id), 0) FROM items", [], |r| r.get(0))?;
        let item = tx.prepare_cached(
            "INSERT INTO items(path, size, mtime_ns, hash, outcome, error_kind, message, failed_plan,
               width, height, channels, bit_depth, format, notes, seconds, ignored)
             VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)
             ON CONFLICT(path) DO NOTHING",
        )?;
        // `RETURNING` would make a table of its own for each.
        let known = tx.prepare_cached("SELECT id FROM items WHERE path = ?1")?;
        let update = tx.prepare_cached(
            "UPDATE items SET size=?2, mtime_ns=?3, hash=?4, outcome=?5, error_kind=?6, message=?7,
               failed_plan=?8, width=?9, height=?10, channels=?11, bit_depth=?12, format=?13, notes=?14, seconds=?15,
               ignored=?16, vanished=0 WHERE path=?1",
        )?;
        let products = tx.prepare_cached("SELECT fingerprint FROM products WHERE item = ?1")?;
        let product = tx.prepare_cached(
            "INSERT OR REPLACE INTO products(item, fingerprint, payload, rows) VALUES(?1,?2,?3,?4)",
        )?;
        Ok(EntryWriter { tx, newest, item, known, update, products, product })
    }

    pub(super) fn write(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        let record = &entry.record;
        let (outcome, error, plan, facts) = match &record.outcome {
            Outcome::Done(facts) => ("done", None, None, Some(facts)),
            Outcome::Failed { error, plan } => ("failed", Some(error), Some(plan), record.last.as_ref()),
        };
        let notes = record.notes.join("\n");
        let values = params![
            entry.path,
            record.size,
            record.mtime_ns,
            record.hash,
            outcome,
            error.map(|e| e.kind.name()),
            error.map(|e| &e.message),
            plan,
            facts.map(|f| f.width),
            facts.map(|f| f.height),
            facts.map(|f| f.channels),
            facts.map(|f| f.bit_depth),
            facts.map(|f| &f.format),
            notes,
            record.seconds,
            record.ignored,
        ];
        let id: i64 = if self.item.execute(values)? == 1 {
            self.tx.last_insert_rowid()
        } else {
            self.update.execute(values)?;
            self.known.query_row([&entry.path], |r| r.get(0))?
        };
        let tx = self.tx;
        let known: Vec<Fingerprint> = if id > self.newest {
            self.newest = id;
            Vec::new()
        } else {
            self.products.query_map([id], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        for fingerprint in known.iter().filter(|f| !entry.keep.contains(*f)) {
            tx.prepare_cached(
                "INSERT OR REPLACE INTO orphans
                 SELECT path, size, mtime_ns, hash FROM outputs WHERE item = ?1 AND fingerprint = ?2",
            )?
            .execute(params![id, fingerprint])?;
            tx.prepare_cached("DELETE FROM products WHERE item = ?1 AND fingerprint = ?2")?
                .execute(params![id, fingerprint])?;
        }
        for path in &entry.withdrawn {
            tx.prepare_cached("DELETE FROM announced WHERE path = ?1")?.execute([path])?;
        }
        for Output { path, stamp } in &entry.restamp {
            tx.prepare_cached("UPDATE outputs SET size = ?2, mtime_ns = ?3 WHERE path = ?1 AND item = ?4")?
                .execute(params![path, stamp.size, stamp.mtime_ns, id])?;
        }
        for (fingerprint, outputs) in &record.products {
            let (rows, bytes) = entry.payloads.get(fingerprint).map_or((0, &[][..]), |p| (p.rows, &p.bytes));
            self.product.execute(params![id, fingerprint, bytes, rows])?;
            for Output { path, stamp } in outputs {
                self.take_over(path, id)?;
                tx.prepare_cached("INSERT OR REPLACE INTO outputs VALUES(?1,?2,?3,?4,?5,?6)")?
                    .execute(params![path, id, fingerprint, stamp.size, stamp.mtime_ns, stamp.hash])?;
                tx.prepare_cached("DELETE FROM claims WHERE path = ?1")?.execute([path])?;
                tx.prepare_cached("DELETE FROM announced WHERE path = ?1")?.execute([path])?;
                tx.prepare_cached("DELETE FROM orphans WHERE path = ?1")?.execute([path])?;
            }
        }
        Ok(())
    }

    /// Where another input's output had this name, as one that has vanished may have, it has it no more: that product is
    /// gone, and its other files are left over.
    fn take_over(&self, path: &[u8], id: i64) -> rusqlite::Result<()> {
        let tx = self.tx;
        let mut owner =
            tx.prepare_cached("SELECT item, fingerprint FROM outputs WHERE path = ?1 AND item <> ?2")?;
        let found =
            owner.query_row(params![path, id], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Fingerprint>(1)?)));
        let Some((item, fingerprint)) = found.optional()? else { return Ok(()) };
        tx.prepare_cached(
            "INSERT OR REPLACE INTO orphans
             SELECT path, size, mtime_ns, hash FROM outputs WHERE item = ?1 AND fingerprint = ?2 AND path <> ?3",
        )?
        .execute(params![item, fingerprint, path])?;
        tx.prepare_cached("DELETE FROM products WHERE item = ?1 AND fingerprint = ?2")?
            .execute(params![item, fingerprint])?;
        Ok(())
    }
}
