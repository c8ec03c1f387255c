//! Attention of one window and head: the scores of a block of queries stay in the cache, with vectors along the queries.
//!
//! `softmax(q kᵀ * scale + tables) v` is computed transposed: each key's scores are a row, so that maxima and sums need
//! no steps across lanes, and the scores are the packed operand of the second product as they lie.

use super::functions::exp_of_negative;
use super::level::{Level, dispatch};
use super::matmul::Matrix;
use super::panel::split_channels;
use super::vector::{Vector, load_all};
use super::view::Shape;
use std::sync::Arc;

/// Numbers that are added to the scores, packed.
#[derive(Clone, Debug)]
struct Table {
    /// For each picture and head: for each block of queries, a row for each key.
    values: Arc<Vec<f32>>,
    /// Pictures and heads; 1 where it is the same for all.
    items: (usize, usize),
}

/// Attention of one size.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    level: Level,
    queries: usize,
    keys: usize,
    /// Numbers of a query and a key, and of a value.
    inner: usize,
    columns: usize,
    /// Registers in each block of queries.
    blocks: Vec<usize>,
    /// Queries in whole registers.
    padded: usize,
    /// Of the scores; one, or one for each head.
    scales: Vec<f32>,
    tables: Vec<Table>,
    /// Where rows of keys and values begin once they are packed.
    steps: (Vec<usize>, Vec<usize>),
}

/// Rows of numbers: a place, and where each row begins from there.
#[derive(Clone, Copy)]
struct Rows<'a>(*const f32, &'a [usize]);

impl Rows<'_> {
    /// # Safety
    /// The row must be there.
    #[inline(always)]
    unsafe fn at(&self, row: usize) -> *const f32 {
        // SAFETY: the caller's duty.
        unsafe { self.0.add(*self.1.get_unchecked(row)) }
    }
}

/// One block of queries.
pub(super) struct Block<'a> {
    of: &'a Attention,
    blocks: usize,
    /// Queries, packed.
    q: *const f32,
    k: Rows<'a>,
    v: Rows<'a>,
    scores: *mut f32,
    /// The result: a row for each of its numbers.
    y: *mut f32,
    tables: &'a [*const f32],
}

dispatch! {
    /// Computes the block.
    ///
    /// # Safety
    /// The level must run on this machine; all pointers must be valid for what they hold, and only be written to here.
    run = block(Block<'_>)
}

impl Attention {
    pub(super) fn new(level: Level, queries: usize, keys: usize, inner: usize, columns: usize) -> Attention {
        let level = level.for_channels(queries);
        let blocks = split_channels(queries.div_ceil(level.lanes()), level.registers());
        let padded = queries.next_multiple_of(level.lanes());
        let steps = |step: usize| (0..keys).map(|i| i * step).collect();
        let steps = (steps(inner), steps(columns));
        let (scales, tables) = (vec![1.0], vec![]);
        Attention { level, queries, keys, inner, columns, blocks, padded, scales, tables, steps }
    }

    /// Multiplies all scores, or those of each head.
    pub(super) fn scale(&mut self, by: &[f32]) {
        let len = self.scales.len().max(by.len());
        let of = |all: &[f32], i: usize| all[if all.len() == 1 { 0 } else { i }];
        self.scales = (0..len).map(|i| of(&self.scales, i) * of(by, i)).collect();
    }

    /// Adds numbers to the scores: of a picture whose rows are heads, whose columns queries and whose channels keys.
    pub(super) fn add(&mut self, values: &[f32], shape: Shape) {
        let items = (shape.n, shape.h);
        let mut packed = vec![0.0; items.0 * items.1 * self.keys * self.padded];
        for (item, to) in packed.chunks_exact_mut(self.keys * self.padded).enumerate() {
            let from = &values[item * shape.w * shape.c..][..shape.w * shape.c];
            let mut first = 0;
            for blocks in &self.blocks {
                let width = blocks * self.level.lanes();
                for (key, row) in
                    to[first * self.keys..][..width * self.keys].chunks_exact_mut(width).enumerate()
                {
                    for (to, query) in row.iter_mut().zip(first..self.queries) {
                        let query = if shape.w == 1 { 0 } else { query };
                        *to = from[query * shape.c + if shape.c == 1 { 0 } else { key }];
                    }
                }
                first += width;
            }
        }
        self.tables.push(Table { values: Arc::new(packed), items });
    }

    fn widest(&self) -> usize {
        self.blocks.iter().max().map_or(0, |b| b * self.level.lanes())
    }

    /// Floats of scratch that it takes.
    pub(super) fn scratch(&self) -> usize {
        let packed = self.keys * self.inner + self.inner * self.padded + self.columns * self.keys;
        packed + (self.keys + self.columns) * self.widest() + 64
    }

    /// Computes head `h` of picture `n`, of and to matrices within `buffer` that have a row for each query or key.
    ///
    /// # Panics
    /// When a matrix has another size or leaves the buffer, or `scratch` is short.
    pub(super) fn run<'a>(
        &'a self,
        buffer: &mut [f32],
        (n, h): (usize, usize),
        [q, k, v, y]: [&Matrix<'a>; 4],
        scratch: &mut [f32],
    ) {
        let size = |m: &Matrix<'_>| (m.rows.len(), m.columns.len());
        assert_eq!(
            [size(q), size(k)],
            [(self.queries, self.inner), (self.keys, self.inner)],
            "queries and keys"
        );
        assert_eq!(
            [size(v), size(y)],
            [(self.keys, self.columns), (self.queries, self.columns)],
            "values and result"
        );
        assert!([q, k, v, y].iter().all(|m| m.fits(buffer.len())), "matrices are inside");
        let start = scratch.as_ptr().align_offset(64).min(16);
        let (packed_q, rest) = scratch[start..].split_at_mut(self.inner * self.padded);
        let (scores, rest) = rest.split_at_mut(self.keys * self.widest());
        let (result, rest) = rest.split_at_mut(self.columns * self.widest());
        let (packed_v, rest) = rest.split_at_mut(self.columns * self.keys);
        let packed_k = &mut rest[..self.keys * self.inner];
        for (m, packed) in [(k, &mut *packed_k), (v, &mut *packed_v)] {
            if !m.beside() {
                m.gather(buffer, packed);
            }
        }
        let scale = self.scales[if self.scales.len() == 1 { 0 } else { h }];
        let lanes = self.level.lanes();
        let mut first = 0;
        for &blocks in &self.blocks {
            let width = blocks * lanes;
            let some = width.min(self.queries - first);
            let to = &mut packed_q[first * self.inner..][..width * self.inner];
            if some < width {
                to.fill(0.0);
            }
            Matrix { rows: &q.rows[first..first + some], ..*q }.gather_columns(buffer, to, width);
            if scale != 1.0 {
                to.iter_mut().for_each(|v| *v *= scale);
            }
            let tables: Vec<*const f32> = self
                .tables
                .iter()
                .map(|t| {
                    let item =
                        (if t.items.0 == 1 { 0 } else { n }) * t.items.1 + if t.items.1 == 1 { 0 } else { h };
                    t.values[(item * self.padded + first) * self.keys..][..width * self.keys].as_ptr()
                })
                .collect();
            let rows = |m: &Matrix<'a>, packed: &[f32], steps: &'a [usize]| match m.beside() {
                true => Rows(buffer[m.base + m.columns.first().unwrap_or(&0)..].as_ptr(), m.rows),
                false => Rows(packed.as_ptr(), steps),
            };
            let (k, v) = (rows(k, packed_k, &self.steps.0), rows(v, packed_v, &self.steps.1));
            // SAFETY: keys and values are inside the buffer, as was checked, or packed; all else is of the sizes that
            // the block has, in scratch that nothing else uses.
            unsafe {
                let block = Block {
                    of: self,
                    blocks,
                    q: to.as_ptr(),
                    k,
                    v,
                    scores: scores.as_mut_ptr(),
                    y: result.as_mut_ptr(),
                    tables: &tables,
                };
                run(self.level, &block);
            }
            Matrix { rows: &y.rows[first..first + some], ..*y }.scatter_columns(result, width, buffer);
            first += width;
        }
    }
}

#[inline(always)]
unsafe fn block<V: Vector>(b: &Block<'_>) {
    // SAFETY: passed on; blocks are split to what the machine has.
    unsafe {
        match b.blocks {
            1 => block_of::<V, 1>(b),
            2 => block_of::<V, 2>(b),
            3 if V::REGISTERS >= 32 => block_of::<V, 3>(b),
            _ if V::REGISTERS >= 32 => block_of::<V, 4>(b),
            _ => unreachable!("blocks are split to what the machine has"),
        }
    }
}

/// Rows that are worked on at once.
const M: usize = 6;

/// Calls `$f::<V, R, N>` for `$count` rows, with `R` up to `M` and as equal as possible.
macro_rules! in_groups {
    ($count:expr, $f:ident::<$v:ident, $n:ident>($($argument:expr),*)) => {
        let count = $count;
        let mut first = 0;
        while first < count {
            let left = count - first;
            let rows = if left <= M { left } else if left < 2 * M { left.div_ceil(2) } else { M };
            match rows {
                1 => $f::<$v, 1, $n>(first, $($argument),*),
                2 => $f::<$v, 2, $n>(first, $($argument),*),
                3 => $f::<$v, 3, $n>(first, $($argument),*),
                4 => $f::<$v, 4, $n>(first, $($argument),*),
                5 => $f::<$v, 5, $n>(first, $($argument),*),
                _ => $f::<$v, 6, $n>(first, $($argument),*),
            }
            first += rows;
        }
    };
}

#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn block_of<V: Vector, const N: usize>(b: &Block<'_>) {
    let a = b.of;
    let width = N * V::LANES;
    // SAFETY: the caller promised all that is read and written.
    unsafe {
        let mut most = [V::splat(f32::NEG_INFINITY); N];
        in_groups!(a.keys, score::<V, N>(b, &mut most));
        let mut sum = [V::splat(0.0); N];
        for key in 0..a.keys {
            let row = b.scores.add(key * width);
            for i in 0..N {
                let v = exp_of_negative(V::load(row.add(i * V::LANES)).sub(most[i]));
                v.store(row.add(i * V::LANES));
                sum[i] = sum[i].add(v);
            }
        }
        for i in 0..N {
            sum[i] = V::splat(1.0).div(sum[i]);
        }
        in_groups!(a.columns, weigh::<V, N>(b, &sum));
    }
}

/// The scores of `R` keys from `first` on.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn score<V: Vector, const R: usize, const N: usize>(first: usize, b: &Block<'_>, most: &mut [V; N]) {
    let width = N * V::LANES;
    // SAFETY: the caller promised all that is read and written.
    unsafe {
        let mut from = [b.k.0; R];
        for r in 0..R {
            from[r] = b.k.at(first + r);
        }
        let acc = scores::<V, R, N>([[V::splat(0.0); N]; R], from, b.q, b.of.inner);
        for r in 0..R {
            let at = (first + r) * width;
            for i in 0..N {
                let mut v = acc[r][i];
                for table in b.tables {
                    v = v.add(V::load(table.add(at + i * V::LANES)));
                }
                v.store(b.scores.add(at + i * V::LANES));
                most[i] = most[i].max(v);
            }
        }
    }
}

/// The sums are passed by value, without which they would stay in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn scores<V: Vector, const R: usize, const N: usize>(
    mut acc: [[V; N]; R],
    from: [*const f32; R],
    mut q: *const f32,
    inner: usize,
) -> [[V; N]; R] {
    // SAFETY: the caller promised all that is read.
    unsafe {
        for k in 0..inner {
            let q_row: [V; N] = load_all(q, V::LANES);
            for r in 0..R {
                let value = V::splat(*from[r].add(k));
                for i in 0..N {
                    acc[r][i] = value.fma(q_row[i], acc[r][i]);
                }
            }
            q = q.add(N * V::LANES);
        }
    }
    acc
}

/// `R` numbers of the result from `first` on.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn weigh<V: Vector, const R: usize, const N: usize>(first: usize, b: &Block<'_>, scale: &[V; N]) {
    let width = N * V::LANES;
    // SAFETY: the caller promised all that is read and written.
    unsafe {
        let acc = sums::<V, R, N>([[V::splat(0.0); N]; R], first, b.v, b.scores, b.of.keys);
        for r in 0..R {
            for i in 0..N {
                acc[r][i].mul(scale[i]).store(b.y.add((first + r) * width + i * V::LANES));
            }
        }
    }
}

/// The sums are passed by value, without which they would stay in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn sums<V: Vector, const R: usize, const N: usize>(
    mut acc: [[V; N]; R],
    first: usize,
    v: Rows<'_>,
    mut scores: *const f32,
    keys: usize,
) -> [[V; N]; R] {
    // SAFETY: the caller promised all that is read.
    unsafe {
        for key in 0..keys {
            let row: [V; N] = load_all(scores, V::LANES);
            let from = v.at(key).add(first);
            for r in 0..R {
                let value = V::splat(*from.add(r));
                for i in 0..N {
                    acc[r][i] = value.fma(row[i], acc[r][i]);
                }
            }
            scores = scores.add(N * V::LANES);
        }
    }
    acc
}
