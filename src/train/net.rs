//! A network: a list of layers in the order they are computed, and where each layer's weights lie in one flat
//! vector of parameters.
//!
//! Tensors are `[row][column][channel]`. Convolution weights are `[output][input][row][column]`, dense
//! weights `[output][input]` with the input's numbers in the tensor's order.

use crate::random::Rng;
use std::ops::Range;

/// Number of a node.
pub type Id = usize;

/// Size of one picture's tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl Size {
    /// Rows, columns, channels.
    pub fn new(h: usize, w: usize, c: usize) -> Size {
        Size { h, w, c }
    }

    /// Numbers in all.
    pub fn len(self) -> usize {
        self.h * self.w * self.c
    }

    /// Whether there is no number.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// What follows a layer's sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Linear,
    /// `max(v, 0)`.
    Relu,
    /// `v` where positive, else a tenth of it.
    LeakyRelu,
    /// `1 / (1 + exp(-v))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

/// Slope of [`Activation::LeakyRelu`] below 0.
pub const LEAK: f32 = 0.1;

/// A layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The picture.
    Input,
    /// Square convolution with bias; zeros around the picture, or none (`padded: false`: the result is smaller).
    Conv {
        /// Channels made.
        channels: usize,
        /// Rows and columns of the kernel; odd.
        kernel: usize,
        /// Pixels from one result to the next.
        stride: usize,
        /// Whether zeros keep the picture's size.
        padded: bool,
        /// What follows.
        activation: Activation,
    },
    /// All numbers of the picture times a matrix, plus a bias.
    Dense {
        /// Numbers made.
        width: usize,
        /// What follows.
        activation: Activation,
    },
    /// A row of numbers (1 x 1 x c) as a picture.
    Unflatten(Size),
    /// Largest of each 2x2 pixels; a last odd row or column stands alone.
    MaxPool,
    /// Every pixel 2x2 times, or more.
    Upsample(usize),
    /// Each block of n x n pixels becomes one: channel `(dy * n + dx) * c + channel`.
    SpaceToDepth(usize),
    /// The reverse.
    DepthToSpace(usize),
    /// Sum of two tensors of one size.
    Add,
    /// Product of two tensors of one size, number by number.
    Multiply,
    /// Zeroes a share of the numbers while training and scales the others up; nothing otherwise.
    Dropout(f32),
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// Nodes it reads, all earlier ones.
    pub inputs: Vec<Id>,
}

/// Where a layer's weights and bias lie among the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The weights.
    pub weights: Range<usize>,
    /// The bias.
    pub bias: Range<usize>,
    /// Numbers that each result sums up.
    pub fan_in: usize,
    /// How many results each of the input's numbers takes part in.
    pub fan_out: usize,
}

/// A network whose last node is its output.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// Name of the architecture, for the recipe.
    pub name: String,
    /// Size for which it was made. Where there is no dense layer, every multiple of [`Net::multiple`] will do.
    pub input: Size,
    /// The layers.
    pub nodes: Vec<Node>,
    /// Its bottleneck.
    pub bottleneck: Id,
    /// How many times larger the output's sides are.
    pub scale: usize,
    /// What the input's sides must be a multiple of.
    pub multiple: usize,
}

/// A layer that does not fit what it reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}: {what}")]
pub struct LayerError {
    /// Number of its node.
    pub layer: Id,
    /// What does not fit.
    pub what: String,
}

/// Builds a [`Net`] layer by layer.
#[derive(Debug)]
pub struct Builder {
    input: Size,
    nodes: Vec<Node>,
}

impl Builder {
    /// Starts with the input, which is node 0.
    pub fn new(input: Size) -> Builder {
        Builder { input, nodes: vec![Node { op: Op::Input, inputs: vec![] }] }
    }

    /// Adds a layer after the last one.
    pub fn then(&mut self, op: Op) -> Id {
        self.after(self.nodes.len() - 1, op)
    }

    /// Adds a layer that reads node `from`.
    pub fn after(&mut self, from: Id, op: Op) -> Id {
        self.nodes.push(Node { op, inputs: vec![from] });
        self.nodes.len() - 1
    }

    /// Adds a padded convolution of stride 1 after the last layer.
    pub fn conv(&mut self, channels: usize, kernel: usize, activation: Activation) -> Id {
        self.then(Op::Conv { channels, kernel, stride: 1, padded: true, activation })
    }

    /// Adds a dense layer after the last one.
    pub fn dense(&mut self, width: usize, activation: Activation) -> Id {
        self.then(Op::Dense { width, activation })
    }

    /// Adds the sum of two nodes.
    pub fn add(&mut self, a: Id, b: Id) -> Id {
        self.nodes.push(Node { op: Op::Add, inputs: vec![a, b] });
        self.nodes.len() - 1
    }

    /// Adds the product of two nodes.
    pub fn multiply(&mut self, a: Id, b: Id) -> Id {
        self.nodes.push(Node { op: Op::Multiply, inputs: vec![a, b] });
        self.nodes.len() - 1
    }

    /// The finished network.
    pub fn finish(self, name: impl Into<String>, bottleneck: Id, scale: usize, multiple: usize) -> Net {
        Net { name: name.into(), input: self.input, nodes: self.nodes, bottleneck, scale, multiple }
    }
}

impl Net {
    /// Number of the output node.
    pub fn output(&self) -> Id {
        self.nodes.len() - 1
    }

    /// Whether every size of picture will do.
    pub fn is_convolutional(&self) -> bool {
        !self.nodes.iter().any(|n| matches!(n.op, Op::Dense { .. } | Op::Unflatten(_)))
    }

    /// Sizes of all nodes for the size it was made for.
    ///
    /// # Errors
    /// When a layer doesn't fit.
    pub fn sizes(&self) -> Result<Vec<Size>, LayerError> {
        self.sizes_for(self.input)
    }

    /// Sizes of all nodes for an input of size `input`.
    ///
    /// # Errors
    /// When a layer doesn't fit.
    pub fn sizes_for(&self, input: Size) -> Result<Vec<Size>, LayerError> {
        let mut sizes: Vec<Size> = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            let of = |i: usize| sizes[node.inputs[i]];
            let unfit = |what: String| Err(LayerError { layer: id, what });
            let size = match node.op {
                Op::Input => input,
                Op::Conv { channels, kernel, stride, padded, .. } => {
                    let x = of(0);
                    let pad = if padded { kernel - 1 } else { 0 };
                    if x.h + pad < kernel || x.w + pad < kernel {
                        return unfit(format!(
                            "{} x {} pixels are too few for a {kernel}x{kernel} convolution",
                            x.w, x.h
                        ));
                    }
                    Size::new((x.h + pad - kernel) / stride + 1, (x.w + pad - kernel) / stride + 1, channels)
                }
                Op::Dense { width, .. } => Size::new(1, 1, width),
                Op::Unflatten(size) => {
                    if of(0).len() != size.len() {
                        return unfit(format!("{} numbers are no picture of {}", of(0).len(), size.len()));
                    }
                    size
                }
                Op::MaxPool => Size::new(of(0).h.div_ceil(2), of(0).w.div_ceil(2), of(0).c),
                Op::Upsample(n) => Size::new(of(0).h * n, of(0).w * n, of(0).c),
                Op::SpaceToDepth(n) => {
                    let x = of(0);
                    if !x.h.is_multiple_of(n) || !x.w.is_multiple_of(n) {
                        return unfit(format!("{} x {} pixels can't be split into {n}x{n} blocks", x.w, x.h));
                    }
                    Size::new(x.h / n, x.w / n, x.c * n * n)
                }
                Op::DepthToSpace(n) => {
                    let x = of(0);
                    if !x.c.is_multiple_of(n * n) {
                        return unfit(format!("{} channels can't become {n}x{n} pixels", x.c));
                    }
                    Size::new(x.h * n, x.w * n, x.c / (n * n))
                }
                Op::Add | Op::Multiply => {
                    if of(0) != of(1) {
                        return unfit(format!("the sum or product of {:?} and {:?}", of(0), of(1)));
                    }
                    of(0)
                }
                Op::Dropout(_) => of(0),
            };
            if size.is_empty() {
                return unfit("nothing is left".into());
            }
            sizes.push(size);
        }
        Ok(sizes)
    }

    /// Where each node's parameters lie; none for layers without.
    ///
    /// # Panics
    /// When the layers don't fit.
    pub fn places(&self) -> Vec<Option<Place>> {
        let sizes = self.sizes().expect("layers fit");
        let mut at = 0;
        let mut places = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter().enumerate() {
            let layer = match node.op {
                Op::Conv { channels, kernel, stride, .. } => {
                    let taps = kernel * kernel;
                    let ic = sizes[node.inputs[0]].c;
                    Some((ic * taps, channels, (channels * taps / (stride * stride)).max(1)))
                }
                Op::Dense { width, .. } => Some((sizes[node.inputs[0]].len(), width, width)),
                _ => None,
            };
            debug_assert!(node.inputs.iter().all(|&i| i < id));
            places.push(layer.map(|(fan_in, results, fan_out)| {
                let weights = at..at + fan_in * results;
                let bias = weights.end..weights.end + results;
                at = bias.end;
                Place { weights, bias, fan_in, fan_out }
            }));
        }
        places
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.places().iter().flatten().map(|p| p.bias.end).max().unwrap_or(0)
    }

    /// Multiply-adds for one pixel of the input.
    pub fn macs_per_pixel(&self) -> f64 {
        let sizes = self.sizes().expect("layers fit");
        let places = self.places();
        let all: usize = (0..self.nodes.len())
            .filter_map(|id| places[id].as_ref().map(|p| (sizes[id], p)))
            .map(|(size, place)| size.len() * place.fan_in)
            .sum();
        all as f64 / (self.input.h * self.input.w) as f64
    }

    /// Random parameters: normal, of variance 2 / fan-in before a rectifier (He et al. 2015), 2 / (fan-in +
    /// fan-out) before anything else (Glorot and Bengio 2010); biases 0. The convolution whose result is added to the
    /// network's input starts at a tenth of that, so that training starts near "leave it as it is"; so does a rectified
    /// output, with a bias of 0.1, since one that is 0 everywhere would never learn.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        let mut parameters = vec![0.0; self.parameters()];
        for (id, place) in self.places().into_iter().enumerate() {
            let Some(place) = place else { continue };
            let rectified = match self.nodes[id].op {
                Op::Conv { activation, .. } | Op::Dense { activation, .. } => {
                    matches!(activation, Activation::Relu | Activation::LeakyRelu)
                }
                _ => false,
            };
            let variance = if rectified {
                2.0 / place.fan_in as f64
            } else {
                2.0 / (place.fan_in + place.fan_out) as f64
            };
            let last = id == self.output() && rectified;
            let scale = variance.sqrt() * if self.corrects(id) || last { 0.1 } else { 1.0 };
            if last {
                parameters[place.bias].fill(0.1);
            }
            rng.normals(&mut parameters[place.weights], |w, v| *w = v * scale as f32);
        }
        parameters
    }

    /// Whether nothing but rearrangement stands between this node and a sum.
    fn corrects(&self, id: Id) -> bool {
        let mut id = id;
        loop {
            let readers: Vec<Id> =
                (id + 1..self.nodes.len()).filter(|&r| self.nodes[r].inputs.contains(&id)).collect();
            match readers[..] {
                [one] if matches!(self.nodes[one].op, Op::DepthToSpace(_)) => id = one,
                [one] => return self.nodes[one].op == Op::Add && self.linear(id),
                _ => return false,
            }
        }
    }

    fn linear(&self, id: Id) -> bool {
        match self.nodes[id].op {
            Op::Conv { activation, .. } | Op::Dense { activation, .. } => activation == Activation::Linear,
            Op::DepthToSpace(_) => true,
            _ => false,
        }
    }
}
