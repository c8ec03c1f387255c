//! The sinks: where samples and rows leave the chain. Registered with the steps.

pub mod pairs;
pub mod parquet;
pub mod parts;
pub mod rows;
pub mod table;
pub mod write;

use std::path::Path;

/// Whether one relative folder is, or lies inside, the other.
pub fn overlaps(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}
