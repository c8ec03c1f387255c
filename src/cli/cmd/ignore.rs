//! `ignore`: acknowledges failures, which then do not count until the input or the settings change.

use super::opened::{ledger_of, open_locked};
use super::print::out;
use super::refusal::Refusal;
use crate::ledger::{Ledger, LedgerError, Outcome};
use crate::plan::Plan;
use crate::shown::{Show, decode};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How much alike names have to be for one to be meant by the other, from 0 to 1.
const ALIKE: f64 = 0.85;
/// Most names that are shown as what may have been meant.
const SHOWN: usize = 3;

/// Acknowledges all failures that stand, or those of the inputs named.
///
/// # Errors
/// When nothing has been run, the ledger can't be written or is another job's, or a name is not that of a failure.
pub(super) fn ignore(plan: &Plan, names: &[OsString]) -> Result<u8, Refusal> {
    drop(ledger_of(&plan.output, &plan.name)?);
    let (store, _lock) = open_locked(&plan.output, "what is acknowledged")?;
    let mut ledger = Ledger::open(&store)?;
    // Of each input, whether it failed, and whether that is acknowledged.
    let mut states: BTreeMap<Vec<u8>, (bool, bool)> = BTreeMap::new();
    ledger.each(|path, record| {
        states.insert(path.to_vec(), (matches!(record.outcome, Outcome::Failed { .. }), record.ignored));
        Ok::<_, LedgerError>(())
    })?;
    let known = states.iter().map(|(path, (failed, _))| (path.as_slice(), *failed)).collect();
    let names: Vec<Vec<u8>> = names.iter().map(|name| relative(&plan.input.root, Path::new(name))).collect();
    let chosen = choose(&names, &known).map_err(|e| Refusal::Usage(e.to_string()))?;
    let fresh = |path: &&Vec<u8>| states.get(*path).is_some_and(|(_, acknowledged)| !acknowledged);
    let fresh: Vec<Vec<u8>> = chosen.iter().filter(fresh).cloned().collect();
    ledger.ignore(&fresh)?;
    Ok(out(&match (chosen.len(), fresh.len()) {
        (0, _) => format!("{}: no failure stands\n", plan.name),
        (_, 0) => format!("{}: acknowledged already\n", plan.name),
        (_, n) => format!(
            "{}: {n} acknowledged: they count again when their inputs or the settings change; `retry` tries them all \
             the same\n",
            plan.name
        ),
    }))
}

/// A name as the ledger has it.
fn relative(root: &Path, name: &Path) -> Vec<u8> {
    let name = if name.is_absolute() { name.strip_prefix(root).unwrap_or(name) } else { name };
    name.strip_prefix(".").unwrap_or(name).as_os_str().as_bytes().to_vec()
}

/// Names that are not those of failures, with what is known of each.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}\nnames are relative to the input, as `status --failures` lists them; nothing was changed",
    .0.join("\n")
)]
struct NoFailures(Vec<String>);

/// The paths that are meant by `names`, or all that failed; `known` tells of each input whether it failed. Names
/// are taken as they are, or as they are shown.
///
/// # Errors
/// When one is not that of a failure.
fn choose(names: &[Vec<u8>], known: &BTreeMap<&[u8], bool>) -> Result<Vec<Vec<u8>>, NoFailures> {
    let failed: Vec<&[u8]> = known.iter().filter(|(_, failed)| **failed).map(|(path, _)| *path).collect();
    if names.is_empty() {
        return Ok(failed.into_iter().map(<[u8]>::to_vec).collect());
    }
    let (mut chosen, mut wrong) = (Vec::new(), Vec::new());
    for name in names {
        let shown = name.shown().to_string();
        // As a message or a manifest shows it.
        let meant = std::str::from_utf8(name)
            .map_or_else(|_| name.clone(), |text| decode(text).into_os_string().into_encoded_bytes());
        if let Some(name) = [name, &meant].into_iter().find(|name| known.get(name.as_slice()) == Some(&true))
        {
            chosen.push(name.clone());
        } else if known.contains_key(name.as_slice()) {
            wrong.push(format!("{shown} did not fail"));
        } else {
            let near = near(&shown, &failed);
            let near = if near.is_empty() { near } else { format!("; near it: {near}") };
            wrong.push(format!("no failure of {shown} is known{near}"));
        }
    }
    if wrong.is_empty() { Ok(chosen) } else { Err(NoFailures(wrong)) }
}

/// Names of failures that may have been meant.
fn near(name: &str, failed: &[&[u8]]) -> String {
    let score = |path: &[u8]| {
        let text = path.shown().to_string();
        let whole = strsim::jaro_winkler(name, &text);
        let part = if text.ends_with(name) || name.ends_with(&text) { 1.0 } else { 0.0 };
        (whole.max(part), text)
    };
    let mut near: Vec<(f64, String)> =
        failed.iter().map(|path| score(path)).filter(|s| s.0 >= ALIKE).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let names: Vec<String> = near.into_iter().take(SHOWN).map(|(_, text)| text).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_failures_or_nothing_is_chosen() {
        let known = BTreeMap::from([
            (&b"a/bad.png"[..], true),
            (b"a/good.png", false),
            (b"b/scan-0001.tif", true),
            (b"b/\xff.tif", true),
        ]);
        let choose = |names: &[&[u8]]| choose(&names.iter().map(|n| n.to_vec()).collect::<Vec<_>>(), &known);
        assert_eq!(choose(&[]).unwrap().len(), 3);
        assert_eq!(choose(&[b"a/bad.png"]).unwrap(), [b"a/bad.png"]);
        // As it is, and as a message shows it.
        assert_eq!(choose(&[b"b/\xff.tif", b"b/\\xFF.tif"]).unwrap(), [b"b/\xff.tif", b"b/\xff.tif"]);
        for (name, part) in [
            (&b"bad.png"[..], "near it: a/bad.png"),
            (b"in/a/bad.png", "near it: a/bad.png"),
            (b"b/scan-001.tif", "near it: b/scan-0001.tif"),
            (b"a/good.png", "a/good.png did not fail"),
            (b"zzz", "no failure of zzz is known\n"),
        ] {
            let message = choose(&[b"a/bad.png", name]).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn names_are_taken_below_the_input() {
        let root = Path::new("/archive");
        for (given, wanted) in [("./a.png", "a.png"), ("/archive/b/a.png", "b/a.png"), ("/else/a", "/else/a")]
        {
            assert_eq!(relative(root, Path::new(given)), wanted.as_bytes());
        }
    }
}
