//! Values as a text writes them, with their places: what a tree is made of.

use super::diagnostic::Span;

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) data: Data,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Text as written.
    Scalar { text: String, style: Style },
    /// Values in order.
    List(Vec<Node>),
    /// Entries in order, keys unique.
    Map(Vec<(Key, Node)>),
    /// Something already reported; not looked at again.
    Bad,
}

/// How a scalar was written, which tells whether it may be a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes: what looks like a number is one.
    Plain,
    /// In quotes: text.
    Quoted,
    /// From a variable or the command line: text where text is wanted, a number where one is.
    Open,
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

/// A scalar's type by the core schema of YAML 1.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Typed<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

impl Node {
    /// An empty scalar, which means null.
    pub(super) fn null(span: Span) -> Self {
        Self { span, data: Data::Scalar { text: String::new(), style: Style::Plain } }
    }

    pub(super) fn is_null(&self) -> bool {
        match &self.data {
            Data::Scalar { text, style: Style::Plain } => typed(text, true) == Typed::Null,
            Data::Scalar { text, style: Style::Open } => text.is_empty(),
            _ => false,
        }
    }
}

/// The value that a scalar's text stands for.
pub(super) fn typed(text: &str, plain: bool) -> Typed<'_> {
    // Only text of these characters can be a number or a word of the schema; anything else could
    // make the YAML library see structure, comments or tags in it.
    let may_be_typed =
        plain && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._~".contains(c));
    if !may_be_typed {
        return Typed::Text(text);
    }
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Typed::Null;
    }
    match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(serde_yaml::Value::Bool(value)) => Typed::Bool(value),
        Ok(serde_yaml::Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Typed::Int(value),
            (None, Some(value)) => Typed::Float(value),
            (None, None) => Typed::Text(text),
        },
        // The YAML library makes text of whole numbers that fit no integer.
        _ if text.len() > 18
            && text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            text.parse().map_or(Typed::Text(text), Typed::Float)
        }
        _ => Typed::Text(text),
    }
}

/// The entries that a value without a map stands for.
pub(super) fn shorthand(name: &str, node: &Node) -> Vec<(Key, Node)> {
    vec![(Key { text: name.to_owned(), span: node.span }, node.clone())]
}

/// A text as an item of a list in brackets, in quotes where YAML needs them.
pub(super) fn item(text: &str) -> String {
    let simple = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "./_".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./%".contains(c));
    if simple {
        text.to_owned()
    } else if text.contains(['"', '\\']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

/// A text in backticks for a message, cut when long.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().nth(MOST).is_some() {
        format!("`{}...`", text.chars().take(MOST).collect::<String>())
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("", Typed::Null),
            ("~", Typed::Null),
            ("null", Typed::Null),
            ("true", Typed::Bool(true)),
            ("yes", Typed::Text("yes")),
            ("on", Typed::Text("on")),
            ("12", Typed::Int(12)),
            ("-3", Typed::Int(-3)),
            ("0x10", Typed::Int(16)),
            ("0o17", Typed::Int(15)),
            ("1.5", Typed::Float(1.5)),
            ("1e3", Typed::Float(1000.0)),
            ("1_000", Typed::Text("1_000")),
            ("---", Typed::Text("---")),
            ("-", Typed::Text("-")),
            ("a: 1", Typed::Text("a: 1")),
            ("!!int 5", Typed::Text("!!int 5")),
            ("1 # one", Typed::Text("1 # one")),
            ("4GiB", Typed::Text("4GiB")),
            ("007", Typed::Text("007")),
            ("10000000000000000000000", Typed::Float(1e22)),
        ] {
            assert_eq!(typed(text, true), expected, "{text}");
        }
        assert_eq!(typed("12", false), Typed::Text("12"));
        assert!(matches!(typed(".nan", true), Typed::Float(value) if value.is_nan()));
        assert!(matches!(typed("-.inf", true), Typed::Float(value) if value.is_infinite()));
    }
}
