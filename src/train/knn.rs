//! How well the nearest neighbours of vectors know their labels: a measure of embeddings.

use rayon::prelude::*;
use std::cmp::Reverse;

/// Known vectors side by side, so that the compiler keeps their distances in registers.
const LANES: usize = 16;
/// Vectors asked about that meet each group of known ones while it is in the first cache.
const ASKED: usize = 32;

/// Share of `test`, `[count][d]`, whose `k` nearest of `train` vote for the label it has; 0 without any.
///
/// Euclidean distances between all pairs, in single precision. Nearest are those of least distance, the earlier of
/// equals; of the labels with most votes the smallest wins: as scikit-learn's `KNeighborsClassifier` by brute force
/// (whose choice among equal distances is arbitrary). Of fewer than `k` vectors all vote; a vector at no distance
/// (there are numbers that are none) never does.
pub(super) fn accuracy(
    train: &[f32],
    train_labels: &[u32],
    test: &[f32],
    test_labels: &[u32],
    d: usize,
    k: usize,
) -> f64 {
    let d = d.max(1);
    let groups = grouped(train, d);
    let right = |(rows, labels): (&[f32], &[u32])| {
        let nearest = nearest(&groups, train_labels.len().min(train.len() / d), rows, d, k);
        let hits = nearest.iter().zip(labels).filter(|(near, l)| vote(near, train_labels) == Some(**l));
        hits.count()
    };
    let asked = test_labels.len().min(test.len() / d);
    let right: usize = test.par_chunks(ASKED * d).zip(test_labels.par_chunks(ASKED)).map(right).sum();
    right as f64 / asked.max(1) as f64
}

/// `[group][d][LANES]`: the last group ends in vectors of zeros.
fn grouped(train: &[f32], d: usize) -> Vec<f32> {
    let mut groups = vec![0.0; (train.len() / d).div_ceil(LANES) * d * LANES];
    groups.par_chunks_exact_mut(d * LANES).zip(train.par_chunks(d * LANES)).for_each(|(group, rows)| {
        for (lane, row) in rows.chunks_exact(d).enumerate() {
            row.iter().enumerate().for_each(|(j, v)| group[j * LANES + lane] = *v);
        }
    });
    groups
}

/// Of each row the `k` nearest of the first `count` in `groups`, nearest first: squared distance and index.
fn nearest(groups: &[f32], count: usize, rows: &[f32], d: usize, k: usize) -> Vec<Vec<(f32, usize)>> {
    let mut nearest = vec![Vec::with_capacity(k.min(count) + 1); rows.len() / d];
    for (index, group) in groups.chunks_exact(d * LANES).enumerate() {
        let first = index * LANES;
        for (row, near) in rows.chunks_exact(d).zip(&mut nearest) {
            let squares = squares(group, row);
            let limit =
                if near.len() < k { f32::INFINITY } else { near.last().map_or(-1.0, |n: &(f32, usize)| n.0) };
            // Nearly always none is nearer than the last.
            if squares.iter().all(|s| *s >= limit) && limit < f32::INFINITY {
                continue;
            }
            for (lane, square) in squares.into_iter().enumerate().take(count.saturating_sub(first)) {
                insert(near, (square, first + lane), k);
            }
        }
    }
    nearest
}

/// Squared distances of a row from a group.
#[inline]
fn squares(group: &[f32], row: &[f32]) -> [f32; LANES] {
    let mut sums = [0.0; LANES];
    for (lanes, v) in group.as_chunks::<LANES>().0.iter().zip(row) {
        for (sum, lane) in sums.iter_mut().zip(lanes) {
            *sum += (lane - v) * (lane - v);
        }
    }
    sums
}

/// Keeps the `k` nearest in order; indices rise from call to call, so that equals stay behind.
fn insert(near: &mut Vec<(f32, usize)>, new: (f32, usize), k: usize) {
    let at = near.partition_point(|n| n.0 <= new.0);
    if at < k && !new.0.is_nan() {
        near.insert(at, new);
        near.truncate(k);
    }
}

fn vote(near: &[(f32, usize)], labels: &[u32]) -> Option<u32> {
    let mut votes: Vec<u32> = near.iter().map(|n| labels[n.1]).collect();
    votes.sort_unstable();
    let runs = votes.chunk_by(|a, b| a == b).filter_map(|run| Some((run.len(), Reverse(*run.first()?))));
    runs.max().map(|(_, label)| label.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn slow(train: &[f32], labels: &[u32], test: &[f32], expected: &[u32], d: usize, k: usize) -> f64 {
        let right = |(row, expected): &(&[f32], &u32)| {
            let square = |t: &[f32]| t.iter().zip(*row).fold(0.0f32, |sum, (a, b)| sum + (a - b) * (a - b));
            let mut near: Vec<(f32, usize)> = train.chunks(d).map(square).zip(0..).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut votes = std::collections::BTreeMap::<u32, i32>::new();
            near.iter().take(k).for_each(|n| *votes.entry(labels[n.1]).or_default() += 1);
            let most = votes.values().max().copied();
            votes.into_iter().find(|v| Some(v.1) == most).map(|v| v.0) == Some(**expected)
        };
        test.chunks(d).zip(expected).filter(right).count() as f64 / expected.len() as f64
    }

    #[test]
    fn agrees_with_sorting_everything() {
        let mut rng = Rng::new(3);
        for (n, m, d, k) in [(100, 70, 3, 5), (37, 33, 1, 1), (16, 1, 8, 4), (3, 40, 2, 10), (400, 90, 2, 7)]
        {
            // Whole numbers: many distances are equal.
            let mut vectors = |n: usize| (0..n * d).map(|_| rng.int(0, 4) as f32).collect::<Vec<_>>();
            let (train, test) = (vectors(n), vectors(m));
            let mut labels = |n: usize| (0..n).map(|_| rng.int(0, 3) as u32).collect::<Vec<_>>();
            let (a, b) = (labels(n), labels(m));
            assert_eq!(
                accuracy(&train, &a, &test, &b, d, k),
                slow(&train, &a, &test, &b, d, k),
                "{n} {d} {k}"
            );
        }
    }

    #[test]
    fn ties_as_scikit_learn() {
        // Two votes each for 7 and 3, one for 1: the smaller of the frequent.
        let train = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0];
        assert_eq!(accuracy(&train, &[7, 7, 3, 3, 1, 0], &[0.0], &[3], 1, 5), 1.0);
        // Equal distances: the earlier.
        assert_eq!(accuracy(&[1.0, -1.0], &[9, 2], &[0.0], &[9], 1, 1), 1.0);
    }

    #[test]
    fn strange_input() {
        assert_eq!(accuracy(&[], &[], &[1.0], &[0], 1, 3), 0.0);
        assert_eq!(accuracy(&[1.0], &[0], &[], &[], 1, 3), 0.0);
        assert_eq!(accuracy(&[1.0], &[0], &[1.0], &[0], 1, 0), 0.0);
        assert_eq!(accuracy(&[1.0], &[0], &[1.0], &[0], 0, 1), 1.0);
        assert_eq!(accuracy(&[f32::NAN, 1.0, f32::INFINITY], &[0, 1, 0], &[0.0], &[1], 1, 1), 1.0);
        assert_eq!(accuracy(&[1.0], &[0], &[f32::NAN], &[0], 1, 1), 0.0);
    }
}
