//! What the ledger keeps of an input: how it ended, and the products made of it.

use crate::error::ItemError;
use crate::store::{Seen, Stamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

/// Identity of one product of an item: steps, settings, models and seed that its bytes depend on.
pub(crate) type Fingerprint = [u8; 16];

/// Hexadecimal form of a digest.
pub(crate) fn hex(fingerprint: &Fingerprint) -> String {
    fingerprint.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// A file an item's product consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Path relative to the output folder, as bytes.
    pub path: Vec<u8>,
    /// What was published there.
    pub stamp: Stamp,
}

impl Output {
    /// Whether what was seen at its name is the file as it was written, by size and time.
    pub fn is_as_written(&self, found: Option<&Seen>) -> bool {
        let Stamp { size, mtime_ns, .. } = self.stamp;
        found == Some(&Seen::File { size, mtime_ns })
    }
}

/// Facts about an input read while it was processed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Facts {
    /// Width as stored, pixels.
    pub width: u32,
    /// Height as stored, pixels.
    pub height: u32,
    /// Channels of the file, alpha included.
    pub channels: u8,
    /// Bits a sample in the file.
    pub bit_depth: u8,
    /// Format name.
    pub format: String,
}

/// How an item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for was made.
    Done(Facts),
    /// It failed; `plan` is the fingerprint of all products asked for then.
    Failed {
        /// Why.
        error: ItemError,
        /// Digest of the products asked for.
        plan: Fingerprint,
    },
}

/// What the ledger knows of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Bytes of the input.
    pub size: u64,
    /// Modification time of the input, nanoseconds.
    pub mtime_ns: i64,
    /// BLAKE3 of the input; absent when it could not be read.
    pub hash: Option<[u8; 32]>,
    /// How it ended.
    pub outcome: Outcome,
    /// Remarks such as "first of 12 frames".
    pub notes: Vec<String>,
    /// Seconds of work the last time.
    pub seconds: f64,
    /// Products present, with the files of each.
    pub products: BTreeMap<Fingerprint, Vec<Output>>,
    /// Of one that failed since it could not be looked at: what it was when it was done, which may still hold.
    pub last: Option<Facts>,
    /// Its failure was acknowledged.
    pub ignored: bool,
    /// The last run did not find it.
    pub vanished: bool,
}

/// A change to one input's record, to be committed.
#[derive(Debug)]
pub struct Entry {
    /// Relative path of the input, as bytes.
    pub path: Vec<u8>,
    /// New state; its `products` are those made now.
    pub record: Record,
    /// Row values of the products made now.
    pub payloads: HashMap<Fingerprint, Payload>,
    /// Products made earlier that still hold.
    pub keep: BTreeSet<Fingerprint>,
    /// Outputs made earlier that were found again under a new time, as a copy or restored backup has it.
    pub restamp: Vec<Output>,
    /// Output paths that were announced and not written, to be given up.
    pub withdrawn: Vec<Vec<u8>>,
}

/// The rows of one product of one input, in the ledger's binary form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// How many.
    pub rows: u32,
    /// Their values, one after the other.
    pub bytes: Vec<u8>,
}

/// A file of a folder that is replaced as a whole, as it was last published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRecord {
    /// File name.
    pub name: String,
    /// What it was made of; empty where the name says it.
    pub digest: String,
    /// What was published.
    pub stamp: Stamp,
}
