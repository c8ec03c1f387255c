//! Steps that follow each other row by row: what one makes is still in a core's cache when the next reads it.

use super::graph::{Graph, Id};
use super::step::{Step, Work};
use super::view::View;
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
    pub(super) height: usize,
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

    /// Runs them all, of a program's steps and the places of its results; `rows(step, picture, rows)` makes some rows of one step's result.
    pub(super) fn run(
        &self,
        steps: &[Step],
        views: &[View],
        mut rows: impl FnMut(&Step, usize, Range<usize>),
    ) {
        let steps = &steps[self.steps.clone()];
        let shape = |step: usize| views[steps[step].to].shape;
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
