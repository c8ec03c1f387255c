//! What may stand at an output's name: the files that were written or announced there. A file is told by size and time,
//! or, where the time differs (a copy, a restored backup) or several are of one size, by its content.

use super::dir::{Dir, Found, Kind};
use super::error::Refusal;
use super::stamp::{Stamp, Written};
use std::ffi::OsStr;
use std::io;

/// What safelight knows of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What it wrote there, or meant to.
    pub files: Vec<Written>,
    /// Any regular file there is its own.
    pub anything: bool,
}

impl Known {
    /// Of a name that only safelight writes to.
    pub fn anything() -> Known {
        Known { files: Vec::new(), anything: true }
    }

    /// Whether it never wrote there.
    pub fn is_nothing(&self) -> bool {
        self.files.is_empty() && !self.anything
    }
}

impl From<&Stamp> for Known {
    fn from(stamp: &Stamp) -> Known {
        Known { files: vec![stamp.into()], anything: false }
    }
}

/// How what stands at a name compares with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing stands there.
    Absent,
    /// The file of this place in [`Known::files`], stamped as it is now.
    Written(usize, Stamp),
    /// A regular file of safelight's whose content was never recorded.
    Own,
    /// A regular file with another content.
    Differs,
    /// No regular file.
    Other(Kind),
}

/// The same in an open folder, with what was found.
pub(super) fn standing(dir: &Dir, name: &OsStr, known: &Known) -> io::Result<(Standing, Option<Found>)> {
    let Some(found) = dir.look(name)? else { return Ok((Standing::Absent, None)) };
    if found.kind != Kind::File {
        return Ok((Standing::Other(found.kind), Some(found)));
    }
    let same_size = || known.files.iter().enumerate().filter(|(_, file)| file.size == found.size);
    let stamp = |hash| Stamp { size: found.size, mtime_ns: found.mtime_ns, hash };
    // Outputs that have their original's time all have the same one.
    let one = same_size().all(|(_, file)| same_size().all(|(_, other)| file.hash == other.hash));
    let by_time = same_size().find(|(_, file)| file.mtime_ns == Some(found.mtime_ns));
    if let (true, Some((place, file))) = (one, by_time) {
        return Ok((Standing::Written(place, stamp(file.hash)), Some(found)));
    }
    if same_size().next().is_some() {
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut dir.read(name)?, &mut hasher)?;
        let hash = *hasher.finalize().as_bytes();
        if let Some((place, _)) = same_size().find(|(_, file)| file.hash == hash) {
            return Ok((Standing::Written(place, stamp(hash)), Some(found)));
        }
    }
    let standing = if known.anything { Standing::Own } else { Standing::Differs };
    Ok((standing, Some(found)))
}

/// Size and time of what stands at the name of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Modification time, nanoseconds since 1970.
        mtime_ns: i64,
    },
    /// A regular file; which one of those that were announced or recorded here, only its content tells.
    Uncertain,
    /// Something else.
    Other,
    /// It can't be reached: something that is no folder stands on the way.
    Blocked(Refusal),
    /// It can't be told; why.
    Unknown(String),
}
