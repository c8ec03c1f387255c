//! What expressions mean, and which are refused where.

use super::*;
use crate::columns::{ColumnType, Value, Zone};

fn scope() -> Vec<Name> {
    let name = |name: &str, kind| Name { name: name.into(), kind };
    vec![
        name("noise_sigma", ColumnType::Float),
        name("width", ColumnType::Int),
        name("path", ColumnType::Text),
        name("format", ColumnType::Text),
        name("iso", ColumnType::Int),
        name("blank", ColumnType::Bool),
        name("taken", ColumnType::Timestamp(Zone::Local)),
        name("embedding", ColumnType::Vector(3)),
    ]
}

fn value(at: usize) -> Value {
    match at {
        0 => Value::Float(2.75),
        1 => Value::Int(4000),
        2 => Value::Text("scans/näh/a.jpg".into()),
        3 => Value::Text("jpeg".into()),
        5 => Value::Bool(false),
        6 => Value::Timestamp(1_582_934_400_000_000, Zone::Local),
        _ => Value::Null,
    }
}

fn holds(text: &str) -> bool {
    let expression = Expression::new(text, &scope(), Wanted::Condition);
    expression.unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}")).holds(&value)
}

fn number(text: &str) -> Option<f64> {
    Expression::new(text, &scope(), Wanted::Number).unwrap_or_else(|m| panic!("{text}: {m:?}")).number(&value)
}

/// The piece of the text that each mistake is about, and its message.
fn mistakes(text: &str) -> Vec<(String, String)> {
    match Expression::new(text, &scope(), Wanted::Condition) {
        Ok(_) => Vec::new(),
        Err(all) => all.into_iter().map(|m| (text.get(m.at).unwrap_or("?").to_owned(), m.message)).collect(),
    }
}

#[test]
fn conditions_hold_or_not() {
    for text in [
        "noise_sigma > 2.5 && !path.startsWith(\"scans/x\")",
        "noise_sigma >= 2 && noise_sigma < 3",
        "width == 4000 || unlikely(1)".split(" ||").next().unwrap(),
        "width / 3 == 1333",
        "width % 3 == 1",
        "format in ['png', 'jpeg']",
        "!(format in ['png'])",
        "path.contains('näh') && path.endsWith('.jpg') && path.size() == 15",
        "path.matches('^scans/.*\\\\.jpg$')",
        "path.lowerAscii() == path",
        "(noise_sigma > 3 ? 'a' : 'b') == 'b'",
        "taken > timestamp('2020-02-28T23:59:59') && taken < timestamp('2020-03-01')",
        "taken.getFullYear() == 2020",
        "max(1, noise_sigma, 2) == 2.75 && min(3, 2) == 2",
        "format + 'x' == 'jpegx'",
        "!blank && blank == false",
        "-width < 0",
        "true",
    ] {
        assert!(holds(text), "{text}");
        assert!(!holds(&format!("!({text})")), "{text}");
    }
}

#[test]
fn what_a_picture_lacks_makes_comparisons_false() {
    for text in [
        "iso > 100",
        "iso <= 100",
        "iso == 100",
        "iso + 1 > 0",
        "has(iso)",
        "iso != null",
        "abs(iso) >= 0",
        "iso in [1, 2]",
        "1 / 0 > 0",
    ] {
        assert!(!holds(text), "{text}");
    }
    for text in ["!(iso > 100)", "iso == null", "!has(iso)", "has(width)", "iso != 100"] {
        assert!(holds(text), "{text}");
    }
    assert_eq!(number("iso / 100"), None);
    assert_eq!(number("1.0 / 0"), None);
}

#[test]
fn numbers_mix() {
    assert_eq!(number("clamp(noise_sigma / 10, 0, 1)"), Some(0.275));
    assert_eq!(number("clamp(noise_sigma, 0, 1)"), Some(1.0));
    assert_eq!(number("noise_sigma > 2 ? 1 : 0.5"), Some(1.0));
    assert_eq!(number("0.7"), Some(0.7));
    assert_eq!(number("7 / 2"), Some(3.0));
    assert_eq!(number("7 / 2.0"), Some(3.5));
    assert_eq!(number("9223372036854775807 + 1"), None);
}

#[test]
fn mistakes_name_their_place() {
    let of = |text: &str| mistakes(text).into_iter().next().unwrap_or_else(|| panic!("accepted: {text}"));
    assert_eq!(of("noise_sigm > 2"), ("noise_sigm".into(), "unknown name `noise_sigm`".into()));
    assert_eq!(of("path.contains('ä') && nose > 2").0, "nose");
    assert_eq!(of("format > 3").0, ">");
    assert_eq!(
        of("noise_sigma"),
        ("noise_sigma".into(), "true or false is wanted here, and this is a number".into())
    );
    assert_eq!(of("startsWit(path, 'a')").1, "unknown function `startsWit`");
    assert_eq!(of("path.startWith('a')").0, "startWith");
    assert_eq!(of("width = 3").1, "`=` compares nothing");
    assert_eq!(of("width == 3 and blank").1, "`and` is no operator");
    assert_eq!(of("width > 3 or blank").1, "`or` is no operator");
    assert_eq!(of("width >").1, "the expression ends too early");
    assert_eq!(of("").1, "the expression is empty");
    assert_eq!(of("embedding == null").1, "`embedding` is a vector, which no expression takes");
    assert_eq!(of("path.matches('(')").1, "`(` is no regular expression");
    assert_eq!(of("path.matches(format)").0, "format");
    assert_eq!(of("blank < true").1, "true and false have no order");
    assert_eq!(of("width < null").1, "nothing is larger or smaller than null");
    assert_eq!(of("clamp(width, 1) > 2").1, "`clamp` is not called so");
    assert_eq!(of("abs('a') > 2").0, "'a'");
    assert_eq!(of("[1] == [1]").1, "a list stands only behind `in`");
    assert_eq!(of("path.size > 3").1, "a field of a value has no place in an expression");
    for time in
        ["soon", "2021-02-29", "2020-13-01", "2020-01-01T24:00:00", "2020-01-01T00:00:00.", "2020-1-1"]
    {
        assert_eq!(of(&format!("timestamp('{time}') < taken")).1, format!("`{time}` is no time"));
    }
    assert!(holds("timestamp('2020-02-29T00:00:00.000001') > taken && timestamp('2020-02-29Z') == taken"));
    assert_eq!(mistakes("a > 1 && b > 2 || c").len(), 3);
}

#[test]
fn spellings_of_one_expression_are_one() {
    let canonical =
        |text: &str| Expression::new(text, &scope(), Wanted::Condition).unwrap().canonical().to_owned();
    assert_eq!(canonical("noise_sigma>2.5&&!blank"), canonical(" ( noise_sigma > 2.50 ) &&\n !( blank )"));
    assert_ne!(canonical("width > 2"), canonical("width > 2.0"));
    assert_ne!(canonical("width - (3 - 2) > 0"), canonical("width - 3 - 2 > 0"));
}

#[test]
fn hostile_texts_are_refused_and_nothing_overflows() {
    let many = |piece: &str, count: usize| piece.repeat(count);
    for text in [
        many("(", 5000),
        format!("{}1{}", many("(", 31), many(")", 31)),
        many("(", 300),
        many("!", 4000),
        many("-", 4000),
        format!("{}blank", many("!", 4000)),
        format!("1{} > 0", many("+1", 2000)),
        format!("blank{}", many(" && blank", 400)),
        format!("{}blank", many("blank ? blank : ", 200)),
        many("a.", 2000),
        format!("path{}", many(".size()", 500)),
        many("[", 31),
        many("\"", 4001),
        "\u{0}\u{fffd}\u{202e}".into(),
        "'\\uD800' == path".into(),
        "[].all(x, x > 1)".into(),
        "{'a': 1}.a == 1".into(),
        "a{b: 1}.b == 1".into(),
        "b'abc' == path".into(),
        "18446744073709551615u > 1u".into(),
        "99999999999999999999999 > 1".into(),
        "1e999 > 1".into(),
    ] {
        let shown: String = text.chars().take(40).collect();
        if let Err(mistakes) = Expression::new(&text, &scope(), Wanted::Condition) {
            for mistake in mistakes {
                assert!(text.get(mistake.at.clone()).is_some(), "{shown}: {mistake:?}");
                assert!(mistake.message.len() < 300, "{shown}: {mistake:?}");
            }
        }
    }
}
