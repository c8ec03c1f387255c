//! Vectors of NEON, which every 64-bit ARM has.

use super::vector::Vector;
use std::arch::aarch64::*;

/// 4 floats.
#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t);

impl Vector for Neon {
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vdupq_n_f32(v)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: every 64-bit ARM has NEON; `p` is valid for a register, as the caller promises.
        unsafe { Neon(vld1q_f32(p)) }
    }
    #[inline(always)]
    unsafe fn load_some(p: *const f32, n: usize) -> Self {
        let mut all = [0.0f32; 4];
        // SAFETY: every 64-bit ARM has NEON; `p` is valid for `n` floats, as the caller promises.
        unsafe {
            std::ptr::copy_nonoverlapping(p, all.as_mut_ptr(), n.min(4));
            Neon(vld1q_f32(all.as_ptr()))
        }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: every 64-bit ARM has NEON; `p` is valid for a register, as the caller promises.
        unsafe { vst1q_f32(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_some(self, p: *mut f32, n: usize) {
        let mut all = [0.0f32; 4];
        // SAFETY: every 64-bit ARM has NEON; `p` is valid for `n` floats, as the caller promises.
        unsafe {
            vst1q_f32(all.as_mut_ptr(), self.0);
            std::ptr::copy_nonoverlapping(all.as_ptr(), p, n.min(4));
        }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vaddq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vsubq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vmulq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vdivq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn below(self, b: Self, then: Self, other: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vbslq_f32(vcltq_f32(self.0, b.0), then.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vfmaq_f32(c.0, self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vmaxq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vminq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { Neon(vrndnq_f32(self.0)) }
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(self.0), vdupq_n_s32(127));
            Neon(vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
        }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { vmaxvq_f32(self.0) }
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe { vaddvq_f32(self.0) }
    }
}
