//! Reading the row values of products.

use super::database::Ledger;
use super::error::LedgerError;
use super::record::Fingerprint;
use rusqlite::{OptionalExtension, params};
use std::collections::HashMap;

impl Ledger {
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
