//! Agreement of views: what brings the codes of two views of one picture together and those of others apart.
//!
//! NT-Xent (Chen et al. 2020, SimCLR): among all views of a batch each has to find its other, by the cosines of their codes.

use rayon::prelude::*;

/// Views of a picture that are to agree.
pub(super) const VIEWS: usize = 2;

/// How views of one picture are drawn, and how much it counts that their codes agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// By what its loss is multiplied where it is added to the output's.
    pub weight: f64,
    /// What cosines are divided by, above 0: the smaller, the more the nearest others count.
    pub temperature: f64,
    /// Least share of the picture that a view shows, above 0.
    pub crop: f64,
}

impl Agreement {
    /// The weighted mean loss of `codes`, `[view][number]` with `width` numbers each, whose views 2i and 2i + 1 are of one
    /// picture. Sets `gradient`, which is as long, to its derivatives. `examples` tells of each pair of views what it shows, so
    /// that one that comes twice is not held away from itself; empty where none does.
    pub(super) fn of(&self, codes: &[f32], width: usize, examples: &[usize], gradient: &mut [f32]) -> f64 {
        let count = codes.len() / width;
        let lengths: Vec<f64> = codes.par_chunks_exact(width).map(length).collect();
        let directions: Vec<f64> = codes
            .par_chunks_exact(width)
            .zip(&lengths)
            .flat_map_iter(|(code, length)| code.iter().map(move |v| f64::from(*v) / length))
            .collect();
        let direction = |view: usize| &directions[view * width..][..width];
        let shows = |view: usize| examples.get(view / VIEWS);
        let again = |view: usize, other: usize| {
            view / VIEWS != other / VIEWS && shows(view).is_some() && shows(view) == shows(other)
        };
        // How the loss of each view grows with its cosine to each other one, before the temperature and the mean.
        let mut slopes = vec![0.0; count * count];
        let losses: Vec<f64> = slopes
            .par_chunks_exact_mut(count.max(1))
            .enumerate()
            .map(|(view, slopes)| {
                let nearness = |other: usize| dot(direction(view), direction(other)) / self.temperature;
                slopes.iter_mut().enumerate().for_each(|(other, s)| *s = nearness(other));
                for (other, slope) in slopes.iter_mut().enumerate() {
                    if other == view || again(view, other) {
                        *slope = f64::NEG_INFINITY;
                    }
                }
                let wanted = slopes[view ^ 1];
                let most = slopes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = slopes.iter().map(|s| libm::exp(s - most)).sum();
                slopes.iter_mut().for_each(|s| *s = libm::exp(*s - most) / sum);
                slopes[view ^ 1] -= 1.0;
                most + libm::log(sum) - wanted
            })
            .collect();
        let share = self.weight / count.max(1) as f64;
        gradient.par_chunks_exact_mut(width).enumerate().for_each(|(view, gradient)| {
            let mut along = vec![0.0; width];
            for other in 0..count {
                // Each of the two has the cosine in its loss.
                let slope = slopes[view * count + other] + slopes[other * count + view];
                along.iter_mut().zip(direction(other)).for_each(|(a, q)| *a += slope * q);
            }
            // A code's length changes nothing.
            let own = direction(view);
            let outwards = dot(&along, own);
            let scale = share / (self.temperature * lengths[view]);
            let across = along.iter().zip(own).map(|(a, q)| ((a - outwards * q) * scale) as f32);
            gradient.iter_mut().zip(across).for_each(|(g, v)| *g = v);
        });
        share * losses.iter().sum::<f64>()
    }
}

/// Of draws (example and seed), those that can stand in one batch: no example twice, at most `most`. In order; what is left
/// alone has nothing to be told from.
pub(super) fn batches(draws: &[(usize, u64)], most: usize) -> Vec<Vec<usize>> {
    let mut seen = std::collections::HashMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (at, (example, _)) in draws.iter().enumerate() {
        let round: &mut usize = seen.entry(*example).or_default();
        if rounds.len() <= *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(at);
        *round += 1;
    }
    rounds.iter().flat_map(|round| round.chunks(most.max(2)).map(<[usize]>::to_vec)).collect()
}

/// Share of the codes `[view][number]` whose nearest by cosine, among the second views (odd) for a first one, is the other of
/// the same picture.
pub(super) fn found(codes: &[f32], width: usize) -> f64 {
    let of = |view: usize| &codes[view * width..][..width];
    let pictures = codes.len() / width / VIEWS;
    let nearness = |a: usize, b: usize| {
        let (a, b) = (of(2 * a), of(2 * b + 1));
        let product: f64 = a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        product / length(b)
    };
    let hits = (0..pictures).into_par_iter().filter(|&picture| {
        let own = nearness(picture, picture);
        (0..pictures).all(|other| other == picture || nearness(picture, other) < own)
    });
    hits.count() as f64 / pictures as f64
}

/// Length of a code, a little above 0 for one that is nothing.
fn length(code: &[f32]) -> f64 {
    code.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt().max(1e-12)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    const AGREEMENT: Agreement = Agreement { weight: 0.7, temperature: 0.25, crop: 0.2 };

    fn codes(count: usize, width: usize) -> Vec<f32> {
        let mut rng = Rng::new(3);
        (0..count * width).map(|_| rng.normal()).collect()
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let (width, step) = (5, 1.0 / 128.0);
        let codes = codes(8, width);
        let mut gradient = vec![f32::NAN; codes.len()];
        AGREEMENT.of(&codes, width, &[], &mut gradient);
        let mut unused = gradient.clone();
        for at in 0..codes.len() {
            let mut moved = |by: f32| {
                let mut codes = codes.clone();
                codes[at] += by;
                AGREEMENT.of(&codes, width, &[], &mut unused)
            };
            let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            assert!((f64::from(gradient[at]) - slope).abs() < 2e-4, "{at}: {} {slope}", gradient[at]);
        }
        assert!(gradient.iter().any(|g| g.abs() > 0.01));
    }

    /// By hand, of two pictures: the others' cosines are 0.
    #[test]
    fn the_loss_is_that_of_the_paper() {
        let codes = [3.0, 0.0, 0.5, 0.0, 0.0, 1.0, 0.0, 9.0];
        let mut gradient = [0.0; 8];
        let loss = AGREEMENT.of(&codes, 2, &[], &mut gradient);
        let expected = 0.7 * ((4f64.exp() + 2.0).ln() - 4.0);
        assert!((loss - expected).abs() < 1e-9, "{loss} {expected}");
        // Lengths count for nothing, and one that is nothing does no harm.
        AGREEMENT.of(&[0.0; 8], 2, &[], &mut gradient);
        assert!(gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn an_example_that_comes_twice_is_not_held_away_from_itself() {
        let codes = codes(8, 5);
        let (mut gradient, mut alone) = (vec![0.0; 40], vec![0.0; 20]);
        // The second half shows what the first does: each half has its loss as if it were alone.
        let loss = AGREEMENT.of(&codes, 5, &[4, 9, 4, 9], &mut gradient);
        assert_ne!(loss, AGREEMENT.of(&codes, 5, &[1, 2, 3, 4], &mut gradient));
        let twice: Vec<f32> = [&codes[..10], &codes[..10]].concat();
        let same = AGREEMENT.of(&twice, 5, &[7, 7], &mut alone);
        assert!(same.abs() < 1e-9 && alone.iter().all(|g| g.abs() < 1e-6), "{same} {alone:?}");
    }

    #[test]
    fn threads_change_no_bit() {
        let codes = codes(64, 16);
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut gradient = vec![0.0; codes.len()];
            let loss = pool.install(|| AGREEMENT.of(&codes, 16, &[], &mut gradient));
            (loss, gradient)
        };
        assert_eq!(of(1), of(3));
    }

    #[test]
    fn no_example_is_twice_in_a_batch() {
        let draws: Vec<(usize, u64)> = [7, 7, 7, 9, 9, 4, 2, 1].iter().map(|i| (*i, 0)).collect();
        assert_eq!(batches(&draws, 3), [vec![0, 3, 5], vec![6, 7], vec![1, 4], vec![2]]);
        assert!(batches(&[], 3).is_empty());
    }

    #[test]
    fn a_view_is_found_where_its_other_is_the_nearest() {
        // The second picture's views look the same, the third's are of the first.
        let codes = [1.0, 0.1, 4.0, 0.2, 0.0, 1.0, 0.0, 2.0, 1.0, 0.0, -1.0, 0.0];
        assert_eq!(found(&codes, 2), 2.0 / 3.0);
        // What tells nothing finds nothing.
        assert_eq!(found(&[1.0; 8], 2), 0.0);
    }
}
