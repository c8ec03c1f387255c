//! `crop`: a rectangle of the picture, in the coordinates a person sees.

use crate::error::{ErrorKind, ItemError};
use crate::image::crop::{Gravity, Rect, crop};
use crate::pipeline::{Action, Build, Built, Effect, ImageStep, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params, words};

words! {
    for Gravity {
        Center = "center",
        Top = "top",
        Bottom = "bottom",
        Left = "left",
        Right = "right",
        TopLeft = "top_left",
        TopRight = "top_right",
        BottomLeft = "bottom_left",
        BottomRight = "bottom_right",
    }
}

params! {
    /// Parameters of `crop`.
    pub(super) struct Params {
        /// Width in pixels.
        width: usize [Kind::Int { min: 1, max: 1_000_000 }],
        /// Height in pixels.
        height: usize [Kind::Int { min: 1, max: 1_000_000 }],
        /// Which part is kept when `x` and `y` are not given.
        gravity: Gravity = "center",
        /// Left edge in pixels, with `y` in place of `gravity`.
        x: Given<Option<usize>> [Kind::Int { min: 0, max: 1_000_000 }],
        /// Top edge in pixels.
        y: Given<Option<usize>> [Kind::Int { min: 0, max: 1_000_000 }],
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "crop",
    version: 1,
    doc: "Cuts a rectangle out of the picture as a person sees it (turned upright first); sizes beyond the \
          picture are cut down to it.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: None,
    example: "- crop: {width: 512, height: 512, gravity: center}",
};

#[derive(Debug)]
struct Crop {
    width: usize,
    height: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    At(usize, usize),
    Gravity(Gravity),
}

/// Compiles the step.
pub(super) fn build(params: Params, _: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { width, height, gravity, x, y } = params;
    let place = match (*x, *y) {
        (Some(x), Some(y)) => Place::At(x, y),
        (None, None) => Place::Gravity(gravity),
        (Some(_), None) => return Err(x.error("`x` needs `y` beside it", None).into()),
        (None, Some(_)) => return Err(y.error("`y` needs `x` beside it", None).into()),
    };
    Ok(Built::from(Action::Image(Box::new(Crop { width, height, place }))))
}

impl ImageStep for Crop {
    fn apply(&self, sample: &mut Sample) -> Result<Effect, ItemError> {
        let turned = sample.make_upright();
        let by = sample.ratio()?;
        let full = (sample.image.width, sample.image.height);
        let rect = match self.place {
            Place::At(x, y) => Rect { x, y, width: self.width, height: self.height },
            Place::Gravity(gravity) => gravity.rect(full, self.width, self.height),
        };
        sample.image = crop(&sample.image, rect).ok_or_else(|| {
            let message = format!("the rectangle lies outside the picture of {} x {}", full.0, full.1);
            ItemError::new(ErrorKind::Unsupported, message)
        })?;
        let whole = (sample.image.width, sample.image.height) == full;
        // The same part of the clean picture, which may be larger.
        sample.reference = sample.reference.as_ref().and_then(|clean| {
            let clipped = rect.clip(full.0, full.1)?;
            let (width, height) = (clipped.width * by, clipped.height * by);
            crop(clean, Rect { x: rect.x * by, y: rect.y * by, width, height })
        });
        sample.meta.moved();
        sample.meta.for_size(sample.image.width, sample.image.height);
        Ok(Effect::new(turned || !whole))
    }

    fn shape(&self, shape: Shape) -> Shape {
        let longer = shape.width.max(shape.height);
        Shape { width: longer.min(self.width as u64), height: longer.min(self.height as u64), ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        2 * shape.bytes()
    }
}
