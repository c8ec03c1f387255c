//! Convolution kernels and a small graph language on top of them: fast inference, and the gradients
//! that training needs. Knows neither ONNX nor files nor threads.
//!
//! Activations are `[n][h][w][c]` floats, channels innermost, so that vectors lie along the channels
//! and every image size runs at full width.

#![expect(
    unsafe_code,
    reason = "vector instructions and the pointers of inner loops; what is public checks them"
)]

mod attention;
mod choose;
mod compile;
mod conv;
mod depthwise;
mod direct;
mod dot;
mod elementwise;
mod fold;
mod functions;
mod fuse;
mod grad;
mod grad_strip;
mod grad_winograd;
mod graph;
mod kernel;
mod level;
mod map;
mod matmul;
mod moves;
mod nearest;
#[cfg(target_arch = "aarch64")]
mod neon;
mod normal;
mod orthogonal;
mod panel;
mod place;
mod pool;
mod product;
mod program;
mod resample;
mod rows;
mod sample;
mod spec;
mod step;
mod strides;
mod strip;
mod vector;
mod view;
mod weights;
mod winograd;
mod winograd_pack;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use conv::{Conv, SLACK, Segment};
pub use grad::{InputGradient, WeightGradient};
pub use graph::{
    Across, Atom, Beyond, Binary, Graph, Id, Node, Op, PadMode, Pool, Positions, Reduce, Sampling, Taps,
    Unary, Window,
};
pub use level::Level;
pub use moves::clear_border;
pub use nearest::{Found, PANEL, Pair, Panels, may_be_near};
pub use orthogonal::Orthogonal;
pub use place::{Tensor, lay_out};
pub use program::{Memory, Program, Workspace};
pub use spec::{Activation, ConvSpec, Mode};
pub use strides::Strides;
pub use view::{Border, Shape, View};

#[cfg(test)]
mod grad_tests;
#[cfg(test)]
mod graph_tests;
#[cfg(test)]
mod product_tests;
#[cfg(test)]
mod strip_tests;
#[cfg(test)]
mod tests;
