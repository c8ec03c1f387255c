//! What the ledger keeps of a pair.

use crate::columns::{Column, ColumnType, Row, Value};
use crate::ledger::Output;

/// The splits, in the order they are documented.
pub(super) const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// Columns the sink keeps for itself: split, names relative to the split's folder, and for shards the
/// bytes of each file in the fragment.
pub(super) fn columns() -> Vec<Column> {
    let text = |name: &str| Column::new(name, ColumnType::Text);
    let int = |name: &str| Column::new(name, ColumnType::Int);
    vec![text("split"), text("noisy"), text("clean"), int("noisy_bytes"), int("clean_bytes")]
}

/// The values of [`columns`] of a pair; `lengths` are the bytes of its two files in the fragment.
pub(super) fn of(split: &str, noisy: &str, clean: &str, lengths: (usize, usize)) -> Row {
    let int = |n: usize| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    let text = |t: &str| Value::Text(t.to_string());
    vec![text(split), text(noisy), text(clean), int(lengths.0), int(lengths.1)]
}

/// What is kept of a pair that a condition refused: no values.
pub(super) fn refused() -> Row {
    vec![Value::Null; columns().len()]
}

/// Whether a row is of such a pair.
pub(super) fn is_refused(row: &Row) -> bool {
    row.ends_with(&refused())
}

/// The values of [`columns`] at the end of a row, and those before them.
pub(super) struct Own<'a> {
    pub(super) split: &'a str,
    pub(super) noisy: &'a str,
    pub(super) clean: &'a str,
    pub(super) lengths: (u64, u64),
    pub(super) others: &'a [Value],
}

impl Own<'_> {
    pub(super) fn of(row: &Row) -> Option<Own<'_>> {
        let (others, own) = row.split_at_checked(row.len().checked_sub(5)?)?;
        let [Value::Text(split), Value::Text(noisy), Value::Text(clean), Value::Int(a), Value::Int(b)] = own
        else {
            return None;
        };
        Some(Own { split, noisy, clean, lengths: (u64::try_from(*a).ok()?, u64::try_from(*b).ok()?), others })
    }
}

/// An input whose pairs are there.
pub(super) struct Source<'a> {
    pub(super) path: &'a [u8],
    /// The first file of its pairs; of shards, the only one.
    pub(super) output: Option<Output>,
}
