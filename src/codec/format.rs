//! The file formats: names, extensions, signatures and what each can hold.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use super::CodecError;

/// A file format that is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG (JFIF, EXIF, Adobe).
    Jpeg,
    /// Tagged Image File Format.
    Tiff,
    /// WebP, lossy and lossless.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// Graphics Interchange Format.
    Gif,
    /// Netpbm: PBM, PGM, PPM, PAM.
    Pnm,
    /// Quite OK Image format.
    Qoi,
    /// Truevision TGA, told by its extension only.
    Tga,
    /// Windows icon.
    Ico,
    /// Farbfeld.
    Farbfeld,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 11] = [
        Format::Png,
        Format::Jpeg,
        Format::Tiff,
        Format::WebP,
        Format::Bmp,
        Format::Gif,
        Format::Pnm,
        Format::Qoi,
        Format::Tga,
        Format::Ico,
        Format::Farbfeld,
    ];

    /// The name used in pipelines and messages.
    pub fn name(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Jpeg => "jpeg",
            Format::Tiff => "tiff",
            Format::WebP => "webp",
            Format::Bmp => "bmp",
            Format::Gif => "gif",
            Format::Pnm => "pnm",
            Format::Qoi => "qoi",
            Format::Tga => "tga",
            Format::Ico => "ico",
            Format::Farbfeld => "farbfeld",
        }
    }

    /// File name extensions in lower case, the usual one first.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Format::Png => &["png", "apng"],
            Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif", "jif", "jfi"],
            Format::Tiff => &["tif", "tiff"],
            Format::WebP => &["webp"],
            Format::Bmp => &["bmp", "dib"],
            Format::Gif => &["gif"],
            Format::Pnm => &["ppm", "pgm", "pbm", "pnm", "pam"],
            Format::Qoi => &["qoi"],
            Format::Tga => &["tga", "icb", "vda", "vst"],
            Format::Ico => &["ico"],
            Format::Farbfeld => &["ff"],
        }
    }

    /// The format of an extension (without the dot, any case).
    pub fn from_extension(extension: &str) -> Option<Format> {
        let extension = extension.to_ascii_lowercase();
        Format::ALL.into_iter().find(|format| format.extensions().contains(&extension.as_str()))
    }

    /// The format of a [`name`](Format::name) or extension, as a user writes it.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name).or_else(|| Format::from_extension(name))
    }

    /// True when files of this format can carry EXIF and with it the orientation tag.
    pub fn carries_exif(self) -> bool {
        matches!(self, Format::Png | Format::Jpeg | Format::Tiff | Format::WebP)
    }

    /// True when files of this format can carry an ICC profile, and readers heed it there.
    pub fn carries_icc(self) -> bool {
        matches!(self, Format::Png | Format::Jpeg | Format::Tiff | Format::WebP | Format::Bmp)
    }

    /// True when gray is written as three channels, or as a palette of colours.
    pub(super) fn spreads_gray(self) -> bool {
        matches!(
            self,
            Format::WebP | Format::Bmp | Format::Qoi | Format::Ico | Format::Gif | Format::Farbfeld
        )
    }

    /// True when the format can hold an alpha channel.
    pub fn carries_alpha(self) -> bool {
        self != Format::Jpeg
    }

    /// Most bits a sample can have when written in this format.
    pub fn max_bits(self) -> u8 {
        match self {
            Format::Png | Format::Tiff | Format::Pnm | Format::Farbfeld => 16,
            _ => 8,
        }
    }

    /// The format of a file whose first bytes are `head` (some hundred suffice), its name serving for TGA.
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
        if let Some(&[b'P', b'1'..=b'7', b' ' | b'\t' | b'\n' | b'\r' | b'#']) = head.first_chunk::<3>() {
            return Ok(Format::Pnm);
        }
        let extension = path_hint.extension().and_then(|e| e.to_str()).and_then(Format::from_extension);
        let foreign = FOREIGN
            .iter()
            .find(|(offset, magic, _)| head.get(*offset..).is_some_and(|tail| tail.starts_with(magic)));
        if let Some((_, _, name)) = foreign {
            return Err(CodecError::Unsupported {
                format: name,
                what: "this kind of file is not read; convert it to png or tiff first".to_owned(),
            });
        }
        let named = |name: &str| path_hint.extension().is_some_and(|e| e.eq_ignore_ascii_case(name));
        if named("cur") && head.starts_with(b"\0\0\x02\0") {
            return Err(CodecError::Unsupported {
                format: "Windows cursor",
                what: "this kind of file is not read; convert it to png first".to_owned(),
            });
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

const SIGNATURES: [(Format, &[u8]); 13] = [
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
];

/// Signatures (offset, bytes, name) of files that people keep beside images and that are not read.
const FOREIGN: [(usize, &[u8], &str); 21] = [
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyp", "HEIC or video"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"DDS ", "DDS"),
    (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"),
    (0, b"PF\n", "PFM (float map)"),
    (0, b"Pf\n", "PFM (float map)"),
    (0, b"%!PS", "PostScript"),
    (0, b"icns", "Apple icon"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (0, b"\x01\xda", "SGI"),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"BLP", "BLP"),
    (4, b"\x11\xaf", "FLIC"),
    (4, b"\x12\xaf", "FLIC"),
];

/// The first bytes of a file, the reader standing at its start again afterwards.
pub(super) fn peek<R: BufRead + Seek>(reader: &mut R) -> Result<Vec<u8>, CodecError> {
    let mut head = Vec::with_capacity(64);
    let read = reader.by_ref().take(64).read_to_end(&mut head);
    read.and_then(|_| reader.seek(SeekFrom::Start(0)))
        .map_err(|e| CodecError::Malformed { format: "image", what: format!("it can't be read: {e}") })?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_extensions_lead_back_to_their_format() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
            for extension in format.extensions() {
                assert_eq!(Format::from_extension(&extension.to_uppercase()), Some(format));
            }
        }
        assert_eq!(Format::from_extension("txt"), None);
    }

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
