//! The model of natural statistics that pictures are compared with.

use super::features::DIM;
use crate::image::measure::moments::{self, Matrix};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// First words of a model file.
const HEAD: &str = "safelight niqe 1";
/// Numbers of a model: a mean and the lower left half of a covariance.
const NUMBERS: usize = DIM + DIM * (DIM + 1) / 2;

/// Mean and covariance of the 36 numbers over patches of natural pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    mean: [f64; DIM],
    covariance: Matrix<DIM>,
}

/// Why a file holds no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Not such a file.
    #[error("no model of natural statistics: it does not begin with `{HEAD}`; `make niqe-model` makes one")]
    Head,
    /// Other than numbers.
    #[error("line {line}: `{word}` is no finite number")]
    Number {
        /// From 1.
        line: usize,
        /// What stands there.
        word: String,
    },
    /// Too few or too many.
    #[error(
        "{0} numbers where {NUMBERS} are wanted, a mean of {DIM} and half of a covariance of {DIM} x {DIM}"
    )]
    Count(usize),
    /// No covariance of enough patches.
    #[error(
        "the covariance is not positive definite: it takes some hundred patches of different pictures at least"
    )]
    Singular,
}

impl Model {
    /// The model that is shipped: fitted to photographs under CC0 and in the public domain.
    pub fn built_in() -> &'static Model {
        static BUILT_IN: LazyLock<Model> =
            LazyLock::new(|| match Model::parse(include_str!("natural.txt")) {
                Ok(model) => model,
                Err(error) => unreachable!("the shipped model is one: {error}"),
            });
        &BUILT_IN
    }

    /// Fits a model to the numbers of patches.
    ///
    /// # Errors
    /// When they are too few or too much alike.
    pub fn fit(patches: &[[f32; DIM]]) -> Result<Model, ModelError> {
        Model::new(moments::mean(patches), covariance(patches))
    }

    fn new(mean: [f64; DIM], covariance: Matrix<DIM>) -> Result<Model, ModelError> {
        if decompose(&covariance).is_none() {
            return Err(ModelError::Singular);
        }
        Ok(Model { mean, covariance })
    }

    /// Reads a model file: after its head the mean, then the rows of the covariance up to the diagonal; `#` begins a comment.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Model, ModelError> {
        let mut lines = text.lines().enumerate();
        if lines.next().is_none_or(|(_, head)| head.trim_end() != HEAD) {
            return Err(ModelError::Head);
        }
        let mut numbers = Vec::with_capacity(NUMBERS);
        for (at, line) in lines {
            for word in line.split('#').next().unwrap_or_default().split_ascii_whitespace() {
                let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
                numbers
                    .push(number.ok_or_else(|| ModelError::Number { line: at + 1, word: word.to_owned() })?);
            }
        }
        if numbers.len() != NUMBERS {
            return Err(ModelError::Count(numbers.len()));
        }
        let (mean, rows) = numbers.split_at(DIM);
        let row = |i: usize| i * (i + 1) / 2;
        let entry = |i: usize, j: usize| rows[row(i.max(j)) + i.min(j)];
        let covariance = Box::new(std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j))));
        Model::new(std::array::from_fn(|i| mean[i]), covariance)
    }

    /// The model file, with this remark; what [`Model::parse`] reads is the same model to six digits.
    pub fn text(&self, remark: &str) -> String {
        let mut out = format!("{HEAD}\n");
        remark.lines().for_each(|line| out += &format!("# {line}\n"));
        let rows = self.covariance.iter().enumerate().map(|(i, row)| &row[..=i]);
        for row in std::iter::once(self.mean.as_slice()).chain(rows) {
            let numbers: Vec<String> = row.iter().map(|number| format!("{number:.6e}")).collect();
            let _ = writeln!(out, "{}", numbers.join(" "));
        }
        out
    }

    /// How far the patches' statistics are from the model's: the difference of the means in units of the mean covariance.
    /// `None` of no patches.
    pub fn distance(&self, patches: &[[f32; DIM]]) -> Option<f64> {
        if patches.is_empty() {
            return None;
        }
        let (mean, own) = (moments::mean(patches), covariance(patches));
        let pooled: Matrix<DIM> = Box::new(std::array::from_fn(|i| {
            std::array::from_fn(|j| (own[i][j] + self.covariance[i][j]) / 2.0)
        }));
        let lower = decompose(&pooled)?;
        // d' (L L')^-1 d is the square of the length of L^-1 d.
        let mut solved = [0.0; DIM];
        for i in 0..DIM {
            let known: f64 = (0..i).map(|j| lower[i][j] * solved[j]).sum();
            solved[i] = (mean[i] - self.mean[i] - known) / lower[i][i];
        }
        Some(solved.iter().map(|v| v * v).sum::<f64>().sqrt()).filter(|d| d.is_finite())
    }
}

/// Over one less than their number.
fn covariance(patches: &[[f32; DIM]]) -> Matrix<DIM> {
    let mut matrix = moments::covariance(patches);
    let count = patches.len() as f64;
    let unbiased = if count > 1.0 { count / (count - 1.0) } else { 0.0 };
    matrix.as_flattened_mut().iter_mut().for_each(|v| *v *= unbiased);
    matrix
}

/// The lower factor of Cholesky; `None` unless positive definite.
fn decompose(matrix: &Matrix<DIM>) -> Option<Matrix<DIM>> {
    let mut lower: Matrix<DIM> = Box::new([[0.0; DIM]; DIM]);
    for i in 0..DIM {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - sum;
            lower[i][j] = if i == j {
                Some(rest).filter(|rest| *rest > 1e-12 * matrix[i][i].abs())?.sqrt()
            } else {
                rest / lower[j][j]
            };
        }
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patches(count: usize) -> Vec<[f32; DIM]> {
        let mut state = 5u64;
        let mut uniform = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..count).map(|_| std::array::from_fn(|i| uniform() * (i + 1) as f32)).collect()
    }

    #[test]
    fn text_and_back() {
        let model = Model::fit(&patches(200)).unwrap();
        let back = Model::parse(&model.text("a remark\nof two lines")).unwrap();
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * a.abs();
        assert!(model.mean.iter().zip(&back.mean).all(near));
        assert!(model.covariance.as_flattened().iter().zip(back.covariance.as_flattened()).all(near));
    }

    #[test]
    fn what_is_no_model_says_so() {
        let text = Model::fit(&patches(200)).unwrap().text("");
        assert_eq!(Model::parse("mean 1 2"), Err(ModelError::Head));
        assert_eq!(Model::parse(&format!("{text} 7")), Err(ModelError::Count(NUMBERS + 1)));
        assert_eq!(
            Model::parse(&format!("{HEAD}\n1 2\n3 inf")),
            Err(ModelError::Number { line: 3, word: "inf".into() })
        );
        assert_eq!(Model::fit(&patches(30)), Err(ModelError::Singular));
        assert_eq!(Model::fit(&[[1.0; DIM]; 99]), Err(ModelError::Singular));
    }

    #[test]
    fn distances() {
        let model = Model::fit(&patches(400)).unwrap();
        assert!(model.distance(&patches(400)).unwrap() < 1e-6);
        assert_eq!(model.distance(&[]), None);
        // One patch has no covariance: half of the model's counts. Moved by one deviation of the first number.
        let mut moved = model.mean.map(|v| v as f32);
        let one = model.distance(&[moved]).unwrap();
        assert!(one < 1e-4, "{one}");
        moved[0] += 1.0;
        assert!(model.distance(&[moved]).unwrap() > 2.0);
    }
}
