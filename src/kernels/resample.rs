//! Rows and columns as weighted sums of others: pictures enlarged and reduced by interpolation.

use super::graph::Taps;
use super::level::{Level, dispatch};
use super::vector::Vector;
use super::view::{Border, Shape, View};

/// Results that lie side by side, each the sum of as many numbers as there are taps.
pub(super) struct Call<'a> {
    from: *const f32,
    /// Where each tap reads, and its weight.
    taps: &'a [(usize, f32)],
    to: *mut f32,
    count: usize,
}

dispatch! {
    /// Computes the results.
    ///
    /// # Safety
    /// The level must run on this machine; all that the taps read and the results must be valid and not overlap.
    run = sums(Call<'_>)
}

#[inline(always)]
unsafe fn sums<V: Vector>(call: &Call<'_>) {
    let mut i = 0;
    while i < call.count {
        let some = call.count - i;
        // SAFETY: the caller promised input and results.
        unsafe {
            let mut sum = V::splat(0.0);
            for &(at, weight) in call.taps {
                let from = call.from.add(at + i);
                let v = if some >= V::LANES { V::load(from) } else { V::load_some(from, some) };
                sum = v.fma(V::splat(weight), sum);
            }
            if some >= V::LANES { sum.store(call.to.add(i)) } else { sum.store_some(call.to.add(i), some) }
        }
        i += V::LANES;
    }
}

/// Makes the rows (axis 1) or columns of `y` of those of `x`.
///
/// # Panics
/// When the views leave the buffer or a tap the picture.
pub(super) fn resample(level: Level, buffer: &mut [f32], axis: usize, taps: &Taps, x: &View, y: &View) {
    let Shape { n, h, w, c } = y.shape;
    let length = if axis == 1 { x.shape.h } else { x.shape.w };
    assert!([x, y].iter().all(|v| v.fits(Border::default(), buffer.len())), "views are inside");
    assert!(taps.positions.iter().all(|p| *p < length), "taps are inside");
    assert_eq!(taps.positions.len(), taps.window * if axis == 1 { h } else { w }, "taps of all positions");
    let dense = x.rows_are_dense() && y.rows_are_dense();
    let mut own = Vec::with_capacity(taps.window);
    let step = if axis == 1 { x.row } else { x.pixel };
    for image in 0..n {
        for row in 0..h {
            for column in 0..w {
                let at = if axis == 1 { row } else { column };
                // What has no weight may be no number.
                let all = taps.positions.iter().zip(&taps.weights).skip(at * taps.window).take(taps.window);
                own.clear();
                own.extend(all.filter(|t| *t.1 != 0.0).map(|(p, weight)| (p * step, *weight)));
                let (from, whole) = if axis == 1 {
                    (x.pixel_at(image, 0, column), dense)
                } else {
                    (x.pixel_at(image, row, 0), false)
                };
                let count = if whole { w * c } else { c };
                let base = buffer.as_mut_ptr();
                // SAFETY: the views are inside the buffer, and different results of a program.
                unsafe {
                    let to = base.add(y.pixel_at(image, row, column));
                    run(level, &Call { from: base.add(from), taps: &own, to, count });
                }
                if whole {
                    break;
                }
            }
        }
    }
}
