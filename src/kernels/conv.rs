//! A convolution with its bias and activation: chooses the kernel, packs the weights, checks the
//! buffers, runs.

use super::depthwise::{self, Depthwise};
use super::direct::{self, Direct, Tap};
use super::dot::{self, Dot};
use super::level::Level;
use super::panel::Finish;
use super::view::{Border, Shape, View};
use super::winograd::{self, Tile, Winograd};

/// Floats that must be readable beyond the end of an input.
pub const SLACK: usize = 16;

/// What follows the sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `max(v, 0)`.
    Relu,
    /// `v` where positive, else `slope * v`; one slope, or one for each output channel.
    Slope(Vec<f32>),
    /// Clamped to low and high.
    Clip(f32, f32),
}

/// Geometry of a convolution. Rows come before columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvSpec {
    /// Channels read and made, over all groups.
    pub channels: (usize, usize),
    /// Kernel rows and columns.
    pub kernel: (usize, usize),
    /// Steps between results (between inputs, when transposed).
    pub stride: (usize, usize),
    /// Steps between taps.
    pub dilation: (usize, usize),
    /// Zeros before the first row and column and after the last (cut off from the result, when transposed).
    pub pad: Border,
    /// Channels are worked on in this many groups.
    pub groups: usize,
    /// A transposed convolution; its weights are `[input][output of the group][row][column]`.
    pub transposed: bool,
    /// Rows and columns that a transposed convolution adds below and to the right.
    pub extra: (usize, usize),
}

impl ConvSpec {
    /// A square kernel of stride 1 whose result has the input's size.
    pub fn same(ic: usize, oc: usize, kernel: usize) -> ConvSpec {
        let (before, after) = ((kernel - 1) / 2, kernel / 2);
        ConvSpec {
            channels: (ic, oc),
            kernel: (kernel, kernel),
            stride: (1, 1),
            dilation: (1, 1),
            pad: Border { top: before, left: before, bottom: after, right: after },
            groups: 1,
            transposed: false,
            extra: (0, 0),
        }
    }

    /// Size of the result.
    pub fn out_shape(&self, x: Shape) -> Shape {
        let side =
            |length: usize, kernel: usize, stride: usize, dilation: usize, pad: usize, extra: usize| {
                let reach = dilation * (kernel - 1) + 1;
                if self.transposed {
                    ((length.max(1) - 1) * stride + reach + extra).saturating_sub(pad)
                } else {
                    (length + pad).checked_sub(reach).map_or(0, |rest| rest / stride + 1)
                }
            };
        let (k, s, d, p) = (self.kernel, self.stride, self.dilation, self.pad);
        let h = side(x.h, k.0, s.0, d.0, p.top + p.bottom, self.extra.0);
        let w = side(x.w, k.1, s.1, d.1, p.left + p.right, self.extra.1);
        Shape { n: x.n, h, w, c: self.channels.1 }
    }

    /// Multiply-adds for one result pixel, over all channels.
    pub fn macs(&self) -> usize {
        let taps = self.kernel.0 * self.kernel.1;
        let per = if self.transposed { taps.div_ceil(self.stride.0 * self.stride.1) } else { taps };
        per * self.channels.0 / self.groups * self.channels.1
    }

    /// Weights in all.
    pub fn weights(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.channels.0 * self.channels.1 / self.groups
    }
}

/// How the kernel is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The fastest, Winograd included.
    #[default]
    Fast,
    /// Direct sums only.
    Exact,
}

#[derive(Clone, Debug)]
enum Kernel {
    /// One for each group.
    Direct(Vec<Direct>),
    Dot(Dot),
    Depthwise(Depthwise),
    Winograd(Winograd),
}

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
    /// When lengths don't agree with `spec`, a stride, dilation or group count is 0, or this machine doesn't have
    /// `level`.
    pub fn new(
        level: Level,
        mode: Mode,
        spec: ConvSpec,
        input: Shape,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Conv {
        let (ic, oc) = spec.channels;
        assert!(ic.is_multiple_of(spec.groups) && oc.is_multiple_of(spec.groups), "groups divide channels");
        assert_eq!(weights.len(), spec.weights(), "one weight for each tap and pair of channels");
        assert_eq!(input.c, ic, "input channels");
        assert!(level.runs_here(), "{level:?} is not of this machine");
        assert!(spec.stride.0 * spec.stride.1 * spec.dilation.0 * spec.dilation.1 > 0, "steps of 0");
        // Depthwise, vectors lie along all channels.
        let depthwise = spec.groups == ic && oc == ic;
        let level = level.for_channels(if depthwise { oc } else { oc / spec.groups });
        let output = spec.out_shape(input);
        let kernel = choose(level, mode, &spec, output, weights);
        let padded = oc.next_multiple_of(16) + 64;
        let mut all = bias.map_or_else(|| vec![0.0; oc], <[f32]>::to_vec);
        assert_eq!(all.len(), oc, "one bias for each output channel");
        all.resize(padded, 0.0);
        let slopes = match &activation {
            Activation::Slope(s) if s.len() == 1 => vec![s[0]; padded],
            Activation::Slope(s) => {
                assert_eq!(s.len(), oc, "one slope for each output channel");
                s.iter().copied().chain(std::iter::repeat(0.0)).take(padded).collect()
            }
            _ => vec![],
        };
        let border = border(&spec, &kernel, input, output);
        Conv { spec, level, kernel, bias: all, activation, slopes, border, input }
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
        assert_eq!(x.shape, self.input, "input shape");
        assert_eq!(y.shape, self.out_shape(), "output shape");
        assert!(
            x.fits(self.border, buffer.len().saturating_sub(SLACK)),
            "the input with its border is inside"
        );
        assert!(y.fits(Border::default(), buffer.len()), "the output is inside");
        assert!(disjoint(x, self.border, y), "input and output don't overlap");
        assert!(scratch.len() >= self.scratch(), "scratch");
        let finish = match &self.activation {
            Activation::None => Finish::None,
            Activation::Relu => Finish::Relu,
            Activation::Slope(_) => Finish::Slope(self.slopes.as_ptr()),
            Activation::Clip(low, high) => Finish::Clip(*low, *high),
        };
        let shape = y.shape;
        let bias = self.bias.as_ptr();
        // Where the first tap of result (row, column) reads: from the input's first pixel for taps that
        // carry their own offset.
        match &self.kernel {
            Kernel::Direct(groups) => {
                let (ic, oc) = (self.spec.channels.0 / groups.len(), self.spec.channels.1 / groups.len());
                // Rows that the transposed form makes in one go, so that each phase has some.
                let height = if self.spec.transposed { 4 * self.spec.stride.0 } else { rows_at_once(y) };
                for n in 0..shape.n {
                    for top in (0..shape.h).step_by(height) {
                        let rows = (top, (top + height).min(shape.h));
                        let base = buffer.as_mut_ptr();
                        for (g, direct) in groups.iter().enumerate() {
                            // SAFETY: both views with the border that `border` computed from the passes are
                            // inside the buffer and disjoint; the level is of this machine.
                            unsafe {
                                let rows = direct::Rows {
                                    direct,
                                    x: (base.add(x.pixel_at(n, 0, 0) + g * ic), x.row, x.pixel),
                                    y: (base.add(y.pixel_at(n, 0, 0) + g * oc), y.row, y.pixel),
                                    size: (shape.h, shape.w),
                                    rows,
                                    bias: bias.add(g * oc),
                                    finish: finish.from_channel(g * oc),
                                };
                                direct::run(self.level, &rows);
                            }
                        }
                        (rows.0..rows.1).for_each(|y| after(buffer, Segment { n, y, from: 0, to: shape.w }));
                    }
                }
            }
            Kernel::Dot(dot) => {
                for (n, row) in rows_of(shape) {
                    let base = buffer.as_mut_ptr();
                    // SAFETY: as above.
                    unsafe {
                        let job = dot::Row {
                            dot,
                            x: (base.add(x.pixel_at(n, row * dot.stride.0, 0)), x.row, x.pixel),
                            y: (base.add(y.pixel_at(n, row, 0)), y.pixel),
                            count: shape.w,
                            bias,
                            finish,
                        };
                        dot::run(dot.level(), &job);
                    }
                    after(buffer, Segment { n, y: row, from: 0, to: shape.w });
                }
            }
            Kernel::Depthwise(depthwise) => {
                for (n, row) in rows_of(shape) {
                    let base = buffer.as_mut_ptr();
                    // SAFETY: as above; `SLACK` covers the last register.
                    unsafe {
                        let job = depthwise::Row {
                            depthwise,
                            x: (base.add(x.pixel_at(n, row * depthwise.stride.0, 0)), x.row, x.pixel),
                            y: (base.add(y.pixel_at(n, row, 0)), y.pixel),
                            count: shape.w,
                            bias,
                            finish,
                        };
                        depthwise::run(depthwise.level(), &job);
                    }
                    after(buffer, Segment { n, y: row, from: 0, to: shape.w });
                }
            }
            Kernel::Winograd(winograd) => self.run_winograd(winograd, buffer, x, y, scratch, finish, after),
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

/// Rows that are made before `after` sees them: as many as stay in the first caches.
fn rows_at_once(y: &View) -> usize {
    ((16 << 10) / (y.shape.w * y.shape.c).max(1)).clamp(1, 16)
}

fn rows_of(shape: Shape) -> impl Iterator<Item = (usize, usize)> {
    (0..shape.n).flat_map(move |n| (0..shape.h).map(move |y| (n, y)))
}

/// Whether two views share no float, one of them with a border; channels of one buffer interleave.
fn disjoint(x: &View, border: Border, y: &View) -> bool {
    let end = |v: &View, b: Border| {
        let s = v.shape;
        v.pixel_at(s.n.max(1) - 1, s.h.max(1) - 1 + b.bottom, s.w.max(1) - 1 + b.right) + s.c
    };
    let start = |v: &View, b: Border| v.at - b.top * v.row - b.left * v.pixel;
    let none = Border::default();
    let apart = end(x, border) <= start(y, none) || end(y, none) <= start(x, border);
    let grid = (x.image, x.row, x.pixel) == (y.image, y.row, y.pixel);
    let (a, b) = (x.at % x.pixel.max(1), y.at % y.pixel.max(1));
    let beside = a + x.shape.c <= b || b + y.shape.c <= a;
    x.shape.is_empty() || y.shape.is_empty() || apart || (grid && beside)
}

fn choose(level: Level, mode: Mode, spec: &ConvSpec, output: Shape, weights: &[f32]) -> Kernel {
    let (ic, oc) = (spec.channels.0 / spec.groups, spec.channels.1 / spec.groups);
    let (kh, kw) = spec.kernel;
    let area = kh * kw;
    if spec.transposed {
        return Kernel::Direct((0..spec.groups).map(|g| transposed(level, spec, g, weights)).collect());
    }
    let offsets: Vec<(isize, isize)> = (0..area)
        .map(|t| {
            let row = (t / kw * spec.dilation.0) as isize - spec.pad.top as isize;
            (row, (t % kw * spec.dilation.1) as isize - spec.pad.left as isize)
        })
        .collect();
    let winograd = mode == Mode::Fast
        && spec.groups == 1
        && spec.kernel == (3, 3)
        && spec.stride == (1, 1)
        && spec.dilation == (1, 1);
    if winograd && Winograd::pays(level, (ic, oc), output) {
        return Kernel::Winograd(Winograd::new(level, (ic, oc), &|o, i, t| weights[(o * ic + i) * area + t]));
    }
    let group =
        |g: usize| move |t: usize| move |o: usize, i: usize| weights[((g * oc + o) * ic + i) * area + t];
    if spec.groups == spec.channels.0 && ic == 1 && oc == 1 && spec.groups > 1 {
        let weight: Vec<_> = (0..area).map(|t| move |c: usize, _: usize| weights[c * area + t]).collect();
        let taps: Vec<Tap<'_>> = offsets.iter().copied().zip(weight.iter().map(|w| w as _)).collect();
        return Kernel::Depthwise(Depthwise::new(level, spec.groups, spec.stride, &taps));
    }
    if spec.groups == 1 {
        // Few results: the half-width level was chosen for them, but vectors lie along the input here.
        let wide = if level == Level::Avx512Half && ic.is_multiple_of(16) { Level::Avx512 } else { level };
        if Dot::suits(wide, (ic, oc)) {
            let weight: Vec<_> = (0..area).map(group(0)).collect();
            let taps: Vec<Tap<'_>> = offsets.iter().copied().zip(weight.iter().map(|w| w as _)).collect();
            return Kernel::Dot(Dot::new(wide, (ic, oc), spec.stride, &taps));
        }
    }
    let groups = (0..spec.groups).map(|g| {
        let mut direct = Direct::new(level, (ic, oc), spec.stride);
        let weight: Vec<_> = (0..area).map(group(g)).collect();
        let taps = offsets.iter().copied().zip(weight.iter().map(|w| w as _)).collect();
        direct.add_pass(taps, (0, 0), (1, 1));
        direct
    });
    Kernel::Direct(groups.collect())
}

/// A transposed convolution: for each phase of the output, the taps that reach it.
fn transposed(level: Level, spec: &ConvSpec, group: usize, weights: &[f32]) -> Direct {
    let (ic, oc) = (spec.channels.0 / spec.groups, spec.channels.1 / spec.groups);
    let (kh, kw) = spec.kernel;
    let mut direct = Direct::new(level, (ic, oc), (1, 1));
    // Taps along one axis that reach result `phase`, and the input each reads there.
    let reach = |phase: usize, kernel: usize, stride: usize, dilation: usize, pad: usize| {
        (0..kernel).filter_map(move |k| {
            let distance = (phase + pad) as isize - (k * dilation) as isize;
            (distance.rem_euclid(stride as isize) == 0).then_some((k, distance.div_euclid(stride as isize)))
        })
    };
    for y in 0..spec.stride.0 {
        for x in 0..spec.stride.1 {
            let taps: Vec<_> = reach(y, kh, spec.stride.0, spec.dilation.0, spec.pad.top)
                .flat_map(|(ky, dy)| {
                    reach(x, kw, spec.stride.1, spec.dilation.1, spec.pad.left)
                        .map(move |(kx, dx)| ((dy, dx), ky * kw + kx))
                })
                .collect();
            let weight: Vec<_> = taps
                .iter()
                .map(|&(_, t)| move |o: usize, i: usize| weights[((group * ic + i) * oc + o) * kh * kw + t])
                .collect();
            let mut taps: Vec<Tap<'_>> =
                taps.iter().map(|t| t.0).zip(weight.iter().map(|w| w as _)).collect();
            let none = |_: usize, _: usize| 0.0;
            if taps.is_empty() {
                // No tap reaches this phase, which then holds the bias alone.
                taps.push(((0, 0), &none));
            }
            direct.add_pass(taps, (y, x), spec.stride);
        }
    }
    direct
}

/// How far beyond the input the kernel reads.
fn border(spec: &ConvSpec, kernel: &Kernel, input: Shape, output: Shape) -> Border {
    let mut border = Border::default();
    let mut reach =
        |taps: &[(isize, isize)], start: (usize, usize), every: (usize, usize), stride: (usize, usize)| {
            if start.0 >= output.h || start.1 >= output.w {
                return;
            }
            let last = |length: usize, start: usize, every: usize, stride: usize| {
                ((length - 1 - start) / every * stride) as isize
            };
            let last =
                (last(output.h, start.0, every.0, stride.0), last(output.w, start.1, every.1, stride.1));
            for t in taps {
                let beyond = |v: isize| v.max(0) as usize;
                border = border.union(Border {
                    top: beyond(-t.0),
                    left: beyond(-t.1),
                    bottom: beyond(last.0 + t.0 + 1 - input.h as isize),
                    right: beyond(last.1 + t.1 + 1 - input.w as isize),
                });
            }
        };
    match kernel {
        Kernel::Direct(groups) => {
            groups
                .iter()
                .take(1)
                .for_each(|d| d.passes.iter().for_each(|p| reach(&p.taps, p.start, p.every, d.stride)));
        }
        Kernel::Dot(d) => reach(&d.taps, (0, 0), (1, 1), d.stride),
        Kernel::Depthwise(d) => reach(&d.taps, (0, 0), (1, 1), d.stride),
        Kernel::Winograd(_) => {
            // Whole tiles: 4x4 results each, from 6x6 inputs.
            let after = |results: usize, before: usize, length: usize| {
                (results.next_multiple_of(4) + 2).saturating_sub(before + length)
            };
            border = Border {
                top: spec.pad.top,
                left: spec.pad.left,
                bottom: after(output.h, spec.pad.top, input.h),
                right: after(output.w, spec.pad.left, input.w),
            };
        }
    }
    border
}
