//! How clean patches are varied before anything makes them worse: turned, made smaller, of other tones and colours.
//!
//! It runs for every patch of every step: all of it in single precision, tones by a table.

use super::language::AugmentKeys;
use crate::corrupt::Frame;
use crate::image::Image;
use crate::image::crop::{Rect, crop};
use crate::random::Rng;
use crate::spec::Switch;

/// What is varied at random.
#[derive(Clone, Debug, PartialEq)]
pub struct Augment {
    /// Turned by quarters and mirrored.
    pub turn: bool,
    /// How many times larger the square is that becomes a patch, drawn evenly on a logarithmic scale; at least 1.
    pub rescale: (f64, f64),
    /// Exponent of all values, drawn likewise.
    pub gamma: (f64, f64),
    /// Colour channels in any order.
    pub channels: bool,
}

impl Augment {
    /// Nothing is varied.
    pub const NOTHING: Augment =
        Augment { turn: false, rescale: (1.0, 1.0), gamma: (1.0, 1.0), channels: false };

    pub(super) fn of(keys: &Switch<AugmentKeys>) -> Augment {
        match keys {
            Switch::Plain(turn) => Augment { turn: *turn, ..Augment::NOTHING },
            Switch::With(AugmentKeys { turn, rescale, gamma, channels }) => Augment {
                turn: *turn,
                rescale: (rescale.0, rescale.1),
                gamma: (gamma.0, gamma.1),
                channels: *channels,
            },
        }
    }

    /// Whether squares are larger than the patches that are made of them.
    pub(super) fn rescales(&self) -> bool {
        self.rescale.1 > 1.0
    }

    /// The orientation (1 to 8) that a patch is turned by.
    pub(super) fn turn(&self, rng: &mut Rng) -> u8 {
        if self.turn { 1 + rng.index(8) as u8 } else { 1 }
    }

    /// A square of the picture, by the factor larger than a patch, at most as large as the picture.
    pub(super) fn cut(&self, image: &Image, (width, height): (usize, usize), rng: &mut Rng) -> Option<Image> {
        let most = (image.width as f64 / width as f64).min(image.height as f64 / height as f64);
        let factor = evenly(self.rescale, rng).min(most);
        let side = |of: usize, full: usize| ((of as f64 * factor) as usize).clamp(of.min(full), full);
        let (w, h) = (side(width, image.width), side(height, image.height));
        let (x, y) = (rng.index(image.width - w + 1), rng.index(image.height - h + 1));
        crop(image, Rect { x, y, width: w, height: h })
    }

    /// Brings such a square to the patch's size (antialiased bicubic) and varies its colours and tones.
    pub(super) fn vary(&self, frame: &mut Frame, size: (usize, usize), rng: &mut Rng) {
        frame.fit(size);
        if self.channels {
            rng.shuffle(&mut frame.planes);
        }
        if self.gamma != (1.0, 1.0) {
            let tones = Tones::new(evenly(self.gamma, rng) as f32);
            frame.map(|v| tones.of(v));
        }
    }
}

/// A number of the range, drawn evenly on a logarithmic scale.
fn evenly((low, high): (f64, f64), rng: &mut Rng) -> f64 {
    if low == high {
        return low;
    }
    let (low, high) = (libm::log(low), libm::log(high));
    libm::exp(low + (high - low) * rng.unit())
}

/// Bits of the mantissa that choose a step of the table.
const FINE: u32 = 5;
/// Smaller values go to 0 in a straight line.
const DARKEST: f32 = 1.0 / 4096.0;

/// A power of values in \[0, 1\], by a table whose steps are even on a logarithmic scale: straight lines between them,
/// off by less than 0.002 of the value at exponents from 1/4 to 4, and by 0.00004 from 0.8 to 1.25.
struct Tones {
    ends: Vec<f32>,
    first: u32,
    darkest: f32,
}

impl Tones {
    fn new(gamma: f32) -> Tones {
        let first = DARKEST.to_bits() >> (23 - FINE);
        let last = 1.0f32.to_bits() >> (23 - FINE);
        let end = |step: u32| libm::powf(f32::from_bits(step << (23 - FINE)), gamma);
        let ends: Vec<f32> = (first..=last + 1).map(end).collect();
        Tones { darkest: ends.first().map_or(0.0, |v| v / DARKEST), ends, first }
    }

    fn of(&self, value: f32) -> f32 {
        if value < DARKEST {
            return value.max(0.0) * self.darkest;
        }
        let bits = value.min(1.0).to_bits();
        let step = ((bits >> (23 - FINE)) - self.first) as usize;
        let within = (bits & ((1 << (23 - FINE)) - 1)) as f32 * (1.0 / (1 << (23 - FINE)) as f32);
        let (low, high) = (self.ends[step], self.ends[step + 1]);
        low + (high - low) * within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Depth;

    fn image(width: usize, height: usize) -> Image {
        let mut image = Image::new(width, height, 3, Depth::U8);
        (0..image.samples.len()).for_each(|i| image.samples.set(i, (i * 37 % 256) as f32 / 255.0));
        image
    }

    #[test]
    fn tones_are_the_power() {
        for gamma in [0.25f32, 0.8, 1.0, 1.7, 4.0] {
            let tones = Tones::new(gamma);
            for i in 0..=10_000 {
                let value = i as f32 / 10_000.0;
                let (found, wanted) = (tones.of(value), value.powf(gamma));
                let off = if value < DARKEST { 0.13 } else { wanted * 2e-3 + 1e-6 };
                assert!((found - wanted).abs() <= off, "{value}^{gamma}: {found} {wanted}");
            }
            assert_eq!((tones.of(0.0), tones.of(1.0), tones.of(-0.5), tones.of(1.5)), (0.0, 1.0, 0.0, 1.0));
        }
        assert!((0..=1000).all(|i| (Tones::new(1.0).of(i as f32 / 1000.0) - i as f32 / 1000.0).abs() < 1e-6));
    }

    #[test]
    fn squares_are_within_the_range_and_the_picture() {
        let augment = Augment { rescale: (1.0, 2.0), ..Augment::NOTHING };
        let mut rng = Rng::new(3);
        let sides: Vec<usize> =
            (0..400).map(|_| augment.cut(&image(90, 70), (16, 16), &mut rng).unwrap().width).collect();
        assert!(sides.iter().all(|side| (16..=32).contains(side)));
        // Half of them lie below the geometric mean.
        let below = sides.iter().filter(|side| **side < 23).count();
        assert!((170..230).contains(&below), "{below}");
        assert!(sides.contains(&16) && sides.iter().any(|side| *side > 30));
        let narrow = augment.cut(&image(20, 300), (16, 16), &mut rng).unwrap();
        assert!(narrow.width <= 20 && narrow.height <= 20 && narrow.width >= 16);
        let exact = augment.cut(&image(16, 16), (16, 16), &mut rng).unwrap();
        assert_eq!((exact.width, exact.height), (16, 16));
    }

    #[test]
    fn colours_change_places_and_tones_stay_in_range() {
        let augment = Augment { channels: true, gamma: (0.5, 2.0), ..Augment::NOTHING };
        let plain = Frame::from_image(&image(9, 9));
        let mut found = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let mut channels = plain.clone();
            Augment { gamma: (1.0, 1.0), ..augment.clone() }.vary(&mut channels, (9, 9), &mut Rng::new(seed));
            let place = |plane: &Vec<f32>| plain.planes.iter().position(|known| known == plane).unwrap();
            found.insert(channels.planes.iter().map(place).collect::<Vec<_>>());
            let mut tones = plain.clone();
            augment.vary(&mut tones, (9, 9), &mut Rng::new(seed));
            assert!(tones.planes.iter().flatten().all(|v| (0.0..=1.0).contains(v)));
        }
        assert_eq!(found.len(), 6);
    }
}
