//! What an architecture is.

use crate::spec::{Args, Descriptor, Diagnostics};
use crate::train::net::{Net, Size};

/// A registered architecture.
#[derive(Debug)]
pub struct Network {
    /// Name, documentation and parameters.
    pub descriptor: &'static Descriptor,
    /// Whether what is wanted of it is its bottleneck.
    pub embeds: bool,
    /// Whether it takes vectors, not pictures.
    pub vectors: bool,
    /// Makes it.
    pub build: fn(&Args, Wanted) -> Result<Net, Diagnostics>,
}

/// What an architecture is asked for beside its own parameters.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Channels of the pictures: 1 or 3; numbers of a vector.
    pub channels: usize,
    /// Side of the network's input in pixels while training; 1 for vectors.
    pub side: usize,
}

/// Size of the input.
pub(super) fn input(wanted: Wanted) -> Size {
    Size::new(wanted.side, wanted.side, wanted.channels)
}
