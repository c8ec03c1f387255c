//! Parameters declared once: a struct whose fields are typed, and the table of the language made of it.

use super::args::Args;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::field::{Field, fits};
use super::param::{Fallback, Kind, Param};

/// Declares parameters: a struct of typed fields, of which table, reference, schema and reader are made.
///
/// ```text
/// params! {
///     /// Parameters of `resize`.
///     pub(super) struct Params {
///         /// Width in pixels.
///         width: Option<usize> [Kind::Int { min: 1, max: 65_535 }],
///         /// Resampling filter.
///         filter: Filter = "lanczos",
///     }
/// }
/// ```
/// The comment is the sentence of the reference. The kind stands in brackets, and may be left out where the type has
/// one of its own, such as `bool`, `String` and every type of [`words!`](super::words). Behind `=` stands the default
/// as YAML; an [`Option`] may be unset; anything else has to be given. A type that can't hold its kind does not
/// compile.
macro_rules! params {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $field:ident: $type:ty $([$kind:expr])? $(= $default:expr)?),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])* $vis $field: $type,)*
        }

        impl $crate::spec::Parameters for $name {
            const TABLE: &'static [$crate::spec::Param] = {
                const PARTS: &[$crate::spec::Part] = &[$(
                    $crate::spec::Part::of::<$type>(
                        stringify!($field),
                        concat!($($doc),*),
                        $crate::spec::params!(@option $($kind)?),
                        $crate::spec::params!(@option $($default)?),
                    ),
                )*];
                &$crate::spec::join::<{ $crate::spec::count(PARTS) }>(PARTS)
            };

            fn read(args: &$crate::spec::Args) -> Result<Self, $crate::spec::Diagnostics> {
                let (_, mistakes) = (args, &mut Vec::new());
                $(let $field = $crate::spec::field::<$type>(args, stringify!($field), mistakes);)*
                $crate::spec::finish(mistakes, || Some(Self { $($field: $field?),* }))
            }
        }

        impl $crate::spec::Field for $name {
            const HOLDS: $crate::spec::Kind =
                $crate::spec::Kind::Map(<Self as $crate::spec::Parameters>::TABLE);

            fn of(
                value: Option<&$crate::spec::Value>,
                place: &$crate::spec::Place,
            ) -> Result<Self, $crate::spec::Diagnostics> {
                match value {
                    Some($crate::spec::Value::Map(args)) => <Self as $crate::spec::Parameters>::read(args),
                    _ => Err(place.defect()),
                }
            }
        }
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}
pub(crate) use params;

/// A field as it was declared.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    own: Param,
    group: Option<&'static [Param]>,
}

impl Part {
    /// A field of this type. Fails to compile where type, kind and default don't fit each other.
    pub const fn of<T: Field>(
        name: &'static str,
        doc: &'static str,
        kind: Option<Kind>,
        default: Option<&'static str>,
    ) -> Part {
        let kind = match kind {
            Some(kind) => {
                assert!(
                    fits(&T::HOLDS, &kind),
                    "the type of this field does not hold every value of its kind"
                );
                kind
            }
            None => {
                assert!(T::NATURAL, "this field's type has no kind of its own: write one in brackets");
                T::HOLDS
            }
        };
        let fallback = match default {
            Some(text) => {
                assert!(!T::OPTIONAL, "a field with a default is never unset: it needs no `Option`");
                Fallback::Yaml(text)
            }
            None if T::OPTIONAL => Fallback::Unset,
            None => Fallback::Required,
        };
        Part { own: Param { name, kind, fallback, doc: doc.trim_ascii() }, group: T::GROUP }
    }

    /// Whether it may stay unset.
    pub const fn is_optional(&self) -> bool {
        matches!(self.own.fallback, Fallback::Unset)
    }
}

/// How many parameters the fields are.
pub const fn count(parts: &[Part]) -> usize {
    let (mut sum, mut part) = (0, 0);
    while part < parts.len() {
        sum += match parts[part].group {
            Some(group) => group.len(),
            None => 1,
        };
        part += 1;
    }
    sum
}

/// The parameters of all fields, in order.
pub const fn join<const N: usize>(parts: &[Part]) -> [Param; N] {
    let none = Param { name: "", kind: Kind::Bool, fallback: Fallback::Required, doc: "" };
    let (mut all, mut at, mut part) = ([none; N], 0, 0);
    while part < parts.len() {
        match parts[part].group {
            Some(group) => {
                let mut of_group = 0;
                while of_group < group.len() {
                    all[at] = group[of_group];
                    (at, of_group) = (at + 1, of_group + 1);
                }
            }
            None => {
                all[at] = parts[part].own;
                at += 1;
            }
        }
        part += 1;
    }
    all
}

/// A field's value; a mistake is kept.
pub fn field<T: Field>(args: &Args, name: &str, mistakes: &mut Vec<Diagnostic>) -> Option<T> {
    T::find(args, name).map_err(|found| mistakes.extend(found.iter().cloned())).ok()
}

/// The struct, or the mistakes of its fields.
///
/// # Errors
/// These mistakes.
pub fn finish<T>(mistakes: &mut Vec<Diagnostic>, make: impl FnOnce() -> Option<T>) -> Result<T, Diagnostics> {
    make().ok_or_else(|| Diagnostics::new(std::mem::take(mistakes)))
}
