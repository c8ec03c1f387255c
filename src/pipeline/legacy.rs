//! Identities as ledgers up to layout 3 have them: a text with Rust's own forms of values, the place of a step in the
//! chain, and every parameter there was then, defaults too. They are computed beside the present ones, so that what was
//! made then is known for what it is. Nothing here may change.

use super::{Built, Chance};
use crate::ledger::{Fingerprint, hex};
use crate::spec::units::{ByteSize, Failures};
use crate::spec::{Args, StepSpec, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::LazyLock;

/// Counted up with the bytes of all results.
const RESULTS: u32 = 1;

/// The parameters that each step, corruption and section had, by its name.
static KNOWN: LazyLock<BTreeMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        line.split_once(':').map(|(name, rest)| (name, rest.split_whitespace().collect()))
    };
    include_str!("legacy.txt").lines().filter_map(line).collect()
});

/// One step as text: its name, settings, what its random choices follow from, and the hashes of its models (not their paths).
/// `number` is its place in the chain.
pub(super) fn describe(step: &StepSpec, built: &Built, chance: Option<(Chance, usize)>) -> String {
    let mut text = String::new();
    let hashed = |key: &str| built.ingredients.iter().any(|(parameter, _)| parameter == key);
    let without = |key: &str| hashed(key) || built.besides.contains(&key);
    args_text(step.descriptor.name, &step.args, &without, &mut text);
    if let Some((Chance { seed, .. }, number)) = chance {
        writeln!(text, "  seed={seed} step={number}").ok();
    }
    for (parameter, hash) in &built.ingredients {
        writeln!(text, "  {parameter}#{hash}").ok();
    }
    text
}

fn args_text(name: &str, args: &Args, without: &dyn Fn(&str) -> bool, text: &mut String) {
    writeln!(text, "{name}").ok();
    let known = KNOWN.get(name);
    for (param, arg) in args.params().filter(|(param, _)| !without(param.name)) {
        let key = param.name;
        // What came later counts where it is set to something else than its default.
        if known.is_some_and(|known| !known.contains(&key)) && args.is_default(param) {
            continue;
        }
        write!(text, "  {key}=").ok();
        value_text(&arg.value, text);
        text.push('\n');
    }
}

/// A section as text, without the keys that results don't depend on.
pub(crate) fn section(name: &str, args: &Args, without: &[&str]) -> String {
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
        other => scalar(other, text),
    }
}

/// As the compiler derived it then.
fn scalar(value: &Value, text: &mut String) {
    let written = match value {
        Value::Bool(value) => write!(text, "Bool({value:?})"),
        Value::Int(value) => write!(text, "Int({value:?})"),
        Value::Float(value) => write!(text, "Float({value:?})"),
        Value::Text(value) => write!(text, "Text({value:?})"),
        Value::Bytes(ByteSize::Auto) => write!(text, "Bytes(Auto)"),
        Value::Bytes(ByteSize::Exact(count)) => write!(text, "Bytes(Exact({count:?}))"),
        Value::Pixels(count) => write!(text, "Pixels({count:?})"),
        Value::Failures(Failures::Share(share)) => write!(text, "Failures(Share({share:?}))"),
        Value::Failures(Failures::Count(count)) => write!(text, "Failures(Count({count:?}))"),
        Value::Path(path) => write!(text, "Path({path:?})"),
        Value::Span(low, high) => {
            text.push_str("Span(");
            scalar(low, text);
            text.push_str(", ");
            scalar(high, text);
            write!(text, ")")
        }
        Value::List(_) | Value::Steps(_) | Value::Map(_) | Value::Named(_) => Ok(()),
    };
    // Writing to a text does not fail.
    written.ok();
}

/// The product of a step that follows `upstream` image steps.
pub(super) fn product(upstream: &[String], own: &str) -> Fingerprint {
    digest(upstream.iter().map(String::as_str).chain([own]))
}

/// The digest of all products that a plan asks for.
pub(super) fn whole(asked: &BTreeSet<Fingerprint>, version: &str, first_pages: bool) -> Fingerprint {
    let mut texts: Vec<String> = asked.iter().map(hex).collect();
    texts.push(version.to_string());
    texts.extend(first_pages.then(|| "first pages".to_string()));
    digest(texts.iter().map(String::as_str))
}

fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> Fingerprint {
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
