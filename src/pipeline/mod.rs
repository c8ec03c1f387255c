//! What the parts of a chain agree on: samples, steps, sinks, and the identity of what they make.

mod action;
mod build;
pub mod identity;
pub mod legacy;
mod parts;
mod rows;
mod sample;
mod shape;
mod sink;
mod sink_error;
mod step;

pub(crate) use action::registered;
pub use action::{Action, Built, PlannedStep, Registered, with_table};
pub(crate) use build::find_model;
pub use build::{Build, Chance};
pub use identity::{Former, Lineage, Made};
pub use parts::KnownParts;
pub use rows::Rows;
pub use sample::{Further, Place, Sample};
pub use shape::Shape;
pub use sink::{Keeps, Load, Names, Outgoing, Publication, Sink, Turn, overlaps};
pub use sink_error::SinkError;
pub use step::{ColumnStep, ImageStep, ManyStep, Pieces};
