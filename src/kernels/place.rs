//! Where buffers lie in memory that they share: those that live at different times may overlap.

/// Offsets of buffers of these lengths, first and last moments of use, and the length of all.
pub(super) fn place(buffers: &[(usize, usize, usize)]) -> (Vec<usize>, usize) {
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
