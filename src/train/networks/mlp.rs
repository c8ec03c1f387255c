//! `dense`: an autoencoder of dense layers over vectors.

use super::network::{Network, Wanted};
use crate::spec::{Descriptor, Kind, Parameters, Role, params, words};
use crate::train::net::{Activation, Builder, Net, Size};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: true,
    vectors: true,
    build: |args, wanted| Ok(build(Params::read(args)?, wanted)),
};

static WIDTH: Kind = Kind::Int { min: 1, max: 65536 };

words! {
    /// What follows a layer.
    struct Follows(Activation) {
        "relu" => Activation::Relu,
        "leaky_relu" => Activation::LeakyRelu,
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
    }
}

params! {
    /// Parameters of `dense`.
    struct Params {
        /// Widths of the layers between the input and the bottleneck.
        widths: Vec<usize> [Kind::List(&WIDTH)] = "[100, 50]",
        /// Numbers of the bottleneck.
        latent: usize [Kind::Int { min: 1, max: 4096 }] = "2",
        /// What follows each layer but the bottleneck and the last.
        activation: Follows = "relu",
    }
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "dense",
    version: 1,
    doc: "An autoencoder of dense layers over vectors: `widths` down to the bottleneck, and the same back.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("latent"),
    example: "- dense: {widths: [100, 50], latent: 2}",
};

fn build(params: Params, wanted: Wanted) -> Net {
    dense(wanted.channels, &params.widths, params.latent, params.activation.0)
}

/// The network for vectors of `numbers`: `widths` down to `latent`, and back.
pub fn dense(numbers: usize, widths: &[usize], latent: usize, activation: Activation) -> Net {
    let mut b = Builder::new(Size::new(1, 1, numbers));
    widths.iter().for_each(|&w| {
        b.dense(w, activation);
    });
    let bottleneck = b.dense(latent, Activation::Linear);
    widths.iter().rev().for_each(|&w| {
        b.dense(w, activation);
    });
    b.dense(numbers, Activation::Linear);
    b.finish("dense", bottleneck, 1, 1)
}
