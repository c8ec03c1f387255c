//! Which input a ledger belongs to: a run on another one, or on one that has lost much, stops before it changes
//! anything, since a misspelt path and an archive that is not mounted look like an archive that was emptied.

use super::error::RunError;
use super::prepare::Prepared;
use crate::inputs::Source;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::shown::Show;
use crate::store::{FileId, look};
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Vanished inputs that are no reason to stop, whatever their share.
const FEW: usize = 20;

/// An input as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    /// `folder`, `file`, `list`, or `synth` with what makes the pictures.
    kind: String,
    /// Bytes of the root's path, or of the list's.
    path: Vec<u8>,
    /// Device and inode of it.
    id: Option<(u64, u64)>,
    /// BLAKE3 of a list.
    hash: Option<String>,
}

impl Remembered {
    fn of(plan: &Plan) -> Result<Remembered, RunError> {
        let unseen = |path: &Path, e: std::io::Error| {
            RunError::Input(format!("cannot look at {}: {e}; check the mount, then run again", path.shown()))
        };
        let (kind, path) = match &plan.input.source {
            Source::Made(series) => {
                let kind = format!("synth {}", series.synth.name);
                return Ok(Remembered { kind, path: Vec::new(), id: None, hash: None });
            }
            Source::Folder => ("folder", &plan.input.root),
            Source::File { absolute, .. } => ("file", absolute),
            Source::List { .. } => ("list", plan.input.list.as_ref().unwrap_or(&plan.input.root)),
        };
        let meta = look::at(path).map_err(|e| unseen(path, e))?;
        let id = meta.map(|m| FileId::of(&m)).map(|id| (id.device, id.inode));
        let hash = match &plan.input.list {
            Some(list) => Some(hash(list).map_err(|e| unseen(list, e))?),
            None => None,
        };
        Ok(Remembered { kind: kind.into(), path: path.as_os_str().as_bytes().to_vec(), id, hash })
    }

    /// Whether this may be the same under another name, or another version at the same place.
    fn continues(&self, before: &Remembered) -> bool {
        let same_file = self.id.is_some() && self.id == before.id;
        let same_list = self.hash.is_some() && self.hash == before.hash;
        self.kind == before.kind && (self.path == before.path || same_file || same_list)
    }

    fn text(&self) -> String {
        match self.kind.strip_prefix("synth ") {
            Some(synth) => format!("images made by `{synth}`"),
            None => {
                format!("{} ({})", PathBuf::from(std::ffi::OsStr::from_bytes(&self.path)).shown(), self.kind)
            }
        }
    }
}

fn hash(list: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut std::fs::File::open(list)?, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Fails when the input is another one than that of the last run, or more of what was known is missing than
/// `limits.max_vanished` allows.
///
/// # Errors
/// [`RunError::OtherInput`], which says what goes on all the same; or when it can't be told.
pub(super) fn refuse_other(plan: &Plan, ledger: &Ledger, prepared: &Prepared) -> Result<(), RunError> {
    let go_on = "if it is meant, go on with --accept-input";
    let before: Option<Remembered> = ledger.input()?.and_then(|text| serde_json::from_str(&text).ok());
    let now = Remembered::of(plan)?;
    if let Some(before) = before.filter(|before| !now.continues(before)) {
        return Err(RunError::OtherInput(format!(
            "the results in {} are of {}, and the input is now {}; nothing was changed: correct input.path, or {go_on}",
            plan.output.shown(),
            before.text(),
            now.text()
        )));
    }
    let (gone, left_out) = (prepared.newly_vanished + prepared.listed_absent, prepared.newly_left_out);
    let (missing, known) = (gone + left_out, prepared.known);
    let allowed = plan.limits.max_vanished.allowed(known, FEW);
    // Pictures that are made can be made again.
    if missing > allowed && !matches!(plan.input.source, Source::Made(_)) {
        return Err(RunError::OtherInput(format!(
            "{missing} of {known} known inputs are missing ({gone} gone, {left_out} left out by the patterns or the list), \
             more than the {allowed} that limits.max_vanished allows; nothing was changed: check that all of the \
             archive is mounted, or {go_on}"
        )));
    }
    Ok(())
}

/// Remembers the input of this run.
///
/// # Errors
/// When the ledger can't be written, or the input can't be looked at.
pub(super) fn remember(plan: &Plan, ledger: &mut Ledger) -> Result<(), RunError> {
    Ok(ledger.set_input(&text(plan)?)?)
}

/// The input of this run, in the form that it is remembered in.
///
/// # Errors
/// When the input can't be looked at.
pub(super) fn text(plan: &Plan) -> Result<String, RunError> {
    serde_json::to_string(&Remembered::of(plan)?).map_err(|e| RunError::Input(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(path: &str, id: u64, hash: Option<&str>) -> Remembered {
        let kind = if hash.is_some() { "list" } else { "folder" };
        Remembered { kind: kind.into(), path: path.into(), id: Some((1, id)), hash: hash.map(String::from) }
    }

    #[test]
    fn moved_remounted_and_edited_inputs_are_the_same_and_others_are_not() {
        let before = origin("/archive", 5, None);
        assert!(
            origin("/archive", 9, None).continues(&before)
                && origin("/mnt/archive", 5, None).continues(&before)
        );
        assert!(!origin("/other", 6, None).continues(&before));
        let list = origin("/l.csv", 5, Some("a"));
        assert!(
            origin("/l.csv", 6, Some("b")).continues(&list)
                && origin("/m.csv", 7, Some("a")).continues(&list)
        );
        assert!(
            !origin("/m.csv", 7, Some("b")).continues(&list) && !origin("/l.csv", 5, None).continues(&list)
        );
    }
}
