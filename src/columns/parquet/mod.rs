//! Parquet files: rows that are written, and columns that are read, also those of other programs.

mod groups;
mod read;
mod write;

pub(crate) use read::{Group, ReadError, Reader};
pub(crate) use write::{Stream, Table, TableError};
