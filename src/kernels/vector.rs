//! One vector of floats of the machine's width: what each instruction set has to offer to the kernels.

/// A register of `LANES` floats.
///
/// # Safety
/// Every function may be called only where the CPU has the implementation's instructions, and
/// pointers must be valid for as many floats as the function names.
pub(super) trait Vector: Copy {
    /// Floats in one register.
    const LANES: usize;
    /// Registers that the instruction set names.
    const REGISTERS: usize;

    /// All lanes `v`.
    unsafe fn splat(v: f32) -> Self;
    /// `LANES` floats from `p`.
    unsafe fn load(p: *const f32) -> Self;
    /// The first `n` floats from `p`, zeros behind them.
    unsafe fn load_some(p: *const f32, n: usize) -> Self;
    /// Brings the cache line at `p`, which may be anywhere, nearer to the core where the machine can.
    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        let _ = p;
    }
    /// `LANES` floats to `p`.
    unsafe fn store(self, p: *mut f32);
    /// The first `n` floats to `p`.
    unsafe fn store_some(self, p: *mut f32, n: usize);
    /// Sum.
    unsafe fn add(self, b: Self) -> Self;
    /// Difference.
    unsafe fn sub(self, b: Self) -> Self;
    /// Product.
    unsafe fn mul(self, b: Self) -> Self;
    /// Quotient.
    unsafe fn div(self, b: Self) -> Self;
    /// Where each lane is below that of `b`, that of `then`, else that of `other`.
    unsafe fn below(self, b: Self, then: Self, other: Self) -> Self;
    /// `self * b + c`, rounded once where the machine can.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// Larger of each lane.
    unsafe fn max(self, b: Self) -> Self;
    /// Smaller of each lane.
    unsafe fn min(self, b: Self) -> Self;
    /// Each lane to the nearest whole number, halves to the even one.
    unsafe fn round(self) -> Self;
    /// 2 to the power of each lane, which is a whole number from -126 to 127.
    unsafe fn power_of_two(self) -> Self;
    /// Sum of all lanes.
    unsafe fn total(self) -> f32;
    /// The largest lane.
    unsafe fn largest(self) -> f32;
    /// Sum of all lanes of each.
    #[inline(always)]
    unsafe fn totals(all: [Self; 4]) -> [f32; 4] {
        // SAFETY: passed on.
        unsafe { [all[0].total(), all[1].total(), all[2].total(), all[3].total()] }
    }
}

/// `N` registers from `p` on, `step` floats apart.
///
/// # Safety
/// As [`Vector::load`] for each.
// A loop, and not `array::from_fn`: its closure may be compiled apart from here, without our instructions.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "see above")]
pub(super) unsafe fn load_all<V: Vector, const N: usize>(p: *const f32, step: usize) -> [V; N] {
    // SAFETY: the caller's duty.
    unsafe {
        let mut all = [V::splat(0.0); N];
        for n in 0..N {
            all[n] = V::load(p.add(n * step));
        }
        all
    }
}

/// For machines without vector code of ours; the compiler makes of it what it can.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn zip(self, b: Plain, f: impl Fn(f32, f32) -> f32) -> Plain {
        let mut out = self;
        for (out, b) in out.0.iter_mut().zip(b.0) {
            *out = f(*out, b);
        }
        out
    }
}

// SAFETY (all functions): nothing beyond the base instruction set is used; pointers are the caller's duty.
impl Vector for Plain {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(v: f32) -> Plain {
        Plain([v; 8])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Plain {
        // SAFETY: the caller's `p` is valid for 8 floats.
        Plain(unsafe { p.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_some(p: *const f32, n: usize) -> Plain {
        let mut all = [0.0; 8];
        for (i, v) in all.iter_mut().enumerate().take(n) {
            // SAFETY: the caller's `p` is valid for `n` floats.
            *v = unsafe { p.add(i).read() };
        }
        Plain(all)
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's `p` is valid for 8 floats.
        unsafe { p.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_some(self, p: *mut f32, n: usize) {
        for (i, v) in self.0.iter().enumerate().take(n) {
            // SAFETY: the caller's `p` is valid for `n` floats.
            unsafe { p.add(i).write(*v) }
        }
    }
    #[inline(always)]
    unsafe fn add(self, b: Plain) -> Plain {
        self.zip(b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, b: Plain) -> Plain {
        self.zip(b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, b: Plain) -> Plain {
        self.zip(b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, b: Plain) -> Plain {
        self.zip(b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn below(self, b: Plain, then: Plain, other: Plain) -> Plain {
        let mut out = other;
        for (i, out) in out.0.iter_mut().enumerate() {
            if self.0[i] < b.0[i] {
                *out = then.0[i];
            }
        }
        out
    }
    #[inline(always)]
    unsafe fn fma(self, b: Plain, c: Plain) -> Plain {
        // A fused multiply-add without the instruction would be a slow library call.
        self.zip(b, |a, b| a * b).zip(c, |a, c| a + c)
    }
    #[inline(always)]
    unsafe fn max(self, b: Plain) -> Plain {
        self.zip(b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, b: Plain) -> Plain {
        self.zip(b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn round(self) -> Plain {
        self.zip(self, |a, _| a.round_ties_even())
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Plain {
        self.zip(self, |a, _| f32::from_bits(((a as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        self.0.iter().sum()
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.0.iter().fold(f32::NEG_INFINITY, |m, v| if *v > m { *v } else { m })
    }
}
