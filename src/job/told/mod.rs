//! What is told of jobs as JSON: the objects of the program's `--json`, which the library's callers get as texts.
//!
//! docs/machines.md documents the keys; tests/integration/machines.rs pins them.

mod event;
mod job;
mod plan;
mod shards;
mod status;
mod training;
mod verify;
mod words;

#[cfg(feature = "cli")]
pub(crate) use {
    event::event,
    plan::{Basis, estimates, may_run, plan, todo},
    shards::{each, shards},
    status::{items, kinds, training_status},
    training::{refuse_empty, resume, training_plan},
    verify::verified,
    words::{error, object, path},
};
