//! Inputs that the ledger knows and that are not listed: what became of them.

use crate::inputs::{Source, litter};
use crate::ledger::{Output, Record};
use crate::plan::Plan;
use crate::store::look;
use std::path::Path;

/// An input that the ledger knows and that is missing.
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    /// Its path.
    pub path: Vec<u8>,
    /// Its outputs.
    pub outputs: Vec<Output>,
    /// Whether anything was ever made of it.
    pub made: bool,
    /// Whether it was missing in the last run.
    pub marked: bool,
}

impl Missing {
    /// Of what the ledger holds.
    pub(crate) fn new(path: Vec<u8>, record: Record) -> Missing {
        let (made, marked) = (!record.products.is_empty(), record.vanished);
        Missing { path, outputs: record.products.into_values().flatten().collect(), made, marked }
    }
}

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// It is gone.
    Gone,
    /// It is there; today's patterns or list don't name it.
    LeftOut,
    /// It can't be told.
    Unseen,
}

/// Looks for an input that is not listed; `blind` are the folders that could not be.
pub(super) fn kind(plan: &Plan, blind: &[&Path], relative: &Path) -> Unlisted {
    if let Source::Made(_) = plan.input.source {
        return Unlisted::Gone;
    }
    if blind.iter().any(|folder| relative.starts_with(folder)) {
        return Unlisted::Unseen;
    }
    match look::name(&plan.input.root.join(relative)) {
        Ok(None) => Unlisted::Gone,
        // A folder has its name now.
        Ok(Some(found)) if found.is_dir() => Unlisted::Gone,
        Ok(Some(_)) => Unlisted::LeftOut,
        // A list names what is wanted, whether it can be looked at or not.
        Err(_) if matches!(plan.input.source, Source::List { .. }) => Unlisted::LeftOut,
        // Nor is what systems leave behind looked at.
        Err(_) if litter::on_the_way(relative, plan.input.hidden).is_some() => Unlisted::LeftOut,
        Err(_) => Unlisted::Unseen,
    }
}
