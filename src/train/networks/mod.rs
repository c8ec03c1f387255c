//! Architectures: one file each, registered in [`NETWORKS`].

mod edsr;
mod embedding;
#[cfg(test)]
pub mod examples;
mod mlp;
mod network;
mod noise_autoencoder;
mod residual;
mod scene;
mod super_resolution;
mod unet;

pub use mlp::dense;
pub use network::{Network, Wanted};
pub use noise_autoencoder::noise_autoencoder;

use super::net::Net;
use crate::spec::{Args, Descriptor, Diagnostics, Field, Kind, Place, StepSpec, Value};

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
    &unet::NETWORK,
    &edsr::NETWORK,
    &residual::NETWORK,
    &embedding::NETWORK,
    &scene::NETWORK,
    &mlp::NETWORK,
    &noise_autoencoder::NETWORK,
    &super_resolution::NETWORK,
];

/// The descriptors, for the parser.
pub fn descriptors() -> Vec<&'static Descriptor> {
    NETWORKS.iter().map(|n| n.descriptor).collect()
}

#[cfg(test)]
mod tests;
