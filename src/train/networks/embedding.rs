//! `embedding`: a convolutional autoencoder with a dense bottleneck.

use super::{Network, Wanted, input};
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};
use crate::train::net::{Activation, Builder, Net, Op, Size};

/// The architecture.
pub static NETWORK: Network = Network { descriptor: &DESCRIPTOR, embeds: true, vectors: false, build };

static DESCRIPTOR: Descriptor = Descriptor {
    name: "embedding",
    doc: "A convolutional autoencoder for pictures of one size (`patch`) whose bottleneck is a vector: 3x3 convolutions, \
          each after a halving of the sides (blocks of 2x2 pixels become channels), dense layers to `latent` numbers, and \
          the mirrored way back.",
    role: Role::Image,
    params: &[
        Param {
            name: "latent",
            kind: Kind::Int { min: 1, max: 4096 },
            fallback: Fallback::Yaml("64"),
            doc: "Numbers of the bottleneck.",
        },
        Param {
            name: "width",
            kind: Kind::Int { min: 4, max: 256 },
            fallback: Fallback::Yaml("32"),
            doc: "Channels at half the sides; twice as many below.",
        },
        Param {
            name: "hidden",
            kind: Kind::Int { min: 0, max: 8192 },
            fallback: Fallback::Yaml("0"),
            doc: "Width of a dense layer on each side of the bottleneck; 0 for none.",
        },
    ],
    shorthand: Some("latent"),
    example: "- embedding: {latent: 64, width: 32}",
};

fn build(args: &Args, wanted: Wanted) -> Option<Net> {
    let int = |name| args.int(name).and_then(|v| usize::try_from(v).ok());
    Some(embedding(wanted, int("latent")?, int("width")?, int("hidden")?))
}

pub(super) fn embedding(wanted: Wanted, latent: usize, width: usize, hidden: usize) -> Net {
    let mut b = Builder::new(input(wanted));
    let mut side = wanted.side;
    let mut halvings = 0;
    while side.is_multiple_of(2) && side >= 8 {
        side /= 2;
        b.then(Op::SpaceToDepth(2));
        b.conv(if halvings == 0 { width } else { 2 * width }, 3, Activation::Relu);
        halvings += 1;
    }
    if halvings == 0 {
        b.conv(width, 3, Activation::Relu);
    }
    let last = if halvings < 2 { width } else { 2 * width };
    if hidden > 0 {
        b.dense(hidden, Activation::Relu);
    }
    let bottleneck = b.dense(latent, Activation::Linear);
    if hidden > 0 {
        b.dense(hidden, Activation::Relu);
    }
    b.dense(side * side * last, Activation::Relu);
    b.then(Op::Unflatten(Size::new(side, side, last)));
    for level in (0..halvings).rev() {
        if level == 0 {
            b.conv(width, 3, Activation::Relu);
            b.conv(wanted.channels * 4, 3, Activation::Linear);
        } else {
            let below = if level == 1 { width } else { 2 * width };
            b.conv(below * 4, 3, Activation::Relu);
        }
        b.then(Op::DepthToSpace(2));
    }
    if halvings == 0 {
        b.conv(wanted.channels, 3, Activation::Linear);
    }
    b.finish("embedding", bottleneck, 1, wanted.side)
}
