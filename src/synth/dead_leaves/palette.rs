//! Colours as photographs have them: few families a picture, mostly muted, over a broad range of brightness.

use super::paint::{Colour, log_uniform};
use crate::random::Rng;

/// A family: a hue in display values, how saturated it is on average (0 gray, 1 the hue itself), how often it
/// occurs.
struct Family {
    hue: Colour,
    saturation: f32,
    share: f32,
}

const fn family(hue: Colour, saturation: f32, share: f32) -> Family {
    Family { hue, saturation, share }
}

static FAMILIES: [Family; 11] = [
    // Stone, cloud, metal, asphalt.
    family([1.0, 0.98, 0.94], 0.5, 0.24),
    family([0.80, 0.90, 1.0], 0.5, 0.10),
    // Earth, wood, skin.
    family([1.0, 0.70, 0.42], 0.6, 0.20),
    family([1.0, 0.74, 0.60], 0.7, 0.08),
    // Grass, leaves, moss.
    family([0.60, 0.85, 0.22], 0.6, 0.13),
    family([0.40, 0.75, 0.40], 0.5, 0.05),
    // Sky, water.
    family([0.40, 0.65, 1.0], 0.6, 0.12),
    // What is painted or blooms.
    family([1.0, 0.12, 0.10], 0.7, 0.03),
    family([1.0, 0.80, 0.08], 0.7, 0.03),
    family([0.12, 0.25, 1.0], 0.7, 0.01),
    family([0.80, 0.30, 0.90], 0.5, 0.01),
];

/// The colours of one picture.
pub(super) struct Palette {
    shares: [f32; FAMILIES.len()],
    brightness: f32,
    contrast: f32,
    saturation: f32,
    cast: Colour,
}

/// Brightness of a display colour (Rec. 601).
pub(super) fn luma(c: Colour) -> f32 {
    0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]
}

impl Palette {
    pub(super) fn draw(rng: &mut Rng) -> Palette {
        // Some families prevail in each picture.
        let shares = std::array::from_fn(|i| FAMILIES[i].share * libm::expf(1.3 * rng.normal()));
        let warm = 0.05 * rng.normal();
        Palette {
            shares,
            brightness: (0.4 + 0.2 * rng.normal()).clamp(0.08, 0.85),
            contrast: log_uniform(0.05, 0.3, rng),
            saturation: if rng.chance(0.03) { 0.0 } else { libm::expf(0.45 * rng.normal() - 0.35) },
            cast: [1.0 + warm, 1.0, 1.0 - warm],
        }
    }

    /// A colour, brighter by `lift` than it would be.
    pub(super) fn colour(&self, lift: f32, rng: &mut Rng) -> Colour {
        let mut left = rng.unit() as f32 * self.shares.iter().sum::<f32>();
        let at = self.shares.iter().position(|share| {
            left -= share;
            left < 0.0
        });
        let family = &FAMILIES[at.unwrap_or(0)];
        let hue = family.hue.map(|h| (h + 0.07 * rng.normal()).clamp(0.02, 1.0));
        let saturation =
            (self.saturation * family.saturation * libm::expf(0.6 * rng.normal())).clamp(0.0, 1.0);
        // Heavier in its tails than a normal number: lamps, shadows.
        let spread = self.contrast * libm::expf(0.35 * rng.normal());
        let bright = (self.brightness + lift + spread * rng.normal()).clamp(0.015, 0.985);
        mix(hue, saturation, bright, self.cast)
    }
}

/// The colour of this hue, saturation and brightness; paler where that could not be shown.
fn mix(hue: Colour, saturation: f32, bright: f32, cast: Colour) -> Colour {
    let own = luma(hue);
    let colour: Colour =
        std::array::from_fn(|i| bright * (1.0 + saturation * (hue[i] / own - 1.0)) * cast[i]);
    let top = colour.iter().copied().fold(0.0, f32::max);
    if top <= 1.0 {
        return colour;
    }
    let keep = ((1.0 - bright) / (top - bright)).clamp(0.0, 1.0);
    colour.map(|c| bright + keep * (c - bright))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_mostly_muted_and_of_all_brightnesses() {
        let mut rng = Rng::new(2);
        let colours: Vec<Colour> = (0..400)
            .flat_map(|_| {
                let palette = Palette::draw(&mut rng);
                (0..20).map(|_| palette.colour(0.0, &mut rng)).collect::<Vec<_>>()
            })
            .collect();
        assert!(colours.iter().flatten().all(|c| (-0.01..=1.1).contains(c)));
        let spread =
            |c: &Colour| c.iter().copied().fold(0.0, f32::max) - c.iter().copied().fold(1.0, f32::min);
        let mut spreads: Vec<f32> = colours.iter().map(spread).collect();
        spreads.sort_by(f32::total_cmp);
        let quantile = |q: usize| spreads[spreads.len() * q / 100];
        assert!(quantile(50) < 0.25 && quantile(97) > 0.35, "{} {}", quantile(50), quantile(97));
        let dark = colours.iter().filter(|c| luma(**c) < 0.2).count();
        let bright = colours.iter().filter(|c| luma(**c) > 0.7).count();
        assert!(dark > 300 && bright > 300, "{dark} {bright}");
    }
}
