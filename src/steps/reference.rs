//! `reference`: the clean picture that each is compared with, from a file.

use crate::codec::{self, Limits};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::crop::{Rect, crop};
use crate::image::gray::gray_to_rgb;
use crate::image::orient::upright;
use crate::inputs::{PairLists, ReferenceFile, References, Rule, path_text, read_unchanged};
use crate::pipeline::{Action, Build, Built, Effect, ImageStep, Sample, Shape};
use crate::shown::Show;
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, suggest};
use crate::store::look;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

params! {
    /// Parameters of `reference`.
    pub(super) struct Params {
        /// Folder of the clean pictures, below which each has the relative path of its picture, with the same ending or
        /// another. By default the folder of the input, where `from` and `to` tell the ones from the others.
        path: Given<Option<PathBuf>> [Kind::Path],
        /// What pictures are called that have another name than their clean ones: their relative path without the ending,
        /// with `*` for any text, such as `"*_x2"`.
        from: Given<String> = "\"*\"",
        /// What their clean ones are called, each `*` the text of one in `from`: with `"*_x2"` and `"*"`, `a/baby_x2.png`
        /// has `a/baby.png`.
        to: Given<String> = "\"*\"",
        /// In place of these: a folder of pairs as the step `pairs` writes it, whose lists (metadata.csv, metadata.parquet or
        /// pairs.csv, in it or in the folders right below) name both pictures; or one such list.
        pairs: Given<Option<PathBuf>> [Kind::Path],
        /// Columns of these lists that are taken along; without it, `corruption` and `severity`, where there are such.
        columns: Given<Option<Vec<Given<String>>>>,
        /// In place of these: the column of the input's list that holds the clean pictures' paths, below the list's `root`.
        column: Given<Option<String>>,
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "reference",
    version: 1,
    doc: "Reads the clean picture that each is compared with by `compare` and by `measure: [psnr, ssim]`. It has the size \
          of the picture, or is a whole number of times larger, and is cut at the right and below to a whole multiple of \
          the picture. Both are turned upright. A picture whose clean one is missing or does not fit fails; one whose clean \
          one has changed is done anew. Its column is `reference`, the clean picture's path.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("path"),
    example: "- reference: {path: clean, from: \"*_x2\", to: \"*\"}",
};

/// Columns of lists of pairs that are taken along where nothing is said.
const USUAL: [&str; 2] = ["corruption", "severity"];

#[derive(Debug)]
struct FindReference(Arc<References>);

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let named = params.path.is_given() || params.from.is_given() || params.to.is_given();
    let others = [
        params.pairs.is_given().then(|| params.pairs.place()),
        params.column.is_given().then(|| params.column.place()),
    ];
    let others: Vec<_> = others.into_iter().flatten().collect();
    let mut mistakes = Vec::new();
    if let Some(twice) = others.last().filter(|_| others.len() + usize::from(named) > 1) {
        let help = "take `path` with `from` and `to`, or `pairs`, or `column`".to_string();
        mistakes.push(twice.error("the clean pictures are found in one way", Some(help)));
    }
    if !named && others.is_empty() {
        let help = "name their folder, such as `path: clean`".to_string();
        mistakes.push(params.path.error("`reference` does not say where the clean pictures are", Some(help)));
    }
    if params.columns.is_given() && !params.pairs.is_given() {
        let help = "the columns of an input's list are there anyway; leave it out".to_string();
        mistakes.push(params.columns.error("`columns` is for `pairs`", Some(help)));
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics::new(mistakes));
    }
    let references = match (&*params.pairs, &*params.column) {
        (Some(path), _) => paired(path, &params)?,
        (None, Some(column)) => References::Listed(build.listed(column).map_err(|names| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let help = match names.as_slice() {
                [] => "give a .csv or .parquet list as input, with a column beside the paths".to_string(),
                names => suggest::help(column, names.iter().copied(), "its columns are"),
            };
            params.column.error(format!("the input has no column `{column}`"), Some(help))
        })?),
        (None, None) => by_name(&params)?,
    };
    let references = Arc::new(references);
    let action = Action::Image(Box::new(FindReference(references.clone())));
    // What they are stands in the identity of each item.
    let besides = &["path", "from", "to", "pairs", "column"];
    Ok(Built { references: Some(references), besides, ..Built::from(action) })
}

fn by_name(params: &Params) -> Result<References, Diagnostics> {
    let rule = Rule::new(&params.from, &params.to).map_err(|e| params.to.error(e.to_string(), None))?;
    let folder = match &*params.path {
        Some(path) => Some(folder(&params.path, path)?),
        None if *params.from == *params.to => {
            let help = "say `path`, or how their names differ: `from: \"*_LR\", to: \"*_HR\"`".to_string();
            return Err(params.to.error("every picture would be its own clean one", Some(help)).into());
        }
        None => None,
    };
    let written = format!("`from: \"{}\"`", *params.from);
    Ok(References::Named { folder, rule, written })
}

fn folder<T>(given: &Given<T>, path: &Path) -> Result<PathBuf, Diagnostics> {
    match look::is_folder(path).and_then(|folder| folder.then(|| look::real_of(path)).transpose()) {
        Ok(Some(real)) => Ok(real),
        Ok(None) => {
            let help = Some("check the path and the mount".to_string());
            Err(given.error(format!("no folder {} is there", path.shown()), help).into())
        }
        Err(e) => {
            let help = Some("check the mount".to_string());
            Err(given.error(format!("cannot look at {}: {e}", path.shown()), help).into())
        }
    }
}

fn paired(path: &Path, params: &Params) -> Result<References, Diagnostics> {
    let real = look::real_of(path).unwrap_or_else(|_| path.to_path_buf());
    let asked: Vec<&str> = match &*params.columns {
        Some(columns) => columns.iter().map(|column| column.as_str()).collect(),
        None => USUAL.to_vec(),
    };
    let lists =
        PairLists::read(&real, &asked).map_err(|(message, help)| params.pairs.error(message, Some(help)))?;
    let missing =
        params.columns.iter().flatten().filter(|name| lists.columns().iter().all(|c| c.name != ***name));
    let mistakes: Vec<_> = missing
        .map(|name| {
            let help = suggest::help(name, lists.names().iter().map(String::as_str), "their columns are");
            name.error(format!("the lists of pairs have no column `{}`", **name), Some(help))
        })
        .collect();
    if mistakes.is_empty() { Ok(References::Paired(real, lists)) } else { Err(Diagnostics::new(mistakes)) }
}

impl FindReference {
    fn read(&self, file: &ReferenceFile, limits: &Limits) -> Result<Image, ItemError> {
        let of = |error: ItemError| ItemError::new(error.kind, format!("its reference: {}", error.message));
        let (bytes, identity, _) = read_unchanged(&file.path).map_err(of)?;
        if identity != file.identity {
            let message =
                format!("{} changed since the run began; it will be tried again", file.path.shown());
            return Err(of(ItemError::new(ErrorKind::Changed, message)));
        }
        let decoded = codec::decode(&bytes, &file.path, limits).map_err(|e| {
            let error = ItemError::from(&e);
            // The picture itself is sound.
            let kind = match error.kind {
                ErrorKind::Undecodable | ErrorKind::Unsupported => ErrorKind::NoReference,
                other => other,
            };
            of(ItemError::new(kind, format!("{}: {}", file.path.shown(), error.message)))
        })?;
        let orientation = decoded.meta.orientation;
        Ok(upright(Image { alpha: None, ..decoded.image }, orientation))
    }
}

/// The clean picture cut to a whole multiple of `image`; none where it is no such.
fn fitted(clean: &Image, image: &Image) -> Option<Image> {
    let ratio = clean.width / image.width;
    let fits = ratio > 0 && clean.width % image.width < ratio && clean.height / ratio == image.height;
    let rect = Rect { x: 0, y: 0, width: image.width * ratio, height: image.height * ratio };
    crop(clean, rect).filter(|_| fits)
}

impl ImageStep for FindReference {
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
        let found = sample.observed.reference.clone();
        let lost = || ItemError::new(ErrorKind::NoReference, "no reference was looked for");
        let (found, limits) = found.ok_or_else(lost)?;
        let file = found.as_ref().as_ref().map_err(Clone::clone)?;
        let clean = self.read(file, &limits)?;
        let turned = sample.make_upright();
        let image = &sample.image;
        let mut kept = fitted(&clean, image).ok_or_else(|| {
            let message = format!(
                "its reference {} has {} x {} pixels, no whole multiple of the picture's {} x {}; resize one of them first",
                file.path.shown(),
                clean.width,
                clean.height,
                image.width,
                image.height
            );
            ItemError::new(ErrorKind::NoReference, message)
        })?;
        if (kept.width, kept.height) != (clean.width, clean.height) {
            sample.notes.push(format!(
                "reference cut from {} x {} to {} x {} pixels, a multiple of the picture",
                clean.width, clean.height, kept.width, kept.height
            ));
        }
        if image.channels == 3 {
            kept = gray_to_rgb(&kept);
        }
        sample.reference = Some(kept);
        let mut row: Row = vec![Value::Text(path_text(file.name.as_os_str().as_bytes()))];
        row.extend(file.values.iter().cloned());
        Ok(Effect { row, changed: turned })
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns =
            vec![Column::new("reference", ColumnType::Text).about("path of the clean picture compared with")];
        columns.extend(self.0.columns().iter().cloned());
        columns
    }

    fn gives_reference(&self) -> bool {
        true
    }

    fn shape(&self, shape: Shape) -> Shape {
        shape
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        // Turning the picture upright takes a copy.
        2 * shape.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    #[test]
    fn clean_pictures_are_cut_to_a_multiple() {
        let image = |width, height| Image::new(width, height, 1, Depth::U8);
        for (clean, picture, wanted) in [
            ((10, 8), (10, 8), Some((10, 8))),
            ((20, 16), (10, 8), Some((20, 16))),
            ((21, 17), (10, 8), Some((20, 16))),
            ((32, 26), (10, 8), Some((30, 24))),
            ((22, 16), (10, 8), None),
            ((20, 18), (10, 8), None),
            ((20, 24), (10, 8), None),
            ((11, 8), (10, 8), None),
            ((5, 4), (10, 8), None),
        ] {
            let found = fitted(&image(clean.0, clean.1), &image(picture.0, picture.1));
            assert_eq!(found.map(|i| (i.width, i.height)), wanted, "{clean:?} {picture:?}");
        }
    }
}
