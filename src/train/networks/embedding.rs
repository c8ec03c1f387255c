//! `embedding`: a convolutional autoencoder with a dense bottleneck.

use super::network::{Network, Wanted, input};
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, params};
use crate::train::net::{Activation, Builder, Net, Op, Size};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: true,
    vectors: false,
    build: |args, wanted| build(Params::read(args)?, wanted),
};

params! {
    /// Parameters of `embedding`.
    struct Params {
        /// Numbers of the bottleneck.
        latent: usize [Kind::Int { min: 2, max: 4096 }] = "64",
        /// Channels at half the sides; twice as many below.
        width: usize [Kind::Int { min: 4, max: 256 }] = "32",
        /// Width of a dense layer on each side of the bottleneck, 2 at least; 0 for none.
        hidden: Given<usize> [Kind::Int { min: 0, max: 8192 }] = "0",
        /// Channels of a second path beside the convolutions, linear and at about 16 x 16 pixels: it soon does
        /// what principal components do, and leaves the convolutions the rest; 0 for none.
        linear: usize [Kind::Int { min: 0, max: 256 }] = "8",
    }
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "embedding",
    version: 1,
    doc: "A convolutional autoencoder for pictures of one size (`patch`) whose bottleneck is a vector: 3x3 convolutions, \
          each after a halving of the sides (blocks of 2x2 pixels become channels), dense layers to `latent` numbers, and \
          the mirrored way back.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("latent"),
    example: "- embedding: {latent: 64, width: 32}",
};

/// The linear path makes pictures smaller until their sides are no longer than this, or odd.
const LINEAR_SIDE: usize = 16;

fn build(params: Params, wanted: Wanted) -> Result<Net, Diagnostics> {
    let Params { latent, width, hidden, linear } = params;
    // Such a file, with one number between two dense layers, is also none that tract runs.
    if *hidden == 1 {
        let help = "give 0 for none, or 2 at least".to_string();
        let message = "a dense layer of 1 number would leave nothing of the picture".to_string();
        return Err(Diagnostics::new(vec![hidden.error(message, Some(help))]));
    }
    Ok(embedding(wanted, latent, width, *hidden, linear))
}

pub(super) fn embedding(wanted: Wanted, latent: usize, width: usize, hidden: usize, linear: usize) -> Net {
    let mut b = Builder::new(input(wanted));
    let mut small = wanted.side;
    while small.is_multiple_of(2) && small > LINEAR_SIDE {
        small /= 2;
    }
    let block = wanted.side / small;
    let straight = (linear > 0).then(|| {
        b.after(0, Op::SpaceToDepth(block));
        b.conv(linear, 1, Activation::Linear);
        b.dense(latent, Activation::Linear)
    });
    let mut side = wanted.side;
    let mut from = 0;
    let mut halvings = 0;
    while side.is_multiple_of(2) && side >= 8 {
        side /= 2;
        b.after(from, Op::SpaceToDepth(2));
        from = b.conv(if halvings == 0 { width } else { 2 * width }, 3, Activation::Relu);
        halvings += 1;
    }
    if halvings == 0 {
        b.after(
            from,
            Op::Conv { channels: width, kernel: 3, stride: 1, padded: true, activation: Activation::Relu },
        );
    }
    let last = if halvings < 2 { width } else { 2 * width };
    if hidden > 0 {
        b.dense(hidden, Activation::Relu);
    }
    let mut bottleneck = b.dense(latent, Activation::Linear);
    if let Some(straight) = straight {
        bottleneck = b.add(straight, bottleneck);
    }
    if hidden > 0 {
        b.dense(hidden, Activation::Relu);
    }
    b.dense(side * side * last, Activation::Relu);
    b.then(Op::Unflatten(Size::new(side, side, last)));
    let mut curved = 0;
    for level in (0..halvings).rev() {
        if level == 0 {
            b.conv(width, 3, Activation::Relu);
            b.conv(wanted.channels * 4, 3, Activation::Linear);
        } else {
            let below = if level == 1 { width } else { 2 * width };
            b.conv(below * 4, 3, Activation::Relu);
        }
        curved = b.then(Op::DepthToSpace(2));
    }
    if halvings == 0 {
        curved = b.conv(wanted.channels, 3, Activation::Linear);
    }
    if linear > 0 {
        b.after(bottleneck, Op::Dense { width: small * small * linear, activation: Activation::Linear });
        b.then(Op::Unflatten(Size::new(small, small, linear)));
        b.conv(wanted.channels * block * block, 3, Activation::Linear);
        let straight = b.then(Op::DepthToSpace(block));
        b.add(curved, straight);
    }
    b.finish("embedding", bottleneck, 1, wanted.side)
}
