//! The inner loop of the weights' gradient: outer products of pixels, added up in registers.

use super::level::dispatch;
use super::vector::{Vector, load_all};

/// Where registers come from that multiply by 1: the "input" of the bias.
pub(super) static ONES: [f32; 16] = [1.0; 16];

/// Some pixels, and the sums over them of one operand's channels times the other's.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a> {
    /// Where lines of pixels start in both operands: the one whose values are spread over registers, the
    /// one that registers lie along.
    pub lines: &'a [(*const f32, *const f32)],
    /// From pixel to pixel.
    pub steps: (usize, usize),
    /// Pixels of each line.
    pub count: usize,
    /// Offsets from the lines.
    pub taps: &'a [(usize, usize)],
    /// Values of a pixel that are spread.
    pub rows: usize,
    /// Registers in each block.
    pub blocks: &'a [usize],
    /// `[tap][row][lane of all blocks]`, which are added to.
    pub sums: *mut f32,
}

dispatch! {
    /// Adds the strip to the sums.
    ///
    /// # Safety
    /// The level must run on this machine; all that the fields name must be valid, whole registers too, and
    /// blocks no larger than `split_channels` makes them.
    run = strip(Strip<'_>)
}

#[inline(always)]
unsafe fn strip<V: Vector>(s: &Strip<'_>) {
    let width = s.blocks.iter().sum::<usize>() * V::LANES;
    let mut lane = 0;
    for &n in s.blocks {
        for (t, tap) in s.taps.iter().enumerate() {
            // SAFETY: the block is within the sums and the operand.
            unsafe {
                let sums = s.sums.add(t * s.rows * width + lane);
                let from = (tap.0, tap.1 + lane);
                match n {
                    1 => rows::<V, 1>(s, from, sums, width),
                    2 => rows::<V, 2>(s, from, sums, width),
                    3 if V::REGISTERS >= 32 => rows::<V, 3>(s, from, sums, width),
                    4 if V::REGISTERS >= 32 => rows::<V, 4>(s, from, sums, width),
                    _ => unreachable!("blocks are split to what the machine has"),
                }
            }
        }
        lane += n * V::LANES;
    }
}

/// Rows kept in registers at once, at most `most`.
const fn rows_at_once(left: usize, registers: usize, n: usize) -> usize {
    let most = match (registers >= 32, n) {
        (_, 1) | (true, 2) => 12,
        (true, 3) => 8,
        _ => 6,
    };
    let left = if left < most { left } else { most };
    match left {
        0..=4 => left,
        5 => 4,
        6 | 7 => 6,
        8..=11 => 8,
        _ => 12,
    }
}

#[inline(always)]
unsafe fn rows<V: Vector, const N: usize>(s: &Strip<'_>, from: (usize, usize), sums: *mut f32, width: usize) {
    let mut row = 0;
    while row < s.rows {
        let m = rows_at_once(s.rows - row, V::REGISTERS, N);
        // SAFETY: the group stays within the rows.
        unsafe {
            let (from, sums) = ((from.0 + row, from.1), sums.add(row * width));
            match m {
                1 => block::<V, 1, N>(s, from, sums, width),
                2 => block::<V, 2, N>(s, from, sums, width),
                3 => block::<V, 3, N>(s, from, sums, width),
                4 => block::<V, 4, N>(s, from, sums, width),
                6 => block::<V, 6, N>(s, from, sums, width),
                8 if rows_at_once(8, V::REGISTERS, N) == 8 => block::<V, 8, N>(s, from, sums, width),
                12 if rows_at_once(12, V::REGISTERS, N) == 12 => block::<V, 12, N>(s, from, sums, width),
                _ => unreachable!("groups are no larger than rows_at_once"),
            }
        }
        row += m;
    }
}

#[inline(always)]
unsafe fn block<V: Vector, const M: usize, const N: usize>(
    s: &Strip<'_>,
    from: (usize, usize),
    sums: *mut f32,
    width: usize,
) {
    // SAFETY: the caller's fields promise all that is read and written.
    unsafe {
        let mut acc = [[V::splat(0.0); N]; M];
        for &(a, b) in s.lines {
            acc = products::<V, M, N>(acc, a.add(from.0), b.add(from.1), s.steps, s.count);
        }
        for (m, acc) in acc.iter().enumerate() {
            for (n, &v) in acc.iter().enumerate() {
                let to = sums.add(m * width + n * V::LANES);
                v.add(V::load(to)).store(to);
            }
        }
    }
}

/// Adds the products of `count` pixels. The sums are passed by value, without which they would stay in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "with iterators, the sums stay in memory")]
unsafe fn products<V: Vector, const M: usize, const N: usize>(
    mut acc: [[V; N]; M],
    a: *const f32,
    b: *const f32,
    steps: (usize, usize),
    count: usize,
) -> [[V; N]; M] {
    // SAFETY: the caller's fields promise all that is read.
    unsafe {
        for pixel in 0..count {
            let (a, b) = (a.add(pixel * steps.0), b.add(pixel * steps.1));
            let along: [V; N] = load_all(b, V::LANES);
            for m in 0..M {
                let value = V::splat(*a.add(m));
                for n in 0..N {
                    acc[m][n] = value.fma(along[n], acc[m][n]);
                }
            }
        }
    }
    acc
}
