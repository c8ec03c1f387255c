//! 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications, at the price
//! of rounding errors some four times those of a direct sum (Lavin and Gray, arXiv 1509.09308).
//!
//! Tiles of 4x4 results are gathered across rows and pictures into blocks, so that small pictures run
//! as fast as large ones. Each block goes through three steps that stay in the cache: transform of the
//! input, 36 small matrix products, transform of the output.

use super::direct::OWN_CACHE;
use super::level::{Level, dispatch};
use super::panel::{Finish, Panel, panel, split_channels};
use super::vector::{Vector, load_all};
use super::view::Shape;
use super::weights::Weights;
use super::winograd_pack::{POINTS, pack};

/// Floats that the scratch of a block may take: what stays in a core's own cache.
const SCRATCH: usize = 110 << 10;

/// Multiply-adds in the time of which a register comes from memory.
const FAR: usize = 24;

/// A convolution packed for one level.
#[derive(Clone, Debug)]
pub(super) struct Winograd {
    level: Level,
    /// Channels read and made.
    pub channels: (usize, usize),
    /// Both, rounded up to whole registers.
    padded: (usize, usize),
    blocks: Vec<usize>,
    /// `[point][block][input channel][lane of the block]`.
    weights: Vec<f32>,
    /// Tiles in a block.
    tiles: usize,
}

impl Winograd {
    /// Without weights yet.
    pub(super) fn new(level: Level, channels: (usize, usize)) -> Winograd {
        let (ic, oc) = channels;
        let lanes = level.lanes();
        let padded = (ic.next_multiple_of(lanes), oc.next_multiple_of(lanes));
        let blocks = split_channels(oc.div_ceil(lanes), level.registers());
        let fit = SCRATCH / (POINTS * (padded.0 + padded.1)) / 12 * 12;
        let weights = vec![0.0; POINTS * ic * padded.1];
        Winograd { level, channels, padded, blocks, weights, tiles: fit.clamp(24, 96) }
    }

    /// Packs the weights.
    pub(super) fn pack(&mut self, weights: &Weights<'_>) {
        let (ic, oc) = self.channels;
        let lanes = self.level.lanes();
        let plane = ic * self.padded.1;
        let mut first = 0;
        for block in &self.blocks {
            let width = block * lanes;
            for o in (first..first + width).step_by(lanes) {
                let outputs = (o, (o + lanes).min(oc));
                for i in 0..ic {
                    let to = &mut self.weights[first * ic + i * width + o - first..];
                    pack(self.level, weights, (i, outputs), to, plane);
                }
            }
            first += width;
        }
    }

    /// Whether this is expected to be faster than a direct sum for results of this size: multiply-adds
    /// of the products, and about 220 and 180 operations for the transforms of a tile's register, against
    /// 9 multiply-adds for each result. Weights that no cache of a core's own holds come from memory, here four times
    /// as many. What is chosen for one picture is chosen for all that run beside it, so that each keeps its bits.
    pub(super) fn pays(level: Level, (ic, oc): (usize, usize), shape: Shape) -> bool {
        let lanes = level.lanes();
        let (i, o) = (ic.div_ceil(lanes), oc.div_ceil(lanes));
        let tiles = shape.h.div_ceil(4) * shape.w.div_ceil(4);
        let far = |taps: usize| if 9 * ic * oc > OWN_CACHE { taps * ic * o * FAR } else { 0 };
        let winograd = tiles * (POINTS * ic * o + 220 * i + 180 * o) + far(POINTS);
        let direct = shape.h * shape.w * (9 * ic * o + 4 * o) + far(9);
        ic >= 8 && oc >= 8 && winograd * 10 < direct * 9
    }

    /// Floats of scratch that a run takes.
    pub(super) fn scratch(&self) -> usize {
        POINTS * self.tiles * (self.padded.0 + self.padded.1) + 64
    }

    /// Tiles in a block.
    pub(super) fn tiles(&self) -> usize {
        self.tiles
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }
}

/// A tile: what its first tap reads and where its first result goes, and how many rows and columns of
/// results are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub x: *const f32,
    pub y: *mut f32,
    pub rows: usize,
    pub columns: usize,
}

/// One block of tiles.
pub(super) struct Block<'a> {
    pub winograd: &'a Winograd,
    pub tiles: &'a [Tile],
    /// Distances of rows and pixels of the input.
    pub x: (usize, usize),
    /// The same of the result.
    pub y: (usize, usize),
    pub bias: *const f32,
    pub finish: Finish,
    /// [`Winograd::scratch`] floats.
    pub scratch: *mut f32,
}

dispatch! {
    /// Computes the block.
    ///
    /// # Safety
    /// The level must run on this machine; each tile's 6x6 inputs (and one register more) and its
    /// `rows` x `columns` results must be valid and not overlap.
    run = block(Block<'_>)
}

#[inline(always)]
unsafe fn block<V: Vector>(b: &Block<'_>) {
    let w = b.winograd;
    let (icp, ocp) = w.padded;
    let (ic, oc) = w.channels;
    let count = b.tiles.len();
    // SAFETY: the scratch holds 36 planes of `tiles` rows of `icp`, then as many of `ocp`.
    unsafe {
        let v = b.scratch.add(b.scratch.align_offset(64).min(16));
        let m = v.add(POINTS * w.tiles * icp);
        for (t, tile) in b.tiles.iter().enumerate() {
            for c in (0..ic).step_by(V::LANES) {
                input::<V>(tile.x.add(c), b.x, v.add(t * icp + c), w.tiles * icp);
            }
        }
        for point in 0..POINTS {
            let mut weights = w.weights.as_ptr().add(point * ic * ocp);
            let mut channel = 0;
            for &blocks in &w.blocks {
                panel::<V>(&Panel {
                    x: v.add(point * w.tiles * icp),
                    x_step: icp,
                    taps: &[0],
                    run: ic,
                    weights,
                    blocks,
                    bias: std::ptr::null(),
                    y: m.add(point * w.tiles * ocp + channel),
                    y_step: ocp,
                    channels: blocks * V::LANES,
                    count,
                    finish: Finish::None,
                    resume: false,
                    ahead: false,
                });
                channel += blocks * V::LANES;
                weights = weights.add(ic * blocks * V::LANES);
            }
        }
        for (t, tile) in b.tiles.iter().enumerate() {
            for c in (0..oc).step_by(V::LANES) {
                output::<V>(m.add(t * ocp + c), w.tiles * ocp, tile, c, (oc - c).min(V::LANES), b);
            }
        }
    }
}

/// Transform of a 6-vector of inputs.
#[inline(always)]
unsafe fn bt<V: Vector>(d: [V; 6]) -> [V; 6] {
    // SAFETY: passed on.
    unsafe {
        let (two, four, five) = (V::splat(2.0), V::splat(4.0), V::splat(-5.0));
        let minus = V::splat(-4.0);
        let a = d[2].fma(minus, d[4]);
        let b = d[1].fma(minus, d[3]);
        let e = d[4].sub(d[2]);
        let f = d[3].sub(d[1]).mul(two);
        [
            d[0].fma(four, d[2].fma(five, d[4])),
            a.add(b),
            a.sub(b),
            e.add(f),
            e.sub(f),
            d[1].fma(four, d[3].fma(five, d[5])),
        ]
    }
}

/// Transform of a 6-vector of products into 4 results.
#[inline(always)]
unsafe fn at<V: Vector>(m: [V; 6]) -> [V; 4] {
    // SAFETY: passed on.
    unsafe {
        let (a, b) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (e, f) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(a).add(e),
            f.fma(V::splat(2.0), b),
            e.fma(V::splat(4.0), a),
            f.fma(V::splat(8.0), b).add(m[5]),
        ]
    }
}

/// Transforms one register of channels of a tile; point `p` goes to `to + p * plane`.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
pub(super) unsafe fn input<V: Vector>(
    x: *const f32,
    (row, pixel): (usize, usize),
    to: *mut f32,
    plane: usize,
) {
    // SAFETY: the caller's tile is valid.
    unsafe {
        let zero = V::splat(0.0);
        let mut half = [[zero; 6]; 6];
        for i in 0..6 {
            half[i] = bt(load_all(x.add(i * row), pixel));
        }
        for j in 0..6 {
            let column = bt([half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]]);
            for i in 0..6 {
                column[i].store(to.add((i * 6 + j) * plane));
            }
        }
    }
}

/// Transforms one register of channels back and stores the tile's results.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn output<V: Vector>(m: *const f32, plane: usize, tile: &Tile, c: usize, some: usize, b: &Block<'_>) {
    // SAFETY: the caller's scratch and tile are valid.
    unsafe {
        let mut half = [[V::splat(0.0); 6]; 4];
        for j in 0..6 {
            let column = at(load_all(m.add(j * plane), 6 * plane));
            for i in 0..4 {
                half[i][j] = column[i];
            }
        }
        let bias = V::load(b.bias.add(c));
        for (i, half) in half.into_iter().enumerate().take(tile.rows) {
            for (j, v) in at(half).into_iter().enumerate().take(tile.columns) {
                let v = b.finish.apply(v.add(bias), c);
                let to = tile.y.add(i * b.y.0 + j * b.y.1 + c);
                if some == V::LANES { v.store(to) } else { v.store_some(to, some) }
            }
        }
    }
}
