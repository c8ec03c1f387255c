//! From canvas to picture: averaging, blur, layers over each other, light and tone, eight bits.

use super::fields::{Field, SMOOTH};
use super::palette::luma;
use super::raster::Canvas;
use super::turns::phase;
use crate::random::Rng;

/// Pixels of a picture: red, green, blue times opacity, and what shows through, 0 to 1.
pub(super) type Layer = Vec<[f32; 4]>;

/// Averages each 2x2 pixels of the canvas.
pub(super) fn halve(canvas: &Canvas) -> Layer {
    let side = canvas.side / 2;
    let mut out = Vec::with_capacity(side * side);
    for rows in canvas.pixels.chunks_exact(2 * canvas.side) {
        let (top, bottom) = rows.split_at(canvas.side);
        out.extend(
            top.chunks_exact(2)
                .zip(bottom.chunks_exact(2))
                .map(|(t, b)| std::array::from_fn(|c| 0.25 * (t[0][c] + t[1][c] + b[0][c] + b[1][c]))),
        );
    }
    out
}

/// Puts `below` behind `front`.
pub(super) fn put_behind(front: &mut Layer, below: &Layer) {
    for (f, b) in front.iter_mut().zip(below) {
        for c in 0..3 {
            f[c] += f[3] * b[c];
        }
        f[3] *= b[3];
    }
}

/// Gaussian blur of deviation `sigma` pixels; the border's pixels go on outside.
pub(super) fn blur(layer: &mut Layer, side: usize, sigma: f32) {
    let reach = (3.0 * sigma).ceil() as usize;
    let mut weights: Vec<f32> = (0..=2 * reach)
        .map(|i| (i as f32 - reach as f32) / sigma)
        .map(|x| libm::expf(-0.5 * x * x))
        .collect();
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    let mut padded = vec![[0.0; 4]; side + 2 * reach];
    for row in layer.chunks_exact_mut(side) {
        padded[..reach].fill(row[0]);
        padded[reach..reach + side].copy_from_slice(row);
        padded[reach + side..].fill(row[side - 1]);
        row.fill([0.0; 4]);
        for (k, w) in weights.iter().enumerate() {
            add(row, &padded[k..], *w);
        }
    }
    let source = std::mem::replace(layer, vec![[0.0; 4]; side * side]);
    for (y, row) in layer.chunks_exact_mut(side).enumerate() {
        for (k, w) in weights.iter().enumerate() {
            let from = (y + k).saturating_sub(reach).min(side - 1);
            add(row, &source[from * side..], *w);
        }
    }
}

fn add(to: &mut [[f32; 4]], from: &[[f32; 4]], weight: f32) {
    for (t, f) in to.iter_mut().zip(from) {
        for c in 0..4 {
            t[c] += weight * f[c];
        }
    }
}

/// Uneven light, tone curve, rounding to bytes of red, green, blue.
pub(super) fn develop(layer: &Layer, side: usize, rng: &mut Rng) -> Vec<u8> {
    let uneven = if rng.chance(0.6) { rng.uniform(0.0, 0.25) as f32 } else { 0.0 };
    let step = rng.uniform(0.15, 0.5) as f32 / side as f32;
    let corner = [rng.bits() as u32, rng.bits() as u32];
    let field = Field::of(SMOOTH);
    let gamma = libm::expf(0.22 * rng.normal());
    // Contrast about the middle, as cameras add, and haze.
    let (steep, haze) = (rng.uniform(0.0, 0.5) as f32, (0.04 * rng.normal()).max(0.0));
    let curve: Vec<f32> = (0..=1024)
        .map(|i| {
            let v = libm::powf(i as f32 / 1024.0, gamma);
            let v = v + steep * (v * v * (3.0 - 2.0 * v) - v);
            255.0 * (haze + (1.0 - haze) * v)
        })
        .collect();
    let gray = rng.chance(0.02);
    let mut out = Vec::with_capacity(3 * layer.len());
    let across = phase(step);
    for (y, row) in layer.chunks_exact(side).enumerate() {
        let v = corner[1].wrapping_add(across.wrapping_mul(y as u32));
        let mut u = corner[0];
        for pixel in row {
            let light = 1.0 + uneven * field.at(u, v).clamp(-2.5, 2.5);
            u = u.wrapping_add(across);
            let mut colour = [pixel[0], pixel[1], pixel[2]];
            if gray {
                colour = [luma(colour); 3];
            }
            out.extend(colour.map(|c| {
                let at = (c * light * 1024.0).clamp(0.0, 1024.0);
                let i = (at as usize).min(1023);
                let t = at - i as f32;
                (curve[i] + t * (curve[i + 1] - curve[i]) + 0.5) as u8
            }));
        }
    }
    out
}
