//! k-means: Lloyd's algorithm from seeds drawn by k-means++ (Arthur and Vassilvitskii 2007).

use super::points::sum;
use crate::random::Rng;
use rayon::prelude::*;

/// Rows that centres are found from: of more, an even sample.
const SAMPLE: usize = 50_000;
const ROUNDS: usize = 40;
/// Rows whose sums are made together, whatever the threads.
const PART: usize = 4096;
/// Centres side by side, so that the compiler keeps their distances in registers.
const LANES: usize = 16;
/// Most clusters by the rule.
const MOST: usize = 64;

/// As many clusters as suit so many rows: the root of half their number (Mardia 1979), from 1 to 64.
pub(crate) fn suitable(rows: usize) -> usize {
    ((rows as f64 / 2.0).sqrt().round() as usize).clamp(1, MOST)
}

/// The cluster of each of `rows`, `[n][d]`: no more than `count`; 0 is the largest, of equals that of the earlier row.
pub(crate) fn clusters(rows: &[f32], d: usize, count: usize, seed: u64) -> Vec<u32> {
    let n = rows.len() / d.max(1);
    if n == 0 || count == 0 {
        return vec![0; n];
    }
    let row = |at: usize| &rows[at * d..][..d];
    let taken = n.min(SAMPLE);
    let sample: Vec<f32> = (0..taken).flat_map(|at| row(at * n / taken).iter().copied()).collect();
    let mut centres = seeds(&sample, d, count.min(taken), &mut Rng::new(seed));
    let mut nearest = Vec::new();
    for _ in 0..ROUNDS {
        let now = Centres::of(&centres, d).nearest(&sample, d);
        if now == nearest {
            break;
        }
        nearest = now;
        centres = means(&sample, d, &nearest, centres);
    }
    renumbered(&Centres::of(&centres, d).nearest(rows, d), centres.len() / d)
}

/// Rows to begin with, each drawn with a chance that grows with its squared distance from those drawn before.
fn seeds(rows: &[f32], d: usize, count: usize, rng: &mut Rng) -> Vec<f32> {
    let n = rows.len() / d;
    let row = |at: usize| &rows[at * d..][..d];
    let mut centres = row(rng.index(n)).to_vec();
    let mut squares = vec![f64::INFINITY; n];
    while centres.len() < count * d {
        let last = centres[centres.len() - d..].to_vec();
        squares.par_iter_mut().enumerate().with_min_len(256).for_each(|(at, square)| {
            *square = square.min(sum(row(at), &last, |a, b| (a - b) * (a - b)));
        });
        let total: f64 = squares.iter().sum();
        // All rows are centres already.
        if total <= 0.0 {
            break;
        }
        let mut left = rng.unit() * total;
        let passes = |square: &f64| {
            left -= square;
            left < 0.0
        };
        let drawn = squares.iter().position(passes);
        let drawn = drawn.or_else(|| squares.iter().rposition(|s| *s > 0.0)).unwrap_or(0);
        centres.extend_from_slice(row(drawn));
    }
    centres
}

/// Centres in groups of [`LANES`], `[group][d][LANES]`; the last one fills its group up.
struct Centres {
    groups: Vec<f32>,
}

impl Centres {
    fn of(centres: &[f32], d: usize) -> Centres {
        let count = centres.len() / d;
        let mut groups = vec![0.0; count.div_ceil(LANES) * LANES * d];
        for (at, value) in groups.iter_mut().enumerate() {
            let (group, axis, lane) = (at / (LANES * d), at / LANES % d, at % LANES);
            *value = centres[(group * LANES + lane).min(count - 1) * d + axis];
        }
        Centres { groups }
    }

    fn nearest(&self, rows: &[f32], d: usize) -> Vec<u32> {
        rows.par_chunks_exact(d).with_min_len(256).map(|row| self.nearest_to(row)).collect()
    }

    /// The first of the nearest.
    fn nearest_to(&self, row: &[f32]) -> u32 {
        let mut best = (f32::INFINITY, 0);
        for (group, centres) in self.groups.chunks_exact(row.len() * LANES).enumerate() {
            let mut squares = [0.0f32; LANES];
            for (lanes, v) in centres.as_chunks::<LANES>().0.iter().zip(row) {
                squares.iter_mut().zip(lanes).for_each(|(square, c)| *square += (v - c) * (v - c));
            }
            for (lane, square) in squares.into_iter().enumerate() {
                if square < best.0 {
                    best = (square, (group * LANES + lane) as u32);
                }
            }
        }
        best.1
    }
}

/// The mean of each cluster's rows; a centre that has none stays.
fn means(rows: &[f32], d: usize, nearest: &[u32], centres: Vec<f32>) -> Vec<f32> {
    let count = centres.len() / d;
    let sums: Vec<(Vec<f64>, Vec<u64>)> = rows
        .par_chunks(PART * d)
        .zip(nearest.par_chunks(PART))
        .map(|(rows, nearest)| {
            let (mut sums, mut counts) = (vec![0.0; count * d], vec![0; count]);
            for (row, cluster) in rows.chunks_exact(d).zip(nearest) {
                let cluster = *cluster as usize;
                counts[cluster] += 1;
                let sums = &mut sums[cluster * d..][..d];
                sums.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v));
            }
            (sums, counts)
        })
        .collect();
    let counts: Vec<u64> = (0..count).map(|c| sums.iter().map(|(_, counts)| counts[c]).sum()).collect();
    let mean = |(at, old): (usize, f32)| match counts[at / d] {
        0 => old,
        count => (sums.iter().map(|(sums, _)| sums[at]).sum::<f64>() / count as f64) as f32,
    };
    centres.into_iter().enumerate().map(mean).collect()
}

/// By size, without empty ones.
fn renumbered(clusters: &[u32], count: usize) -> Vec<u32> {
    let mut sizes: Vec<(usize, usize, usize)> = (0..count).map(|c| (0, usize::MAX, c)).collect();
    for (row, cluster) in clusters.iter().enumerate() {
        let size = &mut sizes[*cluster as usize];
        (size.0, size.1) = (size.0 + 1, size.1.min(row));
    }
    sizes.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut names = vec![0; count];
    sizes.iter().enumerate().for_each(|(name, size)| names[size.2] = name as u32);
    clusters.iter().map(|cluster| names[*cluster as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_lie_apart_are_found_the_largest_first() {
        let mut rng = Rng::new(9);
        // Three in eight, two, two and one.
        let label = |row: usize| [0, 1, 0, 2, 0, 1, 2, 3][row % 8];
        let centres = [[0.0f32, 0.0, 9.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [-9.0, -9.0, 0.0]];
        let rows: Vec<f32> = (0..800).flat_map(|row| centres[label(row)].map(|v| v + rng.normal())).collect();
        let found = clusters(&rows, 3, 4, 1);
        assert!(found.iter().enumerate().all(|(row, cluster)| *cluster as usize == label(row)));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| clusters(&rows, 3, 4, 1)), found);
    }

    #[test]
    fn more_clusters_than_rows_and_equal_rows() {
        assert!(clusters(&[], 3, 4, 1).is_empty());
        assert_eq!(clusters(&[1.0, 2.0], 2, 4, 1), [0]);
        assert_eq!(clusters(&[3.0; 40], 2, 5, 1), [0; 20]);
        let mut few = clusters(&[0.0, 5.0, 0.0, 9.0], 1, 9, 1);
        assert_eq!((few[0], few[2]), (0, 0));
        few.sort_unstable();
        few.dedup();
        assert_eq!(few, [0, 1, 2]);
        assert_eq!([0, 1, 50, 10_000, 1_000_000].map(suitable), [1, 1, 5, 64, 64]);
    }
}
