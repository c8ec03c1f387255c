//! What is drawn for one application of a corruption: declared as a struct, of which the parameters are made.

use super::error::CorruptError;
use crate::spec::{
    Diagnostics, Fallback, Field, Kind, Param, Part, Place, Value as Checked, Words, count, join,
};
use std::marker::PhantomData;

/// The parameter `severity`, first of every corruption that has severities.
pub(crate) const SEVERITY: Param = Param {
    name: "severity",
    kind: Kind::Span(&Kind::Int { min: 1, max: 5 }),
    fallback: Fallback::Unset,
    doc: "ImageNet-C severity, whose constants hold for every parameter below that is not given; 1 to 5 at \
          random when absent.",
};

/// Declares the values that a corruption draws, in order: a struct, and the table of its parameters.
///
/// A number is drawn uniformly from the span that is given, a word from a list. The kind of a number stands in
/// brackets, the default behind `=` as YAML. Numbers without one have values by severity, which stand in
/// [`Corruption::severities`](super::Corruption::severities); the table then begins with `severity`.
macro_rules! drawn {
    (
        $(#[$meta:meta])*
        struct $name:ident {
            $($(#[doc = $doc:literal])* $field:ident: $type:ty $([$kind:expr])? $(= $default:literal)?),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        struct $name {
            $($(#[doc = $doc])* $field: $type,)*
        }

        impl $name {
            /// The parameters.
            const TABLE: &'static [$crate::spec::Param] = {
                const PARTS: &[$crate::spec::Part] = &[$(
                    $crate::corrupt::drawn::part::<$type>(
                        stringify!($field),
                        concat!($($doc),*),
                        $crate::spec::params!(@option $(&$crate::spec::Kind::Span(&$kind))?),
                        $crate::spec::params!(@option $($default)?),
                    ),
                )*];
                &$crate::corrupt::drawn::table::<{ $crate::corrupt::drawn::length(PARTS) }>(PARTS)
            };

            /// What was drawn.
            fn of(values: &$crate::corrupt::Values) -> Result<Self, $crate::corrupt::CorruptError> {
                let mut values = values.each();
                Ok(Self { $($field: $crate::corrupt::drawn::next::<$type>(&mut values)?,)* })
            }
        }
    };
}
pub(super) use drawn;

/// The values drawn for one application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    pub(super) severity: Option<i64>,
    pub(super) list: Vec<(&'static str, Value)>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Word(String),
}

impl Values {
    /// In the order of the parameters.
    pub(super) fn each(&self) -> impl Iterator<Item = &Value> {
        self.list.iter().map(|(_, value)| value)
    }
}

/// A type that a drawn value becomes.
pub(super) trait Draw: Sized {
    /// The widest kind of span or list that its values are drawn from.
    const FROM: Kind;

    fn of(value: &Value) -> Option<Self>;
}

impl Draw for f64 {
    const FROM: Kind = Kind::Span(&<f64 as Field>::HOLDS);

    fn of(value: &Value) -> Option<f64> {
        match value {
            Value::Number(number) => Some(*number),
            Value::Word(_) => None,
        }
    }
}

impl Draw for usize {
    const FROM: Kind = Kind::Span(&<usize as Field>::HOLDS);

    fn of(value: &Value) -> Option<usize> {
        <f64 as Draw>::of(value).map(|number| number as usize)
    }
}

impl<T: Words> Draw for T {
    const FROM: Kind = Kind::List(&<T as Field>::HOLDS);

    fn of(value: &Value) -> Option<T> {
        match value {
            Value::Word(word) => T::of_word(word),
            Value::Number(_) => None,
        }
    }
}

/// What values of the type are drawn from, as a parameter; a recipe reads it from the table.
struct Range<T>(PhantomData<T>);

impl<T: Draw> Field for Range<T> {
    const HOLDS: Kind = T::FROM;

    fn of(_: Option<&Checked>, place: &Place) -> Result<Self, Diagnostics> {
        Err(place.defect())
    }
}

/// A parameter of values of this type.
pub(super) const fn part<T: Draw>(
    name: &'static str,
    doc: &'static str,
    kind: Option<&'static Kind>,
    default: Option<&'static str>,
) -> Part {
    let kind = match kind {
        Some(kind) => Some(*kind),
        None => None,
    };
    match default {
        Some(_) => Part::of::<Range<T>>(name, doc, kind, default),
        None => Part::of::<Option<Range<T>>>(name, doc, kind, default),
    }
}

/// How many parameters a table of these has.
pub(super) const fn length(parts: &[Part]) -> usize {
    count(parts) + by_severity(parts) as usize
}

/// The table, with `severity` where values follow from it.
pub(super) const fn table<const N: usize>(parts: &[Part]) -> [Param; N] {
    let mut all = [SEVERITY; N];
    let own = join::<N>(parts);
    let (mut from, mut to) = (0, by_severity(parts) as usize);
    while to < N {
        all[to] = own[from];
        (from, to) = (from + 1, to + 1);
    }
    all
}

const fn by_severity(parts: &[Part]) -> bool {
    let mut part = 0;
    while part < parts.len() {
        if parts[part].is_optional() {
            return true;
        }
        part += 1;
    }
    false
}

/// The next value of a struct.
///
/// # Errors
/// When recipe and struct disagree.
pub(super) fn next<'a, T: Draw>(values: &mut impl Iterator<Item = &'a Value>) -> Result<T, CorruptError> {
    values.next().and_then(T::of).ok_or(CorruptError::Undrawn)
}
