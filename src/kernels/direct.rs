//! Convolutions as sums over taps, exact but for rounding: any kernel, stride, dilation and padding,
//! and transposed ones as one pass for each phase of the output.

use super::level::{Level, dispatch};
use super::panel::{Finish, Panel, panel, split_channels};
use super::vector::Vector;
use super::weights::Weights;

/// Floats that a strip of input rows may take while blocks of output channels go over it.
const STRIP: usize = 64 << 10;

/// Numbers of each pixel whose weights for one block of output channels fit into the first cache.
const PART: usize = 128;

/// Weights of a block of output channels that are worked through tap by tap.
const MANY: usize = 64 << 10;

/// Floats that a core's own caches hold, about.
pub(super) const OWN_CACHE: usize = 256 << 10;

/// One set of taps, and the outputs that it makes.
#[derive(Clone, Debug)]
pub(super) struct Pass {
    /// Row and column that each tap reads, relative to the output's position in the pass times the stride.
    pub taps: Vec<(isize, isize)>,
    /// Taps that stand side by side, by [`chain`].
    chain: usize,
    /// Which of the kernel's taps each is; none where no tap reaches.
    sources: Vec<Option<usize>>,
    /// Weights of all blocks of output channels, one block after the other.
    weights: Vec<f32>,
    /// First output row and column.
    pub start: (usize, usize),
    /// Output rows and columns from one to the next.
    pub every: (usize, usize),
}

/// A convolution of one group, packed for one level.
#[derive(Clone, Debug)]
pub(super) struct Direct {
    level: Level,
    /// Channels read and made.
    pub channels: (usize, usize),
    /// Registers in each block of output channels.
    blocks: Vec<usize>,
    pub passes: Vec<Pass>,
    /// Input rows and columns from one output to the next within a pass.
    pub stride: (usize, usize),
}

/// A tap: its position, and which of the kernel's it is.
pub(super) type Tap = ((isize, isize), Option<usize>);

impl Direct {
    pub(super) fn new(level: Level, channels: (usize, usize), stride: (usize, usize)) -> Direct {
        let blocks = split_channels(channels.1.div_ceil(level.lanes()), level.registers());
        Direct { level, channels, blocks, passes: vec![], stride }
    }

    /// Adds a pass, without weights yet; taps are read in the order of their position.
    pub(super) fn add_pass(&mut self, mut taps: Vec<Tap>, start: (usize, usize), every: (usize, usize)) {
        taps.sort_by_key(|t| t.0);
        let lanes = self.blocks.iter().sum::<usize>() * self.level.lanes();
        let weights = vec![0.0; taps.len() * self.channels.0 * lanes];
        let (taps, sources): (Vec<_>, Vec<_>) = taps.into_iter().unzip();
        let chain = chain(&taps);
        self.passes.push(Pass { taps, chain, sources, weights, start, every });
    }

    /// Packs the weights.
    pub(super) fn pack(&mut self, weights: &Weights<'_>) {
        let (ic, oc) = self.channels;
        for pass in &mut self.passes {
            let (mut first, mut at) = (0, 0);
            for block in &self.blocks {
                let width = block * self.level.lanes();
                for source in &pass.sources {
                    for i in 0..ic {
                        if let Some(tap) = *source {
                            let to = &mut pass.weights[at..][..width.min(oc - first)];
                            weights.copy_outputs(to, first, i, tap);
                        }
                        at += width;
                    }
                }
                first += width;
            }
        }
    }
}

/// How many taps stand side by side in a row, if in all rows as many do; else 1.
fn chain(taps: &[(isize, isize)]) -> usize {
    let beside = |from: usize| {
        let pairs = taps[from..].windows(2);
        1 + pairs.take_while(|w| w[1].0 == w[0].0 && w[1].1 == w[0].1 + 1).count()
    };
    let first = if taps.is_empty() { 1 } else { beside(0) };
    let regular =
        taps.len().is_multiple_of(first) && (0..taps.len()).step_by(first).all(|i| beside(i) == first);
    if regular { first } else { 1 }
}

/// One row of one picture, for the kernels that work row by row.
pub(super) struct Row<'a, K> {
    pub kernel: &'a K,
    /// What the first pixel's tap (0, 0) reads, and distances of rows and pixels.
    pub x: (*const f32, usize, usize),
    /// First result, and the distance of pixels.
    pub y: (*mut f32, usize),
    pub count: usize,
    /// As many floats as packed output channels.
    pub bias: *const f32,
    pub finish: Finish,
}

/// Rows of one picture.
pub(super) struct Rows<'a> {
    pub direct: &'a Direct,
    /// The picture's first pixel, and distances of its rows and pixels.
    pub x: (*const f32, usize, usize),
    /// The same of the result.
    pub y: (*mut f32, usize, usize),
    /// Rows and columns of the result.
    pub size: (usize, usize),
    /// Result rows to make: from, to.
    pub rows: (usize, usize),
    /// As many floats as packed output channels.
    pub bias: *const f32,
    pub finish: Finish,
}

dispatch! {
    /// Computes the rows.
    ///
    /// # Safety
    /// The level must run on this machine; input with the border that the passes reach, and output, must
    /// be valid and not overlap.
    run = rows(Rows<'_>)
}

#[inline(always)]
unsafe fn rows<V: Vector>(r: &Rows<'_>) {
    let d = r.direct;
    let (ic, oc) = d.channels;
    let (x, x_row, x_pixel) = r.x;
    let (y, y_row, y_pixel) = r.y;
    for pass in &d.passes {
        let (start, every) = (pass.start, pass.every);
        if start.1 >= r.size.1 || pass.taps.is_empty() {
            continue;
        }
        let columns = (r.size.1 - start.1).div_ceil(every.1);
        // Taps side by side read on where the one before stopped, when pixels have no other channels.
        let chain = if ic == x_pixel { pass.chain } else { 1 };
        let offsets = pass.taps.iter().map(|t| t.0 * x_row as isize + t.1 * x_pixel as isize);
        let taps: Vec<isize> = offsets.step_by(chain).collect();
        let first = r.rows.0.saturating_sub(start.0).div_ceil(every.0);
        let end = r.rows.1.saturating_sub(start.0).div_ceil(every.0);
        let strip = if d.blocks.len() == 1 { 1 } else { (STRIP / (d.stride.0 * x_row).max(1)).clamp(1, 16) };
        for top in (first..end).step_by(strip) {
            let mut weights = pass.weights.as_ptr();
            let mut channel = 0;
            // Weights that no cache of a core's own holds come from afar each time.
            let far = pass.weights.len() > OWN_CACHE;
            for &blocks in &d.blocks {
                let run = chain * ic;
                let width = blocks * V::LANES;
                // Many weights are worked through part by part, each from the first cache.
                let apart = run >= 2 * PART && taps.len() * run * width > MANY && end - top > 1;
                let group = if apart { 1 } else { taps.len() };
                let part = if group == 1 && columns > 6 { PART } else { run };
                for (from_tap, taps) in (0..).step_by(group).zip(taps.chunks(group)) {
                    for from in (0..run).step_by(part) {
                        let some = part.min(run - from);
                        let last = from + some == run && (from_tap + group) * chain >= pass.taps.len();
                        for row in top..(top + strip).min(end) {
                            // SAFETY: the caller promised the rows; weights, bias and slopes are packed for the blocks.
                            unsafe {
                                panel::<V>(&Panel {
                                    // The taps bring it back into the picture and its border.
                                    x: x.wrapping_add(row * d.stride.0 * x_row + from),
                                    x_step: d.stride.1 * x_pixel,
                                    taps,
                                    run: some,
                                    weights: weights.add((from_tap * run + from) * width),
                                    blocks,
                                    bias: r.bias.add(channel),
                                    y: y.add((start.0 + row * every.0) * y_row + start.1 * y_pixel + channel),
                                    y_step: every.1 * y_pixel,
                                    channels: (oc - channel).min(width),
                                    count: columns,
                                    finish: if last { r.finish.starting_at(channel) } else { Finish::None },
                                    resume: from_tap + from > 0,
                                    ahead: far && group == 1,
                                });
                            }
                        }
                    }
                }
                channel += blocks * V::LANES;
                // SAFETY: one block's weights, or the end.
                weights = unsafe { weights.add(pass.taps.len() * ic * blocks * V::LANES) };
            }
        }
    }
}
