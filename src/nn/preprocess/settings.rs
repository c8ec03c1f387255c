//! The settings of a preprocessing.

use crate::image::pillow::Kernel;
use crate::nn::range::Range;
use std::fmt;

/// What is done to a picture before a network sees it: resized, cropped around the centre, and made numbers of.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Where these settings come from, for people.
    pub(super) from: String,
    pub(super) resize: Option<(Target, Kernel)>,
    pub(super) crop: Option<Crop>,
    /// Resized as floats, without rounding to 8 bits.
    pub(super) unrounded: bool,
    pub(super) scale: Scale,
}

/// The size that a picture is resized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The shorter side; the aspect is kept.
    Shortest(usize),
    /// Width and height, whatever the aspect.
    Exact(usize, usize),
}

/// The part around the centre; what lies beyond the picture is black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rounding: Rounding,
}

/// Where the centre of an odd difference lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// To the left and up: transformers.
    Down,
    /// To the even number: torchvision and timm.
    Even,
}

/// Numbers from 8-bit samples: `(sample * factor - mean) / std`, with one mean and std for all channels or one each.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) factor: f64,
    pub(super) mean: Vec<f64>,
    pub(super) std: Vec<f64>,
}

impl Preprocess {
    /// Width and height of what comes out.
    pub fn size(&self) -> (usize, usize) {
        match (self.crop, self.resize) {
            (Some(crop), _) => (crop.width, crop.height),
            (None, Some((Target::Exact(width, height), _))) => (width, height),
            // Such settings are refused where they are read.
            (None, _) => (0, 0),
        }
    }

    /// The numbers as a range over samples in \[0, 1\].
    pub fn range(&self) -> Range {
        let Scale { factor, mean, std } = &self.scale;
        let whole = 255.0 * factor;
        let over = |values: &[f64]| values.iter().map(|value| (value / whole) as f32).collect();
        Range::MeanStd { mean: over(mean), std: over(std) }
    }

    /// Where the settings come from.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Digest of all that the numbers depend on.
    pub fn identity(&self) -> String {
        blake3::hash(self.to_string().as_bytes()).to_hex().to_string()
    }
}

/// All but where they come from.
impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resize {
            Some((Target::Shortest(side), kernel)) => {
                write!(f, "shorter side to {side} ({}), ", name(kernel))?;
            }
            Some((Target::Exact(width, height), kernel)) => {
                write!(f, "resized to {width}x{height} ({}), ", name(kernel))?;
            }
            None => {}
        }
        if self.unrounded {
            f.write_str("unrounded, ")?;
        }
        if let Some(crop) = self.crop {
            let rounding = if crop.rounding == Rounding::Even { ", rounded to even" } else { "" };
            write!(f, "centre {}x{}{rounding}, ", crop.width, crop.height)?;
        }
        let Scale { factor, mean, std } = &self.scale;
        if (factor * 255.0 - 1.0).abs() < 1e-9 {
            f.write_str("over 255")?
        } else {
            write!(f, "times {factor}")?
        }
        write!(f, ", mean {mean:?}, std {std:?}")
    }
}

fn name(kernel: Kernel) -> String {
    format!("{kernel:?}").to_lowercase()
}
