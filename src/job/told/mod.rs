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

pub(crate) use event::event;
#[cfg(feature = "cli")]
pub(crate) use plan::Basis;
pub(crate) use plan::{estimates, may_run, plan, todo};
pub(crate) use shards::{each, shards};
pub(crate) use status::{items, kinds, training_status};
pub(crate) use training::{refuse_empty, resume, training_plan};
pub(crate) use verify::verified;
pub(crate) use words::{error, object, path};
