//! A still life: apples, an orange, a lemon, grapes and a glazed jug on a wooden table.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::march::{Camera, Hit, blend, capsule, ellipsoid, lamp, near, normal, open, sphere, trace};
use super::super::noise::{fractal, hash, value};
use safelight::image::Image;

const TABLE: u8 = 0;
const WALL: u8 = 1;
const RED_APPLE: u8 = 2;
const GREEN_APPLE: u8 = 3;
const ORANGE: u8 = 4;
const LEMON: u8 = 5;
const JUG: u8 = 6;
const GRAPE: u8 = 7;
const STALK: u8 = 8;

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let table = Table { seed, swing: 0.24 * (hash(0, 0, seed) - 0.5), glaze: glaze(seed) };
    let camera = Camera { eye: V3(0.0, 1.55, 4.2), target: V3(0.02, 0.52, 0.0), focal: 2.9 };
    render(width, height, 2, |x, y| table.shade(&camera, camera.ray(x - aspect / 2.0, y - 0.5)))
}

fn glaze(seed: u64) -> V3 {
    srgb([0x2c5a7a, 0x5f7a5a, 0x8a4a2a, 0xc8b898][(hash(3, 1, seed) * 4.0) as usize % 4])
}

struct Table {
    seed: u64,
    swing: f32,
    glaze: V3,
}

impl Table {
    fn solid(&self, p: V3) -> Hit {
        let mut hit = near(Hit { distance: p.1, material: TABLE }, p.2 + 1.6, WALL);
        // Nothing stands outside this box: far from it the box's own distance is enough.
        let outside = (p.0.abs() - 1.4).max(p.1 - 1.65).max(p.2.abs() - 1.1);
        if outside > 0.1 {
            return near(hit, outside, JUG);
        }
        let apple = |c: V3, r: f32| {
            let q = p - c;
            let around = q.0.hypot(q.2);
            // A dimple on top and a slightly narrower foot.
            let dimple = 0.2 * r * (-(around / (0.3 * r)).powi(2)).exp() * step(0.0, r * 0.5, q.1);
            sphere(V3(q.0, q.1 * 1.06, q.2), V3::default(), r * (1.0 + 0.06 * q.1 / r)) + dimple
        };
        let red = V3(-0.42 + self.swing, 0.31, 0.42);
        let green = V3(-0.93, 0.29, 0.05 + self.swing);
        hit = near(hit, apple(red, 0.32) * 0.85, RED_APPLE);
        hit = near(hit, apple(green, 0.30) * 0.85, GREEN_APPLE);
        hit = near(hit, capsule(p, red + V3(0.0, 0.2, 0.0), red + V3(0.07, 0.42, 0.02), 0.012, 0.017), STALK);
        hit = near(
            hit,
            capsule(p, green + V3(0.0, 0.2, 0.0), green + V3(-0.05, 0.38, 0.05), 0.012, 0.017),
            STALK,
        );
        let peel = sphere(p, V3(0.86, 0.33, 0.1 - self.swing), 0.33);
        hit = near(hit, peel, ORANGE);
        let q = p - V3(0.45 + self.swing * 0.5, 0.2, 0.72);
        let turned = V3(q.0 * 0.9 + q.2 * 0.43, q.1, q.2 * 0.9 - q.0 * 0.43);
        let body = ellipsoid(turned, V3::default(), V3(0.29, 0.2, 0.2));
        let tip = sphere(turned, V3(0.29, 0.0, 0.0), 0.035);
        hit = near(hit, blend(body, tip, 0.12) * 0.9, LEMON);
        hit = near(hit, self.jug(p - V3(0.12, 0.0, -0.45)), JUG);
        let bunch = p - V3(-0.05, 0.0, 0.85);
        if bunch.len() < 0.9 {
            for i in 0..11 {
                let (row, at) = (i / 6, (i % 6) as f32);
                let jitter = 0.05 * hash(i, 4, self.seed);
                let c = V3(
                    -0.3 + 0.115 * at + 0.06 * row as f32,
                    0.085 + 0.125 * row as f32,
                    0.06 * (at * 2.4).sin() + jitter,
                );
                hit = near(hit, sphere(bunch, c, 0.088), GRAPE);
            }
        }
        hit
    }

    fn jug(&self, p: V3) -> f32 {
        let around = p.0.hypot(p.2);
        // The outline: foot, belly, neck and flaring lip.
        let h = p.1;
        let belly = 0.36 * (1.0 - ((h - 0.48) / 0.62).powi(2)).max(0.0).sqrt();
        let neck = 0.17 + 0.13 * step(1.05, 1.36, h) * step(0.9, 1.3, h);
        let radius = belly.max(neck * step(0.7, 1.0, h)).max(0.2 * step(0.12, 0.0, h));
        let wall = (around - radius) * 0.7;
        let outer = wall.max(h - 1.32).max(-h);
        let hollow = (around - radius + 0.03) * 0.7;
        let vessel = outer.max(-hollow.max(0.25 - h));
        // The handle: part of a ring on the right.
        let ring = V3(p.0 - 0.27, p.1 - 0.88, p.2);
        let handle = ((ring.0 * 1.1).hypot(ring.1 * 0.8) - 0.23).hypot(ring.2) - 0.035;
        blend(vessel, handle.max(0.06 - ring.0 - 0.12), 0.05)
    }

    fn shade(&self, camera: &Camera, ray: V3) -> V3 {
        let solid = |p: V3| self.solid(p);
        let Some((p, material)) = trace(camera.eye, ray, 12.0, &solid) else { return srgb(0x6a5f52) };
        let mut n = normal(p, &solid);
        if material == ORANGE {
            let bump = |d: V3| {
                value(
                    (p.0 + d.0) * 55.0 + (p.2 + d.2) * 31.0,
                    (p.1 + d.1) * 55.0 - (p.2 + d.2) * 40.0,
                    self.seed,
                )
            };
            let here = bump(V3::default());
            n = (n
                + (V3(bump(V3(0.006, 0.0, 0.0)), bump(V3(0.0, 0.006, 0.0)), bump(V3(0.0, 0.0, 0.006)))
                    - V3(here, here, here))
                    * 0.8)
                .unit();
        }
        let window = V3(-0.62, 0.62, 0.5).unit();
        let lit = lamp(p, n, window, 5.0, &solid);
        let room = open(p, n, &solid);
        let (colour, gloss) = self.surface(p, material);
        let halfway = (window - ray).unit();
        let shine = n.dot(halfway).max(0.0);
        let sky = 0.5 + 0.5 * n.1;
        let ambient = mix(srgb(0x5a4636), srgb(0x9db2c8), sky) * (0.55 * room);
        let bounce = srgb(0x7a5230) * (0.22 * (0.5 - 0.5 * n.1) * room);
        let body = colour * (V3(1.5, 1.38, 1.16) * lit + ambient + bounce);
        let sharp = shine.powf(120.0) * 1.4 + shine.powf(18.0) * 0.16;
        let rim = (1.0 + n.dot(ray)).clamp(0.0, 1.0).powi(4) * 0.25 * room;
        body + V3(1.0, 0.97, 0.92) * (gloss * (sharp * lit.min(1.0) + rim))
    }

    fn surface(&self, p: V3, material: u8) -> (V3, f32) {
        let s = self.seed;
        let streaks = |c: V3| {
            let q = p - c;
            let round = q.2.atan2(q.0);
            (value(round * 9.0, q.1 * 2.5, s + 4) * 0.6 + value(round * 26.0, q.1 * 4.0, s + 5) * 0.4, q)
        };
        match material {
            TABLE => {
                let plank = (p.2 / 0.62 + 40.0).floor();
                let seam = ((p.2 / 0.62 + 40.0).rem_euclid(1.0) - 0.5).abs();
                let shift = hash(plank as i32, 7, s) * 30.0;
                let warp = fractal(p.0 * 0.8 + shift, p.2 * 2.0, 3, s + 1);
                let rings = (((p.2 * 9.0 + warp * 9.0) + shift).sin() * 0.5 + 0.5).powi(2);
                let fibre = fractal(p.0 * 4.0 + shift, p.2 * 85.0, 4, s + 2);
                let tint = 0.75 + 0.4 * hash(plank as i32, 8, s);
                let wood = mix(srgb(0x6b4224), srgb(0xb98a52), 0.2 + 0.35 * rings + 0.5 * fibre) * tint;
                (wood * (1.0 - 0.75 * step(0.485, 0.495, seam)), 0.22)
            }
            WALL => {
                let cloth = 0.92
                    + 0.16 * (fractal(p.0 * 2.0, p.1 * 2.0, 5, s + 3) - 0.5)
                    + 0.06 * (value(p.0 * 90.0, p.1 * 90.0, s + 3) - 0.5);
                (mix(srgb(0x6d6a58), srgb(0x9a937a), p.1 * 0.5) * cloth, 0.0)
            }
            RED_APPLE => {
                let (streak, q) = streaks(V3(-0.42 + self.swing, 0.31, 0.42));
                let pale = step(0.25, 0.9, q.1 / 0.32 + 0.7 * (streak - 0.5) + 0.3 * q.0) * 0.85;
                let skin = mix(srgb(0xa01818), srgb(0xe0a83c), pale * step(0.2, 0.75, streak));
                (
                    mix(
                        skin,
                        srgb(0xe8d090),
                        step(0.78, 0.9, value(p.0 * 45.0, p.1 * 45.0 + p.2 * 20.0, s)) * 0.35,
                    ),
                    0.75,
                )
            }
            GREEN_APPLE => {
                let (streak, q) = streaks(V3(-0.93, 0.29, 0.05 + self.swing));
                let skin = mix(srgb(0x7ea02c), srgb(0xbcc854), streak);
                (mix(skin, srgb(0xc8703a), step(0.1, 0.35, q.0 + 0.3 * (streak - 0.5)) * 0.5), 0.7)
            }
            ORANGE => {
                (mix(srgb(0xe07a10), srgb(0xf09a28), fractal(p.0 * 6.0, p.1 * 6.0 + p.2 * 4.0, 3, s)), 0.4)
            }
            LEMON => {
                (mix(srgb(0xd8b418), srgb(0xf4dc50), fractal(p.0 * 9.0, p.1 * 9.0 + p.2 * 7.0, 3, s)), 0.4)
            }
            GRAPE => (
                mix(
                    srgb(0x34204e),
                    srgb(0x6a4a78),
                    fractal(p.0 * 14.0, p.1 * 14.0 + p.2 * 11.0, 3, s) * 1.1 - 0.1,
                ),
                0.5,
            ),
            STALK => (srgb(0x4a3620), 0.1),
            _ => {
                // Glaze above bare clay, with a band; runs of glaze follow the wheel.
                let drip = 0.34 + 0.05 * value(p.0 * 9.0 + p.2 * 7.0, 0.0, s + 6);
                let wheel = 0.85 + 0.3 * fractal(0.5, p.1 * 30.0, 3, s + 7);
                let clay = srgb(0xa8734c) * (0.7 + 0.5 * fractal(p.0 * 25.0, p.1 * 40.0, 3, s + 8));
                let coat = self.glaze * wheel;
                let coat = if (0.95..1.0).contains(&p.1) { mix(coat, srgb(0xe0d4b8), 0.8) } else { coat };
                (mix(clay, coat, step(0.0, 0.012, p.1 - drip)), if p.1 > drip { 0.9 } else { 0.08 })
            }
        }
    }
}
