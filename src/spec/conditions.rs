//! `when:` on steps, and `choose:` between them: a tree of steps becomes a list, each with the branches it stands in.

use super::args::{Branch, StepSpec};
use super::check::{self, CHOOSE, entry};
use super::diagnostic::Report;
use super::kinds;
use super::node::{Data, Key, Node, shown};
use super::param::{Descriptor, Fallback, Kind, Param, Role};
use super::place::{Given, Place};
use super::suggest;

/// Parameter of every step that changes the picture or writes it.
pub const WHEN: Param = Param {
    name: "when",
    kind: Kind::Expression,
    fallback: Fallback::Unset,
    doc: "Only pictures for which this expression holds go through the step; the others pass it as they are, and `corrupt` keeps them as their own clean ones. See \
          [Expressions](#expressions).",
};

/// What the reference says of it.
pub const CHOOSE_DOC: &str = "In place of a step: a list of branches, of which each picture takes the first whose `when` \
    holds, or `else`. Branches hold steps that change or write pictures, and further choices.";
/// An example of it.
pub const CHOOSE_EXAMPLE: &str = "- choose:\n    - {when: 'format == \"jpeg\" && quality < 60', steps: [restore: deblock.onnx]}\n    - {when: noise_sigma > 2.5, steps: [restore: denoise.onnx]}\n    - {else: []}";

const STEPS: &str = "steps";
const ELSE: &str = "else";
const EXAMPLE: &str =
    "write for example `choose: [{when: noise_sigma > 2.5, steps: [grayscale]}, {else: []}]`";

/// What a choice decides by.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The condition of each branch; none for `else`.
    pub branches: Vec<Option<Given<String>>>,
    /// Whether all of it could be read.
    pub sound: bool,
}

/// All choices of a pipeline, in the order in which they are met.
pub type Choices = Vec<Choice>;

/// Whether a step of this role takes a condition.
pub fn is_conditional(role: Role) -> bool {
    matches!(role, Role::Image | Role::WriteImage | Role::WritePairs)
}

/// Reads the items of a list of steps, those inside choices too. None for one that can't be read at all.
pub(super) fn read(
    items: &[Node],
    registry: &[&'static Descriptor],
    choices: &mut Choices,
    report: &mut Report,
) -> Vec<Option<StepSpec>> {
    let mut found = Vec::new();
    list(items, registry, &[], choices, report, &mut found);
    found
}

fn list(
    items: &[Node],
    registry: &[&'static Descriptor],
    within: &[Branch],
    choices: &mut Choices,
    report: &mut Report,
    found: &mut Vec<Option<StepSpec>>,
) {
    for item in items {
        match &item.data {
            Data::Map(entries) if matches!(entries.as_slice(), [(key, _)] if key.text == CHOOSE) => {
                for (key, value) in entries {
                    choose(key, value, registry, within, choices, report, found);
                }
            }
            _ => {
                let step = conditional(item, registry, report).map(|step| {
                    if !within.is_empty() && !is_conditional(step.descriptor.role) {
                        let name = step.descriptor.name;
                        let help = "put it before or behind the `choose`".to_owned();
                        report.error(
                            step.span,
                            format!("`{name}` can't stand in a branch of `{CHOOSE}`"),
                            help,
                        );
                        return StepSpec { sound: false, ..step };
                    }
                    StepSpec { within: within.to_vec(), ..step }
                });
                found.push(step);
            }
        }
    }
}

/// A step with its condition, which stands among its parameters.
fn conditional(item: &Node, registry: &[&'static Descriptor], report: &mut Report) -> Option<StepSpec> {
    let mut rest = item.clone();
    let mut when = None;
    if let Data::Map(entries) = &mut rest.data
        && let [(_, Node { data: Data::Map(params), .. })] = entries.as_mut_slice()
        && let Some(at) = params.iter().position(|(key, _)| key.text == WHEN.name)
    {
        when = Some(params.remove(at));
    }
    let step = check::step("step", &rest, registry, report)?;
    let Some((key, node)) = when else { return Some(step) };
    let name = step.descriptor.name;
    if !is_conditional(step.descriptor.role) {
        let help = "conditions stand on steps that change pictures or write them".to_owned();
        report.error(key.span, format!("`{name}` takes no `when`"), help);
        return Some(StepSpec { sound: false, ..step });
    }
    match condition(&key, &node, report) {
        Some(when) => Some(StepSpec { when: Some(when), ..step }),
        None => Some(StepSpec { sound: false, ..step }),
    }
}

fn condition(key: &Key, node: &Node, report: &mut Report) -> Option<Given<String>> {
    let arg = entry(&WHEN, key.span, node, report)?;
    let place = Place { span: arg.span, given: true, sources: report.sources.clone() };
    arg.value.text().map(|text| place.given(text.to_owned()))
}

fn choose(
    key: &Key,
    value: &Node,
    registry: &[&'static Descriptor],
    within: &[Branch],
    choices: &mut Choices,
    report: &mut Report,
    found: &mut Vec<Option<StepSpec>>,
) {
    let mistakes_before = report.count();
    let choice = choices.len();
    choices.push(Choice::default());
    let before = found.len();
    match &value.data {
        Data::List(nodes) if !nodes.is_empty() => {
            for (at, node) in nodes.iter().enumerate() {
                let inside: Vec<Branch> =
                    within.iter().copied().chain([Branch { choice, branch: at }]).collect();
                let last = at + 1 == nodes.len();
                let when = branch(node, last, registry, &inside, choices, report, found);
                choices[choice].branches.push(when);
            }
            if found.len() == before && report.count() == mistakes_before {
                report.error(key.span, format!("`{CHOOSE}` has no steps in any branch"), EXAMPLE.to_owned());
            }
        }
        Data::Bad => {}
        _ => {
            let span = if value.is_null() { key.span } else { value.span };
            let what = if matches!(value.data, Data::List(_)) {
                "an empty list".to_owned()
            } else {
                kinds::found(value)
            };
            report.error(
                span,
                format!("`{CHOOSE}` wants a list of branches, found {what}"),
                EXAMPLE.to_owned(),
            );
            found.push(None);
        }
    }
    choices[choice].sound = report.count() == mistakes_before;
}

/// The branch's condition; its steps are added to `found`.
fn branch(
    node: &Node,
    last: bool,
    registry: &[&'static Descriptor],
    inside: &[Branch],
    choices: &mut Choices,
    report: &mut Report,
    found: &mut Vec<Option<StepSpec>>,
) -> Option<Given<String>> {
    let Data::Map(entries) = &node.data else {
        if !matches!(node.data, Data::Bad) {
            report.error(
                node.span,
                format!("a branch is a map, found {}", kinds::found(node)),
                EXAMPLE.to_owned(),
            );
        }
        return None;
    };
    let (mut when, mut steps) = (None, None);
    for (key, value) in entries {
        match key.text.as_str() {
            "when" => when = Some(condition(key, value, report)),
            STEPS | ELSE if steps.is_none() => steps = Some((key, value)),
            STEPS | ELSE => {
                let help = "make two branches of it".to_owned();
                report.error(key.span, "a branch has either `steps` or `else`", help);
            }
            _ => {
                let help = suggest::help(&key.text, ["when", STEPS, ELSE], "a branch takes");
                report.error(key.span, format!("unknown key {} in a branch", shown(&key.text)), help);
            }
        }
    }
    let Some((key, value)) = steps else {
        report.error(node.span, "a branch needs `steps`, or is `else`", EXAMPLE.to_owned());
        return when.flatten();
    };
    match (key.text == ELSE, &when) {
        (true, Some(_)) => {
            report.error(key.span, "`else` has no condition", "write `steps` in its place".to_owned())
        }
        (true, None) if !last => {
            report.error(key.span, "`else` is the last branch", "move it to the end".to_owned())
        }
        (false, None) => report.error(key.span, "a branch needs `when`", EXAMPLE.to_owned()),
        _ => {}
    }
    match &value.data {
        Data::List(items) => list(items, registry, inside, choices, report, found),
        Data::Bad => {}
        _ => {
            let span = if value.is_null() { key.span } else { value.span };
            let what = kinds::found(value);
            report.error(
                span,
                format!("`{}` wants a list of steps, found {what}", key.text),
                EXAMPLE.to_owned(),
            );
        }
    }
    when.flatten()
}
