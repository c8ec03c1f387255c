//! `restore`: an image-to-image network: denoising, deblocking, upscaling.

use super::numbers::Numbers;
use crate::error::{ErrorKind, ItemError};
use crate::image::Depth;
use crate::nn::{Colour, ModelError, RestoreError, RestoreOptions, Restorer};
use crate::pipeline::{Action, Build, Built, Effect, ImageStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Group, Kind, Parameters, Role, params, words};
use std::path::PathBuf;

/// Picture side that the workers' tile memory is asked for: larger pictures use the same tiles.
const LARGE: usize = 4096;

words! { for Colour { Auto = "auto", Luma = "luma", Each = "each", Rgb = "rgb" } }

words! {
    /// What a result has to be.
    pub(super) enum Check {
        /// A believable picture.
        Picture = "picture",
        /// Finite numbers.
        Finite = "finite",
    }
}

params! {
    /// Parameters of `restore`.
    pub(super) struct Params {
        /// ONNX file, from the working directory or beside the pipeline file.
        model: Given<PathBuf> [Kind::Model],
        numbers: Group<Numbers>,
        /// How a gray network treats colour: on luma (`auto`, `luma`) or on each channel.
        colour: Colour = "auto",
        /// Largest tile side in pixels; by default chosen by cost.
        tile: Option<usize> [Kind::Int { min: 16, max: 8192 }],
        /// What a result has to be: a believable picture (not black, not shifted), or just finite numbers for
        /// networks that are meant to change the picture altogether.
        check: Check = "picture",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "restore",
    version: 1,
    doc: "Runs an image-to-image ONNX network on the picture, tile by tile, keeping depth and alpha. What the \
          file does not say of itself is inferred and printed.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("model"),
    example: "- restore: {model: sample_data/models/denoise.onnx}",
};

#[derive(Debug)]
struct Restore {
    restorer: Restorer,
    worker_bytes: u64,
}

/// Compiles the step: loads and inspects the model.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { model, numbers, colour, tile, check } = params;
    let network = build.network(&model, &numbers.load_options()?)?;
    let hash = network.info().hash.clone();
    let options = RestoreOptions { colour, tile, any_finite: check == Check::Finite };
    let restorer = Restorer::new(network, options).map_err(|e| model.error(e.to_string(), None))?;
    let worker_bytes = restorer.tile_bytes(LARGE, LARGE);
    let action = Action::Image(Box::new(Restore { restorer, worker_bytes }));
    Ok(Built { ingredients: vec![("model".into(), hash)], ..Built::from(action) })
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
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
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
        Ok(Effect::new(true))
    }

    fn always_changes(&self) -> bool {
        true
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
