//! `edsr`: residual blocks at the picture's own resolution, for enlarging.

use super::network::{Network, Wanted, input};
use super::residual::block;
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
    /// Parameters of `edsr`.
    struct Params {
        /// Channels; a multiple of 16 runs fastest.
        width: usize [Kind::Int { min: 4, max: 512 }] = "48",
        /// Blocks of two convolutions.
        blocks: usize [Kind::Int { min: 1, max: 64 }] = "4",
        /// Whether each block's correction is weighed number by number, between 0 and 1, by a 1x1 convolution of it.
        gate: bool = "false",
        /// How many times larger the result is.
        scale: usize [Kind::Int { min: 1, max: 4 }] = "2",
    }
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "edsr",
    version: 1,
    doc: "Residual blocks of two 3x3 convolutions, all at the picture's own resolution (Lim et al. 2017), then the \
          rearrangement of channels to pixels (Shi et al. 2016); its result is added to the repeated pixels.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: None,
    example: "- edsr: {width: 48, blocks: 4, scale: 2}",
};

/// Adds a block whose correction is weighed.
fn gated(b: &mut Builder, from: Id, width: usize) -> Id {
    b.conv(width, 3, Activation::Relu);
    let correction = b.conv(width, 3, Activation::Linear);
    let weights = b.conv(width, 1, Activation::Sigmoid);
    let weighed = b.multiply(correction, weights);
    b.add(from, weighed)
}

fn build(params: Params, wanted: Wanted) -> Net {
    let Params { width, blocks, gate, scale } = params;
    edsr(wanted, width, blocks, gate, scale)
}

pub(super) fn edsr(wanted: Wanted, width: usize, blocks: usize, gate: bool, scale: usize) -> Net {
    let mut b = Builder::new(input(wanted));
    let mut x = b.conv(width, 3, Activation::Linear);
    let mut bottleneck = x;
    for i in 0..blocks {
        x = if gate { gated(&mut b, x, width) } else { block(&mut b, x, width) };
        if i == (blocks - 1) / 2 {
            bottleneck = x;
        }
    }
    let mut correction = b.conv(wanted.channels * scale * scale, 3, Activation::Linear);
    let mut base = 0;
    if scale > 1 {
        correction = b.then(Op::DepthToSpace(scale));
        base = b.after(0, Op::Upsample(scale));
    }
    b.add(base, correction);
    b.finish("edsr", bottleneck, scale, 1)
}
