//! `corrupt`: makes the picture worse by a recipe, and keeps the clean one as its reference.

use crate::columns::{Column, ColumnType, Row, Value};
use crate::corrupt::{Applied, Context, Frame, Recipe};
use crate::error::{ErrorKind, ItemError};
use crate::image::Image;
use crate::image::crop::{Rect, crop};
use crate::image::resize::{Filter, resize};
use crate::pipeline::{Action, Build, Built, Chance, Effect, ImageStep, Sample, Shape};
use crate::random::Rng;
use crate::spec::{Descriptor, Diagnostics, Kind, Parameters, Role, params};

params! {
    /// Parameters of `corrupt`.
    pub(super) struct Params {
        /// The corruptions, applied in order.
        recipe: Recipe,
        /// How many times smaller the result is than the clean picture, which is cropped to a multiple;
        /// `downscale` says where in the recipe and how, else it is bicubic at the end.
        scale: usize [Kind::Int { min: 1, max: 4 }] = "1",
        /// Put before the column names, for a second `corrupt`.
        prefix: Option<String>,
        /// Whether the corrupted picture keeps fractions of levels and values beyond black and white, as papers add noise: in
        /// place of the clean one's depth it has 32-bit floats, and no alpha.
        float: bool = "false",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "corrupt",
    version: 1,
    doc: "Applies corruptions in order and keeps the clean picture as the reference for `pairs` and for \
          `measure: [psnr, ssim]`. What was drawn goes into the columns `corruption`, `parameters` (JSON) and \
          `seed`. Every draw follows from the pipeline's seed, the input's relative path, the step's number among those that draw and the patch's number alone. The colour is corrupted, alpha is kept.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("recipe"),
    example: "- corrupt: [gaussian_noise: {sigma: [5, 50]}, jpeg_compression: {quality: [40, 95]}]",
};

#[derive(Debug)]
struct Corrupt {
    recipe: Recipe,
    scale: usize,
    prefix: String,
    float: bool,
    chance: Chance,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { recipe, scale, prefix, float } = params;
    let prefix = prefix.unwrap_or_default();
    let chance = build.chance();
    Ok(Built::from(Action::Image(Box::new(Corrupt { recipe, scale, prefix, float, chance }))))
}

/// Corrupts the sample's picture and keeps the clean one if none is kept yet. A `float` result is neither rounded nor kept
/// within black and white.
pub(super) fn corrupt(
    sample: &mut Sample,
    recipe: &Recipe,
    (scale, float): (usize, bool),
    seed: u64,
) -> Result<Vec<Applied>, ItemError> {
    if scale > 1 {
        crop_to_multiple(sample, scale)?;
    }
    let target = (sample.image.width / scale, sample.image.height / scale);
    let depth = sample.image.depth();
    let mut frame = Frame::from_image(&sample.image);
    let clean = (frame.width, frame.height);
    let mut context = Context { rng: Rng::new(seed), clean, target };
    let applied = match float {
        true => recipe.apply_open(&mut frame, &mut context),
        false => recipe.apply(&mut frame, &mut context),
    };
    let applied = applied.map_err(|e| ItemError::new(ErrorKind::Unsupported, e.to_string()))?;
    frame.fit(target);
    let mut corrupted = if float { frame.to_floats() } else { frame.to_image(depth) };
    corrupted.alpha = match &sample.image.alpha {
        // Colour and alpha are of one depth.
        Some(_) if float => None,
        Some(alpha) if scale > 1 => {
            let (width, height) = (sample.image.width, sample.image.height);
            let plane = Image { width, height, channels: 1, samples: alpha.clone(), alpha: None };
            Some(resize(&plane, target.0, target.1, Filter::Area).samples)
        }
        kept => kept.clone(),
    };
    let clean = std::mem::replace(&mut sample.image, corrupted);
    sample.reference.get_or_insert(clean);
    sample.meta.resized(context.clean, target);
    Ok(applied)
}

fn crop_to_multiple(sample: &mut Sample, scale: usize) -> Result<(), ItemError> {
    let unsupported = |message: String| ItemError::new(ErrorKind::Unsupported, message);
    let (width, height) = (sample.image.width, sample.image.height);
    if width < scale || height < scale {
        return Err(unsupported(format!(
            "a picture of {width} x {height} can't be made {scale} times smaller"
        )));
    }
    sample.make_upright();
    let cut = |picture: &Image, ratio: usize| {
        let (width, height) = (sample.image.width / scale * scale, sample.image.height / scale * scale);
        crop(picture, Rect { x: 0, y: 0, width: width * ratio, height: height * ratio })
    };
    let ratio = sample.ratio()?;
    let reference = sample.reference.as_ref().and_then(|clean| cut(clean, ratio));
    if let Some(image) = cut(&sample.image, 1) {
        sample.image = image;
        sample.reference = reference;
    }
    Ok(())
}

/// The columns' values.
pub(super) fn row(applied: &[Applied], seed: u64) -> Row {
    let names: Vec<&str> = applied.iter().map(|a| a.name).collect();
    let parameters = serde_json::Value::Array(applied.iter().map(Applied::json).collect());
    vec![
        Value::Text(names.join("+")),
        Value::Text(parameters.to_string()),
        // 63 bits.
        Value::Int(seed as i64),
    ]
}

/// The columns.
pub(super) fn columns(prefix: &str) -> Vec<Column> {
    let column = |name: &str, kind| Column::new(format!("{prefix}{name}"), kind);
    vec![
        column("corruption", ColumnType::Text),
        column("parameters", ColumnType::Text),
        column("seed", ColumnType::Int),
    ]
}

/// Bytes beside the picture: float planes of it, a copy, and some a corruption makes.
pub(super) fn working_bytes(shape: Shape, growth: u64) -> u64 {
    2 * shape.bytes() + 4 * shape.width * shape.height * (shape.channels + 16) * growth
}

impl ImageStep for Corrupt {
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
        let seed = self.chance.seed(sample);
        let applied = corrupt(sample, &self.recipe, (self.scale, self.float), seed)?;
        Ok(Effect { row: row(&applied, seed), changed: true })
    }

    fn columns(&self) -> Vec<Column> {
        columns(&self.prefix)
    }

    fn always_changes(&self) -> bool {
        true
    }

    fn keeps_reference(&self) -> bool {
        true
    }

    fn shape(&self, shape: Shape) -> Shape {
        let scale = self.scale as u64;
        let depth = if self.float { 4 } else { shape.depth };
        Shape { width: (shape.width / scale).max(1), height: (shape.height / scale).max(1), depth, ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        working_bytes(shape, self.recipe.growth())
    }
}
