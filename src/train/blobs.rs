//! scikit-learn's `make_blobs`, number for number: what published results on blobs were computed from.
//!
//! The generator is NumPy's `RandomState`: MT19937 (Matsumoto and Nishimura 1998), doubles of 53 bits, normal
//! numbers by the polar method, whole numbers by masked rejection. The logarithm is the platform's, as NumPy's is:
//! another C library may change the last digit of some numbers.

use rand_mt::Mt;

/// NumPy's `RandomState`.
struct RandomState {
    words: Mt,
    /// The second of a pair of normal numbers.
    second: Option<f64>,
}

impl RandomState {
    /// As `RandomState(seed)` for a whole number: `init_genrand`, not `init_by_array`.
    fn new(seed: u32) -> RandomState {
        RandomState { words: Mt::new(seed), second: None }
    }

    fn word(&mut self) -> u32 {
        self.words.next_u32()
    }

    /// In \[0, 1).
    fn unit(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `legacy_gauss`.
    fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.second = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// A whole number from 0 to `highest`.
    fn interval(&mut self, highest: u32) -> u32 {
        if highest == 0 {
            // NumPy draws nothing then.
            return 0;
        }
        let mask = u32::MAX >> highest.leading_zeros();
        loop {
            let value = self.word() & mask;
            if value <= highest {
                return value;
            }
        }
    }

    /// As NumPy shuffles indices.
    fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.interval(i as u32) as usize);
        }
        order
    }
}

/// The points to learn from and those held out, as `sklearn.model_selection.train_test_split(test_size=share,
/// random_state=seed)` gives them: indices of `count`, in its order.
pub fn train_test_split(count: usize, share: f64, seed: u32) -> (Vec<usize>, Vec<usize>) {
    let order = RandomState::new(seed).permutation(count);
    let (held, kept) = order.split_at(((share * count as f64).ceil() as usize).min(count.saturating_sub(1)));
    (kept.to_vec(), held.to_vec())
}

/// Points around `centres` random middles with standard deviation `deviation` in each dimension, and the number of
/// the middle of each; shuffled. `[count][dimensions]`.
///
/// As `sklearn.datasets.make_blobs(count, dimensions, centers=centres, cluster_std=deviation, center_box=(-1, 1),
/// random_state=seed)`. Without centres there are no points.
pub fn make_blobs(
    count: usize,
    dimensions: usize,
    centres: usize,
    deviation: f64,
    seed: u32,
) -> (Vec<f64>, Vec<u32>) {
    if centres == 0 {
        return (vec![], vec![]);
    }
    let mut state = RandomState::new(seed);
    let middles: Vec<f64> = (0..centres * dimensions).map(|_| -1.0 + 2.0 * state.unit()).collect();
    let (mut points, mut labels) = (Vec::with_capacity(count * dimensions), Vec::with_capacity(count));
    for centre in 0..centres {
        // The first get what is left over.
        for _ in 0..count / centres + usize::from(centre < count % centres) {
            let middle = &middles[centre * dimensions..][..dimensions];
            points.extend(middle.iter().map(|m| m + deviation * state.normal()));
            labels.push(centre as u32);
        }
    }
    let order = state.permutation(count);
    let shuffled = order.iter().flat_map(|i| &points[i * dimensions..][..dimensions]).copied().collect();
    (shuffled, order.iter().map(|i| labels[*i]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From scikit-learn 1.9.1 with NumPy 2.4.6.
    #[test]
    fn all_of_the_figure_s_points() {
        let (points, labels) = make_blobs(20_000, 50, 20, 0.2, 17);
        assert_eq!((points.len(), labels.len()), (1_000_000, 20_000));
        assert_eq!(labels[..8], [16, 10, 13, 19, 5, 1, 12, 3]);
        let weighted: usize = labels.iter().enumerate().map(|(i, l)| i * *l as usize).sum();
        assert_eq!(weighted, 1_899_370_858);
        let expected = [-0.244_919_854_831_803_56, 0.080_996_730_279_710_17, -0.366_310_579_025_834_5];
        for (found, expected) in points.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        assert!((points[999_999] + 0.771_622_830_548_326_1).abs() < 1e-15);
        // Rounded, so that any C library's logarithm will do.
        assert_eq!(
            digest(points.iter().map(|v| ((v * 1e6).round() as i64).to_le_bytes())),
            "392201582338de61"
        );
        // Every bit, where NumPy has the same logarithm.
        if cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")) {
            assert_eq!(digest(points.iter().map(|v| v.to_le_bytes())), "59f76f78438ed2ca");
        }
        assert_eq!(digest(labels.iter().map(|v| i64::from(*v).to_le_bytes())), "f6befc4695924848");
    }

    fn digest(numbers: impl Iterator<Item = [u8; 8]>) -> String {
        let mut hasher = blake3::Hasher::new();
        numbers.for_each(|n| _ = hasher.update(&n));
        hasher.finalize().to_hex()[..16].to_string()
    }

    /// From scikit-learn 1.9.1: `train_test_split(range(20000), test_size=0.1, random_state=17)`.
    #[test]
    fn the_split_of_scikit_learn() {
        let (kept, held) = train_test_split(20_000, 0.1, 17);
        assert_eq!((kept.len(), held.len(), &held[..4]), (18_000, 2000, &[2953, 12758, 11794, 16721][..]));
    }

    #[test]
    fn uneven_counts() {
        let (points, labels) = make_blobs(7, 2, 3, 0.0, 1);
        let mut sorted = labels.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 0, 0, 1, 1, 2, 2]);
        let of = |label: u32| labels.iter().position(|l| *l == label).map(|i| &points[2 * i..2 * i + 2]);
        assert!(labels.iter().enumerate().all(|(i, l)| of(*l) == Some(&points[2 * i..2 * i + 2])));
        assert_eq!(make_blobs(5, 2, 0, 1.0, 1), (vec![], vec![]));
        assert_eq!(make_blobs(0, 2, 3, 1.0, 1), (vec![], vec![]));
        assert_eq!(make_blobs(1, 0, 3, 1.0, 1), (vec![], vec![0]));
    }
}
