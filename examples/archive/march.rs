//! Rendering of solids given by signed distance functions (sphere tracing).

use super::draw::V3;

/// Nearest surface: its distance and a number that says what it is made of.
#[derive(Clone, Copy)]
pub struct Hit {
    /// Signed distance, negative inside.
    pub distance: f32,
    /// Material.
    pub material: u8,
}

/// The nearer of two surfaces.
pub fn near(a: Hit, distance: f32, material: u8) -> Hit {
    if distance < a.distance { Hit { distance, material } } else { a }
}

/// Union of two distances with a fillet of radius `k`.
pub fn blend(a: f32, b: f32, k: f32) -> f32 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

/// Distance to a sphere.
pub fn sphere(p: V3, centre: V3, radius: f32) -> f32 {
    (p - centre).len() - radius
}

/// About the distance to an ellipsoid with half axes `r`.
pub fn ellipsoid(p: V3, centre: V3, r: V3) -> f32 {
    let q = p - centre;
    let a = V3(q.0 / r.0, q.1 / r.1, q.2 / r.2);
    let b = V3(a.0 / r.0, a.1 / r.1, a.2 / r.2);
    let k = a.len();
    k * (k - 1.0) / b.len().max(1e-6)
}

/// Distance to a line from `a` to `b`, `ra` thick at `a` and `rb` at `b`.
pub fn capsule(p: V3, a: V3, b: V3, ra: f32, rb: f32) -> f32 {
    let (pa, ba) = (p - a, b - a);
    let t = (pa.dot(ba) / ba.dot(ba).max(1e-9)).clamp(0.0, 1.0);
    (pa - ba * t).len() - (ra + (rb - ra) * t)
}

/// A camera: where it stands, where it looks, and how long its lens is (2 is a portrait lens).
pub struct Camera {
    /// Position.
    pub eye: V3,
    /// Point in the middle of the picture.
    pub target: V3,
    /// Focal length in half picture heights.
    pub focal: f32,
}

impl Camera {
    /// Direction of the ray through (x, y), both in picture heights from the picture's middle, y down.
    pub fn ray(&self, x: f32, y: f32) -> V3 {
        let forward = (self.target - self.eye).unit();
        let right = forward.cross(V3(0.0, 1.0, 0.0)).unit();
        let up = right.cross(forward);
        (forward * self.focal + right * (2.0 * x) - up * (2.0 * y)).unit()
    }
}

/// Where the ray from `eye` first meets the solid within `far`.
pub fn trace(eye: V3, ray: V3, far: f32, solid: &impl Fn(V3) -> Hit) -> Option<(V3, u8)> {
    let mut t = 0.02;
    for _ in 0..110 {
        let p = eye + ray * t;
        let hit = solid(p);
        if hit.distance < 0.0008 * t {
            return Some((p, hit.material));
        }
        t += hit.distance * 0.95;
        if t > far {
            return None;
        }
    }
    None
}

/// The surface's direction at `p`.
pub fn normal(p: V3, solid: &impl Fn(V3) -> Hit) -> V3 {
    const E: f32 = 0.002;
    let at = |d: V3| d * solid(p + d * E).distance;
    (at(V3(1.0, -1.0, -1.0)) + at(V3(-1.0, -1.0, 1.0)) + at(V3(-1.0, 1.0, -1.0)) + at(V3(1.0, 1.0, 1.0)))
        .unit()
}

/// How much light from a lamp towards `light` falls on `p`, where the surface faces `normal`: 0 to 1;
/// `soft` is small for a broad lamp.
pub fn lamp(p: V3, normal: V3, light: V3, soft: f32, solid: &impl Fn(V3) -> Hit) -> f32 {
    let facing = normal.dot(light);
    if facing <= 0.0 {
        return 0.0;
    }
    let start = p + normal * 0.01;
    let (mut t, mut lit) = (0.03, 1.0f32);
    for _ in 0..28 {
        let d = solid(start + light * t).distance;
        lit = lit.min(0.5 + 0.5 * soft * d / t);
        if lit < 0.0 || t > 4.0 {
            break;
        }
        t += d.clamp(0.02, 0.3);
    }
    let lit = lit.clamp(0.0, 1.0);
    facing * lit * lit * (3.0 - 2.0 * lit)
}

/// How open the surroundings of `p` are, 0 to 1 (ambient occlusion).
pub fn open(p: V3, normal: V3, solid: &impl Fn(V3) -> Hit) -> f32 {
    let blocked: f32 = [0.03, 0.09, 0.2]
        .iter()
        .zip([1.0, 0.6, 0.35])
        .map(|(&d, weight)| weight * (d - solid(p + normal * d).distance).max(0.0) / d)
        .sum();
    (1.0 - blocked * 0.5).clamp(0.0, 1.0)
}
