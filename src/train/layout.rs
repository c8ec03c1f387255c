//! Where a training engine keeps each tensor and each gradient in its buffer.

use super::net::Id;
use crate::kernels::{Border, SLACK, Shape, View};

/// Hands out places for tensors one after another, and gives those of gradients that are no longer needed to
/// others of the same shape and border, so that borders stay zero.
#[derive(Debug, Default)]
pub(super) struct Layout {
    len: usize,
    free: Vec<View>,
    borders: Vec<(View, Border)>,
}

impl Layout {
    /// A new place.
    pub(super) fn place(&mut self, shape: Shape, border: Border) -> View {
        let view = View::bordered(shape, border, self.len);
        // Whole cache lines.
        self.len = (self.len + View::bordered_len(shape, border)).next_multiple_of(16);
        self.borders.push((view, border));
        view
    }

    /// A place that was given back, or a new one.
    pub(super) fn reuse(&mut self, shape: Shape, border: Border) -> View {
        let fits = |v: &View| v.shape == shape && self.borders.contains(&(*v, border));
        match self.free.iter().position(fits) {
            Some(index) => self.free.swap_remove(index),
            None => self.place(shape, border),
        }
    }

    /// Gives a place back.
    pub(super) fn give_back(&mut self, view: View) {
        self.free.push(view);
    }

    /// Floats of the buffer.
    pub(super) fn buffer_len(&self) -> usize {
        self.len + SLACK
    }
}

/// Which nodes' gradients are wanted: those that a parameter lies before.
pub(super) fn wanted(inputs: &[&[Id]], has_parameters: &[bool]) -> Vec<bool> {
    let mut wanted: Vec<bool> = Vec::with_capacity(inputs.len());
    for (id, inputs) in inputs.iter().enumerate() {
        wanted.push(has_parameters[id] || inputs.iter().any(|&i| wanted[i]));
    }
    wanted
}
