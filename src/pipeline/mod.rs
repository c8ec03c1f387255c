//! What the parts of a chain agree on: samples, steps, sinks, and the identity of what they make.

mod action;
mod build;
pub(crate) mod identity;
pub(crate) mod legacy;
mod observed;
mod parts;
mod remark;
mod rows;
mod sample;
mod scope;
mod shape;
mod sink;
mod sink_error;
mod step;

pub(crate) use action::registered;
pub(crate) use action::{Action, Built, Gate, PlannedStep, Registered, with_table};
pub(crate) use build::find_model;
pub(crate) use build::{Build, Chance};
pub(crate) use identity::{Former, Lineage, Made};
pub(crate) use observed::Observed;
pub(crate) use parts::KnownParts;
pub(crate) use remark::Remark;
pub(crate) use rows::Rows;
pub(crate) use sample::{Further, Place, Sample};
#[cfg(feature = "cli")]
pub(crate) use scope::reference;
pub(crate) use scope::{EXIF, Formula, Scope};
pub(crate) use shape::Shape;
pub(crate) use sink::{Keeps, Load, Names, Outgoing, Publication, Sink, Turn, overlaps};
pub(crate) use sink_error::SinkError;
pub(crate) use step::{ColumnStep, Effect, ImageStep, ManyStep, Pieces};
