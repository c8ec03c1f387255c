//! A convolution with its bias and activation: chooses the kernel, packs the weights, checks the
//! buffers, runs.

use super::choose::{border, choose};
use super::depthwise;
use super::direct::{self, OWN_CACHE, Row};
use super::dot;
use super::kernel::Kernel;
use super::level::Level;
use super::panel::Finish;
use super::spec::{Activation, ConvSpec, Mode};
use super::view::{Border, Shape, View, disjoint};
use super::weights::Weights;
use super::winograd::{self, Tile, Winograd};
use std::ops::Range;

/// Floats that must be readable beyond the end of an input.
pub const SLACK: usize = 16;

/// A convolution ready to run.
#[derive(Clone, Debug)]
pub struct Conv {
    spec: ConvSpec,
    level: Level,
    kernel: Kernel,
    /// Padded to whole blocks of registers, like `slopes`.
    bias: Vec<f32>,
    activation: Activation,
    slopes: Vec<f32>,
    /// What the kernel reads beyond the input.
    border: Border,
    input: Shape,
}

/// Part of a result: columns `from..to` of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Picture.
    pub n: usize,
    /// Row.
    pub y: usize,
    /// First column.
    pub from: usize,
    /// Column after the last.
    pub to: usize,
}

impl Conv {
    /// Packs a convolution for inputs of shape `input`. `weights` are `[output][input of the group][row]
    /// [column]` (see [`ConvSpec::transposed`]); `bias` holds a number for each output channel, or none.
    ///
    /// # Panics
    /// When lengths don't agree with `spec`, there are no channels, or a stride, dilation or group count is 0.
    pub fn new(
        level: Level,
        mode: Mode,
        spec: ConvSpec,
        input: Shape,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Conv {
        Conv::of(level, mode, spec, input, &Weights::new(&spec, weights), bias, activation)
    }

    /// As [`Conv::new`], for weights of any order.
    pub(super) fn of(
        level: Level,
        mode: Mode,
        spec: ConvSpec,
        input: Shape,
        weights: &Weights<'_>,
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Conv {
        let (ic, oc) = spec.channels;
        assert!(ic > 0 && oc > 0, "channels");
        assert!(ic.is_multiple_of(spec.groups) && oc.is_multiple_of(spec.groups), "groups divide channels");
        assert_eq!(input.c, ic, "input channels");
        assert!(spec.stride.0 * spec.stride.1 * spec.dilation.0 * spec.dilation.1 > 0, "steps of 0");
        // Depthwise, vectors lie along all channels.
        let depthwise = spec.groups == ic && oc == ic;
        let level = level.for_channels(if depthwise { oc } else { oc / spec.groups });
        let output = spec.out_shape(input);
        let kernel = choose(level, mode, &spec, output);
        let padded = oc.next_multiple_of(16) + 64;
        let slopes = match &activation {
            Activation::Slope(s) if s.len() == 1 => vec![s[0]; padded],
            Activation::Slope(s) => {
                assert_eq!(s.len(), oc, "one slope for each output channel");
                s.iter().copied().chain(std::iter::repeat(0.0)).take(padded).collect()
            }
            _ => vec![],
        };
        let border = border(&spec, &kernel, input, output);
        let mut conv =
            Conv { spec, level, kernel, bias: vec![0.0; padded], activation, slopes, border, input };
        conv.pack(weights, bias);
        conv
    }

    /// Takes other weights and another bias, as [`Conv::new`] takes them; all else stays as it is.
    ///
    /// # Panics
    /// When lengths don't agree with the convolution.
    pub fn repack(&mut self, weights: &[f32], bias: Option<&[f32]>) {
        self.pack(&Weights::new(&self.spec, weights), bias);
    }

    /// As [`Conv::repack`], for weights of the order that `Conv::of` took.
    pub(super) fn pack(&mut self, weights: &Weights<'_>, bias: Option<&[f32]>) {
        let to = &mut self.bias[..self.spec.channels.1];
        match bias {
            Some(bias) => {
                assert_eq!(bias.len(), to.len(), "one bias for each output channel");
                to.copy_from_slice(bias);
            }
            None => to.fill(0.0),
        }
        self.kernel.pack(weights);
    }

    /// What it computes.
    pub fn spec(&self) -> &ConvSpec {
        &self.spec
    }

    /// Size of the result.
    pub fn out_shape(&self) -> Shape {
        self.spec.out_shape(self.input)
    }

    /// Zeros that must stand around each input picture; [`SLACK`] readable floats must follow the last.
    pub fn border(&self) -> Border {
        self.border
    }

    /// Floats of scratch that [`Conv::run`] takes.
    pub fn scratch(&self) -> usize {
        if let Kernel::Winograd(w) = &self.kernel { w.scratch() } else { 0 }
    }

    /// Name of the kernel that was chosen.
    pub fn kernel_name(&self) -> &'static str {
        match &self.kernel {
            Kernel::Direct(_) if self.spec.transposed => "transposed",
            Kernel::Direct(_) => "direct",
            Kernel::Dot(_) => "dot",
            Kernel::Depthwise(_) => "depthwise",
            Kernel::Winograd(_) => "winograd",
        }
    }

    /// Computes `y` from `x`, both within `buffer`; calls `after` with each part of the result as soon as it
    /// is complete, while it is in the cache.
    ///
    /// # Panics
    /// When the views have other shapes than the convolution, leave the buffer (the border and
    /// [`SLACK`] counted), or overlap; when `scratch` is short.
    pub fn run(
        &self,
        buffer: &mut [f32],
        x: &View,
        y: &View,
        scratch: &mut [f32],
        mut after: impl FnMut(&mut [f32], Segment),
    ) {
        assert_eq!((x.shape, y.shape), (self.input, self.out_shape()), "shapes");
        if y.shape.is_empty() {
            return;
        }
        self.check(buffer, x, y);
        assert!(scratch.len() >= self.scratch(), "scratch");
        match &self.kernel {
            Kernel::Winograd(winograd) => {
                self.run_winograd(winograd, buffer, x, y, scratch, self.finish(), after)
            }
            _ => (0..y.shape.n).for_each(|n| self.rows(buffer, (x, y), n, 0..y.shape.h, &mut after)),
        }
    }

    /// How many rows of the input must be there for this many of the result; none when it can't be run by rows.
    pub(super) fn rows_read(&self, rows: usize) -> Option<usize> {
        let taps = match &self.kernel {
            // All groups reach as far, in one pass.
            Kernel::Direct(groups) if !self.spec.transposed => &groups.first()?.passes.first()?.taps,
            Kernel::Dot(dot) => &dot.taps,
            Kernel::Depthwise(depthwise) => &depthwise.taps,
            Kernel::Direct(_) | Kernel::Winograd(_) => return None,
        };
        let below = taps.iter().map(|t| t.0).max()?;
        let last = rows.checked_sub(1)? * self.spec.stride.0;
        Some((last as isize + below + 1).clamp(0, self.input.h as isize) as usize)
    }

    /// Computes `rows` of picture `n` of `y`, as [`Conv::run`] does all of it, when the rows of `x` are there that
    /// [`Conv::rows_read`] tells.
    ///
    /// # Panics
    /// As [`Conv::run`], and when it can't be run by rows.
    pub(super) fn run_rows(
        &self,
        buffer: &mut [f32],
        (x, y): (&View, &View),
        n: usize,
        rows: Range<usize>,
        mut after: impl FnMut(&mut [f32], Segment),
    ) {
        self.check(buffer, x, y);
        assert!(n < y.shape.n && rows.end <= y.shape.h && self.rows_read(1).is_some(), "rows of the result");
        self.rows(buffer, (x, y), n, rows, &mut after);
    }

    /// Checks that `x` with its border and `y` are inside the buffer and apart.
    fn check(&self, buffer: &[f32], x: &View, y: &View) {
        assert_eq!(x.shape, self.input, "input shape");
        assert_eq!(y.shape, self.out_shape(), "output shape");
        assert!(!x.shape.is_empty(), "an empty input");
        assert!(
            x.fits(self.border, buffer.len().saturating_sub(SLACK)),
            "the input with its border is inside"
        );
        assert!(y.fits(Border::default(), buffer.len()), "the output is inside");
        assert!(disjoint(x, self.border, y), "input and output don't overlap");
    }

    /// What is done with each sum, for kernels: the slopes are read where they are.
    fn finish(&self) -> Finish {
        match &self.activation {
            Activation::None => Finish::None,
            Activation::Relu => Finish::Relu,
            Activation::Slope(_) => Finish::Slope(self.slopes.as_ptr()),
            Activation::Clip(low, high) => Finish::Clip(*low, *high),
        }
    }

    /// Rows of one picture, once [`Conv::check`] has passed; `n` and `rows` are inside `y`.
    fn rows(
        &self,
        buffer: &mut [f32],
        (x, y): (&View, &View),
        n: usize,
        rows: Range<usize>,
        after: &mut dyn FnMut(&mut [f32], Segment),
    ) {
        let shape = y.shape;
        let (bias, finish) = (self.bias.as_ptr(), self.finish());
        // Where the first tap of result (row, column) reads: from the input's first pixel for taps that
        // carry their own offset.
        match &self.kernel {
            Kernel::Direct(groups) => {
                let (ic, oc) = (self.spec.channels.0 / groups.len(), self.spec.channels.1 / groups.len());
                // Rows that the transposed form makes in one go, so that each phase has some.
                let far = self.spec.weights() > OWN_CACHE;
                let height = match self.spec.transposed {
                    true => 4 * self.spec.stride.0,
                    false => rows_at_once(y, if far { 128 << 10 } else { 16 << 10 }),
                };
                for top in rows.clone().step_by(height) {
                    let rows = (top, (top + height).min(rows.end));
                    let base = buffer.as_mut_ptr();
                    for (g, direct) in groups.iter().enumerate() {
                        // SAFETY: both views with the border that `border` computed from the passes are
                        // inside the buffer and disjoint, the rows inside them; the level is of this machine.
                        unsafe {
                            let rows = direct::Rows {
                                direct,
                                x: (base.add(x.pixel_at(n, 0, 0) + g * ic), x.row, x.pixel),
                                y: (base.add(y.pixel_at(n, 0, 0) + g * oc), y.row, y.pixel),
                                size: (shape.h, shape.w),
                                rows,
                                bias: bias.add(g * oc),
                                finish: finish.starting_at(g * oc),
                            };
                            direct::run(self.level, &rows);
                        }
                    }
                    (rows.0..rows.1).for_each(|y| after(buffer, Segment { n, y, from: 0, to: shape.w }));
                }
            }
            Kernel::Dot(_) | Kernel::Depthwise(_) => {
                for row in rows {
                    let base = buffer.as_mut_ptr();
                    // SAFETY: as above; `SLACK` covers the last register of a depthwise kernel.
                    unsafe {
                        let y = (base.add(y.pixel_at(n, row, 0)), y.pixel);
                        let x = (
                            base.wrapping_add(x.pixel_at(n, row * self.spec.stride.0, 0)).cast_const(),
                            x.row,
                            x.pixel,
                        );
                        let count = shape.w;
                        match &self.kernel {
                            Kernel::Dot(kernel) => {
                                dot::run(kernel.level(), &Row { kernel, x, y, count, bias, finish });
                            }
                            Kernel::Depthwise(kernel) => {
                                depthwise::run(kernel.level(), &Row { kernel, x, y, count, bias, finish });
                            }
                            _ => {}
                        }
                    }
                    after(buffer, Segment { n, y: row, from: 0, to: shape.w });
                }
            }
            Kernel::Winograd(_) => unreachable!("Winograd's tiles are no rows"),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the arguments of `run` and what it derived")]
    fn run_winograd(
        &self,
        winograd: &Winograd,
        buffer: &mut [f32],
        x: &View,
        y: &View,
        scratch: &mut [f32],
        finish: Finish,
        mut after: impl FnMut(&mut [f32], Segment),
    ) {
        let shape = y.shape;
        let (down, across) = (shape.h.div_ceil(4), shape.w.div_ceil(4));
        let place = |index: usize| {
            let (n, rest) = (index / (down * across), index % (down * across));
            (n, rest / across * 4, rest % across * 4)
        };
        let count = shape.n * down * across;
        let before = self.spec.pad.top * x.row + self.spec.pad.left * x.pixel;
        let mut tiles = Vec::with_capacity(winograd.tiles());
        for first in (0..count).step_by(winograd.tiles()) {
            let base = buffer.as_mut_ptr();
            let indices = first..(first + winograd.tiles()).min(count);
            tiles.clear();
            tiles.extend(indices.clone().map(|index| {
                let (n, row, column) = place(index);
                // SAFETY: the border holds the padding and what the last tiles read beyond it.
                unsafe {
                    Tile {
                        x: base.add(x.pixel_at(n, row, column) - before),
                        y: base.add(y.pixel_at(n, row, column)),
                        rows: (shape.h - row).min(4),
                        columns: (shape.w - column).min(4),
                    }
                }
            }));
            let block = winograd::Block {
                winograd,
                tiles: &tiles,
                x: (x.row, x.pixel),
                y: (y.row, y.pixel),
                bias: self.bias.as_ptr(),
                finish,
                scratch: scratch.as_mut_ptr(),
            };
            // SAFETY: views, border and scratch were checked; the level is of this machine.
            unsafe { winograd::run(winograd.level(), &block) };
            let mut index = indices.start;
            while index < indices.end {
                // Tiles side by side.
                let (n, row, column) = place(index);
                let beside = (across - column / 4).min(indices.end - index);
                let to = (column + 4 * beside).min(shape.w);
                for y in row..(row + 4).min(shape.h) {
                    after(buffer, Segment { n, y, from: column, to });
                }
                index += beside;
            }
        }
    }
}

/// Rows of `most` floats together that are made before `after` sees them: as many as stay in the first caches, or more
/// where weights come from memory each time.
fn rows_at_once(y: &View, most: usize) -> usize {
    (most / (y.shape.w * y.shape.c).max(1)).clamp(1, 16)
}
