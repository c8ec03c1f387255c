//! A file of safelight's own that is written piece by piece, under a temporary name, and hashed on the way.

use super::attributes::Attributes;
use super::error::{StoreError, io_error};
use super::hashing::Hashing;
use super::known::Known;
use super::output::{Staged, Store};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that is being written.
pub struct Writing {
    relative: PathBuf,
    temp: OsString,
    to: Hashing,
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Store {
    /// Begins a file that is to stand at `relative`. Where it is never finished, the next run sweeps what is there of it.
    ///
    /// # Errors
    /// As [`Store::stage`].
    pub fn begin(&self, relative: &Path) -> Result<Writing, StoreError> {
        let (temp, file) = self.create(relative, &Attributes::default())?;
        Ok(Writing { relative: relative.to_path_buf(), temp, to: Hashing::new(file) })
    }

    /// A file that is written whole, ready to be put in its place.
    ///
    /// # Errors
    /// When the rest of it can't be written.
    pub fn finish(&self, writing: Writing) -> Result<Staged, StoreError> {
        let Writing { relative, temp, to } = writing;
        let finished = to.finish().map_err(|e| io_error("write", &self.root().join(&relative), e));
        let (_, hash, size) = finished?;
        Ok(Staged { relative, temp, size, hash, timed: true, over: None })
    }

    /// Puts a file that is written whole in place of what was written there before, where that is another.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn end(&self, writing: Writing) -> Result<(), StoreError> {
        let staged = self.finish(writing)?;
        if self.hash(&staged.relative)? == Some((staged.hash, staged.size)) {
            self.discard(&[staged]);
            return Ok(());
        }
        self.put(staged, Known::anything(), false).map(drop)
    }

    /// Hash and size of a file of the output; none where nothing stands there.
    fn hash(&self, relative: &Path) -> Result<Option<([u8; 32], u64)>, StoreError> {
        let Some(mut file) = self.open_file(relative)? else { return Ok(None) };
        let hashed = hash(&mut file).map_err(|e| io_error("read", &self.root().join(relative), e))?;
        Ok(Some(hashed))
    }
}

/// Hash and size of what is left to read of a file.
///
/// # Errors
/// When it can't be read.
pub(crate) fn hash(file: &mut std::fs::File) -> io::Result<([u8; 32], u64)> {
    let mut hasher = blake3::Hasher::new();
    let size = io::copy(file, &mut hasher)?;
    Ok((*hasher.finalize().as_bytes(), size))
}
