//! `restore`: an image-to-image network: denoising, deblocking, upscaling.

use super::numbers::{self, load_options};
use crate::columns::Row;
use crate::error::{ErrorKind, ItemError};
use crate::image::Depth;
use crate::nn::{Colour, ModelError, RestoreError, RestoreOptions, Restorer};
use crate::pipeline::{Action, Build, Built, ImageStep, Sample, Shape};
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};

/// Picture side that the workers' tile memory is asked for: larger pictures use the same tiles.
const LARGE: usize = 4096;

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "restore",
    doc: "Runs an image-to-image ONNX network on the picture, tile by tile, keeping depth and alpha. What the \
          file does not say of itself is inferred and printed.",
    role: Role::Image,
    params: &[
        Param {
            name: "model",
            kind: Kind::Model,
            fallback: Fallback::Required,
            doc: "ONNX file, from the working directory or beside the pipeline file.",
        },
        numbers::RANGE,
        numbers::MEAN,
        numbers::STD,
        numbers::LAYOUT,
        numbers::ENGINE,
        numbers::EXACT,
        Param {
            name: "colour",
            kind: Kind::Choice(&["auto", "luma", "each", "rgb"]),
            fallback: Fallback::Yaml("auto"),
            doc: "How a gray network treats colour: on luma (`auto`, `luma`) or on each channel.",
        },
        Param {
            name: "tile",
            kind: Kind::Int { min: 16, max: 8192 },
            fallback: Fallback::Unset,
            doc: "Largest tile side in pixels; by default chosen by cost.",
        },
        Param {
            name: "check",
            kind: Kind::Choice(&["picture", "finite"]),
            fallback: Fallback::Yaml("picture"),
            doc: "What a result has to be: a believable picture (not black, not shifted), or just finite numbers \
                  for networks that are meant to change the picture altogether.",
        },
    ],
    shorthand: Some("model"),
    example: "- restore: {model: sample_data/models/denoise.onnx}",
};

#[derive(Debug)]
struct Restore {
    restorer: Restorer,
    worker_bytes: u64,
}

/// Compiles the step: loads and inspects the model.
pub fn build(args: &Args, build: &mut Build<'_>) -> Option<Built> {
    let options = load_options(args, build)?;
    let network = build.network(args, "model", &options)?;
    let colour = match args.text("colour")? {
        "luma" => Colour::Luma,
        "each" => Colour::Each,
        "rgb" => Colour::Rgb,
        _ => Colour::Auto,
    };
    let tile = args.int("tile").and_then(|t| usize::try_from(t).ok());
    let any_finite = args.text("check")? == "finite";
    let hash = network.info().hash.clone();
    match Restorer::new(network, RestoreOptions { colour, tile, any_finite }) {
        Ok(restorer) => {
            let worker_bytes = restorer.tile_bytes(LARGE, LARGE);
            let action = Action::Image(Box::new(Restore { restorer, worker_bytes }));
            Some(Built { ingredients: vec![("model".into(), hash)], ..Built::from(action) })
        }
        Err(e) => {
            build.error(args, "model", e.to_string(), None);
            None
        }
    }
}

fn depth(shape: Shape) -> Depth {
    match shape.depth {
        1 => Depth::U8,
        2 => Depth::U16,
        _ => Depth::F32,
    }
}

fn side(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl ImageStep for Restore {
    fn apply(&self, sample: &mut Sample) -> Result<Row, ItemError> {
        let restored = self.restorer.restore(&sample.image).map_err(|e| {
            let kind = match e {
                RestoreError::BadOutput { .. } => ErrorKind::BadResult,
                RestoreError::Model(ModelError::RunMemory { .. }) => ErrorKind::OverMemory,
                _ => ErrorKind::Model,
            };
            ItemError::new(kind, e.to_string())
        })?;
        let was = std::mem::replace(&mut sample.image, restored);
        sample.meta.resized((was.width, was.height), (sample.image.width, sample.image.height));
        Ok(Row::new())
    }

    fn shape(&self, shape: Shape) -> Shape {
        let (width, height) = self.restorer.out_size(side(shape.width), side(shape.height));
        Shape { width: width as u64, height: height as u64, ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        let alpha = shape.channels.is_multiple_of(2);
        let colour = side(shape.channels) - usize::from(alpha);
        let own =
            self.restorer.peak_bytes(side(shape.width), side(shape.height), colour, depth(shape), alpha);
        shape.bytes() + own
    }

    fn worker_bytes(&self) -> u64 {
        self.worker_bytes
    }

    fn macs_per_pixel(&self) -> f64 {
        self.restorer.network().info().macs_per_pixel
    }
}
