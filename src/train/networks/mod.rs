//! Architectures: one file each, registered in [`NETWORKS`].

mod embedding;
#[cfg(test)]
pub mod examples;
mod mlp;
mod noise_autoencoder;
mod residual;
mod super_resolution;

pub use mlp::dense;
pub use noise_autoencoder::noise_autoencoder;

use super::net::{Net, Size};
use crate::spec::{Args, Descriptor, Diagnostics, Field, Kind, Place, StepSpec, Value};

/// What an architecture is asked for beside its own parameters.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Channels of the pictures: 1 or 3; numbers of a vector.
    pub channels: usize,
    /// Side of the network's input in pixels while training; 1 for vectors.
    pub side: usize,
}

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

/// An architecture with its parameters.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// Which.
    pub network: &'static Network,
    args: Args,
}

impl Architecture {
    /// Makes it.
    ///
    /// # Errors
    /// Mistakes of its parameters.
    pub fn build(&self, wanted: Wanted) -> Result<Net, Diagnostics> {
        (self.network.build)(&self.args, wanted)
    }
}

impl Field for Architecture {
    const HOLDS: Kind = Kind::Step { noun: "network", registry: descriptors };

    fn of(value: Option<&Value>, place: &Place) -> Result<Self, Diagnostics> {
        let StepSpec { descriptor, args, .. } = StepSpec::of(value, place)?;
        let network = NETWORKS.iter().copied().find(|known| known.descriptor.name == descriptor.name);
        network.map(|network| Architecture { network, args }).ok_or_else(|| place.defect())
    }
}

/// Every architecture there is. A new one is a file beside this and a line here.
pub static NETWORKS: &[&Network] = &[
    &residual::NETWORK,
    &embedding::NETWORK,
    &mlp::NETWORK,
    &noise_autoencoder::NETWORK,
    &super_resolution::NETWORK,
];

/// The descriptors, for the parser.
pub fn descriptors() -> Vec<&'static Descriptor> {
    NETWORKS.iter().map(|n| n.descriptor).collect()
}

/// Size of the input.
fn input(wanted: Wanted) -> Size {
    Size::new(wanted.side, wanted.side, wanted.channels)
}

#[cfg(test)]
mod tests;
