//! How the sources depend on each other: modules use only those below them, and no two files need each other.

mod circles;
mod paths;

use circles::Tree;
use paths::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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
    &["corrupt", "expr", "explore"],
    &["spec"],
    &["nn", "synth", "codec", "vectors"],
    &["kernels", "weights"],
    &["onnx"],
    &["image", "store", "columns", "random", "error", "memory"],
    &["shown"],
];

/// The modules of the program with their sources; the root has no name.
fn sources() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(&src).unwrap().with_extension("");
                let words = relative.iter().map(|word| word.to_str().unwrap());
                let words: Vec<&str> = words.filter(|word| !["mod", "lib"].contains(word)).collect();
                found.push((words.join("::"), fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 200, "the sources were not found");
    found
}

/// The top-level modules that a source uses. Tests count: what they need, the module needs.
fn used(source: &str) -> BTreeSet<String> {
    let paths = Source::new(source).paths();
    let of_the_crate = |words: &[String]| ["crate", "safelight"].contains(&words[0].as_str());
    paths.iter().filter(|p| of_the_crate(&p.words)).filter_map(|p| p.words.get(1).cloned()).collect()
}

/// The arrows that point the wrong way, and modules without a place.
fn wrong(sources: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let top = |module: &str| module.split("::").next().unwrap_or_default().to_string();
    let level = |module: &str| ORDER.iter().position(|line| line.contains(&module));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, source) in sources.iter().filter(|(module, _)| !module.is_empty()) {
        let module = top(module);
        for other in used(source).into_iter().filter(|other| *other != module) {
            // What is no module is a macro or an item that the crate's root gives out.
            let known = level(&other).is_some() || sources.iter().any(|(known, _)| top(known) == other);
            let below = level(&module).is_some() && level(&other).is_some() && level(&module) < level(&other);
            if known && !below {
                found.entry(module.clone()).or_default().insert(other);
            }
        }
    }
    found
}

#[test]
fn modules_use_only_what_is_below_them() {
    assert_eq!(wrong(&sources()), BTreeMap::new());
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

#[test]
fn no_two_files_need_each_other() {
    let sources = sources();
    let circles = Tree::new(sources.iter().map(|(module, text)| (module.as_str(), text.as_str()))).circles();
    let told = circles.join("\n");
    assert!(circles.is_empty(), "move what both need to a file below them:\n{told}");
}

/// A small crate without circles, some of its files replaced; and the circles of it.
fn circles_with(replaced: &[(&str, &str)]) -> Vec<String> {
    let mut sources = BTreeMap::from([
        ("", "pub mod shop;\npub mod till;"),
        ("shop", "mod price;\nmod shelf;\npub use price::Price;\npub(crate) use shelf::take as grab;"),
        (
            "shop::price",
            "pub struct Price(pub u32); // super::shelf\nconst TEXT: &str = \"super::shelf::take\";",
        ),
        ("shop::shelf", "use super::Price;\npub fn take<'a>(_: &'a str) -> Price { Price('\"' as u32) }"),
        (
            "till",
            "use crate::shop::{self, Price};\npub(in crate::till) fn pay() -> Price { shop::grab(\"\") }",
        ),
    ]);
    sources.extend(replaced.iter().copied());
    Tree::new(sources).circles()
}

#[test]
fn planted_circles_are_found() {
    assert_eq!(circles_with(&[]), [""; 0]);
    // A path through `super`, in the code and in a `use` line.
    let found = circles_with(&[("shop::price", "pub struct Price;\nfn f() { super::shelf::take(\"\"); }")]);
    assert_eq!(
        found,
        ["shop::price -> shop::shelf (super::shelf::take), shop::shelf -> shop::price (super::Price)"]
    );
    let own = "mod price;\nmod shelf;\nuse shelf::take;\npub struct Price;";
    let found = circles_with(&[("shop", own)]);
    assert_eq!(found, ["shop -> shop::shelf (shelf::take), shop::shelf -> shop (super::Price)"]);
    // A group; what stands in it is given on by another file under another name.
    let group = "use crate::{till, shop::{self as _, grab}};\npub struct Price;";
    assert_eq!(
        circles_with(&[("shop::price", group), ("till", "")]),
        [
            "shop -> shop::price (price::Price), shop::price -> shop (crate::shop)",
            "shop::shelf -> shop::price (super::Price), shop::price -> shop::shelf (crate::shop::grab)"
        ]
    );
    // A round of three.
    let three = [("shop::price", "use crate::{till::pay, shop::shelf as _};"), ("shop::shelf", "")];
    assert_eq!(
        circles_with(&three),
        [
            "shop -> shop::price (price::Price), shop::price -> till (crate::till::pay), till -> shop (crate::shop)"
        ]
    );
    // Not those through tests.
    let tested = "pub struct Price;\n#[cfg(test)]\nmod tests { use super::super::shelf::take; }";
    assert_eq!(circles_with(&[("shop::price", tested)]), [""; 0]);
}
