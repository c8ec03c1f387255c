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
        on.each_ref().map(|axes| atoms(axes.iter().flat_map(|a| self.0[*a].iter().copied()).collect()))
    }

    /// Axes of a row-major tensor, as if its numbers were the pictures of a batch.
    pub(super) fn row_major(dims: &[usize]) -> Layout {
        let step = |axis: usize| dims[axis + 1..].iter().product();
        let axis = |(i, len): (usize, &usize)| if *len == 1 { vec![] } else { vec![(*len, N, step(i))] };
        Layout(dims.iter().enumerate().map(axis).collect())
    }

    /// The factors that picture axes have when this tensor is moved to lie as one of layout `chief` does on a picture of
    /// `shape`. A picture axis along which this tensor is the same has none. None where factors don't match, or the
    /// other tensor isn't the whole picture.
    pub(super) fn like(&self, chief: &Layout, shape: Shape) -> Option<[Vec<Atom>; 4]> {
        if self.0.len() != chief.0.len() {
            return None;
        }
        let mut parts: [Vec<(AtomKey, AtomKey)>; 4] = Default::default();
        for (ours, theirs) in self.0.iter().zip(&chief.0) {
            for part in cut(theirs, ours)? {
                parts[part.0.1].push(part);
            }
        }
        let lengths = [shape.n, shape.h, shape.w, shape.c];
        let mut axes: [Vec<Atom>; 4] = Default::default();
        for ((parts, length), axis) in parts.iter_mut().zip(lengths).zip(&mut axes) {
            parts.sort_by_key(|p| p.0.2);
            let mut step = 1;
            for (to, _) in parts.iter() {
                (to.2 == step).then_some(())?;
                step *= to.0;
            }
            (step == length).then_some(())?;
            if parts.iter().any(|p| p.1.2 != 0) {
                *axis = atoms(parts.iter().rev().map(|p| p.1).collect());
            }
        }
        Some(axes)
    }

    /// Whether `axes` together are the channels of a picture of `shape`, and no other axis lies there.
    pub(super) fn are_channels(&self, axes: &[usize], shape: Shape) -> bool {
        let on = |inside: bool| {
            let some = self.0.iter().enumerate().filter(move |(i, _)| axes.contains(i) == inside);
            some.flat_map(|(_, atoms)| atoms.iter().copied())
        };
        let mut ours: Vec<AtomKey> = on(true).collect();
        ours.sort_by_key(|a| a.2);
        let mut step = 1;
        for atom in &ours {
            if atom.1 != C || atom.2 != step {
                return false;
            }
            step *= atom.0;
        }
        step == shape.c && on(false).all(|a| a.1 != C)
    }

    /// For each channel, the sum over `axes` of the place on each axis times its `steps`.
    pub(super) fn channel_offsets(&self, axes: &[(usize, usize)], channels: usize) -> Vec<usize> {
        let offset = |channel: usize| {
            let of_axis = |(axis, step): &(usize, usize)| {
                let place = self.0[*axis].iter().fold(0, |at, a| at * a.0 + channel / a.2.max(1) % a.0);
                place * step
            };
            axes.iter().map(of_axis).sum()
        };
        (0..channels).map(offset).collect()
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

/// Factors of a picture axis.
pub(super) fn atoms(keys: Vec<AtomKey>) -> Vec<Atom> {
    merge(keys).into_iter().map(|(len, axis, step)| Atom { len, axis, step }).collect()
}

/// The factors of one axis in two layouts, cut so that they have the same lengths, the innermost first; an axis
/// of length 1 in the second repeats.
fn cut(to: &[AtomKey], from: &[AtomKey]) -> Option<Vec<(AtomKey, AtomKey)>> {
    let (mut to, mut from) = (merge(to.to_vec()), merge(from.to_vec()));
    let repeats = from.is_empty();
    let mut parts = vec![];
    while let Some(t) = to.pop() {
        let f = if repeats { (t.0, N, 0) } else { from.pop()? };
        let len = if t.0.is_multiple_of(f.0) {
            f.0
        } else if f.0.is_multiple_of(t.0) {
            t.0
        } else {
            return None;
        };
        parts.push(((len, t.1, t.2), (len, f.1, f.2)));
        let rest = |a: AtomKey| (a.0 / len, a.1, a.2 * len);
        to.extend(Some(rest(t)).filter(|a| a.0 != 1));
        from.extend(Some(rest(f)).filter(|a| a.0 != 1));
    }
    from.is_empty().then_some(parts)
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
    fn windows_go_back_to_where_they_came_from() {
        // [rows, columns, channels] as windows of 4x4, of which each is [window, pixel, head, channel].
        let (start, shape) = Layout::of_shape(&[8, 12, 6], &[vec![], vec![0], vec![1], vec![2]]);
        let mut windows = start.clone();
        windows.reshape(0, 3, &[2, 4, 3, 4, 2, 3]).unwrap();
        let axis = windows.0.remove(2);
        windows.0.insert(1, axis);
        windows.reshape(0, 2, &[6]).unwrap();
        windows.reshape(1, 2, &[16]).unwrap();
        assert_eq!(windows.dims(), [6, 16, 2, 3]);
        assert!(windows.are_channels(&[2, 3], shape) && !windows.are_channels(&[2], shape));
        let (native, inside) = Layout::of_shape(&[6, 16, 2, 3], &[vec![0], vec![2], vec![1], vec![3]]);
        let [n, rows, columns, channels] = native.like(&windows, shape).unwrap();
        assert!(n.is_empty());
        assert_eq!(rows, [Atom { len: 2, axis: N, step: 3 }, Atom { len: 4, axis: W, step: 4 }]);
        assert_eq!(columns, [Atom { len: 3, axis: N, step: 1 }, Atom { len: 4, axis: W, step: 1 }]);
        assert_eq!(channels, [Atom { len: 2, axis: H, step: 1 }, Atom { len: 3, axis: C, step: 1 }]);
        // A number for each head and channel repeats in all pixels; one for each window's channel doesn't everywhere.
        let heads = Layout::row_major(&[1, 1, 2, 3]).like(&windows, shape).unwrap();
        assert_eq!(heads.each_ref().map(Vec::len), [0, 0, 0, 1]);
        let each = Layout::row_major(&[6, 1, 1, 3]).like(&windows, shape).unwrap();
        assert_eq!(each[1], [Atom { len: 2, axis: N, step: 9 }, Atom { len: 4, axis: N, step: 0 }]);
        assert_eq!(native.like(&start, shape), None);
        assert_eq!(windows.channel_offsets(&[(2, 1), (3, 10)], 6), [0, 10, 20, 1, 11, 21]);
        assert_eq!(
            windows.like(&native, inside).map(|a| a[C].clone()),
            Some(vec![Atom { len: 3, axis: C, step: 1 }])
        );
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
