//! Functions of expressions, by the names that CEL has for them where it has any.

use super::eval::float;
use super::kinds::Type;
use crate::columns::{Value, Zone};
use std::fmt::Write as _;

/// A function, or a method of its first argument.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Whether the first argument stands before a point.
    pub(super) method: bool,
    pub(super) params: &'static [Type],
    /// Whether the last argument may stand again and again.
    pub(super) more: bool,
    pub(super) result: Type,
    /// What it gives, for the reference.
    doc: &'static str,
    /// Never called with null.
    pub(super) apply: fn(&[Value]) -> Value,
}

use Type::{Bool, Float, Int, Text, Time};

/// Every function but `matches`, `has` and `timestamp`, which are checked by rules of their own.
pub(super) static FUNCTIONS: &[Function] = &[
    function(
        "clamp",
        &[Float, Float, Float],
        "`x`, but at least `low` and at most `high`: `clamp(x, low, high)`",
        |args| numbers(args, |n| n[0].max(n[1]).min(n[2])),
    ),
    Function {
        more: true,
        ..function("min", &[Float, Float], "the smallest", |args| {
            numbers(args, |n| n.iter().copied().fold(f64::INFINITY, f64::min))
        })
    },
    Function {
        more: true,
        ..function("max", &[Float, Float], "the largest", |args| {
            numbers(args, |n| n.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        })
    },
    function("abs", &[Float], "without its sign", |args| numbers(args, |n| n[0].abs())),
    function("sqrt", &[Float], "square root", |args| numbers(args, |n| n[0].sqrt())),
    function("log", &[Float], "natural logarithm", |args| numbers(args, |n| n[0].ln())),
    function("round", &[Float], "nearest whole number", |args| numbers(args, |n| n[0].round())),
    function("floor", &[Float], "whole number below", |args| numbers(args, |n| n[0].floor())),
    function("ceil", &[Float], "whole number above", |args| numbers(args, |n| n[0].ceil())),
    method("startsWith", &[Text, Text], Bool, "whether the text begins so", |args| {
        texts(args, |a, b| a.starts_with(b))
    }),
    method("endsWith", &[Text, Text], Bool, "whether the text ends so", |args| {
        texts(args, |a, b| a.ends_with(b))
    }),
    method("contains", &[Text, Text], Bool, "whether the text has that in it", |args| {
        texts(args, |a, b| a.contains(b))
    }),
    method("size", &[Text], Int, "characters of the text", |args| match args {
        [Value::Text(text)] => Value::Int(text.chars().count() as i64),
        _ => Value::Null,
    }),
    method("lowerAscii", &[Text], Text, "the text with small letters for A to Z", |args| match args {
        [Value::Text(text)] => Value::Text(text.to_ascii_lowercase()),
        _ => Value::Null,
    }),
    method("getFullYear", &[Time], Int, "year of a time", |args| match args {
        [time @ Value::Timestamp(..)] => {
            time.text().split('-').next().and_then(|year| year.parse().ok()).map_or(Value::Null, Value::Int)
        }
        _ => Value::Null,
    }),
];

const fn function(
    name: &'static str,
    params: &'static [Type],
    doc: &'static str,
    apply: fn(&[Value]) -> Value,
) -> Function {
    Function { name, method: false, params, more: false, result: Float, doc, apply }
}

const fn method(
    name: &'static str,
    params: &'static [Type],
    result: Type,
    doc: &'static str,
    apply: fn(&[Value]) -> Value,
) -> Function {
    Function { name, method: true, params, more: false, result, doc, apply }
}

fn numbers(args: &[Value], of: impl Fn(&[f64]) -> f64) -> Value {
    let numbers: Option<Vec<f64>> = args.iter().map(float).collect();
    match numbers.map(|numbers| of(&numbers)) {
        Some(result) if !result.is_nan() => Value::Float(result),
        _ => Value::Null,
    }
}

fn texts(args: &[Value], of: impl Fn(&str, &str) -> bool) -> Value {
    match args {
        [Value::Text(a), Value::Text(b)] => Value::Bool(of(a, b)),
        _ => Value::Null,
    }
}

/// The functions as a list in Markdown.
pub(crate) fn reference() -> String {
    let mut out = String::new();
    for function in FUNCTIONS {
        let call = if function.method { format!("text.{}", function.name) } else { function.name.to_owned() };
        let call = if function.name == "getFullYear" { "time.getFullYear".to_owned() } else { call };
        // Writing to a text does not fail.
        writeln!(out, "- `{call}(…)`: {}", function.doc).ok();
    }
    out.push_str("- `text.matches(\"…\")`: whether a regular expression is found in the text\n");
    out.push_str("- `has(name)`: whether the picture has a value of that name\n");
    out.push_str("- `timestamp(\"2020-02-29T12:00:00Z\")`: a time to compare with\n");
    out
}

/// A time written as `2020-02-29`, `2020-02-29T12:00:00`, with a fraction of seconds, or the same with `Z`.
pub(super) fn time(text: &str) -> Option<Value> {
    let (text, zone) = text.strip_suffix('Z').map_or((text, Zone::Local), |text| (text, Zone::Utc));
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00"));
    let parts = |text: &str, by: char, widths: [usize; 3]| -> Option<[i64; 3]> {
        let parts: Vec<&str> = text.split(by).collect();
        let fits = parts.len() == 3 && parts.iter().zip(widths).all(|(part, width)| part.len() == width);
        let all: Vec<i64> =
            parts.iter().map(|part| part.parse::<u32>().ok().map(i64::from)).collect::<Option<_>>()?;
        fits.then(|| [all[0], all[1], all[2]])
    };
    let [year, month, day] = parts(date, '-', [4, 2, 2])?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let digits =
        !fraction.is_empty() && fraction.len() <= 6 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let micros: i64 = format!("{fraction:0<6}").parse().ok().filter(|_| digits)?;
    let [hour, minute, second] = parts(clock, ':', [2, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=last).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Howard Hinnant's `days_from_civil`.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(Value::Timestamp(seconds * 1_000_000 + micros, zone))
}
