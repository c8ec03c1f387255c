//! A toadstool, cut out: soft edges and a translucent shadow in the alpha plane.

use super::super::draw::{V3, mix, render, srgb, step};
use super::super::noise::{cells, fractal, hash, value};
use safelight::image::{Depth, Image, Samples};

pub fn draw(width: usize, height: usize, seed: u64) -> Image {
    let shift = (1.0 - width as f32 / height as f32) / 2.0;
    let cap = srgb([0xc8281e, 0xd0641e, 0x9a3a8a, 0x2e6aa8][(hash(1, 1, seed) * 4.0) as usize % 4]);
    let colour = render(width, height, 2, |x, y| paint(x + shift, y, cap, seed).0);
    let cover = render(width, height, 4, |x, y| {
        let a = paint(x + shift, y, cap, seed).1;
        V3(a, a, a)
    });
    // Coverage is light, not an sRGB value.
    let mut alpha = Samples::zeroed(Depth::F32, width * height);
    (0..width * height).for_each(|i| alpha.set(i, super::super::draw::to_linear(cover.samples().get(3 * i))));
    let samples = colour.samples().clone();
    Image::from_samples((width, height), 3, samples, Some(alpha)).expect("a sample for each pixel")
}

/// Colour and coverage.
fn paint(x: f32, y: f32, cap: V3, seed: u64) -> (V3, f32) {
    let (dx, dy) = (x - 0.5, y - 0.46);
    // Cap: the upper part of an ellipse over a flatter lower rim.
    let low = 0.10 - 0.16 * dx * dx;
    let dome = (dx / 0.40).hypot(dy / 0.36);
    let rim = (dx / 0.40).hypot((dy - 0.02) / 0.115);
    if (dome < 1.0 && dy < 0.0) || (rim < 1.0 && dy >= 0.0 && dy < low) {
        let z = (1.0 - dome.min(0.999).powi(2)).sqrt();
        let (spot, next, id) = cells(dx * 6.5 / (0.45 + 0.55 * z), dy * 7.5 / (0.45 + 0.55 * z), seed);
        let wart = step(0.36 + 0.1 * id, 0.28 + 0.1 * id, spot) * step(0.05, 0.2, next - spot);
        let grain = fractal(x * 30.0, y * 30.0, 3, seed + 1);
        let skin = mix(cap * (0.75 + 0.4 * grain), srgb(0xfff4e0) * (0.85 + 0.2 * grain), wart);
        let n = V3(dx / 0.40, dy / 0.36, z).unit();
        let lit = n.dot(V3(-0.5, -0.62, 0.6).unit()).max(0.0);
        let shine = lit.powi(26) * 0.5;
        return (skin * (0.24 + 0.95 * lit) + V3(shine, shine, shine), 1.0);
    }
    if rim < 1.0 && dy >= low {
        let gills = 0.7 + 0.3 * ((dx / (0.5 + dy)) * 170.0).sin();
        return (srgb(0xd8c4a0) * (gills * (0.75 - 0.5 * dx) * 0.7), 1.0);
    }
    let half = 0.085 + 0.05 * step(0.65, 0.9, y) + 0.012 * (y * 14.0 + hash(2, 2, seed) * 6.0).sin();
    if (0.5..0.92).contains(&y) && dx.abs() < half && y < 0.92 - 0.5 * dx * dx {
        let side = dx / half;
        let fibre = value(x * 90.0, y * 14.0, seed + 2);
        let under = step(0.50, 0.66, y) * 0.55 + 0.45;
        return (srgb(0xf2e8d2) * ((0.72 - 0.38 * side) * (0.82 + 0.25 * fibre) * under), 1.0);
    }
    let shadow = ((dx - 0.08) / 0.36).hypot((y - 0.92) / 0.055);
    (V3(0.02, 0.025, 0.03), 0.5 * step(1.0, 0.2, shadow))
}
