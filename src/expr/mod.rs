//! Expressions over what is known of a picture: `noise_sigma > 2.5 && !path.startsWith("scans/")`.
//!
//! The grammar is that of CEL, the Common Expression Language, as the crate `cel` parses it. Types are checked, and the
//! expression is compiled, here: so names, types and positions are known before anything runs, whole numbers and fractions
//! may stand beside each other, and a value that a picture does not have makes a comparison false in place of failing the
//! item. Nothing in an expression can loop, call out or take memory.

mod check;
mod eval;
mod expression;
mod functions;
mod kinds;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use expression::Expression;
pub(crate) use functions::reference;
pub(crate) use kinds::{Name, Wanted};
