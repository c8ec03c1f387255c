//! Maker notes: which of them may stand elsewhere than the camera put them.
//!
//! Most count their offsets from the TIFF header before them, so that they are true at one place only. The
//! rules here are those of exiftool's `MakerNotes.pm` (its `Base`), as far as a signature tells.

/// How the notes begin that count from their own beginning, or hold no offsets at all.
const SELF_CONTAINED: [&[u8]; 23] = [
    b"Apple iOS\0",
    b"Nikon\0\x02",
    b"FUJIFILM",
    b"GENERALE",
    b"OLYMPUS\0",
    b"OM SYSTEM\0",
    b"LEICA0",
    b"LEICA\0\x01\0",
    b"LEICA\0\x04\0",
    b"LEICA\0\x05\0",
    b"LEICA\0\x06\0",
    b"LEICA\0\x07\0",
    b"LEICA\0\x10\0",
    b"LEICA\0\x1a\0",
    b"PENTAX \0",
    b"RICOH\0II",
    b"RICOH\0MM",
    b"MOT\0",
    b"ISLMAKERNOTE000\0",
    b"SEMC MS\0",
    b"KYOCERA",
    // No directories.
    b"KDK",
    b"[ae_dbg_info:",
];

/// True when a note says the same wherever it stands: its offsets count from itself, or it is text.
pub(super) fn can_move(note: &[u8]) -> bool {
    let is_text = |&byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0);
    // Too short for an offset.
    note.len() <= 4 || SELF_CONTAINED.iter().any(|start| note.starts_with(start)) || note.iter().all(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_that_count_from_the_header_before_them_stay() {
        assert!(can_move(b"Nikon\0\x02\x10\0\0II*\0\x08\0\0\0"));
        assert!(can_move(b"plain text\0\0"));
        // Older Nikon, older Olympus, a bare directory (Canon), Sony, Panasonic.
        for stays in [&b"Nikon\0\x01\0"[..], b"OLYMP\0\x01\0", b"\x15\0\x01\0\x03\0", b"SONY DSC \0\0\0\x01"]
        {
            assert!(!can_move(stays));
        }
    }
}
