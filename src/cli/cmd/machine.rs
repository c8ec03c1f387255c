//! `--json`: one JSON object on standard output and nothing else, also where a command could not do what it was asked.
//!
//! docs/machines.md documents the keys; tests/integration/machines.rs pins them.

use super::code;
use super::print::raw;
use super::refusal::{self, Refusal};
use crate::job::told;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How a command tells its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// As JSON, by the command of this name.
    Json(&'static str),
}

impl Form {
    /// That of a command of this name, as asked for.
    pub(super) fn new(command: &'static str, json: bool) -> Form {
        if json { Form::Json(command) } else { Form::Text }
    }

    /// Tells why nothing came of it; gives the exit code.
    pub(super) fn refuse(self, refusal: &Refusal) -> u8 {
        match self {
            Form::Text => refusal::refuse(refusal),
            Form::Json(command) => {
                let (error, exit) = error(refusal);
                object(command, error, json!({}), exit)
            }
        }
    }
}

/// Writes the object of a command that did what it was asked; gives `exit`, or why it can't be written.
pub(super) fn tell(command: &str, fields: Value, exit: u8) -> u8 {
    object(command, Value::Null, fields, exit)
}

/// The same of a command that found out something and was refused then.
pub(super) fn tell_refused(command: &str, refusal: &Refusal, fields: Value) -> u8 {
    let (error, exit) = error(refusal);
    object(command, error, fields, exit)
}

fn object(command: &str, error: Value, fields: Value, exit: u8) -> u8 {
    match raw(&format!("{}\n", harmless(&told::object(command, error, fields, exit).to_string()))) {
        code::OK => exit,
        failed => failed,
    }
}

/// Why not, with the places of all mistakes of a pipeline.
fn error(refusal: &Refusal) -> (Value, u8) {
    let (message, exit) = refusal::told(refusal);
    let mistakes = match refusal {
        Refusal::Invalid(mistakes) => Some(mistakes),
        _ => None,
    };
    (told::error(&message, mistakes), exit)
}

/// What a terminal might obey, or not show, as escapes of JSON. Such characters stand within strings only.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if crate::shown::is_harmful(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmful_characters_are_escaped_and_come_back() {
        let text = "a\u{9b}m\u{202e}\u{e0041}\u{7f}ä\n";
        let line = harmless(&json!({ "a": text }).to_string());
        assert!(line.is_ascii() || line.contains('ä'));
        assert!(!line.contains(crate::shown::is_harmful), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["a"], text);
    }
}
