//! A step of a plan: what was compiled, and the identity of what it makes.

use super::{Build, ColumnStep, ImageStep, ManyStep, Sink};
use crate::columns::Column;
use crate::ledger::Fingerprint;
use crate::spec::{Args, Descriptor, Span};

/// A step compiled from its YAML, ready to run.
#[derive(Debug)]
pub enum Action {
    /// Picture to picture.
    Image(Box<dyn ImageStep>),
    /// Picture to several.
    Many(Box<dyn ManyStep>),
    /// Picture to columns.
    Columns(Box<dyn ColumnStep>),
    /// Out of the chain.
    Sink(Box<dyn Sink>),
}

/// A compiled step with what its results depend on beside its settings (model hashes).
#[derive(Debug)]
pub struct Built {
    /// What to do.
    pub action: Action,
    /// Hashes of the files it read, by a name for people.
    pub ingredients: Vec<(String, String)>,
    /// Parameters that its bytes don't depend on.
    pub besides: &'static [&'static str],
}

impl Action {
    /// The columns it makes, in order.
    pub fn columns(&self) -> Vec<Column> {
        match self {
            Action::Image(step) => step.columns(),
            Action::Many(step) => step.columns(),
            Action::Columns(step) => step.columns(),
            Action::Sink(_) => Vec::new(),
        }
    }
}

impl From<Action> for Built {
    fn from(action: Action) -> Built {
        Built { action, ingredients: Vec::new(), besides: &[] }
    }
}

/// A registered step.
#[derive(Debug)]
pub struct Registered {
    /// Name, documentation and parameters.
    pub descriptor: &'static Descriptor,
    /// Compiles validated arguments; mistakes go to `Build`, which then makes the answer `None`.
    pub build: fn(&Args, &mut Build<'_>) -> Option<Built>,
}

/// A step of the plan.
#[derive(Debug)]
pub struct PlannedStep {
    /// Name of the step.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
    /// Identity of what it makes of an item, for steps that make something lasting.
    pub product: Option<Fingerprint>,
    /// Identity of the same bytes under the other setting of times, for steps that have one.
    pub twin: Option<Fingerprint>,
    /// Where it stands in the pipeline.
    pub span: Span,
}
