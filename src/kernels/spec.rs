//! What a convolution computes, whatever computes it.

use super::view::{Border, Shape};

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
