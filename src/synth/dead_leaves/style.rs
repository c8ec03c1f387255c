//! What all shapes of one picture have in common, drawn first: sizes, kinds, materials, light.

use super::fields::{Field, SMOOTH};
use super::outline::{KINDS, Kind};
use super::paint::{Colour, Paint, Texture, log_uniform};
use super::palette::{Palette, luma};
use super::point::Point;
use super::turns::phase;
use crate::random::Rng;

/// Least radius of any shape, pixels of the picture: there the power law begins, in the finest pictures.
const SMALLEST: f32 = 0.7;

/// A surface that several shapes share.
struct Material {
    colour: Colour,
    /// Deviation of the logarithm of a shape's brightness, and of each channel.
    jitter: [f32; 2],
    textures: Vec<Texture>,
    /// Deviation of the slope of light over a shape.
    shading: f32,
}

/// The look of one picture. Lengths are in pixels of the canvas, which is twice as fine as the picture.
pub(super) struct Style {
    pub(super) side: f32,
    smallest: f32,
    largest: f32,
    /// Areas dropped, in canvases, before what is left becomes background.
    pub(super) fill: f32,
    /// Shares of the kinds, summed up.
    kinds: [f32; KINDS.len()],
    /// Preferred direction, turns; how strictly it is kept; how far it wanders over the canvas.
    angle: f32,
    strict: bool,
    wander: f32,
    materials: Vec<Material>,
    /// How far a place decides over the material, 0 to 1.
    order: f32,
    map: Map,
    flow: Map,
    /// How much darker the last shape is than the first.
    gloom: f32,
    /// Lines round the shapes: width in pixels, or none.
    pub(super) rim: Option<f32>,
    /// Offset and darkness of hard shadows, or none.
    pub(super) shadow: Option<(Point, f32)>,
}

/// A slow field over the canvas.
struct Map {
    field: Field,
    step: f32,
    corner: [u32; 2],
}

impl Map {
    fn draw(side: f32, rng: &mut Rng) -> Map {
        let step = rng.uniform(0.1, 0.5) as f32 / side;
        Map { field: Field::of(SMOOTH - rng.index(3)), step, corner: [rng.bits() as u32, rng.bits() as u32] }
    }

    fn at(&self, p: Point) -> f32 {
        let place = |i: usize| phase(p[i] * self.step).wrapping_add(self.corner[i]);
        self.field.at(place(0), place(1))
    }
}

impl Style {
    /// The look of a picture on a canvas of `side` pixels.
    pub(super) fn draw(side: usize, rng: &mut Rng) -> Style {
        let side = side as f32;
        let largest = side * log_uniform(0.15, 0.55, rng);
        let top = (largest / 4.0).min(side / 8.0).max(2.0 * SMALLEST + 0.1);
        let fineness = rng.unit() as f32;
        let smallest = 2.0 * SMALLEST * libm::powf(top / (2.0 * SMALLEST), fineness);
        let mut kinds = KINDS.map(|kind| {
            let u = rng.unit() as f32;
            // Strokes are so thin that many show: fur, grass, twigs are some pictures' affair.
            if kind == Kind::Stroke { 0.8 * u * u * u * u } else { u * u * u }
        });
        let mut sum = 0.0;
        kinds.iter_mut().for_each(|k| {
            sum += *k;
            *k = sum;
        });
        let palette = Palette::draw(rng);
        let roughness = log_uniform(0.02, 0.3, rng);
        let lively = log_uniform(0.02, 0.3, rng);
        let count = rng.int(3, 9);
        let mut materials: Vec<Material> =
            (0..count).map(|_| Material::draw(&palette, roughness, lively, rng)).collect();
        // Neighbours of like brightness: most edges of photographs are faint.
        if rng.chance(0.7) {
            materials.sort_by(|a, b| luma(a.colour).total_cmp(&luma(b.colour)));
        }
        Style {
            side,
            smallest,
            largest,
            fill: rng.uniform(0.8, 4.5) as f32,
            kinds,
            angle: rng.unit() as f32,
            strict: rng.chance(0.35),
            wander: if rng.chance(0.5) { 0.0 } else { rng.uniform(0.02, 0.25) as f32 },
            materials,
            order: 1.0 - log_uniform(0.02, 0.6, rng),
            map: Map::draw(side, rng),
            flow: Map::draw(side, rng),
            gloom: if rng.chance(0.5) { 0.0 } else { rng.uniform(0.0, 0.7) as f32 },
            rim: rng.chance(0.06).then(|| log_uniform(1.5, 6.0, rng)),
            shadow: rng.chance(0.15).then(|| {
                let far = log_uniform(2.0, side / 25.0, rng);
                ([far * rng.normal(), far * rng.normal()], rng.uniform(0.2, 0.6) as f32)
            }),
        }
    }

    /// How many shapes cover the canvas once, were they not to overlap.
    pub(super) fn shapes_a_canvas(&self) -> f32 {
        let ratio = self.smallest / self.largest;
        let square = 2.0 * self.smallest * self.smallest * -libm::logf(ratio) / (1.0 - ratio * ratio);
        // An outline covers about 2.4 times its radius squared.
        self.side * self.side / (2.4 * square)
    }

    /// A radius of the power law.
    pub(super) fn radius(&self, rng: &mut Rng) -> f32 {
        let ratio = self.smallest / self.largest;
        self.smallest / (1.0 - rng.unit() as f32 * (1.0 - ratio * ratio)).sqrt()
    }

    /// A radius that is among the largest.
    pub(super) fn large_radius(&self, rng: &mut Rng) -> f32 {
        self.largest * log_uniform(0.25, 1.0, rng)
    }

    /// A place on the canvas or a little outside.
    pub(super) fn place(&self, radius: f32, rng: &mut Rng) -> Point {
        let margin = f64::from(radius.min(0.3 * self.side));
        std::array::from_fn(|_| rng.uniform(-margin, f64::from(self.side) + margin) as f32)
    }

    pub(super) fn kind(&self, rng: &mut Rng) -> Kind {
        let u = rng.unit() as f32 * self.kinds[KINDS.len() - 1];
        KINDS[self.kinds.iter().position(|k| u < *k).unwrap_or(0)]
    }

    /// Direction of a shape's long side at a place, turns.
    pub(super) fn angle(&self, at: Point, rng: &mut Rng) -> f32 {
        let own = rng.unit() as f32;
        if !self.strict {
            return own;
        }
        // Some stand across.
        let quarter = if own < 0.3 { 0.25 } else { 0.0 };
        self.angle + quarter + self.wander * self.flow.at(at) + 0.01 * rng.normal()
    }

    /// What a shape at this place is painted with; `depth` is 0 for the first and 1 for the last.
    pub(super) fn paint(&self, at: Point, radius: f32, depth: f32, rng: &mut Rng) -> Paint {
        let n = self.materials.len();
        let place = if rng.chance(f64::from(self.order)) {
            // Close to uniform over the materials.
            let v = self.map.at(at) + 0.15 * rng.normal();
            (0.5 + 0.35 * v).clamp(0.0, 0.999)
        } else {
            rng.unit() as f32
        };
        self.materials[(place * n as f32) as usize % n].paint(at, radius, 1.0 - self.gloom * depth, rng)
    }

    /// A colour that stands out against most others: ink, chalk, paint.
    pub(super) fn ink(&self, rng: &mut Rng) -> Colour {
        let palest = |c: Colour, to: f32, share: f32| c.map(|v| v + share * (to - v));
        let colour = self.materials[rng.index(self.materials.len())].colour;
        let share = rng.uniform(0.4, 1.0) as f32;
        palest(colour, if rng.chance(0.6) { 0.03 } else { 0.97 }, share)
    }
}

impl Material {
    fn draw(palette: &Palette, roughness: f32, lively: f32, rng: &mut Rng) -> Material {
        let colour = palette.colour(0.0, rng);
        let mut textures = Vec::new();
        // Heavy tails: most surfaces are calm, some are rough.
        for chance in [0.85, 0.45] {
            if rng.chance(chance) {
                let strength = (roughness * libm::expf(0.8 * rng.normal())).min(0.4);
                textures.push(Texture::draw(strength, rng));
            }
        }
        Material {
            colour,
            jitter: [lively * libm::expf(0.5 * rng.normal()), 0.03 * rng.unit() as f32],
            textures,
            shading: if rng.chance(0.3) { 0.0 } else { log_uniform(0.03, 0.4, rng) },
        }
    }

    fn paint(&self, at: Point, radius: f32, light: f32, rng: &mut Rng) -> Paint {
        let bright = light * libm::expf((self.jitter[0] * rng.normal()).clamp(-1.2, 0.9));
        let colour =
            self.colour.map(|c| (c * bright + self.jitter[1] * bright * rng.normal()).clamp(0.0, 1.0));
        let mut paint = Paint::flat(colour);
        if self.shading > 0.0 {
            let mut slope = || self.shading * rng.normal();
            let (slope, bulge) = ([slope(), slope()], slope());
            paint = paint.shaded(at, radius, slope, bulge);
        }
        // On the smallest shapes a texture could not be seen.
        if radius > 2.0 {
            for texture in &self.textures {
                paint = paint.textured(texture, rng);
            }
        }
        paint
    }
}
