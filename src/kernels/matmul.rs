//! Products of two matrices that a network computed: many small ones, one for each window and head.
//!
//! Operands are read wherever their rows and numbers lie, by tables of offsets, and packed: so that windows, heads
//! and transposes cost no moves of their own.

use super::level::{Level, dispatch};
use super::panel::{Finish, Panel, panel, split_channels};
use super::vector::Vector;

/// The matrix at `base`: its rows and columns lie at the sums of these offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    pub base: usize,
    pub rows: &'a [usize],
    pub columns: &'a [usize],
}

impl<'a> Matrix<'a> {
    /// Whether it lies within a buffer of `len` floats.
    pub(super) fn fits(&self, len: usize) -> bool {
        let last = |all: &[usize]| all.iter().copied().max();
        match (last(self.rows), last(self.columns)) {
            (Some(r), Some(c)) => self.base + r + c < len,
            _ => true,
        }
    }

    /// The distance of rows where they lie evenly and each one's numbers side by side.
    pub(super) fn step(&self) -> Option<usize> {
        even(self.rows).filter(|_| self.beside())
    }

    /// Its transpose.
    pub(super) fn turned(self) -> Self {
        Matrix { rows: self.columns, columns: self.rows, ..self }
    }

    /// Whether each row's numbers lie side by side.
    pub(super) fn beside(&self) -> bool {
        self.columns.iter().enumerate().all(|(i, c)| *c == self.columns[0] + i)
    }

    /// Copies it to lie row by row.
    pub(super) fn gather(&self, buffer: &[f32], to: &mut [f32]) {
        for (to, row) in to.chunks_exact_mut(self.columns.len()).zip(self.rows) {
            copy_row(buffer, self.base + row, self.columns, to);
        }
    }

    /// Copies it to lie column by column, `step` floats apart.
    ///
    /// # Panics
    /// When it leaves the buffer, or the columns don't fit.
    pub(super) fn gather_columns(&self, buffer: &[f32], to: &mut [f32], step: usize) {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        assert!(rows <= step && columns * step <= to.len() && self.fits(buffer.len()), "it fits");
        if rows == 0 || columns == 0 {
            return;
        }
        let to = to.as_mut_ptr();
        for (c, column) in self.columns.iter().enumerate() {
            // SAFETY: all places were checked.
            unsafe {
                let (from, to) = (buffer.as_ptr().add(self.base + column), to.add(c * step));
                for (i, row) in self.rows.iter().enumerate() {
                    *to.add(i) = *from.add(*row);
                }
            }
        }
    }

    /// Copies columns, `step` floats apart, to its places.
    ///
    /// # Panics
    /// As [`Matrix::gather_columns`].
    pub(super) fn scatter_columns(&self, from: &[f32], step: usize, buffer: &mut [f32]) {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        assert!(rows <= step && columns * step <= from.len() && self.fits(buffer.len()), "it fits");
        let (from, to) = (from.as_ptr(), buffer.as_mut_ptr());
        for (i, row) in self.rows.iter().enumerate() {
            // SAFETY: all places were checked.
            unsafe {
                let (from, to) = (from.add(i), to.add(self.base + row));
                for (c, at) in self.columns.iter().enumerate() {
                    *to.add(*at) = *from.add(c * step);
                }
            }
        }
    }
}

/// The distance of offsets that lie evenly.
fn even(offsets: &[usize]) -> Option<usize> {
    let [first, second, ..] = offsets else { return Some(0) };
    let step = second.checked_sub(*first)?;
    offsets.windows(2).all(|w| w[1] == w[0] + step).then_some(step)
}

/// Products of matrices of one size: `rows` x `inner` times `inner` x `columns`.
#[derive(Clone, Debug)]
pub(super) struct MatMul {
    level: Level,
    pub rows: usize,
    pub inner: usize,
    pub columns: usize,
    /// Whether the second matrix comes as `columns` x `inner`.
    pub transposed: bool,
    /// Registers in each block of columns.
    blocks: Vec<usize>,
    /// Columns in whole registers.
    padded: usize,
}

/// The packed matrices of one product.
pub(super) struct Packed<'a> {
    matmul: &'a MatMul,
    /// Rows of the first, and their distance.
    a: (*const f32, usize),
    /// The second, block by block.
    b: *const f32,
    /// Rows of the product, and their distance.
    y: (*mut f32, usize),
}

dispatch! {
    /// Computes the product.
    ///
    /// # Safety
    /// The level must run on this machine; the matrices must be valid, and the product overlap none.
    run = product(Packed<'_>)
}

#[inline(always)]
unsafe fn product<V: Vector>(p: &Packed<'_>) {
    let m = p.matmul;
    let mut column = 0;
    for &blocks in &m.blocks {
        let width = blocks * V::LANES;
        // SAFETY: the caller promised the matrices; the second is packed for these blocks.
        unsafe {
            panel::<V>(&Panel {
                x: p.a.0,
                x_step: p.a.1,
                taps: &[0],
                run: m.inner,
                weights: p.b.add(column * m.inner),
                blocks,
                bias: std::ptr::null(),
                y: p.y.0.add(column),
                y_step: p.y.1,
                channels: (m.columns - column).min(width),
                count: m.rows,
                finish: Finish::None,
                resume: false,
                ahead: false,
            });
        }
        column += width;
    }
}

impl MatMul {
    pub(super) fn new(level: Level, rows: usize, inner: usize, columns: usize, transposed: bool) -> MatMul {
        let level = level.for_channels(columns);
        let blocks = split_channels(columns.div_ceil(level.lanes()), level.registers());
        let padded = columns.next_multiple_of(level.lanes());
        MatMul { level, rows, inner, columns, transposed, blocks, padded }
    }

    /// Floats of scratch that a product takes.
    pub(super) fn scratch(&self) -> usize {
        self.rows * self.inner + self.inner * self.padded + self.rows * self.columns
    }

    /// Computes one product, of and to matrices within `buffer`.
    ///
    /// # Panics
    /// When a matrix has another size or leaves the buffer, or `scratch` is short.
    pub(super) fn run(
        &self,
        buffer: &mut [f32],
        a: &Matrix<'_>,
        b: &Matrix<'_>,
        y: &Matrix<'_>,
        scratch: &mut [f32],
    ) {
        let size = |m: &Matrix<'_>| (m.rows.len(), m.columns.len());
        let second = if self.transposed { (self.columns, self.inner) } else { (self.inner, self.columns) };
        assert_eq!(size(a), (self.rows, self.inner), "the first matrix");
        assert_eq!(size(b), second, "the second matrix");
        assert_eq!(size(y), (self.rows, self.columns), "the product");
        assert!([a, b, y].iter().all(|m| m.fits(buffer.len())), "matrices are inside");
        let (packed_a, rest) = scratch.split_at_mut(self.rows * self.inner);
        let (packed_b, rest) = rest.split_at_mut(self.inner * self.padded);
        let packed_y = &mut rest[..self.rows * self.columns];
        self.pack(buffer, b, packed_b);
        // All of the first is packed unless its rows can be read where they are.
        let in_place = a.step();
        if in_place.is_none() {
            a.gather(buffer, packed_a);
        }
        let direct = y.step().filter(|step| *step >= self.columns || self.rows == 1);
        let base = buffer.as_mut_ptr();
        // SAFETY: every matrix is inside the buffer or packed in the scratch; what is read of the first where it lies
        // and the product are different results of the program, which share no memory.
        unsafe {
            let a = match in_place {
                Some(step) => (base.add(a.base + a.rows[0] + a.columns[0]).cast_const(), step),
                None => (packed_a.as_ptr(), self.inner),
            };
            let y = match direct {
                Some(step) => (base.add(y.base + y.rows[0] + y.columns[0]), step),
                None => (packed_y.as_mut_ptr(), self.columns),
            };
            run(self.level, &Packed { matmul: self, a, b: packed_b.as_ptr(), y });
        }
        if direct.is_none() {
            scatter(packed_y, y, buffer);
        }
    }

    /// Packs the second matrix: for each block of columns its rows one after the other.
    fn pack(&self, buffer: &[f32], b: &Matrix<'_>, to: &mut [f32]) {
        let lanes = self.level.lanes();
        let mut first = 0;
        for blocks in &self.blocks {
            let width = blocks * lanes;
            let part = &mut to[first * self.inner..][..width * self.inner];
            let some = width.min(self.columns - first);
            if some < width {
                part.fill(0.0);
            }
            if self.transposed {
                for (i, row) in b.rows[first..first + some].iter().enumerate() {
                    let base = b.base + row;
                    let column = part[i..].iter_mut().step_by(width);
                    if even(b.columns) == Some(1) {
                        let from = &buffer[base + b.columns[0]..];
                        column.zip(from).for_each(|(to, v)| *to = *v);
                    } else {
                        column.zip(b.columns).for_each(|(to, c)| *to = buffer[base + c]);
                    }
                }
            } else {
                let columns = &b.columns[first..first + some];
                for (to, row) in part.chunks_exact_mut(width).zip(b.rows) {
                    copy_row(buffer, b.base + row, columns, &mut to[..some]);
                }
            }
            first += width;
        }
    }
}

/// Copies numbers of a row.
#[inline]
fn copy_row(buffer: &[f32], base: usize, columns: &[usize], to: &mut [f32]) {
    if let Some(1) = even(columns) {
        to.copy_from_slice(&buffer[base + columns[0]..][..to.len()]);
    } else {
        to.iter_mut().zip(columns).for_each(|(to, c)| *to = buffer[base + c]);
    }
}

/// Copies a matrix that lies row by row to its places.
fn scatter(from: &[f32], m: &Matrix<'_>, buffer: &mut [f32]) {
    let side_by_side = even(m.columns) == Some(1);
    for (from, row) in from.chunks_exact(m.columns.len()).zip(m.rows) {
        let base = m.base + row;
        if side_by_side {
            buffer[base + m.columns[0]..][..from.len()].copy_from_slice(from);
        } else {
            from.iter().zip(m.columns).for_each(|(v, c)| buffer[base + c] = *v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_that_lie_anyhow_at_every_level() {
        let sizes =
            [(1, 1, 1), (7, 5, 3), (64, 10, 64), (49, 32, 49), (3, 40, 17), (50, 64, 257), (13, 9, 24)];
        for level in Level::available() {
            for (rows, inner, columns) in sizes {
                for way in 0..16 {
                    let (transposed, across) = (way & 1 == 1, [way & 2 == 2, way & 4 == 4, way & 8 == 8]);
                    let second = if transposed { (columns, inner) } else { (inner, columns) };
                    let mut end = 3;
                    let mut place = |(r, c): (usize, usize), across: bool| {
                        let base = end;
                        end += 2 * r * c + 1;
                        // Rows behind one another, or numbers; some rows in another order.
                        let (row, column) = if across { (1, 2 * r) } else { (c, 1) };
                        let mut rows: Vec<usize> = (0..r).map(|i| i * row).collect();
                        if way >= 8 {
                            rows.reverse();
                        }
                        (base, rows, (0..c).map(|i| i * column).collect::<Vec<_>>())
                    };
                    let places = [(rows, inner), second, (rows, columns)];
                    let all: Vec<_> = (0..3).map(|i| place(places[i], across[i])).collect();
                    let view = |i: usize| {
                        let (base, rows, columns) = &all[i];
                        Matrix { base: *base, rows, columns }
                    };
                    let mut buffer: Vec<f32> =
                        (0..end + 1).map(|i| ((i * 31 % 47) as f32 - 20.0) / 9.0).collect();
                    let before = buffer.clone();
                    let matmul = MatMul::new(level, rows, inner, columns, transposed);
                    let mut scratch = vec![f32::NAN; matmul.scratch()];
                    matmul.run(&mut buffer, &view(0), &view(1), &view(2), &mut scratch);
                    let at = |i: usize, r: usize, c: usize| all[i].0 + all[i].1[r] + all[i].2[c];
                    for r in 0..rows {
                        for c in 0..columns {
                            let b = |k: usize| if transposed { at(1, c, k) } else { at(1, k, c) };
                            let exact: f64 = (0..inner)
                                .map(|k| f64::from(before[at(0, r, k)]) * f64::from(before[b(k)]))
                                .sum();
                            let got = f64::from(buffer[at(2, r, c)]);
                            assert!(
                                (got - exact).abs() < 1e-4,
                                "{level:?} {rows} {inner} {columns} {way}: {got} {exact}"
                            );
                        }
                    }
                }
            }
        }
    }
}
