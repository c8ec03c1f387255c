//! Noise for the tests of this module, which stands below the program's own generator.

/// Numbers around 0 with variance 1: sums of twelve uniform ones of a small linear congruential generator.
pub(super) fn normals(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        (0..12).fold(-6.0, |sum, _| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            sum + (state >> 40) as f32 / (1u32 << 24) as f32
        })
    }
}
