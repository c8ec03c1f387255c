//! Paths as text, for people and for data, so that every byte of a name can be told from every other.
//!
//! Both forms escape a byte as `\xNN` and are undone by [`decode`]: different names never look alike. The form for
//! terminals also escapes what would move the cursor, change the terminal or turn the reading direction; the form for
//! data columns keeps all valid UTF-8.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A name for messages: on one line, harmless to a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(&'a [u8]);

/// What has a form for messages.
pub(crate) trait Show {
    /// The form for messages.
    fn shown(&self) -> Shown<'_>;
}

impl Show for Path {
    fn shown(&self) -> Shown<'_> {
        Shown(self.as_os_str().as_bytes())
    }
}

impl Show for OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(self.as_bytes())
    }
}

/// The bytes of a path, as the ledger keeps them.
impl Show for [u8] {
    fn shown(&self) -> Shown<'_> {
        Shown(self)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len());
        encode(self.0, &is_harmful, &mut text);
        f.pad(&text)
    }
}

/// A name for a data column: valid UTF-8 stays, an invalid byte becomes `\xNN`, and a backslash that stands before
/// `xNN` becomes `\x5C`.
pub(crate) fn data(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    encode(bytes, &|_| false, &mut text);
    text
}

/// The name that [`data`] or [`Show::shown`] wrote.
pub(crate) fn decode(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match escaped(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// Text of several lines on its way to a terminal: control characters other than line break and tab, and those that
/// turn the reading direction, become `U+FFFD`. A second layer: what is put into the text escapes them itself.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || is_hidden(c);
    if text.contains(harmful) { Cow::Owned(text.replace(harmful, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Whether a terminal may obey a character, or not show it.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control() || is_hidden(c)
}

fn encode(bytes: &[u8], harmful: &dyn Fn(char) -> bool, out: &mut String) {
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let own = bytes.get(at..).unwrap_or_default();
            if harmful(c) || escaped(own).is_some() {
                own.iter().take(c.len_utf8()).for_each(|byte| escape(*byte, out));
            } else {
                out.push(c);
            }
            at += c.len_utf8();
        }
        chunk.invalid().iter().for_each(|byte| escape(*byte, out));
        at += chunk.invalid().len();
    }
}

fn escape(byte: u8, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{byte:02X}");
}

/// The byte that these bytes begin with as `\xNN`.
fn escaped(bytes: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}

/// Characters that turn the reading direction, break lines or cannot be seen, beside the control characters.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn terminal(bytes: &[u8]) -> String {
        bytes.shown().to_string()
    }

    #[test]
    fn names_are_readable_and_harmless() {
        for (name, shown, column) in [
            (&b"a/b c.png"[..], "a/b c.png", "a/b c.png"),
            ("ü\u{1f600}.png".as_bytes(), "ü\u{1f600}.png", "ü\u{1f600}.png"),
            (b"a\xffb", "a\\xFFb", "a\\xFFb"),
            (b"a\\xffb", "a\\x5Cxffb", "a\\x5Cxffb"),
            (b"C:\\new", "C:\\new", "C:\\new"),
            (b"\x1b[2J\n", "\\x1B[2J\\x0A", "\x1b[2J\n"),
            ("\u{9b}m".as_bytes(), "\\xC2\\x9Bm", "\u{9b}m"),
            ("gnp.\u{202e}a".as_bytes(), "gnp.\\xE2\\x80\\xAEa", "gnp.\u{202e}a"),
        ] {
            assert_eq!((terminal(name).as_str(), data(name).as_str()), (shown, column));
        }
        assert_eq!(format!("{:>6}|{:<4}|", Path::new("ab").shown(), OsStr::new("c").shown()), "    ab|c   |");
    }

    #[test]
    fn text_keeps_its_lines() {
        assert_eq!(text("a\tb\nc\r\u{1b}[2J\u{202e}"), "a\tb\nc\u{fffd}\u{fffd}[2J\u{fffd}");
        assert!(matches!(text("plain ü\n"), Cow::Borrowed(_)));
    }

    /// Bytes of which many are the ones that escapes are made of.
    fn names() -> impl Strategy<Value = Vec<u8>> {
        let tricky = prop::sample::select(b"\\\\\\xxx5Cc0fF/\x1b\n\xff\xc2\xe2\x80\xae\x9b".to_vec());
        prop::collection::vec(prop_oneof![4 => tricky, 1 => any::<u8>()], 0..24)
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in names()) {
            for text in [terminal(&name), data(&name)] {
                let back = decode(&text);
                prop_assert_eq!(back.as_os_str().as_bytes(), &name[..]);
            }
            prop_assert!(!terminal(&name).contains(|c: char| c.is_control() || is_hidden(c)));
        }

        #[test]
        fn what_was_escaped_is_a_name_of_its_own(name in names()) {
            let once = data(&name);
            prop_assert_eq!(once.as_bytes() == name, data(once.as_bytes()) == once);
        }
    }

    #[test]
    fn no_two_short_names_look_alike() {
        let alphabet = [b'\\', b'x', b'5', b'C', 0xff, 0x0a];
        let mut seen: [HashMap<String, Vec<u8>>; 2] = Default::default();
        for length in 0..=6_u32 {
            for mut number in 0..alphabet.len().pow(length) {
                let mut name = Vec::new();
                for _ in 0..length {
                    name.push(alphabet[number % alphabet.len()]);
                    number /= alphabet.len();
                }
                for (seen, text) in seen.iter_mut().zip([terminal(&name), data(&name)]) {
                    assert_eq!(seen.insert(text, name.clone()), None);
                }
            }
        }
    }

    #[test]
    fn paths_are_shown_here_only() {
        // Examples in comments are for those who have no `.shown()`.
        let code = |line: &&str| !line.trim_start().starts_with("//");
        let offends = |text: &str| text.lines().filter(code).any(|line| line.contains(".display()"));
        assert!(offends("\npath.display()") && !offends("//! path.display()"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files: Vec<PathBuf> = walkdir::WalkDir::new(&source)
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
            .collect();
        assert!(files.len() > 100);
        let others = files.iter().filter(|path| **path != source.join("shown.rs"));
        let found: Vec<&PathBuf> =
            others.filter(|path| offends(&std::fs::read_to_string(path).unwrap())).collect();
        assert!(found.is_empty(), "write `.shown()` in place of `.display()`: {found:?}");
    }
}
