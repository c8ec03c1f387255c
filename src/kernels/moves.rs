//! Operators that move numbers or take the largest, sum or mean of many: memory-bound, so plain code.

use super::elementwise::{Job, apply, larger, smaller};
use super::graph::{Atom, PadMode, Positions, Reduce};
use super::level::Level;
use super::view::{Border, Shape, View};

/// Numbers up to which a loop is faster than a call that copies.
const SHORT: usize = 16;

/// Where every position of each axis of a rearranged picture reads, as offsets that add up.
pub(super) fn offsets(axes: &[Vec<Atom>; 4], x: &View) -> [Vec<usize>; 4] {
    let distance = [x.image, x.row, x.pixel, 1];
    axes.each_ref().map(|atoms| {
        atoms.iter().fold(vec![0], |outer, atom| {
            let step = atom.step * distance[atom.axis];
            outer.iter().flat_map(|o| (0..atom.len).map(move |i| o + i * step)).collect()
        })
    })
}

/// Rearranges pixels and channels.
pub(super) fn rearrange(buffer: &mut [f32], axes: &[Vec<Atom>; 4], x: &View, y: &View) {
    let [n, h, w, c] = offsets(axes, x);
    // Numbers that lie side by side in input and output are copied together.
    let run = c.iter().enumerate().take_while(|(i, o)| **o == c[0] + i).count();
    for (i, image) in n.iter().enumerate() {
        for (j, row) in h.iter().enumerate() {
            let mut to = y.pixel_at(i, j, 0);
            let base = x.at + image + row;
            for column in &w {
                let from = base + column;
                if run == c.len() && run > SHORT {
                    buffer.copy_within(from + c[0]..from + c[0] + run, to);
                } else {
                    for (k, channel) in c.iter().enumerate() {
                        buffer[to + k] = buffer[from + channel];
                    }
                }
                to += y.pixel;
            }
        }
    }
}

/// Copies these pictures, rows and columns, in this order.
pub(super) fn take(buffer: &mut [f32], positions: &Positions, x: &View, y: &View) {
    let Shape { n, h, w, c } = y.shape;
    let of = |axis: usize, i: usize| positions[axis].as_ref().map_or(i, |p| p[i]);
    let dense = x.rows_are_dense() && y.rows_are_dense();
    for image in 0..n {
        for row in 0..h {
            let (from_image, from_row) = (of(0, image), of(1, row));
            let mut column = 0;
            while column < w {
                // Pixels that follow one another on both sides are one copy.
                let beside = match &positions[2] {
                    _ if !dense => 1,
                    Some(p) => 1 + p[column..].windows(2).take_while(|p| p[1] == p[0] + 1).count(),
                    None => w,
                };
                let from = x.pixel_at(from_image, from_row, of(2, column));
                buffer.copy_within(from..from + beside * c, y.pixel_at(image, row, column));
                column += beside;
            }
        }
    }
}

/// Copies a picture.
pub(super) fn copy_to(buffer: &mut [f32], x: &View, y: &View) {
    let Shape { n, h, w, c } = y.shape;
    let (count, run) = if x.rows_are_dense() && y.rows_are_dense() { (1, w * c) } else { (w, c) };
    for image in 0..n {
        for row in 0..h {
            for column in 0..count {
                let (from, to) = (x.pixel_at(image, row, column), y.pixel_at(image, row, column));
                buffer.copy_within(from..from + run, to);
            }
        }
    }
}

/// Writes numbers that lie pixel by pixel.
pub(super) fn fill(buffer: &mut [f32], values: &[f32], y: &View) {
    let from = View::dense(y.shape);
    let Shape { n, h, w, c } = y.shape;
    for image in 0..n {
        for row in 0..h {
            for column in 0..w {
                let at = from.pixel_at(image, row, column);
                buffer[y.pixel_at(image, row, column)..][..c].copy_from_slice(&values[at..at + c]);
            }
        }
    }
}

/// Continues pictures beyond their borders.
pub(super) fn pad(buffer: &mut [f32], before: (usize, usize), mode: PadMode, x: &View, y: &View) {
    let source = |i: usize, before: usize, length: usize| -> Option<usize> {
        let at = i as isize - before as isize;
        let last = length as isize - 1;
        let inside = match mode {
            PadMode::Constant(_) => (0..=last).contains(&at).then_some(at)?,
            PadMode::Edge => at.clamp(0, last),
            PadMode::Reflect => (if at < 0 {
                -at
            } else if at > last {
                2 * last - at
            } else {
                at
            })
            .clamp(0, last),
        };
        Some(inside as usize)
    };
    let Shape { n, h, w, c } = y.shape;
    for image in 0..n {
        for row in 0..h {
            let from_row = source(row, before.0, x.shape.h);
            for column in 0..w {
                let to = y.pixel_at(image, row, column);
                match (from_row, source(column, before.1, x.shape.w)) {
                    (Some(row), Some(column)) => {
                        let from = x.pixel_at(image, row, column);
                        buffer.copy_within(from..from + c, to);
                    }
                    _ => {
                        let PadMode::Constant(v) = mode else {
                            unreachable!("only constants have no source")
                        };
                        buffer[to..to + c].fill(v);
                    }
                }
            }
        }
    }
}

/// Reduces each picture to one pixel. Rows are added up in floats, their sums in doubles.
pub(super) fn reduce_space(buffer: &mut [f32], kind: Reduce, x: &View, y: &View) {
    let Shape { n, h, w, c } = x.shape;
    for image in 0..n {
        let mut total = vec![0.0f64; c];
        let mut row_sum = vec![0.0f32; c];
        let start = match kind {
            Reduce::Max => f32::NEG_INFINITY,
            Reduce::Min => f32::INFINITY,
            _ => 0.0,
        };
        total.fill(f64::from(start));
        for row in 0..h {
            row_sum.fill(start);
            for column in 0..w {
                let from = &buffer[x.pixel_at(image, row, column)..][..c];
                let pairs = row_sum.iter_mut().zip(from);
                match kind {
                    Reduce::Sum | Reduce::Mean => pairs.for_each(|(s, v)| *s += v),
                    Reduce::MeanOfSquares => pairs.for_each(|(s, v)| *s += v * v),
                    Reduce::Max => pairs.for_each(|(s, v)| *s = larger(*s, *v)),
                    Reduce::Min => pairs.for_each(|(s, v)| *s = smaller(*s, *v)),
                }
            }
            for (t, s) in total.iter_mut().zip(&row_sum) {
                let s = f64::from(*s);
                match kind {
                    Reduce::Max => *t = if *t > s { *t } else { s },
                    Reduce::Min => *t = if *t < s { *t } else { s },
                    _ => *t += s,
                }
            }
        }
        let scale =
            if matches!(kind, Reduce::Mean | Reduce::MeanOfSquares) { 1.0 / (h * w) as f64 } else { 1.0 };
        let to = y.pixel_at(image, 0, 0);
        for (to, t) in buffer[to..to + c].iter_mut().zip(&total) {
            *to = (t * scale) as f32;
        }
    }
}

/// Reduces the channels of each pixel to one.
pub(super) fn reduce_channels(level: Level, buffer: &mut [f32], kind: Reduce, x: &View, y: &View) {
    let Shape { n, h, w, c } = x.shape;
    let mut one = [0.0];
    for image in 0..n {
        for row in 0..h {
            for column in 0..w {
                let from = &buffer[x.pixel_at(image, row, column)..][..c];
                apply(level, Job::Reduce(kind, from, c), &mut one);
                buffer[y.pixel_at(image, row, column)] = one[0];
            }
        }
    }
}

/// Zeros around each picture of a buffer that [`View::bordered`] laid out; `x` is the picture, all channels.
pub fn clear_border(buffer: &mut [f32], border: Border, x: &View) {
    let Shape { n, h, w, .. } = x.shape;
    for image in 0..n {
        let start = x.pixel_at(image, 0, 0) - border.top * x.row - border.left * x.pixel;
        buffer[start..start + border.top * x.row].fill(0.0);
        for row in 0..h {
            let from = x.pixel_at(image, row, 0);
            buffer[from - border.left * x.pixel..from].fill(0.0);
            buffer[from + w * x.pixel..][..border.right * x.pixel].fill(0.0);
        }
        let below = start + (border.top + h) * x.row;
        buffer[below..below + border.bottom * x.row].fill(0.0);
    }
}
