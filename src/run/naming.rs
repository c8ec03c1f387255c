//! Names of outputs before the run: which the file system refuses, which folders become safelight's own.

use super::error::RunError;
use super::task::Task;
use crate::inputs::{Input, Pages};
use crate::ledger::{Fingerprint, Ledger, Ours};
use crate::pipeline::Place;
use crate::plan::Plan;
use crate::shown::Show;
use crate::store::{Store, StoreError, names, target_names};
use std::collections::{BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Most bytes of a name on the file systems in use.
const NAME_MAX: usize = 255;

/// Notes, in each task, a name of a single output that the file system refuses, with its reasons, or one that
/// is too long whatever pages and patches add to it.
///
/// # Errors
/// When it can't be asked.
pub fn refuse(plan: &Plan, inputs: &[Input], tasks: &mut [Task]) -> Result<(), StoreError> {
    let paths = tasks.iter().flat_map(|task| &task.targets).map(PathBuf::as_path);
    let refused = target_names::refused(&plan.output, paths)?;
    let refused: HashMap<PathBuf, String> =
        refused.into_iter().map(|(path, reason)| (path.to_path_buf(), reason)).collect();
    for task in tasks {
        let reason = |path: &PathBuf| {
            let own = || "safelight keeps this name for its own files".to_string();
            names::is_reserved(path).then(own).or_else(|| refused.get(path).cloned())
        };
        let single = task.targets.iter().find_map(|path| Some((path.clone(), reason(path)?)));
        task.refused = single.or_else(|| too_long(plan, inputs.get(task.input)?, &task.make));
    }
    Ok(())
}

/// The first of an input's names that is too long for any file system, where several are made of the input: for what
/// pages and patches add to it.
fn too_long(plan: &Plan, input: &Input, make: &BTreeSet<Fingerprint>) -> Option<(PathBuf, String)> {
    let single: Vec<Fingerprint> = plan.single_files().map(|named| named.product).collect();
    let wanted = |product: &Fingerprint| make.contains(product) && !single.contains(product);
    let length = |path: &Path| path.file_name().map_or(0, |name| name.as_bytes().len());
    plan.named_files().filter(|named| wanted(&named.product)).find_map(|named| {
        let name = |page| named.names.path(&input.relative, &Place { page, ..Place::default() });
        let mut path = name(None);
        if plan.input.pages == Pages::All && length(&name(Some(u32::MAX))) > NAME_MAX {
            // Only now is it worth a look into the file.
            let pages = input.header().map_or(1, |header| header.pictures);
            path = name(Some(pages).filter(|pages| *pages > 1));
        }
        (length(&path) > NAME_MAX).then(|| (path, format!("a name has at most {NAME_MAX} bytes")))
    })
}

/// The claim on a folder as a whole.
fn folder_claim(folder: &Path) -> Vec<u8> {
    [folder.as_os_str().as_bytes(), b"/"].concat()
}

/// Claims to record before files are written under names not known beforehand: the folders that receive
/// them become safelight's own.
///
/// # Errors
/// When such a folder holds something that no run has written there, or can't be listed.
pub fn folder_claims(plan: &Plan, store: &Store, ledger: Option<&Ledger>) -> Result<Vec<Vec<u8>>, RunError> {
    let claimed = ledger.map(Ledger::claims).transpose()?.unwrap_or_default();
    let new: Vec<&Path> = plan
        .owning()
        .map(|sink| sink.folder())
        .filter(|folder| !claimed.contains(&folder_claim(folder)))
        .collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let ours = Ours::of(ledger)?;
    for folder in &new {
        for file in store.files_below(folder)? {
            if !ours.holds(file.as_os_str().as_bytes())? {
                return Err(RunError::Foreign(format!(
                    "{} stands where the job wants a folder of its own and was not written by safelight; move it \
                     away or choose another folder",
                    store.root().join(file).shown()
                )));
            }
        }
    }
    Ok(new.into_iter().map(folder_claim).collect())
}
