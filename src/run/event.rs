//! What the runner tells while it works. Reporters consume these; the runner prints nothing.

use super::resume::Reason;
use crate::codec::Loss;
use crate::error::ItemError;
use crate::inputs::Beside;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Another process has what this one is to do, and may be dead.
    Waiting {
        /// What it is.
        what: String,
        /// Who has it.
        owner: String,
        /// After how many seconds without a sign of life it is taken over.
        seconds: u64,
    },
    /// Inputs are listed and compared with the ledger.
    Planned {
        /// Inputs found.
        total: usize,
        /// Items to process.
        todo: usize,
        /// How many for each reason.
        reasons: BTreeMap<Reason, usize>,
        /// Inputs in the ledger that are no longer there.
        vanished: usize,
        /// Their outputs are removed at the end.
        prunes: bool,
        /// Leftovers of an earlier crash that were removed.
        swept: usize,
        /// Bytes of the inputs to process, by the ending of their names in small letters.
        work: BTreeMap<String, u64>,
        /// What lies in the input's folder and is no input.
        beside: Beside,
    },
    /// A worker took an item.
    Started {
        /// Path relative to the input.
        path: PathBuf,
    },
    /// An item is recorded as done.
    Finished {
        /// Path relative to the input.
        path: PathBuf,
        /// Bytes of the input.
        bytes: u64,
        /// Pixels of the input.
        pixels: u64,
        /// Seconds of work.
        seconds: f64,
        /// Remarks.
        notes: Vec<String>,
    },
    /// An item is recorded as failed.
    Failed {
        /// Path relative to the input.
        path: PathBuf,
        /// Why.
        error: ItemError,
        /// Bytes of the input.
        bytes: u64,
        /// Whether it failed the same way before.
        known: bool,
    },
    /// A stop was asked for; items under way are being finished.
    Stopping {
        /// Why.
        why: Stop,
    },
    /// What shards have done is recorded in the job's ledger.
    Gathered {
        /// How many shards there were.
        count: u32,
        /// Those that did not come to their end and have outstanding items: their numbers from 1, and how they stand.
        unfinished: Vec<(u32, &'static str)>,
        /// Items of other shards that came or changed after these had looked, and are outstanding.
        outstanding: usize,
    },
    /// Tables and manifests are being written.
    Publishing,
    /// The run ended.
    Ended(Summary),
}

/// Why a run stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A signal.
    Interrupted,
    /// `limits.max_failures` was passed.
    TooManyFailures,
    /// The output could not be written.
    StorageFailed,
    /// Not all shards that were gathered had come to their end.
    ShardsMissing,
}

/// Totals of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Inputs found.
    pub total: usize,
    /// Items done in this run.
    pub done: usize,
    /// Items that failed in this run and had not failed so before.
    pub failed: usize,
    /// Items tried again in this run that failed as they did before.
    pub again: usize,
    /// Old failures that were acknowledged (`ignore`); they count neither in `again` nor in `standing`.
    pub ignored: usize,
    /// Items that failed in an earlier run and were not tried again.
    pub standing: usize,
    /// Items that needed nothing.
    pub skipped: usize,
    /// Items that a `retry` left alone.
    pub not_selected: usize,
    /// Inputs in the ledger that are no longer there.
    pub vanished: usize,
    /// Those of them that the last run still saw.
    pub newly_vanished: usize,
    /// Inputs that the last run still took and that the patterns or the list leave out now.
    pub newly_left_out: usize,
    /// Outputs removed because their inputs vanished.
    pub pruned: usize,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Input bytes of the items done.
    pub bytes: u64,
    /// Input pixels of the items done.
    pub pixels: u64,
    /// Seconds of work by step, summed over workers, in chain order.
    pub steps: Vec<(String, f64)>,
    /// How many of the items done lost something, by what they lost.
    pub losses: BTreeMap<Loss, usize>,
    /// How many of the items done each condition refused, by step and condition.
    pub refused: BTreeMap<String, usize>,
    /// How many of them no step changed, so that they were not encoded.
    pub unchanged: usize,
    /// Why it stopped early.
    pub stop: Option<Stop>,
    /// Rows in each table, by folder.
    pub tables: Vec<(String, usize)>,
}
