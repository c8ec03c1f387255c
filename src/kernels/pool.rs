//! Windows of pixels become one: the largest, the sum or the mean of each channel.

use super::conv::SLACK;
use super::graph::{Pool, Window};
use super::level::{Level, dispatch};
use super::vector::Vector;
use super::view::{Border, Shape, View};
use std::ops::Range;

/// One row of results.
pub(super) struct Row<'a> {
    kind: Pool,
    window: &'a Window,
    /// The picture's first pixel, and distances of its rows and pixels.
    x: (*const f32, usize, usize),
    /// Columns of the picture.
    width: usize,
    /// Rows of the picture that the windows cover.
    rows: Range<usize>,
    /// First result, and the distance of pixels.
    y: (*mut f32, usize),
    count: usize,
    channels: usize,
}

dispatch! {
    /// Computes the row.
    ///
    /// # Safety
    /// The level must run on this machine; the picture (and one register beyond it) and the results must be valid.
    run = row(Row<'_>)
}

/// Pools `x` into `y`.
///
/// # Panics
/// When the views leave the buffer, `SLACK` counted.
pub(super) fn pool(level: Level, buffer: &mut [f32], kind: Pool, window: &Window, x: &View, y: &View) {
    let Shape { n, h, w, c } = y.shape;
    assert!(x.fits(Border::default(), buffer.len().saturating_sub(SLACK)), "the input is inside");
    assert!(y.fits(Border::default(), buffer.len()), "the output is inside");
    assert_eq!((x.shape.c, x.shape.n), (c, n), "channels and pictures");
    let base = buffer.as_mut_ptr();
    for image in 0..n {
        for line in 0..h {
            let rows = covered(line, window.kernel.0, window.stride.0, window.before.0, x.shape.h);
            // SAFETY: both views are inside the buffer, and `covered` stays inside the picture.
            unsafe {
                let row = Row {
                    kind,
                    window,
                    x: (base.add(x.pixel_at(image, 0, 0)), x.row, x.pixel),
                    width: x.shape.w,
                    rows,
                    y: (base.add(y.pixel_at(image, line, 0)), y.pixel),
                    count: w,
                    channels: c,
                };
                run(level, &row);
            }
        }
    }
}

/// Positions of a picture of `length` that window `i` covers.
#[inline(always)]
fn covered(i: usize, kernel: usize, stride: usize, before: usize, length: usize) -> Range<usize> {
    let start = (i * stride).saturating_sub(before).min(length);
    let end = (i * stride + kernel).saturating_sub(before).min(length);
    start..end
}

#[inline(always)]
unsafe fn row<V: Vector>(r: &Row<'_>) {
    let window = r.window;
    for column in 0..r.count {
        let columns = covered(column, window.kernel.1, window.stride.1, window.before.1, r.width);
        let inside = (r.rows.end - r.rows.start) * (columns.end - columns.start);
        let divisor = match r.kind {
            Pool::Mean => inside.max(1),
            Pool::MeanOfAll => window.kernel.0 * window.kernel.1,
            Pool::Max | Pool::Sum => 1,
        };
        let mut c = 0;
        while c < r.channels {
            // SAFETY: the caller promised picture and results.
            unsafe {
                let mut acc = if r.kind == Pool::Max {
                    largest::<V>(r, columns.clone(), c)
                } else {
                    let mut acc = V::splat(0.0);
                    for i in r.rows.start..r.rows.end {
                        for k in columns.start..columns.end {
                            acc = acc.add(V::load(r.x.0.add(i * r.x.1 + k * r.x.2 + c)));
                        }
                    }
                    acc
                };
                if divisor != 1 {
                    acc = acc.mul(V::splat(1.0 / divisor as f32));
                }
                let to = r.y.0.add(column * r.y.1 + c);
                let left = r.channels - c;
                if left >= V::LANES { acc.store(to) } else { acc.store_some(to, left) }
            }
            c += V::LANES;
        }
    }
}

/// The largest of one window, for one register of channels.
#[inline(always)]
unsafe fn largest<V: Vector>(r: &Row<'_>, columns: Range<usize>, c: usize) -> V {
    // SAFETY: the caller promised the picture.
    unsafe {
        let first = r.x.0.wrapping_add(r.rows.start * r.x.1 + columns.start * r.x.2 + c);
        if (r.rows.end - r.rows.start, columns.end - columns.start) == (2, 2) {
            // The usual one, without loops.
            let below = first.add(r.x.1);
            let (a, b) = (V::load(first), V::load(first.add(r.x.2)));
            return a.max(b).max(V::load(below)).max(V::load(below.add(r.x.2)));
        }
        let mut acc = V::splat(f32::NEG_INFINITY);
        for i in 0..r.rows.end - r.rows.start {
            for k in 0..columns.end - columns.start {
                acc = acc.max(V::load(first.add(i * r.x.1 + k * r.x.2)));
            }
        }
        acc
    }
}
