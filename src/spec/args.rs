//! Typed values of a step or section, defaults filled in, each with its place in the YAML text.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StepSpec;
use super::diagnostic::{Diagnostic, Sources, Span};
use super::field::Place;
use super::param::Param;
use super::units::{ByteSize, Failures};

/// A value checked against its [`Kind`](super::Kind).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `Kind::Bool`.
    Bool(bool),
    /// `Kind::Int`, within its range.
    Int(i64),
    /// `Kind::Float`, finite and within its range, and `Kind::Share`, from 0 to 1.
    Float(f64),
    /// `Kind::Text`, `Kind::Choice` and `Kind::Glob` (which compiles).
    Text(String),
    /// `Kind::Bytes`.
    Bytes(ByteSize),
    /// `Kind::Pixels`, at least 1.
    Pixels(u64),
    /// `Kind::Failures`.
    Failures(Failures),
    /// `Kind::Path` and `Kind::Model` as written, `Kind::Folder` without `.` components.
    Path(PathBuf),
    /// `Kind::List`.
    List(Vec<Arg>),
    /// `Kind::Span`: low and high, equal when one value was given.
    Span(Box<Value>, Box<Value>),
    /// `Kind::Steps`, and `Kind::Step` as a list of one.
    Steps(Vec<StepSpec>),
    /// `Kind::Map`.
    Map(Args),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The value.
    pub value: Value,
    /// Its place; [`Span::DEFAULT`] for a default.
    pub span: Span,
}

/// The parameters of one step or section.
#[derive(Clone, Debug)]
pub struct Args {
    owner: String,
    span: Span,
    entries: Vec<(&'static Param, Arg)>,
    sources: Arc<Sources>,
}

/// Equal values, wherever they stand.
impl PartialEq for Args {
    fn eq(&self, other: &Args) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Args {
    pub(super) fn new(
        owner: String,
        span: Span,
        entries: Vec<(&'static Param, Arg)>,
        sources: Arc<Sources>,
    ) -> Self {
        Self { owner, span, entries, sources }
    }

    /// The parameter, given or by default; `None` when unset.
    pub fn get(&self, name: &str) -> Option<&Arg> {
        self.entries.iter().find(|(param, _)| param.name == name).map(|(_, arg)| arg)
    }

    /// Every parameter that has a value, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Arg)> {
        self.entries.iter().map(|(param, arg)| (param.name, arg))
    }

    /// The value of a parameter of the table.
    pub fn of(&self, param: &Param) -> Option<&Arg> {
        self.get(param.name)
    }

    /// The same with what is declared of each.
    pub fn params(&self) -> impl Iterator<Item = (&'static Param, &Arg)> {
        self.entries.iter().map(|(param, arg)| (*param, arg))
    }

    /// Where a parameter of the table stands, or else the step or section.
    pub fn place_of(&self, param: &Param) -> Place {
        self.place(param.name)
    }

    /// Where the step or section itself stands.
    pub fn own_place(&self) -> Place {
        Place { span: self.span, given: true, sources: self.sources.clone() }
    }

    /// Where a parameter stands, or else the step or section.
    pub(super) fn place(&self, name: &str) -> Place {
        Place { span: self.span_of(name), given: self.is_given(name), sources: self.sources.clone() }
    }

    /// Whether the parameter was written in the file or by `--set`.
    pub fn is_given(&self, name: &str) -> bool {
        self.get(name).is_some_and(|arg| arg.span != Span::DEFAULT)
    }

    /// Where the parameter's value stands, or else the step or section itself.
    pub fn span_of(&self, name: &str) -> Span {
        self.get(name).map(|arg| arg.span).filter(|span| *span != Span::DEFAULT).unwrap_or(self.span)
    }

    /// A mistake found later, pointing at a parameter.
    pub fn error(&self, name: &str, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        self.sources.diagnostic(self.span_of(name), message, help)
    }

    /// The parameter by one of the getters below, as in `args.need("width", Args::int)`.
    ///
    /// # Errors
    /// When it is unset, pointing at the step.
    pub fn need<'a, T>(
        &'a self,
        name: &str,
        get: impl FnOnce(&'a Self, &str) -> Option<T>,
    ) -> Result<T, Diagnostic> {
        get(self, name).ok_or_else(|| {
            let message = format!("{} needs `{name}`", self.owner);
            self.sources.diagnostic(self.span, message, Some(format!("add `{name}: ...`")))
        })
    }

    /// A `Kind::Bool`.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Int`.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)?.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Float` or `Kind::Share`.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name)?.value.number()
    }

    /// A `Kind::Text`, `Kind::Choice` or `Kind::Glob`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.value.text()
    }

    /// A `Kind::Bytes`.
    pub fn bytes(&self, name: &str) -> Option<ByteSize> {
        match self.get(name)?.value {
            Value::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Pixels`.
    pub fn pixels(&self, name: &str) -> Option<u64> {
        match self.get(name)?.value {
            Value::Pixels(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Failures`.
    pub fn failures(&self, name: &str) -> Option<Failures> {
        match self.get(name)?.value {
            Value::Failures(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Path`, `Kind::Model` or `Kind::Folder`.
    pub fn path(&self, name: &str) -> Option<&Path> {
        match &self.get(name)?.value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// A `Kind::List`, with the place of every item.
    pub fn list(&self, name: &str) -> Option<&[Arg]> {
        match &self.get(name)?.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A list of texts, choices or globs.
    pub fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.list(name)?.iter().map(|item| item.value.text()).collect()
    }

    /// A `Kind::Steps`.
    pub fn steps(&self, name: &str) -> Option<&[StepSpec]> {
        match &self.get(name)?.value {
            Value::Steps(steps) => Some(steps),
            _ => None,
        }
    }

    /// A `Kind::Step`.
    pub fn step(&self, name: &str) -> Option<&StepSpec> {
        self.steps(name)?.first()
    }

    /// A `Kind::Map`.
    pub fn map(&self, name: &str) -> Option<&Args> {
        self.get(name)?.value.map()
    }

    /// A `Kind::Span` of numbers as `(low, high)`.
    pub fn span(&self, name: &str) -> Option<(f64, f64)> {
        match &self.get(name)?.value {
            Value::Span(low, high) => Some((low.number()?, high.number()?)),
            _ => None,
        }
    }

    /// A `Kind::Span` of whole numbers as `(low, high)`.
    pub fn int_span(&self, name: &str) -> Option<(i64, i64)> {
        match &self.get(name)?.value {
            Value::Span(low, high) => match (&**low, &**high) {
                (Value::Int(low), Value::Int(high)) => Some((*low, *high)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Value {
    /// The text of a text, choice or glob.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The parameters of a map.
    pub fn map(&self) -> Option<&Args> {
        match self {
            Self::Map(args) => Some(args),
            _ => None,
        }
    }

    /// The number of an integer or float; `None` for anything else.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }
}
