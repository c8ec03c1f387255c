//! Looking at what stands in the output, and comparing it with what is known of it.

use super::dir::{Dir, Found, Kind};
use super::error::{StoreError, io_error, name_error};
use super::known::{Known, Seen, Standing, standing};
use super::names::is_temporary;
use super::output::{Store, split};
use std::path::{Path, PathBuf};

impl Store {
    /// Compares what stands at `relative` with what is known of it.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn compare(&self, relative: &Path, known: &Known) -> Result<Standing, StoreError> {
        let path = self.root().join(relative);
        let (parent, name) = split(relative);
        let Some(dir) = self.folder(parent, false)? else { return Ok(Standing::Absent) };
        let standing = standing(&dir, name, known).map_err(|e| name_error("look at", &path, e))?;
        Ok(standing.0)
    }

    /// Everything below a folder that is no folder, relative to the output; temporary names left out.
    ///
    /// # Errors
    /// When it can't be listed.
    pub fn files_below(&self, folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut files = Vec::new();
        let Some(dir) = self.folder(folder, false)? else { return Ok(files) };
        for (name, kind) in dir.names().map_err(|e| io_error("list", dir.path(), e))? {
            let relative = folder.join(&name);
            match kind {
                _ if is_temporary(&name) => {}
                Kind::Folder => files.extend(self.files_below(&relative)?),
                // To a folder that is replaced as a whole.
                Kind::Link if self.folder(&relative, false).is_ok() => {
                    files.extend(self.files_below(&relative)?)
                }
                _ => files.push(relative),
            }
        }
        Ok(files)
    }

    /// What stands at each of these paths, which lie in one folder or a few; nothing for those where nothing does.
    pub fn see<'a>(&self, paths: &[&'a Path]) -> Vec<(&'a Path, Seen)> {
        let mut open: Option<(&Path, Result<Option<Dir>, StoreError>)> = None;
        let mut seen = Vec::with_capacity(paths.len());
        for path in paths {
            let parent = path.parent().unwrap_or(Path::new(""));
            if open.as_ref().is_none_or(|(folder, _)| *folder != parent) {
                open = Some((parent, self.folder(parent, false)));
            }
            let found = match &open {
                Some((_, Ok(Some(dir)))) => match dir.look(path.file_name().unwrap_or_default()) {
                    Ok(None) => continue,
                    Ok(Some(Found { kind: Kind::File, size, mtime_ns, .. })) => Seen::File { size, mtime_ns },
                    Ok(Some(_)) => Seen::Other,
                    Err(e) => Seen::Unknown(io_error("look at", &self.root().join(path), e).to_string()),
                },
                // A link or a file stands where the folder was.
                Some((_, Err(StoreError::Refused(refusal)))) => Seen::Blocked(refusal.clone()),
                Some((_, Err(e))) => Seen::Unknown(e.to_string()),
                Some((_, Ok(None))) | None => continue,
            };
            seen.push((*path, found));
        }
        seen
    }
}
