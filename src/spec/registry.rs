//! What has to hold of every step's tables, for a test over the real list.

use std::collections::HashSet;
use std::sync::Arc;

use super::check::{default_of, step};
use super::diagnostic::{Origin, Report, Sources};
use super::node::Data;
use super::param::{Descriptor, Fallback, Kind, Param};
use super::tree;

/// Checks that names are unique and well formed, documents are sentences, defaults are valid values of
/// their own kind, and examples are valid steps.
///
/// # Errors
/// One line for every flaw.
pub fn check_registry(registry: &[&'static Descriptor]) -> Result<(), Vec<String>> {
    let mut flaws = Vec::new();
    let mut names = HashSet::new();
    for known in registry {
        let name = known.name;
        if !names.insert(name) {
            flaws.push(format!("{name}: the name is used twice"));
        }
        if !is_identifier(name, "_-") {
            flaws.push(format!("{name}: a name is lower case, in kebab or snake case"));
        }
        check_doc(name, known.doc, &mut flaws);
        check_params(name, known.params, &mut flaws);
        if let Some(short) = known.shorthand
            && !known.params.iter().any(|param| param.name == short)
        {
            flaws.push(format!("{name}: its shorthand `{short}` is no parameter"));
        }
        check_example(known, &mut flaws);
    }
    if flaws.is_empty() { Ok(()) } else { Err(flaws) }
}

/// Checks one table of parameters; `owner` names it in the flaws.
pub(super) fn check_params(owner: &str, params: &[Param], flaws: &mut Vec<String>) {
    let mut names = HashSet::new();
    for param in params {
        let label = format!("{owner}.{}", param.name);
        if !names.insert(param.name) {
            flaws.push(format!("{label}: the name is used twice"));
        }
        if !is_identifier(param.name, "_") {
            flaws.push(format!("{label}: a name is lower case, in snake case"));
        }
        check_doc(&label, param.doc, flaws);
        check_kind(&label, &param.kind, flaws);
        if let Err(found) = default_of(param) {
            flaws.push(format!("{label}: its default is not valid: {found}"));
        }
        if matches!(param.fallback, Fallback::Yaml(text) if text.contains("${")) {
            flaws.push(format!("{label}: its default holds a variable"));
        }
    }
}

fn check_doc(label: &str, doc: &str, flaws: &mut Vec<String>) {
    if doc.trim() != doc || doc.len() < 2 || !doc.ends_with('.') {
        flaws.push(format!("{label}: its doc has to be a sentence that ends with a full stop"));
    }
}

fn check_kind(label: &str, kind: &Kind, flaws: &mut Vec<String>) {
    let flaw = match kind {
        Kind::Int { min, max } if min > max => "an empty range",
        Kind::Float { min, max } if min.is_nan() || max.is_nan() || min > max => "an empty range",
        Kind::Choice([]) => "a choice of nothing",
        Kind::Choice(words) if words.iter().collect::<HashSet<_>>().len() < words.len() => {
            "a choice with a word twice"
        }
        Kind::Span(item) if !matches!(item, Kind::Int { .. } | Kind::Float { .. }) => {
            "a span of something other than numbers"
        }
        Kind::List(item) | Kind::Span(item) | Kind::Named(item) => return check_kind(label, item, flaws),
        Kind::Map(params) | Kind::Switch(params) => return check_params(label, params, flaws),
        _ => return,
    };
    flaws.push(format!("{label}: its kind is {flaw}"));
}

fn check_example(known: &'static Descriptor, flaws: &mut Vec<String>) {
    let mut report = Report::new(Arc::new(Sources::new("example", known.example, &[])));
    let root = tree::read(known.example, Origin::File, 0, &mut report);
    match root.as_ref().map(|node| &node.data) {
        Some(Data::List(items)) if items.len() == 1 => {
            for item in items {
                step("step", item, &[known], &mut report);
            }
        }
        _ => flaws.push(format!("{}: its example is not one list item `- {}: ...`", known.name, known.name)),
    }
    if !report.is_clean() {
        flaws.push(format!("{}: its example is not valid: {}", known.name, report.finish()));
    }
}

fn is_identifier(name: &str, joints: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || joints.contains(c))
}
