//! Where tensors lie in memory that they share: those that live at different times may overlap. Programs and training
//! engines are both laid out here.

use super::conv::SLACK;
use super::view::{Border, Shape, View};

/// Floats that a buffer of anything may have.
const LONGEST: usize = 1 << 40;

/// A tensor that is to have a place.
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    /// Its size.
    pub shape: Shape,
    /// Zeros around each picture, which whoever uses it first has to write: see [`clear_border`](super::clear_border).
    pub border: Border,
    /// When it is first written.
    pub first: usize,
    /// When it is last read.
    pub last: usize,
}

/// The places of tensors, and the floats of the buffer that holds them.
///
/// # Errors
/// How many floats a tensor would take that is larger than any memory.
pub fn lay_out(tensors: &[Tensor]) -> Result<(Vec<View>, usize), usize> {
    // A vector runs over the end of the last pixel of a picture with few channels; places are whole cache lines.
    let len = |t: &Tensor| (View::bordered_len(t.shape, t.border).min(LONGEST) + SLACK).next_multiple_of(16);
    let buffers: Vec<_> = tensors.iter().map(|t| (len(t), t.first, t.last)).collect();
    if let Some((len, ..)) = buffers.iter().find(|(len, ..)| *len > LONGEST) {
        return Err(*len);
    }
    let (offsets, end) = place(&buffers);
    let views = tensors.iter().zip(offsets).map(|(t, at)| View::bordered(t.shape, t.border, at)).collect();
    Ok((views, end + SLACK))
}

/// Offsets of buffers of these lengths, first and last moments of use, and the length of all.
fn place(buffers: &[(usize, usize, usize)]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(buffers[*i].0));
    let mut offsets = vec![0; buffers.len()];
    let mut placed: Vec<usize> = vec![];
    for i in order {
        let (len, from, to) = buffers[i];
        // Taken ranges at the same time, from the front.
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|p| buffers[**p].1 <= to && from <= buffers[**p].2)
            .map(|p| (offsets[*p], offsets[*p] + buffers[*p].0))
            .collect();
        taken.sort_unstable();
        let mut at = 0;
        for (start, end) in taken {
            if at + len <= start {
                break;
            }
            at = at.max(end);
        }
        offsets[i] = at;
        placed.push(i);
    }
    let end = buffers.iter().zip(&offsets).map(|(b, at)| b.0 + at).max().unwrap_or(0);
    (offsets, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_one_time_never_overlap_and_memory_is_reused() {
        let buffers = [(100, 0, 1), (50, 1, 2), (100, 2, 3), (10, 0, 3), (50, 3, 4)];
        let (offsets, end) = place(&buffers);
        for i in 0..buffers.len() {
            for j in 0..i {
                let (a, b) = (buffers[i], buffers[j]);
                let together = a.1 <= b.2 && b.1 <= a.2;
                let apart = offsets[i] + a.0 <= offsets[j] || offsets[j] + b.0 <= offsets[i];
                assert!(!together || apart, "{i} and {j}: {offsets:?}");
            }
        }
        assert_eq!(end, 160);
    }
}
