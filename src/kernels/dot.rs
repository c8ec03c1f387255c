//! Convolutions with a handful of output channels: vectors lie along the input channels, and each sum is
//! added up at its end.

use super::direct::Row;
use super::level::{Level, dispatch};
use super::panel::Finish;
use super::vector::{Vector, load_all};
use super::weights::Weights;

/// Most output channels.
pub(super) const MAX_OUT: usize = 4;

/// Pixels at once.
const M: usize = 4;

/// A convolution of one group with at most [`MAX_OUT`] output channels, and input channels that
/// are a multiple of the level's lanes.
#[derive(Clone, Debug)]
pub(super) struct Dot {
    level: Level,
    pub channels: (usize, usize),
    pub taps: Vec<(isize, isize)>,
    pub stride: (usize, usize),
    /// `[tap][input vector][output][lane]`.
    weights: Vec<f32>,
}

impl Dot {
    /// Whether this kernel suits.
    pub(super) fn suits(level: Level, (ic, oc): (usize, usize)) -> bool {
        oc <= MAX_OUT && ic >= 2 * level.lanes() && ic.is_multiple_of(level.lanes())
    }

    /// Without weights yet, for the kernel's taps in their order.
    pub(super) fn new(
        level: Level,
        channels: (usize, usize),
        stride: (usize, usize),
        taps: Vec<(isize, isize)>,
    ) -> Dot {
        let weights = vec![0.0; taps.len() * channels.0 * channels.1];
        Dot { level, channels, taps, stride, weights }
    }

    /// Packs the weights.
    pub(super) fn pack(&mut self, weights: &Weights<'_>) {
        let (ic, oc) = self.channels;
        let lanes = self.level.lanes();
        for (at, to) in self.weights.chunks_exact_mut(lanes).enumerate() {
            let (tap, rest) = (at / (ic / lanes * oc), at % (ic / lanes * oc));
            weights.copy_inputs(to, rest % oc, rest / oc * lanes, tap);
        }
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }
}

dispatch! {
    /// Computes the row.
    ///
    /// # Safety
    /// As for `direct::run`.
    run = row(Row<'_, Dot>)
}

#[inline(always)]
unsafe fn row<V: Vector>(r: &Row<'_, Dot>) {
    // SAFETY: passed on.
    unsafe {
        match r.kernel.channels.1 {
            1 => outputs::<V, 1>(r),
            2 => outputs::<V, 2>(r),
            3 => outputs::<V, 3>(r),
            _ => outputs::<V, 4>(r),
        }
    }
}

#[inline(always)]
unsafe fn outputs<V: Vector, const O: usize>(r: &Row<'_, Dot>) {
    // SAFETY: passed on.
    unsafe {
        let mut i = 0;
        while i + M <= r.count {
            pixels::<V, M, O>(r, i);
            i += M;
        }
        while i < r.count {
            pixels::<V, 1, O>(r, i);
            i += 1;
        }
    }
}

/// Adds one tap's products. The sums are passed by value, without which they would stay in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "with iterators, the sums stay in memory")]
unsafe fn products<V: Vector, const P: usize, const O: usize>(
    mut acc: [[V; O]; P],
    x: *const f32,
    step: usize,
    mut w: *const f32,
    channels: usize,
) -> [[V; O]; P] {
    // SAFETY: the caller promised input and weights.
    unsafe {
        let mut k = 0;
        while k < channels {
            let weights: [V; O] = load_all(w, V::LANES);
            for p in 0..P {
                let v = V::load(x.add(p * step + k));
                for o in 0..O {
                    acc[p][o] = v.fma(weights[o], acc[p][o]);
                }
            }
            w = w.add(O * V::LANES);
            k += V::LANES;
        }
    }
    acc
}

#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn pixels<V: Vector, const P: usize, const O: usize>(r: &Row<'_, Dot>, first: usize) {
    let step = r.kernel.stride.1 * r.x.2;
    // SAFETY: the caller promised input and output; weights are packed for these loops.
    unsafe {
        let mut acc = [[V::splat(0.0); O]; P];
        let mut w = r.kernel.weights.as_ptr();
        let x = r.x.0.wrapping_add(first * step);
        let channels = r.kernel.channels.0;
        for &(dy, dx) in &r.kernel.taps {
            let at = x.wrapping_offset(dy * r.x.1 as isize + dx * r.x.2 as isize);
            acc = products::<V, P, O>(acc, at, step, w, channels);
            w = w.add(channels * O);
        }
        for o in 0..O {
            let mut sums = [0.0; P];
            if P == 4 {
                sums.copy_from_slice(
                    &V::totals([acc[0][o], acc[P / 4][o], acc[P / 2][o], acc[P - 1][o]])[..P],
                );
            } else {
                for p in 0..P {
                    sums[p] = acc[p][o].total();
                }
            }
            for p in 0..P {
                let v = sums[p] + *r.bias.add(o);
                *r.y.0.add((first + p) * r.y.1 + o) = match r.finish {
                    Finish::None => v,
                    Finish::Relu if v < 0.0 => 0.0,
                    Finish::Slope(slopes) if v < 0.0 => v * *slopes.add(o),
                    Finish::Clip(low, high) if v < low => low.min(high),
                    Finish::Clip(_, high) if v > high => high,
                    _ => v,
                };
            }
        }
    }
}
