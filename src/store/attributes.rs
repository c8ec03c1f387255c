//! What a file has beside its content: permissions and times, taken from an original and given to its output.

use super::dir::Found;
use super::known::{Known, Standing, standing};
use super::{FileId, Stamp, Store, StoreError, io_error, mtime_ns, name_error, split};
use rustix::fs::{Timespec, Timestamps, futimens};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Permissions and times that a file is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, as far as a new file may have them; without any, those that the system gives one.
    pub mode: Option<u32>,
    /// Times; without any, those of writing.
    pub times: Option<Times>,
}

/// Times of a file, nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Of the last access.
    pub accessed_ns: i64,
    /// Of the last change of its content.
    pub modified_ns: i64,
}

impl Attributes {
    /// Those of a file.
    pub fn of(meta: &Metadata) -> Attributes {
        let accessed_ns = meta.atime().saturating_mul(1_000_000_000).saturating_add(meta.atime_nsec());
        let times = Times { accessed_ns, modified_ns: mtime_ns(meta) };
        Attributes { mode: Some(meta.mode() & 0o7777), times: Some(times) }
    }

    /// Only the permissions.
    pub fn without_times(self) -> Attributes {
        Attributes { times: None, ..self }
    }
}

impl Times {
    /// Gives them to an open file; false where its file system or its owner does not allow that.
    pub(super) fn give(self, file: &File) -> bool {
        let time = |ns: i64| Timespec {
            tv_sec: ns.div_euclid(1_000_000_000),
            tv_nsec: ns.rem_euclid(1_000_000_000),
        };
        let times =
            Timestamps { last_access: time(self.accessed_ns), last_modification: time(self.modified_ns) };
        futimens(file, &times).is_ok()
    }
}

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
