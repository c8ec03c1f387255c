//! Whether what was measured as noise is like noise: alike at all frequencies, and with the tails of a Gaussian.
//!
//! Of the patches that `noise_sigma` measures last, its high frequencies. Texture, hatching and lettering hold some
//! frequencies more than others and many coefficients near 0, noise of a sensor neither.

use super::noise_sigma;
use super::subject::{Kind, Measurement, Reading};

/// Its registration.
pub static MEASUREMENT: Measurement = Measurement {
    name: "noise_shape",
    columns: &[("noise_whiteness", Kind::Float), ("noise_kurtosis", Kind::Float)],
    doc: "`noise_shape` (of what `noise_sigma` measured: `noise_whiteness`, 1 where all frequencies are alike as in noise, \
          less in texture and drawings; `noise_kurtosis`, 3 for Gaussian noise, more in drawings)",
    read: |subject| {
        let shape = noise_sigma::of(subject).shape;
        Some([shape.map(|s| s.whiteness), shape.map(|s| s.kurtosis)].map(Reading::of).to_vec())
    },
    bytes: |width, _| 140 * width + (4 << 20),
};

#[cfg(test)]
mod tests {
    use super::super::noise::NoiseShape;
    use super::super::noise_sigma::noise;
    use crate::image::{Depth, Image};

    /// A small linear congruential generator.
    struct Rng(u64);

    impl Rng {
        fn new(seed: u64) -> Rng {
            Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
        }

        fn bits(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            self.0
        }
    }

    fn shape(value: impl Fn(usize, usize, &mut Rng) -> f64) -> NoiseShape {
        let mut image = Image::new(200, 150, 1, Depth::F32);
        let mut rng = Rng::new(1);
        for i in 0..image.samples.len() {
            image.samples.set(i, value(i % 200, i / 200, &mut rng) as f32);
        }
        noise(&image).shape.unwrap()
    }

    fn gaussian(rng: &mut Rng) -> f64 {
        (0..12).map(|_| (rng.bits() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>() - 6.0
    }

    #[test]
    fn noise_is_white_with_light_tails_and_drawings_are_neither() {
        let noise = shape(|x, _, rng| 0.5 + 0.001 * x as f64 + 0.04 * gaussian(rng));
        assert!(noise.whiteness > 0.95 && (noise.kurtosis - 3.0).abs() < 0.2, "{noise:?}");
        let hatching = shape(|x, y, _| if (x + y) % 7 < 2 { 0.1 } else { 0.9 });
        assert!(hatching.whiteness < 0.8 || hatching.kurtosis > 5.0, "{hatching:?}");
        let blurred = shape(|x, y, rng| {
            // The same two numbers for blocks of 2x2 pixels: film grain.
            let mut own = Rng::new((x / 2 * 1000 + y / 2) as u64);
            rng.bits();
            0.5 + 0.04 * gaussian(&mut own)
        });
        assert!(blurred.whiteness < 0.8, "{blurred:?}");
    }

    #[test]
    fn nothing_is_told_of_what_is_flat_or_tiny() {
        for (width, height) in [(1, 1), (6, 6), (200, 150)] {
            assert_eq!(noise(&Image::new(width, height, 3, Depth::U8)).shape, None);
        }
    }
}
