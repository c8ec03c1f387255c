//! A tabby cat sitting on a rug in a sunlit room.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::march::{Camera, Hit, blend, capsule, ellipsoid, lamp, near, normal, open, sphere, trace};
use super::super::noise::{fractal, hash, value};
use safelight::image::Image;

const FLOOR: u8 = 0;
const WALL: u8 = 1;
const FUR: u8 = 2;
const EYE: u8 = 3;
const NOSE: u8 = 4;
const HEAD: V3 = V3(0.06, 1.22, 0.36);

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let coats = [[0xb87a3c, 0x6a3c18], [0x9a9488, 0x3c3a38], [0xc8a878, 0x7a5a3a], [0x8a7a64, 0x35291e]];
    let coat = coats[(hash(1, 1, seed) * 4.0) as usize % 4].map(srgb);
    let room = Room {
        seed,
        coat,
        iris: srgb([0x9ab03a, 0xd0a030, 0x6aa88a][(hash(2, 1, seed) * 3.0) as usize % 3]),
    };
    let camera = Camera { eye: V3(0.55, 1.25, 5.0), target: V3(0.06, 0.76, 0.0), focal: 4.5 };
    render(width, height, 2, |x, y| room.shade(&camera, camera.ray(x - aspect / 2.0, y - 0.5)))
}

struct Room {
    seed: u64,
    coat: [V3; 2],
    iris: V3,
}

impl Room {
    fn solid(&self, p: V3) -> Hit {
        let mut hit = near(Hit { distance: p.1, material: FLOOR }, p.2 + 1.9, WALL);
        let outside = (p.0.abs() - 1.25).max(p.1 - 1.85).max(p.2.abs() - 1.1);
        if outside > 0.1 {
            return near(hit, outside, FUR);
        }
        let mut fur = ellipsoid(p, V3(0.0, 0.40, -0.18), V3(0.47, 0.42, 0.50));
        fur = blend(fur, ellipsoid(p, V3(0.02, 0.72, 0.06), V3(0.31, 0.46, 0.30)), 0.25);
        // Haunches, forelegs with paws, and the tail around the right side.
        for side in [-1.0, 1.0] {
            let haunch = ellipsoid(p, V3(0.36 * side, 0.27, 0.02), V3(0.2, 0.27, 0.36));
            fur = blend(fur, haunch, 0.1);
            fur = blend(fur, ellipsoid(p, V3(0.40 * side, 0.065, 0.36), V3(0.11, 0.07, 0.17)), 0.05);
            let leg = capsule(p, V3(0.15 * side, 0.72, 0.25), V3(0.13 * side, 0.09, 0.40), 0.12, 0.085);
            fur = blend(fur, leg, 0.07);
            fur = blend(fur, ellipsoid(p, V3(0.135 * side, 0.065, 0.47), V3(0.10, 0.068, 0.13)), 0.04);
        }
        fur = blend(fur, capsule(p, V3(0.36, 0.1, -0.5), V3(0.74, 0.085, -0.05), 0.085, 0.08), 0.12);
        fur = blend(fur, capsule(p, V3(0.74, 0.085, -0.05), V3(0.66, 0.075, 0.42), 0.08, 0.07), 0.06);
        fur = blend(fur, capsule(p, V3(0.66, 0.075, 0.42), V3(0.40, 0.065, 0.62), 0.07, 0.05), 0.06);
        let q = p - HEAD;
        fur = blend(fur, ellipsoid(q, V3(0.0, 0.0, 0.0), V3(0.315, 0.265, 0.27)), 0.12);
        fur = blend(fur, ellipsoid(q, V3(0.0, -0.09, 0.17), V3(0.165, 0.115, 0.14)), 0.08);
        for side in [-1.0, 1.0] {
            fur = blend(fur, sphere(q, V3(0.062 * side, -0.115, 0.25), 0.072), 0.03);
            fur = blend(fur, ellipsoid(q, V3(0.2 * side, -0.10, 0.06), V3(0.13, 0.12, 0.13)), 0.08);
            let ear = self.ear(V3(q.0 * side, q.1, q.2));
            fur = blend(fur, ear, 0.045);
            let slant = V3(q.0, q.1 - 0.22 * (q.0 * side - 0.128), q.2);
            let socket = ellipsoid(slant, V3(0.128 * side, 0.035, 0.26), V3(0.072, 0.053, 0.075));
            fur = fur.max(-socket);
            hit = near(hit, sphere(q, V3(0.126 * side, 0.035, 0.185), 0.088), EYE);
        }
        fur = blend(fur, capsule(q, V3(0.0, 0.1, 0.2), V3(0.0, -0.03, 0.29), 0.06, 0.045), 0.06);
        hit = near(hit, ellipsoid(q, V3(0.0, -0.052, 0.333), V3(0.038, 0.026, 0.026)), NOSE);
        if fur > 0.05 {
            return near(hit, fur * 0.85, FUR);
        }
        // Tufts: a little roughness in the outline.
        let tuft = 0.010 * (fractal(p.0 * 26.0 + p.2 * 9.0, p.1 * 12.0 - p.2 * 8.0, 2, self.seed) - 0.5);
        near(hit, (fur + tuft) * 0.85, FUR)
    }

    /// A triangular shell, hollow in front.
    fn ear(&self, q: V3) -> f32 {
        let p = q - V3(0.185, 0.195, 0.03);
        let r = V3(p.0 * 0.93 + p.1 * -0.36, p.1 * 0.93 + p.0 * 0.36, p.2);
        let taper = 0.135 * (1.0 - (r.1 / 0.25)).clamp(0.0, 1.2);
        let outer = ((r.0.abs() - taper) * 0.8)
            .max((r.2.abs() - 0.05 * (1.1 - r.1 * 3.0)) * 0.8)
            .max(-r.1 - 0.1)
            .max(r.1 - 0.19);
        let hollow = ((r.0.abs() - taper * 0.72) * 0.8).max((r.2 - 0.06).abs() - 0.05).max(0.02 - r.1);
        outer.max(-hollow) - 0.012
    }

    fn shade(&self, camera: &Camera, ray: V3) -> V3 {
        let solid = |p: V3| self.solid(p);
        let Some((p, material)) = trace(camera.eye, ray, 14.0, &solid) else { return srgb(0x8a8072) };
        let mut n = normal(p, &solid);
        let mut colour = self.surface(p, n, material);
        if material == FUR {
            let hair = self.hair(p);
            let lean = value(p.0 * 60.0 + p.2 * 33.0, p.1 * 22.0, self.seed + 9) - 0.5;
            n = (n + V3(lean * 0.5, (hair - 0.5) * 0.5, 0.0)).unit();
            colour = colour * (0.62 + 0.75 * hair);
        }
        let sun = V3(-0.55, 0.66, 0.55).unit();
        let direct = lamp(p, n, sun, 7.0, &solid);
        // The sun comes through a window: its cross is thrown on floor and wall.
        let pane = self.pane(p, sun);
        let lit = direct * pane;
        let room = open(p, n, &solid);
        let ambient = mix(srgb(0x6b5138), srgb(0xaab8cc), 0.5 + 0.5 * n.1) * (0.6 * room);
        let mut light = colour * (V3(1.7, 1.5, 1.18) * lit + ambient);
        let rim = (1.0 + n.dot(ray)).clamp(0.0, 1.0).powi(3);
        match material {
            FUR => light = light + self.coat[0] * (rim * (0.25 * room + 0.5 * lit)),
            EYE | NOSE => {
                let shine = n.dot((sun - ray).unit()).max(0.0);
                let power = if material == EYE { 90.0 } else { 20.0 };
                light = light + V3(1.0, 1.0, 1.0) * (shine.powf(power) * 0.9 + rim * 0.1);
            }
            _ => {}
        }
        if material == FUR { self.whiskers(camera, ray, light) } else { light }
    }

    fn pane(&self, p: V3, sun: V3) -> f32 {
        // Where the ray back to the sun crosses the window's plane, at x = -3.
        let t = (-3.0 - p.0) / sun.0;
        let (up, along) = (p.1 + t * sun.1 - 4.1, p.2 + t * sun.2 - 2.9);
        let inside = step(1.5, 1.38, up.abs()) * step(1.7, 1.58, along.abs());
        let bars = step(0.05, 0.1, up.abs()) * step(0.05, 0.1, along.abs());
        0.12 + 0.88 * inside * bars
    }

    /// Strands of hair, 0 in the gaps to 1 on the tips, running down the body.
    fn hair(&self, p: V3) -> f32 {
        let bend = 4.0 * fractal(p.0 * 4.0 + p.2 * 3.0, p.1 * 4.0, 2, self.seed + 3);
        let coarse = value(p.0 * 75.0 + p.2 * 60.0 + bend, p.1 * 17.0 + p.2 * 10.0, self.seed + 4);
        let fine = value(p.0 * 170.0 + p.2 * 130.0 + bend, p.1 * 34.0 - p.2 * 20.0, self.seed + 5);
        0.55 * coarse + 0.45 * fine
    }

    fn surface(&self, p: V3, n: V3, material: u8) -> V3 {
        match material {
            FLOOR => self.floor(p),
            WALL => {
                let paper = ((p.0 * 4.0).rem_euclid(1.0) - 0.5).abs();
                let stripe = mix(srgb(0x9db0a4), srgb(0xc2cbb8), step(0.22, 0.27, paper));
                let skirting = step(0.24, 0.23, p.1);
                let wall = mix(stripe, srgb(0xe8e2d4), skirting)
                    * (0.86 + 0.14 * fractal(p.0 * 3.0, p.1 * 3.0, 4, self.seed));
                wall * (1.0 - 0.5 * step(0.012, 0.004, (p.1 - 0.235).abs()))
            }
            EYE => self.eye(p),
            NOSE => srgb(0xb06a62),
            _ => self.fur(p, n),
        }
    }

    fn eye(&self, p: V3) -> V3 {
        let q = p - HEAD;
        let x = q.0.abs() - 0.122;
        let y = q.1 - 0.035;
        let slit = (x / 0.025).hypot(y / 0.056);
        let round = x.hypot(y) / 0.07;
        let fibre = 0.8 + 0.4 * value(y.atan2(x) * 9.0, round * 2.0, self.seed);
        let iris = mix(self.iris * 1.3, self.iris * 0.5, round) * fibre;
        mix(
            V3(0.008, 0.008, 0.01),
            mix(iris, V3(0.02, 0.015, 0.01), step(0.85, 1.0, round)),
            step(0.9, 1.1, slit),
        )
    }

    fn fur(&self, p: V3, n: V3) -> V3 {
        let q = p - HEAD;
        let wobble = fractal(p.0 * 4.0, p.1 * 4.0 + p.2 * 3.0, 3, self.seed + 6) - 0.5;
        let on_head = step(0.42, 0.34, q.len());
        // Rings around body, legs and tail; lines up the brow and across the cheeks on the head.
        let rings = ((p.1 * 3.0 + p.2 * 2.2) * 5.2 + p.0.abs() * 4.0 + wobble * 6.0).sin();
        let brow = (q.0 * 46.0 + wobble * 3.0).cos() * step(0.05, 0.13, q.1);
        let cheek = (q.1 * 52.0 + q.0.abs() * 20.0 + wobble * 4.0).sin()
            * step(0.14, 0.2, q.0.abs())
            * step(0.1, 0.0, q.1);
        let stripes = rings + (brow.max(cheek) * 1.2 - 0.15 - rings) * on_head;
        let mut fur = mix(self.coat[0], self.coat[1], step(0.05, 0.65, stripes) * 0.85);
        let white = srgb(0xece4d6);
        let bib = step(0.25, 0.1, p.0.abs() + 0.25 * wobble)
            * step(0.12, 0.3, p.2)
            * step(1.05, 0.98, p.1)
            * step(0.5, 0.62, p.1);
        let chin = step(0.155, 0.10, q.0.hypot(q.1 + 0.13) + 0.1 * wobble) * step(0.1, 0.2, q.2);
        let paws = step(0.17, 0.1, p.1 + 0.1 * wobble) * step(0.2, 0.32, p.2);
        fur = mix(fur, white, bib.max(chin).max(paws) * 0.92);
        let rim = step(0.115, 0.08, (q.0.abs() - 0.128).hypot(q.1 - 0.035)) * step(0.1, 0.16, q.2);
        fur = mix(
            fur,
            mix(white, V3(0.02, 0.015, 0.01), step(0.1, 0.085, (q.0.abs() - 0.128).hypot(q.1 - 0.035))),
            rim * 0.8,
        );
        let inner = step(0.02, -0.02, n.2 - 0.75);
        let ear = step(0.2, 0.24, q.1) * step(0.02, 0.06, q.2 + 0.04) * (1.0 - inner);
        fur = mix(fur, srgb(0xd09a88), ear * 0.7);
        // The mouth: a line down from the nose, parting to both sides.
        let smile = (q.1 + 0.165 - 0.5 * (q.0.abs() - 0.04).powi(2) * 10.0).abs();
        let mouth = step(0.008, 0.003, smile) * step(0.095, 0.08, q.0.abs()) * step(0.2, 0.25, q.2);
        let middle = step(0.006, 0.002, q.0.abs())
            * step(-0.16, -0.15, q.1)
            * step(-0.07, -0.08, q.1)
            * step(0.2, 0.25, q.2);
        mix(fur, srgb(0x2a1a14), mouth.max(middle) * 0.85)
    }

    fn whiskers(&self, camera: &Camera, ray: V3, light: V3) -> V3 {
        // Hairs in the plane of the muzzle, thin arcs outwards.
        let t = (HEAD.2 + 0.3 - camera.eye.2) / ray.2;
        let q = camera.eye + ray * t - HEAD;
        let mut cover = 0.0f32;
        for i in 0..3 {
            let rise = 0.28 * (1.0 - i as f32) + 0.05;
            let out = q.0.abs() - 0.07;
            let y = q.1 + 0.10 - rise * out + 0.7 * out * out;
            let width = 0.0042 * (1.0 - out / 0.42);
            if (0.0..0.4).contains(&out) {
                cover = cover.max(step(width, width * 0.3, (y + 0.02 * (i as f32 - 1.0)).abs()));
            }
        }
        mix(light, V3(0.95, 0.93, 0.9), cover * 0.75)
    }

    fn floor(&self, p: V3) -> V3 {
        let rug = (p.0 / 1.45).hypot((p.2 - 0.1) / 1.0);
        if rug < 1.0 {
            let weave = value(p.0 * 70.0, p.2 * 70.0, self.seed + 7);
            let band = (rug * 6.0) as i32;
            let shades = [0x8a3b32, 0xc9b38a, 0x35506a, 0x8a3b32, 0xc9b38a, 0x4a2a26];
            let motif = ((p.2 - 0.1).atan2(p.0) * 14.0).sin();
            let thread = srgb(shades[band.clamp(0, 5) as usize]);
            let thread =
                if band % 3 == 1 { mix(thread, srgb(0x8a3b32), step(0.2, 0.5, motif) * 0.8) } else { thread };
            return thread * (0.6 + 0.6 * weave);
        }
        let (across, along) = (p.0 / 0.34 + 40.0, p.2);
        let board = across.floor() as i32;
        let seam = (across.rem_euclid(1.0) - 0.5).abs();
        let grain = fractal(across * 9.0, along * 1.3 + 20.0 * hash(board, 1, self.seed), 4, self.seed + 8);
        let wood =
            mix(srgb(0x7a5230), srgb(0xc09462), 0.15 + 0.8 * grain) * (0.8 + 0.3 * hash(board, 2, self.seed));
        wood * (1.0 - 0.7 * step(0.47, 0.49, seam))
    }
}
