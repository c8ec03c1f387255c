//! Where values stand, for mistakes found later.

use super::diagnostic::{Diagnostic, Diagnostics, Sources, Span};
use std::ops::{Deref, Range};
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

    /// The place of a part of the text that stands here, given in bytes of it; all of it where the part can't be found, as in
    /// a text of several lines.
    pub fn part(&self, text: &str, at: Range<usize>) -> Place {
        let line = self.sources.line(self.span.origin, self.span.line).unwrap_or_default();
        let rest: String = line.chars().skip(self.span.column.saturating_sub(1)).collect();
        // As it is written: quotes double inside single ones, and have a backslash inside double ones.
        let written = |part: &str| match rest.chars().next() {
            Some('\'') => part.replace('\'', "''"),
            Some('"') => part.replace('\\', "\\\\").replace('"', "\\\""),
            _ => part.to_owned(),
        };
        let unquoted = rest.strip_prefix(['"', '\'']);
        let quote = usize::from(unquoted.is_some());
        let part = (text.get(..at.start), text.get(at));
        let (true, (Some(before), Some(part))) =
            (unquoted.unwrap_or(&rest).starts_with(&written(text)), part)
        else {
            return self.clone();
        };
        let chars = |part: &str| written(part).chars().count();
        let column = self.span.column + quote + chars(before);
        Place { span: Span { column, length: chars(part).max(1), ..self.span }, ..self.clone() }
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
