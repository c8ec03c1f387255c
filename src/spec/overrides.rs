//! `--set key.path=value`: changes to the parsed tree before it is checked, so that a mistake in an
//! override is found and placed like one in the file.

use super::diagnostic::{Origin, Report, Span};
use super::kinds;
use super::language::{INPUT_SECTION, INPUT_SHORTHAND, STEPS_SECTION};
use super::node::{Data, Key, Node, Style, shorthand, shown};
use super::param::Descriptor;
use super::suggest;
use super::tree;

/// Characters before the override's own text in the line that messages show.
const LEAD: usize = "--set ".len();

const HELP: &str = "write `key=value`, such as `input.path=/archive` or `steps.0.resize.width=800`";

/// Applies every override in order.
pub(super) fn apply(
    root: &mut Node,
    overrides: &[String],
    registry: &[&'static Descriptor],
    report: &mut Report,
) {
    for (index, text) in overrides.iter().enumerate() {
        let Some((path, value)) = read(text, Origin::Override(index), report) else { continue };
        let normal = match path.first().map(|key| key.text.as_str()) {
            Some(name) if name == STEPS_SECTION.0 => step_path(root, path, registry, report),
            Some(name) if name == INPUT_SECTION.0 && path.len() > 1 => {
                expand_input(root, path.get(1..).unwrap_or_default());
                Some(path)
            }
            _ => Some(path),
        };
        if let Some(path) = normal {
            insert(root, &path, value, report);
        }
    }
}

/// Splits `a.b=value` into its keys and its parsed value.
fn read(text: &str, origin: Origin, report: &mut Report) -> Option<(Vec<Key>, Node)> {
    let whole = Span { origin, line: 1, column: LEAD + 1, length: text.chars().count().max(1) };
    let Some((path, value)) = text.split_once('=') else {
        report.error(whole, "`--set` without `=`", HELP.to_owned());
        return None;
    };
    if text.contains(['\n', '\r']) {
        report.error(whole, "`--set` takes one line", "write lists as `[a, b]`".to_owned());
        return None;
    }
    let mut keys = Vec::new();
    let mut column = LEAD + 1;
    for part in path.split('.') {
        let length = part.chars().count();
        let span = Span { origin, line: 1, column, length: length.max(1) };
        if part.is_empty() {
            report.error(span, "a key is empty", HELP.to_owned());
            return None;
        }
        keys.push(Key { text: part.to_owned(), span });
        column += length + 1;
    }
    let place = Span { origin, line: 1, column, length: value.chars().count().max(1) };
    let value = structure(value, origin, column - 1, report).unwrap_or_else(|| Node {
        span: place,
        data: Data::Scalar { text: value.to_owned(), style: Style::Open },
    });
    Some((keys, value))
}

/// The value as YAML, where it is a list or a map in brackets, or a text in quotes; any other text is taken as it
/// stands, as a path may hold `: `, ` #` and brackets.
fn structure(value: &str, origin: Origin, shift: usize, report: &Report) -> Option<Node> {
    let value = value.trim_end();
    let within =
        |open: char, close: char| value.len() > 1 && value.starts_with(open) && value.ends_with(close);
    if ![('[', ']'), ('{', '}'), ('"', '"'), ('\'', '\'')].iter().any(|(open, close)| within(*open, *close)) {
        return None;
    }
    let mut trial = Report::new(report.sources.clone());
    tree::read(value, origin, shift, &mut trial).filter(|_| trial.is_clean())
}

/// Puts the value at the end of the path, making maps on the way.
fn insert(node: &mut Node, path: &[Key], value: Node, report: &mut Report) {
    let Some((key, rest)) = path.split_first() else {
        *node = value;
        return;
    };
    if node.is_null() {
        *node = Node { span: key.span, data: Data::Map(Vec::new()) };
    }
    let found = kinds::found(node);
    match &mut node.data {
        Data::Map(entries) => {
            let at = entries.iter().position(|(known, _)| known.text == key.text);
            match at.and_then(|at| entries.get_mut(at)) {
                Some((known, below)) => {
                    if rest.is_empty() {
                        known.span = key.span;
                    }
                    insert(below, rest, value, report);
                }
                None => {
                    let mut below = Node::null(key.span);
                    insert(&mut below, rest, value, report);
                    entries.push((key.clone(), below));
                }
            }
        }
        Data::List(items) => {
            let count = items.len();
            match key.text.parse::<usize>() {
                Ok(at) if at < count => {
                    if let Some(item) = items.get_mut(at) {
                        insert(item, rest, value, report);
                    }
                }
                Ok(at) if at == count => {
                    let mut item = Node::null(key.span);
                    insert(&mut item, rest, value, report);
                    items.push(item);
                }
                _ => {
                    let message = format!("{} is not a place in a list of {count}", shown(&key.text));
                    report.error(key.span, message, format!("places are 0 to {count}; {count} appends"));
                }
            }
        }
        Data::Scalar { .. } => {
            let help = "name the key above it to replace the whole value".to_owned();
            report.error(key.span, format!("{} is below {found}, not a map", shown(&key.text)), help);
        }
        Data::Bad => {}
    }
}

/// Turns `input: path` into `input: {path: path}`, of a list the one that the rest of the path is about.
fn expand_input(root: &mut Node, below: &[Key]) {
    let Some(node) = child(root, INPUT_SECTION.0) else { return };
    let node = match (&mut node.data, below) {
        (Data::List(items), [at, _, ..]) => {
            let Some(item) = at.text.parse().ok().and_then(|at: usize| items.get_mut(at)) else { return };
            item
        }
        _ => node,
    };
    if matches!(node.data, Data::Scalar { .. }) && !node.is_null() {
        node.data = Data::Map(shorthand(INPUT_SHORTHAND, node));
    }
}

fn child<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    match &mut node.data {
        Data::Map(entries) => entries.iter_mut().find(|(key, _)| key.text == name).map(|(_, value)| value),
        _ => None,
    }
}

/// Turns `steps.resize.width` into `steps.0.resize.width`, and the step it names into the long form
/// `{resize: {...}}`.
fn step_path(
    root: &mut Node,
    path: Vec<Key>,
    registry: &[&'static Descriptor],
    report: &mut Report,
) -> Option<Vec<Key>> {
    let [section, rest @ ..] = path.as_slice() else { return Some(path) };
    let Some(selector) = rest.first() else { return Some(path) };
    let Some(Node { data: Data::List(items), .. }) = child(root, STEPS_SECTION.0) else {
        let help = "give `steps` in the file, or as a whole: `--set steps=[...]`".to_owned();
        report.error(selector.span, "there is no list of steps to change", help);
        return None;
    };
    let (at, below) = match selector.text.parse::<usize>() {
        Ok(at) => (at, rest.get(1..).unwrap_or_default()),
        Err(_) => (only(items, selector, report)?, rest),
    };
    let Some(item) = items.get_mut(at) else { return Some(path) };
    if let Some(name) = below.first() {
        if let Some(actual) = step_name(item).filter(|actual| *actual != name.text) {
            let message = format!("step {at} is {}, not {}", shown(actual), shown(&name.text));
            report.error(name.span, message, "steps count from 0".to_owned());
            return None;
        }
        long_form(item, registry);
    }
    let index = Key { text: at.to_string(), span: selector.span };
    Some([section.clone(), index].into_iter().chain(below.iter().cloned()).collect())
}

/// The place of the only step of this name.
fn only(items: &[Node], selector: &Key, report: &mut Report) -> Option<usize> {
    let name = selector.text.as_str();
    let places: Vec<usize> = items
        .iter()
        .enumerate()
        .filter(|(_, item)| step_name(item) == Some(name))
        .map(|(at, _)| at)
        .collect();
    match places.as_slice() {
        [at] => Some(*at),
        [] => {
            let names: Vec<&str> = items.iter().filter_map(step_name).collect();
            let help = suggest::help(name, names.iter().copied(), "the steps of the file are");
            report.error(selector.span, format!("the file has no step {}", shown(name)), help);
            None
        }
        [at, ..] => {
            let message = format!("the file has {} steps {}", places.len(), shown(name));
            let help = format!("name one by its place, counted from 0: `steps.{at}.{name}...`");
            report.error(selector.span, message, help);
            None
        }
    }
}

fn step_name(item: &Node) -> Option<&str> {
    match &item.data {
        Data::Scalar { text, .. } => Some(text),
        Data::Map(entries) => match entries.as_slice() {
            [(key, _)] => Some(&key.text),
            _ => None,
        },
        Data::List(_) | Data::Bad => None,
    }
}

fn long_form(item: &mut Node, registry: &[&'static Descriptor]) {
    let span = item.span;
    if let Data::Scalar { text, .. } = &item.data {
        let key = Key { text: text.clone(), span };
        item.data = Data::Map(vec![(key, Node { span, data: Data::Map(Vec::new()) })]);
    }
    let Data::Map(entries) = &mut item.data else { return };
    let [(key, value)] = entries.as_mut_slice() else { return };
    let parameter = registry.iter().find(|known| known.name == key.text).and_then(|known| known.shorthand);
    let short = matches!(value.data, Data::Scalar { .. } | Data::List(_)) && !value.is_null();
    if let Some(parameter) = parameter.filter(|_| short) {
        value.data = Data::Map(shorthand(parameter, value));
    }
}
