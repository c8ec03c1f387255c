//! A smooth picture for trial runs: slopes of different direction and level in each channel.

use super::axes::Layout;
use super::graph::Graph;
use super::range::Range;

/// What planes of levels hold in trials, such as the level of noise of [0, 1].
const LEVEL: f32 = 0.1;

/// Its value on the \[0, 1\] scale at (`x`, `y`), both from 0 to 1.
pub(super) fn value(channel: usize, y: f32, x: f32) -> f32 {
    let c = channel as f32;
    0.5 + 0.25 * ((2.0 * x + c).sin() + (3.0 * y + 0.5 * c).cos()) * 0.8
}

/// Place of a value in a network's own order.
pub(super) fn index(
    layout: Layout,
    channels: usize,
    (c, y, x): (usize, usize, usize),
    (h, w): (usize, usize),
) -> usize {
    match layout {
        Layout::Nchw => (c * h + y) * w + x,
        Layout::Nhwc => (y * w + x) * channels + c,
    }
}

/// The picture as input of a network, at `range`. `tone` is the one channel that all show, where they are to be alike.
pub(super) fn input(graph: &Graph, tone: Option<usize>, size: (usize, usize), range: &Range) -> Vec<f32> {
    let (height, width) = size;
    let mut data = vec![LEVEL; graph.channels * height * width];
    for c in 0..graph.pictures() {
        let (gain, offset) = range.affine(c);
        for y in 0..height {
            for x in 0..width {
                let (v, u) = ((y as f32 + 0.5) / height as f32, (x as f32 + 0.5) / width as f32);
                data[index(graph.layout, graph.channels, (c, y, x), size)] =
                    gain * value(tone.unwrap_or(c), v, u) + offset;
            }
        }
    }
    data
}
