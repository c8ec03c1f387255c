//! What a file has beside its content: permissions and times, taken from an original and given to its output.

use super::stamp::mtime_ns;
use rustix::fs::{Timespec, Timestamps, futimens};
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;

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
