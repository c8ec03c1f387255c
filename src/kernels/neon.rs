//! Vectors of NEON, which every 64-bit ARM has.

use super::vector::Vector;
use std::arch::aarch64::*;

/// 4 floats.
#[derive(Clone, Copy)]
pub(super) struct Neon(float32x4_t);

// SAFETY (all functions): NEON is part of the base instruction set; pointers are the caller's duty.
impl Vector for Neon {
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        unsafe { Neon(vdupq_n_f32(v)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        unsafe { Neon(vld1q_f32(p)) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { vst1q_f32(p, self.0) }
    }
    #[inline(always)]
    unsafe fn store_some(self, p: *mut f32, n: usize) {
        let mut all = [0.0f32; 4];
        unsafe {
            vst1q_f32(all.as_mut_ptr(), self.0);
            std::ptr::copy_nonoverlapping(all.as_ptr(), p, n.min(4));
        }
    }
    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        unsafe { Neon(vaddq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        unsafe { Neon(vsubq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        unsafe { Neon(vmulq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        unsafe { Neon(vfmaq_f32(c.0, self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        unsafe { Neon(vmaxq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        unsafe { Neon(vminq_f32(self.0, b.0)) }
    }
    #[inline(always)]
    unsafe fn total(self) -> f32 {
        unsafe { vaddvq_f32(self.0) }
    }
}
