//! Attention in windows of a picture's tokens.

use super::error::WeightsError;
use super::net::{Maps, Net};
use crate::onnx::Value;

/// What is added to attention between pixels that aren't neighbours: almost nothing is left of it.
const APART: f32 = -100.0;

/// Most numbers of a table of pairs of pixels; windows of 16 x 16 and 8 heads have half a million.
const PAIRS: usize = 1 << 24;

/// How pictures of one size are cut into windows and put together; shapes are names of tensors.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Rows and columns of a window.
    size: [usize; 2],
    /// Rows and columns of the picture.
    lengths: [String; 2],
    /// Windows in a column and in a row.
    pub(super) counts: [String; 2],
    cut: String,
    joined: String,
    whole: String,
    /// Whether a window's pixels lie as far apart as can be, not side by side.
    apart: bool,
}

/// A side of a shape.
pub(super) enum Side {
    Number(i64),
    /// The name of a row of one number.
    Length(String),
}

impl Windows {
    /// Pixels of a window.
    pub(super) fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }
}

impl Net<'_> {
    /// Windows of that size for pictures of the size of `x`, tokens.
    pub(super) fn windows(&mut self, x: &Maps, size: [usize; 2]) -> Windows {
        self.divided(x, size, false)
    }

    /// As [`Net::windows`], of pixels that lie as far apart as can be.
    pub(super) fn grid(&mut self, x: &Maps, size: [usize; 2]) -> Windows {
        self.divided(x, size, true)
    }

    fn divided(&mut self, x: &Maps, size: [usize; 2], apart: bool) -> Windows {
        let lengths = [1, 2].map(|axis| self.length(x, axis));
        let row = self.ints("row", &[1]);
        let long = [0, 1].map(|i: usize| self.op("Reshape", &[&lengths[i], &row], 1, &[]).name);
        let counts = [0, 1].map(|i: usize| {
            let side = self.ints("side", &[size[i] as i64]);
            self.op("Div", &[&long[i], &side], 1, &[]).name
        });
        let (one, rest) = (Side::Number(1), Side::Number(-1));
        let [h, w] = size.map(|side| Side::Number(side as i64));
        let [rows, columns] = counts.clone().map(Side::Length);
        let cut = match apart {
            false => self.shape(&[&one, &rows, &h, &columns, &w, &rest]),
            true => self.shape(&[&one, &h, &rows, &w, &columns, &rest]),
        };
        let joined = self.shape(&[&one, &rows, &columns, &h, &w, &rest]);
        let [height, width] = long.map(Side::Length);
        let whole = self.shape(&[&one, &height, &width, &rest]);
        Windows { size, lengths, counts, cut, joined, whole, apart }
    }

    /// A shape of these sides; the tensor's name.
    pub(super) fn shape(&mut self, sides: &[&Side]) -> String {
        let names: Vec<String> = sides
            .iter()
            .map(|side| match side {
                Side::Number(number) => self.ints("side", &[*number]),
                Side::Length(name) => name.clone(),
            })
            .collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        self.op("Concat", &names, 1, &[("axis", Value::Int(0))]).name
    }

    /// Tokens as `[window][pixel][channel]`.
    pub(super) fn cut(&mut self, x: &Maps, windows: &Windows) -> Maps {
        let parts = self.op("Reshape", &[&x.name, &windows.cut], x.channels, &[]);
        let order = if windows.apart { [0, 2, 4, 1, 3, 5] } else { [0, 1, 3, 2, 4, 5] };
        let parts = self.permuted(&parts, &order);
        self.reshape(&parts, &[-1, windows.pixels() as i64, x.channels as i64], x.channels)
    }

    /// `[window][pixel][channel]` as tokens.
    pub(super) fn joined(&mut self, x: &Maps, windows: &Windows) -> Maps {
        let parts = self.op("Reshape", &[&x.name, &windows.joined], x.channels, &[]);
        let order = if windows.apart { [0, 3, 1, 4, 2, 5] } else { [0, 1, 3, 2, 4, 5] };
        let parts = self.permuted(&parts, &order);
        self.op("Reshape", &[&parts.name, &windows.whole], x.channels, &[])
    }

    /// Queries, keys and values `[window][head][pixel][number]` out of all in one, `[window][pixel][…]`.
    pub(super) fn heads(&mut self, x: &Maps, pixels: usize, heads: usize) -> Result<[Maps; 3], WeightsError> {
        let each = x.channels / (3 * heads).max(1);
        if each == 0 || each * 3 * heads != x.channels {
            return self.unfit(format!("{} channels don't make {heads} heads", x.channels));
        }
        let shape = [-1, pixels as i64, 3, heads as i64, each as i64];
        let apart = self.reshape(x, &shape, each);
        let apart = self.permuted(&apart, &[2, 0, 3, 1, 4]);
        Ok([0, 1, 2].map(|at| self.chosen(&apart, at)))
    }

    /// Attention in windows: what values are left for each pixel, `[window][pixel][channel]`. `bias` is the name of what
    /// each pair of pixels gets added, `mask` of what it gets in each window.
    pub(super) fn attention(
        &mut self,
        [query, key, value]: [Maps; 3],
        pixels: usize,
        heads: usize,
        bias: Option<&str>,
        mask: Option<&str>,
    ) -> Maps {
        let each = query.channels;
        let query = self.with("Mul", &query, (each as f32).powf(-0.5));
        let mut turned = self.permuted(&key, &[0, 1, 3, 2]);
        turned.channels = pixels;
        let mut weights = self.product(&query, &turned);
        for added in bias.iter().chain(&mask) {
            weights = self.op("Add", &[&weights.name, added], pixels, &[]);
        }
        let weights = self.softmax(&weights, 4);
        let made = self.product(&weights, &value);
        let made = self.permuted(&made, &[0, 2, 1, 3]);
        let channels = heads * each;
        self.reshape(&made, &[-1, pixels as i64, channels as i64], channels)
    }

    /// What pairs of pixels of a window get added by their distance: the name of `[1][head][pixel][pixel]` out of a table
    /// of `[distance][head]`.
    pub(super) fn distance_bias(
        &mut self,
        name: &str,
        table: &[f32],
        windows: &Windows,
        heads: usize,
    ) -> Result<String, WeightsError> {
        let ([h, w], pixels) = (windows.size, windows.pixels());
        if pixels.checked_mul(pixels).and_then(|n| n.checked_mul(heads)).is_none_or(|n| n > PAIRS) {
            return self.unfit(format!("its windows are of {h} x {w} pixels and {heads} heads"));
        }
        let place = |i: usize, j: usize| {
            let (rows, columns) = (i / w + h - 1 - j / w, i % w + w - 1 - j % w);
            rows * (2 * w - 1) + columns
        };
        let pairs =
            (0..heads).flat_map(|head| (0..pixels).flat_map(move |i| (0..pixels).map(move |j| (head, i, j))));
        let values = pairs.map(|(head, i, j)| table.get(place(i, j) * heads + head).copied().unwrap_or(0.0));
        let values = values.collect();
        Ok(self.floats(name, &[1, heads, pixels, pixels], values))
    }

    /// What keeps pixels apart that only the shift by that many rows and columns brought into one window: the name of
    /// `[window][1][pixel][pixel]`.
    pub(super) fn shift_mask(&mut self, windows: &Windows, shift: [usize; 2]) -> String {
        // Each pixel gets the number of its part: 0 to 2 along each axis.
        let parts = [0, 1].map(|axis: usize| {
            let length = &windows.lengths[axis];
            let pixels = self.range(length);
            let float = self.op("Cast", &[length], 1, &[("to", Value::Int(1))]);
            let behind = self.op("Sub", &[&pixels.name, &float.name], 1, &[]);
            let [first, second] = [windows.size[axis], shift[axis]].map(|last| {
                let inside = self.with("Add", &behind, last as f32 + 1.0);
                self.clipped(&inside)
            });
            let part = self.op("Add", &[&first.name, &second.name], 1, &[]);
            self.reshape(&part, if axis == 0 { &[1, -1, 1, 1] } else { &[1, 1, -1, 1] }, 1)
        });
        let rows = self.with("Mul", &parts[0], 3.0);
        let numbers = self.op("Add", &[&rows.name, &parts[1].name], 1, &[]);
        let numbers = self.cut(&numbers, windows);
        let pixels = windows.pixels() as i64;
        let across = self.reshape(&numbers, &[-1, 1, 1, pixels], 1);
        let down = self.reshape(&numbers, &[-1, 1, pixels, 1], 1);
        let differ = self.op("Sub", &[&across.name, &down.name], 1, &[]);
        let differ = self.unary("Abs", &differ);
        let differ = self.clipped(&differ);
        self.with("Mul", &differ, APART).name
    }

    /// Numbers brought to between 0 and 1.
    fn clipped(&mut self, x: &Maps) -> Maps {
        let [low, high] = [0.0, 1.0].map(|end| self.floats("end", &[], vec![end]));
        self.op("Clip", &[&x.name, &low, &high], x.channels, &[])
    }
}
