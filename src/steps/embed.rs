//! `embed`: the bottleneck of an autoencoder as a vector column.

use super::numbers::{self, load_options};
use crate::columns::{Column, ColumnType, Row, Value};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::orient::upright;
use crate::nn::{EmbedError, EmbedOptions, Embedder, Fit, Pool};
use crate::pipeline::{Action, Build, Built, ColumnStep, Sample, Shape};
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};
use std::borrow::Cow;

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "embed",
    doc: "Adds a column with the bottleneck vector of an ONNX autoencoder (or any tensor of a network), a \
          float32 vector of fixed length.",
    role: Role::Columns,
    params: &[
        Param {
            name: "model",
            kind: Kind::Model,
            fallback: Fallback::Required,
            doc: "ONNX file, from the working directory or beside the pipeline file.",
        },
        Param {
            name: "column",
            kind: Kind::Text,
            fallback: Fallback::Yaml("embedding"),
            doc: "Name of the column.",
        },
        Param {
            name: "tensor",
            kind: Kind::Text,
            fallback: Fallback::Unset,
            doc: "Tensor to take; by default the bottleneck (see `safelight model`).",
        },
        Param {
            name: "pool",
            kind: Kind::Choice(&["mean", "max", "flatten"]),
            fallback: Fallback::Yaml("mean"),
            doc: "How a tensor with height and width becomes a vector.",
        },
        Param {
            name: "size",
            kind: Kind::Int { min: 8, max: 4096 },
            fallback: Fallback::Unset,
            doc: "Side the picture is brought to, for networks of variable size (256 by default).",
        },
        Param {
            name: "fit",
            kind: Kind::Choice(&["stretch", "crop"]),
            fallback: Fallback::Yaml("stretch"),
            doc: "Whether other aspects are stretched or cropped around the centre.",
        },
        numbers::RANGE,
        numbers::MEAN,
        numbers::STD,
        numbers::LAYOUT,
        numbers::ENGINE,
        numbers::EXACT,
    ],
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
pub fn build(args: &Args, build: &mut Build<'_>) -> Option<Built> {
    let options = load_options(args, build)?;
    let network = build.network(args, "model", &options)?;
    let size = args.int("size").and_then(|s| usize::try_from(s).ok());
    let options = EmbedOptions {
        bottleneck: args.text("tensor").map(str::to_string),
        size,
        pool: match args.text("pool")? {
            "max" => Pool::Max,
            "flatten" => Pool::Flatten,
            _ => Pool::Mean,
        },
        fit: if args.text("fit")? == "crop" { Fit::Crop } else { Fit::Stretch },
    };
    let info = network.info();
    let (hash, per_pixel) = (info.hash.clone(), info.macs_per_pixel);
    match Embedder::new(network, &options) {
        Ok(embedder) => {
            let column = args.text("column")?.to_string();
            let (width, height) = embedder.size();
            build.note(format!(
                "column {column}: {} floats from tensor {}",
                embedder.dim(),
                embedder.tensor()
            ));
            let macs = per_pixel * (width * height) as f64;
            let action = Action::Columns(Box::new(Embed { embedder, column, macs }));
            Some(Built { ingredients: vec![("model".into(), hash)], ..Built::from(action) })
        }
        Err(e) => {
            let parameter = if args.is_given("tensor") { "tensor" } else { "model" };
            build.error(args, parameter, e.to_string(), None);
            None
        }
    }
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
