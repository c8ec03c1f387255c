//! `resize`: the picture at another size.

use crate::error::ItemError;
use crate::image::resize::{Filter, TargetSize, resize};
use crate::pipeline::{Action, Build, Built, Effect, ImageStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, words};

const SIDE: Kind = Kind::Int { min: 1, max: 65_535 };

words! {
    for Filter {
        Nearest = "nearest",
        Area = "area",
        Bilinear = "bilinear",
        Bicubic = "bicubic",
        Lanczos3 = "lanczos",
    }
}

params! {
    /// Parameters of `resize`.
    pub(super) struct Params {
        /// Width in pixels.
        width: Given<Option<usize>> [SIDE],
        /// Height in pixels.
        height: Option<usize> [SIDE],
        /// Longer side in pixels.
        long_side: Option<usize> [SIDE],
        /// Shorter side in pixels.
        short_side: Option<usize> [SIDE],
        /// Factor for both sides.
        scale: Option<f64> [Kind::Float { min: 0.001, max: 16.0 }],
        /// Resampling filter.
        filter: Filter = "lanczos",
        /// Whether a picture may grow; smaller ones are left as they are otherwise.
        enlarge: bool = "false",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "resize",
    version: 1,
    doc: "Resamples the picture, antialiased when shrinking. The aspect is kept unless both `width` and \
          `height` are given; of several constraints the smallest result wins.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: None,
    example: "- resize: {long_side: 2048}",
};

#[derive(Debug)]
struct Resize {
    target: TargetSize,
    filter: Filter,
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let target = TargetSize {
        width: *params.width,
        height: params.height,
        long_side: params.long_side,
        short_side: params.short_side,
        scale: params.scale,
        enlarge: params.enlarge,
    };
    if target == (TargetSize { enlarge: target.enlarge, ..TargetSize::default() }) {
        let help = "give one of width, height, long_side, short_side or scale";
        return Err(params.width.error("`resize` has no size", Some(help.into())).into());
    }
    Ok(Built::from(Action::Image(Box::new(Resize { target, filter: params.filter }))))
}

impl ImageStep for Resize {
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
        let turned = sample.make_upright();
        let (width, height) = self.target.of(sample.image.width, sample.image.height);
        let was = (sample.image.width, sample.image.height);
        if (width, height) != was {
            sample.image = resize(&sample.image, width, height, self.filter);
            sample.meta.resized(was, (width, height));
        }
        Ok(Effect::new(turned || (width, height) != was))
    }

    fn shape(&self, shape: Shape) -> Shape {
        // The orientation is not known here: the larger of both ways round bounds the memory.
        let of = |w: u64, h: u64| {
            let (w, h) = self.target.of(usize::try_from(w).unwrap_or(1), usize::try_from(h).unwrap_or(1));
            (w as u64, h as u64)
        };
        let (upright, turned) = (of(shape.width, shape.height), of(shape.height, shape.width));
        let (width, height) = if upright.0 * upright.1 >= turned.0 * turned.1 { upright } else { turned };
        Shape { width, height, ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        let out = self.shape(shape);
        // One channel at a time exists as float, in both sizes and between the passes; with alpha, all do.
        let planes = if shape.channels.is_multiple_of(2) { shape.channels + 1 } else { 1 };
        let between = shape.height.max(out.height) * shape.width.max(out.width);
        let float = 4 * (shape.width * shape.height + out.width * out.height + between) * planes;
        2 * shape.bytes() + out.bytes() + float
    }
}
