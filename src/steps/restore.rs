//! `restore`: an image-to-image network: denoising, deblocking, upscaling.

mod inputs;

use super::numbers::Numbers;
use crate::error::{ErrorKind, ItemError};
use crate::expr::Wanted;
use crate::image::Depth;
use crate::image::gray::{gray_to_rgb, to_gray};
use crate::nn::{Colour, Guard, ModelError, RestoreError, RestoreOptions, Restored, Restorer};
use crate::pipeline::{Action, Build, Built, Effect, Formula, ImageStep, Sample, Shape};
use crate::spec::{
    Descriptor, Diagnostics, ExpressionText, Given, Group, Kind, NamedExpressions, Parameters, Role, params,
    words,
};
use inputs::Levels;
use std::path::PathBuf;

/// Picture side that the workers' tile memory is asked for: larger pictures use the same tiles.
const LARGE: usize = 4096;

words! { for Colour { Auto = "auto", Luma = "luma", Each = "each", Rgb = "rgb" } }

words! { for Guard { Off = "off", Lower = "lower", Leave = "leave" } }

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
        /// ONNX file, or weights (.pth, .safetensors) of a known architecture, from the working directory or beside the pipeline file.
        model: Given<PathBuf> [Kind::Model],
        numbers: Group<Numbers>,
        /// How a gray network treats colour: on luma (`auto`, `luma`) or on each channel.
        colour: Colour = "auto",
        /// Largest tile side in pixels; by default chosen by cost.
        tile: Option<usize> [Kind::Int { min: 16, max: 8192 }],
        /// What a result has to be: a believable picture (not black, not shifted), or just finite numbers for
        /// networks that are meant to change the picture altogether.
        check: Check = "picture",
        /// Part of the change that is made: 0 leaves the picture as it is, 1 is the network's result; a number, or an
        /// expression such as `clamp(noise_sigma / 10, 0, 1)`. Beyond 0 and 1 it is taken for these; where it has no
        /// value, the picture is left as it is, with a note. For networks that keep the size, as the next two.
        strength: Given<ExpressionText> = "1",
        /// How much of the fine structure that was taken away is given back. Flat areas get nothing back.
        texture: Given<f64> [Kind::Float { min: 0.0, max: 1.0 }] = "0",
        /// Numbers for what the network takes beside the picture, by name, such as `{sigma: noise_sigma / 255}`: inputs of
        /// the file, each a number or a map of the picture's size that the number fills; and channels behind the colours
        /// (`channel_4`), which may also be `alpha`. Each is a number, or an expression; where one has no value, the
        /// picture is left as it is, with a note. They are given in the network's own numbers.
        inputs: Given<Option<NamedExpressions>>,
        /// What is done where detail was taken away with the noise: nothing (`off`), the strength is lowered
        /// (`lower`), or the picture is left as it was (`leave`); a note in the manifest says so. Pictures that were
        /// JPEG files, and results under `check: finite`, are not judged.
        guard: Given<Guard> = "lower",
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

/// Part of the change that is made.
#[derive(Debug)]
enum Strength {
    Fixed(f32),
    Of(Formula),
}

impl Strength {
    fn new(text: &Given<ExpressionText>, build: &mut Build<'_>) -> Result<Strength, Diagnostics> {
        match text.0.parse::<f64>() {
            Ok(number) if (0.0..=1.0).contains(&number) => {
                if number != 1.0 {
                    build.follows(&format!("strength={number}"));
                }
                Ok(Strength::Fixed(number as f32))
            }
            Ok(number) => Err(text.error(format!("`strength` is from 0 to 1, found {number}"), None).into()),
            Err(_) => Ok(Strength::Of(build.formula(&text.with(text.0.clone()), Wanted::Number)?)),
        }
    }

    /// That of a picture; none where the expression has no value for it.
    fn of(&self, sample: &Sample) -> Option<f32> {
        match self {
            Strength::Fixed(number) => Some(*number),
            Strength::Of(formula) => formula.number(sample).map(|number| number.clamp(0.0, 1.0) as f32),
        }
    }
}

#[derive(Debug)]
struct Restore {
    restorer: Restorer,
    strength: Strength,
    levels: Levels,
    worker_bytes: u64,
}

/// Compiles the step: loads and inspects the model.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { model, numbers, colour, tile, check, strength, texture, inputs, guard } = params;
    let loading = numbers.load_options(build)?;
    let network = build.network(&model, &loading)?;
    let hash = network.info().hash.clone();
    let any_finite = check == Check::Finite;
    let guards = if any_finite { Guard::Off } else { *guard };
    let alpha = inputs::alpha(&network.info().behind_colours(), &inputs);
    let texture_part = *texture as f32;
    let options = RestoreOptions { colour, alpha, tile, any_finite, texture: texture_part, guard: guards };
    let restorer = Restorer::new(network, options).map_err(|e| model.error(e.to_string(), None))?;
    let how_much = Strength::new(&strength, build)?;
    let levels = Levels::new(restorer.levels(), alpha, &inputs, &model, build)?;
    let mut mistakes = Vec::new();
    let guarded = guard.is_given() && *guard != Guard::Off;
    if !restorer.keeps() {
        let does = if restorer.scale() == 1 { "makes other channels" } else { "enlarges it" };
        let wrong = |name: &str| {
            format!("`{name}` is for networks that keep the picture's size and channels; this one {does}")
        };
        let full = matches!(&how_much, Strength::Fixed(number) if *number == 1.0);
        mistakes.extend((!full).then(|| strength.error(wrong("strength"), None)));
        mistakes.extend((*texture > 0.0).then(|| texture.error(wrong("texture"), None)));
        mistakes.extend(guarded.then(|| guard.error(wrong("guard"), None)));
    } else if any_finite && guarded {
        let message =
            "`guard` judges believable pictures; `check: finite` lets the network change them altogether";
        mistakes.push(guard.error(message, Some("leave one of them out".into())));
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics::new(mistakes));
    }
    let worker_bytes = restorer.tile_bytes(LARGE, LARGE);
    // Results of networks that enlarge, and of those without a guard, are what they were before there was one.
    match guards {
        Guard::Lower if restorer.keeps() => build.follows("guard=lower"),
        Guard::Leave if restorer.keeps() => build.follows("guard=leave"),
        _ => {}
    }
    let action = Action::Image(Box::new(Restore { restorer, strength: how_much, levels, worker_bytes }));
    Ok(Built {
        ingredients: vec![("model".into(), hash)],
        besides: &["guard", "inputs", "strength", "engine_library"],
        ..Built::from(action)
    })
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
        let Some(strength) = self.strength.of(sample) else {
            sample
                .notes
                .push("restore: its strength has no value for this picture, which is left as it was".into());
            return Ok(Effect::new(false));
        };
        let Some(levels) = self.levels.of(sample) else {
            sample
                .notes
                .push("restore: its inputs have no value for this picture, which is left as it was".into());
            return Ok(Effect::new(false));
        };
        let restored = self.restorer.restore_with(&sample.image, strength, &levels).map_err(|e| {
            let kind = match e {
                RestoreError::BadOutput { .. } => ErrorKind::BadResult,
                RestoreError::Model(ModelError::RunMemory { .. }) => ErrorKind::OverMemory,
                _ => ErrorKind::Model,
            };
            ItemError::new(kind, e.to_string())
        })?;
        let Restored { image, note, .. } = restored;
        sample.notes.extend(note);
        let Some(image) = image else { return Ok(Effect::new(false)) };
        let was = std::mem::replace(&mut sample.image, image);
        sample.meta.resized((was.width, was.height), (sample.image.width, sample.image.height));
        if was.channels != sample.image.channels {
            let convert = if was.channels == 1 { gray_to_rgb } else { to_gray };
            sample.reference = sample.reference.as_ref().map(convert);
        }
        Ok(Effect::new(true))
    }

    fn always_changes(&self) -> bool {
        !self.restorer.keeps() && self.levels.are_fixed()
    }

    fn shape(&self, shape: Shape) -> Shape {
        let (width, height) = self.restorer.out_size(side(shape.width), side(shape.height));
        let alpha = shape.channels.is_multiple_of(2);
        let colours = side(shape.channels) - usize::from(alpha);
        let (colours, alpha) = self.restorer.result_channels(colours, alpha);
        let channels = (colours + usize::from(alpha)) as u64;
        Shape { width: width as u64, height: height as u64, channels, ..shape }
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
