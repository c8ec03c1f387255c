//! Values by name, for the tests of the language.

use super::super::*;

impl Args {
    /// A list of texts, choices or globs.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.list(name)?.iter().map(|item| item.value.text()).collect()
    }

    /// A `Kind::Steps`.
    pub(super) fn steps(&self, name: &str) -> Option<&[StepSpec]> {
        match &self.get(name)?.value {
            Value::Steps(steps) => Some(steps),
            _ => None,
        }
    }

    /// A `Kind::Step`.
    pub(super) fn step(&self, name: &str) -> Option<&StepSpec> {
        self.steps(name)?.first()
    }

    /// A `Kind::Map`.
    pub(super) fn map(&self, name: &str) -> Option<&Args> {
        self.get(name)?.value.map()
    }

    /// A `Kind::Span` of numbers as `(low, high)`.
    pub(super) fn span(&self, name: &str) -> Option<(f64, f64)> {
        match &self.get(name)?.value {
            Value::Span(low, high) => Some((low.number()?, high.number()?)),
            _ => None,
        }
    }
}

impl Value {
    /// The parameters of a map.
    pub(super) fn map(&self) -> Option<&Args> {
        match self {
            Self::Map(args) => Some(args),
            _ => None,
        }
    }
}
