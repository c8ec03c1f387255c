//! What a run over items would do.

use super::words::{diagnostic, path};
use crate::inputs::{Input, Source, path_text};
use crate::job::JobError;
use crate::ledger::{Fingerprint, Ledger};
use crate::pipeline::{Action, Keeps, PlannedStep};
use crate::plan::Plan;
use crate::run::begin::refuse;
use crate::run::prepare::Prepared;
use crate::store::Store;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Headers read for the estimates.
const PROBES: usize = 256;
/// Multiply-adds a second and core assumed before the first run tells better.
const MACS_PER_SECOND: f64 = 20e9;
/// Seconds a pixel assumed for decoding, encoding and writing before the first run tells better.
const SECONDS_PER_PIXEL: f64 = 60e-9;

/// Fails where a run would be refused.
pub(crate) fn may_run(plan: &Plan, ledger: Option<&Ledger>, prepared: &Prepared) -> Result<(), JobError> {
    if let Some(store) = Store::existing(&plan.output)? {
        refuse(plan, (&store, ledger), prepared, (false, false))?;
    }
    Ok(())
}

/// What the items to do may take.
pub(crate) struct Estimates {
    /// Items to do, and how many headers were read.
    pub(crate) items: (usize, usize),
    pub(crate) pixels: f64,
    pub(crate) seconds: f64,
    pub(crate) basis: Basis,
    /// Bytes: of the largest item, of all that are worked on at a time.
    pub(crate) memory: (u64, u64),
    /// Items at a time.
    pub(crate) together: u64,
}

/// What a time is estimated from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    Earlier,
    Guess,
}

/// None where there is nothing to do.
pub(crate) fn estimates(plan: &Plan, prepared: &Prepared) -> Option<Estimates> {
    let inputs: Vec<&Input> = prepared.tasks.iter().map(|t| &prepared.inputs[t.input]).collect();
    let threads = plan.limits.threads;
    if inputs.is_empty() {
        return None;
    }
    let probed: Vec<&&Input> = inputs.iter().step_by(inputs.len().div_ceil(PROBES)).collect();
    let largest = probed.iter().map(|i| plan.estimate(i)).max().unwrap_or(0);
    let pixels =
        probed.iter().filter_map(|i| pixels(i)).sum::<f64>() / probed.len() as f64 * inputs.len() as f64;
    let budget = plan.item_budget(threads);
    let past = prepared.past;
    let (seconds, basis) = if past.pixels > 0.0 {
        (past.seconds / past.pixels * pixels, Basis::Earlier)
    } else {
        (plan.macs(pixels) / MACS_PER_SECOND + pixels * SECONDS_PER_PIXEL, Basis::Guess)
    };
    Some(Estimates {
        items: (inputs.len(), probed.len()),
        pixels,
        seconds: (seconds / threads as f64).ceil(),
        basis,
        memory: (largest, budget),
        together: (budget / largest.max(1)).clamp(1, threads as u64),
    })
}

fn pixels(input: &Input) -> Option<f64> {
    input.identity.as_ref().ok()?;
    let header = input.header()?;
    Some(f64::from(header.width) * f64::from(header.height))
}

/// What a run would do, as text and JSON tell it.
pub(crate) fn plan(plan: &Plan, prepared: &Prepared, items: bool) -> Value {
    let (root, kind) = match &plan.input.source {
        Source::Folder => (Some(&plan.input.root), "folder"),
        Source::File { absolute, .. } => (Some(absolute), "file"),
        Source::List { .. } => (Some(&plan.input.root), "list"),
        Source::Made(_) => (None, "synth"),
    };
    let reasons: Map<String, Value> =
        prepared.reasons.iter().map(|(reason, n)| (reason.name().to_string(), json!(n))).collect();
    let steps: Vec<Value> = plan
        .chain
        .iter()
        .map(|step| {
            let todo = todo(step, prepared);
            json!({"name": step.name, "todo": todo, "skip": todo.map(|todo| prepared.inputs.len() - todo)})
        })
        .collect();
    let estimates = estimates(plan, prepared).map(|found| {
        let basis = if found.basis == Basis::Earlier { "earlier_runs" } else { "guess" };
        json!({"pixels": found.pixels, "seconds": found.seconds, "basis": basis, "threads": plan.limits.threads,
               "largest_item_bytes": found.memory.0, "items_bytes": found.memory.1,
               "limit_bytes": plan.limits.memory, "at_a_time": found.together, "headers_read": found.items.1})
    });
    let each = prepared.inputs.iter().zip(&prepared.decisions);
    let each = each.map(|(input, reason)| json!({"path": path_text(input.key()), "reason": reason.name()}));
    let clashes: Vec<&String> = prepared.tasks.iter().filter_map(|task| task.clash.as_ref()).collect();
    let misplaced = prepared.tasks.iter().filter_map(|task| task.misplaced(&plan.output));
    let beside = &prepared.beside;
    json!({"kind": "items", "job": plan.name, "output": path(&plan.output),
           "input": {"path": root.map(|root| path(root)), "kind": kind},
           "total": prepared.inputs.len(), "todo": prepared.tasks.len(), "reasons": reasons,
           "vanished": prepared.vanished.len(), "known_left_out": prepared.left_out.len(),
           "unseen": prepared.unseen.len(), "links": prepared.links, "left_out": beside.left_out,
           "excluded": beside.excluded, "system_files": beside.system, "hidden": beside.hidden,
           "steps": steps, "estimates": estimates, "notes": plan.notes,
           "warnings": plan.warnings.iter().map(diagnostic).collect::<Vec<_>>(),
           "collisions": clashes, "misplaced": misplaced.map(|refusal| refusal.to_string()).collect::<Vec<_>>(),
           "items": items.then(|| each.collect::<Vec<_>>())})
}

/// How many items go through a step; none for what is brought in line at the end.
pub(crate) fn todo(step: &PlannedStep, prepared: &Prepared) -> Option<usize> {
    if matches!(&step.action, Action::Sink(sink) if sink.keeps() == Keeps::Nothing) {
        return None;
    }
    let goes = |make: &BTreeSet<Fingerprint>| match step.product {
        Some(product) => make.contains(&product),
        None => matches!(step.action, Action::Image(_)),
    };
    Some(prepared.tasks.iter().filter(|task| goes(&task.make)).count())
}
