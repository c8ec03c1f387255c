//! Checks a value that is one word, number or text against its kind.

use super::args::Value;
use super::kinds;
use super::node::{Node, Style, Typed, item, shown, typed};
use super::param::{Kind, Param};
use super::places;
use super::suggest;
use super::units::{self, Failures, UnitError};
use crate::store::{STATE_FOLDER, TEMP_PREFIX};
use globset::GlobBuilder;
use std::path::{Component, PathBuf};

/// Why a scalar does not fit its kind.
pub(super) enum Problem {
    /// Another type; with a better help where there is one.
    Type(Option<String>),
    /// The right type, but not an allowed value.
    Value { message: String, help: Option<String> },
}

impl Problem {
    pub(super) fn into_words(self, param: &Param, kind: &Kind, node: &Node) -> (String, String) {
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

pub(super) fn scalar(kind: &Kind, text: &str, style: Style) -> Result<Value, Problem> {
    let verbatim =
        matches!(kind, Kind::Expression | Kind::Text | Kind::Path | Kind::Model | Kind::Glob | Kind::Folder);
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
        Kind::Bool | Kind::Switch(_) => match typed {
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
        Kind::CountOr { max, words } => match typed {
            Typed::Int(value) if (0..=*max).contains(&value) => Ok(Value::Int(value)),
            Typed::Int(_) => Err(refuse(format!("{text} is not from 0 to {max}"), None)),
            _ => match words.iter().find(|word| **word == text) {
                Some(word) => Ok(Value::Text((*word).to_owned())),
                None => Err(Problem::Type(None)),
            },
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
        Kind::Expression => Ok(Value::Text(match typed {
            // One form for one number.
            Typed::Int(value) => value.to_string(),
            Typed::Float(value) if value.is_finite() => value.to_string(),
            _ => text.to_owned(),
        })),
        Kind::Text | Kind::Path | Kind::Model | Kind::Glob | Kind::Folder => {
            let Typed::Text(text) = typed else {
                return Err(Problem::Type(Some(format!("put it in quotes to make it text: `\"{text}\"`"))));
            };
            words(kind, text)
        }
        Kind::List(kind) => Err(Problem::Type(bracketed(kind, text, style))),
        Kind::Span(_) | Kind::Map(_) | Kind::Named(_) | Kind::Step { .. } => Err(Problem::Type(None)),
        Kind::Steps { .. } => Err(Problem::Type(bracketed(&Kind::Text, text, style))),
    }
}

fn refuse(message: impl Into<String>, help: impl Into<Option<String>>) -> Problem {
    Problem::Value { message: message.into(), help: help.into() }
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
