//! `dense`: an autoencoder of dense layers over vectors.

use super::{Network, Wanted};
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};
use crate::train::net::{Activation, Builder, Net, Size};

/// The architecture.
pub static NETWORK: Network = Network { descriptor: &DESCRIPTOR, embeds: true, vectors: true, build };

static WIDTH: Kind = Kind::Int { min: 1, max: 65536 };

static DESCRIPTOR: Descriptor = Descriptor {
    name: "dense",
    doc: "An autoencoder of dense layers over vectors: `widths` down to the bottleneck, and the same back.",
    role: Role::Image,
    params: &[
        Param {
            name: "widths",
            kind: Kind::List(&WIDTH),
            fallback: Fallback::Yaml("[100, 50]"),
            doc: "Widths of the layers between the input and the bottleneck.",
        },
        Param {
            name: "latent",
            kind: Kind::Int { min: 1, max: 4096 },
            fallback: Fallback::Yaml("2"),
            doc: "Numbers of the bottleneck.",
        },
        Param {
            name: "activation",
            kind: Kind::Choice(&["relu", "leaky_relu", "tanh", "sigmoid"]),
            fallback: Fallback::Yaml("relu"),
            doc: "What follows each layer but the bottleneck and the last.",
        },
    ],
    shorthand: Some("latent"),
    example: "- dense: {widths: [100, 50], latent: 2}",
};

fn build(args: &Args, wanted: Wanted) -> Option<Net> {
    let widths: Vec<usize> =
        args.list("widths")?.iter().map(|w| w.value.number().map_or(1, |w| w as usize)).collect();
    let activation = match args.text("activation")? {
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
        "leaky_relu" => Activation::LeakyRelu,
        _ => Activation::Relu,
    };
    Some(dense(wanted.channels, &widths, args.int("latent")? as usize, activation))
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
