//! Lattice noise: smooth random fields over the plane.

use super::rng::{mix, unit};

/// A random number in \[0, 1) for a lattice point.
pub fn hash(x: i32, y: i32, seed: u64) -> f32 {
    let point = (u64::from(x as u32) << 32) | u64::from(y as u32);
    unit(mix(mix(point ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
}

/// Value noise in \[0, 1]: smooth, features about one unit wide.
pub fn value(x: f32, y: f32, seed: u64) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (tx, ty) = (ease(x - fx), ease(y - fy));
    let row = |y: i32| {
        let (a, b) = (hash(ix, y, seed), hash(ix.wrapping_add(1), y, seed));
        a + (b - a) * tx
    };
    let (a, b) = (row(iy), row(iy.wrapping_add(1)));
    a + (b - a) * ty
}

/// Fractal noise in \[0, 1], around .5: `octaves` of value noise, each half as wide and strong.
pub fn fractal(x: f32, y: f32, octaves: usize, seed: u64) -> f32 {
    sum(x, y, octaves, seed, |v| v)
}

/// Ridged fractal noise in \[0, 1]: sharp crests, as of mountains.
pub fn ridged(x: f32, y: f32, octaves: usize, seed: u64) -> f32 {
    sum(x, y, octaves, seed, |v| {
        let crest = 1.0 - (2.0 * v - 1.0).abs();
        crest * crest
    })
}

fn sum(mut x: f32, mut y: f32, octaves: usize, seed: u64, shape: impl Fn(f32) -> f32) -> f32 {
    let (mut total, mut weight, mut weights) = (0.0, 1.0, 0.0);
    for octave in 0..octaves as u64 {
        total += weight * shape(value(x, y, seed.wrapping_add(octave)));
        weights += weight;
        weight *= 0.5;
        // Turning the lattice hides its directions.
        (x, y) = (1.6 * x - 1.2 * y + 17.3, 1.2 * x + 1.6 * y + 9.1);
    }
    if weights > 0.0 { total / weights } else { 0.0 }
}

/// Cell noise: distance to the nearest and second nearest of randomly placed points, one a unit
/// cell, and a random number that belongs to the nearest.
pub fn cells(x: f32, y: f32, seed: u64) -> (f32, f32, f32) {
    let (ix, iy) = (x.floor() as i32, y.floor() as i32);
    let (mut near, mut next, mut id) = (f32::MAX, f32::MAX, 0.0);
    for cy in iy - 1..=iy + 1 {
        for cx in ix - 1..=ix + 1 {
            let (px, py) = (cx as f32 + hash(cx, cy, seed), cy as f32 + hash(cx, cy, seed ^ 0x55));
            let d = (px - x).hypot(py - y);
            if d < near {
                (next, near, id) = (near, d, hash(cx, cy, seed ^ 0xaa));
            } else {
                next = next.min(d);
            }
        }
    }
    (near, next, id)
}
