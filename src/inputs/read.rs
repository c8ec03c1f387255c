//! Looking at an input's file and reading it whole, unchanged.

use super::identity::Identity;
use crate::error::{ErrorKind, ItemError};
use crate::shown::Show;
use crate::store::{Attributes, look, mtime_ns};
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Size and time of a regular file.
///
/// # Errors
/// `Vanished`, `Unreadable` or `NotAFile`.
pub(crate) fn identify(path: &Path) -> Result<Identity, ItemError> {
    match look::at(path).map_err(|e| unreadable(path, &e))? {
        Some(meta) => identity_of(path, &meta),
        None => Err(unreadable(path, &std::io::ErrorKind::NotFound.into())),
    }
}

fn identity_of(path: &Path, meta: &fs::Metadata) -> Result<Identity, ItemError> {
    if !meta.is_file() {
        let message = format!("{} is not a regular file; remove it or exclude it", path.shown());
        return Err(ItemError::new(ErrorKind::NotAFile, message));
    }
    Ok(Identity { size: meta.len(), mtime_ns: mtime_ns(meta) })
}

/// A regular file's bytes, what identifies them, and what the file has beside them.
///
/// # Errors
/// As [`identify`]; `Changed` when it was written to meanwhile.
pub(crate) fn read_unchanged(path: &Path) -> Result<(Vec<u8>, Identity, Attributes), ItemError> {
    // A pipe that has taken the file's place must not block.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let open = fs::File::options().read(true).custom_flags(flags).open(path);
    let mut file = open.map_err(|e| unreadable(path, &e))?;
    let look = |file: &fs::File| file.metadata().map_err(|e| unreadable(path, &e));
    // Reading changes the time of the last access.
    let meta = look(&file)?;
    let (attributes, before) = (Attributes::of(&meta), identity_of(path, &meta)?);
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0).saturating_add(1));
    // Through `take`, since a file's own `read_to_end` asks for its size and place once more.
    Read::by_ref(&mut file).take(u64::MAX).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if identity_of(path, &look(&file)?)? != before || bytes.len() as u64 != before.size {
        let message = format!("{} changed while it was read; it will be tried again", path.shown());
        return Err(ItemError::new(ErrorKind::Changed, message));
    }
    Ok((bytes, before, attributes))
}

/// The item error for a file that can't be opened or read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> ItemError {
    if look::is_absence(error) {
        ItemError::new(ErrorKind::Vanished, format!("{} is no longer there", path.shown()))
    } else {
        let message = format!("cannot read {}: {error}; check its permissions and links", path.shown());
        ItemError::new(ErrorKind::Unreadable, message)
    }
}
