//! What is asked for.

use crate::vectors::Distance;

/// Name of the file.
pub(crate) const FILE: &str = "explore.parquet";

/// Most neighbours of a row.
pub(crate) const MOST_NEIGHBOURS: usize = 256;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The column of vectors; the only one, where none is named.
    pub column: Option<String>,
    /// Neighbours of a row.
    pub neighbours: usize,
    /// What "near" means.
    pub distance: Distance,
    /// Principal components.
    pub components: usize,
    /// Clusters; by the number of rows where it is not given.
    pub clusters: Option<usize>,
    /// Of the map, the components and the clusters.
    pub seed: u64,
}

impl Settings {
    /// All that the result follows from beside the table.
    pub(crate) fn text(&self) -> String {
        format!("explore 2 {self:?}")
    }
}
