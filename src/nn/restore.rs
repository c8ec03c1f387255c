//! Runs an image-to-image network on pictures of any size, tile by tile, keeping depth and alpha.

use super::error::{ModelError, RestoreError};
use super::finish::{self, Restored};
use super::info::Receptive;
use super::load::Network;
use super::options::{Colour, LoadOptions, RestoreOptions};
use super::pixels::{self, Mode, Sample, Source};
use super::plan::Plan;
use super::sanity::Tally;
use super::tile::{self, Axis, Demands};
use crate::image::cubic::Region;
use crate::image::fill::fill_hidden;
use crate::image::{Depth, Image};
use rayon::prelude::*;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Restores pictures with one network. Share it between workers.
#[derive(Debug)]
pub struct Restorer {
    network: Arc<Network>,
    options: RestoreOptions,
    scale: usize,
    spare: Mutex<Vec<Vec<f32>>>,
}

/// One picture's tiles.
struct Tiles {
    x: Axis,
    y: Axis,
    plan: Arc<Plan>,
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
        let suits = match options.colour {
            Colour::Auto => true,
            Colour::Luma | Colour::Each => info.in_channels == 1,
            Colour::Rgb => info.in_channels == 3,
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
        Ok(Restorer { network, options, scale, spare: Mutex::default() })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Width and height of the result for a picture of `width` x `height`.
    pub fn out_size(&self, width: usize, height: usize) -> (usize, usize) {
        (width.saturating_mul(self.scale), height.saturating_mul(self.scale))
    }

    /// Bytes that restoring takes beside the input picture and the workers' tiles: the result, and
    /// what is held while it is made.
    pub fn peak_bytes(&self, width: usize, height: usize, channels: usize, depth: Depth, alpha: bool) -> u64 {
        let pixels = |w: usize, h: usize| (w as u64).saturating_mul(h as u64);
        let (w, h) = self.out_size(width, height);
        let sample = depth.bytes() as u64 * (channels as u64 + u64::from(alpha));
        let result = pixels(w, h).saturating_mul(sample);
        let (columns, rows) = self.axes(width, height);
        let row = pixels(w, rows.tile * self.scale);
        let held = if columns.exact && rows.exact {
            row.saturating_mul(sample)
        } else {
            // Sums of overlapping tiles, and one row of tiles that goes into them.
            row.saturating_mul(4 * 3 * 3)
        };
        // The filled copy, which pixels are known, and the front that spreads.
        let filled = if alpha { pixels(width, height).saturating_mul(sample + 10) } else { 0 };
        let after = if self.scale == 1 { finish::peak_bytes(pixels(w, h), sample, &self.options) } else { 0 };
        result.saturating_add(held.saturating_add(filled).max(after))
    }

    /// Bytes that each worker takes for the tile it is working on, for pictures of this size.
    pub fn tile_bytes(&self, width: usize, height: usize) -> u64 {
        let info = self.network.info();
        let (columns, rows) = self.axes(width, height);
        // The input twice; of the output at most luma, chroma and samples in floats (4 + 12 + 12).
        let ends = 8 * info.in_channels + 28 * self.scale * self.scale;
        let tile = columns.tile as u64 * rows.tile as u64;
        let network = tile.saturating_mul((info.memory_per_pixel + ends) as u64) + info.scratch_bytes as u64;
        network + if self.scale == 1 { finish::tile_bytes(&self.options) } else { 0 }
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
        pixels::check(image).map_err(|e| RestoreError::Image(e.to_string()))?;
        let (w, h) = self.out_size(image.width, image.height);
        if w.checked_mul(h)
            .and_then(|n| n.checked_mul(image.channels * 4))
            .is_none_or(|n| n > isize::MAX as usize)
        {
            return Err(RestoreError::Image(format!("the result would be {w}x{h}")));
        }
        let typed = |strength| match image.depth() {
            Depth::U8 => self.typed::<u8>(image, strength),
            Depth::U16 => self.typed::<u16>(image, strength),
            Depth::F32 => self.typed::<f32>(image, strength),
        };
        if self.scale != 1 {
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
        let source = Source {
            width,
            height,
            channels,
            colours: &data,
            original: &data,
            alpha: None,
            mode,
            strength: 1.0,
        };
        let (samples, _) = self.samples(&source)?;
        Ok(f32::wrap(samples))
    }

    /// The result's samples and what was seen on the way.
    fn samples<T: Sample>(&self, source: &Source<T>) -> Result<(Vec<T>, Tally), RestoreError> {
        let (x, y) = self.axes(source.width, source.height);
        let plan = self.network.plan(y.tile, x.tile, None)?;
        let tiles = Tiles { x, y, plan };
        if tiles.x.exact && tiles.y.exact { self.cut(source, &tiles) } else { self.blend(source, &tiles) }
    }

    fn typed<T: Sample>(&self, image: &Image, strength: f32) -> Result<Image, RestoreError> {
        let differ = || RestoreError::Image("its colour and alpha have different depths".into());
        let original = T::slice(&image.samples).ok_or_else(differ)?;
        let alpha = image.alpha.as_ref().map(|a| T::slice(a).ok_or_else(differ)).transpose()?;
        let filled = fill_hidden(image);
        let colours = filled.as_ref().and_then(|f| T::slice(&f.samples)).unwrap_or(original);
        let (width, height, channels) = (image.width, image.height, image.channels);
        let mode = self.mode(channels);
        let source = Source { width, height, channels, colours, original, alpha, mode, strength };
        let (samples, tally) = self.samples(&source)?;
        let info = self.network.info();
        tally.check(&info.range, info.range_origin, self.options.any_finite)?;
        let alpha = match self.scale {
            1 => image.alpha.clone(),
            scale => alpha.map(|a| T::wrap(pixels::enlarge_alpha(a, (width, height), scale))),
        };
        let (width, height) = self.out_size(width, height);
        Ok(Image { width, height, channels, samples: T::wrap(samples), alpha })
    }

    fn mode(&self, channels: usize) -> Mode {
        match (self.network.info().in_channels, channels) {
            (1, 3) if self.options.colour == Colour::Each => Mode::Each,
            (1, 3) => Mode::Luma,
            (3, 1) => Mode::Replicate,
            _ => Mode::Direct,
        }
    }

    /// Tiles along the width and along the height.
    fn axes(&self, width: usize, height: usize) -> (Axis, Axis) {
        let info = self.network.info();
        let radius = match info.receptive {
            Receptive::Pixels(radius) => Some(radius),
            Receptive::Global => None,
        };
        let demands = Demands { radius, multiple: info.size_multiple };
        if let Some((h, w)) = info.fixed_size {
            return (tile::fixed(width, w, demands), tile::fixed(height, h, demands));
        }
        let longest = self.options.tile.unwrap_or_else(|| tile::best_length(demands, info.memory_per_pixel));
        (tile::variable(width, longest, demands), tile::variable(height, longest, demands))
    }

    /// Memory of an earlier tile, if there is some: fresh memory costs a good part of a small network's time.
    fn spare(&self) -> Vec<f32> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<f32>) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }

    /// The network's planes, on the \[0, 1\] scale, for the tile at (`x`, `y`).
    fn predict<T: Sample>(
        &self,
        source: &Source<T>,
        tiles: &Tiles,
        x: usize,
        y: usize,
    ) -> Result<Vec<f32>, RestoreError> {
        let info = self.network.info();
        let region = Region { x, y, width: tiles.x.tile, height: tiles.y.tile };
        let mut planes = vec![];
        let mut input = self.spare();
        for run in 0..source.mode.runs() {
            source.read(region, run, info.in_channels, info.layout, &info.range, &mut input);
            let mut values = self.spare();
            let done = tiles.plan.run_into(&input, &mut values);
            done.map_err(|e| RestoreError::Run(e.to_string()))?;
            let wanted = info.out_channels * region.width * region.height * self.scale * self.scale;
            if values.len() != wanted {
                return Err(RestoreError::Run(format!(
                    "its output has {} numbers, not {wanted}",
                    values.len()
                )));
            }
            let plane = pixels::planar(values, info.out_channels, info.layout, &info.out_range);
            if run == 0 {
                planes = plane;
            } else {
                planes.extend_from_slice(&plane);
                self.give_back(plane);
            }
        }
        self.give_back(input);
        Ok(planes)
    }

    /// Tiles that overlap by the receptive field: each gives its inner part.
    fn cut<T: Sample>(&self, source: &Source<T>, tiles: &Tiles) -> Result<(Vec<T>, Tally), RestoreError> {
        let scale = self.scale;
        let line = source.width * scale * source.channels;
        let mut out = vec![T::default(); line * source.height * scale];
        let mut bands = vec![];
        let mut rest = out.as_mut_slice();
        for span in &tiles.y.spans {
            let (band, after) = rest.split_at_mut((span.to - span.from) * scale * line);
            bands.push((span, band));
            rest = after;
        }
        let tallies = bands
            .into_par_iter()
            .map(|(row, band)| {
                let parts = tiles
                    .x
                    .spans
                    .par_iter()
                    .map(|column| {
                        let planes = self.predict(source, tiles, column.start, row.start)?;
                        let (w, h) = (tiles.x.tile * scale, tiles.y.tile * scale);
                        let (dx, dy) = ((column.from - column.start) * scale, (row.from - row.start) * scale);
                        let region = Region {
                            x: column.from,
                            y: row.from,
                            width: column.to - column.from,
                            height: row.to - row.from,
                        };
                        let mut tally = Tally::default();
                        let get = |p: usize, x: usize, y: usize| planes[(p * h + y + dy) * w + x + dx];
                        let samples = source.compose(region, scale, get, &mut tally);
                        self.give_back(planes);
                        Ok((samples, tally))
                    })
                    .collect::<Result<Vec<_>, RestoreError>>()?;
                let mut tally = Tally::default();
                for (column, (samples, part)) in tiles.x.spans.iter().zip(parts) {
                    let width = (column.to - column.from) * scale * source.channels;
                    let left = column.from * scale * source.channels;
                    for (to, from) in band.chunks_exact_mut(line).zip(samples.chunks_exact(width)) {
                        to[left..left + width].copy_from_slice(from);
                    }
                    tally.add(&part);
                }
                Ok(tally)
            })
            .collect::<Result<Vec<Tally>, RestoreError>>()?;
        Ok((out, total(&tallies)))
    }

    /// Tiles that see too little to agree: overlaps are averaged with weights that rise from each
    /// tile's edge. Rows of tiles follow one another, so only one row of sums is held.
    fn blend<T: Sample>(&self, source: &Source<T>, tiles: &Tiles) -> Result<(Vec<T>, Tally), RestoreError> {
        let scale = self.scale;
        let planes = source.mode.planes(source.channels);
        let (width, height) = (source.width * scale, source.height * scale);
        let (tile_w, tile_h) = (tiles.x.tile * scale, tiles.y.tile * scale);
        let columns = tile::weights(&tiles.x, scale);
        let rows = tile::weights(&tiles.y, scale);
        let mut out = Vec::with_capacity(width * height * source.channels);
        let mut tally = Tally::default();
        // One row of tiles high; its first line is line `top` of the result.
        let mut sums = vec![0.0f32; planes * tile_h * width];
        let mut top = 0;
        for (k, row) in tiles.y.spans.iter().enumerate() {
            let parts = tiles
                .x
                .spans
                .par_iter()
                .map(|column| self.predict(source, tiles, column.start, row.start))
                .collect::<Result<Vec<_>, RestoreError>>()?;
            for ((j, column), part) in tiles.x.spans.iter().enumerate().zip(&parts) {
                let left = column.start * scale;
                let visible = tile_w.min(width - left);
                for (line, values) in part.chunks_exact(tile_w).enumerate() {
                    let y = line % tile_h;
                    let share = rows.of[k][y];
                    let to = &mut sums[line * width + left..][..visible];
                    for ((to, v), share_x) in to.iter_mut().zip(values).zip(&columns.of[j]) {
                        *to += v * share * share_x;
                    }
                }
            }
            parts.into_iter().for_each(|part| self.give_back(part));
            let next = tiles.y.spans.get(k + 1).map_or(height, |n| n.start * scale);
            let region = Region { x: 0, y: top / scale, width: source.width, height: (next - top) / scale };
            let get = |p: usize, x: usize, y: usize| {
                sums[(p * tile_h + y) * width + x] / (columns.sum[x] * rows.sum[top + y])
            };
            out.extend(source.compose(region, scale, get, &mut tally));
            let done = (next - top).min(tile_h) * width;
            for plane in sums.chunks_exact_mut(tile_h * width) {
                plane.copy_within(done.., 0);
                let kept = plane.len() - done;
                plane[kept..].fill(0.0);
            }
            top = next;
        }
        Ok((out, tally))
    }
}

fn total(parts: &[Tally]) -> Tally {
    let mut all = Tally::default();
    parts.iter().for_each(|t| all.add(t));
    all
}
