//! A network as a list of operators on `[n][h][w][c]` pictures, each defined before it is used.

use super::spec::ConvSpec;
use super::view::{Border, Shape};
use std::sync::Arc;

/// Number of a node in its graph.
pub type Id = usize;

/// Function of one number.
#[derive(Clone, Debug, PartialEq)]
pub enum Unary {
    /// `max(v, 0)`.
    Relu,
    /// `v` where positive, else `slope * v`; one slope, or one for each channel.
    Slope(Arc<Vec<f32>>),
    /// Clamped to low and high.
    Clip(f32, f32),
    /// Absolute value.
    Abs,
    /// Sign changed.
    Neg,
    /// Square.
    Square,
    /// Square root.
    Sqrt,
    /// 1 over the square root.
    Rsqrt,
    /// 1 over the number.
    Recip,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Ln,
    /// Logarithm of 1 plus the exponential.
    Softplus,
    /// The number times the hyperbolic tangent of its softplus.
    Mish,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
    /// `v * sigmoid(v)`.
    Silu,
    /// `v * clamp(v / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// Gauss error function.
    Erf,
    /// `v * (1 + erf(v / sqrt 2)) / 2`.
    Gelu,
    /// `v * (1 + tanh(sqrt(2 / pi) * (v + 0.044715 * v^3))) / 2`.
    GeluTanh,
}

/// Function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// Larger.
    Max,
    /// Smaller.
    Min,
}

/// Function of all channels of a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Across {
    /// Exponentials, divided by their sum.
    Softmax,
    /// Less their mean, over their standard deviation, with this added to the variance.
    Normal(f32),
    /// Over the root of the mean of their squares, with this added.
    RootMeanSquare(f32),
}

/// How many numbers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// Sum.
    Sum,
    /// Mean.
    Mean,
    /// Mean of the squares.
    MeanOfSquares,
    /// Largest.
    Max,
    /// Smallest.
    Min,
}

/// What a pool makes of its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Largest of those inside the picture.
    Max,
    /// Sum over the window, each weighted 1.
    Sum,
    /// Mean of those inside the picture.
    Mean,
    /// Mean with the padding counted as zeros.
    MeanOfAll,
}

/// A pool's geometry; rows before columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns.
    pub kernel: (usize, usize),
    /// Steps between windows.
    pub stride: (usize, usize),
    /// Rows above and columns to the left of the picture where the first window starts.
    pub before: (usize, usize),
}

/// How a picture is continued.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// By this value.
    Constant(f32),
    /// By reflection at its outermost pixels.
    Reflect,
    /// By its outermost pixels.
    Edge,
}

/// One factor of an axis of a rearranged picture: `len` positions, each `step` further on an axis of the
/// input (0 rows of the batch, 1 rows, 2 columns, 3 channels); a step of 0 repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Atom {
    /// Positions.
    pub len: usize,
    /// Axis of the input.
    pub axis: usize,
    /// Distance on that axis.
    pub step: usize,
}

/// Positions of pictures, rows and columns.
pub type Positions = [Option<Arc<Vec<usize>>>; 3];

/// An operator.
#[derive(Clone, Debug)]
pub enum Op {
    /// Given by the caller.
    Input,
    /// The same for all pixels: one number, or one for each channel.
    Constant(Arc<Vec<f32>>),
    /// A picture that is always the same.
    Table(Arc<Vec<f32>>),
    /// Convolution; weights as `Conv::new` takes them.
    Conv {
        /// Input.
        x: Id,
        /// Geometry.
        spec: ConvSpec,
        /// Kernel.
        weights: Arc<Vec<f32>>,
        /// A number for each output channel.
        bias: Option<Arc<Vec<f32>>>,
    },
    /// Function of each number.
    Unary(Unary, Id),
    /// Function of two, where one may be the same along any axes.
    Binary(Binary, Id, Id),
    /// Function of all channels of each pixel.
    Across(Across, Id),
    /// Channels become one.
    ReduceChannels(Reduce, Id),
    /// Pixels become one.
    ReduceSpace(Reduce, Id),
    /// Windows become pixels.
    Pool(Pool, Window, Id),
    /// Channels one after the other.
    Concat(Vec<Id>),
    /// Channels from this one on.
    Slice(Id, usize),
    /// Pixels and channels in other places: each axis of the result is a product of factors, the outermost
    /// first. Transposes, depth to space, space to depth, flattening and enlarging to the nearest are such.
    Rearrange(Id, [Vec<Atom>; 4]),
    /// A picture continued beyond its borders.
    Pad(Id, Border, PadMode),
    /// These pictures, rows and columns, in this order; all where none are named.
    Take(Id, Positions),
    /// Pictures behind one another along an axis (0 pictures of the batch, 1 rows, 2 columns).
    Join(Vec<Id>, usize),
    /// For each row of pixels, the product of its pixels' channels with a matrix: that of the channels and pixels of
    /// the same row of the second picture (channels become those of the second), or of its pixels and channels
    /// where it is transposed (channels become one for each of the second's pixels).
    MatMul {
        /// The first.
        a: Id,
        /// The second; may be the same for all rows or pictures.
        b: Id,
        /// Whether the second is transposed.
        transposed: bool,
    },
    /// Rows (axis 1) or columns (axis 2) that are weighted sums of others.
    Resample(Id, usize, Arc<Taps>),
    /// The picture at positions that another tells for each pixel.
    Sample(Sampling, Id, Id),
}

/// Positions of an axis, and how much each counts; as many for each new position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taps {
    /// How many there are for each.
    pub window: usize,
    /// Old positions.
    pub positions: Vec<usize>,
    /// Their weights.
    pub weights: Vec<f32>,
}

/// How a picture is read at positions between -1 and 1, first across, then down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// What stands beyond the picture.
    pub beyond: Beyond,
    /// Whether -1 and 1 are the centres of the outermost pixels, and not their outer sides.
    pub corners: bool,
    /// The nearest pixel, and not the weighted mean of four.
    pub nearest: bool,
}

/// What stands beyond a picture that is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Zeros.
    Zeros,
    /// Its outermost pixels.
    Edge,
    /// Its mirror image.
    Mirror,
}

impl Op {
    /// What it reads.
    pub fn inputs(&self) -> Vec<Id> {
        match self {
            Op::Input | Op::Constant(_) | Op::Table(_) => vec![],
            Op::Binary(_, a, b) | Op::MatMul { a, b, .. } | Op::Sample(_, a, b) => vec![*a, *b],
            Op::Concat(all) | Op::Join(all, _) => all.clone(),
            Op::Conv { x, .. }
            | Op::Unary(_, x)
            | Op::Across(_, x)
            | Op::Take(x, _)
            | Op::Resample(x, _, _)
            | Op::ReduceChannels(_, x)
            | Op::ReduceSpace(_, x)
            | Op::Pool(_, _, x)
            | Op::Slice(x, _)
            | Op::Rearrange(x, _)
            | Op::Pad(x, _, _) => vec![*x],
        }
    }

    /// The same with other inputs, in the order of [`Op::inputs`].
    pub(super) fn with_inputs(&self, mut new: impl FnMut(Id) -> Id) -> Op {
        let mut op = self.clone();
        match &mut op {
            Op::Input | Op::Constant(_) | Op::Table(_) => {}
            Op::Binary(_, a, b) | Op::MatMul { a, b, .. } | Op::Sample(_, a, b) => {
                (*a, *b) = (new(*a), new(*b))
            }
            Op::Concat(all) | Op::Join(all, _) => all.iter_mut().for_each(|id| *id = new(*id)),
            Op::Conv { x, .. }
            | Op::Unary(_, x)
            | Op::Across(_, x)
            | Op::Take(x, _)
            | Op::Resample(x, _, _)
            | Op::ReduceChannels(_, x)
            | Op::ReduceSpace(_, x)
            | Op::Pool(_, _, x)
            | Op::Slice(x, _)
            | Op::Rearrange(x, _)
            | Op::Pad(x, _, _) => *x = new(*x),
        }
        op
    }

    /// Whether each result depends on the same pixel of its inputs (and on what is the same for all pixels).
    pub(super) fn is_pointwise(&self) -> bool {
        matches!(self, Op::Unary(..) | Op::Binary(..) | Op::ReduceChannels(..) | Op::Across(..))
    }
}

/// An operator and the size of its result.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// Size of the result.
    pub shape: Shape,
}

/// Operators in order, and which of their results are wanted.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Each reads only those before it.
    pub nodes: Vec<Node>,
    /// Results.
    pub outputs: Vec<Id>,
}

impl Graph {
    /// Adds an operator.
    pub fn push(&mut self, op: Op, shape: Shape) -> Id {
        self.nodes.push(Node { op, shape });
        self.nodes.len() - 1
    }

    /// Size of a result.
    pub fn shape(&self, id: Id) -> Shape {
        self.nodes[id].shape
    }

    /// The nodes that read each result.
    pub(super) fn readers(&self) -> Vec<Vec<Id>> {
        let mut readers: Vec<Vec<Id>> = vec![vec![]; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            node.op.inputs().into_iter().for_each(|x| readers[x].push(id));
        }
        readers
    }

    /// How often each result is read; outputs count once more.
    pub(super) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        let reads = self.nodes.iter().flat_map(|n| n.op.inputs());
        reads.chain(self.outputs.iter().copied()).for_each(|id| uses[id] += 1);
        uses
    }

    /// Size of a binary operator's result; none where the sizes don't go together.
    pub fn broadcast(a: Shape, b: Shape) -> Option<Shape> {
        let one = |a: usize, b: usize| if a == b || b == 1 { Some(a) } else { (a == 1).then_some(b) };
        let shape = Shape { n: one(a.n, b.n)?, h: one(a.h, b.h)?, w: one(a.w, b.w)?, c: one(a.c, b.c)? };
        Some(shape)
    }
}
