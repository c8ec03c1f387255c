//! Checks nodes of the tree against the tables: kinds, ranges, required and unknown keys.

use std::collections::HashMap;
use std::path::{Component, PathBuf};

use globset::GlobBuilder;

use crate::store::{STATE_FOLDER, TEMP_PREFIX};

use super::args::{Arg, Args, Value};
use super::diagnostic::{Origin, Report, Span};
use super::kinds;
use super::param::{Descriptor, Fallback, Kind, Param};
use super::pipeline::{self, StepSpec};
use super::places;
use super::suggest;
use super::tree::{self, Data, Key, Node, Style, Typed, item, shown, typed};
use super::units::{self, Failures, UnitError};

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
            let found = pipeline::step(noun, node, &registry(), report)?;
            return found.sound.then(|| Value::Steps(vec![found]));
        }
        (Kind::Map(params), Data::Map(entries)) => {
            let mistakes_before = report.count();
            let args = map(&format!("`{}`", param.name), params, entries, node.span, report);
            return (report.count() == mistakes_before).then_some(Value::Map(args));
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
        Ok(value) => Some(value),
        Err(problem) => {
            let (message, help) = problem.into_words(param, kind, node);
            report.error(node.span, message, help);
            None
        }
    }
}

fn steps(noun: &str, registry: &[&'static Descriptor], nodes: &[Node], report: &mut Report) -> Option<Value> {
    // Every step is checked, also after the first mistake.
    let steps: Vec<Option<StepSpec>> =
        nodes.iter().map(|node| pipeline::step(noun, node, registry, report)).collect();
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

/// Why a scalar does not fit its kind.
enum Problem {
    /// Another type; with a better help where there is one.
    Type(Option<String>),
    /// The right type, but not an allowed value.
    Value { message: String, help: Option<String> },
}

impl Problem {
    fn into_words(self, param: &Param, kind: &Kind, node: &Node) -> (String, String) {
        let example = format!("write for example `{}`", kinds::example(param));
        match self {
            Self::Type(help) => {
                let message =
                    format!("`{}` wants {}, found {}", param.name, kinds::wanted(kind), kinds::found(node));
                (message, help.unwrap_or(example))
            }
            Self::Value { message, help } => {
                (format!("`{}`: {message}", param.name), help.unwrap_or(example))
            }
        }
    }
}

fn refuse(message: impl Into<String>, help: impl Into<Option<String>>) -> Problem {
    Problem::Value { message: message.into(), help: help.into() }
}

fn scalar(kind: &Kind, text: &str, style: Style) -> Result<Value, Problem> {
    let verbatim = matches!(kind, Kind::Text | Kind::Path | Kind::Model | Kind::Glob | Kind::Folder);
    let (text, typed) = match style {
        Style::Open if verbatim => (text, Typed::Text(text)),
        // A space is no part of a number.
        Style::Open => (text.trim(), typed(text.trim(), true)),
        Style::Plain => (text, typed(text, true)),
        Style::Quoted => (text, typed(text, false)),
    };
    if typed == Typed::Null {
        return Err(Problem::Type(None));
    }
    match kind {
        Kind::Bool => match typed {
            Typed::Bool(value) => Ok(Value::Bool(value)),
            _ => Err(Problem::Type(truth(text).map(|word| format!("write `{word}`")))),
        },
        Kind::Int { min, max } => match typed {
            Typed::Int(value) if (min..=max).contains(&&value) => Ok(Value::Int(value)),
            Typed::Int(_) => Err(out_of_range(kind, text)),
            Typed::Float(value) if value.is_finite() && value.fract() == 0.0 => {
                let whole = format!("{value:.0}");
                let inside = whole.parse().is_ok_and(|value| (min..=max).contains(&&value));
                let help = || format!("write `{whole}`");
                Err(if inside { Problem::Type(Some(help())) } else { out_of_range(kind, text) })
            }
            _ => Err(Problem::Type(unquote(kind, text, style))),
        },
        Kind::Float { min, max } => {
            let value = match typed {
                Typed::Int(value) => value as f64,
                Typed::Float(value) => value,
                Typed::Text(text) if is_non_finite(text) => f64::NAN,
                _ => return Err(Problem::Type(unquote(kind, text, style))),
            };
            match value {
                value if !value.is_finite() => {
                    Err(refuse(format!("{} is not a finite number", shown(text)), None))
                }
                value if (min..=max).contains(&&value) => Ok(Value::Float(value)),
                _ => Err(out_of_range(kind, text)),
            }
        }
        Kind::Choice(words) => match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Value::Text((*word).to_owned())),
            None => Err(Problem::Type(
                suggest::nearest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?")),
            )),
        },
        Kind::Bytes => quantity(units::parse_bytes(text)).map(Value::Bytes),
        Kind::Pixels => quantity(units::parse_pixels(text)).map(Value::Pixels),
        Kind::Failures => quantity(units::parse_failures(text)).map(Value::Failures),
        Kind::Share => share(kind, text, typed),
        Kind::Text | Kind::Path | Kind::Model | Kind::Glob | Kind::Folder => {
            let Typed::Text(text) = typed else {
                return Err(Problem::Type(Some(format!("put it in quotes to make it text: `\"{text}\"`"))));
            };
            words(kind, text)
        }
        Kind::List(kind) => Err(Problem::Type(bracketed(kind, text, style))),
        Kind::Span(_) | Kind::Map(_) | Kind::Step { .. } => Err(Problem::Type(None)),
        Kind::Steps { .. } => Err(Problem::Type(bracketed(&Kind::Text, text, style))),
    }
}

/// Help for one value where a list of this kind is wanted.
fn bracketed(kind: &Kind, text: &str, style: Style) -> Option<String> {
    if style == Style::Open && text.starts_with(['[', '{']) {
        let help = "close every bracket and quote, and put quotes around patterns: `[\"**/*.jpg\"]`";
        return Some(help.to_owned());
    }
    // A pattern that can match nothing has a better help of its own.
    match scalar(kind, text, style) {
        Ok(_) => Some(format!("put it in brackets: `[{}]`", item(text))),
        Err(Problem::Value { help: Some(help), .. }) if matches!(kind, Kind::Glob) => {
            Some(format!("{help}, in brackets"))
        }
        Err(_) => None,
    }
}

/// A percentage, or a number up to 1.
fn share(kind: &Kind, text: &str, typed: Typed<'_>) -> Result<Value, Problem> {
    match typed {
        Typed::Int(value @ 0..=1) => Ok(Value::Float(value as f64)),
        Typed::Float(value) if (0.0..=1.0).contains(&value) => Ok(Value::Float(value)),
        Typed::Int(_) | Typed::Float(_) => Err(out_of_range(kind, text)),
        _ => match quantity(units::parse_failures(text))? {
            Failures::Share(share) => Ok(Value::Float(share)),
            Failures::Count(_) => Err(Problem::Type(None)),
        },
    }
}

fn words(kind: &Kind, text: &str) -> Result<Value, Problem> {
    if text.is_empty() {
        return Err(Problem::Type(None));
    }
    if matches!(kind, Kind::Path | Kind::Model | Kind::Folder)
        && let Some((message, help)) = places::doubt(text)
    {
        return Err(refuse(message, help));
    }
    if matches!(kind, Kind::Glob)
        && let Some((message, help)) = places::pattern(text)
    {
        return Err(refuse(message, help));
    }
    match kind {
        Kind::Glob => match GlobBuilder::new(text).literal_separator(true).build() {
            Ok(_) => Ok(Value::Text(text.to_owned())),
            Err(error) => {
                let message = format!("{} is no glob pattern: {}", shown(text), error.kind());
                Err(refuse(
                    message,
                    "`*` matches within a name, `**/` any folders, `{a,b}` either".to_owned(),
                ))
            }
        },
        Kind::Folder => folder(text).map(Value::Path),
        Kind::Path | Kind::Model => Ok(Value::Path(PathBuf::from(text))),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// A folder below the output folder, without `.` components.
fn folder(text: &str) -> Result<PathBuf, Problem> {
    let mut path = PathBuf::new();
    for component in PathBuf::from(text).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                let help = "write a folder below `output`, such as `images`".to_owned();
                return Err(refuse(format!("{} leaves the output folder by `..`", shown(text)), help));
            }
            Component::RootDir | Component::Prefix(_) => {
                let help = "write a folder relative to `output`, such as `images`".to_owned();
                return Err(refuse(format!("{} is an absolute path", shown(text)), help));
            }
        }
    }
    let temporary =
        |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(TEMP_PREFIX.as_bytes());
    if path.components().any(temporary) {
        let help = "choose another folder".to_owned();
        return Err(refuse(
            format!("names that begin with `{TEMP_PREFIX}` are those of temporary files"),
            help,
        ));
    }
    let small = PathBuf::from(path.to_string_lossy().to_lowercase());
    if small.starts_with(STATE_FOLDER) {
        let help = "choose another folder".to_owned();
        return Err(refuse(format!("`{STATE_FOLDER}` is kept for the ledger"), help));
    }
    Ok(if path.as_os_str().is_empty() { PathBuf::from(".") } else { path })
}

fn quantity<T>(parsed: Result<T, UnitError>) -> Result<T, Problem> {
    parsed.map_err(|error| match &error {
        UnitError::NotANumber(_) => Problem::Type(None),
        _ => refuse(error.to_string(), error.help()),
    })
}

fn out_of_range(kind: &Kind, text: &str) -> Problem {
    let message = format!("{} is out of range", shown(text));
    refuse(message, format!("it wants {}", kinds::wanted(kind)))
}

/// Help for a number in quotes.
fn unquote(kind: &Kind, text: &str, style: Style) -> Option<String> {
    let fits = style == Style::Quoted && scalar(kind, text, Style::Plain).is_ok();
    fits.then(|| format!("remove the quotes: `{text}`"))
}

/// Whether this is `nan`, `inf` or a number too large for a float, none of which YAML takes for numbers.
fn is_non_finite(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|value| !value.is_finite())
}

/// The boolean that a word of YAML 1.1 meant.
fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "on" | "y" | "true" | "1" => Some(true),
        "no" | "off" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}
