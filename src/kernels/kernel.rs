//! The code that runs a convolution, with its weights.

use super::depthwise::Depthwise;
use super::direct::Direct;
use super::dot::Dot;
use super::weights::Weights;
use super::winograd::Winograd;

/// One for each kind of convolution.
#[derive(Clone, Debug)]
pub(super) enum Kernel {
    /// One for each group.
    Direct(Vec<Direct>),
    Dot(Dot),
    Depthwise(Depthwise),
    Winograd(Winograd),
}

impl Kernel {
    /// Packs the weights of all groups.
    pub(super) fn pack(&mut self, weights: &Weights<'_>) {
        match self {
            Kernel::Direct(groups) => {
                groups.iter_mut().enumerate().for_each(|(g, direct)| direct.pack(&weights.of_group(g)));
            }
            Kernel::Dot(dot) => dot.pack(weights),
            Kernel::Depthwise(depthwise) => depthwise.pack(weights),
            Kernel::Winograd(winograd) => winograd.pack(weights),
        }
    }
}
