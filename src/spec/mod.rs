//! The pipeline language: YAML text becomes a typed [`PipelineSpec`], or all of its mistakes at
//! once. The JSON Schema and the language reference come from the same tables.

mod args;
mod check;
mod diagnostic;
mod doubts;
mod expand;
pub mod images;
mod input;
mod kinds;
pub mod language;
mod order;
mod overrides;
mod param;
mod pipeline;
mod places;
mod reference;
mod registry;
mod schema;
mod source;
mod suggest;
mod tree;
pub mod units;

#[cfg(test)]
mod tests;

pub use args::{Arg, Args, Value};
pub use diagnostic::{Diagnostic, Diagnostics, Origin, Severity, Sources, Span};
pub use param::{Descriptor, Fallback, Kind, Param, Role, Vocabulary};
pub use pipeline::{PipelineSpec, StepSpec, draft, parse, parse_steps};
pub use reference::reference_markdown;
pub use registry::check_registry;
pub use schema::json_schema;
pub use source::{MAX_FILE_BYTES, missing, missing_model, read_file};
