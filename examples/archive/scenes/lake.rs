//! A mountain lake: sky with sun and clouds, snowy ridges, conifers, their reflection, a grassy shore.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::noise::{fractal, hash, ridged, value};
use safelight::image::Image;

/// Where the far shore lies, in picture heights from the top.
const HORIZON: f32 = 0.6;

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let view = View { seed, sun: (aspect * (0.22 + 0.5 * hash(1, 2, seed)), 0.2) };
    render(width, height, 2, |x, y| view.shade(x, y))
}

struct View {
    seed: u64,
    sun: (f32, f32),
}

impl View {
    fn shade(&self, x: f32, y: f32) -> V3 {
        let bank = 0.93 - 0.05 * (x - 0.3) + 0.05 * (fractal(x * 3.0, 0.5, 4, self.seed + 40) - 0.5);
        let blade = 0.035 * (value(x * 160.0, y * 6.0, self.seed + 41) * value(x * 9.0, 1.0, self.seed + 42));
        if y > bank - blade {
            return self.meadow(x, y, bank);
        }
        if y > HORIZON { self.water(x, y) } else { self.land(x, y) }
    }

    fn sky(&self, x: f32, y: f32) -> V3 {
        let (dx, dy) = (x - self.sun.0, y - self.sun.1);
        let near_sun = (-(dx * dx + dy * dy) * 9.0).exp();
        let mut sky = mix(srgb(0x2f66ad), srgb(0xc3dcec), (y / HORIZON).powf(0.8) * 1.1);
        sky = sky + srgb(0xffe2a8) * (0.55 * near_sun);
        // Clouds are seen at a slant: flatter and smaller towards the horizon.
        let depth = 1.0 / (0.75 - y).max(0.08);
        let (cx, cy) = (x * depth * 1.1, depth * 2.6);
        let thick = fractal(cx, cy, 7, self.seed + 5);
        let toward_sun = fractal(cx - 0.12 * dx / (dx.abs() + 0.3), cy - 0.12, 5, self.seed + 5);
        let cover = step(0.5, 0.7, thick);
        let light = (0.62 + 2.0 * (thick - toward_sun) + 0.25 * near_sun).clamp(0.25, 1.0);
        let cloud = mix(srgb(0x7d8da6), srgb(0xfffaf0), light);
        let sky = mix(sky, cloud, cover * 0.92);
        mix(sky, V3(1.0, 0.97, 0.86), step(0.0016, 0.0009, dx * dx + dy * dy) * (1.0 - 0.8 * cover))
    }

    fn ridge(&self, x: f32, layer: u64) -> f32 {
        let (base, high, wide) = [(0.35, 0.34, 1.5), (0.50, 0.22, 2.1), (0.57, 0.13, 2.6)][layer as usize];
        base - high * (ridged(x * wide, layer as f32 * 7.7, 7, self.seed + 10 + layer) - 0.35) * 1.25
    }

    fn land(&self, x: f32, y: f32) -> V3 {
        let tree = self.conifers(x, y);
        if let Some(tree) = tree {
            return tree;
        }
        for layer in (0..3).rev() {
            let top = self.ridge(x, layer);
            if y > top {
                return self.slope(x, y, top, layer);
            }
        }
        self.sky(x, y)
    }

    fn slope(&self, x: f32, y: f32, top: f32, layer: u64) -> V3 {
        let seed = self.seed + 20 + layer;
        let (sx, sy) = (x * 7.0, y * 9.0);
        let relief = |x: f32, y: f32| ridged(x, y, 6, seed);
        let side = (self.sun.0 - x) / ((self.sun.0 - x).abs() + 0.15);
        let light = (0.55 + 3.2 * (relief(sx, sy) - relief(sx + 0.09 * side, sy - 0.06))).clamp(0.05, 1.25);
        let rock = mix(srgb(0x4d4a4c), srgb(0x8d8478), fractal(sx * 3.0, sy * 4.0, 4, seed + 3));
        let forest = mix(srgb(0x1c3320), srgb(0x4c6a38), fractal(sx * 9.0, sy * 14.0, 3, seed + 4));
        let green = step(0.36, 0.5, y + 0.12 * (fractal(sx, sy * 2.0, 4, seed + 5) - 0.5));
        let mut ground = mix(rock, forest, green);
        let snow = step(0.39, 0.28, y + 0.22 * (fractal(sx * 1.6, sy * 1.2, 5, seed + 6) - 0.5));
        ground = mix(ground, V3(0.86, 0.9, 0.97), snow * step(0.2, 0.5, light));
        let shadowed = V3(0.30, 0.38, 0.52);
        let lit = mix(ground * shadowed, ground * V3(1.05, 0.98, 0.86), light);
        // Air between: the far ridges are paler and bluer, and mist lies at their feet.
        let haze = [0.30, 0.17, 0.06][layer as usize] + 0.3 * step(0.1, 0.35, y - top) * step(0.3, 0.6, y);
        mix(lit, srgb(0xa9c3da), haze)
    }

    fn conifers(&self, x: f32, y: f32) -> Option<V3> {
        for row in 0..3 {
            let seed = self.seed + 60 + row;
            let wide = 0.026 - 0.004 * row as f32;
            let cell = (x / wide).floor() as i32;
            for i in cell - 1..=cell + 1 {
                let grove = fractal(i as f32 * 0.09, row as f32, 3, self.seed + 70);
                let tall = (0.035 + 0.085 * hash(i, 1, seed)) * step(0.38, 0.6, grove);
                let centre = (i as f32 + 0.2 + 0.6 * hash(i, 2, seed)) * wide;
                let down = (y - (HORIZON - tall)) / tall.max(1e-4);
                if tall < 0.012 || !(0.0..=1.0).contains(&down) {
                    continue;
                }
                let tier = (down * 9.0 + hash(i, 3, seed)).rem_euclid(1.0);
                let jag = 0.5 + 0.5 * tier + 0.5 * (value(x * 420.0, y * 420.0, seed) - 0.5);
                let half = 0.17 * tall * down * jag;
                let off = (x - centre) / half.max(1e-4);
                if off.abs() < 1.0 {
                    let light = 0.35
                        + 0.4 * off * (self.sun.0 - x).signum()
                        + 0.35 * (tier - 0.5)
                        + 0.5 * (value(x * 300.0, y * 300.0, seed + 1) - 0.5);
                    return Some(mix(srgb(0x0b1a12), srgb(0x3f5a30), light));
                }
            }
        }
        (y > HORIZON - 0.006 - 0.006 * value(x * 40.0, 0.0, self.seed + 61))
            .then(|| mix(srgb(0x3a3a2c), srgb(0x8a8468), value(x * 200.0, y * 300.0, self.seed + 62)))
    }

    fn water(&self, x: f32, y: f32) -> V3 {
        let depth = y - HORIZON;
        // Ripples shrink towards the far shore.
        let scale = 1.0 / (depth + 0.025);
        let wave = fractal(x * 2.2 * scale.sqrt() * 2.0, scale * 1.9, 4, self.seed + 30) - 0.5;
        let fine = fractal(x * 13.0 * scale.sqrt(), scale * 8.0, 3, self.seed + 31) - 0.5;
        let calm = step(0.35, 0.6, fractal(x * 2.0, y * 14.0, 3, self.seed + 32));
        let sway = (wave * 0.5 + fine * 0.3) * (0.3 + 0.7 * calm) * depth;
        let seen = (HORIZON - depth * 1.02 - sway * 0.9 - 0.002).clamp(0.0, HORIZON - 0.001);
        let mirror = self.land(x + sway * 0.35, seen);
        let deep = mix(srgb(0x1c4a55), srgb(0x0e2c3a), depth * 3.0);
        let mut water = mix(mirror * V3(0.78, 0.84, 0.86), deep, 0.18 + 0.9 * depth + 0.25 * wave);
        let glitter = step(0.08, 0.22, fine + 0.35 * wave) * (-(x - self.sun.0).powi(2) * 22.0).exp();
        water = water + V3(1.0, 0.9, 0.7) * (0.5 * glitter * step(0.0, 0.06, depth));
        mix(srgb(0x7f949c), water, 0.4 + 0.6 * step(0.0, 0.006, depth))
    }

    fn meadow(&self, x: f32, y: f32, bank: f32) -> V3 {
        let stalks =
            value(x * 190.0 + 3.0 * value(x * 20.0, y * 20.0, self.seed + 43), y * 26.0, self.seed + 44);
        let patch = fractal(x * 7.0, y * 15.0, 4, self.seed + 45);
        let grass = mix(srgb(0x26391a), srgb(0x7d8b3c), 0.9 * stalks * (0.4 + patch));
        let dry = mix(grass, srgb(0xa08f55), step(0.55, 0.75, patch) * 0.6);
        let near = dry * (0.55 + 1.0 * stalks.powi(2) + 1.6 * (bank + 0.02 - y).clamp(0.0, 0.1));
        let (fx, fy) = ((x * 42.0).floor(), (y * 52.0).floor());
        let (cell_x, cell_y) = (fx as i32, fy as i32);
        let centre = (hash(cell_x, cell_y, self.seed + 46), hash(cell_x, cell_y, self.seed + 47));
        let off = (x * 42.0 - fx - 0.3 - 0.4 * centre.0).hypot(y * 52.0 - fy - 0.3 - 0.4 * centre.1);
        let flower = step(0.3, 0.2, off) * step(0.8, 0.85, hash(cell_x, cell_y, self.seed + 48));
        let petal = if hash(cell_x, cell_y, self.seed + 49) > 0.5 { srgb(0xf4e9d0) } else { srgb(0xe2b53a) };
        mix(near, petal * (1.1 - off), flower)
    }
}
