//! Rows of numbers as points with a distance.

use rayon::prelude::*;

/// What "near" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distance {
    /// 1 less the cosine of the angle between two vectors: 0 to 2.
    Cosine,
    /// The length of their difference.
    Euclidean,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Point,
    /// Of length 0, where only directions count: at distance 1 from all others.
    Zero,
    /// A number of it is none: it is near nothing.
    None,
}

/// Rows of `d` numbers. For [`Distance::Cosine`] each is brought to length 1 first.
#[derive(Clone, Debug)]
pub struct Points {
    d: usize,
    numbers: Vec<f32>,
    kinds: Vec<Kind>,
    distance: Distance,
}

impl Points {
    /// Of `[n][d]` numbers. A row with NaN or infinity in it is none: numbers of 0, near nothing.
    pub fn new(mut numbers: Vec<f32>, d: usize, distance: Distance) -> Points {
        let d = d.max(1);
        numbers.truncate(numbers.len() / d * d);
        let prepare = |row: &mut [f32]| {
            if !row.iter().all(|v| v.is_finite()) {
                row.fill(0.0);
                return Kind::None;
            }
            if distance == Distance::Euclidean {
                return Kind::Point;
            }
            let length = sum(row, row, |a, _| a * a).sqrt();
            if length == 0.0 {
                return Kind::Zero;
            }
            row.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
            Kind::Point
        };
        let kinds = numbers.par_chunks_exact_mut(d).map(prepare).collect();
        Points { d, numbers, kinds, distance }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Numbers of a row.
    pub fn d(&self) -> usize {
        self.d
    }

    /// What "near" means.
    pub fn measure(&self) -> Distance {
        self.distance
    }

    /// All numbers, `[n][d]`, as they are compared.
    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// A row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.d..][..self.d]
    }

    /// Whether the row is a point with a place among the others, or direction.
    pub fn is_point(&self, row: usize) -> bool {
        self.kinds[row] == Kind::Point
    }

    /// Whether it is a vector of length 0 where only directions count.
    pub fn is_zero(&self, row: usize) -> bool {
        self.kinds[row] == Kind::Zero
    }

    /// Whether a number of it is none.
    pub fn is_none(&self, row: usize) -> bool {
        self.kinds[row] == Kind::None
    }

    /// The distance of two rows that are some, the same on every machine: differences and their squares in double
    /// precision, added in eight sums. For cosines half the squared distance of the two unit vectors, which is the
    /// same number and exact where it is small.
    #[inline]
    pub fn distance(&self, a: usize, b: usize) -> f32 {
        match self.distance {
            Distance::Euclidean => (self.squared(a, b).sqrt() as f32).min(f32::MAX),
            Distance::Cosine if self.is_zero(a) || self.is_zero(b) => 1.0,
            Distance::Cosine => (0.5 * self.squared(a, b)) as f32,
        }
    }

    /// The squared length of the difference of two rows.
    #[inline]
    fn squared(&self, a: usize, b: usize) -> f64 {
        sum(self.row(a), self.row(b), |a, b| (a - b) * (a - b))
    }

    /// What [`Points::distance`] makes of two rows, as the squared length of their difference, or a bit more.
    pub fn squared_within(&self, distance: f32) -> f64 {
        // What was rounded to a number may have been a bit more than it.
        let most = f64::from(distance) * (1.0 + 1e-7) + f64::from(f32::from_bits(1));
        match self.distance {
            Distance::Euclidean => most * most,
            Distance::Cosine => 2.0 * most,
        }
    }
}

/// The sum of `f` over pairs of numbers, in eight sums, which the compiler keeps in vectors.
#[inline]
pub(super) fn sum(a: &[f32], b: &[f32], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0f64; 8];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        let pairs = a.iter().zip(b);
        sums.iter_mut().zip(pairs).for_each(|(sum, (a, b))| *sum += f(f64::from(*a), f64::from(*b)));
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| f(f64::from(*a), f64::from(*b))).sum();
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (b + f)) + ((c + g) + (d + h)) + rest
}
