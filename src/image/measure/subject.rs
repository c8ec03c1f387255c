//! A picture that is measured, what its measurements share, and what one is.

use super::grid;
use super::niqe::model::Model;
use super::noise::Noise;
use crate::image::{Image, Samples, gray};
use std::cell::OnceCell;

/// What a measurement found.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// It can't be told of this picture.
    Unknown,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// As many finite numbers as its [`Kind`] says.
    Vector(Vec<f32>),
}

impl Reading {
    /// A number, where it can be told.
    pub fn of(value: Option<f64>) -> Reading {
        value.map_or(Reading::Unknown, Reading::Float)
    }
}

/// The type of a measurement's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Reading::Bool`].
    Bool,
    /// [`Reading::Int`].
    Int,
    /// [`Reading::Float`].
    Float,
    /// [`Reading::Vector`] of this length.
    Vector(usize),
}

/// A measurement of a picture by itself.
#[derive(Debug)]
pub struct Measurement {
    /// Its name in a pipeline.
    pub name: &'static str,
    /// Its columns, in the order of its readings.
    pub columns: &'static [(&'static str, Kind)],
    /// What it says, of which range, by whose method: a part of the reference's sentence.
    pub doc: &'static str,
    /// Measures; `None` where the picture can't be measured at all.
    pub read: fn(&Subject<'_>) -> Option<Vec<Reading>>,
    /// Bytes it takes at most for a picture of this width and height, beside picture and luma.
    pub bytes: fn(u64, u64) -> u64,
}

/// A picture that is measured, and what its measurements share.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The picture.
    pub image: &'a Image,
    /// Quality of the file it was read of, where that is a JPEG.
    pub file_quality: Option<u8>,
    /// What `niqe` compares with.
    pub natural: &'a Model,
    luma: OnceCell<Vec<f32>>,
    pub(super) noise: OnceCell<Noise>,
    grid: OnceCell<Option<grid::Grid>>,
}

impl<'a> Subject<'a> {
    /// This picture, of a file of which nothing is known.
    pub fn new(image: &'a Image) -> Subject<'a> {
        Subject {
            image,
            file_quality: None,
            natural: Model::built_in(),
            luma: OnceCell::new(),
            noise: OnceCell::new(),
            grid: OnceCell::new(),
        }
    }

    /// Its BT.601 luma in \[0, 1\], row by row, finite.
    pub fn luma(&self) -> &[f32] {
        self.luma.get_or_init(|| {
            let mut plane = gray::luma(self.image);
            if matches!(self.image.samples, Samples::F32(_)) {
                plane.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
            }
            plane
        })
    }

    /// A row of its luma. `room` is for one where the whole is not there (a plane of floats is fresh memory, which costs
    /// more than what is computed of it), and holds it already unless it is `fresh`.
    pub(super) fn luma_row<'r>(&'r self, y: usize, room: &'r mut Vec<f32>, fresh: bool) -> &'r [f32] {
        let width = self.image.width;
        if let Some(luma) = self.luma.get() {
            return &luma[y * width..][..width];
        }
        if !fresh {
            return room;
        }
        room.resize(width, 0.0);
        gray::luma_from(self.image, y * width, room);
        room.iter_mut().filter(|v| !v.is_finite()).for_each(|v| *v = 0.0);
        room
    }

    /// Its grid of JPEG blocks.
    pub(super) fn grid(&self) -> Option<&grid::Grid> {
        self.grid.get_or_init(|| grid::find(self.luma(), self.image.width, self.image.height)).as_ref()
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.image.width, self.image.height)
    }
}
