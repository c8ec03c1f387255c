//! A step of a plan: what was compiled, and the identity of what it makes.

use super::{Build, ColumnStep, Formula, ImageStep, ManyStep, Rows, Sink};
use crate::columns::Column;
use crate::inputs::References;
use crate::ledger::Fingerprint;
use crate::spec::{Args, Branch, Descriptor, Diagnostics, Parameters, Place, Span};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A step compiled from its YAML, ready to run.
#[derive(Debug)]
pub(crate) enum Action {
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
pub(crate) struct Built {
    /// What to do.
    pub action: Action,
    /// Hashes of the files it read, by a name for people.
    pub ingredients: Vec<(String, String)>,
    /// Parameters that its bytes don't depend on.
    pub besides: &'static [&'static str],
    /// Where the clean pictures are, of the step that finds them.
    pub references: Option<Arc<References>>,
    /// The parameter that names its columns, where there is one.
    pub columns_at: Option<Place>,
}

impl Action {
    /// The columns it makes, in order.
    pub(crate) fn columns(&self) -> Vec<Column> {
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
        Built { action, ingredients: Vec::new(), besides: &[], references: None, columns_at: None }
    }
}

/// A registered step.
#[derive(Debug)]
pub(crate) struct Registered {
    /// Name, documentation and parameters.
    pub descriptor: &'static Descriptor,
    /// Compiles validated arguments.
    pub build: fn(&Args, &mut Build<'_>) -> Result<Built, Diagnostics>,
}

/// Registers the module of a step: its `DESCRIPTOR`, and its `build`, which takes the parameters as the struct that the
/// descriptor's table was made of.
macro_rules! registered {
    ($module:ident) => {
        $crate::pipeline::Registered {
            descriptor: $crate::pipeline::with_table(&$module::DESCRIPTOR, $module::build),
            build: |args, build| $module::build($crate::spec::Parameters::read(args)?, build),
        }
    };
}
pub(crate) use registered;

/// The descriptor. Fails to compile where its table is not that of the parameters.
pub(crate) const fn with_table<P: Parameters>(
    descriptor: &'static Descriptor,
    _: fn(P, &mut Build<'_>) -> Result<Built, Diagnostics>,
) -> &'static Descriptor {
    assert!(descriptor.has_table(P::TABLE), "the descriptor's table is that of other parameters");
    descriptor
}

/// A step of the plan.
#[derive(Debug)]
pub(crate) struct PlannedStep {
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
    /// Its number among the steps of the pipeline file; none for what the input brings along.
    pub number: Option<usize>,
    /// Which samples it takes.
    pub gate: Gate,
    /// Numbers of the steps whose measurements it needs.
    pub needs: BTreeSet<usize>,
}

/// Which samples a step takes; all, without conditions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    /// Those for which this holds.
    pub when: Option<Formula>,
    /// Of them, those that took these branches.
    pub within: Vec<Branch>,
}

impl Gate {
    /// Whether it takes every sample.
    pub(crate) fn is_open(&self) -> bool {
        self.when.is_none() && self.within.is_empty()
    }
}

impl PlannedStep {
    /// The columns of these steps, the first of a chain.
    pub(crate) fn rows_of(chain: &[PlannedStep]) -> Rows {
        let mut rows = Rows::none();
        for step in chain {
            rows.add(step.product, step.action.columns(), matches!(step.action, Action::Many(_)));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Diagnostic, Role, params};

    params! {
        /// Parameters of one step.
        struct Params {
            /// Something.
            something: bool = "false",
        }
    }

    const STEP: Descriptor = Descriptor {
        name: "step",
        version: 1,
        doc: "Does something.",
        role: Role::Image,
        params: Params::TABLE,
        shorthand: None,
        example: "- step",
    };

    static OWN: Descriptor = STEP;
    static OTHER: Descriptor = Descriptor { params: &[], ..STEP };

    fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
        Err(Diagnostics::new(Vec::from_iter(params.something.then(|| Diagnostic::of_file("", "", None)))))
    }

    /// What does not compile in a list of steps, here called at run time.
    #[test]
    fn a_step_that_takes_other_parameters_than_it_declares_is_refused() {
        assert_eq!(with_table(&OWN, build).name, "step");
        assert!(std::panic::catch_unwind(|| with_table(&OTHER, build)).is_err());
    }
}
