//! Paths and patterns that cannot mean what they seem to: what each is, and what to write.

use super::node::{Data, Node, item, shown};
use crate::codec::Format;

/// Why a text is no path of this machine, and what to write; `None` for any other text. A name that only looks so is
/// written with `./` before it.
pub(super) fn doubt(text: &str) -> Option<(String, String)> {
    let first = text.split('/').next().unwrap_or_default();
    let rest = text.get(first.len()..).unwrap_or_default();
    if first == "~" {
        let help = format!("write `\"${{HOME}}{rest}\"`");
        return Some(("`~` does not stand for the home folder here".to_owned(), help));
    }
    if let Some(name) = first.strip_prefix('$').filter(|name| is_name(name)) {
        let help = format!("write `\"${{{name}}}{rest}\"`; a folder of that name is `./{first}`");
        return Some((format!("{} is not replaced by its value", shown(first)), help));
    }
    if first.starts_with("$(") {
        let help = "set a variable before the run and write `\"${NAME}\"`".to_owned();
        return Some((format!("{} is a command, and none is run here", shown(text)), help));
    }
    if let Some((scheme, address)) = text.split_once("://")
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    {
        let message = format!("{} is an address, not a path", shown(text));
        let help = if scheme.eq_ignore_ascii_case("file") {
            format!("write `/{}`", address.trim_start_matches('/'))
        } else {
            "only files and folders of this machine are read and written: mount it or copy it, and name that \
             folder"
                .to_owned()
        };
        return Some((message, help));
    }
    if let Some((name, rest)) = text.strip_prefix('%').and_then(|text| text.split_once('%'))
        && is_name(name)
    {
        let help = format!("write `\"${{{name}}}{}\"`", rest.replace('\\', "/"));
        return Some((format!("`%{name}%` is not replaced by its value"), help));
    }
    windows(text)
}

fn windows(text: &str) -> Option<(String, String)> {
    if text.starts_with("\\\\") {
        let help = "mount the share, and name the folder it is mounted at".to_owned();
        return Some((format!("{} is a network path of Windows", shown(text)), help));
    }
    let mut chars = text.chars();
    let drive = chars.next().filter(char::is_ascii_alphabetic)?.to_ascii_lowercase();
    match (chars.next(), chars.next()) {
        (Some(':'), Some('\\' | '/')) => {
            let below = chars.as_str().replace('\\', "/");
            let help = format!("write it as it is mounted here, such as `/mnt/{drive}/{below}`");
            Some((format!("{} is a path of Windows", shown(text)), help))
        }
        // `"C:\temp"`: the escape has become a tab.
        (Some(':'), Some(c)) if c.is_control() => {
            let message =
                "this is a path of Windows, and `\\` begins an escape inside double quotes".to_owned();
            Some((message, format!("write it as it is mounted here, such as `/mnt/{drive}/...`")))
        }
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What to write in place of a list of paths.
pub(super) fn several(items: &[Node]) -> String {
    let texts: Option<Vec<&str>> = items
        .iter()
        .map(|node| match &node.data {
            Data::Scalar { text, .. } if !text.contains(['*', '"', '\\']) => Some(text.trim_end_matches('/')),
            _ => None,
        })
        .collect();
    let otherwise = "or name a .csv list with a column `path`";
    match texts.as_deref() {
        Some([one]) => format!("write it without the brackets: `{}`", item(one)),
        Some(texts @ [_, _, ..]) => {
            let (folder, below) = common(texts);
            let patterns: Vec<String> = below.iter().map(|name| format!("\"{name}/**/*.jpg\"")).collect();
            format!(
                "name the folder that holds them and what to take of it: `{{path: {}, include: [{}]}}`; {otherwise}",
                item(&folder),
                patterns.join(", ")
            )
        }
        _ => format!("name one folder and give patterns as `include`; {otherwise}"),
    }
}

/// The folder that holds all of these, and their names below it.
fn common(paths: &[&str]) -> (String, Vec<String>) {
    let parts: Vec<Vec<&str>> = paths.iter().map(|path| path.split('/').collect()).collect();
    let shared = (0..)
        .take_while(|&at| {
            let part = parts.first().and_then(|first| first.get(at));
            // At least the last part of each stays below.
            part.is_some() && parts.iter().all(|parts| parts.len() > at + 1 && parts.get(at) == part)
        })
        .count();
    let below = parts.iter().map(|parts| parts.get(shared..).unwrap_or_default().join("/")).collect();
    let folder = parts.first().map(|first| first.get(..shared).unwrap_or_default().join("/"));
    let folder = match folder.as_deref() {
        Some("") if shared > 0 => "/".to_owned(),
        Some("") | None => ".".to_owned(),
        Some(folder) => folder.to_owned(),
    };
    (folder, below)
}

/// Why a pattern can match nothing, and what to write.
pub(super) fn pattern(text: &str) -> Option<(String, String)> {
    let word = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    if Format::from_extension(&word).is_some() {
        let message = format!("{} matches only a file that is called so", shown(text));
        return Some((message, format!("write `\"**/*.{word}\"`")));
    }
    if text.starts_with('/') || text.starts_with("./") || text.split('/').any(|part| part == "..") {
        let message = format!("{} matches nothing: patterns are relative to `path`", shown(text));
        let below = text.trim_start_matches(['.', '/']);
        let below = if below.is_empty() { "**" } else { below };
        let help = format!("write what stands below it, such as `\"{below}\"`");
        return Some((message, help));
    }
    if text.ends_with('/') {
        let message = format!("{} matches nothing: patterns are of files", shown(text));
        return Some((message, format!("write `\"{text}**\"`")));
    }
    None
}
