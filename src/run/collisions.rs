//! Outputs that would have one name, or one of which would have to be a folder of another: which input has it.

use super::RunError;
use super::task::Task;
use super::unlisted::Missing;
use crate::error::ErrorKind;
use crate::inputs::Input;
use crate::inputs::Pages;
use crate::ledger::{Fingerprint, Ledger, LedgerError, Record};
use crate::pipeline::Place;
use crate::pipeline::Sink;
use crate::plan::{NamedSink, Plan};
use crate::shown::Show;
use crate::store::{Store, target_names};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Outputs that can't all be, as places of inputs with their paths.
#[derive(Debug, PartialEq, Eq)]
enum Group {
    /// They have one name.
    Same(Vec<usize>),
    /// The first would be a file where the others need a folder.
    Folder(usize, Vec<usize>),
}

/// Notes, in the task of an input that can't have an output's name, why. Of several, the one whose output stands there by
/// the ledger keeps it, else the first by its path has it: nothing is ever replaced by another input's, nor what is `left`
/// of inputs that are none any more. Whether the target's file system tells capitals apart is asked where two names differ
/// in nothing else: by trying in an open `store`, and by what is there already in a run that may write nothing.
///
/// # Errors
/// When the system refuses an answer, or the ledger can't be read.
pub(super) fn tell(
    plan: &Plan,
    inputs: &[Input],
    (ledger, store): (Option<&Ledger>, Option<&Store>),
    left: &[&Missing],
    tasks: &mut [Task],
) -> Result<(), RunError> {
    let left: HashMap<&[u8], &[u8]> = left
        .iter()
        .flat_map(|gone| gone.outputs.iter().map(|output| (output.path.as_slice(), gone.path.as_slice())))
        .collect();
    let single: HashSet<Fingerprint> = plan.single_files().map(|named| named.product).collect();
    for NamedSink { product, sink, names } in plan.named_files() {
        // Patches and variants add the same to the names of all inputs.
        let mut paths: Vec<PathBuf> =
            inputs.iter().map(|input| names.path(&input.relative, &Place::default())).collect();
        let mut owners: Vec<usize> = (0..paths.len()).collect();
        if plan.input.pages == Pages::All {
            for (path, owner) in page_paths(&paths, inputs) {
                paths.push(path);
                owners.push(owner);
            }
        }
        let same = |alike| match store {
            Some(store) => store.same_names(alike),
            None if Store::seems_to_fold(&plan.output) => Ok(alike),
            None => Ok(Vec::new()),
        };
        let there =
            |at: &usize| !matches!(&inputs[owners[*at]].identity, Err(e) if e.kind == ErrorKind::Vanished);
        let has = |at: usize| -> Result<bool, LedgerError> {
            let record = ledger.map(|ledger| ledger.record(inputs[owners[at]].key())).transpose()?.flatten();
            Ok(record.is_some_and(|record| has(&record, sink, &paths[at], single.contains(&product))))
        };
        let name = |at: usize| inputs[owners[at]].relative.shown();
        let mut lose = |at: usize, why: String| {
            let path = plan.output.join(&paths[at]);
            let message = format!(
                "{} {why}; rename or exclude one of them, use `format: same`, or write them in separate jobs",
                path.shown()
            );
            // Those that are not to be made have their names.
            let place = tasks.binary_search_by_key(&owners[at], |task| task.input);
            let task = place.ok().and_then(|place| tasks.get_mut(place));
            if let Some(task) = task.filter(|task| task.make.contains(&product)) {
                task.clash.get_or_insert(message);
            }
        };
        for (at, path) in paths.iter().enumerate() {
            if let Some(gone) = left.get(path.as_os_str().as_bytes()) {
                let gone = Path::new(OsStr::from_bytes(gone)).shown();
                lose(
                    at,
                    format!(
                        "is still the output of {gone}, which is no input any more (`--prune` removes it)"
                    ),
                );
            }
        }
        for group in groups(&paths, same)? {
            match group {
                Group::Same(members) => {
                    // A list may name what is gone.
                    let mut holder = None;
                    for at in &members {
                        if holder.is_none() && has(*at)? {
                            holder = Some(*at);
                        }
                    }
                    let first = || members.iter().copied().find(there).or(members.first().copied());
                    let Some(holder) = holder.or_else(first) else { continue };
                    for at in members.into_iter().filter(|at| *at != holder) {
                        let fold = if paths[at] == paths[holder] {
                            ""
                        } else {
                            " (this file system takes names that differ in capitals or accents only for one)"
                        };
                        lose(
                            at,
                            format!("is also the name of the output of {}, which has it{fold}", name(holder)),
                        );
                    }
                }
                Group::Folder(file, below) if has(file)? => {
                    let why = format!("needs a folder where the output of {} is a file", name(file));
                    below.into_iter().for_each(|at| lose(at, why.clone()));
                }
                Group::Folder(file, below) => {
                    let Some(other) = below.first() else { continue };
                    lose(file, format!("is a folder for the output of {}", name(*other)));
                }
            }
        }
    }
    Ok(())
}

/// Names that pages of an input have and that may be those of others: where `a.tif` has several pages, one of them is
/// named like the picture `a_p0002.tif`. Each with its input.
fn page_paths(paths: &[PathBuf], inputs: &[Input]) -> Vec<(PathBuf, usize)> {
    let small = |path: &Path| path.to_string_lossy().to_lowercase();
    let with_stem = |path: &Path, stem: &str| {
        let mut name = OsString::from(stem);
        for part in path.extension().into_iter().flat_map(|extension| [OsStr::new("."), extension]) {
            name.push(part);
        }
        path.with_file_name(name)
    };
    // The names without the number, in small letters, of those that have one.
    let mut numbered: HashMap<String, BTreeSet<u32>> = HashMap::new();
    for path in paths {
        let stem = path.file_stem().and_then(OsStr::to_str);
        let Some((stem, digits)) = stem.and_then(|stem| stem.rsplit_once(['p', 'P'])) else { continue };
        let Some(stem) = stem.strip_suffix('_').filter(|_| digits.len() >= 4) else { continue };
        let Some(page) = digits.parse().ok().filter(|page| *page > 0) else { continue };
        numbered.entry(small(&with_stem(path, stem))).or_default().insert(page);
    }
    let mut found = Vec::new();
    if numbered.is_empty() {
        return found;
    }
    for (owner, (path, input)) in paths.iter().zip(inputs).enumerate() {
        let Some(named) = numbered.get(&small(path)) else { continue };
        let pages = input.header().map_or(1, |header| header.pictures);
        for page in named.iter().filter(|page| pages > 1 && **page <= pages) {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let place = Place { page: Some(*page), ..Place::default() };
            found.push((with_stem(path, &format!("{stem}{}", place.suffix())), owner));
        }
    }
    found
}

/// Whether the ledger has an output of an input at this name; where several samples are made of one, at a name made of it.
fn has(record: &Record, sink: &dyn Sink, path: &Path, single: bool) -> bool {
    let mut outputs = record.products.values().flatten().map(|output| output.path.as_slice());
    if single {
        return outputs.any(|output| output == path.as_os_str().as_bytes());
    }
    let folder = [sink.folder().as_os_str().as_bytes(), b"/"].concat();
    let ending = path.extension().map(|ending| [b".", ending.as_bytes()].concat()).unwrap_or_default();
    outputs.any(|output| output.starts_with(&folder) && output.ends_with(&ending))
}

/// The groups of `paths` that can't all be. `same` tells which of those that are alike are one name in truth.
fn groups<'a, E>(
    paths: &'a [PathBuf],
    same: impl FnOnce(Vec<Vec<&'a Path>>) -> Result<Vec<Vec<&'a Path>>, E>,
) -> Result<Vec<Group>, E> {
    let mut first: HashMap<&Path, usize> = HashMap::with_capacity(paths.len());
    let mut more: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (at, path) in paths.iter().enumerate() {
        match first.get(path.as_path()) {
            Some(_) => more.entry(path).or_default().push(at),
            None => drop(first.insert(path, at)),
        }
    }
    let mut found = Vec::new();
    let distinct = |group: &Vec<&Path>| group.iter().any(|path| *path != group[0]);
    let alike: Vec<Vec<&Path>> = target_names::alike(paths).into_iter().filter(distinct).collect();
    for mut group in if alike.is_empty() { Vec::new() } else { same(alike)? } {
        group.sort_unstable();
        group.dedup();
        let others: Vec<usize> =
            group.iter().flat_map(|path| more.remove(path).unwrap_or_default()).collect();
        let mut members: Vec<usize> = group.iter().filter_map(|path| first.get(path).copied()).collect();
        members.extend(others);
        members.sort_unstable();
        found.push(Group::Same(members));
    }
    for (path, others) in more {
        let members = first.get(path).copied().into_iter().chain(others).collect();
        found.push(Group::Same(members));
    }
    let mut folders: HashSet<&Path> = HashSet::new();
    for path in paths {
        // Above one that is known, all are.
        let _ = path.ancestors().skip(1).all(|folder| folders.insert(folder));
    }
    let mut files: Vec<usize> =
        first.iter().filter(|(path, _)| folders.contains(*path)).map(|(_, at)| *at).collect();
    files.sort_unstable();
    for file in files {
        let inside =
            |at: &usize| *at != file && paths[*at] != paths[file] && paths[*at].starts_with(&paths[file]);
        found.push(Group::Folder(file, (0..paths.len()).filter(inside).collect()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_all_that_would_be_one() {
        let paths =
            ["x/A.png", "x/a.png", "x/a.png", "x/b.png", "x/b.png", "x/c.png", "x/c.png/d.png", "x/e.png"];
        let paths = paths.map(PathBuf::from);
        let folds = |groups| Ok::<_, RunError>(groups);
        let found = groups(&paths, folds).unwrap();
        let same = |members: &[usize]| Group::Same(members.to_vec());
        assert_eq!(found, [same(&[0, 1, 2]), same(&[3, 4]), Group::Folder(5, vec![6])]);
        let tells_apart = |_| Ok::<_, RunError>(Vec::new());
        let found = groups(&paths, tells_apart).unwrap();
        assert_eq!(found, [same(&[1, 2]), same(&[3, 4]), Group::Folder(5, vec![6])]);
    }
}
