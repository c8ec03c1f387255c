//! Which pairs of rows may lie near each other: all scalar products of two blocks, of which only those that pass a
//! limit leave the registers. What is found is a superset; the caller measures it exactly.

use super::level::{Level, dispatch};
use super::vector::{Vector, load_all};

/// Rows side by side in a panel.
pub const PANEL: usize = 32;

/// Numbers of one cache line, which a load of a whole register then reads alone.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([f32; 16]);

/// Lines of a panel for each number of a row.
const LINES: usize = PANEL / 16;

/// Rows of a block, packed for [`may_be_near`].
#[derive(Clone, Debug, Default)]
pub struct Panels {
    /// Numbers of a row.
    d: usize,
    /// `[panel][d][PANEL]`; rows that fill the last panel up are 0.
    numbers: Vec<Line>,
    /// Half of each row's squared length; infinite for those that are near nothing, and those that fill up.
    halves: Vec<f32>,
    /// Half of the squared distance within which a row looks for others; finite.
    limits: Vec<f32>,
}

impl Panels {
    /// Room for `rows` rows of `d` numbers, all near nothing.
    pub fn new(d: usize, rows: usize) -> Panels {
        let padded = rows.next_multiple_of(PANEL);
        Panels {
            d,
            numbers: vec![Line([0.0; 16]); padded / 16 * d],
            halves: vec![f32::INFINITY; padded],
            limits: vec![0.0; padded],
        }
    }

    /// Panels that the rows fill.
    pub fn count(&self) -> usize {
        self.halves.len() / PANEL
    }

    /// Puts a row of finite numbers in, with half of its squared length, or less where products are not exact.
    pub fn set(&mut self, row: usize, numbers: impl Iterator<Item = f32>, half: f32) {
        let panel = &mut self.numbers[row / PANEL * LINES * self.d..][..LINES * self.d];
        let column = row % PANEL;
        for (lines, number) in panel.chunks_exact_mut(LINES).zip(numbers) {
            lines[column / 16].0[column % 16] = number;
        }
        self.halves[row] = half;
    }

    /// Sets a row's limit, which has to be finite.
    pub fn limit(&mut self, row: usize, half: f32) {
        self.limits[row] = half;
    }
}

/// Two rows that may be near each other, counted from the start of their blocks.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Row of the first block.
    pub a: u16,
    /// Row of the second.
    pub b: u16,
    /// The scalar product less half of both squared lengths.
    score: f32,
}

impl Pair {
    /// Whether the pair still passes, as limits are now.
    #[inline]
    pub fn passes(self, a: &Panels, b: &Panels) -> bool {
        self.score + a.limits[usize::from(self.a)].max(b.limits[usize::from(self.b)]) >= 0.0
    }
}

/// The arguments of a scan, checked.
pub(super) struct Scan {
    /// Numbers, halves and limits of the rows of `a`: so many.
    a: (*const f32, *const f32, *const f32, usize),
    /// Those of one panel of `b`.
    b: (*const f32, *const f32, *const f32),
    d: usize,
    /// `[rows of a][PANEL]` places.
    found: *mut Pair,
    count: *mut usize,
}

/// Pairs that were found; its room is kept for the next scan.
#[derive(Debug, Default)]
pub struct Found {
    room: Vec<Pair>,
    count: usize,
}

impl Found {
    /// The pairs of the last scan.
    pub fn pairs(&self) -> &[Pair] {
        &self.room[..self.count]
    }
}

/// Finds the pairs of a row of the first `panels` panels of `a` and a row of panel `panel` of `b`, both counted
/// from the start of their block, for which half of the sum of both squared lengths less the scalar product is at
/// most the larger limit of the two. Products are as exact as a sum of `d + 1` rounded numbers in any order.
///
/// # Panics
/// When blocks have other widths, or panels that are not there, or more than 65536 rows.
pub fn may_be_near(
    level: Level,
    (a, panels): (&Panels, usize),
    (b, panel): (&Panels, usize),
    found: &mut Found,
) {
    let rows = panels * PANEL;
    assert!(a.d == b.d && panels <= a.count() && panel < b.count(), "blocks of one width, and their panels");
    assert!(a.halves.len().max(b.halves.len()) <= 1 << 16, "rows are counted in 16 bits");
    found.count = 0;
    if found.room.len() < rows * PANEL {
        found.room.resize(rows * PANEL, Pair { a: 0, b: 0, score: 0.0 });
    }
    let first = panel * PANEL;
    let scan = Scan {
        a: (a.numbers.as_ptr().cast(), a.halves.as_ptr(), a.limits.as_ptr(), rows),
        b: (
            b.numbers[panel * LINES * b.d..].as_ptr().cast(),
            b.halves[first..].as_ptr(),
            b.limits[first..].as_ptr(),
        ),
        d: a.d,
        found: found.room.as_mut_ptr(),
        count: &raw mut found.count,
    };
    // SAFETY: panels hold `d * PANEL` numbers, and halves and limits `PANEL` each; there is room for all pairs, each of
    // which is written once at most.
    unsafe { run(level, &scan) };
    for pair in &mut found.room[..found.count] {
        pair.b += first as u16;
    }
}

dispatch! {
    /// Finds the pairs.
    ///
    /// # Safety
    /// The pointers of the scan are valid for what its fields name.
    run = scan(Scan)
}

#[inline(always)]
unsafe fn scan<V: Vector>(s: &Scan) {
    // SAFETY: passed on.
    unsafe { if V::REGISTERS >= 32 { columns::<V, 8>(s) } else { columns::<V, 4>(s) } }
}

#[inline(always)]
unsafe fn columns<V: Vector, const M: usize>(s: &Scan) {
    let mut column = 0;
    while column < PANEL {
        let mut row = 0;
        while row < s.a.3 {
            // SAFETY: `M` divides a panel, as two registers do; passed on.
            unsafe { tile::<V, M>(s, row, column) };
            row += M;
        }
        column += 2 * V::LANES;
    }
}

/// `M` rows of `a` with two registers of rows of `b`.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn tile<V: Vector, const M: usize>(s: &Scan, row: usize, column: usize) {
    // SAFETY: the caller's rows and columns are there.
    unsafe {
        let halves: [V; 2] = load_all(s.b.1.add(column), V::LANES);
        let limits: [V; 2] = load_all(s.b.2.add(column), V::LANES);
        let mut acc = [[V::splat(0.0); 2]; M];
        for m in 0..M {
            let own = V::splat(-*s.a.1.add(row + m));
            acc[m] = [own.sub(halves[0]), own.sub(halves[1])];
        }
        let a = s.a.0.add(row / PANEL * PANEL * s.d + row % PANEL);
        let acc = products::<V, M>(acc, a, s.b.0.add(column), s.d);
        // The largest of a column, and of a row, against their limits.
        let mut top = acc[0];
        let mut best = V::splat(f32::NEG_INFINITY);
        for m in 0..M {
            top = [top[0].max(acc[m][0]), top[1].max(acc[m][1])];
            best = best.max(acc[m][0].max(acc[m][1]).add(V::splat(*s.a.2.add(row + m))));
        }
        best = best.max(top[0].add(limits[0])).max(top[1].add(limits[1]));
        if best.largest() >= 0.0 {
            hits::<V, M>(s, (row, column), &acc, &limits);
        }
    }
}

/// Adds the products. The sums are passed by value, without which they would stay in memory.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "fixed counts, unrolled")]
unsafe fn products<V: Vector, const M: usize>(
    mut acc: [[V; 2]; M],
    mut a: *const f32,
    mut b: *const f32,
    d: usize,
) -> [[V; 2]; M] {
    // SAFETY: the caller's panels hold `d` lines of `PANEL` numbers.
    unsafe {
        for _ in 0..d {
            let b0 = V::load(b);
            let b1 = V::load(b.add(V::LANES));
            for m in 0..M {
                let v = V::splat(*a.add(m));
                acc[m] = [v.fma(b0, acc[m][0]), v.fma(b1, acc[m][1])];
            }
            a = a.wrapping_add(PANEL);
            b = b.wrapping_add(PANEL);
        }
    }
    acc
}

/// Writes down which pairs of a tile pass.
#[inline(always)]
unsafe fn hits<V: Vector, const M: usize>(
    s: &Scan,
    (row, column): (usize, usize),
    acc: &[[V; 2]; M],
    limits: &[V; 2],
) {
    // SAFETY: the caller's rows are there; each pair is written once, so that there is room.
    unsafe {
        let (mut values, mut scores) = ([0.0f32; 32], [0.0f32; 32]);
        for (m, sums) in acc.iter().enumerate() {
            let own = V::splat(*s.a.2.add(row + m));
            let passed = [sums[0].add(limits[0].max(own)), sums[1].add(limits[1].max(own))];
            if passed[0].max(passed[1]).largest() < 0.0 {
                continue;
            }
            passed[0].store(values.as_mut_ptr());
            passed[1].store(values.as_mut_ptr().add(V::LANES));
            sums[0].store(scores.as_mut_ptr());
            sums[1].store(scores.as_mut_ptr().add(V::LANES));
            for (lane, value) in values.iter().enumerate().take(2 * V::LANES) {
                if *value >= 0.0 {
                    let at = *s.count;
                    let (a, b) = ((row + m) as u16, (column + lane) as u16);
                    s.found.add(at).write(Pair { a, b, score: scores[lane] });
                    *s.count = at + 1;
                }
            }
        }
    }
}
