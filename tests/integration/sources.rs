//! Rules that hold for the sources as text.

use crate::support::root;
use std::path::PathBuf;

/// Lines of the sources with their places, tests left out.
fn lines() -> Vec<(PathBuf, usize, String)> {
    let mut lines = Vec::new();
    for entry in walkdir::WalkDir::new(root().join("src")) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(root()).unwrap().to_path_buf();
        let test = path.iter().any(|part| part.to_string_lossy().contains("tests"));
        if path.extension().is_none_or(|e| e != "rs") || test {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        lines
            .extend(code.lines().enumerate().map(|(n, line)| (path.clone(), n + 1, line.trim().to_string())));
    }
    assert!(lines.len() > 10_000);
    lines
}

/// Calls that take "it can't be told" for "it is not there", or tempt to: `store::look` has them all.
fn confuses(line: &str) -> bool {
    let calls = [
        ".exists()",
        ".try_exists(",
        "symlink_metadata(",
        "fs::metadata(",
        ".canonicalize(",
        "fs::canonicalize(",
        "read_dir(",
        "fs::exists(",
    ];
    // Of what was looked at already.
    let looked_at =
        ["m", "found", "meta", "metadata", "kind", "about", "there", "file_type()", "metadata()?"];
    let kind_of_path = [".is_dir()", ".is_file()"].iter().any(|call| {
        line.match_indices(call).any(|(at, _)| {
            let before = &line[..at];
            !looked_at.iter().any(|name| {
                before
                    .strip_suffix(name)
                    .is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            })
        })
    });
    !line.starts_with("//") && (calls.iter().any(|call| line.contains(call)) || kind_of_path)
}

#[test]
fn only_the_store_asks_what_is_there() {
    assert!(
        confuses("if path.exists() {")
            && confuses("if !folder.is_dir() {")
            && confuses("x.parent()?.is_file()")
    );
    assert!(
        !confuses("meta.is_dir()")
            && !confuses("Some(m) if !m.is_dir()")
            && !confuses("look::is_file(path)?")
    );
    let found: Vec<String> = lines()
        .into_iter()
        .filter(|(path, _, line)| !path.starts_with("src/store") && confuses(line))
        .map(|(path, number, line)| format!("{}:{number}: {line}", path.display()))
        .collect();
    assert!(
        found.is_empty(),
        "use store::look, where only NotFound means \"not there\":\n{}",
        found.join("\n")
    );
}

/// Ways to change files, which are the store's alone.
fn writes(line: &str) -> bool {
    let calls = [
        "fs::write(",
        "fs::rename(",
        "fs::remove_",
        "fs::create_dir",
        "File::create",
        "fs::copy(",
        "fs::hard_link(",
        "fs::set_permissions(",
        "set_len(",
        ".create_new(",
        ".create(true)",
        "DirBuilder",
    ];
    !line.starts_with("//") && calls.iter().any(|call| line.contains(call))
}

#[test]
fn only_the_store_writes() {
    assert!(writes("std::fs::write(&path, bytes)?;") && writes("File::create_new(&temp)"));
    // Neither is the output: the cache of verdicts on models, and a ledger's copy in the temporary folder.
    let apart = ["src/nn/door/verdicts.rs", "src/ledger/read.rs"];
    let found: Vec<String> = lines()
        .into_iter()
        .filter(|(path, _, line)| {
            !path.starts_with("src/store") && !apart.iter().any(|a| path.starts_with(a)) && writes(line)
        })
        .map(|(path, number, line)| format!("{}:{number}: {line}", path.display()))
        .collect();
    assert!(found.is_empty(), "the store is the only writer:\n{}", found.join("\n"));
}
