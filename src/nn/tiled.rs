//! Runs a network on the tiles of a picture and puts the results together.

use super::error::RestoreError;
use super::info::ModelInfo;
use super::pixels::{self, Sample, Source};
use super::plan::Plan;
use super::sanity::Tally;
use super::tile::{self, Axis};
use crate::image::cubic::Region;
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// One picture's tiles.
pub(super) struct Tiles {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) plan: Arc<Plan>,
}

/// Memory of earlier tiles: fresh memory costs a good part of a small network's time.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<Vec<Vec<f32>>>);

impl Spare {
    fn take(&self) -> Vec<f32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: Vec<f32>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// A network at work on a picture.
pub(super) struct Tiled<'a> {
    pub(super) info: &'a ModelInfo,
    pub(super) scale: usize,
    pub(super) spare: &'a Spare,
}

impl Tiled<'_> {
    /// The result's samples and what was seen on the way.
    pub(super) fn run<T: Sample>(
        &self,
        source: &Source<T>,
        tiles: &Tiles,
    ) -> Result<(Vec<T>, Tally), RestoreError> {
        if tiles.x.exact && tiles.y.exact { self.cut(source, tiles) } else { self.blend(source, tiles) }
    }

    /// The network's planes, on the \[0, 1\] scale, for the tile at (`x`, `y`).
    fn predict<T: Sample>(
        &self,
        source: &Source<T>,
        tiles: &Tiles,
        x: usize,
        y: usize,
    ) -> Result<Vec<f32>, RestoreError> {
        let info = self.info;
        let region = Region { x, y, width: tiles.x.tile, height: tiles.y.tile };
        let mut planes = vec![];
        let mut input = self.spare.take();
        for run in 0..source.mode.runs() {
            source.read(region, run, info.in_channels, info.layout, &info.range, &mut input);
            let mut values = self.spare.take();
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
                self.spare.give_back(plane);
            }
        }
        self.spare.give_back(input);
        Ok(planes)
    }

    /// Tiles that overlap by the receptive field: each gives its inner part.
    fn cut<T: Sample>(&self, source: &Source<T>, tiles: &Tiles) -> Result<(Vec<T>, Tally), RestoreError> {
        let scale = self.scale;
        let channels = source.result_channels();
        let line = source.width * scale * channels;
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
                let parts = columns(&tiles.x, band, line, scale * channels)
                    .into_par_iter()
                    .zip(&tiles.x.spans)
                    .map(|(lines, column)| {
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
                        let fill = |p: usize, y: usize, to: &mut [f32]| {
                            to.copy_from_slice(&planes[(p * h + y + dy) * w + dx..][..to.len()]);
                        };
                        source.compose(region, scale, fill, &mut tally, lines.into_iter());
                        self.spare.give_back(planes);
                        Ok(tally)
                    })
                    .collect::<Result<Vec<_>, RestoreError>>()?;
                Ok(total(&parts))
            })
            .collect::<Result<Vec<Tally>, RestoreError>>()?;
        Ok((out, total(&tallies)))
    }

    /// Tiles that see too little to agree: overlaps are averaged with weights that rise from each
    /// tile's edge. Rows of tiles follow one another, so only one row of sums is held.
    fn blend<T: Sample>(&self, source: &Source<T>, tiles: &Tiles) -> Result<(Vec<T>, Tally), RestoreError> {
        let scale = self.scale;
        let planes = source.planes() + usize::from(source.alpha_out);
        let (width, height) = (source.width * scale, source.height * scale);
        let (tile_w, tile_h) = (tiles.x.tile * scale, tiles.y.tile * scale);
        let columns = tile::weights(&tiles.x, scale);
        let rows = tile::weights(&tiles.y, scale);
        let line = width * source.result_channels();
        let mut out = vec![T::default(); line * height];
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
                for (line, values) in part.chunks_exact(tile_w).take(planes * tile_h).enumerate() {
                    let y = line % tile_h;
                    let share = rows.of[k][y];
                    let to = &mut sums[line * width + left..][..visible];
                    for ((to, v), share_x) in to.iter_mut().zip(values).zip(&columns.of[j]) {
                        *to += v * share * share_x;
                    }
                }
            }
            parts.into_iter().for_each(|part| self.spare.give_back(part));
            let next = tiles.y.spans.get(k + 1).map_or(height, |n| n.start * scale);
            let region = Region { x: 0, y: top / scale, width: source.width, height: (next - top) / scale };
            let fill = |p: usize, y: usize, to: &mut [f32]| {
                let sums = &sums[(p * tile_h + y) * width..];
                for ((to, sum), column) in to.iter_mut().zip(sums).zip(&columns.sum) {
                    *to = sum / (column * rows.sum[top + y]);
                }
            };
            let lines = out[top * line..next * line].chunks_exact_mut(line);
            source.compose(region, scale, fill, &mut tally, lines);
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

/// The lines of a band, cut into those of each column of tiles.
fn columns<'a, T>(axis: &Axis, band: &'a mut [T], line: usize, step: usize) -> Vec<Vec<&'a mut [T]>> {
    let mut columns: Vec<Vec<&mut [T]>> = axis.spans.iter().map(|_| Vec::new()).collect();
    for mut rest in band.chunks_exact_mut(line) {
        for (span, lines) in axis.spans.iter().zip(&mut columns) {
            let (part, after) = rest.split_at_mut((span.to - span.from) * step);
            lines.push(part);
            rest = after;
        }
    }
    columns
}

fn total(parts: &[Tally]) -> Tally {
    let mut all = Tally::default();
    parts.iter().for_each(|t| all.add(t));
    all
}
