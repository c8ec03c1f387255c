//! `embed`: the bottleneck of an autoencoder as a vector column.

use super::numbers::Numbers;
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::orient::upright;
use crate::nn::{EmbedError, EmbedOptions, Embedder, Fit, Pool};
use crate::pipeline::{Action, Build, Built, ColumnStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Group, Kind, Parameters, Role, params, words};
use std::borrow::Cow;
use std::path::PathBuf;

words! { for Pool { Mean = "mean", Max = "max", Flatten = "flatten" } }
words! { for Fit { Stretch = "stretch", Crop = "crop" } }

params! {
    /// Parameters of `embed`.
    pub(super) struct Params {
        /// ONNX file, or weights (.pth, .safetensors) of a known architecture, from the working directory or beside the pipeline file.
        model: Given<PathBuf> [Kind::Model],
        /// Name of the column.
        column: Given<String> = "embedding",
        /// Tensor to take; by default the bottleneck (see `safelight model`).
        tensor: Given<Option<String>>,
        /// How a tensor with height and width becomes a vector.
        pool: Pool = "mean",
        /// Side the picture is brought to, for networks of variable size (256 by default).
        size: Option<usize> [Kind::Int { min: 8, max: 4096 }],
        /// Whether other aspects are stretched or cropped around the centre.
        fit: Fit = "stretch",
        numbers: Group<Numbers>,
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "embed",
    version: 1,
    doc: "Adds a column with the bottleneck vector of an ONNX autoencoder (or any tensor of a network), a \
          float32 vector of fixed length.",
    role: Role::Columns,
    params: Params::TABLE,
    shorthand: Some("model"),
    example: "- embed: {model: sample_data/models/embed.onnx}",
};

#[derive(Debug)]
struct Embed {
    embedder: Embedder,
    column: String,
    macs: f64,
}

/// Compiles the step: loads and inspects the model.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { model, column, tensor, pool, size, fit, numbers } = params;
    let loading = numbers.load_options(build)?;
    let network = build.network(&model, &loading)?;
    let options = EmbedOptions { bottleneck: (*tensor).clone(), size, pool, fit };
    let info = network.info();
    let (hash, per_pixel) = (info.hash.clone(), info.macs_per_pixel);
    let embedder = Embedder::new(network, &options).map_err(|e| {
        let to_blame = if tensor.is_some() { tensor.place() } else { model.place() };
        to_blame.error(e.to_string(), None)
    })?;
    let (width, height) = embedder.size();
    build.note(format!("column {}: {} floats from tensor {}", *column, embedder.dim(), embedder.tensor()));
    let macs = per_pixel * (width * height) as f64;
    let columns_at = Some(column.place().clone());
    let action = Action::Columns(Box::new(Embed { embedder, column: column.into_value(), macs }));
    Ok(Built {
        ingredients: vec![("model".into(), hash)],
        besides: &["engine_library"],
        columns_at,
        ..Built::from(action)
    })
}

fn upright_image(sample: &Sample) -> Cow<'_, Image> {
    match sample.meta.orientation {
        1 => Cow::Borrowed(&sample.image),
        turned => Cow::Owned(upright(sample.image.clone(), turned)),
    }
}

fn row(vector: Result<Vec<f32>, EmbedError>) -> Result<Row, ItemError> {
    vector.map(|v| vec![Value::Vector(v)]).map_err(|e| ItemError::new(ErrorKind::Model, e.to_string()))
}

impl ColumnStep for Embed {
    fn columns(&self) -> Vec<Column> {
        vec![Column::new(self.column.clone(), ColumnType::Vector(self.embedder.dim()))]
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        row(self.embedder.embed(&upright_image(sample)))
    }

    fn batch(&self) -> usize {
        self.embedder.batch()
    }

    fn values_of(&self, samples: &[&Sample]) -> Vec<Result<Row, ItemError>> {
        let images: Vec<_> = samples.iter().map(|sample| upright_image(sample)).collect();
        let images: Vec<&Image> = images.iter().map(AsRef::as_ref).collect();
        self.embedder.embed_batch(&images).into_iter().map(row).collect()
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
