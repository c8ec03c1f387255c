//! Compiled graphs against the same graphs run operator by operator in float64.

use super::tests::{noise, reference};
use super::*;
use std::sync::Arc;

/// Runs each node by its definition.
fn plain(graph: &Graph, input: &[f32]) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = vec![];
    for node in &graph.nodes {
        let s = node.shape;
        let at = |x: Id, n: usize, y: usize, c_x: usize, c: usize| {
            // With axes of length 1 the same for all.
            let of = graph.shape(x);
            let i = |i: usize, len: usize| if len == 1 { 0 } else { i };
            values[x][((i(n, of.n) * of.h + i(y, of.h)) * of.w + i(c_x, of.w)) * of.c + i(c, of.c)]
        };
        let each = |f: &dyn Fn(usize, usize, usize, usize) -> f64| -> Vec<f64> {
            (0..s.len())
                .map(|i| f(i / (s.h * s.w * s.c), i / (s.w * s.c) % s.h, i / s.c % s.w, i % s.c))
                .collect()
        };
        let value = match &node.op {
            Op::Input => input.iter().map(|v| f64::from(*v)).collect(),
            Op::Constant(c) => c.iter().map(|v| f64::from(*v)).collect(),
            Op::Conv { x, spec, weights, bias } => {
                let data: Vec<f32> = values[*x].iter().map(|v| *v as f32).collect();
                let none = vec![0.0; spec.channels.1];
                reference(spec, graph.shape(*x), &data, weights, bias.as_ref().map_or(&none, |b| b))
            }
            Op::Unary(f, x) => each(&|n, y, w, c| {
                let v = at(*x, n, y, w, c);
                match f {
                    Unary::Relu => v.max(0.0),
                    Unary::Slope(s) => v.max(0.0) + v.min(0.0) * f64::from(s[c % s.len()]),
                    Unary::Clip(low, high) => v.clamp(f64::from(*low), f64::from(*high)),
                    Unary::Square => v * v,
                    Unary::Sqrt => v.sqrt(),
                    Unary::Tanh => v.tanh(),
                    Unary::Sigmoid => 1.0 / (1.0 + (-v).exp()),
                    other => unimplemented!("{other:?}"),
                }
            }),
            Op::Binary(f, a, b) => each(&|n, y, w, c| {
                let (a, b) = (at(*a, n, y, w, c), at(*b, n, y, w, c));
                match f {
                    Binary::Add => a + b,
                    Binary::Sub => a - b,
                    Binary::Mul => a * b,
                    Binary::Div => a / b,
                    Binary::Max => a.max(b),
                    Binary::Min => a.min(b),
                }
            }),
            Op::ReduceChannels(_, x) => {
                let c = graph.shape(*x).c;
                each(&|n, y, w, _| (0..c).map(|c| at(*x, n, y, w, c)).sum::<f64>() / c as f64)
            }
            Op::ReduceSpace(_, x) => {
                let of = graph.shape(*x);
                let area = (of.h * of.w) as f64;
                each(&|n, _, _, c| {
                    (0..of.h * of.w).map(|i| at(*x, n, i / of.w, i % of.w, c)).sum::<f64>() / area
                })
            }
            Op::Pool(Pool::Max, window, x) => each(&|n, y, w, c| {
                let of = graph.shape(*x);
                let mut best = f64::NEG_INFINITY;
                for i in 0..window.kernel.0 * window.kernel.1 {
                    let row = (y * window.stride.0 + i / window.kernel.1).wrapping_sub(window.before.0);
                    let column = (w * window.stride.1 + i % window.kernel.1).wrapping_sub(window.before.1);
                    if row < of.h && column < of.w {
                        best = best.max(at(*x, n, row, column, c));
                    }
                }
                best
            }),
            Op::Concat(parts) => each(&|n, y, w, mut c| {
                for x in parts {
                    if c < graph.shape(*x).c {
                        return at(*x, n, y, w, c);
                    }
                    c -= graph.shape(*x).c;
                }
                unreachable!()
            }),
            Op::Slice(x, from) => each(&|n, y, w, c| at(*x, n, y, w, from + c)),
            Op::Rearrange(x, axes) => each(&|n, y, w, c| {
                let mut from = [0; 4];
                for (mut i, atoms) in [n, y, w, c].into_iter().zip(axes) {
                    for atom in atoms.iter().rev() {
                        from[atom.axis] += i % atom.len * atom.step;
                        i /= atom.len;
                    }
                }
                at(*x, from[0], from[1], from[2], from[3])
            }),
            Op::Table(values) => values.iter().map(|v| f64::from(*v)).collect(),
            Op::Across(f, x) => each(&|n, y, w, c| {
                let all: Vec<f64> = (0..s.c).map(|c| at(*x, n, y, w, c)).collect();
                let mean = |f: &dyn Fn(f64) -> f64| all.iter().map(|v| f(*v)).sum::<f64>() / s.c as f64;
                match f {
                    Across::Softmax => {
                        let most = all.iter().copied().fold(f64::MIN, f64::max);
                        (all[c] - most).exp() / all.iter().map(|v| (v - most).exp()).sum::<f64>()
                    }
                    Across::Normal(epsilon) => {
                        let middle = mean(&|v| v);
                        (all[c] - middle) / (mean(&|v| (v - middle).powi(2)) + f64::from(*epsilon)).sqrt()
                    }
                    Across::RootMeanSquare(epsilon) => {
                        all[c] / (mean(&|v| v * v) + f64::from(*epsilon)).sqrt()
                    }
                }
            }),
            Op::Take(x, positions) => each(&|n, y, w, c| {
                let of = |axis: usize, i: usize| positions[axis].as_ref().map_or(i, |p| p[i]);
                at(*x, of(0, n), of(1, y), of(2, w), c)
            }),
            Op::Join(parts, axis) => each(&|n, y, w, c| {
                let mut from = [n, y, w];
                for x in parts {
                    let of = graph.shape(*x);
                    let length = [of.n, of.h, of.w][*axis];
                    if from[*axis] < length {
                        return at(*x, from[0], from[1], from[2], c);
                    }
                    from[*axis] -= length;
                }
                unreachable!()
            }),
            Op::MatMul { a, b, transposed } => each(&|n, y, w, c| {
                let inner = 0..graph.shape(*a).c;
                let second = |k: usize| if *transposed { at(*b, n, y, c, k) } else { at(*b, n, y, k, c) };
                inner.map(|k| at(*a, n, y, w, k) * second(k)).sum()
            }),
            other => unimplemented!("{other:?}"),
        };
        assert_eq!(value.len(), s.len(), "{:?}", node.op);
        values.push(value);
    }
    graph.outputs.iter().map(|id| values[*id].clone()).collect()
}

/// Compiles and runs a graph of one input at every level, and compares.
pub(super) fn check(graph: &Graph, tolerance: f64) -> Program {
    let x = graph.nodes[0].shape;
    let input = noise(x.len(), 7);
    let expected = plain(graph, &input);
    let mut best = None;
    for level in Level::available() {
        for mode in [Mode::Fast, Mode::Exact] {
            let program = Program::new(graph, level, mode).unwrap();
            // Whatever an earlier run left in the memory must not count.
            let mut workspace = Workspace::default();
            for run in 0..2 {
                let mut results: Vec<Vec<f32>> =
                    graph.outputs.iter().map(|id| vec![f32::NAN; graph.shape(*id).len()]).collect();
                let mut outputs: Vec<_> = results
                    .iter_mut()
                    .zip(program.outputs())
                    .map(|(r, s)| (r.as_mut_slice(), Strides::interleaved(s)))
                    .collect();
                program.run(&mut workspace, &[(&input, Strides::interleaved(x))], &mut outputs);
                for (got, expected) in results.iter().zip(&expected) {
                    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
                        assert!(
                            (f64::from(*a) - b).abs() <= tolerance,
                            "{level:?} {mode:?} run {run}: {a}, not {b}, at {i}; {:?}",
                            program.kernels()
                        );
                    }
                }
                workspace.poison();
            }
            best = best.or(Some(program));
        }
    }
    best.unwrap()
}

pub(super) fn conv(graph: &mut Graph, x: Id, spec: ConvSpec, seed: u64) -> Id {
    let shape = spec.out_shape(graph.shape(x));
    let scale = 1.0 / (spec.macs() as f32 / spec.channels.1 as f32).sqrt();
    let weights = noise(spec.weights(), seed).iter().map(|w| w * scale).collect();
    let bias = Some(Arc::new(noise(spec.channels.1, seed + 1)));
    graph.push(Op::Conv { x, spec, weights: Arc::new(weights), bias }, shape)
}

pub(super) fn unary(graph: &mut Graph, f: Unary, x: Id) -> Id {
    let shape = graph.shape(x);
    graph.push(Op::Unary(f, x), shape)
}

pub(super) fn binary(graph: &mut Graph, f: Binary, a: Id, b: Id) -> Id {
    let shape = Graph::broadcast(graph.shape(a), graph.shape(b)).unwrap();
    graph.push(Op::Binary(f, a, b), shape)
}

pub(super) fn constant(graph: &mut Graph, values: Vec<f32>) -> Id {
    let shape = Shape::new(1, 1, 1, values.len());
    graph.push(Op::Constant(Arc::new(values)), shape)
}

pub(super) fn start(shape: Shape) -> (Graph, Id) {
    let mut graph = Graph::default();
    let x = graph.push(Op::Input, shape);
    (graph, x)
}

#[test]
fn residual_network_with_scales_and_activations() {
    let (mut g, x) = start(Shape::new(2, 13, 18, 3));
    let a = conv(&mut g, x, ConvSpec::same(3, 32, 3), 1);
    let scale = constant(&mut g, noise(32, 2));
    let a = binary(&mut g, Binary::Mul, a, scale);
    let shift = constant(&mut g, vec![0.25]);
    let a = binary(&mut g, Binary::Add, shift, a);
    let a = unary(&mut g, Unary::Slope(Arc::new(noise(32, 3))), a);
    let b = conv(&mut g, a, ConvSpec::same(32, 32, 3), 4);
    let b = unary(&mut g, Unary::Tanh, b);
    let b = binary(&mut g, Binary::Add, a, b);
    let c = conv(&mut g, b, ConvSpec::same(32, 3, 3), 5);
    let out = binary(&mut g, Binary::Sub, x, c);
    g.outputs = vec![out, b];
    let program = check(&g, 5e-5);
    assert_eq!(program.kernels().len(), 3, "chains ride on convolutions: {:?}", program.kernels());
}

#[test]
fn skips_are_concatenated_in_place() {
    let (mut g, x) = start(Shape::new(1, 16, 12, 3));
    let a = conv(&mut g, x, ConvSpec::same(3, 20, 3), 1);
    let a = unary(&mut g, Unary::Relu, a);
    let window = Window { kernel: (2, 2), stride: (2, 2), before: (0, 0) };
    let p = g.push(Op::Pool(Pool::Max, window, a), Shape::new(1, 8, 6, 20));
    let b = conv(&mut g, p, ConvSpec::same(20, 24, 3), 2);
    let up = [
        vec![Atom { len: 1, axis: 0, step: 1 }],
        vec![Atom { len: 8, axis: 1, step: 1 }, Atom { len: 2, axis: 1, step: 0 }],
        vec![Atom { len: 6, axis: 2, step: 1 }, Atom { len: 2, axis: 2, step: 0 }],
        vec![Atom { len: 24, axis: 3, step: 1 }],
    ];
    let b = g.push(Op::Rearrange(b, up), Shape::new(1, 16, 12, 24));
    // One part twice, and the input: these must be copied.
    let both = g.push(Op::Concat(vec![b, a, x, a]), Shape::new(1, 16, 12, 67));
    let c = conv(&mut g, both, ConvSpec::same(67, 16, 3), 3);
    let gate = g.push(Op::Slice(c, 0), Shape::new(1, 16, 12, 8));
    let value = g.push(Op::Slice(c, 8), Shape::new(1, 16, 12, 8));
    let gated = binary(&mut g, Binary::Mul, gate, value);
    let mean = g.push(Op::ReduceSpace(Reduce::Mean, gated), Shape::new(1, 1, 1, 8));
    let weights = conv(&mut g, mean, ConvSpec::same(8, 8, 1), 4);
    let weights = unary(&mut g, Unary::Sigmoid, weights);
    let out = binary(&mut g, Binary::Mul, gated, weights);
    g.outputs = vec![out];
    check(&g, 5e-5);
}

#[test]
fn layer_norm_over_channels_is_one_chain() {
    let (mut g, x) = start(Shape::new(1, 9, 7, 24));
    let pixel = Shape::new(1, 9, 7, 1);
    let mean = g.push(Op::ReduceChannels(Reduce::Mean, x), pixel);
    let d = binary(&mut g, Binary::Sub, x, mean);
    let square = unary(&mut g, Unary::Square, d);
    let variance = g.push(Op::ReduceChannels(Reduce::Mean, square), pixel);
    let epsilon = constant(&mut g, vec![1e-5]);
    let variance = binary(&mut g, Binary::Add, variance, epsilon);
    let deviation = unary(&mut g, Unary::Sqrt, variance);
    let normal = binary(&mut g, Binary::Div, d, deviation);
    let gamma = constant(&mut g, noise(24, 3));
    let scaled = binary(&mut g, Binary::Mul, normal, gamma);
    let out = conv(&mut g, scaled, ConvSpec::same(24, 16, 1), 4);
    g.outputs = vec![out];
    assert_eq!(check(&g, 2e-5).kernels(), ["chain", "direct"]);
}

#[test]
fn depth_to_space_and_dense_layers_of_a_batch() {
    let (mut g, x) = start(Shape::new(5, 6, 4, 8));
    let flat = [
        vec![Atom { len: 5, axis: 0, step: 1 }],
        vec![Atom { len: 1, axis: 1, step: 1 }],
        vec![Atom { len: 1, axis: 2, step: 1 }],
        vec![
            Atom { len: 8, axis: 3, step: 1 },
            Atom { len: 6, axis: 1, step: 1 },
            Atom { len: 4, axis: 2, step: 1 },
        ],
    ];
    let a = g.push(Op::Rearrange(x, flat), Shape::new(5, 1, 1, 192));
    let a = conv(&mut g, a, ConvSpec::same(192, 48, 1), 1);
    let a = unary(&mut g, Unary::Tanh, a);
    let space = [
        vec![Atom { len: 5, axis: 0, step: 1 }],
        vec![Atom { len: 4, axis: 3, step: 1 }],
        vec![Atom { len: 3, axis: 3, step: 4 }],
        vec![Atom { len: 4, axis: 3, step: 12 }],
    ];
    let out = g.push(Op::Rearrange(a, space), Shape::new(5, 4, 3, 4));
    g.outputs = vec![out];
    check(&g, 2e-5);
}

#[test]
fn results_do_not_depend_on_the_batch() {
    let build = |n: usize| {
        let (mut g, x) = start(Shape::new(n, 28, 28, 3));
        let a = conv(&mut g, x, ConvSpec::same(3, 32, 3), 1);
        let a = unary(&mut g, Unary::Relu, a);
        let a = conv(&mut g, a, ConvSpec::same(32, 16, 3), 2);
        let mean = g.push(Op::ReduceSpace(Reduce::Mean, a), Shape::new(n, 1, 1, 16));
        let out = conv(&mut g, mean, ConvSpec::same(16, 10, 1), 3);
        g.outputs = vec![out];
        g
    };
    let run = |n: usize, input: &[f32]| {
        let program = Program::new(&build(n), Level::best(), Mode::Fast).unwrap();
        let mut out = vec![0.0; n * 10];
        let shape = Shape::new(n, 28, 28, 3);
        let outputs = &mut [(out.as_mut_slice(), Strides::interleaved(Shape::new(n, 1, 1, 10)))];
        program.run(&mut Workspace::default(), &[(input, Strides::interleaved(shape))], outputs);
        out
    };
    let input = noise(7 * 28 * 28 * 3, 5);
    let together = run(7, &input);
    for (i, (one, expected)) in input.chunks(28 * 28 * 3).zip(together.chunks(10)).enumerate() {
        assert_eq!(run(1, one), expected, "picture {i}");
    }
}

#[test]
fn planes_and_pixels_are_told_apart() {
    let shape = Shape::new(2, 3, 5, 4);
    let (mut g, x) = start(shape);
    let out = unary(&mut g, Unary::Relu, x);
    g.outputs = vec![out];
    let program = Program::new(&g, Level::best(), Mode::Fast).unwrap();
    let input: Vec<f32> = (0..shape.len()).map(|i| i as f32).collect();
    let mut result = vec![0.0; shape.len()];
    let outputs = &mut [(result.as_mut_slice(), Strides::interleaved(shape))];
    program.run(&mut Workspace::default(), &[(&input, Strides::planar(shape))], outputs);
    // Picture 1, row 2, column 3, channel 1.
    assert_eq!(result[((3 + 2) * 5 + 3) * 4 + 1], input[((4 + 1) * 3 + 2) * 5 + 3]);
}

#[test]
fn pictures_of_one_pixel_and_constants_at_odd_places() {
    for spec in [
        ConvSpec { stride: (2, 2), ..ConvSpec::same(8, 16, 1) },
        ConvSpec { transposed: true, ..ConvSpec::same(8, 16, 1) },
    ] {
        let (mut g, x) = start(Shape::new(4, 1, 1, 8));
        let out = conv(&mut g, x, spec, 1);
        g.outputs = vec![out];
        check(&g, 1e-5);
    }
    let (mut g, x) = start(Shape::new(1, 2, 2, 1));
    let c = constant(&mut g, vec![1.0]);
    let both = g.push(Op::Concat(vec![x, c]), Shape::new(1, 2, 2, 2));
    g.outputs = vec![both];
    assert!(Program::new(&g, Level::best(), Mode::Fast).is_err());
}

#[test]
fn a_chain_that_reads_its_convolution_twice_rides_on_it() {
    let (mut g, x) = start(Shape::new(1, 9, 7, 16));
    let a = conv(&mut g, x, ConvSpec::same(16, 24, 3), 1);
    let gate = unary(&mut g, Unary::Sigmoid, a);
    let out = binary(&mut g, Binary::Mul, a, gate);
    g.outputs = vec![out];
    assert_eq!(check(&g, 5e-5).kernels(), ["winograd+chain"]);
}
