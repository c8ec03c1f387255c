//! How a network's numbers go in and out: parameters that `restore` and `embed` share.

use crate::kernels::Level;
use crate::nn::{Engine, Layout, LoadOptions, Range};
use crate::spec::{Diagnostics, Given, Kind, params, words};

words! {
    /// Range of a network's numbers, where it is said.
    pub(super) struct Numbering(Option<Range>) {
        "auto" => None,
        "0-1" => Some(Range::Unit),
        "0-255" => Some(Range::Byte),
        "-1-1" => Some(Range::signed()),
    }
}

words! {
    /// Order of its axes, where it is said.
    pub(super) struct Axes(Option<Layout>) {
        "auto" => None,
        "nchw" => Some(Layout::Nchw),
        "nhwc" => Some(Layout::Nhwc),
    }
}

words! {
    /// What runs it.
    pub(super) enum Runner {
        /// Our kernels, and tract for the rest.
        Fast = "fast",
        /// tract alone.
        Plain = "plain",
    }
}

params! {
    /// How a network's numbers go in and out.
    pub(super) struct Numbers {
        /// Range of the network's numbers; `auto` reads it from the file or infers it.
        range: Numbering = "auto",
        /// Mean subtracted from [0, 1] values, one for each channel or for all, with `std`.
        mean: Given<Option<Vec<f32>>> [Kind::List(&Kind::Float { min: -1.0e6, max: 1.0e6 })],
        /// Standard deviation that [0, 1] values are divided by.
        std: Given<Option<Vec<f32>>> [Kind::List(&Kind::Float { min: 1.0e-6, max: 1.0e6 })],
        /// Order of the network's axes.
        layout: Axes = "auto",
        /// What runs the network: safelight's own kernels where there are some, or tract alone.
        engine: Runner = "fast",
        /// Computes 3x3 convolutions as direct sums, without Winograd's algorithm: two to three times slower,
        /// with rounding errors some four times smaller (1.3e-6 of the range in place of 5.6e-6 for the shipped
        /// denoiser).
        exact: bool = "false",
    }
}

impl Numbers {
    /// Which parameters of the range are given.
    pub(super) fn of_range(&self) -> impl Iterator<Item = &'static str> {
        let given =
            [("range", self.range.0.is_some()), ("mean", self.mean.is_some()), ("std", self.std.is_some())];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name)
    }

    /// These as options for loading.
    ///
    /// # Errors
    /// When `mean` or `std` stands alone.
    pub(super) fn load_options(&self) -> Result<LoadOptions, Diagnostics> {
        let range = match ((*self.mean).clone(), (*self.std).clone()) {
            (Some(mean), Some(std)) => Some(Range::MeanStd { mean, std }),
            (None, None) => self.range.0.clone(),
            (Some(_), None) => return Err(self.mean.error("`mean` needs `std` beside it", None).into()),
            (None, Some(_)) => return Err(self.std.error("`std` needs `mean` beside it", None).into()),
        };
        let engine = match self.engine {
            Runner::Plain => Engine::Plain,
            Runner::Fast => Engine::Fast { exact: self.exact, level: Level::best() },
        };
        Ok(LoadOptions { range, layout: self.layout.0, channels: None, size: None, engine })
    }
}
