//! The language reference in Markdown, made from the tables.

use std::fmt::Write as _;

use super::check::CHOOSE;
use super::conditions::{CHOOSE_DOC, CHOOSE_EXAMPLE, WHEN};
use super::kinds;
use super::language::{
    INPUT, INPUT_SECTION, LIMITS, LIMITS_SECTION, SHARE, SHARE_DOC, STEPS_SECTION, SYNTH_DOC, SYNTH_INPUT,
    TOP,
};
use super::param::{Descriptor, Fallback, Kind, Param, Role, Vocabulary};
use super::schema::nested;
use crate::synth::SYNTHS;

/// The reference of the language with these words: the top level, `input`, `limits`, `train`, and every
/// step with its parameters and an example. Headings begin at the second level.
pub fn reference_markdown(vocabulary: &Vocabulary) -> String {
    let train = vocabulary.train;
    let mut out = String::from("## Top level\n\n");
    table(&mut out, TOP);
    let sections = [
        (INPUT_SECTION, "required"),
        (STEPS_SECTION, "this or the next"),
        ((train.name, train.doc), "this or the last"),
        (LIMITS_SECTION, "optional"),
    ];
    for ((name, doc), needed) in sections {
        let _ = writeln!(out, "| `{name}` | see [below](#{name}) | {needed} | {} |", cell(doc));
    }
    for ((name, doc), params) in [(INPUT_SECTION, INPUT), (LIMITS_SECTION, LIMITS)] {
        let _ = write!(out, "\n## {name}\n\n{doc}\n\n");
        table(&mut out, params);
        if name == INPUT_SECTION.0 {
            made(&mut out);
            let _ = write!(out, "\n### Several inputs\n\n{SHARE_DOC}\n\n");
            table(&mut out, SHARE);
        }
    }
    let (name, doc) = STEPS_SECTION;
    let _ = write!(out, "\n## {name}\n\n{doc}\n");
    steps(&mut out, &vocabulary.steps, |step| Some(role(step.role)));
    conditions(&mut out);
    let _ = write!(out, "\n## {}\n\n{}\n\n", train.name, train.doc);
    table(&mut out, train.params);
    for param in train.params {
        let inner = match param.kind {
            Kind::Map(inner) | Kind::Switch(inner) => Some(inner),
            Kind::List(Kind::Map(inner)) => Some(*inner),
            _ => None,
        };
        if let Some(inner) = inner {
            let _ = write!(out, "\n### {}.{}\n\n{}\n\n", train.name, param.name, param.doc);
            table(&mut out, inner);
        }
    }
    for (noun, inner) in nested(vocabulary) {
        // Steps that stand above.
        if inner.iter().all(|inner| vocabulary.steps.iter().any(|step| std::ptr::eq(*step, *inner))) {
            let links: Vec<String> = inner.iter().map(|step| format!("[{0}](#{0})", step.name)).collect();
            let _ = write!(
                out,
                "\n## {noun}s\n\nA parameter that takes a list of {noun}s takes these steps: {}.\n",
                links.join(", ")
            );
            continue;
        }
        let _ =
            write!(out, "\n## {noun}s\n\nA parameter that takes a {noun}, or a list of them, takes these.\n");
        // They stand in no chain.
        steps(&mut out, &inner, |_| None);
    }
    out
}

/// What any step takes that changes or writes pictures.
fn conditions(out: &mut String) {
    let _ = write!(out, "\n### {CHOOSE}\n\n{CHOOSE_DOC}\n\n```yaml\n{CHOOSE_EXAMPLE}\n```\n");
    let _ = write!(
        out,
        "\n## Conditions\n\nEvery step that changes pictures or writes them also takes this:\n\n"
    );
    table(out, &[WHEN]);
}

/// Images that are made in place of read.
fn made(out: &mut String) {
    let _ = write!(out, "\n### Synthetic images\n\n{SYNTH_DOC}\n\n");
    table(out, SYNTH_INPUT);
    out.push('\n');
    for synth in SYNTHS {
        let _ = writeln!(out, "- `{}`: {}", synth.name, synth.doc);
    }
}

fn steps(out: &mut String, registry: &[&'static Descriptor], role: fn(&Descriptor) -> Option<&'static str>) {
    for step in registry {
        let _ = write!(out, "\n### {}\n\n{}", step.name, step.doc);
        let role = role(step).map(|role| format!("*{role}.*"));
        let short = step.shorthand.map(|parameter| format!("A value without a map is `{parameter}`."));
        let remarks: Vec<String> = role.into_iter().chain(short).collect();
        if !remarks.is_empty() {
            let _ = write!(out, "\n\n{}", remarks.join(" "));
        }
        let _ = write!(out, "\n\n```yaml\n{}\n```\n", step.example.trim_end());
        if step.params.is_empty() {
            out.push_str("\nIt takes no parameters.\n");
        } else {
            out.push('\n');
            table(out, step.params);
        }
        for param in step.params {
            if let Kind::List(Kind::Map(inner)) = param.kind {
                let _ = write!(out, "\nEach of `{}`:\n\n", param.name);
                table(out, inner);
            }
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
