//! `scene`: an encoder that makes vectors of pictures, with a light way back.

use super::network::{Network, Wanted, input};
use crate::spec::{Descriptor, Kind, Parameters, Role, params};
use crate::train::net::{Activation, Builder, Id, Net, Op, Size};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: true,
    vectors: false,
    build: |args, wanted| Ok(build(&Params::read(args)?, wanted)),
};

params! {
    /// Parameters of `scene`.
    struct Params {
        /// Numbers of the bottleneck.
        latent: usize [Kind::Int { min: 2, max: 4096 }] = "64",
        /// Channels at half the sides, twice as many at a quarter, four times as many below.
        width: usize [Kind::Int { min: 4, max: 256 }] = "24",
        /// Blocks of two convolutions with a skip at an eighth of the sides.
        blocks: usize [Kind::Int { min: 0, max: 16 }] = "1",
        /// Channels of the way back, at an eighth of the sides.
        back: usize [Kind::Int { min: 1, max: 256 }] = "48",
    }
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "scene",
    version: 1,
    doc: "An encoder for pictures of one size (`patch`, a multiple of 16) whose bottleneck is a vector, made to be learned \
          with `agree`: 3x3 convolutions after three halvings of the sides (blocks of 2x2 pixels become channels), one that \
          halves them again, and a dense layer to `latent` numbers; and a light way back, which keeps colours and layout in \
          them.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("latent"),
    example: "- scene: {latent: 64, width: 24}",
};

/// Channels that the dense layer reads.
const LAST: usize = 128;
/// What the sides have to be a multiple of.
const UNIT: usize = 16;

fn build(params: &Params, wanted: Wanted) -> Net {
    let Params { latent, width, blocks, back } = *params;
    scene(wanted, latent, width, blocks, back)
}

pub(super) fn scene(wanted: Wanted, latent: usize, width: usize, blocks: usize, back: usize) -> Net {
    let mut b = Builder::new(input(wanted));
    halve(&mut b, width);
    halve(&mut b, 2 * width);
    let mut x = halve(&mut b, 4 * width);
    for _ in 0..blocks {
        b.conv(4 * width, 3, Activation::Relu);
        let correction = b.conv(4 * width, 3, Activation::Linear);
        x = b.add(x, correction);
    }
    let activation = Activation::Relu;
    b.then(Op::Conv { channels: LAST, kernel: 3, stride: 2, padded: true, activation });
    let bottleneck = b.dense(latent, Activation::Linear);
    let side = (wanted.side / 8).max(1);
    b.dense(side * side * back, Activation::Relu);
    b.then(Op::Unflatten(Size::new(side, side, back)));
    b.conv(128, 3, Activation::Relu);
    b.then(Op::DepthToSpace(2));
    b.conv(wanted.channels * 16, 3, Activation::Linear);
    b.then(Op::DepthToSpace(4));
    b.finish("scene", bottleneck, 1, UNIT)
}

/// Half the sides, with this many channels.
fn halve(b: &mut Builder, channels: usize) -> Id {
    b.then(Op::SpaceToDepth(2));
    b.conv(channels, 3, Activation::Relu)
}
