//! What a target's file system makes of the names of inputs: those that it refuses, and those that it takes for one.

use super::dir::{Dir, Kind};
use super::error::{StoreError, io_error, refuses_name};
use super::look;
use super::output::Store;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use unicode_normalization::UnicodeNormalization;

/// Shorter names of letters, digits, `.`, `-`, `_` and blanks are taken by every file system.
const SHORT: usize = 80;

/// The nearest folder at or above `path` that is there.
fn nearest(path: &Path) -> io::Result<Option<Dir>> {
    for folder in path.ancestors() {
        match Dir::open(folder) {
            Ok(dir) => return Ok(Some(dir)),
            Err(e) if look::is_absence(&e) || refuses_name(&e) => {}
            // The output folder may be a link.
            Err(_) if look::is_folder(folder)? => match look::real(folder)? {
                Some(real) => return Dir::open(&real).map(Some),
                None => return Ok(None),
            },
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// Why the file system below `root`, which need not be there yet, takes no file of these relative paths: the
/// system's answer for those that it refuses.
///
/// # Errors
/// When it can't be asked.
pub(crate) fn refused<'a>(
    root: &Path,
    paths: impl Iterator<Item = &'a Path>,
) -> Result<HashMap<&'a Path, String>, StoreError> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b" ._-".contains(b);
    let doubtful = |name: &OsStr| name.len() > SHORT || !name.as_bytes().iter().all(plain);
    let mut dir = None;
    let mut known: HashMap<&OsStr, Option<String>> = HashMap::new();
    let mut answers = HashMap::new();
    for path in paths {
        for name in path.iter().filter(|name| doubtful(name)) {
            if !known.contains_key(name) {
                if dir.is_none() {
                    dir = nearest(root).map_err(|e| io_error("look at", root, e))?;
                }
                let answer = dir.as_ref().and_then(|dir| dir.look(name).err());
                known.insert(name, answer.filter(refuses_name).map(|e| e.to_string()));
            }
            if let Some(Some(reason)) = known.get(name) {
                answers.insert(path, reason.clone());
            }
        }
    }
    Ok(answers)
}

/// Groups of paths that a file system might take for one: equal but for capitals and the way accents are written.
pub(crate) fn alike(paths: &[PathBuf]) -> Vec<Vec<&Path>> {
    // Only digests are kept of the many that are like no other.
    let mut first: HashMap<u64, usize> = HashMap::with_capacity(paths.len());
    let mut groups: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for (index, path) in paths.iter().enumerate() {
        let key = folded(path);
        let mut short = [0; 8];
        short.copy_from_slice(&blake3::hash(key.as_bytes()).as_bytes()[..8]);
        match first.get(&u64::from_le_bytes(short)) {
            Some(other) => groups.entry(key).or_insert_with(|| vec![&paths[*other]]).push(path),
            None => drop(first.insert(u64::from_le_bytes(short), index)),
        }
    }
    groups.into_values().collect()
}

fn folded(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase().nfc().collect() }
}

impl Store {
    /// Those groups of paths that really are one name here. Asks by making and removing a folder.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn same_names<'a>(&self, groups: Vec<Vec<&'a Path>>) -> Result<Vec<Vec<&'a Path>>, StoreError> {
        let mut answers: HashMap<(PathBuf, OsString, OsString), bool> = HashMap::new();
        let mut clashing = Vec::new();
        for group in groups {
            let mut clash = HashSet::new();
            for pair in group.windows(2) {
                let Some((folder, one, other)) = first_difference(pair[0], pair[1]) else { continue };
                let key = (folder.clone(), one.to_os_string(), other.to_os_string());
                let same = match answers.get(&key) {
                    Some(same) => *same,
                    None => {
                        let same = self.is_one_name(&folder, one, other)?;
                        answers.insert(key, same);
                        same
                    }
                };
                if same {
                    clash.extend([pair[0], pair[1]]);
                }
            }
            if !clash.is_empty() {
                clashing.push(group.into_iter().filter(|path| clash.contains(path)).collect());
            }
        }
        Ok(clashing)
    }

    fn is_one_name(&self, folder: &Path, one: &OsStr, other: &OsStr) -> Result<bool, StoreError> {
        // A folder that is made takes after the one that it is made in.
        let mut dir = self.top()?;
        for near in folder.ancestors() {
            match self.folder(near, false) {
                Ok(Some(found)) => {
                    dir = found;
                    break;
                }
                Ok(None) | Err(StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let made = self.fresh(|temp| dir.make(temp));
        let (temp, ()) = made.map_err(|e| io_error("try out names in", dir.path(), e))?;
        let asked = dir.child(&temp).and_then(|probe| {
            probe.create(one)?;
            let same = probe.look(other).map(|found| found.is_some());
            probe.unlink(one)?;
            same
        });
        dir.remove_folder(&temp).ok();
        match asked {
            // They fail by themselves.
            Err(e) if refuses_name(&e) => Ok(false),
            asked => asked.map_err(|e| io_error("try out names in", dir.path(), e)),
        }
    }

    /// Whether names that differ in capitals only are one here, told by what is there, for a run that writes nothing.
    pub fn seems_to_fold(root: &Path) -> bool {
        let Ok(Some(dir)) = nearest(root) else { return false };
        let Ok(names) = dir.names() else { return false };
        let flipped = |name: &OsStr| {
            let flip =
                |b: u8| if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() };
            OsStr::from_bytes(&name.as_bytes().iter().map(|b| flip(*b)).collect::<Vec<u8>>()).to_os_string()
        };
        let telling =
            names.iter().map(|(name, _)| (name, flipped(name))).find(|(name, other)| *name != other);
        let Some((name, other)) = telling else { return false };
        match (dir.look(name), dir.look(&other)) {
            (Ok(Some(one)), Ok(Some(two))) => one.id == two.id && one.kind != Kind::Link,
            _ => false,
        }
    }
}

/// The folder in which two paths part, and their names there.
fn first_difference<'a>(one: &'a Path, other: &'a Path) -> Option<(PathBuf, &'a OsStr, &'a OsStr)> {
    let mut folder = PathBuf::new();
    for pair in one.components().zip(other.components()) {
        match pair {
            (Component::Normal(a), Component::Normal(b)) if a == b => folder.push(a),
            (Component::Normal(a), Component::Normal(b)) => return Some((folder, a, b)),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_file_systems_take_for_one() {
        let paths =
            ["images/a.png", "images/A.png", "images/\u{e9}.png", "images/e\u{301}.png", "images/b.png"];
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let groups = alike(&paths);
        assert_eq!(groups.len(), 2);
        assert!(groups.contains(&vec![paths[0].as_path(), paths[1].as_path()]));
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open(dir.path(), super::super::Guard::default(), super::super::Fault::default()).unwrap();
        // That of the tests tells names apart.
        assert!(store.same_names(groups).unwrap().is_empty());
        assert!(!Store::seems_to_fold(dir.path()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_are_too_long_are_told_where_the_folder_is_missing_too() {
        let dir = tempfile::tempdir().unwrap();
        let long = format!("images/{}.png", "x".repeat(252));
        let paths = [Path::new(&long), Path::new("images/a.png")];
        for root in [dir.path().to_path_buf(), dir.path().join("not/yet")] {
            let refused = refused(&root, paths.into_iter()).unwrap();
            assert!(refused.contains_key(paths[0]) && refused.len() == 1, "{refused:?}");
        }
    }
}
