//! Texts, and what else a file carries that only encoders of the same container know.

use super::Loss;

/// A text or comment, its bytes as they stood in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// What it is about; a JPEG's comments have `Comment`.
    pub keyword: String,
    /// The text in its own encoding.
    pub bytes: Vec<u8>,
    /// Which encoding that is.
    pub encoding: TextEncoding,
    /// Language tag (RFC 3066), such as `de-AT`; empty when none is given.
    pub language: String,
    /// The keyword in that language, in UTF-8; empty when none is given.
    pub translated: Vec<u8>,
}

impl Text {
    /// A text of no stated language.
    pub fn new(keyword: impl Into<String>, bytes: Vec<u8>, encoding: TextEncoding) -> Text {
        Text { keyword: keyword.into(), bytes, encoding, language: String::new(), translated: Vec::new() }
    }
}

/// The encoding of a [`Text`], as far as the container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoding {
    /// ISO 8859-1.
    Latin1,
    /// UTF-8.
    Utf8,
    /// The container does not say.
    Unknown,
}

/// Something that was seen in a file and that only an encoder that knows it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// What it is a loss of where nothing carries it.
    pub loss: Loss,
    /// What it is, for people, such as `FLIR thermal data (APP1, 120,000 bytes)`.
    pub what: String,
    /// What an encoder can make of it.
    pub part: Part,
}

/// The form of an [`Extra`] that encoders of the same container can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It can't be carried, or must not be since it would no longer be true.
    Gone,
    /// Application segments of a JPEG: the number of each, 0 to 15, and the bytes after its length.
    Segments(Vec<(u8, Vec<u8>)>),
    /// What of an XMP packet did not fit into one segment of a JPEG, with the 32 digits that name it.
    ExtendedXmp(String, Vec<u8>),
    /// Chunk of a PNG that may be copied.
    Chunk {
        /// Its name.
        name: [u8; 4],
        /// Its data; of `bKGD` three 16-bit samples of full range, whatever the picture.
        data: Vec<u8>,
        /// It stands behind the pixels.
        behind: bool,
    },
    /// A stretch behind a JPEG.
    Behind(Behind),
}

/// Bytes behind a JPEG's picture, those of a gain map or a film, that may stand behind another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    /// What stands there.
    pub bytes: Vec<u8>,
    /// How many of the bytes fill the gap before it.
    pub before: usize,
    /// How the list of pictures (MPF) describes it, where that names it.
    pub attribute: Option<u32>,
}

/// A known kind of file, by its first bytes, that people append to pictures.
fn kind_of(bytes: &[u8]) -> &'static str {
    let starts: [(usize, &[u8], &str); 9] = [
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"Rar!", "a RAR archive"),
        (0, b"7z\xBC\xAF", "a 7z archive"),
        (0, b"%PDF", "a PDF"),
        (0, b"\x89PNG", "another PNG"),
        (0, b"\xFF\xD8\xFF", "a JPEG"),
        (4, b"ftyp", "a film"),
        (0, b"<x:xmpmeta", "XMP"),
        (0, b"<?xpacket", "XMP"),
    ];
    let found =
        starts.into_iter().find(|(at, magic, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic)));
    found.map_or("data of an unknown kind", |(_, _, what)| what)
}

/// What stands behind a file's last part; `None` for nothing but zeros, which some writers fill files up with.
pub(super) fn trailer(bytes: &[u8]) -> Option<Extra> {
    bytes.iter().any(|&b| b != 0).then(|| {
        let what = format!("{} bytes behind its end ({})", bytes.len(), kind_of(bytes));
        Extra { loss: Loss::Data, what, part: Part::Gone }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_end_is_named() {
        assert_eq!(trailer(b"PK\x03\x04").unwrap().what, "4 bytes behind its end (a ZIP archive)");
        assert!(trailer(b"hello").unwrap().what.contains("5 bytes"));
        assert_eq!(trailer(&[0; 9]), None);
    }
}
