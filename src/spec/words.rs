//! Choices: an enum and the words of the language that name its variants, declared once.

use super::args::Value;
use super::diagnostic::Diagnostics;
use super::field::Field;
use super::param::Kind;
use super::place::Place;

/// A value that a word names; made by `words!`.
pub trait Words: Sized + 'static {
    /// The words, in the order of the reference.
    const WORDS: &'static [&'static str];

    /// What a word names.
    fn of_word(word: &str) -> Option<Self>;
}

impl<T: Words> Field for T {
    const HOLDS: Kind = Kind::Choice(T::WORDS);

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        match value {
            Some(Value::Text(word)) => T::of_word(word).ok_or_else(|| place.defect()),
            _ => Err(place.defect()),
        }
    }
}

/// Declares an enum with a word for each variant, or, with `for` in front of its name, gives words to an enum that
/// stands elsewhere.
///
/// ```text
/// words! {
///     /// What goes where the aspects differ.
///     pub enum Fit {
///         /// Squeezed.
///         Stretch = "stretch",
///         /// Cut.
///         Crop = "crop",
///     }
/// }
/// words! { for Filter { Nearest = "nearest", Area = "area" } }
/// words! {
///     /// The format that is written.
///     struct Target(Option<Format>) { "same" => None, "png" => Some(Format::Png) }
/// }
/// ```
/// The last makes a struct around any value.
macro_rules! words {
    (for $name:ty { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $crate::spec::Words for $name {
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn of_word(word: &str) -> Option<Self> {
                // A variant without a word does not compile.
                const _: fn($name) = |value| match value {
                    $(<$name>::$variant => {})*
                };
                match word {
                    $($word => Some(<$name>::$variant),)*
                    _ => None,
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$of_variant:meta])* $variant:ident = $word:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$of_variant])* $variant,)*
        }

        $crate::spec::words! { for $name { $($variant = $word),* } }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident($value:ty) { $($word:literal => $made:expr),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name($vis $value);

        impl $crate::spec::Words for $name {
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn of_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some($name($made)),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use words;
