//! Steps that follow each other row by row: what one makes is still in a core's cache when the next reads it.

use super::graph::{Graph, Id};
use super::program::{Program, Step, Work};
use std::ops::Range;

/// Floats of all results that are made before the next rows are: a core's own cache holds them, and what windows reach above.
const TOGETHER: usize = 64 << 10;
/// Most steps, since none of their results can share memory.
const MOST: usize = 4;
/// Most weights of a convolution, which are read anew for each few rows.
const WEIGHTS: usize = 32 << 10;

/// Steps that are run together.
#[derive(Clone, Debug)]
pub(super) struct Strip {
    /// Which of the program's.
    pub(super) steps: Range<usize>,
    /// Of each: those among them that make what it reads, and whether it reads these through its window.
    makers: Vec<Vec<(usize, bool)>>,
    /// Rows of each that are made at once.
    height: usize,
}

impl Strip {
    /// Finds them. `root` tells in which result's memory another lies.
    pub(super) fn find(graph: &Graph, steps: &[Step], root: impl Fn(Id) -> Id) -> Vec<Strip> {
        let (mut strips, mut from) = (vec![], 0);
        while from < steps.len() {
            let (mut makers, mut end) = (vec![], from);
            while end < steps.len().min(from + MOST)
                && let Some(found) = makers_of(graph, &steps[from..end], &steps[end], &root)
            {
                makers.push(found);
                end += 1;
            }
            let shapes = steps[from..end].iter().map(|step| graph.shape(step.to));
            let row = shapes.map(|shape| shape.w * shape.c).sum::<usize>().max(1);
            // At any size of pictures: what a pixel takes is measured with small ones.
            if makers.iter().any(|m| !m.is_empty()) {
                strips.push(Strip { steps: from..end, makers, height: (TOGETHER / row).clamp(1, 16) });
            }
            from = end.max(from + 1);
        }
        strips
    }

    /// Floats of results that strips may take in place of this many; where they would take more, there are none.
    pub(super) fn most(apart: usize) -> usize {
        apart + apart / 2
    }

    /// The moments between which what this step reads and makes must last: its own, or all of its strip's.
    pub(super) fn moments(strips: &[Strip], step: usize) -> (usize, usize) {
        match strips.iter().find(|strip| strip.steps.contains(&step)) {
            Some(strip) => (strip.steps.start, strip.steps.end - 1),
            None => (step, step),
        }
    }

    /// Runs them all; `rows(step, picture, rows)` makes some rows of one step's result.
    pub(super) fn run(&self, program: &Program, mut rows: impl FnMut(&Step, usize, Range<usize>)) {
        let steps = &program.steps[self.steps.clone()];
        let shape = |step: usize| program.views[steps[step].to].shape;
        for n in 0..shape(0).n {
            let mut done = vec![0; steps.len()];
            // The last asks for what it reads; those that it has no use for come then.
            for step in (0..steps.len()).rev() {
                for end in (self.height..shape(step).h + self.height).step_by(self.height) {
                    let wanted = end.min(shape(step).h);
                    self.make(steps, (step, wanted), &mut done, &mut |step, new| rows(step, n, new));
                }
            }
        }
    }

    /// Makes the first rows of a step's result, as many as wanted, and what they are made from.
    fn make(
        &self,
        steps: &[Step],
        (step, wanted): (usize, usize),
        done: &mut [usize],
        rows: &mut dyn FnMut(&Step, Range<usize>),
    ) {
        if done[step] >= wanted {
            return;
        }
        for &(maker, window) in &self.makers[step] {
            let wanted = match &steps[step].work {
                Work::Conv(conv, _) if window => conv.rows_read(wanted).unwrap_or(usize::MAX),
                _ => wanted,
            };
            self.make(steps, (maker, wanted), done, rows);
        }
        rows(&steps[step], done[step]..wanted);
        done[step] = wanted;
    }
}

/// Which of `before` make what `step` reads; none when it can't be run by rows with them.
fn makers_of(
    graph: &Graph,
    before: &[Step],
    step: &Step,
    root: impl Fn(Id) -> Id,
) -> Option<Vec<(usize, bool)>> {
    let to = graph.shape(step.to);
    let window = match &step.work {
        Work::Conv(conv, _) => {
            conv.rows_read(1)?;
            if conv.out_shape() != to || conv.spec().weights() > WEIGHTS {
                return None;
            }
            true
        }
        Work::Map(_) => false,
        _ => return None,
    };
    if to.is_empty() || before.first().is_some_and(|first| graph.shape(first.to).n != to.n) {
        return None;
    }
    let mut makers = vec![];
    for (i, read) in step.reads.iter().enumerate() {
        let window = window && i == 0;
        for (maker, made) in before.iter().enumerate() {
            if root(made.to) != root(*read) {
                continue;
            }
            // Rows of the result are made from the same rows, or those that a window tells.
            if graph.shape(*read).n != to.n || !window && graph.shape(*read).h != to.h {
                return None;
            }
            makers.push((maker, window));
        }
    }
    Some(makers)
}

#[cfg(test)]
mod tests {
    use super::super::graph::{Across, Binary, Op};
    use super::super::graph_tests::{binary, check, conv, start};
    use super::super::level::Level;
    use super::super::program::Workspace;
    use super::super::spec::{ConvSpec, Mode};
    use super::super::strides::Strides;
    use super::super::view::{Border, Shape, View};
    use super::*;

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
        let input = super::super::tests::noise(graph.shape(0).len(), 7);
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
}
