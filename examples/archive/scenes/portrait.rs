//! An old studio portrait: a gentleman with hat and moustache, in sepia, vignetted.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::march::{Camera, Hit, blend, capsule, ellipsoid, lamp, near, normal, open, sphere, trace};
use super::super::noise::{fractal, hash, value};
use safelight::image::Image;

const SKIN: u8 = 0;
const HAIR: u8 = 1;
const COAT: u8 = 2;
const SHIRT: u8 = 3;
const HAT: u8 = 4;
const EYE: u8 = 5;
const TIE: u8 = 6;
const BAND: u8 = 7;
/// The middle of the head.
const HEAD: V3 = V3(0.0, 1.62, 0.0);

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let aspect = width as f32 / height as f32;
    let sitter = Sitter { seed, turn: 0.30 + 0.2 * hash(0, 1, seed), wide: 0.94 + 0.12 * hash(0, 2, seed) };
    let camera = Camera { eye: V3(0.0, 1.6, 6.0), target: V3(0.0, 1.36, 0.0), focal: 4.6 };
    render(width, height, 2, |x, y| {
        let (dx, dy) = (x - aspect / 2.0, y - 0.5);
        let light = sitter.shade(&camera, camera.ray(dx, dy), dx, dy);
        let gray = 0.3 * light.0 + 0.6 * light.1 + 0.1 * light.2;
        // An oval fading into the paper, as studios printed them, and the tone of an old print.
        let oval = (dx / (0.47 * aspect)).hypot(dy / 0.47);
        let paper = 0.74
            + 0.05 * (fractal(x * 5.0, y * 5.0, 4, seed + 1) - 0.5)
            + 0.03 * value(x * 140.0, y * 140.0, seed);
        let print = gray + (paper - gray) * step(0.82, 1.06, oval);
        mix(srgb(0x22150c), srgb(0xf6e8cc), print.clamp(0.0, 1.0).powf(0.9))
    })
}

struct Sitter {
    seed: u64,
    /// How far the head is turned, in radians.
    turn: f32,
    wide: f32,
}

impl Sitter {
    /// A point in the head's own coordinates: x to the sitter's left, z out of the face.
    fn face(&self, p: V3) -> V3 {
        let q = p - HEAD;
        let (s, c) = self.turn.sin_cos();
        V3((q.0 * c - q.2 * s) / self.wide, q.1, q.0 * s + q.2 * c)
    }

    fn solid(&self, p: V3) -> Hit {
        let mut hit = self.clothes(p);
        let q = self.face(p);
        let around = q.len();
        if around > 0.9 {
            return near(hit, around - 0.7, HAIR);
        }
        let m = V3(q.0.abs(), q.1, q.2);
        let mut skin = ellipsoid(q, V3(0.0, 0.06, -0.03), V3(0.30, 0.36, 0.36));
        skin = blend(skin, ellipsoid(q, V3(0.0, -0.16, 0.08), V3(0.225, 0.26, 0.25)), 0.12);
        skin = blend(skin, ellipsoid(q, V3(0.0, -0.345, 0.20), V3(0.085, 0.07, 0.075)), 0.10);
        skin = blend(skin, ellipsoid(m, V3(0.165, -0.06, 0.20), V3(0.09, 0.08, 0.08)), 0.10);
        // Sockets, brows, lids; then nose and lips.
        let socket = ellipsoid(m, V3(0.118, 0.055, 0.335), V3(0.085, 0.052, 0.07));
        skin = -blend(-skin, socket, 0.06);
        skin = blend(skin, capsule(m, V3(0.03, 0.115, 0.31), V3(0.19, 0.12, 0.255), 0.03, 0.022), 0.06);
        let ball = sphere(m, V3(0.118, 0.045, 0.235), 0.066);
        let lid = sphere(m, V3(0.118, 0.045, 0.237), 0.073).max(-(m.1 - 0.062 + 0.12 * (m.0 - 0.118).abs()));
        let pouch = sphere(m, V3(0.118, 0.045, 0.234), 0.071).max(m.1 - 0.022);
        skin = blend(skin, lid.min(pouch), 0.012);
        skin = blend(skin, capsule(q, V3(0.0, 0.09, 0.31), V3(0.0, -0.075, 0.392), 0.028, 0.036), 0.05);
        skin = blend(skin, sphere(m, V3(0.043, -0.088, 0.355), 0.027), 0.03);
        skin = blend(skin, ellipsoid(q, V3(0.0, -0.235, 0.285), V3(0.075, 0.026, 0.045)), 0.03);
        skin = blend(skin, ellipsoid(m, V3(0.305, 0.0, -0.04), V3(0.035, 0.10, 0.06)), 0.02);
        let neck = capsule(p, HEAD + V3(0.0, -0.25, -0.06), V3(0.0, 1.08, -0.08), 0.165, 0.19);
        skin = blend(skin, neck, 0.05);
        hit = near(hit, skin * 0.9, SKIN);
        hit = near(hit, ball, EYE);
        let scalp = ellipsoid(q, V3(0.0, 0.08, -0.07), V3(0.322, 0.38, 0.36));
        let hairline = q.2 - 0.10 - 0.2 * (q.1 - 0.05);
        let locks = 0.012 * (value(q.0 * 40.0 + q.2 * 30.0, q.1 * 12.0, self.seed) - 0.5);
        hit = near(hit, (scalp + locks).max(hairline).max(-q.1 - 0.15) * 0.8, HAIR);
        let side = capsule(m, V3(0.285, 0.02, 0.05), V3(0.262, -0.17, 0.09), 0.035, 0.018) + locks;
        hit = near(hit, side * 0.8, HAIR);
        let brow = capsule(m, V3(0.05, 0.125, 0.352), V3(0.19, 0.14, 0.285), 0.015, 0.010) + locks * 0.6;
        hit = near(hit, brow * 0.8, HAIR);
        let tash = capsule(m, V3(0.015, -0.165, 0.345), V3(0.115, -0.195, 0.29), 0.034, 0.022);
        let curl = capsule(m, V3(0.115, -0.195, 0.29), V3(0.175, -0.165, 0.265), 0.022, 0.008);
        hit = near(hit, (blend(tash, curl, 0.02) + locks) * 0.8, HAIR);
        self.hat(q, hit)
    }

    fn hat(&self, q: V3, hit: Hit) -> Hit {
        // Pushed back a little; the brim rolls up at the sides.
        let p = V3(q.0, q.1 - 0.22 - 0.12 * q.2, q.2 + 0.05);
        let around = (p.0 * 1.12).hypot(p.2);
        let crown = ellipsoid(p, V3(0.0, 0.02, 0.0), V3(0.335, 0.33, 0.375)).max(-p.1);
        let roll = p.1 - 1.3 * p.0 * p.0 * p.0.abs();
        let brim = (roll.abs() - 0.014).max(around - 0.47) * 0.7;
        let hit = near(hit, (crown.min(brim) - 0.006) * 0.8, HAT);
        let band = ellipsoid(p, V3(0.0, 0.02, 0.0), V3(0.343, 0.34, 0.383)).max((p.1 - 0.055).abs() - 0.045);
        near(hit, band * 0.8, BAND)
    }

    fn clothes(&self, p: V3) -> Hit {
        if p.1 > 1.45 {
            return Hit { distance: p.1 - 1.22, material: COAT };
        }
        let m = V3(p.0.abs(), p.1, p.2);
        let chest = ellipsoid(p, V3(0.0, 0.45, -0.08), V3(0.62, 0.72, 0.36));
        let shoulders = capsule(m, V3(0.12, 0.99, -0.10), V3(0.56, 0.84, -0.10), 0.17, 0.19);
        let arm = capsule(m, V3(0.60, 0.80, -0.08), V3(0.74, 0.1, -0.02), 0.19, 0.18);
        let coat = blend(blend(chest, shoulders, 0.14), arm, 0.08);
        let body = Hit { distance: (coat + 0.035) * 0.9, material: SHIRT };
        // The coat leaves a V open in front; lapels lie along its edges.
        let edge = m.0 - (p.1 - 0.35) * 0.34;
        let cut = coat.max(-edge.max(-p.2));
        let folds = 0.012 * (fractal(p.0 * 4.0 + p.1 * 2.5, p.1 * 3.0 - p.0, 3, self.seed + 2) - 0.5);
        let lapel =
            (coat - 0.028).max((edge - 0.075).abs() - 0.085).max(-p.2).max(p.1 - 1.02).max(0.25 - p.1);
        let mut hit = near(body, (cut + folds) * 0.85, COAT);
        hit = near(hit, lapel * 0.8, COAT);
        let collar = (m.0.hypot(p.2 + 0.07) - 0.205).abs() - 0.012;
        hit = near(hit, collar.max((p.1 - 1.11 + 0.12 * p.2).abs() - 0.1) * 0.8, SHIRT);
        let knot = ellipsoid(p, V3(0.0, 1.045, 0.18), V3(0.032, 0.036, 0.03));
        let wing = capsule(
            V3(m.0, p.1, (p.2 - 0.165) * 1.7),
            V3(0.03, 1.045, 0.0),
            V3(0.13, 1.05, -0.02),
            0.022,
            0.058,
        );
        near(hit, knot.min(wing) * 0.7, TIE)
    }

    fn shade(&self, camera: &Camera, ray: V3, dx: f32, dy: f32) -> V3 {
        let solid = |p: V3| self.solid(p);
        // A painted studio backdrop.
        let cloud = fractal(dx * 3.0 + 7.0, dy * 3.0, 5, self.seed + 3);
        let back = 0.16
            + 0.22 * (-(dx - 0.12).powi(2) * 5.0 - (dy + 0.05).powi(2) * 4.0).exp()
            + 0.2 * (cloud - 0.5);
        let Some((p, material)) = trace(camera.eye, ray, 9.0, &solid) else { return V3(back, back, back) };
        let n = normal(p, &solid);
        let window = V3(-0.72, 0.48, 0.55).unit();
        let lit = lamp(p, n, window, 4.0, &solid);
        let fill = (0.55 + 0.45 * n.dot(V3(0.6, 0.1, 0.75).unit())).max(0.0) * open(p, n, &solid);
        let (colour, gloss, power) = self.surface(p, material);
        let shine = n.dot((window - ray).unit()).max(0.0).powf(power) * gloss * (0.25 + lit);
        let edge = (1.0 + n.dot(ray)).clamp(0.0, 1.0).powi(3) * 0.10;
        let v = colour * (1.12 * lit + 0.30 * fill + edge) + shine;
        V3(v, v, v)
    }

    /// Brightness, gloss and its sharpness.
    fn surface(&self, p: V3, material: u8) -> (f32, f32, f32) {
        let s = self.seed + 10;
        let q = self.face(p);
        match material {
            SKIN => {
                let pores = 0.95 + 0.1 * fractal(q.0 * 45.0, q.1 * 45.0, 3, s);
                let lips = step(0.03, 0.018, (q.1 + 0.237).abs() + 0.1 * q.0 * q.0)
                    * step(0.085, 0.06, q.0.abs())
                    * step(0.2, 0.25, q.2);
                let parting = step(0.007, 0.003, (q.1 + 0.222).abs())
                    * step(0.08, 0.06, q.0.abs())
                    * step(0.2, 0.25, q.2);
                let beard = step(-0.12, -0.26, q.1) * step(-0.5, -0.3, q.1) * 0.1;
                (0.60 * pores * (1.0 - 0.35 * lips - beard) * (1.0 - 0.6 * parting), 0.16, 14.0)
            }
            EYE => {
                let x = q.0.abs() - 0.118 - 0.012 * q.0.signum();
                let r = x.hypot(q.1 - 0.045);
                let iris = 0.62 + (0.10 - 0.62) * step(0.036, 0.032, r);
                (iris * (1.0 - 0.9 * step(0.017, 0.014, r)), 0.9, 160.0)
            }
            HAIR => {
                let strand = value(q.0 * 150.0 + q.2 * 70.0, q.1 * 55.0 + q.0.abs() * 60.0, s + 1);
                (0.035 + 0.11 * strand * strand, 0.10, 10.0)
            }
            COAT => {
                let twill = value((p.0 + p.1) * 130.0, (p.0 - p.1) * 60.0, s + 2);
                (0.055 + 0.035 * twill, 0.04, 6.0)
            }
            SHIRT => {
                let button = (0..4).any(|i| p.0.hypot(p.1 - 0.9 + 0.16 * i as f32) < 0.016);
                let vest = p.1 < 0.80 - 0.5 * p.0.abs() && p.2 > 0.0;
                if vest {
                    (if button { 0.4 } else { 0.10 + 0.03 * value(p.0 * 90.0, p.1 * 90.0, s) }, 0.05, 8.0)
                } else {
                    (0.78, 0.02, 8.0)
                }
            }
            TIE => (0.05 + 0.25 * step(0.3, 0.36, (p.0 * 40.0).sin() * (p.1 * 40.0).sin()), 0.12, 12.0),
            BAND => (0.03, 0.2, 8.0),
            _ => (0.06 + 0.035 * value(q.0 * 80.0, q.1 * 80.0 + q.2 * 60.0, s + 3), 0.08, 5.0),
        }
    }
}
