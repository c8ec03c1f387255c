//! A city by night: towers with lit windows, a moon, a bridge, and their lights in the water.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::noise::{fractal, hash, value};
use safelight::image::Image;

/// The waterline.
const SHORE: f32 = 0.66;

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let city = City { seed, moon: (aspect * (0.12 + 0.3 * hash(1, 1, seed)), 0.15) };
    render(width, height, 2, |x, y| {
        let c = if y > SHORE { city.water(x, y) } else { city.land(x, y) };
        // A lens's response: lights roll off instead of clipping.
        V3(soft(c.0), soft(c.1), soft(c.2))
    })
}

fn soft(v: f32) -> f32 {
    1.0 - (-1.35 * v.max(0.0)).exp()
}

struct City {
    seed: u64,
    moon: (f32, f32),
}

impl City {
    fn sky(&self, x: f32, y: f32) -> V3 {
        let glow = (-(SHORE - y) * 4.2).exp();
        let mut sky = mix(srgb(0x0b1330), srgb(0x2b3560), y / SHORE) + srgb(0xd08848) * (0.30 * glow);
        let thick = fractal(x * 2.4, y * 6.5, 6, self.seed + 1);
        let cover = step(0.48, 0.72, thick);
        sky = mix(sky, srgb(0x4a4a62) + srgb(0xd08848) * (0.25 * glow), cover * 0.75);
        let r = (x - self.moon.0).hypot(y - self.moon.1);
        let halo = (-r * 11.0).exp() * 0.28 + (-r * 40.0).exp() * 0.3;
        let maria = fractal(x * 45.0, y * 45.0, 3, self.seed + 2);
        let disc = step(0.036, 0.0345, r) * (1.0 - 0.55 * cover);
        sky = sky + srgb(0xcdd8ff) * halo * (1.0 - 0.4 * cover);
        sky = mix(sky, srgb(0xfffbea) * (0.8 + 1.1 * maria), disc);
        let (cx, cy) = ((x * 70.0).floor(), (y * 70.0).floor());
        let star = hash(cx as i32, cy as i32, self.seed + 3);
        let off = (x * 70.0 - cx - 0.5).hypot(y * 70.0 - cy - 0.5);
        sky + V3(0.8, 0.85, 1.0)
            * (step(0.93, 1.0, star) * step(0.12, 0.03, off) * (1.0 - cover) * step(0.4, 0.2, y))
    }

    fn land(&self, x: f32, y: f32) -> V3 {
        if let Some(c) = self.quay(x, y) {
            return c;
        }
        let mut back = self.sky(x, y);
        for layer in 0..3 {
            if let Some(tower) = self.towers(x, y, layer) {
                back = tower;
            }
        }
        back + self.lamps(x, y)
    }

    fn towers(&self, x: f32, y: f32, layer: i32) -> Option<V3> {
        let wide = [0.075, 0.105, 0.13][layer as usize];
        let seed = self.seed + 10 + layer as u64;
        let place = x / wide + hash(layer, 0, seed);
        let cell = place.floor() as i32;
        let (at, r) = (place.rem_euclid(1.0), |salt: i32| hash(cell, salt, seed));
        let district = fractal(cell as f32 * 0.23, layer as f32 * 3.0, 3, self.seed + 20);
        let tall = [0.46, 0.36, 0.20][layer as usize] * (0.25 + 0.75 * r(1)) * (0.45 + 1.1 * district);
        let margin = 0.04 + 0.10 * r(2);
        let mut top = SHORE - 0.02 - tall;
        let centre = (at - 0.5).abs();
        if r(3) > 0.5 && centre < 0.26 {
            top -= 0.03 + 0.03 * r(4);
        }
        if r(3) > 0.8 {
            // A pointed top.
            top += 0.10 * (centre - 0.12).max(0.0);
        }
        let mast = r(5) > 0.6 && centre < 0.012 && y > top - 0.07;
        if y < top && !mast {
            let beacon = r(5) > 0.6 && (centre * wide).hypot(y - top + 0.07) < 0.004;
            return beacon.then_some(V3(2.2, 0.25, 0.15));
        }
        if at < margin || at > 1.0 - margin {
            return None;
        }
        let haze = [0.32, 0.14, 0.03][layer as usize];
        let facade = srgb([0x232a3c, 0x2c2a30, 0x1c2634, 0x38302c][(r(6) * 4.0) as usize % 4]);
        let side = if at < 0.35 { 1.35 } else { 0.8 };
        let wall = mix(facade * side, srgb(0x5a4a52), haze + 0.25 * step(SHORE - 0.2, SHORE, y));
        let (wx, wy) = (0.0105 + 0.005 * r(7), 0.0135 + 0.006 * r(8));
        let (px, py) = ((at - margin) * wide / wx, (y - top) / wy);
        let (ix, iy) = (px.floor() as i32, py.floor() as i32);
        let (fx, fy) = (px.rem_euclid(1.0), py.rem_euclid(1.0));
        let id = |salt: i32| hash(ix + 31 * cell, iy + 97 * salt, seed + 1);
        // Whole floors tend to be lit together.
        let lit = id(1) < 0.22 + 0.35 * r(9) + 0.25 * step(0.75, 0.9, hash(iy, cell, seed + 2));
        let ribbon = r(10) > 0.7;
        let inside = (ribbon || (0.22..0.78).contains(&fx)) && (0.25..0.75).contains(&fy) && y < SHORE - 0.03;
        if !inside || mast {
            return Some(wall);
        }
        if !lit {
            return Some(wall * 0.55 + self.sky(x, 0.4) * 0.12);
        }
        let lamp = srgb([0xffc878, 0xffdc9c, 0xfff0d0, 0xcfe4ff, 0xffb058][(id(2) * 5.0) as usize % 5]);
        let curtain = 0.55 + 0.45 * value(fx * 2.0 + ix as f32 * 3.1, fy * 2.0 + iy as f32, seed + 3);
        Some(mix(lamp * (curtain * (0.45 + 0.8 * id(3))), wall, haze * 0.8))
    }

    fn quay(&self, x: f32, y: f32) -> Option<V3> {
        // A suspension bridge crosses from the right edge; a quay wall closes the shore.
        if y > SHORE - 0.014 {
            let stone = value(x * 60.0, y * 120.0, self.seed + 30);
            return Some(mix(srgb(0x1a1715), srgb(0x6a5238), 0.6 * stone) * (0.5 + self.pool(x)));
        }
        let deck = (y - SHORE + 0.055).abs();
        let pylons = [0.88, 1.24];
        if x > 0.7 {
            if deck < 0.005 {
                return Some(srgb(0x4a3c34));
            }
            if pylons.iter().any(|p| (x - p).abs() < 0.0075 && y > SHORE - 0.23) {
                return Some(mix(srgb(0x5c4638), srgb(0xd09050), step(SHORE - 0.23, SHORE - 0.05, y) * 0.6));
            }
            let span = (x - 1.06) / 0.18;
            let cable = if span.abs() <= 1.0 {
                SHORE - 0.075 - 0.15 * span * span
            } else {
                SHORE - 0.225 + (span.abs() - 1.0) * 0.17
            };
            if (y - cable).abs() < 0.0022 {
                return Some(srgb(0x6a5848));
            }
            let hanger = ((x / 0.018).rem_euclid(1.0) - 0.5).abs() < 0.04;
            if hanger && y > cable && y < SHORE - 0.05 {
                return Some(srgb(0x3c3430));
            }
        }
        None
    }

    /// Light of the quay's lamps on the ground below them.
    fn pool(&self, x: f32) -> f32 {
        let off = ((x / 0.09).rem_euclid(1.0) - 0.5) * 0.09;
        2.2 * (-(off * off) * 2600.0).exp()
    }

    fn lamps(&self, x: f32, y: f32) -> V3 {
        let mut light = V3::default();
        let glow = |dx: f32, dy: f32, size: f32| {
            let r = dx.hypot(dy) / size;
            3.0 * (-r * r * 1.6).exp() + 0.22 / (1.0 + r * r)
        };
        let near = (x / 0.09).floor();
        for i in -1..=1 {
            let at = (near + i as f32 + 0.5) * 0.09;
            light = light + srgb(0xffb45a) * glow(x - at, y - SHORE + 0.035, 0.0048);
        }
        if x > 0.66 {
            let near = (x / 0.05).floor();
            for i in -1..=1 {
                let at = (near + i as f32 + 0.5) * 0.05;
                light = light + srgb(0xffe6b8) * (0.8 * glow(x - at, y - SHORE + 0.068, 0.003));
            }
        }
        light
    }

    fn water(&self, x: f32, y: f32) -> V3 {
        let depth = y - SHORE;
        let scale = 1.0 / (depth + 0.03);
        // Waves smear every light into a column: average what several facets of the water mirror.
        let mut sum = V3::default();
        for i in 0..7 {
            let wave = fractal(
                x * 5.0 * scale.sqrt() + 3.0 * i as f32,
                scale * 3.2 + 0.05 * i as f32,
                3,
                self.seed + 40,
            ) - 0.5;
            let chop = value(x * 24.0 * scale.sqrt(), scale * 13.0 + 0.31 * i as f32, self.seed + 41) - 0.5;
            let tilt = wave * 1.1 + chop * 0.8 + 0.16 * (i as f32 - 3.0);
            let seen = SHORE - (depth * 1.15 * (1.0 + 1.3 * tilt)).abs() - 0.003;
            sum = sum + self.land(x + 0.05 * chop * depth.sqrt(), seen.max(0.0));
        }
        let mirror = sum * (1.0 / 7.0);
        let swell = fractal(x * 4.0 * scale.sqrt(), scale * 3.2, 3, self.seed + 42);
        let body = mix(srgb(0x0a1220), srgb(0x16263a), swell);
        body + mirror * V3(0.62, 0.66, 0.72) * (0.55 + 0.7 * swell)
    }
}
