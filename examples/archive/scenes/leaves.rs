//! Autumn leaves on the ground, dropped front to back with sizes from a power law.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::noise::{fractal, value};
use super::super::rng::SplitMix64;
use safelight::image::Image;

struct Leaf {
    centre: (f32, f32),
    /// Cosine and sine of its direction, times one over its half length.
    axis: (f32, f32),
    half: f32,
    /// Half width over half length.
    slim: f32,
    lobes: f32,
    colours: [V3; 2],
    curl: f32,
    seed: u64,
}

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let mut rng = SplitMix64::new(seed ^ 0x1eaf);
    let leaves: Vec<Leaf> = (0..430).map(|_| Leaf::new(&mut rng, aspect)).collect();
    render(width, height, 2, |x, y| shade(&leaves, x, y, seed))
}

fn shade(leaves: &[Leaf], x: f32, y: f32, seed: u64) -> V3 {
    // Light from the upper left: a leaf nearer the viewer shades what lies to its lower right.
    let mut light = 1.0f32;
    for leaf in leaves {
        // Blade, stalk and shadow lie within this.
        let reach = 1.5 * leaf.half + 0.06;
        if (x - leaf.centre.0).abs() > reach || (y - leaf.centre.1).abs() > reach {
            continue;
        }
        if let Some(colour) = leaf.colour(x, y) {
            return colour * light;
        }
        let d = leaf.outline(x - 0.012, y - 0.016);
        light = light.min(0.34 + 0.66 * step(-0.03, 0.022, d));
    }
    let soil = fractal(x * 30.0, y * 30.0, 5, seed + 3);
    let stones = value(x * 60.0, y * 60.0, seed + 4);
    mix(srgb(0x1d1611), srgb(0x5d4a38), soil + 0.3 * (stones - 0.5)) * light
}

impl Leaf {
    fn new(rng: &mut SplitMix64, aspect: f32) -> Leaf {
        // Radii with density r^-3 between the two limits.
        let (low, high) = (0.075f32, 0.26f32);
        let u = rng.unit();
        let half = (low.powi(-2) + u * (high.powi(-2) - low.powi(-2))).powf(-0.5);
        let angle = rng.range(0.0, std::f32::consts::TAU);
        let kinds = [
            [0xd9a521, 0xb5651d],
            [0xb4401f, 0x7a1e16],
            [0xc9781f, 0x8d3b14],
            [0x8a5a2e, 0x5a3a20],
            [0x8f9a3a, 0xc7a83a],
            [0x6f4a2c, 0x9a7348],
            [0xe0c060, 0xa07a2a],
        ];
        let kind = kinds[(rng.unit() * 7.0) as usize % 7];
        Leaf {
            centre: (rng.range(-0.1, aspect + 0.1), rng.range(-0.1, 1.1)),
            axis: (angle.cos(), angle.sin()),
            half,
            slim: rng.range(0.38, 0.72),
            lobes: if rng.unit() < 0.45 { rng.range(0.25, 0.42) } else { 0.0 },
            colours: kind.map(|hex| srgb(hex) * rng.range(0.75, 1.1)),
            curl: rng.range(-0.5, 0.5),
            seed: rng.bits(),
        }
    }

    /// Along and across the leaf, in half lengths: tip at (1, 0), stalk from (-1, 0) backwards.
    fn local(&self, x: f32, y: f32) -> (f32, f32) {
        let (dx, dy) = ((x - self.centre.0) / self.half, (y - self.centre.1) / self.half);
        let (u, v) = (dx * self.axis.0 + dy * self.axis.1, dy * self.axis.0 - dx * self.axis.1);
        (u, v + 0.18 * self.curl * (1.0 - u * u))
    }

    fn half_width(&self, u: f32) -> f32 {
        if u.abs() >= 1.0 {
            return 0.0;
        }
        // Widest behind the middle, pointed in front; lobes and a fine saw edge cut into it.
        let body = (1.0 - u * u).powf(0.75) * (1.0 - 0.35 * u) * self.slim;
        let wave = (u * 13.0 + self.curl * 5.0).cos();
        let lobes = 1.0 - self.lobes * (0.5 + 0.5 * wave).powi(2) * (1.0 - u * u).sqrt();
        body * lobes * (1.0 + 0.05 * (u * 60.0).sin())
    }

    /// About the signed distance to the outline in picture heights, negative inside.
    fn outline(&self, x: f32, y: f32) -> f32 {
        let (u, v) = self.local(x, y);
        let blade =
            if u.abs() < 1.0 { v.abs() - self.half_width(u) } else { (u.abs() - 1.0).hypot(v).max(0.01) };
        blade * self.half * 0.8
    }

    fn colour(&self, x: f32, y: f32) -> Option<V3> {
        let (u, v) = self.local(x, y);
        if (-1.45..-0.95).contains(&u) && (v - 0.12 * (u + 1.0)).abs() < 0.022 {
            return Some(mix(srgb(0x3a2a18), srgb(0x9a7a4a), 0.5 - v * 20.0));
        }
        let half = self.half_width(u);
        if v.abs() >= half {
            return None;
        }
        let edge = v.abs() / half;
        let (nx, ny) = (u * 3.0, v * 3.0);
        let blotch = fractal(nx, ny, 5, self.seed);
        let mut c = mix(self.colours[0], self.colours[1], step(0.35, 0.7, blotch + 0.35 * (edge - 0.5)));
        let spots = fractal(nx * 5.0, ny * 5.0, 3, self.seed ^ 1);
        c = mix(c, srgb(0x3b2415), step(0.66, 0.74, spots) * 0.7);
        c = mix(c, srgb(0x4a2c16), step(0.8, 1.0, edge + 0.25 * (blotch - 0.5)) * 0.55);
        // Veins: a midrib, and side ribs that sweep forward.
        let side = ((u - v.abs() * 0.75) * 7.0).rem_euclid(1.0) - 0.5;
        let ribs = step(0.10, 0.02, side.abs() * 0.5) * step(0.0, 0.15, edge);
        let midrib = step(0.028, 0.012, v.abs());
        let fine = value(u * 45.0, v * 45.0, self.seed ^ 2);
        c = mix(c, c * 1.45 + V3(0.03, 0.025, 0.01), 0.55 * ribs.max(midrib * 1.5));
        // Each half is tilted, and the blade cups between the ribs.
        let tilt = 0.16 * v.signum() * (self.axis.0 - self.axis.1) * if edge < 0.04 { 0.0 } else { 1.0 };
        let cup = 0.16 * side * (1.0 - edge);
        let roll = -0.28 * self.curl * v / self.slim;
        let light = 0.86 + tilt + cup + roll + 0.16 * (fine - 0.5) - 0.18 * step(0.86, 1.0, edge);
        let gloss = step(0.55, 0.9, fractal(nx * 0.8 + 4.0, ny * 0.8, 2, self.seed ^ 3)) * 0.06;
        Some(c * light + V3(gloss, gloss, gloss * 1.1))
    }
}
