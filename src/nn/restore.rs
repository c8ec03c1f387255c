//! Runs an image-to-image network on pictures of any size, tile by tile, keeping depth and alpha.

use super::error::{ModelError, RestoreError};
use super::finish::{self, Restored};
use super::grid;
use super::load::Network;
use super::options::{Colour, LoadOptions, RestoreOptions};
use super::pixels::{self, Mode, Sample, Source};
use super::sanity::Tally;
use super::tile::Axis;
use super::tiled::{Spare, Tiled, Tiles};
use super::wiring::Wiring;
use crate::image::fill::fill_hidden;
use crate::image::{Depth, Image};
use std::path::Path;
use std::sync::Arc;

/// Side of a picture that is cut into the tiles that workers are counted with.
const LARGE: usize = 4096;

/// Restores pictures with one network. Share it between workers.
#[derive(Debug)]
pub struct Restorer {
    network: Arc<Network>,
    options: RestoreOptions,
    scale: usize,
    wiring: Wiring,
    spare: Spare,
}

impl Restorer {
    /// Loads a model that restores pictures. What the file says of its range and layout holds, or is inferred.
    ///
    /// # Errors
    /// When the file can't be loaded, or is no model that restores.
    pub fn load(model: impl AsRef<Path>) -> Result<Restorer, ModelError> {
        let network = Network::load(model.as_ref(), &LoadOptions::default())?;
        Restorer::new(Arc::new(network), RestoreOptions::default())
    }

    /// Checks that `network` can restore pictures as `options` ask.
    ///
    /// # Errors
    /// [`ModelError::NotARestorer`] when its output is no picture; [`ModelError::Option`] when
    /// `options` don't suit it.
    pub fn new(network: Arc<Network>, options: RestoreOptions) -> Result<Restorer, ModelError> {
        let info = network.info();
        let path = network.path().to_path_buf();
        let Some(scale) = info.scale else {
            let reason = info.not_restorer.clone().unwrap_or_default();
            return Err(ModelError::NotARestorer { path, reason });
        };
        let wiring = Wiring::of(info, options.alpha);
        let suits = match options.colour {
            Colour::Auto => true,
            Colour::Luma => wiring.colours == 1,
            Colour::Each => wiring.colours == 1 && info.out_channels == 1 && !wiring.alpha_in,
            Colour::Rgb => wiring.colours == 3,
        };
        if !suits {
            let reason = format!(
                "colour {:?} does not suit a model of {} channels; use auto",
                options.colour, info.in_channels
            );
            return Err(ModelError::Option { path, reason: reason.to_lowercase() });
        }
        if options.tile.is_some_and(|t| t < 16) {
            return Err(ModelError::Option { path, reason: "tile must be at least 16 pixels".into() });
        }
        Ok(Restorer { network, options, scale, wiring, spare: Spare::default() })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Width and height of the result for a picture of `width` x `height`.
    pub fn out_size(&self, width: usize, height: usize) -> (usize, usize) {
        (width.saturating_mul(self.scale), height.saturating_mul(self.scale))
    }

    /// Names of the numbers that it needs beside a picture, in the order that [`Restorer::restore_with`] takes them.
    pub fn levels(&self) -> &[String] {
        &self.wiring.levels
    }

    /// Whether the result has the size and the colour channels of the picture, so that one can be mixed with the other.
    pub fn keeps(&self) -> bool {
        self.scale == 1 && self.wiring.converts().is_none()
    }

    /// Channels of colour of the result for a picture of `channels`, and whether it has alpha.
    pub fn result_channels(&self, channels: usize, alpha: bool) -> (usize, bool) {
        (self.wiring.converts().unwrap_or(channels), alpha || self.wiring.gives_alpha(alpha))
    }

    /// Bytes that restoring takes beside the input picture and the workers' tiles: the result, and
    /// what is held while it is made.
    pub fn peak_bytes(&self, width: usize, height: usize, channels: usize, depth: Depth, alpha: bool) -> u64 {
        let pixels = |w: usize, h: usize| (w as u64).saturating_mul(h as u64);
        let (w, h) = self.out_size(width, height);
        let before = depth.bytes() as u64 * (channels as u64 + u64::from(alpha));
        let (channels, has_alpha) = self.result_channels(channels, alpha);
        let sample = depth.bytes() as u64 * (channels as u64 + u64::from(has_alpha));
        let result = pixels(w, h).saturating_mul(sample);
        let (columns, rows) = self.axes(width, height, true);
        let row = pixels(w, rows.tile * self.scale);
        let held = if columns.exact && rows.exact {
            row.saturating_mul(sample)
        } else {
            // Sums of overlapping tiles, and one row of tiles that goes into them.
            row.saturating_mul(4 * 3 * 4)
        };
        // The filled copy, which pixels are known, and the front that spreads.
        let filled = if alpha { pixels(width, height).saturating_mul(before + 10) } else { 0 };
        let after = if self.keeps() { finish::peak_bytes(pixels(w, h), sample, &self.options) } else { 0 };
        // A picture that is run whole may be larger than the tiles that workers are counted with.
        let tile = pixels(columns.tile, rows.tile);
        let usual = self.tile_bytes(LARGE, LARGE);
        let whole = self.bytes_of(tile).saturating_sub(usual);
        result.saturating_add(held.saturating_add(filled).max(after)).saturating_add(whole)
    }

    /// Bytes that each worker takes for the tile it is working on, for pictures of this size.
    pub fn tile_bytes(&self, width: usize, height: usize) -> u64 {
        let (columns, rows) = self.axes(width, height, false);
        self.bytes_of(columns.tile as u64 * rows.tile as u64)
    }

    /// Bytes for a tile of so many pixels.
    fn bytes_of(&self, tile: u64) -> u64 {
        let info = self.network.info();
        // The input twice; of the output at most luma, chroma and samples in floats (4 + 12 + 12).
        let ends = 8 * info.in_channels + 28 * self.scale * self.scale;
        let network = tile.saturating_mul((info.memory_per_pixel + ends) as u64) + info.scratch_bytes as u64;
        network + if self.keeps() { finish::tile_bytes(&self.options) } else { 0 }
    }

    /// How many times wider and higher the result is.
    pub fn scale(&self) -> usize {
        self.scale
    }

    /// Restores `image` in full. Tiles run in parallel on the current rayon pool; the result doesn't depend on
    /// the number of threads.
    ///
    /// # Errors
    /// [`RestoreError::BadOutput`] when the result is no picture; others when the network fails.
    pub fn restore(&self, image: &Image) -> Result<Image, RestoreError> {
        Ok(self.restore_by(image, 1.0)?.image.unwrap_or_else(|| image.clone()))
    }

    /// Restores `image`, of the change taking the part `strength`: 0 leaves every sample as it is, 1 is the
    /// network's result. Values beyond are taken for these; networks that make the picture larger know only 1.
    ///
    /// # Errors
    /// Those of [`Restorer::restore`].
    pub fn restore_by(&self, image: &Image, strength: f32) -> Result<Restored, RestoreError> {
        self.restore_with(image, strength, &[])
    }

    /// As [`Restorer::restore_by`], with `levels` for [`Restorer::levels`], in the network's own numbers.
    ///
    /// # Errors
    /// Those of [`Restorer::restore`]; [`RestoreError::Levels`] for other than as many levels as it needs.
    pub fn restore_with(
        &self,
        image: &Image,
        strength: f32,
        levels: &[f32],
    ) -> Result<Restored, RestoreError> {
        if levels.len() != self.wiring.levels.len() {
            let names = self.wiring.levels.clone();
            return Err(RestoreError::Levels { names, given: levels.len() });
        }
        pixels::check(image).map_err(|e| RestoreError::Image(e.to_string()))?;
        let (w, h) = self.out_size(image.width, image.height);
        if w.checked_mul(h)
            .and_then(|n| n.checked_mul((image.channels + 3) * 4))
            .is_none_or(|n| n > isize::MAX as usize)
        {
            return Err(RestoreError::Image(format!("the result would be {w}x{h}")));
        }
        let typed = |strength| match image.depth() {
            Depth::U8 => self.typed::<u8>(image, strength, levels),
            Depth::U16 => self.typed::<u16>(image, strength, levels),
            Depth::F32 => self.typed::<f32>(image, strength, levels),
        };
        if !self.keeps() {
            return Ok(Restored { image: Some(typed(1.0)?), note: None });
        }
        let strength = if strength > 0.0 { strength.min(1.0) } else { return Ok(Restored::default()) };
        Ok(finish::finish(image, typed(strength)?, strength, &self.options))
    }

    /// The result's samples without the check that they are a picture.
    #[cfg(test)]
    pub(super) fn predict_unchecked(&self, image: &Image) -> Result<crate::image::Samples, RestoreError> {
        let data: Vec<f32> = (0..image.samples.len()).map(|i| image.samples.get(i)).collect();
        let (width, height, channels) = (image.width, image.height, image.channels);
        let mode = self.mode(channels);
        let source = Source { mode, ..Source::plain((width, height), channels, &data) };
        let (samples, _) = self.samples(&source)?;
        Ok(f32::wrap(samples))
    }

    /// The result's samples and what was seen on the way.
    fn samples<T: Sample>(&self, source: &Source<T>) -> Result<(Vec<T>, Tally), RestoreError> {
        let (mut x, mut y) = self.axes(source.width, source.height, true);
        let mut plan = self.network.plan(y.tile, x.tile, None);
        if let Err(ModelError::RunMemory { .. }) = plan {
            // What attends to everything takes more than its part of a small picture tells.
            (x, y) = self.axes(source.width, source.height, false);
            plan = self.network.plan(y.tile, x.tile, None);
        }
        let tiles = Tiles { x, y, plan: plan? };
        Tiled { info: self.network.info(), scale: self.scale, spare: &self.spare }.run(source, &tiles)
    }

    fn typed<T: Sample>(&self, image: &Image, strength: f32, levels: &[f32]) -> Result<Image, RestoreError> {
        let differ = || RestoreError::Image("its colour and alpha have different depths".into());
        let original = T::slice(&image.samples).ok_or_else(differ)?;
        let alpha = image.alpha.as_ref().map(|a| T::slice(a).ok_or_else(differ)).transpose()?;
        let wiring = &self.wiring;
        let filled = if wiring.alpha_in { None } else { fill_hidden(image) };
        let colours = filled.as_ref().and_then(|f| T::slice(&f.samples)).unwrap_or(original);
        let (width, height, channels) = (image.width, image.height, image.channels);
        let source = Source {
            original,
            alpha,
            mode: self.mode(channels),
            converts: wiring.converts(),
            alpha_in: wiring.alpha_in,
            alpha_out: wiring.gives_alpha(alpha.is_some()),
            levels,
            strength,
            ..Source::plain((width, height), channels, colours)
        };
        let (samples, tally) = self.samples(&source)?;
        let info = self.network.info();
        tally.check(&info.range, info.range_origin, self.options.any_finite)?;
        let (samples, made) = if source.alpha_out {
            let (samples, alpha) = pixels::split_alpha(&samples, source.result_channels());
            (samples, Some(T::wrap(alpha)))
        } else {
            (samples, None)
        };
        let alpha = match (made, self.scale) {
            (Some(made), _) => Some(made),
            (None, 1) => image.alpha.clone(),
            (None, scale) => alpha.map(|a| T::wrap(pixels::enlarge_alpha(a, (width, height), scale))),
        };
        let (width, height) = self.out_size(width, height);
        let channels = wiring.converts().unwrap_or(channels);
        Ok(Image { width, height, channels, samples: T::wrap(samples), alpha })
    }

    fn mode(&self, channels: usize) -> Mode {
        match (self.wiring.colours, channels) {
            (1, 3) if self.options.colour == Colour::Each => Mode::Each,
            (1, 3) => Mode::Luma,
            (3, 1) => Mode::Replicate,
            _ => Mode::Direct,
        }
    }

    /// Tiles along the width and along the height. With `whole`, a network whose parts can't give what the whole
    /// gives takes the whole picture where that fits.
    fn axes(&self, width: usize, height: usize, whole: bool) -> (Axis, Axis) {
        grid::axes(self.network.info(), (width, height), self.options.tile, whole)
    }
}
