//! Dead leaves: pictures of opaque shapes that hide each other, whose statistics are those of photographs.
//!
//! After Matheron's model (1968) as used to train networks without photographs by Achddou, Gousseau and Ladjal
//! (2021) and in VibrantLeaves (arXiv 2504.10201): shapes whose radii follow a power law of exponent 3, which
//! makes the picture look alike at every scale; muted colours of few families; shading, textures of many
//! slopes, blur by depth, now and then text and drawing. Shapes are dropped front to back on a canvas of twice
//! the size, each painting only what is still open, until it is covered; then it is averaged down.
//!
//! [`render`] is a pure function of its arguments, the same to the byte on every machine. It draws about
//! 256x256 pixels in 25 ms, so that training can take fresh pictures as it goes.

mod fields;
mod finish;
mod marks;
mod outline;
mod paint;
mod palette;
mod point;
mod raster;
mod style;
mod turns;

use super::source::{Params, Synth};
use crate::image::{Image, Samples};
use crate::random::Rng;
use paint::{Paint, log_uniform};
use raster::Canvas;
use style::Style;

/// Its line in the list.
pub static SYNTH: Synth = Synth {
    name: "dead_leaves",
    doc: "Opaque shapes of all sizes that hide each other, with the colours, textures, edges and blur of \
          photographs: what networks can be trained on without any.",
    version: 1,
    render,
    bytes,
};

/// The picture of this seed.
///
/// Bigger pictures are not longer looks at the same world: shapes grow with the picture, up to half of it.
pub fn render(params: &Params, seed: u64) -> Image {
    let mut rng = Rng::new(seed);
    let rng = &mut rng;
    let side = usize::from(params.size);
    let mut canvas = Canvas::new(2 * side);
    let style = Style::draw(2 * side, rng);
    let marked = rng.chance(params.marks);
    let mut picture = vec![[0.0, 0.0, 0.0, 1.0]; side * side];
    for group in groups(side, rng) {
        canvas.clear();
        if group.front && marked {
            if rng.chance(0.15) {
                marks::page(&mut canvas, &style, rng);
            } else {
                marks::drop_marks(&mut canvas, &style, rng);
            }
        }
        drop_shapes(&mut canvas, &style, &group, rng);
        let mut layer = finish::halve(&canvas);
        if group.sigma > 0.0 {
            finish::blur(&mut layer, side, group.sigma);
        }
        finish::put_behind(&mut picture, &layer);
    }
    let soft = match rng.unit() {
        u if u < 0.6 => 0.0,
        u if u < 0.93 => rng.uniform(0.3, 0.8) as f32,
        _ => log_uniform(0.8, 2.0, rng),
    };
    if soft > 0.0 {
        finish::blur(&mut picture, side, soft);
    }
    let samples = Samples::U8(finish::develop(&picture, side, rng));
    Image { width: side, height: side, channels: 3, samples, alpha: None }
}

/// Bytes that rendering takes at most: the canvas of 4 floats a pixel and its bits, and three layers.
fn bytes(params: &Params) -> u64 {
    let pixels = u64::from(params.size) * u64::from(params.size);
    pixels * (4 * 17 + 3 * 16 + 3) + (1 << 20)
}

/// Shapes at one distance from the camera.
struct Group {
    /// Nothing lies in front of it.
    front: bool,
    /// Share of the areas dropped; the last group also paints what is then still open.
    share: f32,
    last: bool,
    /// Only large shapes, and no more than this many.
    few: Option<usize>,
    /// Blur, pixels of the picture.
    sigma: f32,
}

/// All shapes sharp at one distance; or some out of focus, before or behind.
fn groups(side: usize, rng: &mut Rng) -> Vec<Group> {
    let side = side as f32;
    let mut far = |most: f32| log_uniform(0.8, (side * most).clamp(1.5, 24.0), rng);
    let (near_blur, back_blur) = (far(0.03), far(0.02));
    let behind = rng.chance(0.3);
    let before = rng.chance(0.15);
    let mut groups = Vec::new();
    if before {
        let few = Some(rng.int(1, 5) as usize);
        groups.push(Group { front: true, share: 0.0, last: false, few, sigma: near_blur });
    }
    let share = if behind { rng.uniform(0.08, 0.6) as f32 } else { 1.0 };
    groups.push(Group { front: !before, share, last: !behind, few: None, sigma: 0.0 });
    if behind {
        groups.push(Group { front: false, share: 1.0 - share, last: true, few: None, sigma: back_blur });
    }
    groups
}

fn drop_shapes(canvas: &mut Canvas, style: &Style, group: &Group, rng: &mut Rng) {
    let wanted = (style.fill * group.share * style.shapes_a_canvas()).ceil().max(1.0) as usize;
    let count = group.few.unwrap_or(wanted);
    let mut points = Vec::new();
    let mut moved = Vec::new();
    for i in 0..count {
        if canvas.left == 0 {
            break;
        }
        let radius = if group.few.is_some() { style.large_radius(rng) } else { style.radius(rng) };
        let centre = style.place(radius, rng);
        let kind = style.kind(rng);
        // What could not show need not be drawn up.
        if !canvas.is_open(centre, radius * kind.reach() + 2.0) {
            continue;
        }
        let angle = style.angle(centre, rng);
        kind.outline(centre, radius, angle, rng, &mut points);
        let paint = style.paint(centre, radius, i as f32 / count as f32, rng);
        canvas.fill(&points, &paint, 1.0);
        if let Some(width) = style.rim {
            let grow = 1.0 + width / radius;
            moved.clear();
            moved.extend(points.iter().map(|p| [0, 1].map(|k| centre[k] + grow * (p[k] - centre[k]))));
            canvas.fill(&moved, &Paint::flat([0.05; 3]), 1.0);
        }
        if let Some((offset, dark)) = style.shadow.filter(|_| radius > 6.0) {
            moved.clear();
            moved.extend(points.iter().map(|p| [p[0] + offset[0], p[1] + offset[1]]));
            canvas.fill(&moved, &Paint::flat([0.0; 3]), dark);
        }
    }
    if group.last {
        let middle = [style.side / 2.0; 2];
        canvas.fill_rest(&style.paint(middle, style.side, 1.0, rng));
    }
}

#[cfg(test)]
mod tests;
