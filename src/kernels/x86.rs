//! Vectors of AVX-512 and of AVX2 with FMA.

use super::vector::Vector;
use std::arch::x86_64::*;

/// 16 floats; needs AVX-512 F, BW, DQ, VL.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

/// 8 floats; needs AVX2 and FMA.
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256);

/// 8 floats with the 32 registers and masks of AVX-512 VL, for few channels.
#[derive(Clone, Copy)]
pub(super) struct Avx512Half(__m256);

impl Vector for Avx512 {
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_set1_ps(v)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the instructions are there, and `p` is valid for a register, as the caller promises.
        unsafe { Avx512(_mm512_loadu_ps(p)) }
    }
    #[inline(always)]
    unsafe fn load_some(p: *const f32, n: usize) -> Self {
        // SAFETY: the instructions are there, and `p` is valid for `n` floats, as the caller promises.
        unsafe { Avx512(_mm512_maskz_loadu_ps((1u32 << n.min(16)).wrapping_sub(1) as u16, p)) }
    }
    #[inline(always)]
    unsafe fn prefetch(p: *const f32) {
        // SAFETY: reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the instructions are there, and `p` is valid for a register, as the caller promises.
        unsafe { _mm512_storeu_ps(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_some(self, p: *mut f32, n: usize) {
        // SAFETY: the instructions are there, and `p` is valid for `n` floats, as the caller promises.
        unsafe { _mm512_mask_storeu_ps(p, (1u32 << n.min(16)).wrapping_sub(1) as u16, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_add_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_sub_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_mul_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_div_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn below(self, b: Self, then: Self, other: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe {
            let mask = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, b.0);
            Avx512(_mm512_mask_blend_ps(mask, other.0, then.0))
        }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_fmadd_ps(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_max_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_min_ps(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { Avx512(_mm512_scalef_ps(_mm512_set1_ps(1.0), self.0)) }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { _mm512_reduce_max_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { _mm512_reduce_add_ps(self.0) }
    }
    #[inline(always)]
    unsafe fn totals(all: [Self; 4]) -> [f32; 4] {
        // SAFETY: the instructions are there, as the caller promises.
        unsafe { totals(halves(all[0].0), halves(all[1].0), halves(all[2].0), halves(all[3].0)) }
    }
}

/// Both halves added.
#[inline(always)]
unsafe fn halves(v: __m512) -> __m256 {
    // SAFETY: the caller's duty.
    unsafe { _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)) }
}

/// Sums of the lanes of four registers.
#[inline(always)]
unsafe fn totals(a: __m256, b: __m256, c: __m256, d: __m256) -> [f32; 4] {
    // SAFETY: the caller's duty.
    unsafe {
        let quarters = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
        let sums = _mm_add_ps(_mm256_castps256_ps128(quarters), _mm256_extractf128_ps(quarters, 1));
        let mut out = [0.0; 4];
        _mm_storeu_ps(out.as_mut_ptr(), sums);
        out
    }
}

macro_rules! eight {
    ($name:ident, $registers:literal, $load_some:expr, $store_some:expr) => {
        impl Vector for $name {
            const LANES: usize = 8;
            const REGISTERS: usize = $registers;

            #[inline(always)]
            unsafe fn splat(v: f32) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_set1_ps(v)) }
            }
            #[inline(always)]
            unsafe fn load(p: *const f32) -> Self {
                // SAFETY: the instructions are there, and `p` is valid for a register, as the caller promises.
                unsafe { $name(_mm256_loadu_ps(p)) }
            }
            #[inline(always)]
            unsafe fn load_some(p: *const f32, n: usize) -> Self {
                // SAFETY: the instructions are there, and `p` is valid for `n` floats, as the caller promises.
                unsafe { $name($load_some(p, n)) }
            }
            #[inline(always)]
            unsafe fn store(self, p: *mut f32) {
                // SAFETY: the instructions are there, and `p` is valid for a register, as the caller promises.
                unsafe { _mm256_storeu_ps(p, self.0) }
            }
            #[inline(always)]
            unsafe fn store_some(self, p: *mut f32, n: usize) {
                // SAFETY: the instructions are there, and `p` is valid for `n` floats, as the caller promises.
                unsafe { $store_some(p, n, self.0) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_add_ps(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_sub_ps(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_mul_ps(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn div(self, b: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_div_ps(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn below(self, b: Self, then: Self, other: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_blendv_ps(other.0, then.0, _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, b.0))) }
            }
            #[inline(always)]
            unsafe fn fma(self, b: Self, c: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_fmadd_ps(self.0, b.0, c.0)) }
            }
            #[inline(always)]
            unsafe fn max(self, b: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_max_ps(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn min(self, b: Self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_min_ps(self.0, b.0)) }
            }
            #[inline(always)]
            unsafe fn round(self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { $name(_mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0)) }
            }
            #[inline(always)]
            unsafe fn power_of_two(self) -> Self {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe {
                    let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(self.0), _mm256_set1_epi32(127));
                    $name(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
                }
            }
            #[inline(always)]
            unsafe fn largest(self) -> f32 {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe {
                    let half = _mm_max_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps(self.0, 1));
                    let pair = _mm_max_ps(half, _mm_movehl_ps(half, half));
                    _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)))
                }
            }
            #[inline(always)]
            unsafe fn total(self) -> f32 {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe {
                    let half = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps(self.0, 1));
                    let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
                    _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)))
                }
            }
            #[inline(always)]
            unsafe fn totals(all: [Self; 4]) -> [f32; 4] {
                // SAFETY: the instructions are there, as the caller promises.
                unsafe { totals(all[0].0, all[1].0, all[2].0, all[3].0) }
            }
        }
    };
}

eight!(
    Avx2,
    16,
    |p, n: usize| {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), lanes))
    },
    |p, n: usize, v| {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_maskstore_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), lanes), v)
    }
);
eight!(
    Avx512Half,
    32,
    |p, n: usize| _mm256_maskz_loadu_ps((1u32 << n.min(8)).wrapping_sub(1) as u8, p),
    |p, n: usize, v| { _mm256_mask_storeu_ps(p, (1u32 << n.min(8)).wrapping_sub(1) as u8, v) }
);
