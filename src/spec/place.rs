//! Where values stand, for mistakes found later.

use super::diagnostic::{Diagnostic, Diagnostics, Sources, Span};
use std::ops::Deref;
use std::sync::Arc;

/// Where a parameter stands, for mistakes found later.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) span: Span,
    pub(super) given: bool,
    pub(super) sources: Arc<Sources>,
}

impl Place {
    /// A mistake at this place.
    pub fn error(&self, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        self.sources.diagnostic(self.span, message, help)
    }

    /// Whether a value was written there.
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// The mistake of a type that does not hold its kind, which a check of every table rules out.
    pub fn defect(&self) -> Diagnostics {
        self.error("this value can't be read, by a defect of safelight", Some("report it".into())).into()
    }

    /// A value that stands here.
    pub(super) fn given<T>(self, value: T) -> Given<T> {
        Given { value, place: self }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Given<T> {
    value: T,
    place: Place,
}

impl<T> Given<T> {
    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }

    /// Another value at the same place.
    pub fn with<U>(&self, value: U) -> Given<U> {
        Given { value, place: self.place.clone() }
    }

    /// Whether it was written in the file or by `--set`.
    pub fn is_given(&self) -> bool {
        self.place.given
    }

    /// Where it stands; the step or section where it is not given.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A mistake found later, pointing at the parameter.
    pub fn error(&self, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        self.place.error(message, help)
    }
}

impl<T> Deref for Given<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
