//! Pictures read at positions that another picture tells.

use super::graph::{Beyond, Sampling};
use super::level::{Level, dispatch};
use super::vector::Vector;
use super::view::{Border, Shape, View};

/// One row of results.
pub(super) struct Row<'a> {
    how: Sampling,
    /// The picture's first pixel, and distances of its rows and pixels.
    x: (*const f32, usize, usize),
    /// Its rows and columns.
    size: (usize, usize),
    /// The positions, across and down, of each result.
    positions: &'a [(f32, f32)],
    /// First result, and the distance of pixels.
    y: (*mut f32, usize),
    channels: usize,
}

dispatch! {
    /// Computes the row.
    ///
    /// # Safety
    /// The level must run on this machine; picture and results must be valid and not overlap.
    run = row(Row<'_>)
}

/// Reads `x` at the positions of `grid` into `y`.
///
/// # Panics
/// When the views leave the buffer or their shapes don't go together.
pub(super) fn sample(level: Level, buffer: &mut [f32], how: Sampling, x: &View, grid: &View, y: &View) {
    let Shape { n, h, w, c } = y.shape;
    assert!([x, grid, y].iter().all(|v| v.fits(Border::default(), buffer.len())), "views are inside");
    assert_eq!((x.shape.n, x.shape.c, grid.shape), (n, c, Shape { c: 2, ..y.shape }), "shapes");
    assert!(!x.shape.is_empty(), "an empty picture");
    let mut positions = Vec::with_capacity(w);
    for image in 0..n {
        for line in 0..h {
            positions.clear();
            positions.extend((0..w).map(|column| {
                let at = grid.pixel_at(image, line, column);
                (
                    position(buffer[at], x.shape.w, how.corners),
                    position(buffer[at + 1], x.shape.h, how.corners),
                )
            }));
            let base = buffer.as_mut_ptr();
            // SAFETY: the views are inside the buffer, and different results of a program.
            unsafe {
                let row = Row {
                    how,
                    x: (base.add(x.pixel_at(image, 0, 0)), x.row, x.pixel),
                    size: (x.shape.h, x.shape.w),
                    positions: &positions,
                    y: (base.add(y.pixel_at(image, line, 0)), y.pixel),
                    channels: c,
                };
                run(level, &row);
            }
        }
    }
}

/// From -1 to 1 to pixels.
fn position(v: f32, size: usize, corners: bool) -> f32 {
    let size = size as f32;
    if corners { (v + 1.0) / 2.0 * (size - 1.0) } else { ((v + 1.0) * size - 1.0) / 2.0 }
}

/// A position beyond the picture, brought back into it.
#[inline(always)]
fn inside(v: f32, size: usize, how: Sampling) -> f32 {
    let last = size as f32 - 1.0;
    match how.beyond {
        Beyond::Zeros => v,
        Beyond::Edge => v.clamp(0.0, last),
        Beyond::Mirror => {
            let (low, high) = if how.corners { (0.0, last) } else { (-0.5, last + 0.5) };
            let range = high - low;
            if range <= 0.0 {
                return 0.0 * v;
            }
            // Twice the range brings the same pixels again.
            let along = (v - low).abs() % (2.0 * range);
            let along = if along > range { 2.0 * range - along } else { along };
            (along + low).clamp(0.0, last)
        }
    }
}

#[inline(always)]
unsafe fn row<V: Vector>(r: &Row<'_>) {
    let (rows, columns) = r.size;
    for (i, (x, y)) in r.positions.iter().enumerate() {
        let (x, y) = if r.how.nearest { (x.round_ties_even(), y.round_ties_even()) } else { (*x, *y) };
        let (x, y) = (inside(x, columns, r.how), inside(y, rows, r.how));
        // Rounded again: the mirror image of a pixel may lie between two.
        let (x, y) = if r.how.nearest { (x.floor(), y.floor()) } else { (x, y) };
        let (left, top) = (x.floor(), y.floor());
        let (right, bottom) = (x - left, y - top);
        let weights = [
            (0, 0, (1.0 - right) * (1.0 - bottom)),
            (1, 0, right * (1.0 - bottom)),
            (0, 1, (1.0 - right) * bottom),
            (1, 1, right * bottom),
        ];
        // SAFETY: what is outside the picture is left out or brought to its outermost pixels.
        unsafe {
            let to = r.y.0.add(i * r.y.1);
            let mut from = [(r.x.0, 0.0f32); 4];
            for (from, (dx, dy, weight)) in from.iter_mut().zip(weights) {
                let (column, line) = (left + dx as f32, top + dy as f32);
                let beyond = column < 0.0 || line < 0.0 || column >= columns as f32 || line >= rows as f32;
                if beyond && r.how.beyond == Beyond::Zeros {
                    // No number: at what is nowhere, the result is none either.
                    from.1 = if weight.is_nan() { weight } else { 0.0 };
                    continue;
                }
                // Casts bring what is below 0, and what is no number, to 0.
                let (column, line) = ((column as usize).min(columns - 1), (line as usize).min(rows - 1));
                *from = (r.x.0.add(line * r.x.1 + column * r.x.2), weight);
            }
            let mut c = 0;
            while c < r.channels {
                let some = r.channels - c;
                let mut sum = V::splat(0.0);
                for (from, weight) in from {
                    // What has no weight may be no number.
                    if weight != 0.0 {
                        let v = if some >= V::LANES {
                            V::load(from.add(c))
                        } else {
                            V::load_some(from.add(c), some)
                        };
                        sum = v.fma(V::splat(weight), sum);
                    }
                }
                if some >= V::LANES {
                    sum.store(to.add(c))
                } else {
                    sum.store_some(to.add(c), some)
                }
                c += V::LANES;
            }
        }
    }
}
