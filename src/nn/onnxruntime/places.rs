//! Where an onnxruntime library may lie.

use super::error::LibraryError;
use crate::store::look;
use std::path::{Path, PathBuf};

/// The variable that names the library; programs built on the crate ort know it, too.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// Names by which the system's loader may know it.
const NAMES: [&str; 2] = ["libonnxruntime.so.1", "libonnxruntime.so"];
/// What its file's name begins with.
const FILE: &str = "libonnxruntime.so";

/// Folders of libraries.
const FOLDERS: [&str; 6] = [
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/onnxruntime/lib",
];

/// What is to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// Files in turn; names without a folder are the loader's to look up.
    pub(super) files: Vec<PathBuf>,
    /// Folders that were looked into.
    pub(super) looked: Vec<PathBuf>,
}

impl Places {
    /// This file alone.
    pub(super) fn named(file: PathBuf) -> Places {
        Places { files: vec![file], looked: vec![] }
    }
}

/// What is at `named`, else where the environment says, else in the usual places.
pub(super) fn find(named: Option<&Path>) -> Result<Places, LibraryError> {
    let variable = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
    let told = match (named, variable) {
        (Some(path), _) => Some((path.to_path_buf(), "`engine_library`")),
        (None, Some(path)) => Some((path, VARIABLE)),
        (None, None) => None,
    };
    if let Some((path, by)) = told {
        let path = std::path::absolute(&path).unwrap_or(path);
        let found = if look::is_file(&path).unwrap_or(false) { Some(path.clone()) } else { below(&path) };
        return found.map(Places::named).ok_or(LibraryError::Missing { path, by });
    }
    let looked: Vec<PathBuf> = pythons().chain(FOLDERS.iter().map(PathBuf::from)).collect();
    let mut files: Vec<PathBuf> = looked.iter().filter_map(|folder| below(folder)).collect();
    files.extend(NAMES.map(PathBuf::from));
    Ok(Places { files, looked })
}

/// Folders with Python environments, the active ones first.
fn pythons() -> impl Iterator<Item = PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(variable);
    let own = variable("HOME").map(|home| home.join(".local"));
    active.chain(own).chain(["/usr/local", "/usr"].map(PathBuf::from))
}

/// The library in a folder, in its `lib`, or in the packages of the Python there; the last by name where there are several.
fn below(folder: &Path) -> Option<PathBuf> {
    let library = |folder: &Path| {
        let files = listed(folder).into_iter().filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name == FILE || name.strip_prefix(FILE).is_some_and(|rest| rest.starts_with(".1"))
        });
        files.filter(|path| look::is_file(path).unwrap_or(false)).max()
    };
    let lib = folder.join("lib");
    let versions = listed(&lib).into_iter().chain(listed(&folder.join("lib64")));
    let pythons =
        versions.filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("python3")));
    let packages =
        pythons.flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.join(name)));
    let inside = packages.map(|folder| folder.join("onnxruntime").join("capi"));
    library(folder).or_else(|| library(&lib)).or_else(|| inside.filter_map(|capi| library(&capi)).max())
}

/// What is in a folder; nothing where that can't be told: it is a place to look in, no more.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = look::list(folder).ok().flatten().unwrap_or_default();
    entries.into_iter().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_in_its_folder_and_in_an_environment_of_pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = find(Some(&folder.path().join("absent"))).expect_err("nothing is there").to_string();
        assert!(missing.contains("absent") && missing.contains("`engine_library`"), "{missing}");
        assert_eq!(below(folder.path()), None);
        let capi = folder.path().join("lib/python3.11/site-packages/onnxruntime/capi");
        std::fs::create_dir_all(&capi).expect("folders");
        for name in
            ["libonnxruntime_providers_shared.so", "libonnxruntime.so.1.20.0", "libonnxruntime.so.1.32.0"]
        {
            std::fs::write(capi.join(name), b"").expect("written");
        }
        let newest = capi.join("libonnxruntime.so.1.32.0");
        assert_eq!(below(folder.path()), Some(newest.clone()));
        assert_eq!(below(&capi), Some(newest.clone()));
        assert_eq!(find(Some(folder.path())).expect("found"), Places::named(newest.clone()));
        assert_eq!(find(Some(&newest)).expect("found"), Places::named(newest));
    }
}
