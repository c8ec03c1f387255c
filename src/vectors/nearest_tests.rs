//! Neighbours against sorting all distances.

use super::nearest::{Before, nearest, nearest_at, updated};
use super::neighbours::{NOBODY, Neighbours};
use super::points::{Distance, Points};
use crate::kernels::Level;
use crate::random::Rng;
use proptest::prelude::*;

/// All distances, sorted.
fn slow(points: &Points, k: usize) -> Neighbours {
    let mut found = Neighbours::none(points.len(), k);
    for row in (0..points.len()).filter(|row| !points.is_none(*row)) {
        let others = (0..points.len()).filter(|other| *other != row && !points.is_none(*other));
        let mut all: Vec<(f32, usize)> = others.map(|other| (points.distance(row, other), other)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (at, (distance, other)) in all.into_iter().take(k).enumerate() {
            (found.ids[row * k + at], found.distances[row * k + at]) = (other as u32, distance);
        }
    }
    found
}

fn random(rng: &mut Rng, n: usize, d: usize, kind: usize) -> Vec<f32> {
    let offset = if kind == 1 { 1000.0 } else { 0.0 };
    let mut rows: Vec<f32> = (0..n * d)
        .map(|_| match kind {
            // Whole numbers: many distances are equal, and many rows.
            0 => rng.int(-1, 1) as f32,
            _ => offset + rng.normal(),
        })
        .collect();
    for _ in 0..if n > 4 { n / 5 } else { 0 } {
        let (from, to) = (rng.index(n), rng.index(n));
        rows.copy_within(from * d..(from + 1) * d, to * d);
    }
    if kind == 3 && n > 2 {
        rows[..d].fill(f32::NAN);
        rows[d..2 * d].fill(0.0);
        rows[(n - 1) * d..].fill(0.0);
    }
    rows
}

#[test]
fn agrees_with_sorting_everything() {
    let mut rng = Rng::new(5);
    let sizes = [(1, 3, 2), (2, 1, 4), (5, 2, 10), (150, 1, 3), (250, 7, 10), (300, 64, 10), (70, 130, 5)];
    for (n, d, k) in sizes {
        for (kind, distance) in
            (0..4).flat_map(|kind| [Distance::Cosine, Distance::Euclidean].map(|d| (kind, d)))
        {
            let points = Points::new(random(&mut rng, n, d, kind), d, distance);
            let expected = slow(&points, k);
            for level in Level::available() {
                let found = nearest_at(&points, k, level);
                assert_eq!(found, expected, "{n} {d} {k} {kind} {distance:?} {level:?}");
            }
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                assert_eq!(pool.install(|| nearest(&points, k)), expected, "{threads} threads");
            }
        }
    }
}

#[test]
fn numbers_at_the_ends_of_single_precision() {
    for scale in [1e-44f32, 1e-38, 1e-20, 1e30, 3e38] {
        let mut rng = Rng::new(6);
        let rows: Vec<f32> = (0..200 * 3).map(|_| (rng.unit() as f32 - 0.5) * 2.0 * scale).collect();
        for distance in [Distance::Cosine, Distance::Euclidean] {
            let points = Points::new(rows.clone(), 3, distance);
            let found = nearest(&points, 5);
            assert_eq!(found, slow(&points, 5), "{scale:e} {distance:?}");
            assert!(found.distances.iter().all(|v| v.is_finite()));
        }
    }
}

#[test]
fn what_has_no_direction_is_at_distance_one() {
    let rows = vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, -1.0, 0.0, f32::NAN, 1.0];
    let found = nearest(&Points::new(rows, 2, Distance::Cosine), 3);
    assert_eq!(found.of(0).collect::<Vec<_>>(), [(3, 0.0), (1, 1.0), (2, 1.0)]);
    assert_eq!(found.of(1).collect::<Vec<_>>(), [(0, 1.0), (2, 1.0), (3, 1.0)]);
    assert_eq!(found.of(4).collect::<Vec<_>>(), [(1, 1.0), (2, 1.0), (0, 2.0)]);
    assert_eq!(found.of(5).count(), 0);
    assert_eq!((found.ids[15], found.distances[15]), (NOBODY, f32::INFINITY));
}

#[test]
fn known_distances() {
    let points = Points::new(vec![0.0, 0.0, 3.0, 4.0, 0.0, 4.0], 2, Distance::Euclidean);
    assert_eq!(nearest(&points, 2).of(0).collect::<Vec<_>>(), [(2, 4.0), (1, 5.0)]);
    let points = Points::new(vec![1.0, 0.0, 0.0, 7.0, 3.0, 3.0], 2, Distance::Cosine);
    let found: Vec<(u32, f32)> = nearest(&points, 2).of(0).collect();
    assert_eq!((found[0].0, found[1].0), (2, 1));
    assert!(
        (found[0].1 - (1.0 - 0.5f32.sqrt())).abs() < 1e-6 && (found[1].1 - 1.0).abs() < 1e-6,
        "{found:?}"
    );
    // The same direction is at no distance, whatever the length.
    let points = Points::new(vec![0.1, 0.7, 0.3, 0.2, 1.4, 0.6], 3, Distance::Cosine);
    assert!(nearest(&points, 1).distances.iter().all(|d| *d < 1e-13));
}

#[test]
fn all_rows_alike_take_no_time() {
    let points = Points::new(vec![0.25; 20_000 * 4], 4, Distance::Cosine);
    let found = nearest(&points, 3);
    assert_eq!(found.of(7).map(|n| n.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(found.of(1).map(|n| n.0).collect::<Vec<_>>(), [0, 2, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn new_removed_and_changed_rows_give_what_doing_all_anew_gives(
        seed: u64, n in 1usize..160, d in 1usize..5, k in 1usize..7, kind in 0usize..4, cosine: bool,
        removed in 0usize..6, changed in 0usize..4, added in 0usize..20,
    ) {
        let mut rng = Rng::new(seed);
        let distance = if cosine { Distance::Cosine } else { Distance::Euclidean };
        let old = random(&mut rng, n, d, kind);
        let neighbours = nearest(&Points::new(old.clone(), d, distance), k);
        // What becomes of the rows: (numbers, the row that it was).
        let mut rows: Vec<(Vec<f32>, Option<u32>)> = old.chunks(d).map(<[f32]>::to_vec).zip((0..).map(Some)).collect();
        for _ in 0..removed.min(n - 1) {
            rows.remove(rng.index(rows.len()));
        }
        for _ in 0..changed {
            let at = rng.index(rows.len());
            rows[at] = (random(&mut rng, 1, d, kind), None);
        }
        for _ in 0..added {
            let at = rng.index(rows.len() + 1);
            let copy = rng.chance(0.3);
            let new = if copy { rows[rng.index(rows.len())].0.clone() } else { random(&mut rng, 1, d, kind) };
            rows.insert(at, (new, None));
        }
        let was: Vec<Option<u32>> = rows.iter().map(|row| row.1).collect();
        let points = Points::new(rows.concat_numbers(), d, distance);
        let found = updated(&points, k, Before { neighbours: &neighbours, was: &was });
        prop_assert_eq!(&found, &slow(&points, k));
        // What is no sequence of earlier rows is not used.
        let mut wrong = was.clone();
        wrong.reverse();
        let found = updated(&points, k, Before { neighbours: &neighbours, was: &wrong });
        prop_assert_eq!(wrong == was || was.iter().flatten().count() < 2 || found == slow(&points, k), true);
    }
}

trait Concat {
    fn concat_numbers(&self) -> Vec<f32>;
}

impl Concat for Vec<(Vec<f32>, Option<u32>)> {
    fn concat_numbers(&self) -> Vec<f32> {
        self.iter().flat_map(|row| row.0.iter().copied()).collect()
    }
}
