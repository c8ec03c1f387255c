//! What a parameter's value becomes in the program: every type that a field of [`params!`](super::params) may have.

use std::fmt::Debug;
use std::ops::Deref;
use std::path::PathBuf;

use super::args::{Arg, Args, StepSpec, Value};
use super::diagnostic::{Diagnostics, Span};
use super::param::{Kind, Param, same, same_names};
use super::place::{Given, Place};
use super::units::{ByteSize, Failures};

/// A type that holds the values of a kind.
pub trait Field: Sized {
    /// The widest kind that it holds: an integer's range, a set of words.
    const HOLDS: Kind;
    /// Whether that is the parameter's kind where none is written.
    const NATURAL: bool = true;
    /// Whether it also holds that nothing was given.
    const OPTIONAL: bool = false;
    /// The table, for a group of parameters that stand among the others.
    const GROUP: Option<&'static [Param]> = None;

    /// The value of a parameter; `None` where it is unset.
    ///
    /// # Errors
    /// Mistakes that its kind does not show.
    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics>;

    /// The value of the parameter of this name.
    ///
    /// # Errors
    /// As [`Field::of`].
    fn find(args: &Args, name: &str) -> Result<Self, Diagnostics> {
        Self::of(args.get(name).map(|arg| &arg.value), &args.place(name))
    }
}

impl<T: Field> Field for Given<T> {
    const HOLDS: Kind = T::HOLDS;
    const NATURAL: bool = T::NATURAL;
    const OPTIONAL: bool = T::OPTIONAL;

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        Ok(place.clone().given(T::of(value, place)?))
    }
}

impl<T: Field> Field for Option<T> {
    const HOLDS: Kind = T::HOLDS;
    const NATURAL: bool = T::NATURAL;
    const OPTIONAL: bool = true;

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        value.map(|value| T::of(Some(value), place)).transpose()
    }
}

impl<T: Field> Field for Vec<T> {
    const HOLDS: Kind = Kind::List(&T::HOLDS);
    const NATURAL: bool = T::NATURAL;

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        let Some(Value::List(items)) = value else { return Err(place.defect()) };
        let (mut list, mut mistakes) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            let own = if item.span == Span::DEFAULT { place.span } else { item.span };
            match T::of(Some(&item.value), &Place { span: own, ..place.clone() }) {
                Ok(item) => list.push(item),
                Err(found) => mistakes.extend(found.iter().cloned()),
            }
        }
        if mistakes.is_empty() { Ok(list) } else { Err(Diagnostics::new(mistakes)) }
    }
}

/// A struct made by `params!`.
pub trait Parameters: Sized {
    /// Its fields as the language knows them, in order.
    const TABLE: &'static [Param];

    /// The values.
    ///
    /// # Errors
    /// All mistakes that single kinds don't show, and what is missing in the draft of a step with mistakes.
    fn read(args: &Args) -> Result<Self, Diagnostics>;
}

/// `true`, `false`, or parameters of a struct of their own.
#[derive(Clone, Debug)]
pub enum Switch<T> {
    /// On or off, without more words.
    Plain(bool),
    /// The parameters.
    With(T),
}

impl<T: Parameters> Field for Switch<T> {
    const HOLDS: Kind = Kind::Switch(T::TABLE);

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        match value {
            Some(Value::Bool(on)) => Ok(Switch::Plain(*on)),
            Some(Value::Map(args)) => T::read(args).map(Switch::With),
            _ => Err(place.defect()),
        }
    }
}

/// Parameters of a struct of their own that stand among the others.
#[derive(Clone, Debug)]
pub struct Group<T>(T);

impl<T> Deref for Group<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Parameters> Field for Group<T> {
    const HOLDS: Kind = Kind::Map(T::TABLE);
    const GROUP: Option<&'static [Param]> = Some(T::TABLE);

    fn of(_: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        Err(place.defect())
    }

    fn find(args: &Args, _: &str) -> Result<Self, Diagnostics> {
        T::read(args).map(Group)
    }
}

/// Simple values: the kind, the form of the value, and what becomes of it.
macro_rules! fields {
    ($($type:ty, $natural:literal, $kind:expr, $value:pat => $made:expr;)*) => {
        $(impl Field for $type {
            const HOLDS: Kind = $kind;
            const NATURAL: bool = $natural;

            fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
                let made: Option<$type> = match value {
                    Some($value) => $made,
                    _ => None,
                };
                made.ok_or_else(|| place.defect())
            }
        })*
    };
}

/// The largest whole number that a file can hold.
const MOST: i64 = i64::MAX;
/// The largest of them that counts things in memory.
const MOST_THINGS: i64 = if usize::BITS < 64 { usize::MAX as i64 } else { MOST };

fields! {
    bool, true, Kind::Bool, Value::Bool(value) => Some(*value);
    u8, false, Kind::Int { min: 0, max: u8::MAX as i64 }, Value::Int(value) => u8::try_from(*value).ok();
    u16, false, Kind::Int { min: 0, max: u16::MAX as i64 }, Value::Int(value) => u16::try_from(*value).ok();
    u32, false, Kind::Int { min: 0, max: u32::MAX as i64 }, Value::Int(value) => u32::try_from(*value).ok();
    u64, false, Kind::Int { min: 0, max: MOST }, Value::Int(value) => u64::try_from(*value).ok();
    usize, false, Kind::Int { min: 0, max: MOST_THINGS }, Value::Int(value) => usize::try_from(*value).ok();
    i64, false, Kind::Int { min: i64::MIN, max: MOST }, Value::Int(value) => Some(*value);
    f64, false, Kind::Float { min: f64::MIN, max: f64::MAX }, Value::Float(value) => Some(*value);
    f32, false, Kind::Float { min: f32::MIN as f64, max: f32::MAX as f64 }, Value::Float(value) => Some(*value as f32);
    ExpressionText, true, Kind::Expression, Value::Text(text) => Some(ExpressionText(text.clone()));
    String, true, Kind::Text, Value::Text(text) => Some(text.clone());
    PathBuf, false, Kind::Path, Value::Path(path) => Some(path.clone());
    ByteSize, true, Kind::Bytes, Value::Bytes(size) => Some(*size);
    Failures, true, Kind::Failures, Value::Failures(limit) => Some(*limit);
    Pixels, true, Kind::Pixels, Value::Pixels(count) => Some(Pixels(*count));
    StepSpec, false, Kind::Step { noun: "", registry: Vec::new }, Value::Steps(steps) => steps.first().cloned();
    Steps, false, Kind::Steps { noun: "", registry: Vec::new }, Value::Steps(steps) => Some(Steps(steps.clone()));
}

/// The text of an expression, which is compiled where the names that it may use are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionText(pub String);

/// Expressions by names of the file's own.
#[derive(Clone, Debug)]
pub struct NamedExpressions(pub Vec<(String, Given<ExpressionText>)>);

impl Field for NamedExpressions {
    const HOLDS: Kind = Kind::Named(&Kind::Expression);

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        let Some(Value::Named(entries)) = value else { return Err(place.defect()) };
        let entry = |(name, arg): &(String, Arg)| {
            let own = Place { span: arg.span, ..place.clone() };
            Ok((name.clone(), own.clone().given(ExpressionText::of(Some(&arg.value), &own)?)))
        };
        entries.iter().map(entry).collect::<Result<_, _>>().map(NamedExpressions)
    }
}

/// A pixel count, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels(pub u64);

/// Steps of a registry of their own.
#[derive(Clone, Debug)]
pub struct Steps(pub Vec<StepSpec>);

/// Whether a type that holds the first kind holds every value of the second.
pub(super) const fn fits(holds: &Kind, kind: &Kind) -> bool {
    match (holds, kind) {
        (Kind::Bool, Kind::Bool)
        | (Kind::Expression, Kind::Expression)
        | (Kind::Text, Kind::Text | Kind::Glob)
        | (Kind::Path, Kind::Path | Kind::Model | Kind::Folder)
        | (Kind::Bytes, Kind::Bytes)
        | (Kind::Pixels, Kind::Pixels)
        | (Kind::Failures, Kind::Failures)
        | (Kind::Float { .. }, Kind::Share)
        | (Kind::CountOr { .. }, Kind::CountOr { .. })
        | (Kind::Step { .. }, Kind::Step { .. })
        | (Kind::Steps { .. }, Kind::Steps { .. }) => true,
        (Kind::Int { min, max }, Kind::Int { min: least, max: most }) => *min <= *least && *most <= *max,
        (Kind::Float { min, max }, Kind::Float { min: least, max: most }) => *min <= *least && *most <= *max,
        (Kind::List(holds), Kind::List(kind))
        | (Kind::Span(holds), Kind::Span(kind))
        | (Kind::Named(holds), Kind::Named(kind)) => fits(holds, kind),
        (Kind::Choice(known), Kind::Choice(words)) => {
            let mut at = 0;
            while at < words.len() {
                if !has(known, words[at]) {
                    return false;
                }
                at += 1;
            }
            true
        }
        (Kind::Map(known), Kind::Map(params)) | (Kind::Switch(known), Kind::Switch(params)) => {
            same_names(known, params)
        }
        _ => false,
    }
}

const fn has(words: &[&str], word: &str) -> bool {
    let mut at = 0;
    while at < words.len() {
        if same(words[at], word) {
            return true;
        }
        at += 1;
    }
    false
}
