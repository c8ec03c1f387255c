//! Whether parts of a picture give what the whole gives, found by running: operators that go by where a pixel lies, or
//! by how large the picture is, are not seen by how far they look.

use super::fast::Engine;
use super::graph::Graph;
use super::plan;
use super::test_picture::index;
use super::tile::reflected;
use crate::random::Rng;
use tract_onnx::pb::{GraphProto, NodeProto};

/// Multiply-adds that it may take.
const MOST: f64 = 6e9;
/// Length of the other axis.
const ACROSS: usize = 32;
/// How far the part is moved, at least.
const SHIFT: usize = 12;
/// A difference of this part of the output's range is none.
const SAME: f32 = 1e-4;
/// Operators whose results may follow from the picture's size or a pixel's place.
const SUSPECT: [&str; 16] = [
    "ConstantOfShape",
    "CumSum",
    "Expand",
    "Gather",
    "GatherND",
    "GridSample",
    "InstanceNormalization",
    "Loop",
    "Pad",
    "Range",
    "Reshape",
    "Resize",
    "ScatterND",
    "Scan",
    "Shape",
    "Slice",
];

/// Of these, operators that have no other use.
const POSITIONAL: [&str; 3] = ["CumSum", "GridSample", "Range"];

/// What is known of a network by its graph.
pub(super) struct Known {
    pub(super) radius: usize,
    pub(super) period: usize,
    pub(super) multiple: usize,
    pub(super) scale: usize,
    pub(super) macs_per_pixel: f64,
    pub(super) fixed: Option<(usize, usize)>,
}

/// Whether the graph has anything that calls for a trial.
pub(super) fn is_suspect(graph: &GraphProto, fixed: bool) -> bool {
    // At one size, constants may be as large as the picture.
    fixed || graph.node.iter().any(|n| SUSPECT.contains(&n.op_type.as_str()))
}

/// Whether the graph goes by places for certain, or nearly so.
pub(super) fn is_positional(graph: &GraphProto) -> bool {
    let corners = |node: &NodeProto| {
        node.op_type == "Resize" && node.attribute.iter().any(|a| a.s.as_slice() == b"align_corners")
    };
    graph.node.iter().any(|n| POSITIONAL.contains(&n.op_type.as_str()) || corners(n))
}

/// Whether a part of a picture, away from its borders, gives what the whole gives. None where that would take too long.
pub(super) fn is_local(graph: &Graph, engine: Engine, known: &Known) -> Option<bool> {
    let along = |rows: bool| match known.fixed {
        Some((h, w)) => moved(graph, engine, known, (h, w), rows),
        None => part(graph, engine, known, rows),
    };
    Some(along(false)? && along(true)?)
}

/// Parts at the front, in the middle and at the end of a picture, all as long modulo the period as the whole.
fn part(graph: &Graph, engine: Engine, known: &Known, rows: bool) -> Option<bool> {
    let period = known.period.max(1);
    let shift = SHIFT.next_multiple_of(period);
    let odd = if known.multiple < period { known.multiple } else { 0 };
    let length = (2 * known.radius + 2 * period + 8).next_multiple_of(period) + odd;
    let (whole, across) = (length + 2 * shift, ACROSS.next_multiple_of(period));
    if ((whole + 3 * length) * across) as f64 * known.macs_per_pixel * 2.0 > MOST {
        return None;
    }
    let size = |long: usize| if rows { (long, across) } else { (across, long) };
    let large = run(graph, engine, size(whole), 0, rows)?;
    let parts = [(0, 0, length - known.radius), (shift, known.radius, length - known.radius)];
    for (start, from, to) in parts.into_iter().chain([(2 * shift, known.radius, length)]) {
        let small = run(graph, engine, size(length), start, rows)?;
        if !alike(graph, known, (&large, size(whole), start), (&small, size(length), 0), (from, to), rows) {
            return Some(false);
        }
    }
    Some(true)
}

/// The same for a network of one size: what the picture shows is moved.
fn moved(graph: &Graph, engine: Engine, known: &Known, size: (usize, usize), rows: bool) -> Option<bool> {
    let period = known.period.max(1);
    let length = if rows { size.0 } else { size.1 };
    let shift = SHIFT.next_multiple_of(period);
    if length < 2 * known.radius + shift + period {
        return None;
    }
    if (2 * size.0 * size.1) as f64 * known.macs_per_pixel * 2.0 > MOST {
        return None;
    }
    let first = run(graph, engine, size, 0, rows)?;
    let second = run(graph, engine, size, shift, rows)?;
    let inner = (known.radius, length - known.radius - shift);
    Some(alike(graph, known, (&first, size, shift), (&second, size, 0), inner, rows))
}

/// The result for a picture of noise, of which `shift` is left out at the front.
fn run(graph: &Graph, engine: Engine, size: (usize, usize), shift: usize, rows: bool) -> Option<Vec<f32>> {
    let plan = plan::plan(graph, engine, (1, size.0, size.1), None, None).ok()?;
    let noise = Noise::new();
    let (dy, dx) = if rows { (shift, 0) } else { (0, shift) };
    let mut data = vec![0.0; graph.channels * size.0 * size.1];
    for c in 0..graph.channels {
        for y in 0..size.0 {
            for x in 0..size.1 {
                let value = if c < graph.pictures() { noise.at(c, y + dy, x + dx) } else { 0.1 };
                data[index(graph.layout, graph.channels, (c, y, x), size)] = value;
            }
        }
    }
    plan.run(&data).ok()
}

/// Whether two results agree in `inner`, input pixels of the second along the axis; each is given with the size of its
/// input and where the second begins in it.
fn alike(
    graph: &Graph,
    known: &Known,
    first: (&[f32], (usize, usize), usize),
    second: (&[f32], (usize, usize), usize),
    inner: (usize, usize),
    rows: bool,
) -> bool {
    let scale = known.scale;
    let channels =
        |of: (&[f32], (usize, usize), usize)| of.0.len() / (of.1.0 * of.1.1 * scale * scale).max(1);
    let count = channels(first);
    let at = |of: (&[f32], (usize, usize), usize), c: usize, along: usize, across: usize| {
        let along = along + of.2 * scale;
        let (y, x) = if rows { (along, across) } else { (across, along) };
        let size = (of.1.0 * scale, of.1.1 * scale);
        of.0.get(index(graph.layout, count, (c, y, x), size)).copied().unwrap_or(f32::NAN)
    };
    let across = if rows { first.1.1 } else { first.1.0 } * scale;
    let (low, high) = first.0.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    let mut worst = 0f32;
    for c in 0..count {
        for across in 0..across {
            for along in inner.0 * scale..inner.1 * scale {
                let difference = (at(first, c, along, across) - at(second, c, along, across)).abs();
                if difference.is_nan() {
                    return false;
                }
                worst = worst.max(difference);
            }
        }
    }
    worst <= SAME * (high - low).max(f32::MIN_POSITIVE)
}

/// Noise that has a value at any place.
struct Noise(Vec<f32>);

impl Noise {
    const SIDE: usize = 61;

    fn new() -> Noise {
        let mut random = Rng::new(0);
        Noise((0..Noise::SIDE * Noise::SIDE).map(|_| random.unit() as f32).collect())
    }

    fn at(&self, c: usize, y: usize, x: usize) -> f32 {
        let (y, x) = (y + 17 * c, x + 29 * c);
        // Turned at the ends, so that it is not the same after so many pixels.
        let (u, v) = (reflected(y, Noise::SIDE), reflected(x, Noise::SIDE));
        self.0[u * Noise::SIDE + v]
    }
}
