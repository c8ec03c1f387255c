//! Questions to the file system by path. Only "not found" means that nothing is there; every other answer is an error,
//! which is the caller's to tell. The rest of the program asks here and nowhere else.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Whether an error says that nothing is at the path, as against that it could not be told.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    // The second: a name on the way is that of a file.
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn found<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(it) => Ok(Some(it)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the path leads to, links followed; none where that is nothing.
///
/// # Errors
/// When it can't be told.
pub(crate) fn at(path: &Path) -> io::Result<Option<Metadata>> {
    found(fs::metadata(path))
}

/// What stands at the path itself, be it a link; none where that is nothing.
///
/// # Errors
/// When it can't be told.
pub(crate) fn name(path: &Path) -> io::Result<Option<Metadata>> {
    found(fs::symlink_metadata(path))
}

/// The same where something has to be there: that nothing is, is an error as well.
///
/// # Errors
/// When there is nothing, or it can't be told.
pub(crate) fn there(path: &Path) -> io::Result<Metadata> {
    fs::metadata(path)
}

/// Whether the path leads to a regular file.
///
/// # Errors
/// When it can't be told.
pub(crate) fn is_file(path: &Path) -> io::Result<bool> {
    Ok(at(path)?.is_some_and(|m| m.is_file()))
}

/// Whether the path leads to a folder.
///
/// # Errors
/// When it can't be told.
pub(crate) fn is_folder(path: &Path) -> io::Result<bool> {
    Ok(at(path)?.is_some_and(|m| m.is_dir()))
}

/// The bytes of the file; none where there is none.
///
/// # Errors
/// When it can't be read.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    found(fs::read(path))
}

/// The entries of the folder; none where there is none.
///
/// # Errors
/// When it can't be listed to its end.
pub(crate) fn list(path: &Path) -> io::Result<Option<Vec<fs::DirEntry>>> {
    found(fs::read_dir(path))?.map(Iterator::collect).transpose()
}

/// The path without links and `..`, where something has to be there.
///
/// # Errors
/// When there is nothing, or it can't be told.
pub(crate) fn real_of(path: &Path) -> io::Result<std::path::PathBuf> {
    fs::canonicalize(path)
}

/// The path without links and `..`; none where it leads to nothing.
///
/// # Errors
/// When it can't be told.
pub(crate) fn real(path: &Path) -> io::Result<Option<std::path::PathBuf>> {
    found(fs::canonicalize(path))
}
