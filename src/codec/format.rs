//! The file formats: names, extensions, signatures and what each can hold.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use super::{CodecError, foreign};

/// A file format that is read; all but the last four are written too.
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
    /// JPEG XL, bare and in a container. Read only.
    JpegXl,
    /// AVIF: AV1 pictures in HEIF. Read only.
    Avif,
    /// HEIC: HEVC pictures in HEIF. Read only.
    Heic,
    /// Camera RAW of any maker. Read only, and only with the feature `raw`.
    Raw,
}

impl Format {
    /// Every format that is read.
    pub const ALL: [Format; 14 + cfg!(feature = "raw") as usize] = [
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
        Format::JpegXl,
        Format::Avif,
        Format::Heic,
        #[cfg(feature = "raw")]
        Format::Raw,
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
            Format::JpegXl => "jxl",
            Format::Avif => "avif",
            Format::Heic => "heic",
            Format::Raw => "raw",
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
            Format::JpegXl => &["jxl"],
            Format::Avif => &["avif", "avifs"],
            Format::Heic => &["heic", "heif", "hif", "heics"],
            Format::Raw => &[
                "dng", "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dcs", "erf", "fff", "iiq", "kdc", "mef",
                "mos", "mrw", "nef", "nrw", "orf", "ori", "pef", "raf", "rw2", "rwl", "sr2", "srw", "x3f",
            ],
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

    /// True when files of this format can be written.
    pub fn is_written(self) -> bool {
        !matches!(self, Format::JpegXl | Format::Avif | Format::Heic | Format::Raw)
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
