//! Names that safelight keeps for itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What every temporary name begins with; a process number, `-` and a number follow.
pub(crate) const TEMP_PREFIX: &str = ".safelight-tmp-";

/// Folder inside the output that holds the ledger and the lock.
pub(crate) const STATE_FOLDER: &str = ".safelight";

/// Folder in [`STATE_FOLDER`] that holds folders to which links lead.
pub(super) const FOLDERS: &str = "folders";

/// The ledger's file in [`STATE_FOLDER`].
pub(crate) const LEDGER_FILE: &str = "ledger.db";

/// Files in the output that tell of every input: beside the ledger, where readers that take a whole folder for one data
/// set don't look.
pub(crate) const MANIFESTS: [&str; 2] = [".safelight/manifest.csv", ".safelight/manifest.parquet"];

/// Where they stood before.
pub(crate) const FORMER_MANIFESTS: [&str; 2] = ["manifest.csv", "manifest.parquet"];

/// Folder in the output that holds the report, and nothing else.
pub(crate) const REPORT_FOLDER: &str = "report";

/// Whether this is the name of a file of a report.
pub(crate) fn is_of_report(name: &str) -> bool {
    const FIXED: [&str; 10] = [
        "index.html",
        "report.css",
        "data.js",
        "theme.js",
        "text.js",
        "samples.js",
        "failures.js",
        "map.js",
        "before-after.png",
        "last-epoch.png",
    ];
    let numbered = || {
        let stem = name.strip_suffix(".jpg").or_else(|| name.strip_suffix(".png"))?;
        let (kind, number) = stem.split_once('-')?;
        let number = match kind {
            "sample" => number.strip_suffix("-before").or_else(|| number.strip_suffix("-after"))?,
            "thumbnails" | "duplicates" => number,
            _ => return None,
        };
        Some((1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()))
    };
    FIXED.contains(&name) || numbered() == Some(true)
}

pub(super) fn temp_name(number: u64) -> OsString {
    format!("{TEMP_PREFIX}{}-{number}", std::process::id()).into()
}

/// Whether safelight made this name for a temporary file or folder: just its own form, so that a user's file
/// whose name merely begins so is never taken for one.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let numbers = name.as_bytes().strip_prefix(TEMP_PREFIX.as_bytes()).unwrap_or_default();
    let mut parts = numbers.split(|b| *b == b'-');
    let number = |part: Option<&[u8]>| {
        part.is_some_and(|p| !p.is_empty() && p.len() <= 20 && p.iter().all(u8::is_ascii_digit))
    };
    number(parts.next()) && number(parts.next()) && parts.next().is_none()
}

/// Whether a file system has given a file this name that was removed while somebody has it open, and takes it away when that
/// ends: NFS, and those in user space.
pub(super) fn is_still_open(name: &OsStr) -> bool {
    let hex = |rest: &[u8]| rest.len() >= 16 && rest.iter().all(u8::is_ascii_hexdigit);
    [&b".nfs"[..], b".fuse_hidden"].iter().any(|begin| name.as_bytes().strip_prefix(*begin).is_some_and(hex))
}

/// Whether a path of the output would be taken for a temporary file or another job's ledger.
pub(crate) fn is_reserved(relative: &Path) -> bool {
    let names: Vec<&OsStr> = relative.iter().collect();
    names.iter().any(|name| is_temporary(name))
        || names.windows(2).skip(1).any(|pair| pair[0] == STATE_FOLDER && pair[1] == LEDGER_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_reports_are_told_from_those_of_users() {
        for name in [
            "index.html",
            "sample-0-before.png",
            "sample-12-after.jpg",
            "thumbnails-3.jpg",
            "duplicates-0.jpg",
        ] {
            assert!(is_of_report(name), "{name}");
        }
        for name in [
            "notes.txt",
            "sample-x-before.png",
            "sample--before.png",
            "thumbnails-.jpg",
            "sample-1.png",
            "a-1.jpg",
        ] {
            assert!(!is_of_report(name), "{name}");
        }
    }

    #[test]
    fn names_of_files_that_are_still_open_are_told_from_those_of_users() {
        for name in [".nfs000000000a1b2c3d00000001", ".fuse_hidden0000000300000001"] {
            assert!(is_still_open(OsStr::new(name)), "{name}");
        }
        for name in [".nfs", ".nfs-notes", ".fuse_hidden", "a.nfs000000000a1b2c3d00000001"] {
            assert!(!is_still_open(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn temporary_names_are_told_from_those_of_users() {
        assert!(is_temporary(&temp_name(7)) && is_temporary(OsStr::new(".safelight-tmp-1-0")));
        for name in
            [".safelight-tmp-x.png", ".safelight-tmp-1-0.png", ".safelight-tmp-", ".safelight-tmp-1", "a-1-2"]
        {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
        assert!(is_reserved(Path::new("images/.safelight/ledger.db")));
        assert!(is_reserved(Path::new("images/.safelight-tmp-4-5/x.png")));
        assert!(!is_reserved(Path::new("images/.safelight/a.png")));
        assert!(!is_reserved(Path::new(".safelight/fragments/pairs/a")));
    }
}
