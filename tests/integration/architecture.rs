//! The order of the modules: each may use only those below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the top down. Modules of one line don't know each other.
const ORDER: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["job"],
    &["run", "train"],
    &["plan"],
    &["steps", "sinks"],
    &["pipeline"],
    &["inputs", "ledger"],
    &["corrupt"],
    &["spec"],
    &["nn", "synth", "codec"],
    &["kernels"],
    &["image", "store", "columns", "random", "error", "memory"],
    &["shown"],
];

/// The sources, with the module each belongs to.
fn sources() -> Vec<(String, PathBuf)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(&src).unwrap().to_str().unwrap();
                let top = relative.split(['/', '.']).next().unwrap();
                found.push((top.to_string(), path));
            }
        }
    }
    found
}

/// The modules that follow `crate::` (or `safelight::`) in a source, those inside braces among them. Comments and texts
/// don't count, tests do: what they need, the module needs.
fn used(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("safelight::")) {
        let rest = &code[at..].split_once("::").unwrap().1;
        let names: Vec<String> = match rest.strip_prefix('{') {
            None => vec![word(rest)],
            Some(group) => top_level(group).iter().map(|name| word(name.trim_start())).collect(),
        };
        found.extend(names.into_iter().filter(|name| !name.is_empty()));
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The parts between commas of a group, up to its closing brace.
fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    parts
}

/// The arrows that point the wrong way, and modules without a place.
fn wrong(sources: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let level = |module: &str| ORDER.iter().position(|line| line.contains(&module));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, source) in sources.iter().filter(|(module, _)| module != "lib") {
        for other in used(source).into_iter().filter(|other| other != module) {
            // What is no module is a macro or an item that the crate's root gives out.
            let known = level(&other).is_some() || sources.iter().any(|(known, _)| *known == other);
            if known && (level(module).is_none() || level(&other).is_none() || level(module) >= level(&other))
            {
                found.entry(module.clone()).or_default().insert(other);
            }
        }
    }
    found
}

#[test]
fn modules_use_only_what_is_below_them() {
    let read = |(module, path): (String, PathBuf)| (module, fs::read_to_string(path).unwrap());
    let sources: Vec<(String, String)> = sources().into_iter().map(read).collect();
    assert!(sources.len() > 200, "the sources were not found");
    assert_eq!(wrong(&sources), BTreeMap::new());
}

#[test]
fn an_arrow_that_points_up_is_found() {
    let source = |module: &str, text: &str| (module.to_string(), text.to_string());
    let sources = [
        source("run", "use crate::{plan::Plan, store};\nuse crate::train;"),
        source("store", "fn f() { crate::run::run() } // crate::plan\n"),
        source("stray", "use crate::store::Store;"),
    ];
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_string()).collect::<BTreeSet<_>>();
    let expected = [("run", set(&["train"])), ("store", set(&["run"])), ("stray", set(&["store"]))];
    assert_eq!(wrong(&sources), expected.map(|(m, o)| (m.to_string(), o)).into());
}
