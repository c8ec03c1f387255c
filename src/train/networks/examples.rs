//! Small networks of every architecture and every layer, for tests of what is made of networks.

use super::{Wanted, edsr, embedding, mlp, noise_autoencoder, residual, super_resolution, unet};
use crate::train::net::{Activation, Builder, Net, Op, Size};

/// Networks of every architecture, each with a name of its own.
pub fn architectures() -> Vec<(String, Net)> {
    let of = |channels, side| Wanted { channels, side };
    let mut nets = vec![
        ("residual".into(), residual::residual(of(3, 16), 8, 1, 12, 1, 1)),
        ("residual_x2".into(), residual::residual(of(3, 12), 8, 1, 12, 3, 2)),
        ("residual_x3_gray".into(), residual::residual(of(1, 8), 4, 2, 8, 2, 3)),
        ("unet".into(), unet::unet(of(3, 16), &[8, 16, 24], &[1, 1, 2], 2)),
        ("unet_gray".into(), unet::unet(of(1, 8), &[4, 8], &[1, 3], 1)),
        ("edsr".into(), edsr::edsr(of(3, 8), 8, 2, true, 2)),
        ("edsr_gray".into(), edsr::edsr(of(1, 8), 8, 1, false, 1)),
        ("super_resolution".into(), super_resolution::super_resolution(of(3, 16), 0.3)),
        ("noise_autoencoder".into(), noise_autoencoder::noise_autoencoder(of(1, 28))),
        ("noise_autoencoder_36".into(), noise_autoencoder::noise_autoencoder(of(3, 36))),
    ];
    for (side, hidden, linear) in
        [(16, 0, 0), (20, 24, 0), (7, 0, 0), (3, 10, 0), (20, 0, 4), (7, 12, 2), (10, 0, 3)]
    {
        let net = embedding::embedding(of(3, side), 6, 8, hidden, linear);
        nets.push((format!("embedding_{side}_{hidden}_{linear}"), net));
    }
    for (name, activation) in [
        ("relu", Activation::Relu),
        ("leaky", Activation::LeakyRelu),
        ("tanh", Activation::Tanh),
        ("sigmoid", Activation::Sigmoid),
    ] {
        nets.push((format!("dense_{name}"), mlp::dense(20, &[16, 9], 3, activation)));
    }
    nets.push(("dense_shallow".into(), mlp::dense(5, &[], 2, Activation::Relu)));
    nets
}

/// Networks with what no architecture has: other strides, sums of rows and pictures, a bottleneck that is made a
/// picture at once, or dropped out.
pub fn oddities() -> Vec<(String, Net)> {
    let conv = |channels, kernel, stride, padded, activation| Op::Conv {
        channels,
        kernel,
        stride,
        padded,
        activation,
    };
    let mut b = Builder::new(Size::new(7, 9, 3));
    b.then(conv(5, 3, 1, true, Activation::LeakyRelu));
    b.then(Op::MaxPool);
    b.then(conv(6, 3, 2, true, Activation::Tanh));
    b.then(conv(4, 5, 1, true, Activation::Sigmoid));
    b.then(Op::Dropout(0.2));
    b.dense(12, Activation::LeakyRelu);
    let bottleneck = b.then(Op::Dropout(0.5));
    b.then(Op::Unflatten(Size::new(2, 2, 3)));
    b.then(Op::Upsample(3));
    b.then(conv(4, 3, 1, false, Activation::Relu));
    let strided = b.finish("strided", bottleneck, 1, 1);

    let mut b = Builder::new(Size::new(4, 6, 1));
    let pooled = b.then(conv(8, 3, 1, true, Activation::Relu));
    let row = b.dense(8, Activation::Tanh);
    b.after(pooled, conv(8, 3, 2, false, Activation::Linear));
    let picture = b.then(conv(8, 1, 4, true, Activation::Linear));
    let sum = b.add(row, picture);
    b.after(row, Op::DepthToSpace(2));
    b.then(Op::Unflatten(Size::new(4, 2, 1)));
    b.then(Op::Unflatten(Size::new(2, 2, 2)));
    b.then(Op::SpaceToDepth(2));
    let other = b.add(sum, row);
    b.after(sum, Op::Dropout(0.1));
    let last = b.add(other, sum);
    b.after(last, Op::Unflatten(Size::new(2, 4, 1)));
    b.then(Op::DepthToSpace(1));
    b.dense(24, Activation::Linear);
    b.then(Op::Unflatten(Size::new(4, 6, 1)));
    b.then(Op::Dropout(0.1));
    let mixed = b.finish("mixed", 0, 1, 1);

    let mut b = Builder::new(Size::new(1, 1, 6));
    let first = b.dense(6, Activation::Relu);
    b.add(0, first);
    b.then(Op::Dropout(0.5));
    let last = b.dense(6, Activation::Linear);
    let rows = b.finish("rows", last, 1, 1);
    vec![("strided".into(), strided), ("mixed".into(), mixed), ("rows".into(), rows)]
}
