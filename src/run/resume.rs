//! What is outstanding: a pure function of the products asked for, the inputs, the ledger and the disk.

use crate::inputs::Identity;
use crate::ledger::{Fingerprint, Outcome, Output, Record};
use crate::store::Seen;
use std::collections::{BTreeSet, HashMap};

/// Which items a command wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything outstanding; lasting failures of unchanged files are not tried again.
    Outstanding,
    /// Only items whose last attempt failed.
    FailedOnly,
}

/// Why an item is to be processed, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Never seen.
    New,
    /// Size or time differ from the ledger's.
    InputChanged,
    /// A step, setting or model differs.
    PlanChanged,
    /// Values of the list that conditions use differ.
    ListChanged,
    /// The reference differs, or the list's values do.
    ReferenceChanged,
    /// An output is gone.
    OutputMissing,
    /// An output is not the file that was written, or a copy of it.
    OutputChanged,
    /// It can't be told whether an output is there.
    OutputUnseen,
    /// The last attempt failed and may succeed now.
    FailedBefore,
    /// Nothing to do.
    UpToDate,
    /// Failed before for a reason that lies in the unchanged file.
    StandingFailure,
    /// The same, and acknowledged.
    Acknowledged,
    /// Not among the items asked for.
    NotSelected,
}

impl Reason {
    /// Name in machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Reason::New => "new",
            Reason::InputChanged => "input_changed",
            Reason::PlanChanged => "plan_changed",
            Reason::ListChanged => "list_changed",
            Reason::ReferenceChanged => "reference_changed",
            Reason::OutputMissing => "output_missing",
            Reason::OutputChanged => "output_changed",
            Reason::OutputUnseen => "output_unseen",
            Reason::FailedBefore => "failed_before",
            Reason::UpToDate => "up_to_date",
            Reason::StandingFailure => "standing_failure",
            Reason::Acknowledged => "acknowledged",
            Reason::NotSelected => "not_selected",
        }
    }

    /// Words for `plan` and the summary.
    pub fn text(self) -> &'static str {
        match self {
            Reason::New => "new",
            Reason::InputChanged => "input changed",
            Reason::PlanChanged => "settings or model changed",
            Reason::ListChanged => "the list's values changed",
            Reason::ReferenceChanged => "the reference, or what a list says of it, changed",
            Reason::OutputMissing => "output missing",
            Reason::OutputChanged => "output changed",
            Reason::OutputUnseen => "output can't be looked at",
            Reason::FailedBefore => "failed before, trying again",
            Reason::UpToDate => "up to date",
            Reason::StandingFailure => "failed before, file unchanged",
            Reason::Acknowledged => "failed before, acknowledged",
            Reason::NotSelected => "not selected",
        }
    }
}

/// What to do with one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Why.
    pub reason: Reason,
    /// Products to make; empty when there is nothing to do.
    pub make: BTreeSet<Fingerprint>,
}

/// What stands at the paths that the ledger knows; nothing where a path is missing here.
pub(crate) type Disk = HashMap<Vec<u8>, Seen>;

/// Decides for one input.
///
/// `wanted` are the products the plan asks of every item, `plan` their digest, `record` what the ledger
/// holds, `disk` the present state of recorded outputs, `listed` the identity of the list's values that decide.
pub(crate) fn decide(
    wanted: &BTreeSet<Fingerprint>,
    plan: &Fingerprint,
    input: Identity,
    record: Option<&Record>,
    disk: &Disk,
    (selection, listed): (Selection, Option<Fingerprint>),
) -> Decision {
    let all = |reason| Decision { reason, make: wanted.clone() };
    let none = |reason| Decision { reason, make: BTreeSet::new() };
    let failed = record.is_some_and(|r| matches!(r.outcome, Outcome::Failed { .. }));
    if selection == Selection::FailedOnly && !failed {
        return none(Reason::NotSelected);
    }
    let Some(record) = record else { return all(Reason::New) };
    let same_input = input == Identity { size: record.size, mtime_ns: record.mtime_ns };
    if let Outcome::Failed { error, plan: then } = &record.outcome {
        let standing = same_input && plan == then && !error.kind.is_transient();
        return match (standing, selection) {
            (true, Selection::Outstanding) if record.ignored => none(Reason::Acknowledged),
            (true, Selection::Outstanding) => none(Reason::StandingFailure),
            _ if !same_input => all(Reason::InputChanged),
            _ => all(Reason::FailedBefore),
        };
    }
    if !same_input {
        return all(Reason::InputChanged);
    }
    if listed.is_some_and(|listed| !record.products.contains_key(&listed)) {
        return all(Reason::ListChanged);
    }
    let mut reason = Reason::UpToDate;
    let mut make = BTreeSet::new();
    for fingerprint in wanted {
        let found = match record.products.get(fingerprint) {
            None => Some(Reason::PlanChanged),
            Some(outputs) => outputs.iter().find_map(|o| damage(o, disk)),
        };
        if let Some(found) = found {
            make.insert(*fingerprint);
            if reason == Reason::UpToDate {
                reason = found;
            }
        }
    }
    Decision { reason, make }
}

fn damage(output: &Output, disk: &Disk) -> Option<Reason> {
    match disk.get(&output.path) {
        None => Some(Reason::OutputMissing),
        Some(Seen::Unknown(_)) => Some(Reason::OutputUnseen),
        found if output.is_as_written(found) => None,
        Some(_) => Some(Reason::OutputChanged),
    }
}

#[cfg(test)]
mod tests;
