//! `noise_autoencoder`: the denoiser that this project descends from, layer for layer.

use super::network::{Network, Wanted, input};
use crate::spec::{Descriptor, Role};
use crate::train::net::{Activation, Builder, Net, Op};

/// The architecture.
pub(super) static NETWORK: Network = Network {
    descriptor: &DESCRIPTOR,
    embeds: false,
    vectors: false,
    build: |_, wanted| Ok(noise_autoencoder(wanted)),
};

static DESCRIPTOR: Descriptor = Descriptor {
    name: "noise_autoencoder",
    version: 1,
    doc: "The 7,009-parameter denoiser of 28x28 gray pictures that this project descends from: convolutions of 32, 8 and \
          8 channels with 2x2 max-pools, mirrored with repeated pixels, the convolution before the last of these unpadded.",
    role: Role::Image,
    params: &[],
    shorthand: None,
    example: "- noise_autoencoder: {}",
};

/// The network for pictures of 28x28 pixels.
pub fn noise_autoencoder(wanted: Wanted) -> Net {
    let mut b = Builder::new(input(wanted));
    for channels in [32, 8, 8] {
        b.conv(channels, 3, Activation::Relu);
        b.then(Op::MaxPool);
    }
    let bottleneck = b.conv(8, 3, Activation::Relu);
    b.then(Op::Upsample(2));
    b.conv(8, 3, Activation::Relu);
    b.then(Op::Upsample(2));
    b.then(Op::Conv { channels: 32, kernel: 3, stride: 1, padded: false, activation: Activation::Relu });
    b.then(Op::Upsample(2));
    b.conv(wanted.channels, 3, Activation::Relu);
    b.finish("noise_autoencoder", bottleneck, 1, 28)
}
