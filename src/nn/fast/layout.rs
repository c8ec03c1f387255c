//! How the axes of a tensor of tract's lie on a picture of the kernels': pure bookkeeping, so that
//! transposes and reshapes cost nothing until somebody needs the numbers in another order.

use crate::kernels::{Atom, Shape};

/// For each axis of a tensor, the factors of picture axes that it runs over, the outermost first. An axis
/// of length 1 has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Layout(pub Vec<Vec<AtomKey>>);

/// An [`Atom`] that can be compared: length, axis, step.
pub(super) type AtomKey = (usize, usize, usize);

/// The picture axes by name.
pub(super) const N: usize = 0;
pub(super) const H: usize = 1;
pub(super) const W: usize = 2;
pub(super) const C: usize = 3;

impl Layout {
    /// Axes that lie on whole picture axes: `on[i]` lists the tensor axes on picture axis `i`.
    pub(super) fn of_shape(dims: &[usize], on: &[Vec<usize>; 4]) -> (Layout, Shape) {
        let mut layout = Layout(vec![vec![]; dims.len()]);
        let mut lengths = [1; 4];
        for (picture_axis, axes) in on.iter().enumerate() {
            for &axis in axes.iter().rev() {
                if dims[axis] != 1 {
                    layout.0[axis] = vec![(dims[axis], picture_axis, lengths[picture_axis])];
                }
                lengths[picture_axis] *= dims[axis];
            }
        }
        let [n, h, w, c] = lengths;
        (layout, Shape { n, h, w, c })
    }

    /// Lengths of the axes.
    pub(super) fn dims(&self) -> Vec<usize> {
        self.0.iter().map(|atoms| atoms.iter().map(|a| a.0).product()).collect()
    }

    /// The picture axis that each tensor axis lies on as a whole; none where one lies on several or on a part.
    pub(super) fn simple(&self, shape: Shape) -> Option<Vec<Option<usize>>> {
        let lengths = [shape.n, shape.h, shape.w, shape.c];
        let on: Vec<Option<usize>> = self
            .0
            .iter()
            .map(|atoms| match atoms.as_slice() {
                [] => Some(None),
                [(len, axis, 1)] if *len == lengths[*axis] => Some(Some(*axis)),
                _ => None,
            })
            .collect::<Option<_>>()?;
        // Every picture axis is there, so that nothing repeats or is left out.
        let all =
            (0..4).all(|a| on.iter().filter(|o| **o == Some(a)).count() == usize::from(lengths[a] != 1));
        all.then_some(on)
    }

    /// The factors that picture axes have when `on[i]` lists the tensor axes to put on picture axis `i`.
    pub(super) fn arranged(&self, on: &[Vec<usize>; 4]) -> [Vec<Atom>; 4] {
        on.each_ref().map(|axes| {
            let atoms = merge(axes.iter().flat_map(|a| self.0[*a].iter().copied()).collect());
            atoms.into_iter().map(|(len, axis, step)| Atom { len, axis, step }).collect()
        })
    }

    /// Replaces the axes `at..at + count`, whose lengths are multiplied out, by axes of other lengths with
    /// the same product; none where a factor would have to be cut other than evenly.
    pub(super) fn reshape(&mut self, at: usize, count: usize, to: &[usize]) -> Option<()> {
        let mut atoms = merge(self.0[at..at + count].concat());
        atoms.reverse();
        let mut axes = vec![];
        for &dim in to {
            let mut left = dim;
            let mut axis = vec![];
            while left > 1 {
                let (len, on, step) = atoms.pop()?;
                if left.is_multiple_of(len) {
                    axis.push((len, on, step));
                    left /= len;
                } else if len.is_multiple_of(left) {
                    let inner = len / left;
                    axis.push((left, on, step * inner));
                    atoms.push((inner, on, step));
                    left = 1;
                } else {
                    return None;
                }
            }
            axes.push(axis);
        }
        self.0.splice(at..at + count, axes);
        atoms.is_empty().then_some(())
    }
}

/// Joins neighbours that step on where the other ends; drops those of length 1.
fn merge(atoms: Vec<AtomKey>) -> Vec<AtomKey> {
    let mut merged: Vec<AtomKey> = vec![];
    for (len, axis, step) in atoms.into_iter().filter(|a| a.0 != 1) {
        match merged.last_mut() {
            Some(last) if last.1 == axis && last.2 == len * step && step > 0 => {
                *last = (last.0 * len, axis, step);
            }
            _ => merged.push((len, axis, step)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_to_space_is_a_reshape_a_move_and_a_reshape() {
        let (mut layout, shape) = Layout::of_shape(&[1, 12, 8, 6], &[vec![0], vec![2], vec![3], vec![1]]);
        assert_eq!(shape, Shape { n: 1, h: 8, w: 6, c: 12 });
        assert!(layout.simple(shape).is_some());
        layout.reshape(1, 1, &[3, 2, 2]).unwrap();
        let axis = layout.0.remove(3);
        layout.0.insert(5, axis);
        let axis = layout.0.remove(2);
        layout.0.insert(3, axis);
        layout.reshape(2, 4, &[16, 12]).unwrap();
        assert_eq!(layout.dims(), [1, 3, 16, 12]);
        assert!(layout.simple(shape).is_none());
        let [_, rows, _, channels] = layout.arranged(&[vec![0], vec![2], vec![3], vec![1]]);
        assert_eq!(rows, [Atom { len: 8, axis: H, step: 1 }, Atom { len: 2, axis: C, step: 2 }]);
        assert_eq!(channels, [Atom { len: 3, axis: C, step: 4 }]);
    }

    #[test]
    fn splitting_and_joining_comes_back_and_uneven_cuts_are_refused() {
        let (start, shape) = Layout::of_shape(&[2, 6, 10], &[vec![0], vec![], vec![1], vec![2]]);
        let mut layout = start.clone();
        layout.reshape(1, 2, &[3, 4, 5]).unwrap();
        layout.reshape(1, 3, &[60]).unwrap();
        layout.reshape(1, 1, &[6, 10]).unwrap();
        assert_eq!(layout.simple(shape), start.simple(shape));
        assert_eq!(layout.clone().reshape(1, 1, &[4, 1]), None);
    }
}
