//! `pairs`: the corrupted picture and its clean one, in layouts that training code loads.
//!
//! Like the table, what lists the pairs (metadata, shards) is a projection of the ledger: it is made new at the
//! end of a run, names exactly the pairs that are there, and equals that of one fresh run.

mod lists;
mod row;
mod shards;

use crate::codec::{self, Compression, EncodeOptions, Format, Metadata};
use crate::columns::Row;
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::ledger::{Fingerprint, Ledger, Outcome, Record};
use crate::pipeline::{
    Action, Build, Built, Keeps, KnownParts, Load, Outgoing, Publication, Sample, Shape, Sink, SinkError,
    Turn,
};
use crate::shown::Show;
use crate::spec::units::ByteSize;
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, words};
use crate::store::{STATE_FOLDER, Store};
use lists::Lists;
use row::{SPLITS, Source};
use shards::Shards;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

words! {
    /// What is where.
    pub(super) enum Layout {
        /// A folder for each split, with a list.
        ImageFolder = "imagefolder",
        /// The same with equal names on both sides.
        Folders = "folders",
        /// Archives.
        WebDataset = "webdataset",
    }
}

words! {
    /// The format of both pictures.
    pub(super) struct Lossless(Format) {
        "png" => Format::Png,
        "tiff" => Format::Tiff,
    }
}

words! {
    /// File type of a split's list.
    pub(super) enum ListFile {
        /// CSV.
        Csv = "csv",
        /// Parquet.
        Parquet = "parquet",
    }
}

params! {
    /// Parameters of `pairs`.
    pub(super) struct Params {
        /// Folder below the output that holds the pairs and nothing else.
        folder: PathBuf [Kind::Folder] = "pairs",
        /// `imagefolder`: `train/noisy`, `train/clean` and a metadata file for Hugging Face `datasets`;
        /// `folders`: the same with equal names in both folders, and `pairs.csv`; `webdataset`: tar shards of
        /// `key.noisy.png`, `key.clean.png` and `key.json`.
        layout: Layout = "imagefolder",
        /// Lossless file format of both pictures.
        format: Lossless = "png",
        /// Effort for PNG and TIFF.
        compression: Compression = "fast",
        /// Share of the sources whose pairs are for validation.
        validation: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0.1",
        /// Share of the sources whose pairs are for testing.
        test: Given<f64> [Kind::Float { min: 0.0, max: 1.0 }] = "0",
        /// File type of the metadata of `imagefolder`.
        metadata: ListFile = "csv",
        /// Most bytes of a shard of `webdataset`; only a single pair may be larger.
        shard_size: Given<ByteSize> = "512MB",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "pairs",
    version: 1,
    doc: "Writes the corrupted picture and its clean one side by side, split into `train`, `validation` and \
          `test` by a hash of the source file's content: all patches of a picture, and copies of it, fall into \
          one split, which stays the same as the archive grows. Without alpha and metadata; 16 bits stay 16 bits.",
    role: Role::WritePairs,
    params: Params::TABLE,
    shorthand: Some("folder"),
    example: "- pairs: {folder: pairs, layout: imagefolder, validation: 0.1, test: 0.1}",
};

/// The resolved sink.
#[derive(Debug)]
pub(super) struct Pairs {
    folder: PathBuf,
    layout: Layout,
    format: Format,
    compression: Compression,
    validation: f64,
    test: f64,
    parquet: bool,
    shard_bytes: u64,
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let mut mistakes = Vec::new();
    if params.validation + *params.test > 1.0 {
        let help = "they add up to at most 1; the rest is for training".to_string();
        mistakes.push(params.test.error("`validation` and `test` are more than everything", Some(help)));
    }
    let shard_bytes = match *params.shard_size {
        ByteSize::Exact(bytes) if bytes >= 64 << 10 => bytes,
        _ => {
            mistakes.push(params.shard_size.error("a shard wants a size of at least 64KiB", None));
            0
        }
    };
    if !mistakes.is_empty() {
        return Err(Diagnostics::new(mistakes));
    }
    Ok(Built::from(Action::Sink(Box::new(Pairs {
        folder: params.folder,
        layout: params.layout,
        format: params.format.0,
        compression: params.compression,
        validation: params.validation,
        test: *params.test,
        parquet: params.metadata == ListFile::Parquet,
        shard_bytes,
    }))))
}

impl Pairs {
    fn lists(&self) -> Lists<'_> {
        Lists { folder: &self.folder, in_splits: self.layout == Layout::ImageFolder, parquet: self.parquet }
    }

    fn shards(&self) -> Shards<'_> {
        Shards { folder: &self.folder, format: self.format, bytes: self.shard_bytes }
    }

    /// Where an input's bytes wait to be put into shards.
    fn fragment_path(&self, relative: &Path) -> PathBuf {
        let key = source_key(relative, &[]);
        Path::new(STATE_FOLDER).join("fragments").join(&self.folder).join(key)
    }

    fn split(&self, hash: &[u8; 32]) -> &'static str {
        let mut hasher = blake3::Hasher::new_derive_key("safelight 2026 split of a source image");
        hasher.update(hash);
        let mut short = [0; 8];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        let place = (u64::from_le_bytes(short) >> 11) as f64 / (1u64 << 53) as f64;
        let [train, validation, test] = SPLITS;
        if place < self.validation {
            validation
        } else if place < self.validation + self.test {
            test
        } else {
            train
        }
    }

    fn encode_one(&self, image: &Image) -> Result<Vec<u8>, ItemError> {
        let options = EncodeOptions {
            format: self.format,
            quality: None,
            keep_metadata: false,
            compression: self.compression,
            dither: false,
        };
        let (width, height, channels) = (image.width, image.height, image.channels);
        let opaque = Image { width, height, channels, samples: image.samples.clone(), alpha: None };
        let encoded = codec::encode(&opaque, &Metadata::default(), None, &options);
        encoded.map(|e| e.bytes).map_err(|e| ItemError::new(ErrorKind::Encode, e.to_string()))
    }
}

impl Sink for Pairs {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn keeps(&self) -> Keeps {
        Keeps::Product
    }

    fn has_own_folder(&self) -> bool {
        true
    }

    fn owns(&self, path: &Path) -> bool {
        // Also an input's bytes that wait to be put into shards.
        path.starts_with(&self.folder)
            || path.starts_with(Path::new(STATE_FOLDER).join("fragments").join(&self.folder))
    }

    fn needs_reference(&self) -> bool {
        true
    }

    fn own_columns(&self) -> &'static [&'static str] {
        &["split", "noisy", "clean", "noisy_file_name", "clean_file_name", "source"]
    }

    fn peak_bytes(&self, load: &Load) -> u64 {
        let (shape, clean) = (load.shape, load.clean.unwrap_or(load.shape));
        let one = |s: Shape| codec::encode_bytes(self.format, s.width, s.height, s.channels, s.depth);
        // A growing buffer is copied; a little for the names and rows of each.
        let buffer = if self.layout == Layout::WebDataset { 2 * (shape.bytes() + clean.bytes()) } else { 0 };
        shape.bytes() + clean.bytes() + one(shape) + one(clean) + load.count * (buffer + 1024)
    }

    fn take(
        &self,
        sample: &mut Sample,
        product: &Fingerprint,
        written: &dyn Fn(&Path) -> bool,
    ) -> Result<Outgoing, ItemError> {
        // The sample itself goes on as it is, whether pairs are written or not.
        let mut turned = None;
        if sample.meta.orientation != 1 {
            turned.insert(sample.clone()).make_upright();
        }
        let sample = turned.as_ref().unwrap_or(sample);
        sample.ratio()?;
        let missing = || ItemError::new(ErrorKind::Unsupported, "no clean picture is kept");
        let clean = sample.reference.as_ref().ok_or_else(missing)?;
        let split = self.split(&sample.hash);
        let key = source_key(&sample.relative, &[&product[..], &sample.hash]);
        let key = format!("{key}{}", sample.place.suffix());
        let variant: String = sample.place.variant.iter().map(|word| format!("_{word}")).collect();
        let noisy_key = format!("{key}{variant}");
        // Only where names need not be equal, variants share their clean picture.
        let clean_key = if self.layout == Layout::ImageFolder { &key } else { &noisy_key };
        let extension = self.format.extensions().first().copied().unwrap_or_default();
        let mut pair = Outgoing::default();
        if self.layout == Layout::WebDataset {
            let (noisy, clean) = (self.encode_one(&sample.image)?, self.encode_one(clean)?);
            pair.row = Some(row::of(split, &noisy_key, clean_key, (noisy.len(), clean.len())));
            pair.collected = Some((self.fragment_path(&sample.relative), [noisy, clean].concat()));
            return Ok(pair);
        }
        let names = (format!("noisy/{noisy_key}.{extension}"), format!("clean/{clean_key}.{extension}"));
        for (name, image) in [(&names.0, &sample.image), (&names.1, clean)] {
            let path = self.folder.join(split).join(name);
            if !written(&path) {
                pair.files.push((path, self.encode_one(image)?));
            }
        }
        pair.row = Some(row::of(split, &names.0, &names.1, (0, 0)));
        Ok(pair)
    }

    fn refused(&self) -> Option<Row> {
        Some(row::refused())
    }

    fn turn(&self) -> Option<Turn> {
        Some(Turn::BeforeRemoval)
    }

    fn publish(&self, publication: &Publication<'_>, ledger: &mut Ledger) -> Result<usize, SinkError> {
        let Publication { product, store, replace_edited, .. } = *publication;
        let Some(product) = product else { return Ok(0) };
        let rows = publication.rows.clone().with(product, row::columns());
        // What fails leaves the lists; what can't be read now stays.
        let holds = |r: &Record| matches!(r.outcome, Outcome::Done(_)) || r.last.is_some();
        let mut sources = Vec::new();
        publication.each(ledger, |at, mut record| {
            if holds(&record) && rows.complete(&record) {
                let output = record.products.remove(&product).and_then(|outputs| outputs.into_iter().next());
                sources.push(Source { path: publication.inputs[at].key(), output });
            }
            Ok(())
        })?;
        match self.layout {
            Layout::WebDataset => self.shards().publish(store, ledger, &rows, (&sources, replace_edited)),
            Layout::ImageFolder | Layout::Folders => {
                self.lists().publish(store, ledger, &rows, &sources, replace_edited)
            }
        }
    }

    fn check(&self, store: &Store, known: &KnownParts) -> Result<(), SinkError> {
        if self.layout == Layout::WebDataset {
            let present = known.present(store, &self.folder, shards::is_shard_name).map(drop);
            return match present {
                // Lists that safelight wrote there are those of another layout.
                Err(SinkError::Foreign(_)) if known.names().any(|name| !shards::is_shard_name(name)) => {
                    let folder = store.root().join(&self.folder);
                    Err(SinkError::Foreign(format!(
                        "{} holds pairs of another layout; move the folder away, or give the step another `folder`",
                        folder.shown()
                    )))
                }
                present => present,
            };
        }
        let lists = self.lists().names();
        let names = lists.iter().map(String::as_str).chain(known.names());
        Ok(known.check(store, &self.folder, names)?)
    }
}

/// A name for the pairs of an input, unique among inputs, of letters that every loader takes, without a dot.
///
/// `of` is what the pairs are made of beside the path: others get other names, so that a list of the old ones
/// stays true until it is replaced.
fn source_key(relative: &Path, of: &[&[u8]]) -> String {
    let stem = relative.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let stem: String = stem.chars().take(40).map(plain).collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(relative.as_os_str().as_bytes());
    for part in of {
        hasher.update(&[0]);
        hasher.update(part);
    }
    format!("{stem}-{}", &hasher.finalize().to_hex()[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(validation: f64, test: f64) -> Pairs {
        Pairs {
            folder: "pairs".into(),
            layout: Layout::ImageFolder,
            format: Format::Png,
            compression: Compression::Fast,
            validation,
            test,
            parquet: false,
            shard_bytes: 1 << 20,
        }
    }

    #[test]
    fn splits_have_their_shares_and_stay() {
        let hashes: Vec<[u8; 32]> =
            (0..4000u32).map(|i| *blake3::hash(&i.to_le_bytes()).as_bytes()).collect();
        let (few, more) = (pairs(0.1, 0.0), pairs(0.1, 0.2));
        let count = |p: &Pairs, name: &str| hashes.iter().filter(|h| p.split(h) == name).count();
        assert!((340..460).contains(&count(&few, "validation")) && count(&few, "test") == 0);
        assert!((700..900).contains(&count(&more, "test")));
        assert!(hashes.iter().all(|h| (few.split(h) == "validation") == (more.split(h) == "validation")));
        assert_eq!(count(&pairs(0.0, 0.0), "train"), 4000);
        assert_eq!(count(&pairs(1.0, 0.0), "validation"), 4000);
    }

    #[test]
    fn keys_are_plain_and_tell_inputs_apart() {
        let source_key = |path: &str| source_key(Path::new(path), &[]);
        let key = source_key("a/é b.c.JPG");
        assert!(key.starts_with("__b_c-") && !key.contains(['.', '/', ' ']), "{key}");
        assert_ne!(source_key("a/x.png"), source_key("b/x.png"));
        assert_ne!(source_key("a/x.png"), source_key("a/x.jpg"));
    }
}
