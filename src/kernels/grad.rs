//! Gradients of a convolution: for its input, which is a convolution again, and for its weights and bias.
//!
//! The gradient for the weights, where Winograd's way (`grad_winograd`) doesn't pay, is a matrix product for
//! each tap, with the pixels as the summed dimension: registers hold a block of sums while a strip of pixels
//! passes; strips depend on the shapes alone, and each sum adds its pixels in their order, so that results
//! don't depend on the block's size or the buffer.

use super::conv::{Conv, SLACK};
use super::grad_strip::{ONES, Strip, run};
use super::grad_winograd::Tiles;
use super::level::Level;
use super::panel::split_channels;
use super::spec::{Activation, ConvSpec, Mode};
use super::view::{Border, Shape, View};
use super::weights::Weights;
use std::ops::Range;

/// Pixels of a strip: enough that adding up its sums takes little, few enough to stay in a core's own cache.
const STRIP: usize = 128;

/// Computes what a loss changes with a convolution's input from what it changes with the result.
#[derive(Clone, Debug)]
pub struct InputGradient {
    conv: Conv,
    /// The convolution whose gradient it is.
    spec: ConvSpec,
}

impl InputGradient {
    /// For the convolution `spec` of inputs of shape `input` with `weights` as in [`Conv::new`].
    ///
    /// # Panics
    /// When `spec` has groups, is transposed, doesn't fit `input` and `weights`, or has no results.
    pub fn new(level: Level, mode: Mode, spec: ConvSpec, input: Shape, weights: &[f32]) -> InputGradient {
        let output = checked_output(&spec, input);
        let (ic, oc) = spec.channels;
        let reach = (spec.dilation.0 * (spec.kernel.0 - 1), spec.dilation.1 * (spec.kernel.1 - 1));
        let p = spec.pad;
        let inside = p.top.max(p.bottom) <= reach.0 && p.left.max(p.right) <= reach.1;
        let back = ConvSpec { channels: (oc, ic), ..spec };
        let conv = if spec.stride == (1, 1) && inside {
            let pad = Border {
                top: reach.0 - p.top,
                left: reach.1 - p.left,
                bottom: reach.0 - p.bottom,
                right: reach.1 - p.right,
            };
            let weights = Weights::new(&spec, weights).backwards();
            Conv::of(level, mode, ConvSpec { pad, ..back }, output, &weights, None, Activation::None)
        } else {
            // Rows and columns at the end that the last step didn't reach.
            let extra = (
                (input.h + p.top + p.bottom - reach.0 - 1) % spec.stride.0,
                (input.w + p.left + p.right - reach.1 - 1) % spec.stride.1,
            );
            let back = ConvSpec { transposed: true, extra, ..back };
            Conv::new(level, mode, back, output, weights, None, Activation::None)
        };
        assert_eq!(conv.out_shape(), input, "the way back leads to the input");
        InputGradient { conv, spec }
    }

    /// Takes other weights, as [`InputGradient::new`] takes them; all else stays as it is.
    ///
    /// # Panics
    /// When there are more or fewer of them.
    pub fn repack(&mut self, weights: &[f32]) {
        if self.conv.spec().transposed {
            self.conv.repack(weights, None);
        } else {
            self.conv.pack(&Weights::new(&self.spec, weights).backwards(), None);
        }
    }

    /// Zeros that must stand around each picture of the result's gradient, as for [`Conv::border`].
    pub fn border(&self) -> Border {
        self.conv.border()
    }

    /// Floats of scratch that [`InputGradient::run`] takes.
    pub fn scratch(&self) -> usize {
        self.conv.scratch()
    }

    /// The convolution that makes the gradient.
    pub fn conv(&self) -> &Conv {
        &self.conv
    }

    /// Computes `dx`, the input's gradient, from `dy`, the result's, both within `buffer`.
    ///
    /// # Panics
    /// As [`Conv::run`].
    pub fn run(&self, buffer: &mut [f32], dy: &View, dx: &View, scratch: &mut [f32]) {
        self.conv.run(buffer, dy, dx, scratch, |_, _| {});
    }
}

/// The result's shape, for what both gradients can do.
fn checked_output(spec: &ConvSpec, input: Shape) -> Shape {
    assert!(spec.groups == 1 && !spec.transposed, "a plain convolution");
    assert_eq!(input.c, spec.channels.0, "input channels");
    assert!(spec.stride.0 * spec.stride.1 * spec.dilation.0 * spec.dilation.1 > 0, "steps of 0");
    assert!(spec.kernel.0 * spec.kernel.1 > 0, "a kernel without taps");
    let output = spec.out_shape(input);
    assert!(!output.is_empty() && !input.is_empty(), "there are results");
    output
}

/// Computes what a loss changes with a convolution's weights and bias.
#[derive(Clone, Debug)]
pub struct WeightGradient {
    spec: ConvSpec,
    level: Level,
    input: Shape,
    output: Shape,
    border: Border,
    /// Whether registers lie along the input's channels, not the result's.
    along_input: bool,
    /// Registers in each block of the channels that they lie along.
    blocks: Vec<usize>,
    /// Winograd's way, where it pays.
    tiles: Option<Tiles>,
}

impl WeightGradient {
    /// For the convolution `spec` of inputs of shape `input`; [`Mode::Fast`] allows Winograd's way where it
    /// pays.
    ///
    /// # Panics
    /// When `spec` has groups, is transposed, doesn't fit `input`, or has no results.
    pub fn new(level: Level, mode: Mode, spec: ConvSpec, input: Shape) -> WeightGradient {
        let output = checked_output(&spec, input);
        let (ic, oc) = spec.channels;
        // The instructions that each choice takes for a pixel and tap.
        let cost = |along: usize, other: usize| along.div_ceil(level.for_channels(along).lanes()) * other;
        let along_input = cost(ic, oc) < cost(oc, ic);
        let along = if along_input { ic } else { oc };
        let level = level.for_channels(along);
        let blocks = split_channels(along.div_ceil(level.lanes()), level.registers());
        let last = |out: usize, s: usize, k: usize, d: usize| (out - 1) * s + (k - 1) * d + 1;
        let (k, s, d, p) = (spec.kernel, spec.stride, spec.dilation, spec.pad);
        let border = Border {
            top: p.top,
            left: p.left,
            bottom: last(output.h, s.0, k.0, d.0).saturating_sub(p.top + input.h),
            right: last(output.w, s.1, k.1, d.1).saturating_sub(p.left + input.w),
        };
        let direct = WeightGradient { spec, level, input, output, border, along_input, blocks, tiles: None };
        if mode == Mode::Fast && Tiles::pay((level, along_input), &spec, output) {
            direct.by_tiles()
        } else {
            direct
        }
    }

    /// The same by Winograd's way.
    pub(super) fn by_tiles(self) -> WeightGradient {
        assert!(Tiles::can(&self.spec), "a kernel of 3x3 and steps of 1");
        let (spread, along) = self.order(self.spec.channels.0, self.spec.channels.1);
        let tiles = Some(Tiles::new(self.level, spread, along, self.along_input));
        WeightGradient { border: Tiles::border(self.spec.pad, self.input, self.output), tiles, ..self }
    }

    /// Size of the result.
    pub fn out_shape(&self) -> Shape {
        self.output
    }

    /// Name of the way that was chosen.
    pub fn kernel_name(&self) -> &'static str {
        if self.tiles.is_some() { "winograd" } else { "direct" }
    }

    /// Zeros that must stand around each input picture; the result's gradient needs none. [`SLACK`]
    /// readable floats must follow the last of both.
    pub fn border(&self) -> Border {
        self.border
    }

    /// Floats of scratch that [`WeightGradient::run`] takes.
    pub fn scratch(&self) -> usize {
        if let Some(tiles) = &self.tiles {
            return tiles.scratch();
        }
        let (rows, width) = self.sums();
        let bias = if self.along_input { rows * self.level.lanes() } else { width };
        self.spec.kernel.0 * self.spec.kernel.1 * rows * width + bias
    }

    /// Rows and columns of a tap's sums: the channels whose values are spread over registers, and those
    /// that registers lie along, in whole registers.
    fn sums(&self) -> (usize, usize) {
        let rows = if self.along_input { self.spec.channels.1 } else { self.spec.channels.0 };
        (rows, self.blocks.iter().sum::<usize>() * self.level.lanes())
    }

    /// Adds the gradients to `dw`, which is `[output][input][row][column]`, and `db`; from the input `x` and
    /// the result's gradient `dy`, both within `buffer`.
    ///
    /// Same shapes give the same sums, bit for bit. A batch in parts gives its own sum for each part: for
    /// results that don't depend on the number of threads, fix the parts and the order they are added in.
    ///
    /// # Panics
    /// When views or slices have other sizes than the convolution, views leave the buffer (the border and
    /// [`SLACK`] counted), or `scratch` is short.
    pub fn run(
        &self,
        buffer: &[f32],
        x: &View,
        dy: &View,
        dw: &mut [f32],
        db: &mut [f32],
        scratch: &mut [f32],
    ) {
        assert_eq!(x.shape, self.input, "input shape");
        assert_eq!(dy.shape, self.output, "output shape");
        let inside = buffer.len().saturating_sub(SLACK);
        assert!(x.fits(self.border, inside), "the input with its border is inside");
        assert!(dy.fits(Border::default(), inside), "the result's gradient is inside");
        assert_eq!(dw.len(), self.spec.weights(), "weights");
        assert_eq!(db.len(), self.spec.channels.1, "bias");
        assert!(scratch.len() >= self.scratch(), "scratch");
        let before = self.border.top * x.row + self.border.left * x.pixel;
        if let Some(tiles) = &self.tiles {
            let mut add = |sums: &[f32], width: usize, ic: Range<usize>, oc: Range<usize>| {
                self.add(sums, width, dw, (ic, oc));
            };
            // SAFETY: the level is of this machine; the views, with the border that `tiles` made, were found
            // inside, with `SLACK` behind them; there are results.
            unsafe { tiles.run(buffer, (x, before), dy, db, scratch, &mut add) };
            return;
        }
        let (rows, width) = self.sums();
        let ((kh, kw), (ic, oc)) = (self.spec.kernel, self.spec.channels);
        let (sums, bias) = scratch[..self.scratch()].split_at_mut(kh * kw * rows * width);
        sums.fill(0.0);
        bias.fill(0.0);
        // Taps of a row that follow one another are one tap of more channels, unless these are registers.
        let chain = !self.along_input && x.rows_are_dense() && self.spec.dilation.1 == 1;
        let (across, rows) = if chain { (1, rows * kw) } else { (kw, rows) };
        let taps: Vec<(usize, usize)> = (0..kh * across)
            .map(|t| (t / across * self.spec.dilation.0, t % across * self.spec.dilation.1))
            .map(|(row, column)| self.order(row * x.row + column * x.pixel, 0))
            .collect();
        let Shape { n, h, w, .. } = self.output;
        let pieces = w.div_ceil(2 * STRIP);
        let base = buffer.as_ptr();
        let (mut lines, mut bias_lines) = (vec![], vec![]);
        for piece in 0..pieces {
            let (from, to) = (w * piece / pieces, w * (piece + 1) / pieces);
            let height = (STRIP / (to - from)).max(1);
            for first in (0..n * h).step_by(height) {
                lines.clear();
                bias_lines.clear();
                for line in first..(first + height).min(n * h) {
                    let (n, row) = (line / h, line % h);
                    let at = x.pixel_at(n, row * self.spec.stride.0, from * self.spec.stride.1) - before;
                    // SAFETY: both views were found inside, and `at` no further before than the border.
                    let (x, dy) = unsafe { (base.add(at), base.add(dy.pixel_at(n, row, from))) };
                    lines.push(self.order(x, dy));
                    bias_lines.push(self.order(ONES.as_ptr(), dy));
                }
                let strip = Strip {
                    lines: &lines,
                    steps: self.order(self.spec.stride.1 * x.pixel, dy.pixel),
                    count: to - from,
                    taps: &taps,
                    rows,
                    blocks: &self.blocks,
                    sums: sums.as_mut_ptr(),
                };
                let bias_strip = Strip {
                    lines: &bias_lines,
                    steps: self.order(0, dy.pixel),
                    taps: &[(0, 0)],
                    rows: if self.along_input { oc } else { 1 },
                    blocks: if self.along_input { &[1] } else { &self.blocks },
                    sums: bias.as_mut_ptr(),
                    ..strip
                };
                // SAFETY: the level is of this machine. Every pixel of the lines with every tap is inside
                // the input with its border; a register that isn't full reads less than `SLACK` beyond.
                // Sums are as long as `scratch` says, and a register of `ONES` is no longer than that.
                unsafe {
                    run(self.level, &strip);
                    run(self.level, &bias_strip);
                }
            }
        }
        self.add(sums, width, dw, (0..ic, 0..oc));
        let step = if self.along_input { self.level.lanes() } else { 1 };
        db.iter_mut().enumerate().for_each(|(o, b)| *b += bias[o * step]);
    }

    /// What belongs to the input and to the result: the one whose values are spread over registers first.
    fn order<T>(&self, x: T, dy: T) -> (T, T) {
        if self.along_input { (dy, x) } else { (x, dy) }
    }

    /// Adds the sums of some channels, `[tap][row][lane]` with `width` lanes in a row, to where they belong.
    fn add(&self, sums: &[f32], width: usize, dw: &mut [f32], (ic, oc): (Range<usize>, Range<usize>)) {
        let area = self.spec.kernel.0 * self.spec.kernel.1;
        let plane = width * self.order(ic.len(), oc.len()).0;
        // Few outputs at once: their weights lie far apart, their sums side by side.
        for first in oc.clone().step_by(16) {
            for i in ic.clone() {
                for t in 0..area {
                    for o in first..(first + 16).min(oc.end) {
                        let (row, lane) = self.order(i - ic.start, o - oc.start);
                        dw[(o * self.spec.channels.0 + i) * area + t] += sums[t * plane + row * width + lane];
                    }
                }
            }
        }
    }
}
