//! The ledger: what has been done, in SQLite, one transaction a batch. Written by one thread only.

mod database;
mod delta;
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

pub(crate) use database::Ledger;
pub(crate) use error::LedgerError;
pub(crate) use ours::Ours;
pub(crate) use record::{Entry, Facts, Fingerprint, Outcome, Output, PartRecord, Payload, Record, hex};
pub(crate) use records::Side;

#[cfg(test)]
mod tests;
