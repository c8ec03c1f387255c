//! A graph compiled for one size: operators in order, each with the place of its result in one buffer
//! that all of them share.

use super::conv::Segment;
use super::graph::Id;
use super::level::Level;
use super::map::{Map, Registers};
use super::moves;
use super::pool::pool;
use super::resample::resample;
use super::sample::sample;
use super::spec::ConvSpec;
use super::step::{Step, Work};
use super::strides::Strides;
use super::strip::Strip;
use super::view::{Border, Shape, View};
use std::ops::Range;

/// A compiled graph. Immutable: share it between threads, each with a [`Workspace`] of its own.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) level: Level,
    pub(super) steps: Vec<Step>,
    /// Those that are run together, in order.
    pub(super) strips: Vec<Strip>,
    pub(super) views: Vec<View>,
    pub(super) inputs: Vec<Id>,
    pub(super) outputs: Vec<Id>,
    pub(super) first_clear: Vec<(Border, View)>,
    pub(super) buffer: usize,
    /// Floats of the buffer if each step were run to its end before the next.
    pub(super) apart: usize,
    pub(super) scratch: usize,
}

/// Bytes that a run works in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of results, which grow with the pictures.
    pub results: usize,
    /// Of results if each step were run to its end before the next: what is decided by this stays as it is however steps are run.
    pub apart: usize,
    /// That kernels work in beside that, whatever the pictures' size.
    pub scratch: usize,
}

impl Memory {
    /// What two programs share that run one after the other.
    pub fn shared(self, other: Memory) -> Memory {
        Memory {
            results: self.results.max(other.results),
            apart: self.apart.max(other.apart),
            scratch: self.scratch.max(other.scratch),
        }
    }
}

/// Memory of a run, grown to what the largest program so far needed and reused by all.
#[derive(Debug, Default)]
pub struct Workspace {
    buffer: Vec<f32>,
    scratch: Vec<f32>,
    registers: Registers,
}

#[cfg(test)]
impl Workspace {
    /// Fills it with what no result may depend on.
    pub(super) fn poison(&mut self) {
        self.buffer.fill(f32::NAN);
        self.scratch.fill(f32::NAN);
    }
}

impl Program {
    /// Sizes of the inputs, in the order of their nodes.
    pub fn inputs(&self) -> impl Iterator<Item = Shape> {
        self.inputs.iter().map(|id| self.views[*id].shape)
    }

    /// Sizes of the outputs.
    pub fn outputs(&self) -> impl Iterator<Item = Shape> {
        self.outputs.iter().map(|id| self.views[*id].shape)
    }

    /// What a run works in.
    pub fn memory(&self) -> Memory {
        Memory { results: 4 * self.buffer, apart: 4 * self.apart, scratch: 4 * self.scratch }
    }

    /// Names of the kernels in order, for people.
    pub fn kernels(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.work.name()).collect()
    }

    /// Runs: `inputs` and `outputs` are numbers in the caller's order of axes.
    ///
    /// # Panics
    /// When there are not as many as the graph has, or one is too short for its strides.
    pub fn run(
        &self,
        workspace: &mut Workspace,
        inputs: &[(&[f32], Strides)],
        outputs: &mut [(&mut [f32], Strides)],
    ) {
        let Workspace { buffer, scratch, registers } = workspace;
        // Results start at a multiple of the cache line.
        if buffer.len() < self.buffer + 16 {
            // The old one goes first.
            *buffer = Vec::new();
            *buffer = vec![0.0; self.buffer + 16];
        }
        if scratch.len() < self.scratch {
            *scratch = vec![0.0; self.scratch];
        }
        let shift = buffer.as_ptr().align_offset(64).min(16);
        let buffer = &mut buffer[shift..shift + self.buffer];
        for (border, view) in &self.first_clear {
            moves::clear_border(buffer, *border, view);
        }
        assert_eq!(
            (inputs.len(), outputs.len()),
            (self.inputs.len(), self.outputs.len()),
            "inputs and outputs"
        );
        for ((data, strides), id) in inputs.iter().zip(&self.inputs) {
            strides.read(data, buffer, &self.views[*id]);
        }
        let (mut at, mut strips) = (0, self.strips.iter().peekable());
        while at < self.steps.len() {
            let strip = strips.next_if(|strip| strip.steps.start == at);
            let end = strip.map_or(at + 1, |strip| strip.steps.end);
            for step in &self.steps[at..end] {
                step.clear.iter().for_each(|(border, view)| moves::clear_border(buffer, *border, view));
            }
            match strip {
                Some(strip) => {
                    strip.run(&self.steps, &self.views, |step, n, rows| {
                        self.rows(step, buffer, (n, rows), registers)
                    });
                }
                None => self.step(&self.steps[at], buffer, scratch, registers),
            }
            at = end;
        }
        for ((data, strides), id) in outputs.iter_mut().zip(&self.outputs) {
            strides.write(buffer, &self.views[*id], data);
        }
    }

    /// Rows of a picture's result, of a step that is run by rows.
    fn rows(
        &self,
        step: &Step,
        buffer: &mut [f32],
        (n, rows): (usize, Range<usize>),
        registers: &mut Registers,
    ) {
        let y = &self.views[step.to];
        let mut chain = |map: &Map, buffer: &mut [f32], part| {
            map.run(self.level, buffer, &self.views, y, part, registers);
        };
        match &step.work {
            Work::Conv(conv, after) => {
                conv.run_rows(buffer, (&self.views[step.reads[0]], y), n, rows, |buffer, part| {
                    after.iter().for_each(|map| chain(map, buffer, part));
                });
            }
            Work::Map(map) => {
                rows.for_each(|row| chain(map, buffer, Segment { n, y: row, from: 0, to: y.shape.w }));
            }
            _ => unreachable!("strips hold convolutions by rows and chains alone"),
        }
    }

    fn step(&self, step: &Step, buffer: &mut [f32], scratch: &mut [f32], registers: &mut Registers) {
        let y = &self.views[step.to];
        let x = &self.views[*step.reads.first().unwrap_or(&0)];
        match &step.work {
            Work::Conv(conv, after) => {
                let in_rows = conv.out_shape() != y.shape;
                let (from, to) = if in_rows { (in_a_row(x), in_a_row(y)) } else { (*x, *y) };
                conv.run(buffer, &from, &to, scratch, |buffer, part| {
                    let Some(map) = after else { return };
                    if in_rows {
                        // Pictures of one pixel were a row of pixels to the convolution.
                        for n in part.from..part.to {
                            let part = Segment { n, y: 0, from: 0, to: 1 };
                            map.run(self.level, buffer, &self.views, y, part, registers);
                        }
                    } else {
                        map.run(self.level, buffer, &self.views, y, part, registers);
                    }
                });
            }
            Work::Map(_) => {
                (0..y.shape.n).for_each(|n| self.rows(step, buffer, (n, 0..y.shape.h), registers));
            }
            Work::ReduceChannels(f) => moves::reduce_channels(self.level, buffer, *f, x, y),
            Work::ReduceSpace(f) => moves::reduce_space(buffer, *f, x, y),
            Work::Pool(kind, window) => pool(self.level, buffer, *kind, window, x, y),
            Work::Rearrange(axes) => moves::rearrange(buffer, axes, x, y),
            Work::Pad(before, mode) => moves::pad(buffer, *before, *mode, x, y),
            Work::Copy(axis, from) => moves::copy_to(buffer, x, &y.part(*axis, *from, x.shape)),
            Work::Take(positions) => moves::take(buffer, positions, x, y),
            Work::Fill(values) => moves::fill(buffer, values, y),
            Work::Product(product) => product.run(buffer, &self.views, scratch),
            Work::Attention(attention) => {
                attention.run(self.level, buffer, &self.views, scratch, registers);
            }
            Work::Resample(axis, taps) => resample(self.level, buffer, *axis, taps, x, y),
            Work::Sample(how) => {
                let grid = &self.views[step.reads[1]];
                sample(self.level, buffer, *how, x, grid, y);
            }
        }
    }
}

/// Pictures of one pixel as a row of pixels, so that a batch is one run.
fn in_a_row(v: &View) -> View {
    let distance = v.image * v.shape.n;
    View { shape: row_of(v.shape), pixel: v.image, row: distance, image: distance, ..*v }
}

fn row_of(x: Shape) -> Shape {
    Shape { n: 1, h: 1, w: x.n, c: x.c }
}

/// The shape that a convolution is made for: that of a row where pictures have one pixel, and results do too.
pub(super) fn flat(x: Shape, spec: &ConvSpec) -> Shape {
    let single = (x.h, x.w, spec.kernel, spec.stride) == (1, 1, (1, 1), (1, 1));
    let alone = spec.pad == Border::default() && !spec.transposed;
    if single && alone && x.n > 1 { row_of(x) } else { x }
}
