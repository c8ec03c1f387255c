//! Training in an output folder: opened for this job alone.

use crate::ledger::Ledger;
use crate::run::shards::refuse_ungathered;
use crate::shown::Show;
use crate::store::{Fault, Guard, Lock, Store, StoreError, look};
use crate::train::{self, Event, Outputs, Summary, TrainError, TrainPlan};
use std::sync::atomic::AtomicBool;

/// Called as the last thing of training that had begun, while the output is locked still.
pub(super) type AtEnd<'a> =
    &'a (dyn Fn(&Store, Result<&Summary, &TrainError>) -> Result<(), StoreError> + Sync);

/// Trains to the end, or until stopped.
pub(super) fn run(
    plan: &TrainPlan,
    fault: Option<&str>,
    stop: &AtomicBool,
    emit: &(dyn Fn(Event) + Sync),
    at_end: AtEnd<'_>,
) -> Result<Summary, TrainError> {
    refuse_foreign(plan)?;
    let store = Store::open(&plan.output, Guard::new(train::guarded(plan)?), Fault::parse(fault))?;
    let _lock = Lock::take(&store)?;
    store.sweep()?;
    // No other job may write here from now on.
    if refuse_ungathered(&store).is_err() {
        return Err(TrainError::Foreign(format!(
            "{} is the output of a job whose shards are not gathered; choose another output",
            plan.output.shown()
        )));
    }
    let mut ledger = Ledger::open(&store)?;
    ledger.adopt(&plan.name)?;
    ledger.claim(own(plan).iter().map(|name| name.as_bytes()))?;
    let result = train::run(plan, &Outputs::new(&store, ledger), emit, stop);
    let ended = at_end(&store, result.as_ref());
    let summary = result?;
    ended?;
    Ok(summary)
}

/// What training writes, relative to the output.
fn own(plan: &TrainPlan) -> [&str; 2] {
    [&plan.model, train::PROGRESS]
}

/// Fails where something stands in the way that this job did not write.
fn refuse_foreign(plan: &TrainPlan) -> Result<(), TrainError> {
    let claimed = Ledger::open_existing(&plan.output)?.map(|ledger| ledger.claims()).transpose()?;
    for name in own(plan) {
        let known = claimed.as_ref().is_some_and(|claims| claims.contains(name.as_bytes()));
        let path = plan.output.join(name);
        let unseen = |source| StoreError::Io { action: "look at", path: path.clone(), source };
        let found = look::name(&path).map_err(unseen)?;
        if found.is_some() && !known {
            return Err(TrainError::Foreign(format!(
                "{} exists and was not written by this job; move it away or choose another output",
                path.shown()
            )));
        }
    }
    Ok(())
}
