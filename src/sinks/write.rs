//! `write`: the picture as a file, the archive's tree again.

use crate::codec::{self, Compression, EncodeOptions, Format};
use crate::error::{ErrorKind, ItemError};
use crate::ledger::Fingerprint;
use crate::pipeline::{Action, Build, Built, Keeps, Load, Names, Outgoing, Place, Sample, Shape, Sink};
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, words};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

words! {
    /// The format that is written; none for each input's own.
    pub(super) struct Target(Option<Format>) {
        "same" => None,
        "png" => Some(Format::Png),
        "jpeg" => Some(Format::Jpeg),
        "tiff" => Some(Format::Tiff),
        "webp" => Some(Format::WebP),
        "bmp" => Some(Format::Bmp),
        "qoi" => Some(Format::Qoi),
        "tga" => Some(Format::Tga),
        "pnm" => Some(Format::Pnm),
    }
}

words! {
    /// The format that stands in for one that is only read; none where such files fail.
    pub(super) struct Unwritable(Option<Format>) {
        "png" => Some(Format::Png),
        "tiff" => Some(Format::Tiff),
        "jpeg" => Some(Format::Jpeg),
        "webp" => Some(Format::WebP),
        "fail" => None,
    }
}

words! {
    /// What becomes of the metadata.
    pub(super) enum Carried {
        /// It goes along.
        Keep = "keep",
        /// All but the profile is dropped.
        Strip = "strip",
    }
}

words! {
    /// What becomes of a picture that no step changed.
    pub(super) enum Unchanged {
        /// Its file's own bytes.
        Copy = "copy",
        /// Nothing.
        Skip = "skip",
        /// A hard link to its file.
        Hardlink = "hardlink",
        /// The picture, encoded anew.
        Encode = "encode",
    }
}

words! {
    /// Times of the files.
    pub(super) enum Times {
        /// Those of writing.
        Now = "now",
        /// The originals'.
        Keep = "keep",
    }
}

params! {
    /// Parameters of `write`.
    pub(super) struct Params {
        /// Folder below the output that receives the tree.
        folder: PathBuf [Kind::Folder] = "images",
        /// File format; `same` keeps each input's own format and name, any other changes the extension.
        format: Target = "same",
        /// What `format: same` makes of files in formats that are only read (JPEG XL, AVIF, HEIC); the
        /// extension changes with it. `fail` makes them failures.
        unwritable: Unwritable = "png",
        /// Quality of JPEG and lossy WebP.
        quality: u8 [Kind::Int { min: 1, max: 100 }] = "92",
        /// Whether EXIF, XMP and texts are carried over; the colour profile always is.
        metadata: Carried = "keep",
        /// Effort for PNG, TIFF and lossless WebP.
        compression: Compression = "fast",
        /// Spread the rounding of 16-bit samples to 8 bits by a fixed pattern, against bands in smooth
        /// gradients. Off by default: it adds noise of half a step, which compresses badly and which
        /// measurements see.
        dither: bool = "false",
        /// What is written of a picture that no step changed, if its own format is written with its metadata: `copy`
        /// the original's bytes (as a clone that shares its blocks, where the file system can), `skip` nothing,
        /// `hardlink` a second name of the original (never edit it in place), `encode` the picture anew.
        unchanged: Unchanged = "copy",
        /// Text added to the file name before its extension, such as `_x2`.
        suffix: Given<Option<String>>,
        /// Time of the file: `now` is when it was written, `keep` the original's times of last change and
        /// access. Permissions are the original's in any case, without those to execute; owners are not carried
        /// over.
        times: Times = "now",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "write",
    version: 1,
    doc: "Writes the picture under the input's relative path, with its metadata.",
    role: Role::WriteImage,
    params: Params::TABLE,
    shorthand: None,
    example: "- write: {folder: images, format: same, quality: 92, metadata: keep}",
};

/// The resolved sink.
#[derive(Debug)]
pub(super) struct Write {
    folder: PathBuf,
    format: Option<Format>,
    /// In place of a format that is only read.
    unwritable: Option<Format>,
    quality: u8,
    keep_metadata: bool,
    compression: Compression,
    dither: bool,
    unchanged: Unchanged,
    suffix: String,
    keep_times: bool,
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let suffix = (*params.suffix).clone().unwrap_or_default();
    if suffix.contains(['/', '\0']) {
        return Err(params.suffix.error("a suffix can't contain `/`", None).into());
    }
    let action = Action::Sink(Box::new(Write {
        folder: params.folder,
        format: params.format.0,
        unwritable: params.unwritable.0,
        quality: params.quality,
        keep_metadata: params.metadata == Carried::Keep,
        compression: params.compression,
        dither: params.dither,
        unchanged: params.unchanged,
        suffix,
        keep_times: params.times == Times::Keep,
    }));
    Ok(Built { besides: &["times"], ..Built::from(action) })
}

/// Variants have folders of their own, pages and patches a number at the end of the name.
impl Names for Write {
    fn path(&self, relative: &Path, place: &Place) -> PathBuf {
        let number = place.suffix();
        let mut path = self.folder.clone();
        path.extend(&place.variant);
        path.push(relative);
        let format = self.named_format(relative);
        let extension = match format {
            Some(format) => format.extensions().first().map(OsString::from),
            None => path.extension().map(OsString::from),
        };
        let keeps = format.is_none() && self.suffix.is_empty() && number.is_empty();
        if !keeps {
            let mut name = path.file_stem().unwrap_or_default().to_os_string();
            name.push(&self.suffix);
            name.push(&number);
            if let Some(extension) = extension {
                name.push(".");
                name.push(extension);
            }
            path.set_file_name(name);
        }
        path
    }
}

impl Write {
    /// The format that every input of this name is written in, whatever it holds; none where its own is kept.
    fn named_format(&self, relative: &Path) -> Option<Format> {
        let named = relative.extension().and_then(OsStr::to_str).and_then(Format::from_extension);
        self.format.or(self.unwritable.filter(|_| named.is_some_and(|format| !format.is_written())))
    }

    /// The format that takes the place of one, where it is only read.
    fn written(&self, format: Format) -> Format {
        if format.is_written() { format } else { self.unwritable.unwrap_or(format) }
    }
}

impl Sink for Write {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn keeps(&self) -> Keeps {
        Keeps::Timed { originals: self.keep_times }
    }

    fn names(&self) -> Option<&dyn Names> {
        Some(self)
    }

    fn leaves_out_unchanged(&self) -> bool {
        self.unchanged == Unchanged::Skip
    }

    fn keeps_unchanged(&self) -> bool {
        self.unchanged != Unchanged::Encode && self.keep_metadata
    }

    fn peak_bytes(&self, load: &Load) -> u64 {
        let format = self.format.unwrap_or(self.written(load.format));
        let Shape { width, height, channels, depth } = load.shape;
        codec::encode_bytes(format, width, height, channels, depth)
    }

    fn take(
        &self,
        sample: &mut Sample,
        _product: &Fingerprint,
        _written: &dyn Fn(&Path) -> bool,
    ) -> Result<Outgoing, ItemError> {
        let options = EncodeOptions {
            format: self.named_format(&sample.relative).unwrap_or(self.written(sample.source.format)),
            quality: Some(self.quality),
            keep_metadata: self.keep_metadata,
            compression: self.compression,
            dither: self.dither,
        };
        let path = self.path(&sample.relative, &sample.place);
        let same = sample.observed.original().is_some()
            && self.keep_metadata
            && options.format == sample.source.format;
        if same && self.unchanged != Unchanged::Encode {
            let link = self.unchanged == Unchanged::Hardlink;
            let original = (self.unchanged != Unchanged::Skip).then_some((path, link));
            return Ok(Outgoing { unchanged: true, original, ..Outgoing::default() });
        }
        let encoded = codec::encode(&sample.image, &sample.meta, Some(&sample.source), &options)
            .map_err(|e| ItemError::new(ErrorKind::Encode, e.to_string()))?;
        sample.notes.extend(encoded.notes);
        Ok(Outgoing { files: vec![(path, encoded.bytes)], ..Outgoing::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(format: Option<Format>, suffix: &str) -> Write {
        Write {
            folder: "images".into(),
            format,
            unwritable: Some(Format::Tiff),
            quality: 90,
            keep_metadata: true,
            compression: Compression::Fast,
            dither: false,
            unchanged: Unchanged::Copy,
            suffix: suffix.into(),
            keep_times: false,
        }
    }

    #[test]
    fn names_follow_format_and_suffix() {
        let path = |w: Write, p: &str| w.path(Path::new(p), &Place::default()).to_str().unwrap().to_string();
        assert_eq!(path(write(None, ""), "a/b.c.JPG"), "images/a/b.c.JPG");
        assert_eq!(path(write(None, "_x2"), "a/b.c.JPG"), "images/a/b.c_x2.JPG");
        assert_eq!(path(write(Some(Format::Png), ""), "a/b.c.JPG"), "images/a/b.c.png");
        assert_eq!(path(write(None, ""), "noext"), "images/noext");
        assert_eq!(path(write(None, ""), "a/b.HEIC"), "images/a/b.tif");
        assert_eq!(path(write(Some(Format::Png), ""), "b.jxl"), "images/b.png");
        assert_eq!(path(write(None, "_x2"), "noext"), "images/noext_x2");
        let place = Place { variant: vec!["fog".into(), "2".into()], patch: Some(3), ..Place::default() };
        let many = write(None, "_x").path(Path::new("a/b.png"), &place);
        assert_eq!(many, Path::new("images/fog/2/a/b_x_0003.png"));
        let page = Place { page: Some(12), ..Place::default() };
        assert_eq!(write(None, "").path(Path::new("a.tif"), &page), Path::new("images/a_p0012.tif"));
        let patch = Place { page: Some(2), patch: Some(3), ..Place::default() };
        assert_eq!(write(None, "").path(Path::new("a.tif"), &patch), Path::new("images/a_p0002_0003.tif"));
    }
}
