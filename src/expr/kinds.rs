//! What expressions are checked by: names, types, and what is wrong with one.

use crate::columns::ColumnType;
use std::ops::Range;

/// A name that expressions may use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    /// As it is written.
    pub name: String,
    /// Type of its values, any of which may be null.
    pub kind: ColumnType,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Yes or no.
    Condition,
    /// A number.
    Number,
}

/// Something wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Bytes of the text that it is about.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

/// Type of a part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    /// As a parameter, any number.
    Float,
    Text,
    Time,
    /// `null` itself.
    Null,
    /// Of a part with a mistake, which fits everywhere so that it is told once.
    Unknown,
}

impl Type {
    pub(super) fn of(kind: ColumnType) -> Option<Type> {
        match kind {
            ColumnType::Bool => Some(Type::Bool),
            ColumnType::Int => Some(Type::Int),
            ColumnType::Float => Some(Type::Float),
            ColumnType::Text => Some(Type::Text),
            ColumnType::Timestamp(_) => Some(Type::Time),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Int | Type::Float => "a number",
            Type::Text => "a text",
            Type::Time => "a time",
            Type::Null => "null",
            Type::Unknown => "unknown",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Float)
    }

    /// Whether values of this type can be compared with those of another, or stand in its place.
    pub(super) fn fits(self, other: Type) -> bool {
        self == other
            || self == Type::Unknown
            || other == Type::Unknown
            || (self.is_number() && other.is_number())
    }
}
