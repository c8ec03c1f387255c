//! Checks nodes of the tree against the tables: kinds, ranges, required and unknown keys.

use super::args::{Arg, Args, StepSpec, Value};
use super::diagnostic::{Diagnostics, Origin, Report, Sources, Span};
use super::kinds;
use super::node::{Data, Key, Node, shorthand, shown};
use super::param::{Descriptor, Fallback, Kind, Param};
use super::places;
use super::scalar::{Problem, scalar};
use super::suggest;
use super::tree;
use std::collections::HashMap;
use std::sync::Arc;

/// The key that stands in place of a step's name.
pub(super) const CHOOSE: &str = "choose";

/// Checks the entries of a map against a table and fills the defaults in. `owner` names the map in
/// messages; `span` is where a missing key is reported.
pub(super) fn map(
    owner: &str,
    params: &'static [Param],
    entries: &[(Key, Node)],
    span: Span,
    report: &mut Report,
) -> Args {
    let mut given = HashMap::new();
    for (key, node) in entries {
        match params.iter().find(|param| param.name == key.text) {
            Some(param) => {
                given.insert(param.name, (key, node));
            }
            None => unknown_key(owner, params, key, node, report),
        }
    }
    let mut values = Vec::new();
    for param in params {
        let arg = match given.get(param.name) {
            Some((key, node)) => entry(param, key.span, node, report),
            None => absent(owner, param, span, report),
        };
        values.extend(arg.map(|arg| (param, arg)));
    }
    Args::new(span, values, report.sources.clone())
}

fn unknown_key(owner: &str, params: &[Param], key: &Key, node: &Node, report: &mut Report) {
    let names = params.iter().map(|param| param.name);
    let help = if let Some((name, value)) = key.text.split_once(':').filter(|_| node.is_null()) {
        format!("put a space after the colon: `{}: {}`", name.trim(), value.trim())
    } else if params.is_empty() {
        format!("{owner} takes no parameters")
    } else {
        suggest::help(&key.text, names, &format!("{owner} takes"))
    };
    report.error(key.span, format!("unknown key {} in {owner}", shown(&key.text)), help);
}

/// A parameter that is given; a missing value is reported at its key.
pub(super) fn entry(param: &Param, key: Span, node: &Node, report: &mut Report) -> Option<Arg> {
    if node.is_null() {
        let wanted = kinds::wanted(&param.kind);
        let message = format!("`{}` has no value; it wants {wanted}", param.name);
        report.error(key, message, format!("write for example `{}`", kinds::example(param)));
        return None;
    }
    let value = value(param, &param.kind, node, report)?;
    Some(Arg { value, span: node.span })
}

fn absent(owner: &str, param: &Param, span: Span, report: &mut Report) -> Option<Arg> {
    match param.fallback {
        Fallback::Unset => None,
        Fallback::Required => {
            let help = format!("add for example `{}`", kinds::example(param));
            report.error(span, format!("{owner} needs `{}`", param.name), help);
            None
        }
        Fallback::Yaml(text) => default(param, text, report),
    }
}

/// A default, checked like a value that is given.
fn default(param: &Param, text: &str, report: &mut Report) -> Option<Arg> {
    let mut node = tree::read(text, Origin::Default, 0, report)?;
    place_at_default(&mut node);
    let value = value(param, &param.kind, &node, report)?;
    Some(Arg { value, span: Span::DEFAULT })
}

/// The parameters that could be read, and the defaults of the others, so that a draft has as much as can be.
pub(super) fn completed(args: &Args, params: &'static [Param]) -> Args {
    let mut unheard = Report::new(args.sources().clone());
    let mut arg = |param: &'static Param| match (args.of(param), param.fallback) {
        (Some(arg), _) => Some(arg.clone()),
        (None, Fallback::Yaml(text)) => default(param, text, &mut unheard),
        (None, _) => None,
    };
    args.with(params.iter().filter_map(|param| Some((param, arg(param)?))).collect())
}

fn place_at_default(node: &mut Node) {
    node.span = Span::DEFAULT;
    if let Data::List(items) = &mut node.data {
        items.iter_mut().for_each(place_at_default);
    }
}

/// Checks one value against a kind, which is the parameter's own or that of its items.
pub(super) fn value(param: &Param, kind: &Kind, node: &Node, report: &mut Report) -> Option<Value> {
    if matches!(node.data, Data::Bad) {
        return None;
    }
    let checked = match (kind, &node.data) {
        (Kind::List(item), Data::List(nodes)) => {
            // Every item is checked, also after the first mistake.
            let args: Vec<Option<Arg>> = nodes
                .iter()
                .map(|node| value(param, item, node, report).map(|value| Arg { value, span: node.span }))
                .collect();
            return args.into_iter().collect::<Option<Vec<_>>>().map(Value::List);
        }
        (Kind::Steps { noun, registry }, Data::List(nodes)) => {
            return steps(noun, &registry(), nodes, report);
        }
        (Kind::Step { noun, registry }, Data::Map(_) | Data::Scalar { .. }) => {
            let found = step(noun, node, &registry(), report)?;
            return found.sound.then(|| Value::Steps(vec![found]));
        }
        (Kind::Map(params) | Kind::Switch(params), Data::Map(entries)) => {
            let mistakes_before = report.count();
            let args = map(&format!("`{}`", param.name), params, entries, node.span, report);
            return (report.count() == mistakes_before).then_some(Value::Map(args));
        }
        (Kind::Named(item), Data::Map(entries)) => {
            // Every entry is checked, also after the first mistake.
            let args: Vec<Option<(String, Arg)>> = entries
                .iter()
                .map(|(key, node)| {
                    let value = value(param, item, node, report)?;
                    Some((key.text.clone(), Arg { value, span: node.span }))
                })
                .collect();
            return args.into_iter().collect::<Option<Vec<_>>>().map(Value::Named);
        }
        (Kind::Span(item), Data::List(nodes)) => return span(param, item, nodes, node.span, report),
        (Kind::Span(item), Data::Scalar { .. }) => {
            return value(param, item, node, report)
                .map(|value| Value::Span(Box::new(value.clone()), Box::new(value)));
        }
        (_, Data::Scalar { text, style }) => scalar(kind, text, *style),
        (Kind::Path, Data::List(nodes)) => Err(Problem::Type(Some(places::several(nodes)))),
        (Kind::Glob, Data::List(_) | Data::Map(_)) => {
            Err(Problem::Type(Some("put quotes around a pattern that begins with `{` or `[`".to_owned())))
        }
        _ => Err(Problem::Type(None)),
    };
    match checked {
        Ok(value) => {
            if matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
                report.numbers.insert(node.span);
            }
            Some(value)
        }
        Err(problem) => {
            let (message, help) = problem.into_words(param, kind, node);
            report.error(node.span, message, help);
            None
        }
    }
}

fn steps(noun: &str, registry: &[&'static Descriptor], nodes: &[Node], report: &mut Report) -> Option<Value> {
    // Every step is checked, also after the first mistake.
    let steps: Vec<Option<StepSpec>> = nodes.iter().map(|node| step(noun, node, registry, report)).collect();
    let steps = steps.into_iter().collect::<Option<Vec<_>>>()?;
    steps.iter().all(|step| step.sound).then_some(Value::Steps(steps))
}

fn span(param: &Param, item: &Kind, nodes: &[Node], place: Span, report: &mut Report) -> Option<Value> {
    let [low, high] = nodes else {
        let message = format!("`{}` wants two values `[low, high]`, found {}", param.name, nodes.len());
        report.error(place, message, format!("write for example `{}`", kinds::example(param)));
        return None;
    };
    let (low, high) = (value(param, item, low, report), value(param, item, high, report));
    let (low, high) = (low?, high?);
    if low.number() > high.number() {
        let help = "write the smaller value first".to_owned();
        report.error(place, format!("the low end of `{}` is above its high end", param.name), help);
        return None;
    }
    Some(Value::Span(Box::new(low), Box::new(high)))
}

/// Checks one step, called `noun` in messages. `None` when it cannot be told which step it is; mistakes of
/// its parameters are reported and leave them unset.
pub(super) fn step(
    noun: &str,
    item: &Node,
    registry: &[&'static Descriptor],
    report: &mut Report,
) -> Option<StepSpec> {
    let mistakes_before = report.count();
    let empty = Node::null(item.span);
    let (name, span, value) = match &item.data {
        Data::Scalar { text, .. } if !item.is_null() => (text, item.span, &empty),
        Data::Map(entries) => match entries.as_slice() {
            [(key, value)] => (&key.text, key.span, value),
            _ => {
                several_keys(noun, entries, item.span, registry, report);
                return None;
            }
        },
        Data::Bad => return None,
        Data::List(_) | Data::Scalar { .. } => {
            let message = format!("a {noun} is a name with its parameters, found {}", kinds::found(item));
            let example = registry.first().map_or("", |known| known.example);
            report.error(item.span, message, format!("write for example `{example}`"));
            return None;
        }
    };
    let Some(descriptor) = registry.iter().find(|known| known.name == *name).copied() else {
        // In a pipeline, a choice may stand in place of a step.
        let choose = (noun == "step").then_some(CHOOSE);
        let names = registry.iter().map(|known| known.name).chain(choose);
        let help = suggest::help(name, names, &format!("the {noun}s are"));
        report.error(span, format!("unknown {noun} {}", shown(name)), help);
        return None;
    };
    let owner = format!("`{name}`");
    let args = match (&value.data, descriptor.shorthand) {
        (Data::Map(entries), _) => map(&owner, descriptor.params, entries, span, report),
        (Data::Bad, _) => return None,
        _ if value.is_null() => map(&owner, descriptor.params, &[], span, report),
        (_, Some(parameter)) => map(&owner, descriptor.params, &shorthand(parameter, value), span, report),
        (_, None) => {
            let message = format!("{owner} wants a map of parameters, found {}", kinds::found(value));
            report.error(value.span, message, format!("write for example `{}`", descriptor.example));
            Args::new(span, Vec::new(), report.sources.clone())
        }
    };
    let sound = report.count() == mistakes_before;
    Some(StepSpec { descriptor, args, span, sound, when: None, within: Vec::new() })
}

fn several_keys(
    noun: &str,
    entries: &[(Key, Node)],
    span: Span,
    registry: &[&'static Descriptor],
    report: &mut Report,
) {
    let [(first, value), (second, _), ..] = entries else {
        let help = "write its name, or remove the `-`".to_owned();
        return report.error(span, format!("a {noun} is missing here"), help);
    };
    let is_step = |name: &str| registry.iter().any(|known| known.name == name);
    let help = if value.is_null() && is_step(&first.text) && !is_step(&second.text) {
        format!("indent the parameters of `{}` deeper than its name", first.text)
    } else {
        format!("begin the second with its own `-`: `- {}: ...`", second.text)
    };
    let message =
        format!("one {noun} has {} keys: {} and {}", entries.len(), shown(&first.text), shown(&second.text));
    report.error(second.span, message, help);
}

/// The default of a parameter, checked like a given value; used by the tests of the tables.
pub(super) fn default_of(param: &Param) -> Result<Option<Value>, Diagnostics> {
    let Fallback::Yaml(text) = param.fallback else { return Ok(None) };
    let mut report = Report::new(Arc::new(Sources::new(param.name, text, &[])));
    let arg: Option<Arg> = tree::read(text, Origin::File, 0, &mut report)
        .and_then(|node| entry(param, node.span, &node, &mut report));
    match arg {
        Some(arg) if report.is_clean() => Ok(Some(arg.value)),
        _ => Err(report.finish()),
    }
}
