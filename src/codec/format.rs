//! The file formats: names, extensions and what each can hold.

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
}
