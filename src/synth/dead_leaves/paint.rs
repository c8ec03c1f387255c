//! What fills a shape: a colour, soft shading, and textures over it.

use super::fields::{Field, SLOPES};
use super::point::Point;
use super::turns::{direction, phase, sine_of, sines};
use crate::random::Rng;

/// A colour: red, green, blue in display values, about 0 to 1.
pub(super) type Colour = [f32; 3];

/// What fills a shape.
#[derive(Clone)]
pub(super) struct Paint {
    colour: Colour,
    /// The place that shading refers to.
    centre: Point,
    /// Change of brightness per pixel across, per pixel down, and per squared distance from the centre; each
    /// relative to `colour`.
    shade: [f32; 3],
    textures: Vec<Layer>,
}

/// A texture as a shape wears it.
#[derive(Clone)]
struct Layer {
    pattern: Pattern,
    field: Field,
    /// Field coordinates per pixel across and down, and where the canvas's corner lies; in phases.
    grid: Grid,
    /// The wave's phase likewise, for patterns that have one.
    wave: [u32; 3],
    /// Phase that the field's value moves the wave by.
    bend: f32,
    /// What a value of 1 adds to the colour.
    amount: Colour,
}

#[derive(Clone, Copy)]
struct Grid {
    across: [u32; 2],
    down: [u32; 2],
    corner: [u32; 2],
}

/// How field and wave make a value, of about mean 0 and deviation 1.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pattern {
    /// The field itself.
    Cloud,
    /// Its creases: veins, cracks, folds.
    Crease,
    /// Its level sets: spots and patches with sharp but smooth borders.
    Patch,
    /// A sine bent by the field: ripples, grain of wood, cloth.
    Wave,
    /// The same with flat tops: stripes.
    Stripe,
    /// Two stripes at right angles: checks, bricks, windows.
    Check,
}

/// A texture before it is laid on a shape.
#[derive(Clone, Debug)]
pub(super) struct Texture {
    pattern: Pattern,
    field: usize,
    /// Field pixels per canvas pixel along and across the grain.
    scale: [f32; 2],
    /// Direction of the grain, turns; how far it varies from shape to shape.
    angle: f32,
    spread: f32,
    /// Waves per canvas pixel.
    frequency: f32,
    bend: f32,
    /// Deviation that it adds, relative to the colour.
    strength: f32,
    /// Tint of what it adds, about white.
    tint: Colour,
}

impl Texture {
    /// Some texture; `strength` is the deviation that it adds, relative to the colour.
    pub(super) fn draw(strength: f32, rng: &mut Rng) -> Texture {
        let pattern = match rng.unit() {
            u if u < 0.60 => Pattern::Cloud,
            u if u < 0.70 => Pattern::Crease,
            u if u < 0.78 => Pattern::Patch,
            u if u < 0.88 => Pattern::Wave,
            u if u < 0.95 => Pattern::Stripe,
            _ => Pattern::Check,
        };
        let scale = log_uniform(0.1, 1.8, rng);
        let stretch = if rng.chance(0.4) { log_uniform(1.0, 8.0, rng) } else { 1.0 };
        // A wave of fewer than 4 canvas pixels could not be told from its alias.
        let period = log_uniform(4.0, 60.0, rng);
        Texture {
            pattern,
            field: rng.index(SLOPES.len() - 1),
            scale: [scale / stretch, scale],
            angle: rng.unit() as f32,
            spread: if rng.chance(0.5) { 1.0 } else { 0.04 },
            frequency: 1.0 / period,
            bend: if rng.chance(0.3) { 0.0 } else { log_uniform(0.05, 1.0, rng) },
            strength,
            tint: std::array::from_fn(|_| 1.0 + 0.12 * rng.normal()),
        }
    }

    fn lay(&self, colour: Colour, rng: &mut Rng) -> Layer {
        let angle = self.angle + self.spread * (rng.unit() as f32 - 0.5);
        let [c, s] = direction(angle);
        let [along, across] = self.scale.map(|scale| scale / 256.0);
        let grid = Grid {
            across: [phase(c * along), phase(-s * across)],
            down: [phase(s * along), phase(c * across)],
            corner: [rng.bits() as u32, rng.bits() as u32],
        };
        let wave = [phase(c * self.frequency), phase(s * self.frequency), rng.bits() as u32];
        let mean = (colour[0] + colour[1] + colour[2]) / 3.0;
        let strength = self.strength * log_uniform(0.5, 1.5, rng);
        // A little of it also on black, as light falls on the darkest things.
        let amount =
            std::array::from_fn(|i| strength * (0.75 * colour[i] + 0.25 * mean + 0.03) * self.tint[i]);
        Layer { pattern: self.pattern, field: Field::of(self.field), grid, wave, bend: self.bend, amount }
    }
}

/// A number whose logarithm is uniform between those of `low` and `high`.
pub(super) fn log_uniform(low: f32, high: f32, rng: &mut Rng) -> f32 {
    low * libm::powf(high / low, rng.unit() as f32)
}

impl Paint {
    /// One colour.
    pub(super) fn flat(colour: Colour) -> Paint {
        Paint { colour, centre: [0.0; 2], shade: [0.0; 3], textures: Vec::new() }
    }

    /// Brighter or darker towards one side, by `slope` over a distance of `radius`, and towards the rim, by
    /// `bulge` at that distance; both relative to the colour.
    pub(super) fn shaded(mut self, centre: Point, radius: f32, slope: Point, bulge: f32) -> Paint {
        self.centre = centre;
        self.shade = [slope[0] / radius, slope[1] / radius, bulge / (radius * radius)];
        self
    }

    /// With a texture laid over it at random.
    pub(super) fn textured(mut self, texture: &Texture, rng: &mut Rng) -> Paint {
        self.textures.push(texture.lay(self.colour, rng));
        self
    }

    /// The colours of `out.len()` pixels of row `y` from `x`.
    pub(super) fn row(&self, x: usize, y: usize, out: &mut [Colour]) {
        let [slope_x, slope_y, bulge] = self.shade;
        if self.shade == [0.0; 3] {
            out.fill(self.colour);
        } else {
            let dy = y as f32 + 0.5 - self.centre[1];
            for (i, out) in out.iter_mut().enumerate() {
                let dx = (x + i) as f32 + 0.5 - self.centre[0];
                let light =
                    1.0 + (slope_x * dx + slope_y * dy + bulge * (dx * dx + dy * dy)).clamp(-0.8, 0.8);
                *out = self.colour.map(|c| c * light);
            }
        }
        self.textures.iter().for_each(|layer| layer.add(x as u32, y as u32, out));
    }
}

impl Layer {
    fn add(&self, x: u32, y: u32, out: &mut [Colour]) {
        let field = self.field;
        match self.pattern {
            Pattern::Cloud => self.each(x, y, out, |u, v, _, _| field.at(u, v)),
            Pattern::Crease => self.each(x, y, out, |u, v, _, _| 1.6 * (0.8 - field.at(u, v).abs())),
            Pattern::Patch => self.each(x, y, out, |u, v, _, _| (5.0 * field.at(u, v)).clamp(-1.0, 1.0)),
            _ => self.waves(x, y, out),
        }
    }

    fn waves(&self, x: u32, y: u32, out: &mut [Colour]) {
        let (field, sines, pattern) = (self.field, sines(), self.pattern);
        let bend = self.bend * (1u64 << 32) as f32 / 4.0;
        let straight = self.bend == 0.0;
        self.each(x, y, out, |u, v, along, aside| {
            let moved = if straight { 0 } else { ((field.at(u, v) * bend) as i64) as u32 };
            let wave = sine_of(sines, along.wrapping_add(moved));
            let flat = |v: f32| (3.0 * v).clamp(-1.0, 1.0);
            match pattern {
                Pattern::Wave => 1.4 * wave,
                Pattern::Stripe => 1.1 * flat(wave),
                _ => 1.1 * flat(wave) * flat(sine_of(sines, aside)),
            }
        });
    }

    /// Adds to each pixel what `value` gives for its place in the field, its phase along the wave and its
    /// phase along the wave at right angles.
    #[inline]
    fn each(&self, x: u32, y: u32, out: &mut [Colour], value: impl Fn(u32, u32, u32, u32) -> f32) {
        let start = |across: u32, down: u32, corner: u32| {
            corner.wrapping_add(across.wrapping_mul(x)).wrapping_add(down.wrapping_mul(y))
        };
        let grid = &self.grid;
        let mut u = start(grid.across[0], grid.down[0], grid.corner[0]);
        let mut v = start(grid.across[1], grid.down[1], grid.corner[1]);
        let [across, down, corner] = self.wave;
        let mut along = start(across, down, corner);
        let mut aside = start(down.wrapping_neg(), across, corner);
        for out in out {
            let value = value(u, v, along, aside);
            out.iter_mut().zip(&self.amount).for_each(|(o, a)| *o += value * a);
            u = u.wrapping_add(grid.across[0]);
            v = v.wrapping_add(grid.across[1]);
            along = along.wrapping_add(across);
            aside = aside.wrapping_sub(down);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_texture_varies_about_the_colour_by_its_strength() {
        let mut rng = Rng::new(3);
        for _ in 0..200 {
            let texture = Texture::draw(0.2, &mut rng);
            let paint = Paint::flat([0.5; 3]).textured(&texture, &mut rng);
            let mut out = vec![[0.0; 3]; 256 * 256];
            for (y, row) in out.chunks_exact_mut(256).enumerate() {
                paint.row(0, y, row);
            }
            let n = out.len() as f32;
            let mean = out.iter().map(|c| c[1]).sum::<f32>() / n;
            let deviation = (out.iter().map(|c| (c[1] - mean) * (c[1] - mean)).sum::<f32>() / n).sqrt();
            assert!(
                (mean - 0.5).abs() < 0.5 && (0.01..0.4).contains(&deviation),
                "{texture:?} {mean} {deviation}"
            );
        }
    }

    #[test]
    fn a_row_is_the_same_wherever_it_is_begun() {
        let mut rng = Rng::new(5);
        let texture = Texture::draw(0.3, &mut rng);
        let paint = Paint::flat([0.3, 0.4, 0.5])
            .shaded([30.0, 20.0], 40.0, [0.2, -0.1], -0.3)
            .textured(&texture, &mut rng);
        let (mut whole, mut part) = ([[0.0; 3]; 64], [[0.0; 3]; 24]);
        paint.row(0, 9, &mut whole);
        paint.row(40, 9, &mut part);
        assert_eq!(whole[40..], part);
    }
}
