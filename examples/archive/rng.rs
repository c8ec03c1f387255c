//! The random numbers behind all samples.

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast and the same on every machine.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in \[0, 1).
    pub fn unit(&mut self) -> f32 {
        unit(self.bits())
    }

    /// Uniform in \[`low`, `high`).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Standard normal within 6 standard deviations: the sum of twelve uniforms, which unlike the
    /// usual transforms needs no platform function.
    pub fn normal(&mut self) -> f32 {
        let mut sum = 0u64;
        for _ in 0..3 {
            let bits = self.bits();
            sum += (0..4).map(|i| bits >> (16 * i) & 0xffff).sum::<u64>();
        }
        (sum as f32 + 6.0) / 65536.0 - 6.0
    }
}

/// SplitMix64's finalizer: a hash of 64 bits.
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The top bits of `bits` as a number in \[0, 1).
pub(super) fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u32 << 24) as f32
}
