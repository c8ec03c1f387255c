//! The section `input`: images to read or images to make, two tables of keys that exclude each other.

use super::args::Args;
use super::check;
use super::diagnostic::{Report, Span};
use super::field::Parameters;
use super::kinds;
use super::language::{
    FileKeys, INPUT, INPUT_SECTION, INPUT_SHORTHAND, InputKeys, SYNTH, SYNTH_INPUT, SynthKeys,
};
use super::node::{Data, Key, Node, shorthand};
use super::param::Param;
use super::places;

/// The section as it was written, and its values unless what it is about could not be read.
pub(super) type Section = (Args, Option<InputKeys>);

/// Checks the section; `None` when nothing of it could be read.
pub(super) fn read(entry: Option<&(Key, Node)>, report: &mut Report) -> Option<Section> {
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
        Data::Map(entries) => Some(either(entries, key.span, report)),
        Data::Scalar { .. } if !node.is_null() => {
            Some(files(check::map("`input`", INPUT, &shorthand(INPUT_SHORTHAND, node), key.span, report)))
        }
        Data::Bad => None,
        Data::List(items) => {
            let message = format!("`{name}` wants one path or a map, found a list");
            report.error(node.span, message, places::several(items));
            None
        }
        Data::Scalar { .. } => {
            let message = format!("`{name}` wants a path or a map, found {}", kinds::found(node));
            report.error(key.span, message, doc.to_owned());
            None
        }
    }
}

/// Checks against the table that the keys speak for; each key of the other one is a mistake.
fn either(entries: &[(Key, Node)], span: Span, report: &mut Report) -> Section {
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

fn files(args: Args) -> Section {
    let keys = FileKeys::read(&check::completed(&args, INPUT));
    (args, keys.ok().map(InputKeys::Files))
}

fn synthetic(args: Args) -> Section {
    let keys = SynthKeys::read(&check::completed(&args, SYNTH_INPUT));
    (args, keys.ok().map(InputKeys::Synthetic))
}
