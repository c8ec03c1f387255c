//! What training would do, and how far it is.

use super::words::{diagnostic, path};
use crate::inputs::{self, InputPlan, Outside};
use crate::job::JobError;
use crate::train::{self, Data, ResumePoint, TrainError, TrainPlan};
use serde_json::{Value, json};

/// What training would do.
pub(crate) fn training_plan(plan: &TrainPlan) -> Result<Value, JobError> {
    let (net, steps) = (&plan.net, plan.epochs as u64 * plan.steps as u64);
    let needed = train::memory_needed(net, plan.batch, plan.agree, plan.threads);
    Ok(json!({"kind": "train", "job": plan.name, "output": path(&plan.output),
              "model": path(&plan.output.join(&plan.model)),
              "network": {"name": net.name, "parameters": net.parameters(), "macs_per_pixel": net.macs_per_pixel()},
              "epochs": plan.epochs, "steps_per_epoch": plan.steps, "steps": steps, "batch": plan.batch,
              "threads": plan.threads, "memory_bytes": needed, "resume": resume(plan)?, "notes": plan.notes,
              "warnings": plan.warnings.iter().map(diagnostic).collect::<Vec<_>>()}))
}

/// How far it is.
pub(crate) fn resume(plan: &TrainPlan) -> Result<Value, JobError> {
    let (state, why, at) = match train::resume_point(plan).map_err(TrainError::from)? {
        ResumePoint::New => ("new", None, None),
        ResumePoint::Anew(why) => ("anew", Some(why), None),
        ResumePoint::Within(epoch, step) => ("within", None, Some((epoch, step))),
        ResumePoint::Trained => ("trained", None, None),
        ResumePoint::Over => ("over", None, None),
    };
    Ok(json!({"state": state, "why": why, "epoch": at.map(|at| at.0), "step": at.map(|at| at.1)}))
}

/// Fails where there is nothing to learn from.
pub(crate) fn refuse_empty(plan: &TrainPlan) -> Result<(), JobError> {
    let Data::Pictures { inputs, test, .. } = &plan.data else { return Ok(()) };
    let listed = |input: &InputPlan| inputs::listing(input, &Outside::default()).ok();
    let nothing =
        |input: &InputPlan| listed(input).filter(|l| l.inputs.is_empty()).map(|l| input.nothing(&l.beside));
    match inputs.iter().map(|mixed| &mixed.input).chain(test).find_map(nothing) {
        Some(nothing) => Err(TrainError::NoInput(nothing).into()),
        None => Ok(()),
    }
}
