//! Pictures inside a buffer of floats: channels innermost, then columns, rows, items of the batch.

/// Size of a batch of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Pictures.
    pub n: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl Shape {
    /// Pictures `n`, rows `h`, columns `w`, channels `c`.
    pub fn new(n: usize, h: usize, w: usize, c: usize) -> Shape {
        Shape { n, h, w, c }
    }

    /// Numbers in all.
    pub fn len(&self) -> usize {
        self.n * self.h * self.w * self.c
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.n == 0 || self.h == 0 || self.w == 0 || self.c == 0
    }
}

/// Rows or columns beyond each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Border {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Border {
    /// The larger of both at each side.
    pub fn union(self, other: Border) -> Border {
        Border {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }
}

/// Where a batch of pictures lies in a buffer; offsets and distances in floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Size.
    pub shape: Shape,
    /// Offset of the first number.
    pub at: usize,
    /// Distance of pictures.
    pub image: usize,
    /// Distance of rows.
    pub row: usize,
    /// Distance of pixels.
    pub pixel: usize,
}

impl View {
    /// A batch that fills its part of the buffer from `at` on, with a border around each picture.
    pub fn bordered(shape: Shape, border: Border, at: usize) -> View {
        let row = (border.left + shape.w + border.right) * shape.c;
        let image = (border.top + shape.h + border.bottom) * row;
        let at = at + border.top * row + border.left * shape.c;
        View { shape, at, image, row, pixel: shape.c }
    }

    /// A batch without gaps from the buffer's start.
    pub fn dense(shape: Shape) -> View {
        View::bordered(shape, Border::default(), 0)
    }

    /// Floats of a buffer for [`View::bordered`]; the largest number for any that can't be had.
    pub fn bordered_len(shape: Shape, border: Border) -> usize {
        let rows = border.top + shape.h + border.bottom;
        let row = (border.left + shape.w + border.right).saturating_mul(shape.c);
        shape.n.saturating_mul(rows).saturating_mul(row)
    }

    /// The same with only `c` channels from `from` on.
    pub fn channels(&self, from: usize, c: usize) -> View {
        debug_assert!(from + c <= self.pixel);
        View { shape: Shape { c, ..self.shape }, at: self.at + from, ..*self }
    }

    /// The part of this shape from position `from` of an axis on.
    pub(super) fn part(&self, axis: usize, from: usize, shape: Shape) -> View {
        View { shape, at: self.at + from * [self.image, self.row, self.pixel, 1][axis], ..*self }
    }

    /// Offset of the first channel of a pixel.
    pub fn pixel_at(&self, n: usize, y: usize, x: usize) -> usize {
        self.at + n * self.image + y * self.row + x * self.pixel
    }

    /// Whether pixels of a row follow one another without gaps.
    pub fn rows_are_dense(&self) -> bool {
        self.pixel == self.shape.c
    }

    /// Whether the pictures with `border` around each lie within a buffer of `len` floats.
    pub(super) fn fits(&self, border: Border, len: usize) -> bool {
        let Shape { n, h, w, c } = self.shape;
        if n == 0 || h == 0 || w == 0 || c == 0 {
            return true;
        }
        let checked = || {
            let before =
                border.top.checked_mul(self.row)?.checked_add(border.left.checked_mul(self.pixel)?)?;
            let image = (n - 1).checked_mul(self.image)?;
            let row = (h - 1).checked_add(border.bottom)?.checked_mul(self.row)?;
            let column = (w - 1).checked_add(border.right)?.checked_mul(self.pixel)?;
            let last = self.at.checked_add(image)?.checked_add(row)?.checked_add(column)?.checked_add(c)?;
            Some(before <= self.at && last <= len)
        };
        checked() == Some(true)
    }
}

/// Whether two views share no float, one of them with a border; channels of one buffer interleave.
pub(super) fn disjoint(x: &View, border: Border, y: &View) -> bool {
    let end = |v: &View, b: Border| {
        let s = v.shape;
        v.pixel_at(s.n.max(1) - 1, s.h.max(1) - 1 + b.bottom, s.w.max(1) - 1 + b.right) + s.c
    };
    let start = |v: &View, b: Border| v.at - b.top * v.row - b.left * v.pixel;
    let none = Border::default();
    let apart = end(x, border) <= start(y, none) || end(y, none) <= start(x, border);
    let whole = |v: &View| v.pixel > 0 && v.row.is_multiple_of(v.pixel) && v.image.is_multiple_of(v.pixel);
    let grid = (x.image, x.row, x.pixel) == (y.image, y.row, y.pixel) && whole(x);
    // By how many channels the output stands behind the input, wherever in the buffer their pixels begin.
    let pixel = x.pixel.max(1);
    let ahead = (y.at % pixel + pixel - x.at % pixel) % pixel;
    let beside = ahead >= x.shape.c && ahead + y.shape.c <= pixel;
    x.shape.is_empty() || y.shape.is_empty() || apart || (grid && beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_side_by_side_share_nothing_wherever_the_buffer_begins() {
        let view = |at: usize, c: usize| View {
            shape: Shape::new(1, 4, 5, c),
            at,
            image: 4 * 7 * 9,
            row: 7 * 9,
            pixel: 9,
        };
        let border = Border { left: 1, right: 1, ..Border::default() };
        for base in 100..130 {
            // Five channels and the four behind them, in either direction.
            assert!(disjoint(&view(base + 5, 4), border, &view(base, 5)), "{base}");
            assert!(disjoint(&view(base, 5), border, &view(base + 5, 4)), "{base}");
            assert!(!disjoint(&view(base + 4, 4), border, &view(base, 5)), "{base}");
            assert!(!disjoint(&view(base, 5), border, &view(base + 5, 5)), "{base}");
        }
    }
}
