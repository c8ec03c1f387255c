//! Typed values of a step or section, defaults filled in, each with its place in the YAML text.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Sources, Span};
use super::param::{Descriptor, Kind, Param};
use super::place::{Given, Place};
use super::units::{ByteSize, Failures};

/// A value checked against its [`Kind`](super::Kind).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `Kind::Bool`, and `Kind::Switch` without parameters.
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
    /// `Kind::Map`, and `Kind::Switch` with parameters.
    Map(Args),
    /// `Kind::Named`, in the order of the text.
    Named(Vec<(String, Arg)>),
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
    span: Span,
    entries: Vec<(&'static Param, Arg)>,
    sources: Arc<Sources>,
}

/// A branch that a step stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Which of [`Choices`](super::conditions::Choices).
    pub choice: usize,
    /// Which branch of it, from 0.
    pub branch: usize,
}

/// One step with its parameters.
#[derive(Clone, Debug)]
pub struct StepSpec {
    /// What the step declares of itself.
    pub descriptor: &'static Descriptor,
    /// Its parameters, defaults filled in.
    pub args: Args,
    /// Where its name stands.
    pub span: Span,
    /// Whether all of its parameters could be read; always true in what [`parse`](super::parse) gives.
    pub sound: bool,
    /// Which pictures go through it; all without one.
    pub when: Option<Given<String>>,
    /// The branches of choices that it stands in, from the outermost.
    pub within: Vec<Branch>,
}

impl PartialEq for StepSpec {
    fn eq(&self, other: &StepSpec) -> bool {
        self.descriptor.name == other.descriptor.name && self.args == other.args
    }
}

/// Equal values, wherever they stand.
impl PartialEq for Args {
    fn eq(&self, other: &Args) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Args {
    pub(super) fn new(span: Span, entries: Vec<(&'static Param, Arg)>, sources: Arc<Sources>) -> Self {
        Self { span, entries, sources }
    }

    /// The same step or section with other values.
    pub(super) fn with(&self, entries: Vec<(&'static Param, Arg)>) -> Self {
        Self { entries, ..self.clone() }
    }

    /// The texts that its places refer to.
    pub(super) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// The parameter, given or by default; `None` when unset.
    pub(super) fn get(&self, name: &str) -> Option<&Arg> {
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

    /// The paths among the parameters of some kinds.
    pub fn paths(&self, wanted: fn(&Kind) -> bool) -> Vec<Given<PathBuf>> {
        let path = |(param, arg): (&'static Param, &Arg)| match &arg.value {
            Value::Path(path) => Some(self.place(param.name).given(path.clone())),
            _ => None,
        };
        self.params().filter(|(param, _)| wanted(&param.kind)).filter_map(path).collect()
    }

    /// The folder below the output that a sink writes into.
    pub fn folder(&self) -> Option<Given<PathBuf>> {
        self.paths(|kind| matches!(kind, Kind::Folder)).into_iter().next()
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
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.get(name).is_some_and(|arg| arg.span != Span::DEFAULT)
    }

    /// Where the parameter's value stands, or else the step or section itself.
    pub(super) fn span_of(&self, name: &str) -> Span {
        self.get(name).map(|arg| arg.span).filter(|span| *span != Span::DEFAULT).unwrap_or(self.span)
    }

    /// A `Kind::Bool`.
    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Int`.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)?.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Float` or `Kind::Share`.
    pub(super) fn float(&self, name: &str) -> Option<f64> {
        self.get(name)?.value.number()
    }

    /// A `Kind::Bytes`.
    pub(super) fn bytes(&self, name: &str) -> Option<ByteSize> {
        match self.get(name)?.value {
            Value::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Pixels`.
    pub(super) fn pixels(&self, name: &str) -> Option<u64> {
        match self.get(name)?.value {
            Value::Pixels(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Failures`.
    pub(super) fn failures(&self, name: &str) -> Option<Failures> {
        match self.get(name)?.value {
            Value::Failures(value) => Some(value),
            _ => None,
        }
    }

    /// A `Kind::Path`, `Kind::Model` or `Kind::Folder`.
    pub(super) fn path(&self, name: &str) -> Option<&Path> {
        match &self.get(name)?.value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// A `Kind::List`, with the place of every item.
    pub(super) fn list(&self, name: &str) -> Option<&[Arg]> {
        match &self.get(name)?.value {
            Value::List(items) => Some(items),
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

    /// The number of an integer or float; `None` for anything else.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }
}
