//! Gradients for the weights of 3x3 convolutions of stride 1 by Winograd's F(3x3, 4x4): a tile of 4x4
//! results plays the kernel's part, so that 36 products stand for 144.
//!
//! Tiles of all pictures go in blocks through two steps that stay in the cache: transforms of the input and
//! of the result's gradient, then 36 matrix products that add to sums, one for each point of a tile. The sums
//! are transformed back once, at the end. Blocks depend on the shapes alone.

use super::grad_strip::{self, ONES, Strip};
use super::level::{Level, dispatch};
use super::panel::split_channels;
use super::spec::ConvSpec;
use super::vector::{Vector, load_all};
use super::view::{Border, Shape, View};
use super::winograd::input;
use super::winograd_pack::POINTS;
use std::ops::Range;

/// Channels of either side that are worked on at once: their sums stay in a core's own cache.
const CHANNELS: usize = 64;
/// Floats that a block's transforms may take, for the same reason.
const BLOCK: usize = 110 << 10;
/// Added to each point's plane: without it, planes of a power of 2 would meet in few lines of the cache.
const SHIFT: usize = 16;
/// The point whose product holds the sum of a tile of results.
const TOTAL: usize = 7;
/// What a tile reads in place of results beyond the picture.
static ZEROS: [f32; 16] = [0.0; 16];

/// Adds up the gradients of one convolution.
#[derive(Clone, Debug)]
pub(super) struct Tiles {
    level: Level,
    /// Whether registers lie along the input's channels, not the result's.
    along_input: bool,
    /// Channels whose values are spread over registers, in parts.
    spread: Vec<Range<usize>>,
    /// Channels that registers lie along, in parts, with each part's blocks of registers.
    along: Vec<(Range<usize>, Vec<usize>)>,
    /// Floats of a tile at one point, of both sides: whole registers of the largest part.
    step: (usize, usize),
    /// Rows of sums and lanes of a row in the largest parts.
    sums: (usize, usize),
    /// Tiles in a block.
    count: usize,
}

/// Adds to `dw` the sums `[tap][spread channel][lane]` of some input and output channels.
pub(super) type Add<'a> = dyn FnMut(&[f32], usize, Range<usize>, Range<usize>) + 'a;

impl Tiles {
    /// For channels of which `spread` are spread over registers, and registers lie along the others.
    pub(super) fn new(level: Level, spread: usize, along: usize, along_input: bool) -> Tiles {
        let lanes = level.lanes();
        let split = |count: usize, parts: usize| {
            (0..parts).map(move |p| count * p / parts..count * (p + 1) / parts).collect::<Vec<_>>()
        };
        let registers = along.div_ceil(lanes);
        let spread = split(spread, spread.div_ceil(CHANNELS));
        let along: Vec<_> = split(registers, (registers * lanes).div_ceil(CHANNELS))
            .into_iter()
            .map(|r| {
                let blocks = split_channels(r.len(), level.registers());
                (r.start * lanes..(r.end * lanes).min(along), blocks)
            })
            .collect();
        let rows = spread.iter().map(Range::len).max().unwrap_or(0);
        let width = along.iter().map(|a| a.0.len()).max().unwrap_or(0).next_multiple_of(lanes);
        let step = (rows.next_multiple_of(lanes), width);
        let count = (BLOCK / (POINTS * (step.0 + step.1))).clamp(24, 128);
        Tiles { level, along_input, spread, along, step, sums: (rows, width), count }
    }

    /// Whether this way can be gone.
    pub(super) fn can(spec: &ConvSpec) -> bool {
        spec.kernel == (3, 3)
            && spec.stride == (1, 1)
            && spec.dilation == (1, 1)
            && spec.groups == 1
            && !spec.transposed
    }

    /// Whether it can, and is expected to be faster than a direct sum: multiply-adds of the products, some
    /// 220 and 130 operations to transform a tile's registers, and 5 for each sum at the start and end,
    /// against 9 multiply-adds for each result.
    pub(super) fn pay((level, along_input): (Level, bool), spec: &ConvSpec, results: Shape) -> bool {
        let (ic, oc) = spec.channels;
        let (i, o) = (ic.div_ceil(level.lanes()), oc.div_ceil(level.lanes()));
        let sums = if along_input { i * oc } else { ic * o };
        let winograd = tile_count(results) * (POINTS * sums + 220 * i + 130 * o) + 5 * POINTS * sums;
        let direct = results.n * results.h * results.w * 9 * sums;
        Tiles::can(spec) && winograd * 10 < direct * 9
    }

    /// What tiles read beyond the input.
    pub(super) fn border(pad: Border, input: Shape, output: Shape) -> Border {
        let after = |results: usize, before: usize, length: usize| {
            (results.next_multiple_of(4) + 2).saturating_sub(before + length)
        };
        Border {
            top: pad.top,
            left: pad.left,
            bottom: after(output.h, pad.top, input.h),
            right: after(output.w, pad.left, input.w),
        }
    }

    /// Floats of a point's plane of both sides.
    fn planes(&self) -> (usize, usize) {
        (self.count * self.step.0 + SHIFT, self.count * self.step.1 + SHIFT)
    }

    /// Sums of the bias.
    fn bias(&self) -> usize {
        if self.along_input { self.sums.0 * self.level.lanes() } else { self.sums.1 }
    }

    /// Floats of scratch that a run takes.
    pub(super) fn scratch(&self) -> usize {
        let planes = self.planes();
        POINTS * (planes.0 + planes.1 + self.sums.0 * self.sums.1) + self.bias() + SHIFT
    }

    /// Adds the gradient for the bias to `db`, and has `add` called with those for the weights.
    ///
    /// # Safety
    /// The level must run on this machine. The input with [`Tiles::border`] and the result's gradient must
    /// be inside the buffer, 15 floats more behind each; there must be results.
    pub(super) unsafe fn run(
        &self,
        buffer: &[f32],
        (x, before): (&View, usize),
        dy: &View,
        db: &mut [f32],
        scratch: &mut [f32],
        add: &mut Add<'_>,
    ) {
        let lanes = self.level.lanes();
        let planes = self.planes();
        // Whole lines of the cache.
        let skip = scratch.as_ptr().align_offset(64).min(SHIFT);
        let (spread_to, rest) = scratch[skip..][..self.scratch() - SHIFT].split_at_mut(POINTS * planes.0);
        let (along_to, rest) = rest.split_at_mut(POINTS * planes.1);
        let (sums, bias) = rest.split_at_mut(POINTS * self.sums.0 * self.sums.1);
        let taps: Vec<(usize, usize)> = (0..POINTS).map(|p| (p * planes.0, p * planes.1)).collect();
        let mut tiles = Vec::with_capacity(self.count);
        for spread in &self.spread {
            for (along, blocks) in &self.along {
                let width = blocks.iter().sum::<usize>() * lanes;
                let rows = spread.len();
                sums[..POINTS * rows * width].fill(0.0);
                bias.fill(0.0);
                let (ic, oc) = if self.along_input { (along, spread) } else { (spread, along) };
                let all = tile_count(dy.shape);
                for first in (0..all).step_by(self.count) {
                    let indices = first..(first + self.count).min(all);
                    tiles.clear();
                    tiles.extend(
                        indices.map(|index| tile(buffer, (x, before), dy, index, (ic.start, oc.start))),
                    );
                    let to = (
                        Transformed { at: spread_to.as_mut_ptr(), step: self.step.0, plane: planes.0 },
                        Transformed { at: along_to.as_mut_ptr(), step: self.step.1, plane: planes.1 },
                    );
                    let block = Block {
                        tiles: &tiles,
                        distances: ((x.row, x.pixel), (dy.row, dy.pixel)),
                        channels: (ic.len(), oc.len()),
                        to: if self.along_input { (to.1, to.0) } else { to },
                    };
                    let strip = Strip {
                        lines: &[(to.0.at.cast_const(), to.1.at.cast_const())],
                        steps: self.step,
                        count: tiles.len(),
                        taps: &taps,
                        rows,
                        blocks,
                        sums: sums.as_mut_ptr(),
                    };
                    let (ones, sums) = (ONES.as_ptr(), bias.as_mut_ptr());
                    let ((a, b), tap) = (strip.lines[0], taps[TOTAL]);
                    let (line, tap, steps, rows) = if self.along_input {
                        ((a, ones), (tap.0, 0), (self.step.0, 0), rows)
                    } else {
                        ((ones, b), (0, tap.1), (0, self.step.1), 1)
                    };
                    let blocks = if self.along_input { &[1] } else { &blocks[..] };
                    let total = Strip { lines: &[line], steps, taps: &[tap], rows, blocks, sums, ..strip };
                    // SAFETY: the caller's views hold the tiles, the scratch was cut to hold planes of whole
                    // registers and the sums. `ONES` is as long as any register, and is not stepped over.
                    unsafe {
                        transform(self.level, &block);
                        grad_strip::run(self.level, &strip);
                        // The input has no part in the bias: once is enough.
                        if ic.start == 0 {
                            grad_strip::run(self.level, &total);
                        }
                    }
                }
                let sums = &mut sums[..POINTS * rows * width];
                // SAFETY: the sums are whole registers of `POINTS` planes.
                unsafe { back(self.level, &Sums { at: sums.as_mut_ptr(), len: rows * width }) };
                add(sums, width, ic.clone(), oc.clone());
                let step = if self.along_input { lanes } else { 1 };
                db[oc.clone()].iter_mut().enumerate().for_each(|(o, b)| *b += bias[o * step]);
            }
        }
    }
}

/// Tiles of a batch of results.
fn tile_count(results: Shape) -> usize {
    results.n * results.h.div_ceil(4) * results.w.div_ceil(4)
}

/// The tile of this index, at some channels of input and result.
fn tile(
    buffer: &[f32],
    (x, before): (&View, usize),
    dy: &View,
    index: usize,
    channels: (usize, usize),
) -> Tile {
    let Shape { h, w, .. } = dy.shape;
    let (down, across) = (h.div_ceil(4), w.div_ceil(4));
    let (n, rest) = (index / (down * across), index % (down * across));
    let (row, column) = (rest / across * 4, rest % across * 4);
    // Within the buffer, as the views with their borders are.
    Tile {
        x: buffer[x.pixel_at(n, row, column) - before + channels.0..].as_ptr(),
        dy: buffer[dy.pixel_at(n, row, column) + channels.1..].as_ptr(),
        rows: (h - row).min(4),
        columns: (w - column).min(4),
    }
}

/// A tile: the first of its 6x6 inputs, the first of its 4x4 results and how many of these there are.
#[derive(Clone, Copy, Debug)]
struct Tile {
    x: *const f32,
    dy: *const f32,
    rows: usize,
    columns: usize,
}

/// Where transformed tiles go: floats from tile to tile and from point to point.
#[derive(Clone, Copy)]
struct Transformed {
    at: *mut f32,
    step: usize,
    plane: usize,
}

/// Tiles to transform; pairs are of input and result.
pub(super) struct Block<'a> {
    tiles: &'a [Tile],
    /// Distances of rows and pixels.
    distances: ((usize, usize), (usize, usize)),
    channels: (usize, usize),
    to: (Transformed, Transformed),
}

/// Sums at each point: `POINTS` planes of `len` floats.
pub(super) struct Sums {
    at: *mut f32,
    len: usize,
}

dispatch! {
    /// Transforms input and results.
    ///
    /// # Safety
    /// The level must run on this machine; tiles must be valid, whole registers of their channels too, and
    /// there must be room for as much in `to`.
    transform = block(Block<'_>)
}

dispatch! {
    /// Transforms the sums back, for the 9 taps: into the first planes.
    ///
    /// # Safety
    /// The level must run on this machine; the planes must be valid and whole registers.
    back = taps(Sums)
}

#[inline(always)]
unsafe fn block<V: Vector>(b: &Block<'_>) {
    for (t, tile) in b.tiles.iter().enumerate() {
        // SAFETY: the caller's tiles are valid, and there is room for them.
        unsafe {
            let mut c = 0;
            while c < b.channels.0 {
                input::<V>(tile.x.add(c), b.distances.0, b.to.0.at.add(t * b.to.0.step + c), b.to.0.plane);
                c += V::LANES;
            }
            c = 0;
            while c < b.channels.1 {
                results::<V>(tile, c, b.distances.1, b.to.1.at.add(t * b.to.1.step + c), b.to.1.plane);
                c += V::LANES;
            }
        }
    }
}

/// Values of the polynomial with these coefficients at 0, 1, -1, 2, -2, and its last coefficient.
#[inline(always)]
unsafe fn values<V: Vector>(g: [V; 4]) -> [V; 6] {
    // SAFETY: passed on.
    unsafe {
        let (two, four) = (V::splat(2.0), V::splat(4.0));
        let (even, odd) = (g[0].add(g[2]), g[1].add(g[3]));
        let (even4, odd4) = (g[2].fma(four, g[0]), g[3].fma(four, g[1]));
        [g[0], even.add(odd), even.sub(odd), odd4.fma(two, even4), odd4.fma(V::splat(-2.0), even4), g[3]]
    }
}

/// Transforms one register of channels of a tile of results; point `p` goes to `to + p * plane`.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn results<V: Vector>(
    tile: &Tile,
    c: usize,
    (row, pixel): (usize, usize),
    to: *mut f32,
    plane: usize,
) {
    // SAFETY: the caller's tile is valid; what isn't part of it is read from `ZEROS`.
    unsafe {
        let zero = V::splat(0.0);
        let mut half = [[zero; 6]; 4];
        for i in 0..4 {
            let columns = if i < tile.rows { tile.columns } else { 0 };
            let mut g = [zero; 4];
            for j in 0..4 {
                let at = tile.dy.wrapping_add(i * row + j * pixel + c);
                g[j] = V::load(if j < columns { at } else { ZEROS.as_ptr() });
            }
            half[i] = values(g);
        }
        for j in 0..6 {
            let column = values([half[0][j], half[1][j], half[2][j], half[3][j]]);
            for i in 0..6 {
                column[i].store(to.add((i * 6 + j) * plane));
            }
        }
    }
}

/// The 3 taps of a line of points: their values of 1, p and p^2, weighed as the kernel's are in `winograd`.
#[inline(always)]
unsafe fn line<V: Vector>(m: [V; 6]) -> [V; 3] {
    // SAFETY: passed on.
    unsafe {
        let sixth = V::splat(-1.0 / 6.0);
        let (a, b) = (m[1].add(m[2]).mul(sixth), m[1].sub(m[2]).mul(sixth));
        let (e, f) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].fma(V::splat(0.25), e.fma(V::splat(1.0 / 24.0), a)),
            f.fma(V::splat(1.0 / 12.0), b),
            e.fma(V::splat(1.0 / 6.0), a).add(m[5]),
        ]
    }
}

#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn taps<V: Vector>(s: &Sums) {
    let mut at = 0;
    while at < s.len {
        // SAFETY: the caller's planes are whole registers. What is stored was read before.
        unsafe {
            let m = s.at.add(at);
            let mut half = [[V::splat(0.0); 6]; 3];
            for j in 0..6 {
                let column = line(load_all(m.add(j * s.len), 6 * s.len));
                for i in 0..3 {
                    half[i][j] = column[i];
                }
            }
            for i in 0..3 {
                let taps = line(half[i]);
                for j in 0..3 {
                    taps[j].store(m.add((i * 3 + j) * s.len));
                }
            }
        }
        at += V::LANES;
    }
}
