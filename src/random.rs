//! The random numbers behind every random choice of a job: named algorithms, the same on every machine.
//!
//! The generator is xoshiro256++ 1.0 (Blackman and Vigna 2019), its state filled by SplitMix64 (Steele, Lea
//! and Flood 2014) from 64 bits. Normal numbers come from the ziggurat of 256 layers (Marsaglia and Tsang 2000, in Doornik's 2005 form), Poisson
//! numbers from multiplication below 10 and PTRS (Hörmann 1993) above. No function of the platform's C
//! library takes part: those differ between systems in the last digit.

use std::sync::LazyLock;

/// The seed of one sample's step: a digest of (pipeline seed, relative path, step, place in each fan-out)
/// and of nothing else, so that it does not depend on order, threads or what else is processed.
///
/// 63 bits, so that it also fits a signed column.
pub fn seed_of(seed: u64, path: &[u8], step: usize, places: &[u32]) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("safelight 2026 seed of a sample");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(path.len() as u64).to_le_bytes());
    hasher.update(path);
    hasher.update(&(step as u64).to_le_bytes());
    for place in places {
        hasher.update(&place.to_le_bytes());
    }
    let mut short = [0; 8];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(short) >> 1
}

/// The next 64 bits of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A generator of random numbers.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Rng {
        let mut state = seed;
        Rng(std::array::from_fn(|_| split_mix(&mut state)))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in \[0, 1), 53 bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in \[`low`, `high`); `low` where both are equal.
    #[inline]
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` to `high`, both included.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        let range = high.abs_diff(low);
        let scaled = (u128::from(self.bits()) * (u128::from(range) + 1)) >> 64;
        low.wrapping_add_unsigned(scaled as u64)
    }

    /// An index below `len`, which is at least 1.
    pub fn index(&mut self, len: usize) -> usize {
        ((u128::from(self.bits()) * len as u128) >> 64) as usize
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Puts the items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.index(i + 1));
        }
    }

    /// One standard normal number.
    #[inline]
    pub fn normal(&mut self) -> f32 {
        self.normal_with(&ZIGGURAT)
    }

    /// Calls `use_it` with a standard normal number for each item; faster than one by one.
    pub fn normals<T>(&mut self, items: &mut [T], mut use_it: impl FnMut(&mut T, f32)) {
        let layers: &Layers = &ZIGGURAT;
        items.iter_mut().for_each(|item| use_it(item, self.normal_with(layers)));
    }

    #[inline]
    fn normal_with(&mut self, layers: &Layers) -> f32 {
        let bits = self.bits();
        let layer = (bits & 0xff) as usize;
        // 53 bits that the layer does not use, in [-1, 1).
        let x = (bits as i64 >> 11) as f64 * (1.0 / (1u64 << 52) as f64) * layers.x[layer];
        if x.abs() < layers.x[layer + 1] { x as f32 } else { self.normal_rarely(layers, layer, x) }
    }

    /// Beyond the sure part of its layer: about one in 90.
    #[cold]
    #[inline(never)]
    fn normal_rarely(&mut self, layers: &Layers, layer: usize, x: f64) -> f32 {
        if layer == 0 {
            // The tail (Marsaglia 1964).
            loop {
                let beyond = libm::log(1.0 - self.unit()) / RIGHTMOST;
                let height = libm::log(1.0 - self.unit());
                if -2.0 * height >= beyond * beyond {
                    return (if x < 0.0 { beyond - RIGHTMOST } else { RIGHTMOST - beyond }) as f32;
                }
            }
        }
        let height = layers.f[layer + 1] + (layers.f[layer] - layers.f[layer + 1]) * self.unit();
        if height < density(x) { x as f32 } else { self.normal_with(layers) }
    }

    /// A Poisson number of mean `mean` (0 for means that are not positive).
    pub fn poisson(&mut self, mean: f64) -> u32 {
        if mean >= 10.0 { self.poisson_large(mean) } else { self.poisson_small(mean) }
    }

    fn poisson_small(&mut self, mean: f64) -> u32 {
        if mean.is_nan() || mean <= 0.0 {
            return 0;
        }
        let limit = libm::exp(-mean);
        let (mut count, mut product) = (0, self.unit());
        while product > limit {
            count += 1;
            product *= self.unit();
        }
        count
    }

    fn poisson_large(&mut self, mean: f64) -> u32 {
        let (root, log_mean) = (mean.sqrt(), libm::log(mean));
        let b = 0.931 + 2.53 * root;
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let v_r = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let (u, v) = (self.unit() - 0.5, self.unit());
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + mean + 0.43).floor();
            if us >= 0.07 && v <= v_r {
                return k as u32;
            }
            if k < 0.0 || (us < 0.013 && v > us) {
                continue;
            }
            let bound = -mean + k * log_mean - ln_factorial(k);
            if libm::log(v) + libm::log(inverse_alpha) - libm::log(a / (us * us) + b) <= bound {
                return k as u32;
            }
        }
    }
}

fn ln_factorial(k: f64) -> f64 {
    static TABLE: LazyLock<Vec<f64>> =
        LazyLock::new(|| (0..512).map(|k| libm::lgamma(f64::from(k) + 1.0)).collect());
    TABLE.get(k as usize).copied().unwrap_or_else(|| libm::lgamma(k + 1.0))
}

/// Where the ziggurat's tail begins, and the area of each layer.
const RIGHTMOST: f64 = 3.654_152_885_361_009;
const AREA: f64 = 0.004_928_673_233_992_336;

/// Right ends of the ziggurat's layers from the lowest up, and the densities there.
struct Layers {
    x: [f64; 257],
    f: [f64; 257],
}

static ZIGGURAT: LazyLock<Layers> = LazyLock::new(|| {
    let mut x = [0.0; 257];
    x[0] = AREA / density(RIGHTMOST);
    x[1] = RIGHTMOST;
    for i in 2..256 {
        x[i] = (-2.0 * libm::log(AREA / x[i - 1] + density(x[i - 1]))).sqrt();
    }
    Layers { x, f: x.map(density) }
});

/// Of the standard normal distribution, without its factor.
fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence() {
        // State 1, 2, 3, 4: the reference implementation's first outputs.
        let mut rng = Rng([1, 2, 3, 4]);
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(expected, std::array::from_fn(|_| rng.bits()));
    }

    /// Changing any of these changes the bytes of everybody's data sets.
    #[test]
    fn golden() {
        let seed = seed_of(7, b"a/b.png", 2, &[3]);
        let mut rng = Rng::new(seed);
        let bits = (rng.bits(), rng.int(-5, 5), rng.index(1000));
        let normals: Vec<u32> = (0..4).map(|_| rng.normal().to_bits()).collect();
        let poisson = [0.3, 4.0, 25.0, 9000.0].map(|mean| rng.poisson(mean));
        let text = format!("{seed} {bits:?} {normals:?} {poisson:?} {}", rng.unit().to_bits());
        let expected = "8999620671745207704 (16928823645147203781, -5, 472) \
            [3221498569, 1059621022, 1074567626, 1058847497] [0, 3, 27, 9057] 4606964835712183033";
        assert_eq!(text, expected);
    }

    #[test]
    fn seeds_differ_in_every_part() {
        let seeds = [
            seed_of(0, b"a", 0, &[]),
            seed_of(1, b"a", 0, &[]),
            seed_of(0, b"b", 0, &[]),
            seed_of(0, b"a", 1, &[]),
            seed_of(0, b"a", 0, &[0]),
            seed_of(0, b"a", 0, &[1]),
            seed_of(0, b"a", 0, &[0, 1]),
        ];
        let unique: std::collections::BTreeSet<u64> = seeds.into_iter().collect();
        assert_eq!(unique.len(), seeds.len());
        assert!(seeds.iter().all(|s| i64::try_from(*s).is_ok()));
    }

    #[test]
    fn normal_moments_and_tails() {
        let mut rng = Rng::new(1);
        let mut values = vec![0.0f32; 400_001];
        rng.normals(&mut values, |v, n| *v = n);
        let n = values.len() as f64;
        let moment = |p: i32| values.iter().map(|v| f64::from(*v).powi(p)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.008 && (moment(2) - 1.0).abs() < 0.01, "{} {}", moment(1), moment(2));
        assert!(moment(3).abs() < 0.03 && (moment(4) - 3.0).abs() < 0.06, "{} {}", moment(3), moment(4));
        let beyond = values.iter().filter(|v| v.abs() > 3.0).count() as f64 / n;
        assert!((beyond - 0.0027).abs() < 0.0004, "{beyond}");
        for (edge, share) in [(0.5, 0.617_075), (1.0, 0.317_311), (2.0, 0.045_500), (4.0, 0.000_063)] {
            let found = values.iter().filter(|v| f64::from(v.abs()) > edge).count() as f64 / n;
            let error = (share * (1.0 - share) / n).sqrt();
            assert!((found - share).abs() < 4.0 * error, "{edge}: {found}");
        }
    }

    #[test]
    fn poisson_moments() {
        for mean in [0.1, 3.0, 9.9, 10.1, 60.0, 5000.0] {
            let mut rng = Rng::new(9);
            let values: Vec<f64> = (0..100_000).map(|_| f64::from(rng.poisson(mean))).collect();
            let found = values.iter().sum::<f64>() / 1e5;
            let variance = values.iter().map(|v| (v - found).powi(2)).sum::<f64>() / 1e5;
            let off = (mean / 1e5).sqrt() * 5.0;
            assert!(
                (found - mean).abs() < off && (variance / mean - 1.0).abs() < 0.03,
                "{mean}: {found} {variance}"
            );
        }
        assert_eq!(Rng::new(1).poisson(0.0), 0);
        assert_eq!(Rng::new(1).poisson(f64::NAN), 0);
    }

    #[test]
    fn whole_numbers_cover_their_range() {
        let mut rng = Rng::new(4);
        let mut seen = [0; 5];
        (0..5000).for_each(|_| seen[(rng.int(-2, 2) + 2) as usize] += 1);
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        assert_eq!(rng.int(i64::MIN, i64::MIN), i64::MIN);
    }
}
