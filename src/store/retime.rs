//! Giving a published file other times.

use super::attributes::Times;
use super::dir::{FileId, Found};
use super::error::{StoreError, io_error, name_error};
use super::known::{Known, Standing, standing};
use super::output::{Store, split};
use super::stamp::{Stamp, mtime_ns};
use std::fs::File;
use std::path::Path;

impl Store {
    /// Gives a published file other times in its place; without any, only looks at it. Gives its new stamp, and whether
    /// it has the times; nothing where another file stands there, or where this one has further names, which would get the
    /// times too.
    ///
    /// # Errors
    /// When it can't be told, or not be brought to the disk.
    pub fn retime(
        &self,
        relative: &Path,
        written: &Stamp,
        times: Option<Times>,
    ) -> Result<Option<(Stamp, bool)>, StoreError> {
        let path = self.root().join(relative);
        let (parent, name) = split(relative);
        let Some(dir) = self.folder(parent, false)? else { return Ok(None) };
        let known = Known::from(written);
        let (stamp, found): (Stamp, Found) =
            match standing(&dir, name, &known).map_err(|e| name_error("look at", &path, e))? {
                (Standing::Written(_, stamp), Some(found)) => (stamp, found),
                _ => return Ok(None),
            };
        let Some(times) = times else { return Ok(Some((stamp, true))) };
        self.fault().hit("retime").map_err(|e| io_error("set the time of", &path, e))?;
        let file = dir.read(name).map_err(|e| io_error("open", &path, e))?;
        let meta = |file: &File| file.metadata().map_err(|e| io_error("stat", &path, e));
        if FileId::of(&meta(&file)?) != found.id || found.links > 1 || self.guard.holds(&found) {
            return Ok(None);
        }
        let given = times.give(&file);
        file.sync_all().map_err(|e| io_error("sync", &path, e))?;
        Ok(Some((Stamp { mtime_ns: mtime_ns(&meta(&file)?), ..stamp }, given)))
    }
}
