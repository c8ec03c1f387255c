//! `residual`: a residual convolutional autoencoder, for denoising and upscaling.

use super::network::{Network, Wanted, input};
use crate::spec::{Descriptor, Kind, Parameters, Role, params};
use crate::train::net::{Activation, Builder, Id, Net, Op};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: false,
    vectors: false,
    build: |args, wanted| Ok(build(Params::read(args)?, wanted)),
};

params! {
    /// Parameters of `residual`.
    struct Params {
        /// Channels outside the bottleneck; a multiple of 16 runs fastest.
        width: usize [Kind::Int { min: 4, max: 512 }] = "48",
        /// Blocks of two convolutions on each side of the bottleneck.
        depth: usize [Kind::Int { min: 1, max: 16 }] = "2",
        /// Channels of the bottleneck.
        latent: usize [Kind::Int { min: 4, max: 1024 }] = "96",
        /// Blocks at the bottleneck's resolution.
        bottom: usize [Kind::Int { min: 1, max: 16 }] = "2",
        /// How many times larger the result is.
        scale: usize [Kind::Int { min: 1, max: 4 }] = "1",
    }
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "residual",
    version: 1,
    doc: "A residual convolutional autoencoder for pictures of any size: blocks of two 3x3 convolutions with additive \
          skips at half resolution, a bottleneck at a quarter, and the way back; its result is added to the input. \
          With `scale` it works at full and half resolution and makes the picture larger at the end (Shi et al. \
          2016), as a correction of the repeated pixels.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: None,
    example: "- residual: {width: 48, depth: 2, latent: 96, bottom: 2}",
};

/// Adds two convolutions and the skip around them.
pub(super) fn block(b: &mut Builder, from: Id, width: usize) -> Id {
    b.conv(width, 3, Activation::Relu);
    let correction = b.conv(width, 3, Activation::Linear);
    b.add(from, correction)
}

fn build(params: Params, wanted: Wanted) -> Net {
    let Params { width, depth, latent, bottom, scale } = params;
    residual(wanted, width, depth, latent, bottom, scale)
}

pub(super) fn residual(
    wanted: Wanted,
    width: usize,
    depth: usize,
    latent: usize,
    bottom: usize,
    scale: usize,
) -> Net {
    let mut b = Builder::new(input(wanted));
    let split = if scale == 1 { 2 } else { 1 };
    if split > 1 {
        b.then(Op::SpaceToDepth(split));
    }
    let mut x = b.conv(width, 3, Activation::Relu);
    for _ in 0..depth {
        x = block(&mut b, x, width);
    }
    let skip = x;
    b.then(Op::SpaceToDepth(2));
    x = b.conv(latent, 1, Activation::Relu);
    let mut bottleneck = x;
    for i in 0..bottom {
        x = block(&mut b, x, latent);
        if i == (bottom - 1) / 2 {
            bottleneck = x;
        }
    }
    b.conv(width * 4, 1, Activation::Linear);
    let up = b.then(Op::DepthToSpace(2));
    x = b.add(skip, up);
    for _ in 0..depth {
        x = block(&mut b, x, width);
    }
    let larger = split * scale;
    b.conv(wanted.channels * larger * larger, 3, Activation::Linear);
    let correction = b.then(Op::DepthToSpace(larger));
    let base = if scale > 1 { b.after(0, Op::Upsample(scale)) } else { 0 };
    b.add(base, correction);
    b.finish("residual", bottleneck, scale, 2 * split)
}
