//! What a compiled graph does, one step after the other.

use super::conv::Conv;
use super::graph::{Atom, Id, PadMode, Pool, Positions, Reduce, Sampling, Taps, Window};
use super::map::Map;
use super::product::{Attention, Product};
use super::view::{Border, View};
use std::sync::Arc;

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A convolution, and the chain that follows it part by part.
    Conv(Box<Conv>, Option<Box<Map>>),
    Map(Box<Map>),
    ReduceChannels(Reduce),
    ReduceSpace(Reduce),
    Pool(Pool, Window),
    Rearrange([Vec<Atom>; 4]),
    Pad((usize, usize), PadMode),
    /// Copies to the positions of an axis from this one on.
    Copy(usize, usize),
    Take(Positions),
    /// Numbers that are always the same.
    Fill(Arc<Vec<f32>>),
    Product(Box<Product>),
    Attention(Box<Attention>),
    Sample(Sampling),
    Resample(usize, Arc<Taps>),
}

impl Work {
    pub(super) fn name(&self) -> String {
        match self {
            Work::Conv(conv, after) => {
                format!("{}{}", conv.kernel_name(), if after.is_some() { "+chain" } else { "" })
            }
            Work::Map(_) => "chain".into(),
            Work::ReduceChannels(_) => "reducechannels".into(),
            Work::ReduceSpace(_) => "reducespace".into(),
            Work::Pool(..) => "pool".into(),
            Work::Rearrange(_) => "rearrange".into(),
            Work::Pad(..) => "pad".into(),
            Work::Copy(..) => "copy".into(),
            Work::Take(_) => "take".into(),
            Work::Fill(_) => "fill".into(),
            Work::Product(_) => "product".into(),
            Work::Attention(_) => "attention".into(),
            Work::Sample(_) => "sample".into(),
            Work::Resample(..) => "resample".into(),
        }
    }
}

/// A thing to do, and what it works on.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) work: Work,
    pub(super) reads: Vec<Id>,
    /// The result.
    pub(super) to: Id,
    /// Borders of buffers that come to life here.
    pub(super) clear: Vec<(Border, View)>,
}
