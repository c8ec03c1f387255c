//! Stored values and linear light: tone curves and their inverses, by tables.

use std::sync::LazyLock;

/// A curve between 0 and 1 by straight pieces.
#[derive(Debug)]
pub(super) struct Curve(Vec<f32>);

const PIECES: u16 = 4096;

impl Curve {
    fn new(f: impl Fn(f64) -> f64) -> Curve {
        // One value more at the end, so that 1 has a right neighbour.
        Curve((0..=PIECES + 1).map(|i| f(f64::from(i) / f64::from(PIECES)) as f32).collect())
    }

    /// The curve at `x`, brought into \[0, 1\].
    #[inline]
    pub(super) fn at(&self, x: f32) -> f32 {
        let x = x.clamp(0.0, 1.0) * f32::from(PIECES);
        let i = x as usize;
        let (low, high) = (self.0[i], self.0[i + 1]);
        low + (high - low) * (x - i as f32)
    }
}

/// sRGB to linear light (IEC 61966-2-1) and back.
pub(super) static SRGB: LazyLock<(Curve, Curve)> = LazyLock::new(|| (Curve::new(decode), Curve::new(encode)));

/// The same where a camera raises the contrast after encoding, by 3 v^2 - 2 v^3 (Brooks et al. 2019).
pub(super) static CONTRAST: LazyLock<(Curve, Curve)> = LazyLock::new(|| {
    let flatten = |v: f64| 0.5 - libm::sin(libm::asin((1.0 - 2.0 * v).clamp(-1.0, 1.0)) / 3.0);
    let raise = |v: f64| v * v * (3.0 - 2.0 * v);
    (Curve::new(move |v| decode(flatten(v))), Curve::new(move |l| raise(encode(l))))
});

fn decode(v: f64) -> f64 {
    if v <= 0.04045 { v / 12.92 } else { libm::pow((v + 0.055) / 1.055, 2.4) }
}

fn encode(v: f64) -> f64 {
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * libm::pow(v, 1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_lead_back() {
        for (name, curves) in [("srgb", &SRGB), ("contrast", &CONTRAST)] {
            for i in 0..=255 {
                let value = i as f32 / 255.0;
                let back = curves.1.at(curves.0.at(value));
                assert!((back - value).abs() < 6e-4, "{name} {i} {back}");
            }
            assert_eq!((curves.1.at(-0.3), curves.1.at(1.4)), (0.0, 1.0), "{name}");
        }
        // Contrast darkens shadows: what is stored dark was brighter light.
        assert!(CONTRAST.0.at(0.2) > SRGB.0.at(0.2) && CONTRAST.0.at(0.8) < SRGB.0.at(0.8));
    }
}
