//! Names that systems leave beside pictures, and hidden ones: what of a folder is no input whatever its ending.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why a name is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Litter {
    /// A system or a program left it there: resource forks, thumbnails, bins, snapshots.
    System,
    /// It begins with a dot.
    Hidden,
}

/// Whole names, capitals or not.
const NAMES: [&str; 32] = [
    // macOS, and servers for it.
    ".DS_Store",
    ".Trash",
    ".Trashes",
    ".Spotlight-V100",
    ".fseventsd",
    ".TemporaryItems",
    ".DocumentRevisions-V100",
    ".AppleDouble",
    ".AppleDB",
    ".AppleDesktop",
    "Network Trash Folder",
    "__MACOSX",
    // Windows.
    "$RECYCLE.BIN",
    "System Volume Information",
    "Thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    // Storage of Synology, QNAP, NetApp, Samba.
    "@eaDir",
    "#recycle",
    "#snapshot",
    "@Recycle",
    "@Recently-Snapshot",
    ".@__thumb",
    ".@__qini",
    ".recycle",
    ".snapshot",
    // Linux.
    ".snapshots",
    ".zfs",
    ".thumbnails",
    ".directory",
    "lost+found",
];

/// Beginnings: AppleDouble files, and the bins of removable disks.
const BEGINNINGS: [&[u8]; 2] = [b"._", b".Trash-"];

/// Whether a file or folder of this name is passed over; with `hidden`, only what systems leave.
pub(crate) fn of(name: &OsStr, hidden: bool) -> Option<Litter> {
    let bytes = name.as_bytes();
    let first = bytes.first()?;
    // Hardly any name goes further.
    if first.is_ascii_digit() {
        return None;
    }
    if BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning))
        || NAMES.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(bytes))
    {
        return Some(Litter::System);
    }
    (*first == b'.' && !hidden).then_some(Litter::Hidden)
}

/// The same of a path below an input's root: because of its own name, or that of a folder on the way.
pub(crate) fn on_the_way(relative: &Path, hidden: bool) -> Option<Litter> {
    relative.iter().find_map(|name| of(name, hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systems_leave_is_told_from_what_people_hide() {
        let of = |name: &str, hidden| of(OsStr::new(name), hidden);
        let left =
            ["._a.jpg", "._", "@eaDir", "#recycle", ".Trash-1000", "thumbs.DB", "$Recycle.Bin", "lost+found"];
        for name in left {
            assert_eq!(
                (of(name, false), of(name, true)),
                (Some(Litter::System), Some(Litter::System)),
                "{name}"
            );
        }
        for name in [".a.jpg", ".cache", ".safelight", ".Trashy"] {
            assert_eq!((of(name, false), of(name, true)), (Some(Litter::Hidden), None), "{name}");
        }
        for name in
            ["a.jpg", "_.jpg", "@eaDir.jpg", "#1.jpg", "Thumbs", "a.DS_Store", "...".trim_matches('.'), "1"]
        {
            assert_eq!(of(name, false), None, "{name}");
        }
        assert_eq!(on_the_way(Path::new("a/@eaDir/b.jpg"), true), Some(Litter::System));
        assert_eq!(on_the_way(Path::new("a/.b/c.jpg"), false), Some(Litter::Hidden));
        assert_eq!(on_the_way(Path::new("a/b.jpg"), false), None);
    }

    #[test]
    fn the_list_names_each_once() {
        let mut names = NAMES.map(str::to_ascii_lowercase).to_vec();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), NAMES.len());
    }
}
