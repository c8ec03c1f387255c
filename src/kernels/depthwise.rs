//! Convolutions of each channel by itself: vectors lie along the channels.

use super::direct::Row;
use super::level::{Level, dispatch};
use super::vector::Vector;
use super::weights::Weights;

/// Pixels at once.
const M: usize = 6;

/// A depthwise convolution: as many groups as input and output channels.
#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    level: Level,
    pub channels: usize,
    pub taps: Vec<(isize, isize)>,
    pub stride: (usize, usize),
    /// `[channel vector][tap][lane]`.
    weights: Vec<f32>,
}

impl Depthwise {
    /// Without weights yet, for the kernel's taps in their order.
    pub(super) fn new(
        level: Level,
        channels: usize,
        stride: (usize, usize),
        taps: Vec<(isize, isize)>,
    ) -> Depthwise {
        let weights = vec![0.0; taps.len() * channels.next_multiple_of(level.lanes())];
        Depthwise { level, channels, taps, stride, weights }
    }

    /// Packs the weights; each channel is a group.
    pub(super) fn pack(&mut self, weights: &Weights<'_>) {
        let (lanes, area) = (self.level.lanes(), self.taps.len());
        for c in 0..self.channels {
            let group = weights.of_group(c);
            for (t, v) in group.taps(0, 0).iter().enumerate() {
                self.weights[(c / lanes * area + t) * lanes + c % lanes] = *v;
            }
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
    /// As for `direct::run`; beyond the input's last float, one register more must be valid to read.
    run = row(Row<'_, Depthwise>)
}

#[inline(always)]
unsafe fn row<V: Vector>(r: &Row<'_, Depthwise>) {
    // SAFETY: passed on.
    unsafe {
        let mut i = 0;
        while i + M <= r.count {
            pixels::<V, M>(r, i);
            i += M;
        }
        while i < r.count {
            pixels::<V, 1>(r, i);
            i += 1;
        }
    }
}

#[inline(always)]
unsafe fn pixels<V: Vector, const P: usize>(r: &Row<'_, Depthwise>, first: usize) {
    let d = r.kernel;
    let step = d.stride.1 * r.x.2;
    // SAFETY: the caller promised input and output; weights are packed for these loops.
    unsafe {
        let mut w = d.weights.as_ptr();
        let x = r.x.0.wrapping_add(first * step);
        let y = r.y.0.add(first * r.y.1);
        let mut c = 0;
        while c < d.channels {
            let mut acc = [V::load(r.bias.add(c)); P];
            for &(dy, dx) in &d.taps {
                let at = x.wrapping_offset(dy * r.x.1 as isize + dx * r.x.2 as isize + c as isize);
                let weight = V::load(w);
                for (p, acc) in acc.iter_mut().enumerate() {
                    *acc = V::load(at.add(p * step)).fma(weight, *acc);
                }
                w = w.add(V::LANES);
            }
            let some = d.channels - c;
            for (p, acc) in acc.into_iter().enumerate() {
                let v = r.finish.apply(acc, c);
                let to = y.add(p * r.y.1 + c);
                if some >= V::LANES { v.store(to) } else { v.store_some(to, some) }
            }
            c += V::LANES;
        }
    }
}
