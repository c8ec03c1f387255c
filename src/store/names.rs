//! Names that safelight keeps for itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What every temporary name begins with; a process number, `-` and a serial number follow.
pub(crate) const TEMP_PREFIX: &str = ".safelight-tmp-";

/// Folder inside the output that holds the ledger and the lock.
pub(crate) const STATE_FOLDER: &str = ".safelight";

/// The ledger's file in [`STATE_FOLDER`].
pub(crate) const LEDGER_FILE: &str = "ledger.db";

/// Files in the output that tell of every input: beside the ledger, where readers that take a whole folder for one data
/// set don't look.
pub(crate) const MANIFESTS: [&str; 2] = [".safelight/manifest.csv", ".safelight/manifest.parquet"];

/// Where they stood before.
pub(crate) const FORMER_MANIFESTS: [&str; 2] = ["manifest.csv", "manifest.parquet"];

pub(super) fn temp_name(serial: u64) -> OsString {
    format!("{TEMP_PREFIX}{}-{serial}", std::process::id()).into()
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
