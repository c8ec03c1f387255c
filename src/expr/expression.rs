//! A checked expression.

use super::kinds::{Mistake, Name, Wanted};
use super::{check, eval, parse};
use crate::columns::Value;

/// A checked expression, ready to be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    node: eval::Node,
    text: String,
    canonical: String,
    names: Vec<usize>,
}

impl Expression {
    /// Reads and checks an expression over `scope`. Of equal names, the last counts.
    ///
    /// # Errors
    /// All mistakes of names and types, or the first one of grammar.
    pub(crate) fn new(text: &str, scope: &[Name], wanted: Wanted) -> Result<Expression, Vec<Mistake>> {
        let syntax = parse::parse(text).map_err(|mistake| vec![mistake])?;
        let (node, names) = check::check(&syntax, scope, wanted)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Expression { node, text, canonical: syntax.canonical(), names })
    }

    /// As it was written, on one line.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A text that is equal for expressions that differ in blanks and needless parentheses alone.
    pub(crate) fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The names it uses, by their places in the scope, sorted.
    pub(crate) fn names(&self) -> &[usize] {
        &self.names
    }

    /// Whether it holds. `value` gives what a name of the scope stands for.
    pub(crate) fn holds(&self, value: &dyn Fn(usize) -> Value) -> bool {
        eval::truth(&self.node, value)
    }

    /// Its number; none where it depends on what this picture does not have, or is not finite.
    pub(crate) fn number(&self, value: &dyn Fn(usize) -> Value) -> Option<f64> {
        eval::float(&eval::value(&self.node, value)).filter(|number| number.is_finite())
    }
}
