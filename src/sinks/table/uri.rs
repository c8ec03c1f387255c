//! Addresses of files (RFC 8089), which hold names of any bytes.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The address of an absolute path, such as `file:///archive/a%20b.png`; empty for no path.
pub(crate) fn of(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        return String::new();
    }
    let mut uri = String::from("file://");
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::of;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    #[test]
    fn all_bytes_have_a_form() {
        assert_eq!(of(Path::new("/a b/é?#%.png")), "file:///a%20b/%C3%A9%3F%23%25.png");
        assert_eq!(of(Path::new(OsStr::from_bytes(b"/\xff"))), "file:///%FF");
        assert_eq!(of(Path::new("")), "");
    }
}
