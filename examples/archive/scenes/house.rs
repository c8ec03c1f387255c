//! A brick house with a tiled roof, a lawn, a path, a picket fence and a tree.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::noise::{fractal, hash, value};
use safelight::image::Image;

/// The wall's left, right, top and bottom edge.
const WALL: (f32, f32, f32, f32) = (0.38, 1.10, 0.40, 0.76);
const RIDGE: f32 = 0.16;
const LAWN: f32 = 0.7;

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    // The composition is 4:3; other shapes see it centred.
    let shift = (4.0 / 3.0 - aspect) / 2.0;
    let garden = Garden::new(seed);
    render(width, height, 2, |x, y| garden.shade(x + shift, y))
}

struct Garden {
    seed: u64,
    /// Foliage: centre and radius of each clump.
    clumps: Vec<(f32, f32, f32)>,
    door: V3,
    brick: V3,
}

impl Garden {
    fn new(seed: u64) -> Garden {
        let clumps = (0..26)
            .map(|i| {
                let (a, r) = (std::f32::consts::TAU * hash(i, 0, seed), hash(i, 1, seed).sqrt());
                let spread = (0.2 + 0.17 * r * a.cos(), 0.33 + 0.19 * r * a.sin());
                (spread.0, spread.1, 0.05 + 0.045 * hash(i, 2, seed))
            })
            .collect();
        let pick = |salt: i32, colours: [u32; 4]| srgb(colours[(hash(9, salt, seed) * 4.0) as usize % 4]);
        Garden {
            seed,
            clumps,
            door: pick(1, [0x2f5d50, 0x7a1f1f, 0x27496d, 0x5b3a1e]),
            brick: pick(2, [0x9c4a35, 0xa65a3e, 0x8a4636, 0xb07050]),
        }
    }

    fn shade(&self, x: f32, y: f32) -> V3 {
        if let Some(fence) = self.fence(x, y) {
            return fence;
        }
        if let Some(tree) = self.tree(x, y) {
            return tree;
        }
        if let Some(house) = self.house(x, y) {
            return house;
        }
        if y > LAWN { self.lawn(x, y) } else { self.background(x, y) }
    }

    fn background(&self, x: f32, y: f32) -> V3 {
        let thick = fractal(x * 2.2, y * 5.0, 6, self.seed + 1);
        let under = fractal(x * 2.2 + 0.06, y * 5.0 - 0.14, 5, self.seed + 1);
        let sky = mix(srgb(0x4c86c6), srgb(0xcfe2ee), y * 1.35);
        let cloud = mix(srgb(0xa9b6c8), V3(1.0, 0.99, 0.96), 0.75 + 2.5 * (thick - under));
        let sky = mix(sky, cloud, step(0.48, 0.66, thick));
        let hedge_top = 0.585
            + 0.06 * (fractal(x * 4.0, 0.0, 4, self.seed + 2) - 0.5)
            + 0.025 * (value(x * 45.0, 3.0, self.seed + 3) - 0.5);
        let hills_top = 0.54 + 0.08 * (fractal(x * 1.6, 9.0, 3, self.seed + 4) - 0.5);
        if y > hedge_top {
            let leaf = fractal(x * 60.0, y * 60.0, 3, self.seed + 5);
            let light = step(0.1, 0.0, y - hedge_top) * 0.5 + leaf - 0.25;
            mix(srgb(0x16291a), srgb(0x6d8a45), light)
        } else if y > hills_top {
            mix(
                mix(srgb(0x5d7d58), srgb(0x8aa168), fractal(x * 8.0, y * 30.0, 4, self.seed + 6)),
                srgb(0xb4cbdd),
                0.45,
            )
        } else {
            sky
        }
    }

    fn house(&self, x: f32, y: f32) -> Option<V3> {
        let (left, right, top, bottom) = WALL;
        let slope = ((top - y) / (top - RIDGE)).clamp(0.0, 1.0);
        let (roof_left, roof_right) = (left - 0.05 + 0.13 * slope, right + 0.05 - 0.13 * slope);
        // Chimney.
        if (0.86..0.94).contains(&x) && (0.08..0.24).contains(&y) && !(y > RIDGE && slope <= 0.4) {
            let rim = if y < 0.1 { 0.75 } else { 1.0 };
            if y < RIDGE + 0.02 {
                return Some(self.bricks(x, y) * (rim * if x > 0.915 { 0.55 } else { 0.95 }));
            }
        }
        if (RIDGE..top + 0.012).contains(&y) && (roof_left..roof_right).contains(&x) {
            return Some(self.tiles(x, y, top));
        }
        if !(left..right).contains(&x) || !(top..bottom).contains(&y) {
            return None;
        }
        let mut wall = self.bricks(x, y);
        for (cx, cy) in [(0.51, 0.56), (0.97, 0.56)] {
            if let Some(window) = self.window(x - cx, y - cy, 0.075, 0.085) {
                return Some(window);
            }
            if (x - cx).abs() < 0.095 && (0.0..0.016).contains(&(y - cy - 0.098)) {
                wall = srgb(0xcfc6b4) * (0.8 + 0.3 * value(x * 150.0, y * 150.0, self.seed));
            }
        }
        let (dx, dy) = (x - 0.74, y - bottom);
        if dx.abs() < 0.085 && dy > -0.012 {
            wall = srgb(0x9a958c) * (0.8 + 0.25 * value(x * 120.0, y * 120.0, self.seed));
        } else if dx.abs() < 0.075 && dy > -0.235 {
            wall = self.front_door(dx, dy);
        }
        // Stone base, shade under the eaves, and the tree's dappled shadow.
        if y > bottom - 0.03 && dx.abs() >= 0.085 {
            wall = srgb(0x8d877c) * (0.7 + 0.5 * value(x * 60.0, y * 60.0, self.seed + 8));
        }
        let eaves = 0.5 + 0.5 * step(0.03, 0.06, y - top - 0.012);
        let dapple = step(0.35, 0.6, fractal(x * 9.0, y * 9.0, 3, self.seed + 9) + 1.5 * (x - left - 0.08));
        let shade = eaves * (0.5 + 0.5 * dapple);
        Some(wall * V3(1.02 * shade, 0.99 * shade, 0.9 * shade + 0.06))
    }

    fn bricks(&self, x: f32, y: f32) -> V3 {
        let (wide, high) = (0.036, 0.0145);
        let row = (y / high).floor();
        let along = x / wide + 0.5 * (row as i32 & 1) as f32;
        let (bx, by) = (along.rem_euclid(1.0), y / high - row);
        let (cell, row) = (along.floor() as i32, row as i32);
        let tint = hash(cell, row, self.seed + 11);
        let warm = hash(cell, row, self.seed + 12);
        let grain = value(x * 260.0, y * 260.0, self.seed + 13);
        let mut brick = self.brick * (0.6 + 0.5 * tint + 0.35 * (grain - 0.5));
        brick = mix(brick, srgb(0x6b3f38), step(0.7, 1.0, warm) * 0.7);
        let edge = (bx.min(1.0 - bx) * wide).min(by.min(1.0 - by) * high);
        // Light from the upper left catches each brick's upper edge.
        brick = brick * (1.0 + 0.25 * (0.5 - by));
        mix(srgb(0xb3a898) * (0.65 + 0.3 * grain), brick, step(0.0008, 0.0022, edge))
    }

    fn tiles(&self, x: f32, y: f32, top: f32) -> V3 {
        let (wide, high) = (0.026, 0.02);
        let row = (y / high).floor();
        let along = x / wide + 0.5 * (row as i32 & 1) as f32;
        let (tx, ty) = (along.rem_euclid(1.0) - 0.5, y / high - row);
        let tint = hash(along.floor() as i32, row as i32, self.seed + 15);
        let age = fractal(x * 6.0, y * 9.0, 4, self.seed + 16);
        let mut tile = mix(srgb(0x5a4038), srgb(0x94604a), 0.2 + 0.6 * tint) * (0.75 + 0.6 * age);
        tile = mix(tile, srgb(0x66704a), step(0.62, 0.75, age) * 0.5);
        let round = 1.0 - 1.6 * tx * tx;
        let lap = step(0.0, 0.3, ty - 0.7 * tx * tx) * 0.5 + 0.5;
        if y > top - 0.002 {
            return srgb(0xe7e1d2) * (0.8 - 12.0 * (y - top).max(0.0));
        }
        tile * (round * lap * 1.15)
    }

    fn window(&self, x: f32, y: f32, wide: f32, high: f32) -> Option<V3> {
        if x.abs() > wide || y.abs() > high {
            return None;
        }
        let frame = (wide - x.abs()).min(high - y.abs());
        let bars = x.abs().min((y + 0.02).abs());
        if frame < 0.011 || bars < 0.004 {
            let bevel = if frame < 0.003 || (bars > 0.003 && frame > 0.011) { 0.7 } else { 0.95 };
            return Some(srgb(0xf1ede2) * bevel);
        }
        // The pane mirrors sky and clouds; a curtain hangs behind it.
        let glass = mix(
            srgb(0x26323e),
            srgb(0x9fbcd6),
            0.35 - 3.0 * y + 0.8 * (fractal(x * 14.0, y * 20.0, 4, self.seed + 17) - 0.5),
        );
        let swing = 0.3 * wide + 0.35 * wide * (y / high + 0.2).max(0.0);
        let folds = 0.75 + 0.25 * (x * 320.0).sin();
        let curtain = step(0.004, -0.004, wide - x.abs() - swing);
        let inside = mix(srgb(0xe6dcc4) * (0.42 * folds), glass, curtain);
        let shade = 0.55 + 0.45 * step(0.0, 0.02, y + high - 0.011);
        Some(mix(inside, glass, 0.3) * shade)
    }

    fn front_door(&self, x: f32, y: f32) -> V3 {
        if x.abs() > 0.062 || y < -0.222 {
            return srgb(0xf1ede2) * (0.85 - 0.2 * step(0.0, 0.07, x));
        }
        let grain = fractal(x * 160.0, y * 10.0, 3, self.seed + 18);
        let mut door = self.door * (0.75 + 0.5 * grain);
        let light_pane = (x.abs() - 0.028).abs() < 0.018 && (-0.205..-0.15).contains(&y);
        for (low, high) in [(-0.135, -0.085), (-0.07, -0.025)] {
            let inset = (0.018 - (x.abs() - 0.03).abs()).min((y - low).min(high - y));
            if inset > 0.0 {
                door = door * if inset < 0.004 { 0.55 } else { 1.15 };
            }
        }
        if light_pane {
            door = mix(srgb(0x32424c), srgb(0xc9a860), 0.6 * fractal(x * 50.0, y * 50.0, 2, self.seed));
        }
        let knob = (x - 0.05).hypot(y + 0.1);
        mix(door, mix(srgb(0xfff0b0), srgb(0x8a6a20), knob * 130.0), step(0.008, 0.006, knob))
    }

    fn lawn(&self, x: f32, y: f32) -> V3 {
        let depth = (y - LAWN) / (1.0 - LAWN);
        let fine = value(x * (300.0 - 150.0 * depth), y * (420.0 - 200.0 * depth), self.seed + 20);
        let clump = fractal(x * 9.0, y * 26.0, 5, self.seed + 21);
        let mut grass =
            mix(srgb(0x375a22), srgb(0x86a448), 0.25 + 0.55 * fine * (0.5 + clump) + 0.5 * (clump - 0.5));
        let (cx, half) = (0.74 - 0.10 * depth * depth, 0.075 + 0.13 * depth);
        let across = (x - cx).abs() / half + 0.12 * (value(y * 40.0, x.signum(), self.seed + 22) - 0.5);
        if y > WALL.3 && across < 1.0 {
            let stone = value(x * 60.0 / (0.4 + depth), 30.0 * (depth + 0.05).ln(), self.seed + 23);
            let gravel = value(x * 280.0, y * 400.0, self.seed + 24);
            let path = mix(srgb(0x968873), srgb(0xd8cbb2), 0.5 * stone + 0.5 * gravel);
            grass = mix(path, grass, step(0.9, 1.0, across));
        }
        let shadow = step(
            0.8,
            1.05,
            ((x - 0.32) / 0.30).hypot((y - 0.815) / 0.07)
                + 0.35 * (fractal(x * 14.0, y * 30.0, 3, self.seed + 25) - 0.5),
        );
        let base = step(0.0, 0.035, y - WALL.3 + if (WALL.0..WALL.1).contains(&x) { 0.0 } else { 1.0 });
        grass * (0.38 + 0.62 * shadow) * (0.5 + 0.5 * base)
    }

    fn tree(&self, x: f32, y: f32) -> Option<V3> {
        // Leaves: the clumps' outline is broken up by noise, their shading is that of balls.
        let ragged = 0.36 * (fractal(x * 26.0, y * 26.0, 4, self.seed + 30) - 0.5);
        let mut best: Option<(f32, f32)> = None;
        for &(cx, cy, r) in &self.clumps {
            let (dx, dy) = ((x - cx) / r, (y - cy) / r);
            let inside = 1.0 - dx.hypot(dy) + ragged * 1.6;
            if inside > 0.0 && best.is_none_or(|(b, _)| inside > b) {
                best = Some((inside, -0.55 * dx - 0.75 * dy));
            }
        }
        if let Some((inside, facing)) = best {
            let leaf = fractal(x * 95.0, y * 95.0, 3, self.seed + 31);
            let hole = fractal(x * 34.0, y * 34.0, 2, self.seed + 33);
            if inside > 0.12 || leaf > 0.4 {
                let light = 0.38 + 0.3 * facing + 1.3 * (leaf - 0.5) + 0.4 * (hole - 0.6);
                let sunny = mix(srgb(0x3f6a24), srgb(0xb9c85a), light);
                return Some(mix(srgb(0x12240f), sunny, 0.25 + light * 1.4));
            }
        }
        let lean = 0.2 + 0.02 * (y * 9.0).sin();
        let half = 0.022 + 0.05 * step(0.74, 0.84, y).powi(2) + 0.006 * value(y * 30.0, 0.0, self.seed);
        let off = (x - lean) / half;
        if (0.36..0.825 + 0.012 * value(x * 60.0, 0.0, self.seed)).contains(&y) && off.abs() < 1.0 {
            let bark = fractal(x * 110.0, y * 16.0, 4, self.seed + 32);
            return Some(mix(srgb(0x2a2018), srgb(0x9a8266), (0.6 - 0.42 * off) * (0.3 + 1.2 * bark) - 0.12));
        }
        None
    }

    fn fence(&self, x: f32, y: f32) -> Option<V3> {
        if (0.52..0.92).contains(&x) {
            return None;
        }
        let pitch = 0.043;
        let cell = (x / pitch).floor();
        let off = (x / pitch - cell - 0.5).abs() * pitch;
        let tip = 0.845 + off * 1.1 + 0.004 * hash(cell as i32, 5, self.seed);
        let grain = 0.84 + 0.16 * fractal(x * 200.0, y * 20.0, 2, self.seed + 35);
        if off < 0.0125 && (tip..0.985).contains(&y) {
            let side = (x / pitch - cell - 0.5) * pitch / 0.0125;
            return Some(srgb(0xf6f2e6) * (grain * (0.82 - 0.2 * side)));
        }
        let rail = (y - 0.885).abs().min((y - 0.95).abs());
        (rail < 0.008).then(|| srgb(0xd9d4c6) * (grain * if off < 0.018 { 0.5 } else { 0.72 }))
    }
}
