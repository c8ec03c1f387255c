//! The ledger: what has been done, in SQLite, one transaction a batch. Written by one thread only.

mod database;
mod entry;
mod error;
mod layout;
mod meta;
mod ours;
mod outputs;
mod payloads;
mod read;
mod record;
mod records;
mod rename;

pub use database::Ledger;
pub use error::LedgerError;
pub use ours::Ours;
pub use record::{Entry, Facts, Fingerprint, Outcome, Output, PartRecord, Payload, Record, hex};
pub use records::Side;

#[cfg(test)]
mod tests;
