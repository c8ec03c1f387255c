//! The inner loop of every convolution: a run of pixels times a block of weights, kept in registers.

use super::vector::{Vector, load_all};

/// What is done to a sum before it is stored. Pointers hold as many floats as the block has lanes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish {
    /// Nothing.
    None,
    /// `max(v, 0)`.
    Relu,
    /// `max(v, 0) + slope * min(v, 0)`, a slope for each channel.
    Slope(*const f32),
    /// Clamped.
    Clip(f32, f32),
}

impl Finish {
    /// The same for the channels from `by` on.
    pub(super) fn starting_at(self, by: usize) -> Finish {
        match self {
            // SAFETY: stays within the packed slopes, which are as long as the packed bias.
            Finish::Slope(p) => Finish::Slope(unsafe { p.add(by) }),
            other => other,
        }
    }

    /// # Safety
    /// As [`Vector`]; a slope must be valid for `LANES` floats from `at`.
    #[inline(always)]
    pub(super) unsafe fn apply<V: Vector>(self, v: V, at: usize) -> V {
        // The constant stands first: where a lane is not a number, the second operand is the answer.
        // SAFETY: the caller has the instructions, and promises the slope.
        unsafe {
            match self {
                Finish::None => v,
                Finish::Relu => V::splat(0.0).max(v),
                Finish::Slope(p) => V::splat(0.0).min(v).fma(V::load(p.add(at)), V::splat(0.0).max(v)),
                Finish::Clip(low, high) => V::splat(high).min(V::splat(low).max(v)),
            }
        }
    }
}

/// A run of pixels along a row, and one block of output channels.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// First float that the first pixel's first tap reads, but for the tap's offset.
    pub x: *const f32,
    /// Floats from a pixel to the next one in the run.
    pub x_step: usize,
    /// Where each tap reads, relative to its pixel.
    pub taps: &'a [isize],
    /// Consecutive floats that each tap reads.
    pub run: usize,
    /// Weights of the block: `taps.len() * run` rows of `blocks * LANES` floats.
    pub weights: *const f32,
    /// Registers of output channels, 1 to what [`block_registers`] allows.
    pub blocks: usize,
    /// Where sums start; null for zero.
    pub bias: *const f32,
    /// Where the first pixel's result goes.
    pub y: *mut f32,
    /// Floats from a result to the next.
    pub y_step: usize,
    /// Channels that are stored, at most `blocks * LANES`.
    pub channels: usize,
    /// Pixels.
    pub count: usize,
    /// Applied to the sums.
    pub finish: Finish,
    /// Whether sums start from what the results hold.
    pub resume: bool,
    /// Whether the weights behind these are brought nearer meanwhile, as many as these.
    pub ahead: bool,
}

/// Most registers of output channels that a block may have on this machine.
pub(super) const fn block_registers(registers: usize) -> usize {
    // Of 16 registers, 2 of channels by 6 pixels reads less than 3 by 4.
    if registers >= 32 { 4 } else { 2 }
}

/// Pixels kept in registers at once with `n` registers of channels each.
const fn pixels_at_once(registers: usize, n: usize) -> usize {
    match (registers >= 32, n) {
        (_, 1) => 12,
        (true, 2) => 12,
        (true, 3) => 8,
        _ => 6,
    }
}

/// How a machine's channel registers are shared out among blocks: as few as possible, as equal as possible.
pub(super) fn split_channels(vectors: usize, registers: usize) -> Vec<usize> {
    let most = block_registers(registers);
    let count = vectors.div_ceil(most).max(1);
    (0..count).map(|i| vectors * (i + 1) / count - vectors * i / count).collect()
}

/// Computes the run.
///
/// # Safety
/// As [`Vector`]; every pointer must be valid for what the fields' documentation names.
#[inline(always)]
pub(super) unsafe fn panel<V: Vector>(p: &Panel<'_>) {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        match p.blocks {
            1 => run::<V, 1>(p),
            2 => run::<V, 2>(p),
            3 if V::REGISTERS >= 32 => run::<V, 3>(p),
            _ if V::REGISTERS >= 32 => run::<V, 4>(p),
            _ => unreachable!("blocks are split to what the machine has"),
        }
    }
}

#[inline(always)]
unsafe fn run<V: Vector, const N: usize>(p: &Panel<'_>) {
    let most = pixels_at_once(V::REGISTERS, N);
    let mut left = p.count;
    let (mut x, mut y) = (p.x, p.y);
    // Each group of pixels brings one cache line for each step: all are there after as many groups as registers.
    let weights = p.taps.len() * p.run * N * V::LANES;
    let mut ahead = if p.ahead { p.weights.wrapping_add(weights) } else { std::ptr::null() };
    let end = p.weights.wrapping_add(2 * weights);
    while left > 0 {
        // A last group that is much smaller than the others would waste latency: share with it.
        let m = if left <= most {
            left
        } else if left < 2 * most {
            left.div_ceil(2)
        } else {
            most
        };
        // SAFETY: the group stays within the run.
        unsafe {
            match m {
                1 => block::<V, 1, N>(p, x, y, ahead),
                2 => block::<V, 2, N>(p, x, y, ahead),
                3 => block::<V, 3, N>(p, x, y, ahead),
                4 => block::<V, 4, N>(p, x, y, ahead),
                5 if N < 3 || V::REGISTERS >= 32 => block::<V, 5, N>(p, x, y, ahead),
                6 if N < 3 || V::REGISTERS >= 32 => block::<V, 6, N>(p, x, y, ahead),
                7 if N < 4 => block::<V, 7, N>(p, x, y, ahead),
                8 if N < 4 => block::<V, 8, N>(p, x, y, ahead),
                9 if N < 3 => block::<V, 9, N>(p, x, y, ahead),
                10 if N < 3 => block::<V, 10, N>(p, x, y, ahead),
                11 if N < 3 => block::<V, 11, N>(p, x, y, ahead),
                12 if N < 3 => block::<V, 12, N>(p, x, y, ahead),
                _ => unreachable!("groups are no larger than pixels_at_once"),
            }
            // Past the end after the last group.
            x = x.wrapping_add(m * p.x_step);
            y = y.wrapping_add(m * p.y_step);
        }
        if !ahead.is_null() {
            ahead = ahead.wrapping_add(p.run * LINE);
            if ahead >= end {
                ahead = std::ptr::null();
            }
        }
        left -= m;
    }
}

/// Floats of a cache line.
const LINE: usize = 16;

/// Adds `run` consecutive floats of each pixel times their weights; brings a line from `ahead` on nearer at each step
/// if `AHEAD`. The sums are passed by value, without which
/// they would stay in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "with iterators, the sums stay in memory")]
unsafe fn products<V: Vector, const M: usize, const N: usize, const AHEAD: bool>(
    mut acc: [[V; N]; M],
    x: *const f32,
    x_step: usize,
    mut w: *const f32,
    run: usize,
    ahead: *const f32,
) -> [[V; N]; M] {
    // SAFETY: the caller's fields promise all that is read.
    unsafe {
        for k in 0..run {
            if AHEAD {
                V::prefetch(ahead.wrapping_add(k * LINE));
            }
            let weights: [V; N] = load_all(w, V::LANES);
            for m in 0..M {
                let value = V::splat(*x.add(m * x_step + k));
                for n in 0..N {
                    acc[m][n] = value.fma(weights[n], acc[m][n]);
                }
            }
            w = w.add(N * V::LANES);
        }
    }
    acc
}

/// The sums so far, by value as in [`products`].
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn earlier<V: Vector, const M: usize, const N: usize>(
    mut acc: [[V; N]; M],
    y: *const f32,
    p: &Panel<'_>,
) -> [[V; N]; M] {
    // SAFETY: the caller's fields promise all that is read.
    unsafe {
        for m in 0..M {
            for n in 0..N {
                let (from, at) = (y.add(m * p.y_step), n * V::LANES);
                acc[m][n] = if p.channels >= at + V::LANES {
                    V::load(from.add(at))
                } else {
                    V::load_some(from.wrapping_add(at), p.channels.saturating_sub(at))
                };
            }
        }
    }
    acc
}

#[inline(always)]
unsafe fn block<V: Vector, const M: usize, const N: usize>(
    p: &Panel<'_>,
    x: *const f32,
    y: *mut f32,
    ahead: *const f32,
) {
    // SAFETY: the caller's fields promise all that is read and written.
    unsafe {
        let start: [V; N] = if p.bias.is_null() { [V::splat(0.0); N] } else { load_all(p.bias, V::LANES) };
        let mut acc = [start; M];
        if p.resume {
            acc = earlier(acc, y, p);
        }
        let mut w = p.weights;
        for &tap in p.taps {
            let x = x.wrapping_offset(tap);
            // Only the widest blocks are of layers that are worth it.
            acc = if N == 4 && !ahead.is_null() {
                products::<V, M, N, true>(acc, x, p.x_step, w, p.run, ahead)
            } else {
                products::<V, M, N, false>(acc, x, p.x_step, w, p.run, ahead)
            };
            w = w.add(p.run * N * V::LANES);
        }
        let full = p.channels == N * V::LANES;
        for (m, acc) in acc.iter().enumerate() {
            let to = y.add(m * p.y_step);
            for (n, &v) in acc.iter().enumerate() {
                let v = p.finish.apply(v, n * V::LANES);
                if full {
                    v.store(to.add(n * V::LANES));
                } else if p.channels > n * V::LANES {
                    v.store_some(to.add(n * V::LANES), p.channels - n * V::LANES);
                }
            }
        }
    }
}
