//! Steps by rows against the same steps one after the other.

use super::graph::{Across, Binary, Graph, Op};
use super::graph_tests::{binary, check, conv, start};
use super::level::Level;
use super::program::{Program, Workspace};
use super::spec::{ConvSpec, Mode};
use super::strides::Strides;
use super::view::{Border, Shape, View};

/// Half a block of NAFNet, a concatenation, then a window of stride 2 and one whose rows lie far apart. A row of all results is
/// about half of what is made at once.
fn graph() -> Graph {
    let shape = |c: usize| Shape::new(2, 13, 270, c);
    let (mut g, x) = start(shape(8));
    let normal = g.push(Op::Across(Across::Normal(1e-6), x), shape(8));
    let wide = conv(&mut g, normal, ConvSpec::same(8, 16, 1), 1);
    let each = ConvSpec { groups: 16, ..ConvSpec::same(16, 16, 3) };
    let each = conv(&mut g, wide, each, 2);
    let halves = [0, 8].map(|from| g.push(Op::Slice(each, from), shape(8)));
    let gate = binary(&mut g, Binary::Mul, halves[0], halves[1]);
    let back = conv(&mut g, gate, ConvSpec::same(8, 8, 1), 3);
    let sum = binary(&mut g, Binary::Add, back, x);
    let beside = conv(&mut g, gate, ConvSpec::same(8, 4, 1), 6);
    let both = g.push(Op::Concat(vec![sum, beside]), shape(12));
    let pad = Border::default();
    let smaller = ConvSpec { kernel: (2, 2), stride: (2, 2), pad, ..ConvSpec::same(12, 6, 3) };
    let smaller = conv(&mut g, both, smaller, 4);
    let pad = Border { top: 2, left: 2, bottom: 2, right: 2 };
    let far = ConvSpec { dilation: (2, 2), pad, ..ConvSpec::same(6, 5, 3) };
    let far = conv(&mut g, smaller, far, 5);
    g.outputs = vec![far];
    g
}

#[test]
fn steps_by_rows_give_what_they_give_one_after_the_other() {
    let graph = graph();
    let program = check(&graph, 5e-5);
    let together: Vec<_> = program.strips.iter().map(|strip| strip.steps.clone()).collect();
    assert_eq!(together, [0..4, 4..8], "{:?}", program.kernels());
    assert!(program.strips[0].height < 13);
    let input = super::tests::noise(graph.shape(0).len(), 7);
    for level in Level::available() {
        let run = |program: &Program| {
            let mut results: Vec<Vec<f32>> = program.outputs().map(|s| vec![0.0; s.len()]).collect();
            let shapes = program.outputs();
            let mut outputs: Vec<_> = results
                .iter_mut()
                .zip(shapes)
                .map(|(r, s)| (r.as_mut_slice(), Strides::interleaved(s)))
                .collect();
            let input = [(input.as_slice(), Strides::interleaved(graph.shape(0)))];
            program.run(&mut Workspace::default(), &input, &mut outputs);
            results
        };
        let program = Program::new(&graph, level, Mode::Fast).unwrap();
        let alone = Program { strips: vec![], ..program.clone() };
        assert_eq!(run(&program), run(&alone), "{level:?}");
    }
}

#[test]
fn what_a_strip_makes_shares_no_memory() {
    let program = Program::new(&graph(), Level::best(), Mode::Fast).unwrap();
    let end = |view: &View| view.pixel_at(1, view.shape.h - 1, view.shape.w);
    for strip in &program.strips {
        let made = program.steps[strip.steps.clone()].iter().map(|step| &program.views[step.to]);
        // Parts of a concatenation lie between each other.
        let made: Vec<_> = made.filter(|view| view.pixel == view.shape.c).collect();
        for (i, a) in made.iter().enumerate() {
            for b in &made[..i] {
                assert!(end(a) <= b.at || end(b) <= a.at, "{a:?} {b:?}");
            }
        }
    }
}

#[test]
fn strips_that_would_take_much_memory_are_none() {
    let shape = Shape::new(1, 40, 40, 16);
    let (mut g, mut x) = start(shape);
    for seed in 0..6 {
        x = conv(&mut g, x, ConvSpec { groups: 16, ..ConvSpec::same(16, 16, 5) }, seed);
    }
    g.outputs = vec![x];
    let program = check(&g, 5e-5);
    assert!(program.strips.is_empty() && program.memory().results == program.memory().apart);
    // Where the limit leaves no room for them.
    let graph = graph();
    let free = Program::new(&graph, Level::best(), Mode::Fast).unwrap().memory();
    assert!(free.results > free.apart, "{free:?}");
    let bound = Program::within(&graph, Level::best(), Mode::Fast, free.results - 1).unwrap();
    assert!(bound.strips.is_empty() && bound.memory().results == free.apart);
}
