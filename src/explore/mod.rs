//! Looking at a table of vectors: neighbours, a map, clusters, principal components and outliers of its rows, as one file
//! beside it. What was found is kept for the next time, so that new rows are compared with all without doing all again.

mod duplicates;
mod error;
mod file;
mod found;
mod groups;
mod settings;
mod similar;
mod source;
mod state;

pub(crate) use duplicates::LIST;
pub(crate) use error::ExploreError;
pub(crate) use found::{Explored, explore, kept_for};
pub(crate) use settings::{FILE, MOST_NEIGHBOURS, Settings};
pub(crate) use similar::{Asked, Near, Table, Which};
pub(crate) use source::{Source, parts_below};
