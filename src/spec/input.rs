//! The section `input`: images to read or images to make, two tables of keys that exclude each other; or several of
//! them with weights, for training.

use super::args::Args;
use super::check;
use super::diagnostic::{Report, Span};
use super::field::Parameters;
use super::kinds;
use super::language::{
    FileKeys, INPUT, INPUT_SECTION, INPUT_SHORTHAND, InputKeys, Mixed, SHARE, SYNTH, SYNTH_INPUT, ShareKeys,
    SynthKeys,
};
use super::node::{Data, Key, Node, shorthand};
use super::param::Param;
use super::places;

/// One input as it was written, and its values unless what it is about could not be read.
type One = (Args, Option<InputKeys>);

/// The section.
#[expect(clippy::large_enum_variant, reason = "there is one of it in a pipeline")]
pub(super) enum Section {
    /// One input.
    One(Args, Option<InputKeys>),
    /// A list of at least two.
    Several(Vec<Mixed>),
}

/// Checks the section, a list of inputs only where the job takes `several`; `None` when nothing of it could be read.
pub(super) fn read(entry: Option<&(Key, Node)>, several: bool, report: &mut Report) -> Option<Section> {
    let (name, doc) = INPUT_SECTION;
    let Some((key, node)) = entry else {
        report.error(
            Span::FILE,
            format!("a pipeline needs `{name}`"),
            "add for example `input: photos`".to_owned(),
        );
        return None;
    };
    match &node.data {
        Data::List(items) if several => list(items, key.span, report),
        Data::List(items) => {
            let message = format!("`{name}` wants one path or a map, found a list");
            report.error(node.span, message, places::several(items));
            None
        }
        _ => one(node, key.span, doc, report).map(|(args, keys)| Section::One(args, keys)),
    }
}

/// Checks one input; a missing value is reported at `key`.
fn one(node: &Node, key: Span, doc: &str, report: &mut Report) -> Option<One> {
    match &node.data {
        Data::Map(entries) => Some(either(entries, key, report)),
        Data::Scalar { .. } if !node.is_null() => {
            Some(files(check::map("`input`", INPUT, &shorthand(INPUT_SHORTHAND, node), key, report)))
        }
        Data::Bad => None,
        Data::Scalar { .. } | Data::List(_) => {
            let message = format!("`input` wants a path or a map, found {}", kinds::found(node));
            report.error(key, message, doc.to_owned());
            None
        }
    }
}

/// Checks every input of a list; a list of one is that one.
fn list(items: &[Node], span: Span, report: &mut Report) -> Option<Section> {
    if items.is_empty() {
        report.error(span, "`input` is an empty list", "name at least one input in it".to_owned());
        return None;
    }
    let mut found: Vec<Option<Mixed>> = items.iter().map(|item| mixed(item, report)).collect();
    match found.as_mut_slice() {
        [only] => only.take().map(|only| Section::One(only.args, only.keys)),
        _ => Some(Section::Several(found.into_iter().flatten().collect())),
    }
}

fn mixed(item: &Node, report: &mut Report) -> Option<Mixed> {
    let of_share = |key: &Key| SHARE.iter().any(|param| param.name == key.text);
    let (share, rest) = match &item.data {
        Data::Map(entries) => entries.iter().cloned().partition(|(key, _)| of_share(key)),
        _ => (Vec::new(), Vec::new()),
    };
    let share = check::map("`input`", SHARE, &share, item.span, report);
    let (args, keys) = match &item.data {
        Data::Map(_) => either(&rest, item.span, report),
        _ => one(item, item.span, "write for example `{path: photos, weight: 3}`", report)?,
    };
    let weight = ShareKeys::read(&check::completed(&share, SHARE)).map_or(1.0, |share| share.weight);
    Some(Mixed { args, keys, weight })
}

/// Checks against the table that the keys speak for; each key of the other one is a mistake.
fn either(entries: &[(Key, Node)], span: Span, report: &mut Report) -> One {
    let has = |name: &str| entries.iter().any(|(key, _)| key.text == name);
    let of = |table: &[Param], key: &Key| table.iter().any(|param| param.name == key.text);
    let makes = has(SYNTH) || (!has(INPUT_SHORTHAND) && entries.iter().any(|(key, _)| of(SYNTH_INPUT, key)));
    let (own, other) = if makes { (SYNTH_INPUT, INPUT) } else { (INPUT, SYNTH_INPUT) };
    let (stray, rest): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|(key, _)| of(other, key));
    for (key, _) in stray {
        let (message, help) = if makes {
            ("is about files, and `synth` makes the images", "remove it, or the keys that go with `synth`")
        } else {
            (
                "is about images that are made, and `path` names files",
                "remove it, or put `synth` in place of `path`",
            )
        };
        report.error(key.span, format!("`{}` {message}", key.text), help.to_owned());
    }
    let args = check::map("`input`", own, &rest, span, report);
    if makes { synthetic(args) } else { files(args) }
}

fn files(args: Args) -> One {
    let keys = FileKeys::read(&check::completed(&args, INPUT));
    (args, keys.ok().map(InputKeys::Files))
}

fn synthetic(args: Args) -> One {
    let keys = SynthKeys::read(&check::completed(&args, SYNTH_INPUT));
    (args, keys.ok().map(InputKeys::Synthetic))
}
