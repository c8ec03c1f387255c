//! A network computed by plain loops in double precision, for tests: slow, and written to be read beside the
//! definitions of [`super::net`] rather than to be clever.

use super::net::{Activation, Net, Op, Place, Size};

/// A tensor of one picture, `[row][column][channel]`.
struct Tensor<'a> {
    size: Size,
    numbers: &'a [f64],
}

impl Tensor<'_> {
    fn at(&self, y: usize, x: usize, c: usize) -> f64 {
        self.numbers[(y * self.size.w + x) * self.size.c + c]
    }
}

/// All nodes' tensors for one picture of the size that the network was made for. Nothing is dropped out.
pub fn forward(net: &Net, parameters: &[f64], input: &[f64]) -> Vec<Vec<f64>> {
    forward_sized(net, parameters, input, net.input)
}

/// As [`forward`], for a picture of `size`.
pub fn forward_sized(net: &Net, parameters: &[f64], input: &[f64], size: Size) -> Vec<Vec<f64>> {
    assert_eq!(input.len(), size.len(), "numbers of the input");
    assert_eq!(parameters.len(), net.parameters(), "numbers of the parameters");
    let sizes = net.sizes_for(size).expect("layers fit");
    let places = net.places();
    let mut tensors: Vec<Vec<f64>> = vec![];
    for (id, node) in net.nodes.iter().enumerate() {
        let read = |i: usize| Tensor { size: sizes[node.inputs[i]], numbers: &tensors[node.inputs[i]] };
        let to = sizes[id];
        let made: Vec<f64> = match node.op {
            Op::Input => input.to_vec(),
            Op::Conv { kernel, stride, padded, activation, .. } => {
                let (weights, bias) = split(parameters, places[id].as_ref());
                let x = read(0);
                each(to, |row, column, channel| {
                    let around = (row, column);
                    let sum = bias[channel] + window(&x, weights, around, channel, kernel, stride, padded);
                    activate(activation, sum)
                })
            }
            Op::Dense { width, activation } => {
                let (weights, bias) = split(parameters, places[id].as_ref());
                let x = read(0).numbers;
                let row = |o: usize| &weights[o * x.len()..][..x.len()];
                let sum = |o: usize| bias[o] + row(o).iter().zip(x).map(|(w, v)| w * v).sum::<f64>();
                (0..width).map(|o| activate(activation, sum(o))).collect()
            }
            Op::Unflatten(_) | Op::Dropout(_) => read(0).numbers.to_vec(),
            Op::MaxPool => {
                let x = read(0);
                each(to, |row, column, channel| {
                    let mut largest = f64::NEG_INFINITY;
                    for y in 2 * row..(2 * row + 2).min(x.size.h) {
                        for column in 2 * column..(2 * column + 2).min(x.size.w) {
                            largest = largest.max(x.at(y, column, channel));
                        }
                    }
                    largest
                })
            }
            Op::Upsample(n) => {
                let x = read(0);
                each(to, |row, column, channel| x.at(row / n, column / n, channel))
            }
            Op::SpaceToDepth(n) => {
                let x = read(0);
                each(to, |row, column, channel| {
                    let (block, channel) = (channel / x.size.c, channel % x.size.c);
                    x.at(row * n + block / n, column * n + block % n, channel)
                })
            }
            Op::DepthToSpace(n) => {
                let x = read(0);
                each(to, |row, column, channel| {
                    let block = (row % n) * n + column % n;
                    x.at(row / n, column / n, block * to.c + channel)
                })
            }
            Op::Add => read(0).numbers.iter().zip(read(1).numbers).map(|(a, b)| a + b).collect(),
            Op::Multiply => read(0).numbers.iter().zip(read(1).numbers).map(|(a, b)| a * b).collect(),
        };
        assert_eq!(made.len(), to.len(), "layer {id}");
        tensors.push(made);
    }
    tensors
}

/// What a function makes of each row, column and channel.
fn each(size: Size, number: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
    let mut numbers = Vec::with_capacity(size.len());
    for row in 0..size.h {
        for column in 0..size.w {
            for channel in 0..size.c {
                numbers.push(number(row, column, channel));
            }
        }
    }
    numbers
}

/// A layer's weights and bias.
fn split<'a>(parameters: &'a [f64], place: Option<&Place>) -> (&'a [f64], &'a [f64]) {
    let place = place.expect("the layer has parameters");
    (&parameters[place.weights.clone()], &parameters[place.bias.clone()])
}

/// One sum of a convolution, without its bias.
fn window(
    x: &Tensor,
    weights: &[f64],
    (row, column): (usize, usize),
    channel: usize,
    kernel: usize,
    stride: usize,
    padded: bool,
) -> f64 {
    let border = if padded { kernel / 2 } else { 0 };
    let mut sum = 0.0;
    for input in 0..x.size.c {
        for dy in 0..kernel {
            for dx in 0..kernel {
                // Outside of the picture everything is 0.
                let (y, left) = (row * stride + dy, column * stride + dx);
                if y < border || left < border || y - border >= x.size.h || left - border >= x.size.w {
                    continue;
                }
                let weight = weights[((channel * x.size.c + input) * kernel + dy) * kernel + dx];
                sum += weight * x.at(y - border, left - border, input);
            }
        }
    }
    sum
}

fn activate(activation: Activation, v: f64) -> f64 {
    match activation {
        Activation::Linear => v,
        Activation::Relu => v.max(0.0),
        Activation::LeakyRelu if v > 0.0 => v,
        Activation::LeakyRelu => v * f64::from(super::net::LEAK),
        Activation::Sigmoid => 1.0 / (1.0 + (-v).exp()),
        Activation::Tanh => v.tanh(),
    }
}

mod tests {
    use super::*;
    use crate::train::net::Builder;

    /// Results worked out by hand.
    #[test]
    fn small_networks_by_hand() {
        let run = |op: Op, size: Size, parameters: &[f64], input: &[f64]| {
            let mut b = Builder::new(size);
            b.then(op);
            let net = b.finish("test", 0, 1, 1);
            forward(&net, parameters, input).remove(1)
        };
        let linear = Activation::Linear;
        let conv = |padded, stride| Op::Conv { channels: 1, kernel: 3, stride, padded, activation: linear };
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.5];
        let three = Size::new(3, 3, 1);
        let ramp: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(run(conv(false, 1), three, &weights, &ramp), [285.5]);
        // Upper left: 1*5 + 2*6 + 4*8 + 5*9.
        let padded = run(conv(true, 1), three, &weights, &ramp);
        assert_eq!((padded[0], padded[4]), (94.5, 285.5));
        assert_eq!(run(conv(true, 2), three, &weights, &ramp), [padded[0], padded[2], padded[6], padded[8]]);
        assert_eq!(run(Op::MaxPool, three, &[], &ramp), [5.0, 6.0, 8.0, 9.0]);
        let pair = Size::new(1, 2, 2);
        let up = [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0];
        assert_eq!(run(Op::Upsample(2), pair, &[], &ramp[..4])[..8], up);
        let block = Size::new(2, 2, 2);
        assert_eq!(run(Op::SpaceToDepth(2), block, &[], &ramp[..8]), ramp[..8]);
        let wide = run(Op::DepthToSpace(2), Size::new(1, 2, 4), &[], &ramp[..8]);
        assert_eq!(wide, [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
        let dense = Op::Dense { width: 2, activation: Activation::LeakyRelu };
        let row = Size::new(1, 1, 2);
        let made = run(dense, row, &[1.0, 2.0, 3.0, -4.0, 0.5, 0.25], &[3.0, 4.0]);
        assert_eq!(made[0], 11.5);
        assert!((made[1] + 0.675).abs() < 1e-6);
    }
}
