//! `embed`: a picture as a vector column, from a tensor inside a network.

use super::numbers::Numbers;
use super::prepared::{Asked, Prepared, prepared};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::orient::upright;
use crate::nn::{EmbedError, EmbedOptions, Embedder, Fit, Pool, Preprocess, preset};
use crate::pipeline::{Action, Build, Built, ColumnStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Group, Kind, Parameters, Role, params, words};
use std::borrow::Cow;
use std::path::PathBuf;

words! { for Pool { Mean = "mean", Max = "max", Cls = "cls", Flatten = "flatten" } }
words! { for Fit { Stretch = "stretch", Crop = "crop" } }

words! {
    /// How the numbers of a vector are kept.
    pub(super) enum Precision {
        /// Single precision.
        Single = "float32",
        /// Half precision: half the bytes, three decimal digits.
        Half = "float16",
    }
}

params! {
    /// Parameters of `embed`.
    pub(super) struct Params {
        /// ONNX file, or weights (.pth, .safetensors) of a known architecture, from the working directory or beside the pipeline file.
        model: Given<PathBuf> [Kind::Model],
        /// Name of the column.
        column: Given<String> = "embedding",
        /// Tensor to take. By default what the file's metadata names, the bottleneck of an autoencoder, or of other networks
        /// the output that is one vector a picture, such as `image_embeds` or `pooler_output`; what was taken is printed.
        tensor: Given<Option<String>>,
        /// How a tensor with height and width, or with tokens, becomes a vector: by the mean or the maximum over all
        /// places, the first token (`cls`), or all numbers. For tokens it has to be said.
        pool: Given<Pool> = "mean",
        /// What is done to pictures before the network sees them, as those who trained it did: a
        /// `preprocessor_config.json` of Hugging Face or the `config.json` of timm, or one of `clip`, `siglip`, `dinov2` and
        /// `imagenet`. By default a `preprocessor_config.json` beside the model (or above its folder `onnx`) is followed,
        /// unless `size`, `fit`, `range`, `mean` or `std` is given; `none` leaves it.
        preprocess: Given<Option<String>> [Kind::Text],
        /// Side the picture is brought to, for networks of variable size (256 by default) and for presets.
        size: Given<Option<usize>> [Kind::Int { min: 8, max: 4096 }],
        /// Whether other aspects are stretched or cropped around the centre.
        fit: Given<Fit> = "stretch",
        /// Whether vectors are brought to length 1, so that their products are cosines.
        normalize: bool = "false",
        /// How numbers are kept in the table.
        dtype: Precision = "float32",
        numbers: Group<Numbers>,
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "embed",
    version: 1,
    doc: "Adds a column with a vector of each picture from an ONNX network: an image encoder's embedding, the bottleneck of \
          an autoencoder, or any other tensor (`docs/embeddings.md`).",
    role: Role::Columns,
    params: Params::TABLE,
    shorthand: Some("model"),
    example: "- embed: {model: sample_data/models/embed.onnx}",
};

#[derive(Debug)]
struct Embed {
    embedder: Embedder,
    column: String,
    precision: Precision,
    about: String,
    macs: f64,
}

/// Compiles the step: loads and inspects the model.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { model, column, tensor, pool, preprocess, size, fit, normalize, dtype, numbers } = params;
    let mut load = numbers.load_options(build)?;
    let sizes = [("size", size.is_some()), ("fit", fit.is_given())];
    let sizes = sizes.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
    let asked =
        Asked { preprocess: &preprocess, model: &model, others: sizes.chain(numbers.of_range()).collect() };
    let prepared = prepared(&asked, build)?;
    let settings = match &prepared {
        Prepared::Not => None,
        Prepared::As(settings) => Some(settings.clone()),
        Prepared::Preset(name) => preset(name, *size),
    };
    load.range = settings.as_ref().map(Preprocess::range).or(load.range);
    if size.is_some() || matches!(prepared, Prepared::As(_)) {
        load.size = settings.as_ref().map(Preprocess::size).map(|(width, height)| (height, width));
    }
    let network = build.network(&model, &load)?;
    // A preset follows the network's own size.
    let settings = match (&prepared, network.info().fixed_size) {
        (Prepared::Preset(name), Some((side, other))) if size.is_none() && side == other => {
            preset(name, Some(side))
        }
        _ => settings,
    };
    let options = EmbedOptions {
        bottleneck: (*tensor).clone(),
        size: *size,
        pool: pool.is_given().then_some(*pool),
        fit: *fit,
        preprocess: settings.clone(),
        normalize,
    };
    let info = network.info();
    let (hash, per_pixel) = (info.hash.clone(), info.macs_per_pixel);
    let embedder = Embedder::new(network, &options).map_err(|e| {
        let to_blame = [tensor.place(), pool.place(), preprocess.place(), size.place()];
        let to_blame = to_blame.into_iter().find(|place| place.is_given()).unwrap_or(model.place());
        to_blame.error(e.to_string(), None)
    })?;
    let numbers = if dtype == Precision::Half { "half-precision numbers" } else { "numbers" };
    build.note(format!("column {}: {} {numbers}, {}", *column, embedder.dim(), embedder.told()));
    // What is chosen here and was not before, with the same settings.
    if embedder.has_tokens() && pool.is_given() {
        build.follows("tokens");
    }
    if tensor.is_none() && embedder.is_beside_candidates() {
        build.follows(&format!("tensor={}", embedder.tensor()));
    }
    let (width, height) = embedder.size();
    let macs = per_pixel * (width * height) as f64;
    let columns_at = Some(column.place().clone());
    let mut ingredients = vec![("model".into(), hash)];
    ingredients.extend(settings.map(|settings| ("preprocess".into(), settings.identity())));
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    let about = format!("{} {numbers}, {}, by {name}", embedder.dim(), embedder.told());
    let embed = Embed { embedder, column: column.into_value(), precision: dtype, macs, about };
    let action = Action::Columns(Box::new(embed));
    Ok(Built { ingredients, columns_at, besides: &["preprocess", "engine_library"], ..Built::from(action) })
}

fn upright_image(sample: &Sample) -> Cow<'_, Image> {
    match sample.meta.orientation {
        1 => Cow::Borrowed(&sample.image),
        turned => Cow::Owned(upright(sample.image.clone(), turned)),
    }
}

impl Embed {
    fn row(&self, vector: Result<Vec<f32>, EmbedError>) -> Result<Row, ItemError> {
        let vector = vector.and_then(|vector| match self.precision {
            Precision::Single => Ok(vector),
            Precision::Half => halved(&vector),
        });
        vector.map(|v| vec![Value::Vector(v)]).map_err(|e| ItemError::new(ErrorKind::Model, e.to_string()))
    }
}

/// The numbers as half precision holds them.
fn halved(vector: &[f32]) -> Result<Vec<f32>, EmbedError> {
    let halved: Vec<f32> = vector.iter().map(|v| half::f16::from_f32(*v).to_f32()).collect();
    match vector.iter().zip(&halved).find(|(_, half)| !half.is_finite()) {
        Some((number, _)) => Err(EmbedError::TooLarge(*number)),
        None => Ok(halved),
    }
}

impl ColumnStep for Embed {
    fn columns(&self) -> Vec<Column> {
        let dim = self.embedder.dim();
        let kind = match self.precision {
            Precision::Single => ColumnType::Vector(dim),
            Precision::Half => ColumnType::HalfVector(dim),
        };
        vec![Column::new(self.column.clone(), kind).about(self.about.clone())]
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        self.row(self.embedder.embed(&upright_image(sample)))
    }

    fn batch(&self) -> usize {
        self.embedder.batch()
    }

    fn values_of(&self, samples: &[&Sample]) -> Vec<Result<Row, ItemError>> {
        let images: Vec<_> = samples.iter().map(|sample| upright_image(sample)).collect();
        let images: Vec<&Image> = images.iter().map(AsRef::as_ref).collect();
        self.embedder.embed_batch(&images).into_iter().map(|vector| self.row(vector)).collect()
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        // Turning copies the picture twice, gray becomes colour, and resizing works in float planes (all of
        // them at once with alpha).
        let planes = if shape.channels.is_multiple_of(2) { shape.channels + 1 } else { 1 };
        2 * shape.bytes() + shape.width * shape.height * (3 * shape.depth + 4 * planes)
    }

    fn worker_bytes(&self) -> u64 {
        self.embedder.peak_bytes()
    }

    fn macs(&self) -> f64 {
        self.macs
    }
}
