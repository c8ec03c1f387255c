//! A pipeline as YAML once more, after overrides and variables have been put in: what a run remembers of it.
//!
//! Parsing it gives the same values. Comments are gone, and so is how the values were written.

use super::diagnostic::Span;
use super::node::{Data, Key, Node, Style, Typed, typed};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Longest line for a list or map in brackets.
const WIDTH: usize = 110;

/// The text of the tree; `name` is that of the job, which may come from the file's name. `numbers` are the places of
/// values from variables or the command line that stand for numbers or truths.
pub(super) fn text(root: &Node, name: &str, numbers: &HashSet<Span>) -> String {
    let writer = Writer { numbers };
    let Data::Map(entries) = &root.data else { return String::new() };
    let mut out = String::new();
    let named = entries.iter().any(|(key, _)| key.text == "name");
    for (key, node) in entries {
        writer.entry(key, node, 0, &mut out);
        if key.text == "version" && !named {
            let _ = writeln!(out, "name: {}", quoted_unless_plain(name));
        }
    }
    out
}

/// Of such a text, all but the top-level entries of these keys.
pub(super) fn without(text: &str, keys: &[&str]) -> String {
    let mut out = String::new();
    let mut kept = true;
    for line in text.lines() {
        if !line.starts_with([' ', '-']) {
            kept = !keys.iter().any(|key| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
        }
        if kept {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

struct Writer<'a> {
    numbers: &'a HashSet<Span>,
}

impl Writer<'_> {
    /// A key and its value on lines of their own. Recursion is bounded by the depth limit of the tree.
    fn entry(&self, key: &Key, node: &Node, indent: usize, out: &mut String) {
        let _ = write!(out, "{:indent$}{}:", "", quoted_unless_plain(&key.text));
        self.value(node, indent, out);
    }

    /// A value behind its key: on the same line where it fits.
    fn value(&self, node: &Node, indent: usize, out: &mut String) {
        let line = self.flow(node);
        let steps = |items: &[Node]| items.iter().any(|item| matches!(item.data, Data::Map(_)));
        match &node.data {
            Data::List(items) if !items.is_empty() && (steps(items) || indent + line.len() > WIDTH) => {
                out.push('\n');
                items.iter().for_each(|item| self.item(item, indent + 2, out));
            }
            Data::Map(entries) if !entries.is_empty() && indent + line.len() > WIDTH => {
                out.push('\n');
                entries.iter().for_each(|(key, node)| self.entry(key, node, indent + 2, out));
            }
            _ => {
                let _ = writeln!(out, " {line}");
            }
        }
    }

    /// An item of a list on lines of its own.
    fn item(&self, node: &Node, indent: usize, out: &mut String) {
        match &node.data {
            Data::Map(entries) if !entries.is_empty() => {
                for (at, (key, node)) in entries.iter().enumerate() {
                    let dash = if at == 0 { "- " } else { "  " };
                    let _ = write!(out, "{:indent$}{dash}{}:", "", quoted_unless_plain(&key.text));
                    self.value(node, indent + 2, out);
                }
            }
            _ => {
                let _ = writeln!(out, "{:indent$}- {}", "", self.flow(node));
            }
        }
    }

    /// A value on one line.
    fn flow(&self, node: &Node) -> String {
        match &node.data {
            Data::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Data::Map(entries) => {
                let entry = |(key, node): &(Key, Node)| {
                    format!("{}: {}", quoted_unless_plain(&key.text), self.flow(node))
                };
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(", "))
            }
            Data::Scalar { .. } if node.is_null() => "null".to_owned(),
            Data::Scalar { text, style: Style::Plain } if typed(text, true) != Typed::Text(text) => {
                text.clone()
            }
            Data::Scalar { text, style: Style::Open } if self.numbers.contains(&node.span) => {
                let number = text.trim();
                if is_word(number) || typed(number, true) != Typed::Text(number) {
                    number.to_owned()
                } else {
                    quoted(number)
                }
            }
            // What was expanded isn't to be expanded again.
            Data::Scalar { text, .. } => quoted_unless_plain(&text.replace("${", "$${")),
            Data::Bad => "null".to_owned(),
        }
    }
}

/// Whether YAML takes these characters for nothing but themselves, wherever they stand.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || "./_".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./%".contains(c))
}

fn quoted_unless_plain(text: &str) -> String {
    if is_word(text) && typed(text, true) == Typed::Text(text) { text.to_owned() } else { quoted(text) }
}

/// In double quotes, on one line, with no character that a YAML text may not hold.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
