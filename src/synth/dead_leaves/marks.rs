//! What people draw and write: text, lines, grids, hatching, rings, scribbles, twigs.

use super::outline::{Place, stroke};
use super::paint::{Paint, log_uniform};
use super::point::Point;
use super::raster::Canvas;
use super::style::Style;
use super::turns::direction;
use crate::random::Rng;
use font8x8::legacy::BASIC_LEGACY;

/// Characters of text, some more often than others.
const LETTERS: &[u8] = b"eeeeeetttaaaooonniisshhrrddllccuummwwffggyyppbbvkjxqzETAOINSHRDLU0123456789.,-:&%()";

/// Drops a few marks, before any shape.
pub(super) fn drop_marks(canvas: &mut Canvas, style: &Style, rng: &mut Rng) {
    for _ in 0..rng.int(1, 4) {
        let radius = style.side * log_uniform(0.08, 0.6, rng);
        let place = Place {
            centre: style.place(0.0, rng),
            along: direction(if rng.chance(0.6) { 0.0 } else { rng.unit() as f32 }),
        };
        let ink = Paint::flat(style.ink(rng));
        let mut pen =
            Pen { canvas, ink, place, radius, width: log_uniform(1.0, 7.0, rng), points: Vec::new() };
        match rng.index(10) {
            0..=3 => text(&mut pen, style, rng),
            4 => pen.hatch(rng),
            5 => pen.grid(rng),
            6 => pen.rings(rng),
            7 => pen.scribble(rng),
            8 => pen.dots(rng),
            _ => {
                let start = pen.place.centre;
                pen.twig(start, rng.unit() as f32, radius, 5, rng);
            }
        }
    }
}

/// A page of print: lines of text from edge to edge. The shapes dropped behind show between them.
pub(super) fn page(canvas: &mut Canvas, style: &Style, rng: &mut Rng) {
    let place = Place {
        centre: [style.side / 2.0; 2],
        along: direction(if rng.chance(0.5) { 0.0 } else { 0.02 * rng.normal() }),
    };
    let radius = style.side * 0.7;
    let ink = Paint::flat(style.ink(rng));
    let mut pen = Pen { canvas, ink, place, radius, width: 1.0, points: Vec::new() };
    let size = log_uniform(9.0, style.side / 8.0, rng);
    let sheet = rng.chance(0.7);
    lines(&mut pen, size, style.side, style, sheet, rng);
}

struct Pen<'a> {
    canvas: &'a mut Canvas,
    ink: Paint,
    place: Place,
    radius: f32,
    /// Of lines, canvas pixels.
    width: f32,
    points: Vec<Point>,
}

impl Pen<'_> {
    fn fill(&mut self) {
        self.canvas.fill(&self.points, &self.ink, 1.0);
        self.points.clear();
    }

    /// A straight line between two points, given along and across the mark.
    fn line(&mut self, from: Point, to: Point) {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let k = 0.5 * self.width / (dx * dx + dy * dy).sqrt().max(1e-6);
        let (sx, sy) = (-dy * k, dx * k);
        let corners = [
            [from[0] + sx, from[1] + sy],
            [to[0] + sx, to[1] + sy],
            [to[0] - sx, to[1] - sy],
            [from[0] - sx, from[1] - sy],
        ];
        self.points.extend(corners.map(|[x, y]| self.place.at(x, y)));
        self.fill();
    }

    fn hatch(&mut self, rng: &mut Rng) {
        let gap = self.width * log_uniform(1.6, 5.0, rng);
        let jitter = if rng.chance(0.5) { 0.0 } else { 0.3 * gap };
        let n = (2.0 * self.radius / gap).min(160.0) as usize;
        for i in 0..n {
            let x = (i as f32 - n as f32 / 2.0) * gap;
            let [a, b, c] = [(); 3].map(|()| jitter * rng.normal());
            self.line([x + a, -0.6 * self.radius + b], [x + c, 0.6 * self.radius + a]);
        }
    }

    fn grid(&mut self, rng: &mut Rng) {
        let gap = self.width * log_uniform(2.5, 12.0, rng);
        let n = (1.4 * self.radius / gap).clamp(2.0, 60.0) as i32;
        let end = n as f32 * gap / 2.0;
        for i in 0..=n {
            let at = i as f32 * gap - end;
            self.line([at, -end], [at, end]);
            self.line([-end, at], [end, at]);
        }
    }

    fn rings(&mut self, rng: &mut Rng) {
        let gap = self.width * log_uniform(1.8, 6.0, rng);
        let n = (self.radius / gap).clamp(1.0, 40.0) as usize;
        for i in 1..=n {
            let radius = i as f32 * gap;
            let spine = |t: f32| direction(t / 2.0).map(|v| v * radius);
            let half = self.width / 2.0;
            let steps = (8.0 + 3.0 * radius.sqrt()) as usize;
            // In halves, since a closed outline would be filled.
            for side in [-0.5, 0.5] {
                let spine = |t: f32| spine(side + 0.5 * t);
                stroke(steps, &spine, &|_| half, &self.place, &mut self.points);
                self.fill();
            }
        }
    }

    fn scribble(&mut self, rng: &mut Rng) {
        for _ in 0..rng.int(1, 6) {
            let waves: [[f32; 3]; 6] = std::array::from_fn(|k| {
                let size = self.radius * 0.7 / (k / 2 + 1) as f32;
                [size * rng.normal(), (k / 2 + 1) as f32 * 0.25, rng.unit() as f32]
            });
            let spine = |t: f32| {
                let along = |first: usize| {
                    let wave = |w: &[f32; 3]| w[0] * direction(w[1] * t + w[2])[1];
                    waves.iter().skip(first).step_by(2).map(wave).sum::<f32>()
                };
                [along(0), along(1)]
            };
            let half = self.width / 2.0;
            // In pieces, so that what a loop encloses stays open.
            for piece in 0..12 {
                let spine = |t: f32| spine((piece as f32 + 0.5 + 0.5 * t) / 6.0 - 1.0);
                stroke(5, &spine, &|_| half, &self.place, &mut self.points);
                self.fill();
            }
        }
    }

    fn dots(&mut self, rng: &mut Rng) {
        let gap = self.width * log_uniform(2.0, 6.0, rng);
        let n = (self.radius / gap).clamp(2.0, 30.0) as i32;
        let radius = gap * rng.uniform(0.2, 0.45) as f32;
        for (x, y) in (-n..=n).flat_map(|x| (-n / 2..=n / 2).map(move |y| (x, y))) {
            let centre = self.place.at(x as f32 * gap, y as f32 * gap);
            self.points.extend((0..14).map(|i| {
                let [c, s] = direction(i as f32 / 14.0);
                [centre[0] + radius * c, centre[1] + radius * s]
            }));
            self.fill();
        }
    }

    /// A branch with twigs of its own, from `start` in the direction of `angle`.
    fn twig(&mut self, start: Point, angle: f32, length: f32, depth: u32, rng: &mut Rng) {
        let width = self.width * libm::powf(0.72, 5.0 - depth as f32);
        let place = Place { centre: start, along: direction(angle) };
        let bend = 0.12 * length * rng.normal();
        let spine = |t: f32| [length * (t + 1.0) / 2.0, bend * (1.0 - t * t)];
        stroke(8, &spine, &|t| 0.5 * width * (1.0 - 0.25 * (t + 1.0)), &place, &mut self.points);
        self.fill();
        if depth == 0 || length < 4.0 {
            return;
        }
        for _ in 0..rng.int(2, 3) {
            let t = rng.uniform(-0.2, 1.0) as f32;
            let [x, y] = spine(t);
            let turn = angle + rng.uniform(0.03, 0.14) as f32 * if rng.chance(0.5) { 1.0 } else { -1.0 };
            self.twig(place.at(x, y), turn, length * rng.uniform(0.45, 0.75) as f32, depth - 1, rng);
        }
    }
}

/// A block of text, on a sheet of its own in some cases.
fn text(pen: &mut Pen<'_>, style: &Style, rng: &mut Rng) {
    let size = log_uniform(9.0, (style.side / 3.0).max(10.0), rng);
    let high = (pen.radius * rng.uniform(0.2, 1.0) as f32).max(size);
    let sheet = rng.chance(0.5);
    lines(pen, size, high, style, sheet, rng);
}

/// Lines of letters `size` high, over `high` pixels.
fn lines(pen: &mut Pen<'_>, size: f32, high: f32, style: &Style, sheet: bool, rng: &mut Rng) {
    let narrow = rng.uniform(0.55, 1.0) as f32;
    let leading = size * rng.uniform(1.0, 1.6) as f32;
    let bold = rng.uniform(0.3, 0.6) as f32;
    let (columns, rows) = ((2.0 * pen.radius / (size * narrow)) as i32, (high / leading).ceil() as i32);
    let (columns, rows) = (columns.clamp(1, 160), rows.clamp(1, 120));
    let (wide, tall) = (columns as f32 * size * narrow, rows as f32 * leading);
    let slant = if rng.chance(0.3) { 0.2 } else { 0.0 };
    for row in 0..rows {
        let mut word = 0;
        let end = if rng.chance(0.2) { rng.int(1, i64::from(columns)) as i32 } else { columns };
        for column in 0..end {
            if word == 0 {
                word = rng.int(2, 9);
                continue;
            }
            word -= 1;
            let glyph = BASIC_LEGACY[usize::from(LETTERS[rng.index(LETTERS.len())])];
            let at = [
                (column as f32 + 0.5) * size * narrow - wide / 2.0,
                (row as f32 + 0.5) * leading - tall / 2.0,
            ];
            let centre = pen.place.at(at[0], at[1]);
            letter(pen, centre, [size * narrow / 8.0, size / 8.0], slant, bold, glyph);
        }
    }
    if sheet {
        let (x, y) = (wide / 2.0 + size, tall / 2.0 + 0.6 * size);
        pen.points.extend([[x, y], [-x, y], [-x, -y], [x, -y]].map(|[x, y]| pen.place.at(x, y)));
        let paint = style.paint(pen.place.centre, x, 0.0, rng);
        pen.canvas.fill(&pen.points, &paint, 1.0);
        pen.points.clear();
    }
}

/// One letter; `cell` is the size of one of its dots. Between the dots' middles its ink is interpolated and cut
/// at `bold`, which rounds its corners.
fn letter(pen: &mut Pen<'_>, centre: Point, cell: Point, slant: f32, bold: f32, glyph: [u8; 8]) {
    let [c, s] = pen.place.along;
    let dot = |x: i32, y: i32| {
        let inside = (0..8).contains(&x) && (0..8).contains(&y);
        f32::from(u8::from(inside && glyph[y as usize & 7] >> x & 1 == 1))
    };
    let sharp = cell[0].max(cell[1]);
    let coverage = |p: Point| {
        let (dx, dy) = (p[0] - centre[0], p[1] - centre[1]);
        let (along, down) = (c * dx + s * dy, c * dy - s * dx);
        let (x, y) = ((along + slant * down) / cell[0] + 3.5, down / cell[1] + 3.5);
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy, i, j) = (x - left, y - top, left as i32, top as i32);
        let upper = dot(i, j) + fx * (dot(i + 1, j) - dot(i, j));
        let lower = dot(i, j + 1) + fx * (dot(i + 1, j + 1) - dot(i, j + 1));
        (0.5 + (upper + fy * (lower - upper) - bold) * sharp).clamp(0.0, 1.0)
    };
    pen.canvas.stamp(centre, 6.5 * sharp, &pen.ink, coverage);
}
