//! Numeric work on rows of vectors: neighbours, and what follows from them. Pure: slices in, slices out, on rayon.

mod blocks;
mod clusters;
mod duplicates;
mod facts;
mod hamming;
mod map;
mod nearest;
mod neighbours;
mod pca;
mod points;

pub(crate) use clusters::{clusters, suitable};
pub(crate) use duplicates::{Settings as DuplicateSettings, Verdict, groups, relation};
pub(crate) use facts::Facts;
pub(crate) use map::{epochs, map};
pub use nearest::{Before, nearest, updated};
pub(crate) use neighbours::NOBODY;
pub use neighbours::Neighbours;
pub(crate) use pca::Pca;
pub use points::{Distance, Points};

#[cfg(test)]
mod nearest_tests;
