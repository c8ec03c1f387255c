//! What is an image by its name: the endings of all formats that are read, as one pattern.

use crate::codec::Format;

/// The pattern as a YAML list of one, put together when the program is built, so that a new format is in it.
pub const IMAGES: &str = match std::str::from_utf8(&TEXT) {
    Ok(text) => text,
    Err(_) => panic!("endings are ASCII"),
};

const TEXT: [u8; text::<0>().1] = text::<{ text::<0>().1 }>().0;

/// The text as far as it fits, and how long it is.
const fn text<const N: usize>() -> ([u8; N], usize) {
    let (mut all, mut length) = put(([0; N], 0), "[\"**/*.{");
    let mut format = 0;
    while format < Format::ALL.len() {
        let endings = Format::ALL[format].extensions();
        let mut ending = 0;
        while ending < endings.len() {
            if format + ending > 0 {
                (all, length) = put((all, length), ",");
            }
            (all, length) = put((all, length), endings[ending]);
            ending += 1;
        }
        format += 1;
    }
    put((all, length), "}\"]")
}

const fn put<const N: usize>((mut all, mut length): ([u8; N], usize), more: &str) -> ([u8; N], usize) {
    let bytes = more.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if length < N {
            all[length] = bytes[at];
        }
        length += 1;
        at += 1;
    }
    (all, length)
}

/// The pattern alone.
pub fn pattern() -> &'static str {
    IMAGES.trim_matches(['[', '"', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::GlobBuilder;

    #[test]
    fn every_ending_that_is_read_is_an_input_and_no_other() {
        let glob = GlobBuilder::new(pattern()).case_insensitive(true).literal_separator(true).build();
        let glob = glob.unwrap().compile_matcher();
        for ending in Format::ALL.into_iter().flat_map(|format| format.extensions()) {
            for name in [format!("a.{ending}"), format!("b/c/a.b.{}", ending.to_uppercase())] {
                assert!(glob.is_match(&name), "{name}");
            }
        }
        for name in ["a.JFIF", "a.jpe", "a.jif", "a.dib", "a.apng", "a.vda"] {
            assert!(glob.is_match(name), "{name}");
        }
        for name in ["a.psd", "a.", "jpg", "a.jpg.xmp", "a.jp"] {
            assert!(!glob.is_match(name), "{name}");
        }
    }
}
