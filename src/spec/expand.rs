//! Expansion of `${NAME}` and `${NAME:-default}` inside scalars of the parsed tree, where a variable's
//! text can change a value but never the structure, and is text or a number as the key wants it.

use super::diagnostic::{Report, Span};
use super::node::{Data, Node, Style, shown};

/// Most bytes that variables may add to one pipeline.
const MAX_ADDED: usize = 1 << 20;

/// Expands every value below `node`; keys stay as they are.
pub(super) fn expand(node: &mut Node, env: &dyn Fn(&str) -> Option<String>, report: &mut Report) {
    Expander { env, report, budget: MAX_ADDED }.node(node);
}

struct Expander<'a> {
    env: &'a dyn Fn(&str) -> Option<String>,
    report: &'a mut Report,
    budget: usize,
}

impl Expander<'_> {
    /// Recursion is bounded by the depth limit of the tree.
    fn node(&mut self, node: &mut Node) {
        match &mut node.data {
            Data::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Data::Map(entries) => entries.iter_mut().for_each(|(_, value)| self.node(value)),
            Data::Scalar { text, style } if text.contains("${") => match self.text(text, node.span) {
                // Quotes, which lists in brackets demand, do not keep a variable from being a number.
                Some(expanded) => (*text, *style) = (expanded, Style::Open),
                None => node.data = Data::Bad,
            },
            Data::Scalar { .. } | Data::Bad => {}
        }
    }

    fn text(&mut self, text: &str, span: Span) -> Option<String> {
        let (mut out, mut rest, mut good) = (String::new(), text, true);
        while let Some(at) = rest.find("${") {
            let (before, found) = rest.split_at(at);
            if let Some(kept) = before.strip_suffix('$') {
                out.push_str(kept);
                out.push_str("${");
                rest = found.strip_prefix("${")?;
                continue;
            }
            out.push_str(before);
            let Some((inside, after)) = found.strip_prefix("${")?.split_once('}') else {
                let help = "write `${NAME}`; a literal `${` is written `$${`".to_owned();
                self.report.error(span, "`${` is not closed by `}`", help);
                return None;
            };
            match self.variable(inside, span) {
                Some(value) => out.push_str(&value),
                None => good = false,
            }
            rest = after;
        }
        out.push_str(rest);
        good.then_some(out)
    }

    fn variable(&mut self, inside: &str, span: Span) -> Option<String> {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !well_formed {
            let help = "write `${NAME}` or `${NAME:-default}`; a literal `${` is written `$${`".to_owned();
            self.report.error(span, format!("{} is not a variable name", shown(name)), help);
            return None;
        }
        // As in a shell, `:-` also stands in for a variable that is set but empty.
        let value = (self.env)(name).filter(|value| default.is_none() || !value.is_empty());
        let Some(value) = value.or_else(|| default.map(str::to_owned)) else {
            let help = format!("set it, or give a default: `${{{name}:-default}}`");
            self.report.error(span, format!("environment variable `{name}` is not set"), help);
            return None;
        };
        // `${ROOT}/x` would else mean `/x`.
        if value.is_empty() && default.is_none() {
            let help = format!("set it, or write `${{{name}:-}}` if it may be empty");
            self.report.error(span, format!("environment variable `{name}` is empty"), help);
            return None;
        }
        match self.budget.checked_sub(value.len()) {
            Some(left) => self.budget = left,
            None => {
                let help = "use shorter variables".to_owned();
                self.report.error(span, "environment variables add more than 1 MiB", help);
                return None;
            }
        }
        Some(value)
    }
}
