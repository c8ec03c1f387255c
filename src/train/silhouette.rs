//! The silhouette coefficient: how well labels part points in space.

use rayon::prelude::*;
use std::ops::Range;

/// Points whose distances are computed at once.
const LANES: usize = 64;
/// Sums of distances that run side by side, so that none waits for another.
const SUMS: usize = 8;

/// Mean silhouette coefficient (Rousseeuw 1987) of `points`, `[count][d]`, by their labels: from -1 to 1.
///
/// For each point `(b - a) / max(a, b)`, where `a` is its mean Euclidean distance from the others of its label and
/// `b` the least of those from the points of another; 0 for the only point of a label, and where both are 0.
/// Exact, over all pairs, in double precision. With a single label, or no points, it is 0; with a
/// number that is none, none.
pub fn silhouette(points: &[f32], d: usize, labels: &[u32]) -> f64 {
    let d = d.max(1);
    let count = labels.len().min(points.len() / d);
    // Points of a label side by side, of each coordinate: `[d][count]`.
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|i| labels[*i]);
    let sorted: Vec<f64> =
        (0..d).flat_map(|j| order.iter().map(move |i| f64::from(points[i * d + j]))).collect();
    let mut clusters: Vec<Range<usize>> = vec![];
    for run in order.chunk_by(|a, b| labels[*a] == labels[*b]) {
        let first = clusters.last().map_or(0, |c| c.end);
        clusters.push(first..first + run.len());
    }
    if clusters.len() < 2 {
        return 0.0;
    }
    let of_each: Vec<f64> = clusters
        .par_iter()
        .enumerate()
        .flat_map(|(own, cluster)| cluster.clone().into_par_iter().map(move |i| (own, i)))
        .map(|(own, i)| coefficient(&sorted, count, &clusters, own, i))
        .collect();
    of_each.iter().sum::<f64>() / count as f64
}

fn coefficient(sorted: &[f64], count: usize, clusters: &[Range<usize>], own: usize, point: usize) -> f64 {
    let others = clusters[own].len() - 1;
    if others == 0 {
        return 0.0;
    }
    let sum = |c: &Range<usize>| distances(sorted, count, c.clone(), point);
    // The point itself is at no distance.
    let a = sum(&clusters[own]) / others as f64;
    let means = clusters.iter().enumerate().filter(|(c, _)| *c != own).map(|(_, c)| sum(c) / c.len() as f64);
    let b = means.fold(f64::INFINITY, f64::min);
    let largest = a.max(b);
    if largest > 0.0 { (b - a) / largest } else { 0.0 }
}

/// Sum of the distances of one point from those in `range`.
fn distances(sorted: &[f64], count: usize, range: Range<usize>, point: usize) -> f64 {
    let mut sums = [0.0; SUMS];
    for first in range.clone().step_by(LANES) {
        let length = LANES.min(range.end - first);
        let mut squares = [0.0; LANES];
        for axis in sorted.chunks_exact(count) {
            let at = axis[point];
            for (square, v) in squares.iter_mut().zip(&axis[first..first + length]) {
                *square += (v - at) * (v - at);
            }
        }
        // What lies beyond a short block is 0 and adds nothing.
        for squares in squares[..length.next_multiple_of(SUMS)].as_chunks::<SUMS>().0 {
            sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square.sqrt());
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn slow(points: &[f32], d: usize, labels: &[u32]) -> f64 {
        let n = labels.len();
        let distance = |i: usize, j: usize| {
            (0..d)
                .map(|c| f64::from(points[i * d + c]) - f64::from(points[j * d + c]))
                .map(|v| v * v)
                .sum::<f64>()
                .sqrt()
        };
        let mean = |i: usize, label: u32| {
            let others: Vec<f64> =
                (0..n).filter(|j| *j != i && labels[*j] == label).map(|j| distance(i, j)).collect();
            others.iter().sum::<f64>() / others.len() as f64
        };
        let one = |i: usize| {
            let a = mean(i, labels[i]);
            let b =
                labels.iter().filter(|l| **l != labels[i]).map(|l| mean(i, *l)).fold(f64::INFINITY, f64::min);
            if a.is_nan() || a.max(b) == 0.0 { 0.0 } else { (b - a) / a.max(b) }
        };
        (0..n).map(one).sum::<f64>() / n as f64
    }

    #[test]
    fn known_values() {
        // By hand: all points have a = 1, the outer ones b = 9.5, the inner ones 8.5.
        let found = silhouette(&[0.0, 9.0, 1.0, 10.0, 4.0], 1, &[0, 4, 0, 4]);
        assert!((found - (1.0 - 1.0 / 9.5 + 1.0 - 1.0 / 8.5) / 2.0).abs() < 1e-12, "{found}");
        // A point alone counts 0.
        let alone = silhouette(&[0.0, 1.0, 10.0], 1, &[0, 0, 1]);
        assert!((alone - (0.9 + 8.0 / 9.0) / 3.0).abs() < 1e-12, "{alone}");
    }

    #[test]
    fn agrees_with_the_definition() {
        let mut rng = Rng::new(8);
        for (n, d, clusters) in [(150, 2, 4), (90, 7, 2), (300, 3, 40), (200, 1, 1)] {
            let points: Vec<f32> = (0..n * d).map(|_| rng.normal()).collect();
            let labels: Vec<u32> = (0..n).map(|_| rng.index(clusters) as u32 * 5).collect();
            let expected = if clusters == 1 { 0.0 } else { slow(&points, d, &labels) };
            let found = silhouette(&points, d, &labels);
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn strange_input() {
        assert_eq!(silhouette(&[], 2, &[]), 0.0);
        assert_eq!(silhouette(&[1.0, 1.0], 1, &[0, 1]), 0.0);
        assert_eq!(silhouette(&[1.0, 1.0, 1.0, 1.0], 1, &[0, 0, 1, 1]), 0.0);
        assert!(silhouette(&[f32::NAN, 1.0, 2.0, 3.0], 1, &[0, 0, 1, 1]).is_nan());
    }
}
