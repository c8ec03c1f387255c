//! The pipeline language: YAML text becomes a typed [`PipelineSpec`], or all of its mistakes at
//! once. The JSON Schema and the language reference come from the same tables.

mod args;
mod canonical;
mod check;
pub mod conditions;
mod diagnostic;
mod doubts;
mod expand;
mod field;
pub mod images;
mod input;
mod kinds;
pub mod language;
mod node;
mod order;
mod overrides;
mod param;
mod params;
mod pipeline;
mod place;
mod places;
mod reference;
mod registry;
mod resolved;
mod scalar;
mod schema;
mod source;
pub(crate) mod suggest;
mod tree;
pub mod units;
mod words;

#[cfg(test)]
mod tests;

pub use args::{Arg, Args, Branch, StepSpec, Value};
pub use diagnostic::{Diagnostic, Diagnostics, Origin, Severity, Sources, Span};
pub use field::{ExpressionText, Field, Group, NamedExpressions, Parameters, Pixels, Steps, Switch};
pub use param::{Descriptor, Fallback, Kind, Param, Role, Vocabulary};
pub(crate) use params::params;
pub use params::{Part, count, field, finish, join};
pub use pipeline::{PipelineSpec, draft, draft_steps, parse, parse_steps};
pub use place::{Given, Place};
pub use reference::reference_markdown;
pub use registry::check_registry;
pub use schema::json_schema;
pub use source::{MAX_FILE_BYTES, missing, missing_model, read_file};
pub use words::Words;
pub(crate) use words::words;
