//! Identities of products: a digest of everything their bytes depend on, and of nothing else.

use super::{Built, Chance};
use crate::ledger::Fingerprint;
use crate::spec::{Args, Value};
use std::fmt::Write;

/// Counts up when the same settings give other bytes than the last release's.
const RESULTS: u32 = 1;

/// One step as text: its name, settings, what its random choices follow from, and the hashes of its models (not their paths).
pub fn describe(name: &str, args: &Args, built: &Built, chance: Option<Chance>) -> String {
    let mut text = String::new();
    let hashed = |key: &str| built.ingredients.iter().any(|(parameter, _)| parameter == key);
    let without = |key: &str| hashed(key) || built.besides.contains(&key);
    args_text(name, args, &without, &mut text);
    if let Some(Chance { seed, step }) = chance {
        writeln!(text, "  seed={seed} step={step}").ok();
    }
    for (parameter, hash) in &built.ingredients {
        writeln!(text, "  {parameter}#{hash}").ok();
    }
    text
}

fn args_text(name: &str, args: &Args, without: &dyn Fn(&str) -> bool, text: &mut String) {
    writeln!(text, "{name}").ok();
    for (key, arg) in args.iter().filter(|(key, _)| !without(key)) {
        write!(text, "  {key}=").ok();
        value_text(&arg.value, text);
        text.push('\n');
    }
}

/// A section as text, without the keys that results don't depend on.
pub fn section(name: &str, args: &Args, without: &[&str]) -> String {
    let mut text = String::new();
    args_text(name, args, &|key| without.contains(&key), &mut text);
    text
}

/// Values only: where they stand in the file must not matter.
fn value_text(value: &Value, text: &mut String) {
    match value {
        Value::List(items) => {
            text.push('[');
            for item in items {
                value_text(&item.value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Steps(steps) => {
            text.push('[');
            for step in steps {
                args_text(step.descriptor.name, &step.args, &|_| false, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Map(args) => args_text("", args, &|_| false, text),
        other => {
            write!(text, "{other:?}").ok();
        }
    }
}

/// The product of a step that follows `upstream` image steps.
pub fn product(upstream: &[String], own: &str) -> Fingerprint {
    digest(upstream.iter().map(String::as_str).chain([own]))
}

/// The digest of several texts in order.
pub fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&RESULTS.to_le_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// Hexadecimal form of a digest.
pub fn hex(fingerprint: &Fingerprint) -> String {
    fingerprint.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}
