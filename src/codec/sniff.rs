//! The format of a file, from its first bytes.

use super::error::CodecError;
use super::foreign;
use super::format::Format;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

const SIGNATURES: [(Format, &[u8]); 15] = [
    (Format::Png, b"\x89PNG\r\n\x1a\n"),
    (Format::Jpeg, b"\xff\xd8\xff"),
    (Format::Tiff, b"II*\0"),
    (Format::Tiff, b"MM\0*"),
    (Format::Tiff, b"II+\0"),
    (Format::Tiff, b"MM\0+"),
    (Format::Gif, b"GIF87a"),
    (Format::Gif, b"GIF89a"),
    (Format::Bmp, b"BM"),
    (Format::Qoi, b"qoif"),
    (Format::Ico, b"\0\0\x01\0"),
    (Format::Farbfeld, b"farbfeld"),
    (Format::Jpeg, b"\xff\xd8"),
    (Format::JpegXl, b"\xff\x0a"),
    (Format::JpegXl, b"\0\0\0\x0cJXL \r\n\x87\n"),
];

impl Format {
    /// The format of a file whose first bytes are `head` (some hundred suffice), its name serving for TGA. Camera
    /// RAW that is laid out as TIFF counts as TIFF here: only its directories tell.
    ///
    /// # Errors
    /// `Unsupported`, naming the kind of file where it is known.
    pub fn sniff(head: &[u8], path_hint: &Path) -> Result<Format, CodecError> {
        if let Some((format, _)) = SIGNATURES.iter().find(|(_, magic)| head.starts_with(magic)) {
            return Ok(*format);
        }
        if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            return Ok(Format::WebP);
        }
        if let Some(boxed) = foreign::boxed(head) {
            return boxed;
        }
        if let Some(&[b'P', b'1'..=b'7', b' ' | b'\t' | b'\n' | b'\r' | b'#']) = head.first_chunk::<3>() {
            return Ok(Format::Pnm);
        }
        let extension = path_hint.extension().and_then(|e| e.to_str()).and_then(Format::from_extension);
        if foreign::is_raw(head) {
            return Ok(Format::Raw);
        }
        if let Some(refused) = foreign::refused(head) {
            return Err(refused);
        }
        if extension == Some(Format::Tga) {
            return Ok(Format::Tga);
        }
        // As they lie in a clipboard, without the file's own header.
        if extension == Some(Format::Bmp) && matches!(head, [12 | 40 | 108 | 124, 0, 0, 0, ..]) {
            return Ok(Format::Bmp);
        }
        let what =
            if head.is_empty() { "the file is empty" } else { "the content is of no known image format" };
        Err(CodecError::Unsupported { format: "image", what: what.to_owned() })
    }
}

/// The first bytes of a file, the reader standing at its start again afterwards.
pub(super) fn peek<R: BufRead + Seek>(reader: &mut R) -> Result<Vec<u8>, CodecError> {
    let mut head = Vec::with_capacity(512);
    let read = reader.by_ref().take(512).read_to_end(&mut head);
    read.and_then(|_| reader.seek(SeekFrom::Start(0)))
        .map_err(|e| CodecError::Malformed { format: "image", what: format!("it can't be read: {e}") })?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_tga_needs_its_name() {
        let png = b"\x89PNG\r\n\x1a\n";
        assert_eq!(Format::sniff(png, Path::new("a.jpg")).ok(), Some(Format::Png));
        assert_eq!(Format::sniff(b"\0\0\x02\0", Path::new("a.tga")).ok(), Some(Format::Tga));
        assert!(Format::sniff(b"\0\0\x02\0", Path::new("a.dat")).is_err());
        assert!(Format::sniff(b"", Path::new("a.png")).is_err());
        let exr = Format::sniff(b"\x76\x2f\x31\x01", Path::new("a.exr")).unwrap_err();
        assert!(exr.to_string().contains("OpenEXR"));
    }
}
