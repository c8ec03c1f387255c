//! A map: places in the plane in which near rows stay near. UMAP (McInnes, Healy and Melville 2018) on exact neighbours, with
//! the curve `1 / (1 + d²)`, which is its a = b = 1, and as gradients of whole epochs with Adam, as uwot's `batch` mode
//! has it: each row moves by what the last epoch's places say, with random numbers of its own, so that the
//! result is the same at any number of threads.

use super::neighbours::Neighbours;
use crate::random::Rng;
use rayon::prelude::*;

/// Random rows that push a row away, for each neighbour that pulls.
const PUSHES: usize = 5;
/// Of Adam; uwot's.
const BETA: (f32, f32) = (0.5, 0.9);
/// Most that one row pulls or pushes another.
const STRONGEST: f32 = 4.0;
/// Half of the width at the beginning.
const START: f32 = 10.0;

/// A row's share of the graph: other rows with weights from 0 to 1, as rows one after another.
struct Graph {
    starts: Vec<usize>,
    edges: Vec<(u32, f32)>,
}

/// Epochs for so many rows.
pub(crate) fn epochs(rows: usize) -> usize {
    if rows <= 10_000 { 500 } else { 200 }
}

/// The places of rows, `[n][2]`, from those of the first two principal components.
///
/// Rows without neighbours stay where they are.
pub(crate) fn map(neighbours: &Neighbours, start: &[[f32; 2]], seed: u64) -> Vec<[f32; 2]> {
    let mut places = spread(start, seed);
    let n = places.len().min(neighbours.rows());
    if n < 2 {
        return places;
    }
    let graph = Graph::of(neighbours);
    let epochs = epochs(n);
    let mut next = places.clone();
    let mut moments = vec![[[0.0f32; 2]; 2]; n];
    let mut powers = (1.0f32, 1.0f32);
    for epoch in 0..epochs {
        powers = (powers.0 * BETA.0, powers.1 * BETA.1);
        let rate = (1.0 - epoch as f32 / epochs as f32) * (1.0 - powers.1).sqrt() / (1.0 - powers.0);
        let each = next.par_iter_mut().zip(&mut moments).enumerate().with_min_len(256);
        each.for_each(|(row, (place, moments))| {
            let pull = graph.pull(row, epoch, &places[..n], seed);
            let axes = place.iter_mut().zip(moments.iter_mut()).zip(pull.iter().zip(&places[row]));
            for ((place, [mean, square]), (pull, here)) in axes {
                *mean = BETA.0 * *mean + (1.0 - BETA.0) * pull;
                *square = BETA.1 * *square + (1.0 - BETA.1) * pull * pull;
                *place = here + rate * *mean / (square.sqrt() + 1e-7);
            }
        });
        std::mem::swap(&mut places, &mut next);
    }
    places
}

/// The beginning: about the middle and of one width, with a little noise, so that equal rows part.
fn spread(start: &[[f32; 2]], seed: u64) -> Vec<[f32; 2]> {
    let furthest = start.iter().flatten().fold(0.0f32, |most, v| most.max(v.abs()));
    let scale = if furthest > 0.0 { START / furthest } else { 0.0 };
    let mut rng = Rng::new(seed);
    start.iter().map(|at| at.map(|v| v * scale + 1e-3 * rng.normal())).collect()
}

impl Graph {
    /// Of each row with those that are near it, or that it is near to.
    fn of(neighbours: &Neighbours) -> Graph {
        let n = neighbours.rows();
        let weights: Vec<Vec<(u32, f32)>> =
            (0..n).into_par_iter().with_min_len(256).map(|row| weights(neighbours.of(row))).collect();
        let mut counts = vec![0usize; n + 1];
        weights.iter().flatten().for_each(|(other, _)| counts[*other as usize + 1] += 1);
        (0..n).for_each(|row| counts[row + 1] += counts[row]);
        // Who has a row among its neighbours, in rising order.
        let mut back = vec![(0u32, 0.0f32); counts[n]];
        let mut at = counts.clone();
        for (row, weights) in weights.iter().enumerate() {
            for (other, weight) in weights {
                back[at[*other as usize]] = (row as u32, *weight);
                at[*other as usize] += 1;
            }
        }
        let mut graph =
            Graph { starts: Vec::with_capacity(n + 1), edges: Vec::with_capacity(2 * back.len()) };
        graph.starts.push(0);
        for (row, mut there) in weights.into_iter().enumerate() {
            there.sort_unstable_by_key(|edge| edge.0);
            let mut back = back[counts[row]..counts[row + 1]].iter().peekable();
            for (other, weight) in there {
                while let Some(edge) = back.next_if(|edge| edge.0 < other) {
                    graph.edges.push(*edge);
                }
                // Either may say that they are near.
                let both = back.next_if(|edge| edge.0 == other).map_or(0.0, |edge| edge.1);
                graph.edges.push((other, weight + both - weight * both));
            }
            graph.edges.extend(back);
            graph.starts.push(graph.edges.len());
        }
        graph
    }

    /// Where a row is drawn to in an epoch: an edge takes part as often as its weight says, and brings random others that
    /// push.
    #[inline]
    fn pull(&self, row: usize, epoch: usize, places: &[[f32; 2]], seed: u64) -> [f32; 2] {
        let here = places[row];
        let mut pull = [0.0f32; 2];
        let mut random = Stream::of(seed, epoch, row);
        for (other, weight) in &self.edges[self.starts[row]..self.starts[row + 1]] {
            let times = |epochs: usize| (epochs as f32 * weight) as u32;
            if times(epoch + 1) == times(epoch) {
                continue;
            }
            let by = [here[0] - places[*other as usize][0], here[1] - places[*other as usize][1]];
            let squared = by[0] * by[0] + by[1] * by[1];
            let factor = -2.0 / (1.0 + squared);
            (0..2).for_each(|axis| pull[axis] += (factor * by[axis]).clamp(-STRONGEST, STRONGEST));
            for _ in 0..PUSHES {
                let other = places[random.index(places.len())];
                let by = [here[0] - other[0], here[1] - other[1]];
                let squared = by[0] * by[0] + by[1] * by[1];
                let factor = 2.0 / ((0.001 + squared) * (1.0 + squared));
                (0..2).for_each(|axis| pull[axis] += (factor * by[axis]).clamp(-STRONGEST, STRONGEST));
            }
        }
        pull
    }
}

/// How strongly a row belongs to its neighbours: 1 for the nearest, the others such that together they make up the
/// logarithm of their number.
fn weights(near: impl Iterator<Item = (u32, f32)> + Clone) -> Vec<(u32, f32)> {
    let (ids, distances): (Vec<u32>, Vec<f64>) = near.map(|(id, d)| (id, f64::from(d))).unzip();
    // The nearest that is not the same.
    let nearest = distances.iter().copied().find(|d| *d > 0.0).unwrap_or(0.0);
    let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
    let wanted = (distances.len().max(1) as f64).log2();
    let sum = |sigma: f64| distances.iter().map(|d| weight(d - nearest, sigma)).sum::<f64>();
    let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let found = sum(sigma);
        if (found - wanted).abs() < 1e-5 {
            break;
        }
        if found > wanted {
            high = sigma;
            sigma = 0.5 * (low + high);
        } else {
            low = sigma;
            sigma = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * sigma };
        }
    }
    let sigma = sigma.max(1e-3 * mean);
    let weight = |d: f64| weight(d - nearest, sigma) as f32;
    ids.into_iter().zip(distances).map(|(id, d)| (id, weight(d))).collect()
}

fn weight(beyond: f64, sigma: f64) -> f64 {
    if beyond <= 0.0 || sigma <= 0.0 { 1.0 } else { libm::exp(-beyond / sigma) }
}

/// Random numbers of one row in one epoch: SplitMix64, from a place in its sequence of their own.
struct Stream(u64);

impl Stream {
    fn of(seed: u64, epoch: usize, row: usize) -> Stream {
        let mut stream = Stream(seed ^ (epoch as u64) << 40 ^ row as u64);
        stream.0 = stream.bits();
        stream
    }

    #[inline]
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[inline]
    fn index(&mut self, len: usize) -> usize {
        ((u128::from(self.bits()) * len as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::nearest::nearest;
    use crate::vectors::points::{Distance, Points};

    fn blobs(n: usize, d: usize) -> (Points, Vec<[f32; 2]>) {
        let mut rng = Rng::new(4);
        let centres: Vec<f32> = (0..4 * d).map(|_| 4.0 * rng.normal()).collect();
        let rows: Vec<f32> = (0..n * d).map(|at| centres[at / d % 4 * d + at % d] + rng.normal()).collect();
        let start = rows.chunks_exact(d).map(|row| [row[0], row[1]]).collect();
        (Points::new(rows, d, Distance::Euclidean), start)
    }

    #[test]
    fn groups_stay_together_and_threads_change_nothing() {
        let (points, start) = blobs(240, 6);
        let neighbours = nearest(&points, 10);
        let places = map(&neighbours, &start, 3);
        let flat = places.iter().flatten().copied().collect();
        let near = nearest(&Points::new(flat, 2, Distance::Euclidean), 5);
        let same = (0..240).flat_map(|row| near.of(row).map(move |n| n.0 as usize % 4 == row % 4));
        assert!(same.filter(|same| *same).count() > 1190, "of 1200");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(|| map(&neighbours, &start, 3)), places);
        assert_ne!(map(&neighbours, &start, 4), places);
    }

    #[test]
    fn weights_add_up() {
        let found = weights([(7, 0.0f32), (2, 1.0), (5, 2.0), (3, 4.0)].into_iter());
        assert_eq!((found[0], found[1].1), ((7, 1.0), 1.0));
        assert!((found.iter().map(|w| w.1).sum::<f32>() - 2.0).abs() < 0.1, "{found:?}");
        assert!(weights(std::iter::empty()).is_empty());
    }

    #[test]
    fn strange_input() {
        assert!(map(&Neighbours::none(0, 3), &[], 0).is_empty());
        let alone = map(&Neighbours::none(3, 2), &[[1.0, 0.0]; 3], 0);
        assert!(alone.iter().flatten().all(|v| v.is_finite()));
        let same = Points::new(vec![2.0; 50 * 3], 3, Distance::Cosine);
        let places = map(&nearest(&same, 4), &[[0.0, 0.0]; 50], 0);
        assert!(places.iter().flatten().all(|v| v.is_finite()));
    }
}
