//! Kinds in words: what a parameter wants, an example of it, and what was found instead.

use super::node::{Data, Node, Style, Typed, shown, typed};
use super::param::{Descriptor, Fallback, Kind, Param};
use super::suggest::quoted;

/// What a kind wants, to follow "wants".
pub(super) fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Int { .. } => range("a whole number", bounds(kind)),
        Kind::Float { .. } => range("a number", bounds(kind)),
        Kind::CountOr { max, words } => {
            format!("a whole number from 0 to {max}, or {}", quoted(words.iter().copied()))
        }
        Kind::Expression => "an expression such as `noise_sigma > 2.5`".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Choice(words) => format!("one of {}", quoted(words.iter().copied())),
        Kind::Bytes => "a size such as `4GiB`, or `auto`".to_owned(),
        Kind::Pixels => "a pixel count such as `500MP`".to_owned(),
        Kind::Failures => "a share such as `5%` or a count such as `20`".to_owned(),
        Kind::Share => "a share such as `5%` or `0.05`".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Model => "a path to an ONNX file".to_owned(),
        Kind::Glob => "a glob pattern such as `\"**/*.jpg\"`".to_owned(),
        Kind::Folder => "a relative folder name such as `images`".to_owned(),
        Kind::List(item) => format!("a list in which each item is {}", wanted(item)),
        Kind::Span(item) => format!("{}, or `[low, high]`", wanted(item)),
        Kind::Map(params) => {
            format!("a map of {}", quoted(params.iter().map(|param| param.name)))
        }
        Kind::Switch(params) => format!("`true`, `false` or {}", wanted(&Kind::Map(params))),
        Kind::Named(item) => format!("a map of names, each with {}", wanted(item)),
        Kind::Step { noun, .. } => format!("a {noun} with its parameters"),
        Kind::Steps { noun, .. } => format!("a list of {noun}s"),
    }
}

/// The ends of a number's range; `None` where it is open.
fn bounds(kind: &Kind) -> (Option<String>, Option<String>) {
    match kind {
        Kind::Int { min, max } => {
            ((*min != i64::MIN).then(|| min.to_string()), (*max != i64::MAX).then(|| max.to_string()))
        }
        Kind::Float { min, max } => {
            ((*min > f64::MIN).then(|| min.to_string()), (*max < f64::MAX).then(|| max.to_string()))
        }
        _ => (None, None),
    }
}

fn range(what: &str, bounds: (Option<String>, Option<String>)) -> String {
    match bounds {
        (Some(min), Some(max)) if min == max => format!("{what}, which can only be {min}"),
        (Some(min), Some(max)) => format!("{what} from {min} to {max}"),
        (Some(min), None) => format!("{what} of at least {min}"),
        (None, Some(max)) => format!("{what} of at most {max}"),
        (None, None) => what.to_owned(),
    }
}

/// An example line such as `quality: 92`.
pub(super) fn example(param: &Param) -> String {
    let value = match param.fallback {
        Fallback::Yaml(value) => value.to_owned(),
        Fallback::Required | Fallback::Unset => example_value(&param.kind),
    };
    format!("{}: {value}", param.name)
}

fn example_value(kind: &Kind) -> String {
    match kind {
        Kind::Bool | Kind::Switch(_) => "true".to_owned(),
        Kind::Int { min, max } => 1.clamp(*min, (*max).max(*min)).to_string(),
        Kind::Float { min, max } => 1.0_f64.min(*max).max(*min).to_string(),
        Kind::CountOr { max, .. } => 1.min(*max).to_string(),
        Kind::Expression => "noise_sigma > 2.5".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Choice(words) => (*words.first().unwrap_or(&"")).to_owned(),
        Kind::Bytes => "4GiB".to_owned(),
        Kind::Pixels => "500MP".to_owned(),
        Kind::Failures | Kind::Share => "5%".to_owned(),
        Kind::Path => "some/folder".to_owned(),
        Kind::Model => "models/denoise.onnx".to_owned(),
        Kind::Glob => "\"**/*.jpg\"".to_owned(),
        Kind::Folder => "images".to_owned(),
        Kind::List(item) => format!("[{}]", example_value(item)),
        Kind::Span(item) => example_value(item),
        Kind::Map(params) => {
            let entries: Vec<String> = params.iter().map(example).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Kind::Named(item) => format!("{{name: {}}}", example_value(item)),
        Kind::Step { registry, .. } => format!("{{{}}}", first_example(&registry())),
        Kind::Steps { registry, .. } => format!("[{}]", first_example(&registry())),
    }
}

fn first_example(registry: &[&'static Descriptor]) -> &'static str {
    registry.first().map_or("", |known| known.example.trim_start_matches("- "))
}

/// What a node holds, to follow "found".
pub(super) fn found(node: &Node) -> String {
    match &node.data {
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
        Data::Bad => "nothing usable".to_owned(),
        Data::Scalar { text, style } => match typed(text, *style != Style::Quoted) {
            Typed::Null => "nothing".to_owned(),
            Typed::Bool(_) => shown(text),
            Typed::Int(_) | Typed::Float(_) => format!("the number {}", shown(text)),
            Typed::Text("") => "an empty text".to_owned(),
            Typed::Text(text) => format!("the text {}", shown(text)),
        },
    }
}

/// A kind's short name for tables.
pub(super) fn short(kind: &Kind) -> String {
    let wanted = match kind {
        Kind::Choice(words) => quoted(words.iter().copied()),
        Kind::List(item) => format!("list of: {}", short(item)),
        Kind::Span(item) => format!("{}, or `[low, high]`", short(item)),
        other => wanted(other),
    };
    wanted.strip_prefix("a ").map_or(wanted.clone(), str::to_owned)
}
