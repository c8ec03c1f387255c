//! `super_resolution`: the residual autoencoder that this project descends from, layer for layer.

use super::network::{Network, Wanted, input};
use crate::spec::{Descriptor, Kind, Parameters, Role, params};
use crate::train::net::{Activation, Builder, Net, Op};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: false,
    vectors: false,
    build: |args, wanted| Ok(build(Params::read(args)?, wanted)),
};

params! {
    /// Parameters of `super_resolution`.
    struct Params {
        /// Share of numbers that is zeroed after the first pool while training.
        dropout: f32 [Kind::Float { min: 0.0, max: 0.9 }] = "0.3",
    }
}

static DESCRIPTOR: Descriptor = Descriptor {
    name: "super_resolution",
    version: 1,
    doc: "The 1,110,403-parameter autoencoder that this project descends from, which sharpens pictures that were made \
          smaller and larger again: convolutions of 64, 128 and 256 channels with 2x2 max-pools, mirrored with repeated \
          pixels and two additive skips.",
    role: Role::Image,
    params: Params::TABLE,
    shorthand: Some("dropout"),
    example: "- super_resolution: {}",
};

fn build(params: Params, wanted: Wanted) -> Net {
    super_resolution(wanted, params.dropout)
}

pub(super) fn super_resolution(wanted: Wanted, dropout: f32) -> Net {
    let relu = Activation::Relu;
    let mut b = Builder::new(input(wanted));
    b.conv(64, 3, relu);
    let first = b.conv(64, 3, relu);
    b.then(Op::MaxPool);
    if dropout > 0.0 {
        b.then(Op::Dropout(dropout));
    }
    b.conv(128, 3, relu);
    let second = b.conv(128, 3, relu);
    b.then(Op::MaxPool);
    let bottleneck = b.conv(256, 3, relu);
    b.then(Op::Upsample(2));
    b.conv(128, 3, relu);
    let x = b.conv(128, 3, relu);
    b.add(x, second);
    b.then(Op::Upsample(2));
    b.conv(64, 3, relu);
    let x = b.conv(64, 3, relu);
    b.add(x, first);
    b.conv(wanted.channels, 3, relu);
    b.finish("super_resolution", bottleneck, 1, 4)
}
