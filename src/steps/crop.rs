//! `crop`: a rectangle of the picture, in the coordinates a person sees.

use crate::columns::Row;
use crate::error::{ErrorKind, ItemError};
use crate::image::crop::{Gravity, Rect, crop};
use crate::pipeline::{Action, Build, Built, ImageStep, Sample, Shape};
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "crop",
    doc: "Cuts a rectangle out of the picture as a person sees it (turned upright first); sizes beyond the \
          picture are cut down to it.",
    role: Role::Image,
    params: &[
        Param {
            name: "width",
            kind: Kind::Int { min: 1, max: 1_000_000 },
            fallback: Fallback::Required,
            doc: "Width in pixels.",
        },
        Param {
            name: "height",
            kind: Kind::Int { min: 1, max: 1_000_000 },
            fallback: Fallback::Required,
            doc: "Height in pixels.",
        },
        Param {
            name: "gravity",
            kind: Kind::Choice(&[
                "center",
                "top",
                "bottom",
                "left",
                "right",
                "top_left",
                "top_right",
                "bottom_left",
                "bottom_right",
            ]),
            fallback: Fallback::Yaml("center"),
            doc: "Which part is kept when `x` and `y` are not given.",
        },
        Param {
            name: "x",
            kind: Kind::Int { min: 0, max: 1_000_000 },
            fallback: Fallback::Unset,
            doc: "Left edge in pixels, with `y` in place of `gravity`.",
        },
        Param {
            name: "y",
            kind: Kind::Int { min: 0, max: 1_000_000 },
            fallback: Fallback::Unset,
            doc: "Top edge in pixels.",
        },
    ],
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
pub fn build(args: &Args, build: &mut Build<'_>) -> Option<Built> {
    let number = |name| args.int(name).and_then(|v| usize::try_from(v).ok());
    let gravity = match args.text("gravity")? {
        "top" => Gravity::Top,
        "bottom" => Gravity::Bottom,
        "left" => Gravity::Left,
        "right" => Gravity::Right,
        "top_left" => Gravity::TopLeft,
        "top_right" => Gravity::TopRight,
        "bottom_left" => Gravity::BottomLeft,
        "bottom_right" => Gravity::BottomRight,
        _ => Gravity::Center,
    };
    let place = match (number("x"), number("y")) {
        (Some(x), Some(y)) => Place::At(x, y),
        (None, None) => Place::Gravity(gravity),
        (x, _) => {
            let (given, missing) = if x.is_some() { ("x", "y") } else { ("y", "x") };
            build.error(args, given, format!("`{given}` needs `{missing}` beside it"), None);
            return None;
        }
    };
    Some(Built::from(Action::Image(Box::new(Crop {
        width: number("width")?,
        height: number("height")?,
        place,
    }))))
}

impl ImageStep for Crop {
    fn apply(&self, sample: &mut Sample) -> Result<Row, ItemError> {
        sample.make_upright();
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
        // The same part of the clean picture, which may be larger.
        sample.reference = sample.reference.as_ref().and_then(|clean| {
            let clipped = rect.clip(full.0, full.1)?;
            let (width, height) = (clipped.width * by, clipped.height * by);
            crop(clean, Rect { x: rect.x * by, y: rect.y * by, width, height })
        });
        sample.meta.moved();
        sample.meta.for_size(sample.image.width, sample.image.height);
        Ok(Row::new())
    }

    fn shape(&self, shape: Shape) -> Shape {
        let longer = shape.width.max(shape.height);
        Shape { width: longer.min(self.width as u64), height: longer.min(self.height as u64), ..shape }
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        2 * shape.bytes()
    }
}
