//! Links that stand for folders which are replaced as a whole, on file systems that can't exchange two names: NFS, Lustre,
//! SMB, most of those in user space.
//!
//! There the folder itself lies in `.safelight/folders`, under its path in the output and a number of its own, and at its
//! place stands a relative symbolic link to it. A new set is a new folder, whole and on the disk before one `rename(2)` of a
//! new link over the present one; then the old folder goes. POSIX has that rename replace the link with no moment in which
//! the name is absent, on a network as on a disk, so that every way from the name leads to the whole old set or to the
//! whole new one. `docs/filesystems.md` has the argument.
//!
//! Such a link is followed where its text is exactly the one that is made here for its place, and then step by step from the
//! output that is held open: no other link ever is.

use super::dir::Dir;
use super::look;
use super::names::{FOLDERS, STATE_FOLDER};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// Bytes of a name that every file system takes.
const NAME_MAX: usize = 255;
/// Digits of a folder's number.
const DIGITS: usize = 16;

/// The name in `.safelight/folders` of a folder at this path of the output; none where it would be too long.
pub(super) fn name_for(relative: &Path, number: u64) -> Option<OsString> {
    let mut name = Vec::new();
    for byte in relative.as_os_str().as_bytes() {
        match byte {
            b'/' | b'%' | b'@' => name.extend(format!("%{byte:02X}").bytes()),
            byte => name.push(*byte),
        }
    }
    name.extend(format!("@{number:0DIGITS$x}").bytes());
    (name.len() <= NAME_MAX).then(|| OsString::from_vec(name))
}

/// The path of the output that such a name was made for.
pub(super) fn place_of(name: &OsStr) -> Option<PathBuf> {
    let (encoded, number) = name.as_bytes().split_at_checked(name.len().checked_sub(DIGITS + 1)?)?;
    let number = u64::from_str_radix(std::str::from_utf8(number.strip_prefix(b"@")?).ok()?, 16).ok()?;
    let mut path = Vec::new();
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        path.push(match byte {
            b'%' => {
                let digits = [*rest.next()?, *rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => *byte,
        });
    }
    let path = PathBuf::from(OsString::from_vec(path));
    let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
    // Only the way that it is written here.
    (inside && name_for(&path, number).as_deref() == Some(name)).then_some(path)
}

/// What the link at this path of the output says to lead to that folder.
pub(super) fn text_for(relative: &Path, name: &OsStr) -> PathBuf {
    let up = relative.components().skip(1).map(|_| Component::ParentDir);
    up.collect::<PathBuf>().join(STATE_FOLDER).join(FOLDERS).join(name)
}

/// A link of safelight's.
#[derive(Debug)]
pub(super) struct Link {
    /// The name in `.safelight/folders` that it leads to.
    pub name: OsString,
    /// What it leads to; none where that is gone.
    pub folder: Option<Dir>,
}

impl Link {
    /// The one at `name` in the folder `dir`, which is `relative` in the output that is open as `root`; none where something
    /// else stands there, or nothing.
    pub(super) fn at(root: &Dir, dir: &Dir, name: &OsStr, relative: &Path) -> io::Result<Option<Link>> {
        let mut last = None;
        loop {
            let Some(text) = dir.link_text(name)? else { return Ok(None) };
            let Some(to) =
                Path::new(&text).file_name().filter(|to| place_of(to).as_deref() == Some(relative))
            else {
                return Ok(None);
            };
            if text.as_bytes() != text_for(relative, to).as_os_str().as_bytes() {
                return Ok(None);
            }
            let folders =
                root.child(OsStr::new(STATE_FOLDER)).and_then(|state| state.child(OsStr::new(FOLDERS)));
            match folders.and_then(|folders| folders.child(to)) {
                Ok(folder) => {
                    let folder = Some(folder.named(dir.path().join(name)));
                    return Ok(Some(Link { name: to.to_os_string(), folder }));
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    // For one who only reads: it may have been replaced between the two looks.
                    if last.as_ref() == Some(&text) {
                        return Ok(Some(Link { name: to.to_os_string(), folder: None }));
                    }
                }
                // Something that is no folder stands on the way.
                Err(e) if look::is_absence(&e) => return Ok(None),
                Err(e) => return Err(e),
            }
            last = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_where_the_link_stands() {
        for path in ["table", "explore/table", "a%2Fb", "a@1", "\u{e9}/x y/.z"] {
            let path = Path::new(path);
            for number in [0, 7, u64::MAX] {
                assert_eq!(place_of(&name_for(path, number).unwrap()).as_deref(), Some(path));
            }
        }
        assert_eq!(name_for(Path::new("a/b"), 255).unwrap(), "a%2Fb@00000000000000ff");
        assert_eq!(text_for(Path::new("t"), OsStr::new("n")), Path::new(".safelight/folders/n"));
        assert_eq!(text_for(Path::new("a/b/c"), OsStr::new("n")), Path::new("../../.safelight/folders/n"));
        assert!(name_for(Path::new(&"x".repeat(250)), 1).is_none());
        for name in [
            "table",
            "@0000000000000001x",
            "table@0001",
            "table@000000000000000G",
            "table@000000000000000A",
            "..@0000000000000001",
            "%2Fetc@0000000000000001",
            "a%2F..@0000000000000001",
            "a%2fb@0000000000000001",
            "a%61@0000000000000001",
            "a%@0000000000000001",
        ] {
            assert_eq!(place_of(OsStr::new(name)), None, "{name}");
        }
    }
}
