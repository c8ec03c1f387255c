//! The silhouette coefficient: how well labels part points in space.

use rayon::prelude::*;

/// Points side by side, so that the compiler keeps their distances in registers.
const LANES: usize = 16;

/// The points of a label.
struct Cluster {
    count: usize,
    /// `[group][d][LANES]`: the last group ends in points of zeros.
    groups: Vec<f64>,
}

/// Mean silhouette coefficient (Rousseeuw 1987) of `points`, `[count][d]`, by their labels: from -1 to 1.
///
/// For each point `(b - a) / max(a, b)`, where `a` is its mean Euclidean distance from the others of its label and
/// `b` the least of those from the points of another; 0 for the only point of a label, and where both are 0.
/// Exact, over all pairs, in double precision. With a single label, or no points, it is 0; with a
/// number that is none, none.
pub(super) fn silhouette(points: &[f32], d: usize, labels: &[u32]) -> f64 {
    let d = d.max(1);
    let count = labels.len().min(points.len() / d);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|i| labels[*i]);
    let row = |i: usize| &points[i * d..][..d];
    let members: Vec<&[usize]> = order.chunk_by(|a, b| labels[*a] == labels[*b]).collect();
    if members.len() < 2 {
        return 0.0;
    }
    let clusters: Vec<Cluster> = members.iter().map(|m| Cluster::of(m, row, d)).collect();
    let of_each: Vec<f64> = members
        .par_iter()
        .enumerate()
        .flat_map(|(own, members)| members.par_iter().map(move |i| (own, *i)))
        .map(|(own, i)| {
            let point: Vec<f64> = row(i).iter().map(|v| f64::from(*v)).collect();
            coefficient(&clusters, own, &point)
        })
        .collect();
    of_each.iter().sum::<f64>() / count as f64
}

fn coefficient(clusters: &[Cluster], own: usize, point: &[f64]) -> f64 {
    let others = clusters[own].count - 1;
    if others == 0 {
        return 0.0;
    }
    // The point itself is at no distance.
    let a = clusters[own].distances(point) / others as f64;
    let foreign = clusters.iter().enumerate().filter(|(c, _)| *c != own);
    let b = foreign.map(|(_, c)| c.distances(point) / c.count as f64).fold(f64::INFINITY, f64::min);
    let largest = a.max(b);
    if largest == 0.0 { 0.0 } else { (b - a) / largest }
}

impl Cluster {
    fn of<'a>(members: &[usize], row: impl Fn(usize) -> &'a [f32], d: usize) -> Cluster {
        let mut groups = vec![0.0; members.len().div_ceil(LANES) * d * LANES];
        for (group, members) in groups.chunks_exact_mut(d * LANES).zip(members.chunks(LANES)) {
            for (lane, member) in members.iter().enumerate() {
                row(*member).iter().enumerate().for_each(|(j, v)| group[j * LANES + lane] = f64::from(*v));
            }
        }
        Cluster { count: members.len(), groups }
    }

    /// Sum of the distances of a point from all.
    fn distances(&self, point: &[f64]) -> f64 {
        let mut sums = [0.0; LANES];
        let mut left = self.count;
        for group in self.groups.chunks_exact(point.len() * LANES) {
            let mut squares = [0.0; LANES];
            for (lanes, at) in group.as_chunks::<LANES>().0.iter().zip(point) {
                for (square, v) in squares.iter_mut().zip(lanes) {
                    *square += (v - at) * (v - at);
                }
            }
            // Those that fill the last group up are no points.
            squares.iter_mut().skip(left).for_each(|s| *s = 0.0);
            left = left.saturating_sub(LANES);
            sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square.sqrt());
        }
        sums.iter().sum()
    }
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
