//! The language reference in Markdown, made from the tables.

use std::fmt::Write as _;

use super::kinds;
use super::language::{INPUT, INPUT_SECTION, LIMITS, LIMITS_SECTION, STEPS_SECTION, TOP};
use super::param::{Descriptor, Fallback, Param, Role};
use super::schema::nested;

/// The reference of the language with these steps: the top level, `input`, `limits`, and every step
/// with its parameters and an example. Headings begin at the second level.
pub fn reference_markdown(registry: &[&'static Descriptor]) -> String {
    let mut out = String::from("## Top level\n\n");
    table(&mut out, TOP);
    let sections = [(INPUT_SECTION, "required"), (STEPS_SECTION, "required"), (LIMITS_SECTION, "optional")];
    for ((name, doc), needed) in sections {
        let _ = writeln!(out, "| `{name}` | see [below](#{name}) | {needed} | {} |", cell(doc));
    }
    for ((name, doc), params) in [(INPUT_SECTION, INPUT), (LIMITS_SECTION, LIMITS)] {
        let _ = write!(out, "\n## {name}\n\n{doc}\n\n");
        table(&mut out, params);
    }
    let (name, doc) = STEPS_SECTION;
    let _ = write!(out, "\n## {name}\n\n{doc}\n");
    steps(&mut out, registry);
    for (noun, inner) in nested(registry) {
        let _ = write!(out, "\n## {noun}s\n\nA parameter that takes a list of {noun}s takes these.\n");
        steps(&mut out, &inner);
    }
    out
}

fn steps(out: &mut String, registry: &[&'static Descriptor]) {
    for step in registry {
        let _ = write!(out, "\n### {}\n\n{}\n\n*{}.*", step.name, step.doc, role(step.role));
        if let Some(parameter) = step.shorthand {
            let _ = write!(out, " A value without a map is `{parameter}`.");
        }
        let _ = write!(out, "\n\n```yaml\n{}\n```\n", step.example.trim_end());
        if step.params.is_empty() {
            out.push_str("\nIt takes no parameters.\n");
        } else {
            out.push('\n');
            table(out, step.params);
        }
    }
}

fn table(out: &mut String, params: &[Param]) {
    out.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
    for param in params {
        let default = match param.fallback {
            Fallback::Required => "required".to_owned(),
            Fallback::Unset => "unset".to_owned(),
            Fallback::Yaml(text) => format!("`{text}`"),
        };
        let kind = kinds::short(&param.kind);
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            param.name,
            cell(&kind),
            cell(&default),
            cell(param.doc)
        );
    }
}

/// A `|` would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Image => "Changes the image",
        Role::Many => "Makes several images of one",
        Role::WritePairs => "Writes pairs of images",
        Role::Columns => "Adds columns to the row",
        Role::WriteImage => "Writes the image",
        Role::WriteRow => "Writes the row",
    }
}
