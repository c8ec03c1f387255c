//! The rows that a sink writes of an input: the columns of all steps before it, put side by side.

use super::SinkError;
use crate::columns::{self, Column, Row, Value};
use crate::ledger::{Fingerprint, Ledger, LedgerError, Record};
use crate::shown::Show;

/// Inputs whose rows are read from the ledger at once.
const AT_ONCE: usize = 512;

/// Some columns of the rows, as one product of the ledger.
#[derive(Clone, Debug)]
struct Group {
    product: Fingerprint,
    columns: Vec<Column>,
    /// One row for each sample of an input, not one for all.
    many: bool,
    /// Made by a step that takes pages apart: before its columns stands which page a row is of, from 1.
    of_page: bool,
}

/// The columns that steps make, in order.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    groups: Vec<Group>,
    /// The last step that makes several samples of one.
    fan: Option<Fingerprint>,
}

impl Rows {
    /// No columns, one row for each input.
    pub(crate) fn none() -> Rows {
        Rows { groups: Vec::new(), fan: None }
    }

    /// Adds the columns that a step makes under `product`, behind those that are there. `many` says that it makes
    /// several samples of one.
    pub(crate) fn add(&mut self, product: Option<Fingerprint>, columns: Vec<Column>, many: bool) {
        let of_page = many && self.fan.is_some();
        if many {
            self.fan = product;
        }
        if let (Some(product), false) = (product, columns.is_empty()) {
            self.groups.push(Group { product, columns, many: self.fan.is_some(), of_page });
        }
    }

    /// These and the columns that a sink keeps for itself.
    #[must_use]
    pub(crate) fn with(mut self, product: Fingerprint, columns: Vec<Column>) -> Rows {
        self.groups.push(Group { product, columns, many: self.fan.is_some(), of_page: false });
        self
    }

    /// The columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.groups.iter().flat_map(|g| &g.columns)
    }

    /// The products they come from.
    pub(crate) fn products(&self) -> impl Iterator<Item = &Fingerprint> {
        self.groups.iter().map(|g| &g.product)
    }

    /// The product whose row count is that of an input; none where each input has one row.
    pub(crate) fn counted_by(&self) -> Option<&Fingerprint> {
        self.fan.as_ref()
    }

    /// Whether the ledger holds all of them for this input.
    pub(crate) fn complete(&self, record: &Record) -> bool {
        self.products().all(|p| record.products.contains_key(p))
    }

    /// The rows of the input at `path`.
    ///
    /// # Errors
    /// When the ledger can't be read or is damaged.
    pub(crate) fn of(&self, ledger: &Ledger, path: &[u8]) -> Result<Vec<Row>, SinkError> {
        let payload = |group: &Group| Ok(ledger.payload(path, &group.product)?.unwrap_or_default());
        let payloads: Vec<_> = self.groups.iter().map(payload).collect::<Result<_, LedgerError>>()?;
        self.join(path, &payloads)
    }

    /// Hands over the rows of each of the inputs at `paths`, which are sorted.
    ///
    /// # Errors
    /// As [`Rows::of`], and those of `take`.
    pub(crate) fn each(
        &self,
        ledger: &Ledger,
        paths: &[&[u8]],
        mut take: impl FnMut(usize, Vec<Row>) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        for (number, paths) in paths.chunks(AT_ONCE).enumerate() {
            let mut payloads = vec![Vec::with_capacity(self.groups.len()); paths.len()];
            for group in &self.groups {
                let found = ledger.payloads(paths, &group.product)?;
                payloads.iter_mut().zip(found).for_each(|(all, one)| all.push(one.unwrap_or_default()));
            }
            for (index, (path, payloads)) in paths.iter().zip(&payloads).enumerate() {
                take(number * AT_ONCE + index, self.join(path, payloads)?)?;
            }
        }
        Ok(())
    }

    /// The rows of the input at `path` from what the ledger keeps of each group.
    fn join(&self, path: &[u8], payloads: &[Vec<u8>]) -> Result<Vec<Row>, SinkError> {
        let damaged = || SinkError::Table {
            folder: path.shown().to_string(),
            message: "the ledger is damaged; move the whole output folder away and run again".into(),
        };
        let mut rows: Option<Vec<Row>> = None;
        let mut shared = Vec::new();
        for (group, payload) in self.groups.iter().zip(payloads) {
            let values = columns::decode(payload).ok_or_else(damaged)?;
            let width = group.columns.len() + usize::from(group.of_page);
            let count = values.len() / width;
            if let Some(pages) = rows.take_if(|_| group.of_page) {
                let taken = values.chunks_exact(width).map(|row| {
                    let (page, own) = row.split_first()?;
                    let Value::Int(page) = page else { return None };
                    let page = pages.get(usize::try_from(*page).ok()?.checked_sub(1)?)?;
                    Some(page.iter().chain(own).cloned().collect())
                });
                rows = Some(taken.collect::<Option<Vec<Row>>>().ok_or_else(damaged)?);
                continue;
            }
            let fits = if group.many { rows.as_ref().is_none_or(|r| r.len() == count) } else { count == 1 };
            if !fits || values.len() % width != 0 {
                return Err(damaged());
            }
            if group.many {
                let rows = rows.get_or_insert_with(|| vec![shared.clone(); count]);
                let mut values = values.into_iter();
                rows.iter_mut().for_each(|row| row.extend(values.by_ref().take(width)));
            } else {
                shared.extend(values);
            }
        }
        Ok(rows.unwrap_or_else(|| vec![shared]))
    }
}
