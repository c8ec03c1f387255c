//! Attention, and what stands around it, by graphs.

use super::graph_tests::{binary, check, constant, conv, start, unary};
use super::tests::noise;
use super::*;
use std::sync::Arc;

fn rearrange(g: &mut Graph, x: Id, axes: [Vec<(usize, usize, usize)>; 4]) -> Id {
    let axes =
        axes.map(|a| a.into_iter().map(|(len, axis, step)| Atom { len, axis, step }).collect::<Vec<_>>());
    let length = |i: usize| axes[i].iter().map(|a| a.len).product();
    let shape = Shape::new(length(0), length(1), length(2), length(3));
    g.push(Op::Rearrange(x, axes), shape)
}

fn matmul(g: &mut Graph, a: Id, b: Id, transposed: bool) -> Id {
    let (x, y) = (g.shape(a), g.shape(b));
    let c = if transposed { y.w } else { y.c };
    g.push(Op::MatMul { a, b, transposed }, Shape { c, ..x })
}

fn across(g: &mut Graph, f: Across, x: Id) -> Id {
    let shape = g.shape(x);
    g.push(Op::Across(f, x), shape)
}

/// Attention in windows of 4x4 of an 8x12 picture, with 3 heads of `d` channels, rolled by 2.
fn windows(batch: usize, d: usize) -> Graph {
    let c = 3 * d;
    let (mut g, x) = start(Shape::new(batch, 8, 12, c));
    let whole = g.shape(x);
    let normal = across(&mut g, Across::Normal(1e-5), x);
    let gamma = constant(&mut g, noise(c, 9));
    let normal = binary(&mut g, Binary::Mul, normal, gamma);
    let roll = |len: usize, by: usize| Some(Arc::new((0..len).map(|i| (i + by) % len).collect::<Vec<_>>()));
    let rolled = g.push(Op::Take(normal, [None, roll(8, 2), roll(12, 2)]), whole);
    let qkv = conv(&mut g, rolled, ConvSpec::same(c, 3 * c, 1), 3);
    let parts: Vec<Id> = (0..3)
        .map(|i| {
            let part = g.push(Op::Slice(qkv, i * c), whole);
            let windows = vec![(batch, 0, 1), (2, 1, 4), (3, 2, 4)];
            rearrange(&mut g, part, [windows, vec![(3, 3, d)], vec![(4, 1, 1), (4, 2, 1)], vec![(d, 3, 1)]])
        })
        .collect();
    let scores = matmul(&mut g, parts[0], parts[1], true);
    let scale = constant(&mut g, vec![0.3]);
    let scores = binary(&mut g, Binary::Mul, scores, scale);
    let bias = g.push(Op::Table(Arc::new(noise(3 * 256, 4))), Shape::new(1, 3, 16, 16));
    let scores = binary(&mut g, Binary::Add, scores, bias);
    let mask = g.push(Op::Table(Arc::new(noise(6 * batch * 256, 5))), Shape::new(6 * batch, 1, 16, 16));
    let scores = binary(&mut g, Binary::Add, scores, mask);
    let weights = across(&mut g, Across::Softmax, scores);
    let y = matmul(&mut g, weights, parts[2], false);
    let rows = vec![(2, 0, 3), (4, 2, 4)];
    let columns = vec![(3, 0, 1), (4, 2, 1)];
    let y = rearrange(&mut g, y, [vec![(batch, 0, 6)], rows, columns, vec![(3, 1, 1), (d, 3, 1)]]);
    let y = conv(&mut g, y, ConvSpec::same(c, c, 1), 6);
    let y = g.push(Op::Take(y, [None, roll(8, 6), None]), whole);
    let y = g.push(Op::Take(y, [None, None, roll(12, 10)]), whole);
    let out = binary(&mut g, Binary::Add, x, y);
    g.outputs = vec![out];
    g
}

#[test]
fn attention_in_windows_is_one_step() {
    for (batch, d) in [(1, 5), (2, 16), (1, 20)] {
        let names = check(&windows(batch, d), 5e-5).kernels();
        let expected = ["chain", "take", "direct", "attention", "direct", "take", "take", "chain"];
        assert_eq!(names, expected);
    }
}

#[test]
fn products_alone_and_between_others() {
    let (mut g, x) = start(Shape::new(2, 3, 7, 10));
    let a = unary(&mut g, Unary::Tanh, x);
    let one = matmul(&mut g, a, x, true);
    let sum = matmul(&mut g, one, a, false);
    // The same operand for all rows, and a table.
    let table = g.push(Op::Table(Arc::new(noise(40, 3))), Shape::new(1, 1, 10, 4));
    let few = matmul(&mut g, sum, table, false);
    // Scores that somebody else reads too.
    let scores = matmul(&mut g, few, few, true);
    let weights = across(&mut g, Across::Softmax, scores);
    let both = matmul(&mut g, weights, few, false);
    g.outputs = vec![both, scores, sum];
    let names = check(&g, 1e-3).kernels();
    assert_eq!(names, ["chain", "attention", "fill", "product", "product", "chain", "product"]);
}

#[test]
fn constants_of_any_shape() {
    for shape in
        [(1, 1, 7, 1), (1, 5, 1, 1), (2, 1, 1, 6), (1, 5, 7, 6), (2, 1, 7, 1), (2, 5, 1, 6), (2, 5, 7, 6)]
    {
        let (mut g, x) = start(Shape::new(2, 5, 7, 6));
        let shape = Shape::new(shape.0, shape.1, shape.2, shape.3);
        let table = g.push(Op::Table(Arc::new(noise(shape.len(), 3))), shape);
        let a = binary(&mut g, Binary::Mul, table, x);
        let small = g.push(
            Op::Pool(Pool::Max, Window { kernel: (1, 7), stride: (1, 7), before: (0, 0) }, a),
            Shape::new(2, 5, 1, 6),
        );
        let small = unary(&mut g, Unary::Tanh, small);
        let b = binary(&mut g, Binary::Sub, a, small);
        g.outputs = vec![b];
        check(&g, 1e-5);
    }
}

#[test]
fn joins_along_every_axis() {
    for axis in 0..3 {
        let (mut g, x) = start(Shape::new(2, 3, 4, 5));
        let a = unary(&mut g, Unary::Tanh, x);
        let table = g.push(Op::Table(Arc::new(noise(120, 3))), Shape::new(2, 3, 4, 5));
        let mut lengths = [2, 3, 4];
        lengths[axis] *= 3;
        let [n, h, w] = lengths;
        let all = g.push(Op::Join(vec![a, table, x], axis), Shape::new(n, h, w, 5));
        let out = unary(&mut g, Unary::Relu, all);
        g.outputs = vec![out];
        check(&g, 1e-6);
    }
}

#[test]
fn results_of_attention_do_not_depend_on_the_batch() {
    let shape = |n: usize| Shape::new(n, 8, 12, 30);
    // Masks differ from window to window, not from picture to picture.
    let run = |n: usize, input: &[f32]| {
        let mut graph = windows(n, 10);
        for node in &mut graph.nodes {
            if let (Op::Table(values), true) = (&mut node.op, node.shape.h == 1) {
                *values = Arc::new(values[..6 * 256].repeat(n));
            }
        }
        let program = Program::new(&graph, Level::best(), Mode::Fast).unwrap();
        let mut out = vec![0.0; shape(n).len()];
        let outputs = &mut [(out.as_mut_slice(), Strides::interleaved(shape(n)))];
        program.run(&mut Workspace::default(), &[(input, Strides::interleaved(shape(n)))], outputs);
        out
    };
    let input = noise(shape(3).len(), 5);
    let together = run(3, &input);
    for (one, expected) in input.chunks(shape(1).len()).zip(together.chunks(shape(1).len())) {
        assert_eq!(run(1, one), expected);
    }
}
